//! Any bytes, as the event of every function.

use crate::claims;
use crate::function::Function;
use crate::judge::{Form, Limits};
use crate::running::Running;
use std::cell::OnceCell;

thread_local! {
    /// Every function, once without limits and once with all limits.
    static FUNCTIONS: OnceCell<Vec<Running>> = const { OnceCell::new() };
}

fn functions() -> Vec<Running> {
    let open = Limits::default();
    let strict = Limits {
        form: Form::Lower,
        rooms_claim: Some("rooms".to_owned()),
        rtc_uid_claim: Some("uid".to_owned()),
        publish_scope: Some("rooms/publish".to_owned()),
        rtm_006: false,
        max_ttl: 7200,
        ..Limits::default()
    };
    let both = [open, strict];
    let all = both.iter().flat_map(|limits| Function::all().map(move |function| (function, limits)));
    all.map(|(function, limits)| {
        let running = Running::new(function, limits);
        claims::grants_what_it_must(function, limits, &running);
        running
    })
    .collect()
}

/// Sends the event to every function, and judges every answer.
///
/// # Panics
/// A function gave an answer that the caller may not get.
pub fn check(event: &[u8]) {
    FUNCTIONS.with(|all| {
        for function in all.get_or_init(functions) {
            function.ask(event);
        }
    });
}
