//! Where the vendors' credentials come from. They are never arguments, because shells remember arguments.

use crate::cli::CredentialsFrom;
use crate::unseen::shown;
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use serde_json::value::RawValue;
use service::Vendor;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use tokens::{agora, zego};
use zeroize::Zeroizing;

/// Both vendors' keys, as far as we have them.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) agora: Loaded<AgoraKey>,
    pub(crate) zego: Loaded<ZegoKey>,
}

/// A key, or why there is none.
#[derive(Debug)]
pub(crate) enum Loaded<K> {
    Key(K),
    None { because: String },
}

/// A certificate, and its app id if we know it.
#[derive(Debug)]
pub(crate) struct AgoraKey {
    pub(crate) app_id: Option<agora::AppId>,
    pub(crate) certificate: agora::AppCertificate,
}

/// A server secret, and its app id if we know it.
#[derive(Debug)]
pub(crate) struct ZegoKey {
    pub(crate) app_id: Option<zego::AppId>,
    pub(crate) secret: zego::ServerSecret,
}

impl Keys {
    pub(crate) fn agora_app_id(&self) -> Option<&str> {
        match &self.agora {
            Loaded::Key(key) => key.app_id.as_ref().map(agora::AppId::as_str),
            Loaded::None { .. } => None,
        }
    }

    pub(crate) fn zego_app_id(&self) -> Option<zego::AppId> {
        match &self.zego {
            Loaded::Key(key) => key.app_id,
            Loaded::None { .. } => None,
        }
    }
}

/// Why the credentials are missing. It holds no part of them.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct CredentialsError(pub(crate) String);

/// A vendor whose key can come from a terminal.
pub(crate) trait Terminal: Vendor {
    /// A key whose app id may be unknown.
    type Key;
    /// The variable with the app's public id.
    const APP_ID: &'static str;
    /// The variable with its secret.
    const SECRET: &'static str;
    /// The vendor's name for the secret.
    const WORDS: &'static str;

    fn known(self) -> Self::Key;

    /// Checks both. Errors do not repeat them.
    fn key(app_id: Option<&str>, secret: &str) -> Result<Self::Key, String>;

    /// The key with its app id. `None` if the app id is unknown.
    fn whole(key: Self::Key) -> Option<Self>;
}

impl Terminal for agora::Key {
    type Key = AgoraKey;
    const APP_ID: &'static str = "AGORA_APP_ID";
    const SECRET: &'static str = "AGORA_APP_CERTIFICATE";
    const WORDS: &'static str = "Agora app certificate";

    fn known(self) -> AgoraKey {
        AgoraKey { app_id: Some(self.app_id), certificate: self.app_certificate }
    }

    fn key(app_id: Option<&str>, secret: &str) -> Result<AgoraKey, String> {
        let app_id = app_id.map(agora::AppId::new).transpose().map_err(|error| error.to_string())?;
        let certificate = agora::AppCertificate::new(secret).map_err(|error| error.to_string())?;
        Ok(AgoraKey { app_id, certificate })
    }

    fn whole(key: AgoraKey) -> Option<agora::Key> {
        Some(agora::Key { app_id: key.app_id?, app_certificate: key.certificate })
    }
}

impl Terminal for zego::Key {
    type Key = ZegoKey;
    const APP_ID: &'static str = "ZEGO_APP_ID";
    const SECRET: &'static str = "ZEGO_SERVER_SECRET";
    const WORDS: &'static str = "ZEGO server secret";

    fn known(self) -> ZegoKey {
        ZegoKey { app_id: Some(self.app_id), secret: self.server_secret }
    }

    fn key(app_id: Option<&str>, secret: &str) -> Result<ZegoKey, String> {
        let app_id = app_id
            .map(|id| id.parse().ok().and_then(|id| zego::AppId::new(id).ok()).ok_or(zego::KeyError::AppId))
            .transpose()
            .map_err(|error| error.to_string())?;
        let secret = zego::ServerSecret::new(secret).map_err(|error| error.to_string())?;
        Ok(ZegoKey { app_id, secret })
    }

