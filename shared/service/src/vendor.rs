//! The two vendors' keys, read from a secret or a local file.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Display;
use tokens::{agora, zego};
use zeroize::Zeroizing;

/// A vendor's key that can be loaded.
pub trait Vendor: PartialEq + Sized + Send + Sync + 'static {
    /// The app's public id, as answers show it.
    type AppId: Serialize + Display;

    /// The environment variable with the name or ARN of the vendor's secret.
    const SECRET_ID: &'static str;

    /// The vendor's name in a local credentials file, and in logs.
    const NAME: &'static str;

    /// The app's public id.
    fn app_id(&self) -> &Self::AppId;

    /// The pseudonym that logs have in place of this user's id.
    fn pseudonym(&self, user_id: &str) -> String;

    /// Reads the key from a secret's JSON text.
    ///
    /// # Errors
    /// Says what is wrong. The words are safe to log, because they contain nothing of the text.
    fn from_secret(json: &str) -> Result<Self, &'static str>;
}

impl Vendor for agora::Key {
    type AppId = agora::AppId;
    const SECRET_ID: &'static str = "AGORA_SECRET_ID";
    const NAME: &'static str = "agora";

    fn app_id(&self) -> &agora::AppId {
        &self.app_id
    }

    fn pseudonym(&self, user_id: &str) -> String {
        self.pseudonym(user_id)
    }

    fn from_secret(json: &str) -> Result<agora::Key, &'static str> {
        #[derive(Deserialize)]
        struct Secret<'a> {
            // A string with an escape in it cannot be borrowed.
            #[serde(borrow)]
            app_id: Cow<'a, str>,
            #[serde(borrow)]
            app_certificate: Cow<'a, str>,
        }
        let secret: Secret<'_> = serde_json::from_str(json)
            .map_err(|_| r#"the secret is not JSON of the form {"app_id":"...","app_certificate":"..."}"#)?;
        Ok(agora::Key {
            app_id: agora::AppId::new(secret.app_id).map_err(|_| "app_id is not exactly 32 hexadecimal characters")?,
            app_certificate: agora::AppCertificate::new(&wiped(secret.app_certificate))
                .map_err(|_| "app_certificate is not exactly 32 hexadecimal characters")?,
        })
    }
}

impl Vendor for zego::Key {
    type AppId = zego::AppId;
    const SECRET_ID: &'static str = "ZEGO_SECRET_ID";
    const NAME: &'static str = "zego";

    fn app_id(&self) -> &zego::AppId {
        &self.app_id
    }

    fn pseudonym(&self, user_id: &str) -> String {
        self.pseudonym(user_id)
    }

    fn from_secret(json: &str) -> Result<zego::Key, &'static str> {
        #[derive(Deserialize)]
        struct Secret<'a> {
            app_id: AppId,
            #[serde(borrow)]
            server_secret: Cow<'a, str>,
        }
        /// Secrets Manager's console writes every value as a string.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum AppId {
            Number(u64),
            Text(String),
            Other(IgnoredAny),
        }
        let secret: Secret<'_> = serde_json::from_str(json)
            .map_err(|_| r#"the secret is not JSON of the form {"app_id":1234567890,"server_secret":"..."}"#)?;
        let app_id = match secret.app_id {
            AppId::Number(number) => Some(number),
            AppId::Text(text) => text.parse().ok(),
            AppId::Other(IgnoredAny) => None,
        };
        let app_id = app_id.and_then(|app_id| zego::AppId::new(app_id).ok());
        Ok(zego::Key {
            app_id: app_id.ok_or("app_id is not a number from 1 to 4294967295")?,
            server_secret: zego::ServerSecret::new(&wiped(secret.server_secret))
                .map_err(|_| "server_secret is not exactly 32 printable ASCII characters without spaces")?,
        })
    }
}

