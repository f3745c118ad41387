//! An Agora project's public id and its secret.

use crate::pseudonym::pseudonym;
use crate::redacted::{Redacted, SecretBytes, wiped_when_dropped};
use hmac::{Hmac, KeyInit};
use serde::Serialize;
use sha2::Sha256;
use std::fmt;
use thiserror::Error;

/// A project's *app id*: 32 hexadecimal characters, used as text. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AppId(String);

impl AppId {
    /// Checks an app id.
    ///
    /// # Errors
    /// Refuses what isn't exactly 32 hexadecimal characters.
    pub fn new(text: impl Into<String>) -> Result<AppId, KeyError> {
        let text = text.into();
        if !is_32_hex(&text) {
            return Err(KeyError::AppId);
        }
        Ok(AppId(text))
    }

    /// The id, as it goes into the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A project's *app certificate*: 32 hexadecimal characters whose ASCII bytes are the signing key (they are never
/// decoded to 16 bytes). Wiped from memory when dropped.
#[derive(Debug, Clone)]
pub struct AppCertificate {
    bytes: Redacted<SecretBytes>,
    /// HMAC-SHA-256 with this key: every `006` token begins with it. Boxed for the same reason as the bytes.
    mac: Redacted<Box<Hmac<Sha256>>>,
}

const _: () = wiped_when_dropped::<Sha256>();

impl AppCertificate {
    /// Checks an app certificate.
    ///
    /// # Errors
    /// Refuses what isn't exactly 32 hexadecimal characters, without repeating it.
    pub fn new(text: &str) -> Result<AppCertificate, KeyError> {
        let bytes = SecretBytes::new(text.as_bytes()).filter(|_| is_32_hex(text)).ok_or(KeyError::AppCertificate)?;
        let mac = Hmac::new_from_slice(text.as_bytes()).expect("HMAC takes keys of any length");
        Ok(AppCertificate { bytes: Redacted(bytes), mac: Redacted(Box::new(mac)) })
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.bytes.0.expose()
    }

    /// HMAC-SHA-256 with this key, ready for a message.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        Hmac::clone(&self.mac.0)
    }
}

impl PartialEq for AppCertificate {
    fn eq(&self, other: &AppCertificate) -> bool {
        // The other fields are made from the bytes.
        self.bytes == other.bytes
    }
}

impl Eq for AppCertificate {}

/// What signs an Agora project's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The project.
    pub app_id: AppId,
    /// The secret they are signed with.
    pub app_certificate: AppCertificate,
}

impl Key {
    /// What stands for this user in logs: the same for the same user, until the certificate changes.
    pub fn pseudonym(&self, user_id: &str) -> String {
        pseudonym(self.app_certificate.as_bytes(), user_id)
    }
}

/// A key that Agora's builders would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The public id is malformed.
    #[error("an Agora app id is exactly 32 hexadecimal characters")]
    AppId,
    /// The secret is malformed.
    #[error("an Agora app certificate is exactly 32 hexadecimal characters")]
    AppCertificate,
}

fn is_32_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_the_certificate() {
        let key = Key {
            app_id: AppId::new("970CA35de60c44645bbae8a215061b33").expect("valid"),
            app_certificate: AppCertificate::new("5CFd2fd1755d40ecb72977518be15d3b").expect("valid"),
        };
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("970CA35de60c44645bbae8a215061b33"));
        assert!(shown.contains("[redacted]"));
        assert!(!shown.contains("5CFd2fd1"));
        let refused = AppCertificate::new("5CFd2fd1755d40ecb72977518be15d3").expect_err("31 characters");
        assert!(!format!("{refused} {refused:?}").contains("5CFd2fd1"));
    }
}
