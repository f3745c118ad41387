//! What stands for a user in logs.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Twelve hexadecimal digits that are the same for the same user and key, and that nobody without the key can find the
/// user to, not even by trying ids: the beginning of an HMAC-SHA-256.
///
/// The text before the id sets it apart from all that the same key signs in the vendors' formats.
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