    fn whole(key: ZegoKey) -> Option<zego::Key> {
        Some(zego::Key { app_id: key.app_id?, server_secret: key.secret })
    }
}

/// An environment variable; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<Zeroizing<String>> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Zeroizing::new)
}

/// A vendor's key: from the option that the caller gave, otherwise from the environment. `None` if neither names one.
///
/// # Errors
/// An option or a variable names a source, and the source has no valid key.
pub(crate) fn load<V: Terminal>(
    from: &CredentialsFrom,
    app_id: Option<&str>,
) -> Result<Option<V::Key>, CredentialsError> {
    let env_id = variable(V::APP_ID);
    let app_id = app_id.or(env_id.as_ref().map(|id| id.as_str()));
    let parts = |source: &str, secret: &str| {
        V::key(app_id, secret.trim()).map(Some).map_err(|wrong| CredentialsError(format!("{source}: {wrong}")))
    };
    if from.prompt {
        let asked = rpassword::prompt_password(format!("{} (it is not shown): ", V::WORDS));
        let asked = asked.map_err(|error| CredentialsError(format!("--prompt needs a terminal: {error}")))?;
        return parts("the terminal", &Zeroizing::new(asked));
    }
    if let Some(id) = &from.secret {
        return whole::<V>("--secret", &secrets_manager(id)?);
    }
    if let Some(path) = &from.credentials {
        return whole::<V>("--credentials", &file::<V>("--credentials", path)?);
    }
    if let Some(secret) = variable(V::SECRET) {
        return parts(&format!("{} and {}", V::APP_ID, V::SECRET), &secret);
    }
    if let Some(path) = variable("LOCAL_CREDENTIALS") {
        return whole::<V>("LOCAL_CREDENTIALS", &file::<V>("LOCAL_CREDENTIALS", Path::new(path.as_str()))?);
    }
    if let Some(id) = variable(V::SECRET_ID) {
        return whole::<V>(V::SECRET_ID, &secrets_manager(&id)?);
    }
    Ok(None)
}

/// A key from the JSON that a secret or a file holds.
fn whole<V: Terminal>(source: &str, json: &str) -> Result<Option<V::Key>, CredentialsError> {
    V::from_secret(json).map(|key| Some(key.known())).map_err(|wrong| CredentialsError(format!("{source}: {wrong}")))
}

/// Reads a file for both vendors, or for one as `aws secretsmanager create-secret` takes it.
fn file<V: Vendor>(source: &str, path: &Path) -> Result<Zeroizing<String>, CredentialsError> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| CredentialsError(format!("{source}: {}: {error}", path.display())))?;
    let parts: BTreeMap<&str, &RawValue> = serde_json::from_str(&text)
        .map_err(|_| CredentialsError(format!("{source}: {} is not a JSON object", path.display())))?;
    Ok(match parts.get(V::NAME) {
        Some(part) => Zeroizing::new(part.get().to_owned()),
        None => text,
    })
}

/// A secret's text. The AWS credentials come from where the AWS CLI gets them: variables, profiles, SSO and others.
fn secrets_manager(id: &str) -> Result<Zeroizing<String>, CredentialsError> {
    let unavailable = |why: String| CredentialsError(format!("Secrets Manager, secret {}: {why}", shown(id)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unavailable(error.to_string()))?;
    let sent = runtime.block_on(async {
        let patience = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(patience).load().await;
        if config.region().is_none() {
            return Err("there is no AWS region: set AWS_REGION, or one in the profile".to_owned());
        }
        let client = aws_sdk_secretsmanager::Client::new(&config);
        client.get_secret_value().secret_id(id).send().await.map_err(|error| match &error {
            SdkError::ServiceError(_) => {
                let message = error.message().unwrap_or("no reason given");
                format!("refused, {}: {}", error.code().unwrap_or("without a code"), shown(message))
            }
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            _ => {
                "no connection: there are no AWS credentials (does `aws sts get-caller-identity` work?), or no network"
                    .to_owned()
            }
        })
    });
    let text = sent.map_err(unavailable)?.secret_string;
    text.map(Zeroizing::new).ok_or_else(|| unavailable("it is binary, not text".to_owned()))
}
