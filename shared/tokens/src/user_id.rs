//! A user id that every vendor accepts.

use sha2::{Digest, Sha256};

/// The first 32 hexadecimal digits of the id's SHA-256, in lower case.
///
/// Identity providers hand out ids that a vendor refuses: Agora Chat takes no upper case and no `|`, and ZIM takes at
/// most 32 characters. Every vendor takes this id. It is the same at all of them, and anybody can compute it. So it hides
/// nothing. With a billion users, the chance that two share an id is 1 in 10²⁰.
pub fn hashed_user_id(id: &str) -> String {
    Sha256::digest(id).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agora::{ChatUserId, RtmUserId, UserAccount};
    use crate::zego::{UserId, ZimUserId};

    #[test]
    fn every_vendor_accepts_a_hashed_id() {
        for id in
            ["auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|103547991597142817347", "WxYz12", "*", "0", "\u{1f642}"]
        {
            let hashed = hashed_user_id(id);
            assert!(hashed.len() == 32 && hashed.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
            assert!(ChatUserId::new(&*hashed).is_ok() && RtmUserId::new(&*hashed).is_ok());
            assert!(UserAccount::new(&*hashed).is_ok());
            assert!(UserId::new(&*hashed).is_ok() && ZimUserId::new(&*hashed).is_ok());
        }
        // As `printf %s abc | sha256sum` begins.
        assert_eq!(hashed_user_id("abc"), "ba7816bf8f01cfea414140de5dae2223");
    }
}