/// Wipes a secret from memory after its use. If its JSON had an escape, the secret is a decoded copy. It is wiped
/// too.
fn wiped(secret: Cow<'_, str>) -> Zeroizing<String> {
    secret.into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
    const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
    const SERVER_SECRET: &str = "fa94dd0f974cf2e293728a526b028271";

    #[test]
    fn an_agora_secret_is_read_or_explained_without_being_shown() {
        let read = |json: &str| agora::Key::from_secret(json).map(|key| key.app_id.to_string());
        let good = format!(r#"{{"app_id":"{APP_ID}","app_certificate":"{CERTIFICATE}","rotated":"yes"}}"#);
        assert_eq!(read(&good).as_deref(), Ok(APP_ID), "fields of the deployer's own are left alone");

        let form = r#"the secret is not JSON of the form {"app_id":"...","app_certificate":"..."}"#;
        let app_id = "app_id is not exactly 32 hexadecimal characters";
        let certificate = "app_certificate is not exactly 32 hexadecimal characters";
        for (wrong, why) in [
            (CERTIFICATE.to_owned(), form),
            (String::new(), form),
            (format!(r#"{{"app_id":"{APP_ID}"}}"#), form),
            (format!(r#"{{"app_certificate":"{CERTIFICATE}"}}"#), form),
            (format!(r#"{{"app_id":["{APP_ID}"],"app_certificate":"{CERTIFICATE}"}}"#), form),
            (format!(r#"{{"app_id":"{APP_ID}","app_certificate":null}}"#), form),
            (format!(r#"{{"app_id":"x","app_certificate":"{CERTIFICATE}"}}"#), app_id),
            (format!(r#"{{"app_id":"","app_certificate":"{CERTIFICATE}"}}"#), app_id),
            (format!(r#"{{"app_id":"{APP_ID}","app_certificate":"{CERTIFICATE}0"}}"#), certificate),
            (format!(r#"{{"app_id":"{APP_ID}","app_certificate":"{CERTIFICATE} "}}"#), certificate),
        ] {
            assert_eq!(read(&wrong), Err(why), "{wrong}");
        }
    }

    #[test]
    fn a_zego_secret_is_read_or_explained_without_being_shown() {
        let read = |json: &str| zego::Key::from_secret(json).map(|key| key.app_id.get());
        assert_eq!(read(&format!(r#"{{"app_id":1,"server_secret":"{SERVER_SECRET}"}}"#)), Ok(1));

        let form = r#"the secret is not JSON of the form {"app_id":1234567890,"server_secret":"..."}"#;
        let secret = "server_secret is not exactly 32 printable ASCII characters without spaces";
        for (wrong, why) in [
            (SERVER_SECRET.to_owned(), form),
            (r#"{"app_id":1}"#.to_owned(), form),
            (format!(r#"{{"server_secret":"{SERVER_SECRET}"}}"#), form),
            (r#"{"app_id":1,"server_secret":7}"#.to_owned(), form),
            (format!(r#"{{"app_id":1,"server_secret":"{SERVER_SECRET}0"}}"#), secret),
            (format!(r#"{{"app_id":1,"server_secret":" {}"}}"#, &SERVER_SECRET[1..]), secret),
        ] {
            assert_eq!(read(&wrong), Err(why), "{wrong}");
        }
    }

    #[test]
    fn no_key_shows_its_secret() {
        let agora = format!(r#"{{"app_id":"{APP_ID}","app_certificate":"{CERTIFICATE}"}}"#);
        let zego = format!(r#"{{"app_id":1,"server_secret":"{SERVER_SECRET}"}}"#);
        let agora = format!("{:?}", agora::Key::from_secret(&agora).expect("valid"));
        let zego = format!("{:?}", zego::Key::from_secret(&zego).expect("valid"));
        assert!(agora.contains("[redacted]") && !agora.contains(CERTIFICATE), "{agora}");
        assert!(zego.contains("[redacted]") && !zego.contains(SERVER_SECRET), "{zego}");
    }

    #[test]
    fn a_zego_app_id_may_be_written_as_a_string() {
        let zego = |app_id: &str| {
            let json = format!(r#"{{"app_id":{app_id},"server_secret":"fa94dd0f974cf2e293728a526b028271"}}"#);
            zego::Key::from_secret(&json).map(|key| key.app_id.get())
        };
        assert_eq!(zego("1234567890"), Ok(1_234_567_890));
        assert_eq!(zego("\"1234567890\""), Ok(1_234_567_890));
        let quoted = r#"{"app_id":1,"server_secret":"\u0066a94dd0f974cf2e293728a526b0282\"\\"}"#;
        assert!(zego::Key::from_secret(quoted).is_ok(), "a secret may hold what JSON escapes");
        for wrong in ["0", "4294967296", "-1", "1.5", "null", "\"\"", "[1]"] {
            assert_eq!(zego(wrong), Err("app_id is not a number from 1 to 4294967295"), "{wrong}");
        }
    }
}
