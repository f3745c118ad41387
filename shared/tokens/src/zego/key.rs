//! A ZEGO app's public id and its secret.

use crate::pseudonym::pseudonym;
use crate::redacted::{Redacted, SecretBytes, wiped_when_dropped};
use aes::Aes256Enc;
use aes::cipher::KeyInit;
use serde::Serialize;
use std::fmt;
use std::num::NonZeroU32;
use thiserror::Error;

/// An app's *app id*: a number, 1 to 4,294,967,295. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AppId(NonZeroU32);

impl AppId {
    /// Checks an app id.
    ///
    /// # Errors
    /// Refuses 0 and what doesn't fit 32 bits (the assistants' error 1).
    pub fn new(app_id: u64) -> Result<AppId, KeyError> {
        u32::try_from(app_id).ok().and_then(NonZeroU32::new).map(AppId).ok_or(KeyError::AppId)
    }

    /// The id as a number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An app's *server secret*: 32 characters of ASCII whose bytes are the AES-256 key (they are never decoded from hex).
/// Wiped from memory when dropped.
#[derive(Debug, Clone)]
pub struct ServerSecret {
    bytes: Redacted<SecretBytes>,
    /// AES-256 with this key, ready for a token. Boxed for the same reason as the bytes.
    cipher: Redacted<Box<Aes256Enc>>,
}

const _: () = wiped_when_dropped::<Aes256Enc>();

impl ServerSecret {
    /// Checks a server secret.
    ///
    /// # Errors
    /// Refuses what isn't exactly 32 printable ASCII characters without spaces (the assistants' error 5), without
    /// repeating it.
    pub fn new(text: &str) -> Result<ServerSecret, KeyError> {
        let all_allowed = text.bytes().all(|byte| byte.is_ascii_graphic());
        let bytes = SecretBytes::new(text.as_bytes()).filter(|_| all_allowed).ok_or(KeyError::ServerSecret)?;
        let cipher = Aes256Enc::new(bytes.expose().into());
        Ok(ServerSecret { bytes: Redacted(bytes), cipher: Redacted(Box::new(cipher)) })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.bytes.0.expose()
    }

    /// AES-256 with this key.
    pub(crate) fn cipher(&self) -> &Aes256Enc {
        &self.cipher.0
    }
}

impl PartialEq for ServerSecret {
    fn eq(&self, other: &ServerSecret) -> bool {
        // The other fields are made from the bytes.
        self.bytes == other.bytes
    }
}

impl Eq for ServerSecret {}

/// What seals a ZEGO app's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The app.
    pub app_id: AppId,
    /// The secret they are sealed with.
    pub server_secret: ServerSecret,
}

impl Key {
    /// What stands for this user in logs: the same for the same user, until the secret changes.
    pub fn pseudonym(&self, user_id: &str) -> String {
        pseudonym(self.server_secret.as_bytes(), user_id)
    }
}

/// A key that ZEGO's assistants would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The public id is malformed.
    #[error("a ZEGO app id is a number from 1 to 4294967295")]
    AppId,
    /// The secret is malformed.
    #[error("a ZEGO server secret is exactly 32 printable ASCII characters without spaces")]
    ServerSecret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_the_secret() {
        let server_secret = ServerSecret::new("fa94dd0f974cf2e293728a526b028271").expect("valid");
        let key = Key { app_id: AppId::new(1).expect("valid"), server_secret };
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("[redacted]"));
        assert!(!shown.contains("fa94dd0f"));
        let refused = ServerSecret::new("fa94dd0f974cf2e293728a526b02827").expect_err("31 characters");
        assert!(!format!("{refused} {refused:?}").contains("fa94dd0f"));
    }
}
