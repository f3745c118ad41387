//! What stands for a user in logs.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Twelve hexadecimal digits: the beginning of an HMAC-SHA-256. The same user and key always give the same digits.
/// Without the key nobody can find the user, not even by trying ids.
///
/// The signed text has a prefix before the id, so it differs from everything that the same key signs in a token.
pub(crate) fn pseudonym(secret: &[u8; 32], user_id: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    let digest = mac.chain_update(b"log user ").chain_update(user_id).finalize().into_bytes();
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::pseudonym;

    #[test]
    fn one_user_has_one_pseudonym_per_key() {
        let of = |secret: u8, user: &str| pseudonym(&[secret; 32], user);
        assert_eq!(of(1, "alice"), of(1, "alice"));
        assert_ne!(of(1, "alice"), of(1, "bob"));
        assert_ne!(of(1, "alice"), of(2, "alice"));
        assert_eq!(of(1, "").len(), 12);
    }
}
