//! One request for each route. The local run shows them, and the load run sends them.

use crate::secrets::Vendor;
use functions::{ALL, Example, Function};

/// An example of a request, from its function.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The function that answers it.
    pub function: Function,
    /// What to send.
    pub example: Example,
}

impl Request {
    /// Whose token it gets.
    pub fn vendor(&self) -> Vendor {
        self.function.vendor()
    }
}

/// The examples for our own routes.
pub fn own() -> impl Iterator<Item = Request> {
    all().filter(|request| !request.example.drop_in)
}

/// The examples of all functions.
pub fn all() -> impl Iterator<Item = Request> {
    ALL.iter()
        .flat_map(|function| function.examples.iter().map(|example| Request { function: *function, example: *example }))
}
