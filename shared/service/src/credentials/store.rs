//! What every store of secrets can do.

use crate::keeper::LoadError;
use crate::small_file::Version;
use std::pin::Pin;
use zeroize::Zeroizing;

/// Where vendors' secrets are read.
pub(crate) trait SecretStore: Send + Sync + 'static {
    /// Reads this vendor's secret.
    fn read<'a>(&'a self, vendor: &'a str) -> Reading<'a>;

    /// Tells two states of the store apart without reading secrets. `None`: the store cannot do this.
    fn version(&self) -> Option<Version> {
        None
    }
}

/// A secret's text, once it is read.
pub(crate) type Reading<'a> = Pin<Box<dyn Future<Output = Result<SecretText, LoadError>> + Send + 'a>>;

/// A secret's text, before it becomes a key. It is wiped from memory when it is dropped, and has no `Debug`.
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(super) fn new(text: String) -> SecretText {
        SecretText(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// The outcome if a valid store has no part for the vendor. A deployer who uses one vendor has only its part.
pub(super) const NO_PART: &str = "no-part";

/// A store that has what a test puts there.
#[cfg(test)]
pub(crate) mod fake {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone)]
    pub(crate) struct FakeStore(Arc<Mutex<Result<String, LoadError>>>);

    impl FakeStore {
        pub(crate) fn with(secret: &str) -> FakeStore {
            FakeStore(Arc::new(Mutex::new(Ok(secret.to_owned()))))
        }

        pub(crate) fn put(&self, secret: &str) {
            *self.0.lock().expect("unpoisoned") = Ok(secret.to_owned());
        }

        pub(crate) fn fail(&self, outcome: &'static str) {
            *self.0.lock().expect("unpoisoned") = Err(LoadError { outcome, reason: "as the test says".to_owned() });
        }
    }

    impl SecretStore for FakeStore {
        fn read<'a>(&'a self, _: &'a str) -> Reading<'a> {
            Box::pin(async { self.0.lock().expect("unpoisoned").clone().map(SecretText::new) })
        }
    }
}
