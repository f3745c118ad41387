//! Reads version `04`.

use super::bytes::decode;
use super::{ReadError, VerifyError};
use crate::Moment;
use crate::agora::Unpack;
use crate::redacted::Redacted;
use crate::zego::{self, token04};
use aes::Aes256Dec;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use serde::{Deserialize, Serialize};

/// The parts of a `04` token that can be read without the server secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token04 {
    /// The moment of expiry, in Unix seconds, from outside of the cipher text.
    pub expire: i64,
    iv: Redacted<[u8; token04::BLOCK]>,
    cipher: Redacted<Vec<u8>>,
}

/// What is sealed in a `04` token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token04Claims {
    /// The app.
    pub app_id: u32,
    /// The user.
    pub user_id: String,
    /// The number that makes it differ from other tokens of the same second.
    pub nonce: i64,
    /// The moment of issue, in Unix seconds.
    pub ctime: i64,
    /// The moment of expiry, in Unix seconds.
    pub expire: i64,
    /// Empty, or JSON text with a room's privileges.
    pub payload: String,
}

impl Token04 {
    pub(super) fn read(content: &str) -> Result<Token04, ReadError> {
        let content = decode(content)?;
        let mut rest = Unpack(&content);
        let expire = rest.take_array().map(i64::from_be_bytes).ok_or(ReadError::CutShort)?;
        let iv = take_bytes_be(&mut rest).ok_or(ReadError::CutShort)?;
        let iv = iv.try_into().map_err(|_| ReadError::BadCipher)?;
        let cipher = take_bytes_be(&mut rest).ok_or(ReadError::CutShort)?;
        if cipher.is_empty() || !cipher.len().is_multiple_of(token04::BLOCK) {
            return Err(ReadError::BadCipher);
        }
        if !rest.0.is_empty() {
            return Err(ReadError::TrailingBytes);
        }
        Ok(Token04 { expire, iv: Redacted(iv), cipher: Redacted(cipher.to_vec()) })
    }

    /// Opens the token with this app's secret and checks that it is alive at `now`.
    ///
    /// The format has no signature. A token counts as genuine if the secret opens it and the JSON in it is for the
    /// right app. So this is for the owner of the secret alone. An attacker who could ask it often, about tokens of
    /// their own, would learn from the errors how to forge one.
    ///
    /// # Errors
    /// The first of these that fails: the secret, the app id, the two moments of expiry, the times.
    pub fn open(&self, key: &zego::Key, now: Moment) -> Result<Token04Claims, VerifyError> {
        let claims = self.decrypt(key)?;
        super::check_times(claims.ctime, claims.expire, now)?;
        Ok(claims)
    }

    /// As [`Self::open`], but without the times.
    ///
    /// # Errors
    /// Another secret or app id, or two different moments of expiry.
    pub fn decrypt(&self, key: &zego::Key) -> Result<Token04Claims, VerifyError> {
        let claims = self.unseal(&key.server_secret)?;
        if claims.app_id != key.app_id.get() {
            return Err(VerifyError::WrongAppId);
        }
        if claims.expire != self.expire {
            return Err(VerifyError::ExpireMismatch);
        }
        Ok(claims)
    }

    /// What the secret opens, for any app and any moment. Use it to explain a token, not to accept one.
    ///
    /// # Errors
    /// It does not open with this secret.
    pub fn unseal(&self, secret: &zego::ServerSecret) -> Result<Token04Claims, VerifyError> {
        let mut text = self.cipher.0.clone();
        let text = cbc::Decryptor::<Aes256Dec>::new(secret.as_bytes().into(), (&self.iv.0).into())
            .decrypt_padded::<Pkcs7>(&mut text)
            .map_err(|_| VerifyError::WrongSecret)?;
        serde_json::from_slice(text).map_err(|_| VerifyError::WrongSecret)
    }
}

/// A big-endian length, and then the bytes: ZEGO writes them so.
fn take_bytes_be<'a>(rest: &mut Unpack<'a>) -> Option<&'a [u8]> {
    let length = rest.take_array().map(u16::from_be_bytes)?;
    rest.take_slice(length.into())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NOW, at, token04, zego_basic, zego_key};
    use super::*;

    #[test]
    fn a_04_token_opens_with_its_own_secret_only() {
        let token = token04(zego_basic().expose());
        assert_eq!(token.open(&zego_key("a"), at(NOW)).map(|claims| claims.user_id), Ok("alice".to_owned()));
        assert_eq!(token.open(&zego_key("a"), at(NOW + 600)), Err(VerifyError::Expired));
        assert_eq!(token.open(&zego_key("a"), at(NOW - 1)), Err(VerifyError::NotYetIssued));
        assert_eq!(token.open(&zego_key("b"), at(NOW)), Err(VerifyError::WrongSecret));
        let other_app = zego::Key { app_id: zego::AppId::new(1).expect("valid"), ..zego_key("a") };
        assert_eq!(token.open(&other_app, at(NOW)), Err(VerifyError::WrongAppId));
        let extended = Token04 { expire: token.expire + 1, ..token };
        assert_eq!(extended.open(&zego_key("a"), at(NOW)), Err(VerifyError::ExpireMismatch));
        // Unsealing checks nothing but the secret.
        let unsealed = extended.unseal(&other_app.server_secret);
        assert_eq!(unsealed.map(|claims| i64::from(claims.app_id)), Ok(1_234_567_890));
        assert_eq!(extended.unseal(&zego_key("b").server_secret), Err(VerifyError::WrongSecret));
    }

    #[test]
    fn debug_shows_no_part_that_makes_a_token() {
        let token = token04(zego_basic().expose());
        let shown = format!("{token:?}");
        for hidden in [&token.iv.0[..], &token.cipher.0] {
            assert!(!shown.contains(&format!("{hidden:?}")), "{shown}");
        }
    }
}
