//! A vendor's secret in AWS Secrets Manager.

use super::store::{Reading, SecretStore, SecretText};
use crate::aws::{self, AuthoritiesError};
use crate::keeper::LoadError;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// One secret, and how to reach it.
pub(super) struct SecretsManager {
    client: Client,
    /// Its name or ARN.
    secret_id: String,
}

impl SecretsManager {
    /// The SDK's time-outs are off. After Lambda thaws the environment, they would all end at once. So the
    /// [`keeper`](crate::keeper) ends a load that takes too long.
    ///
    /// # Errors
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but no authority can be read there.
    pub(super) fn new(secret_id: String) -> Result<SecretsManager, AuthoritiesError> {
        let client = Client::new(&aws::sdk_config("AWS_ENDPOINT_URL_SECRETS_MANAGER", None)?);
        Ok(SecretsManager { client, secret_id })
    }

    async fn value(&self) -> Result<SecretText, LoadError> {
        let sent = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        // Only an error's kind and code are logged. Its text may contain anything that the other side sent.
        let secret = sent.map_err(|error| LoadError {
            outcome: match &error {
                SdkError::TimeoutError(_) => "timeout",
                SdkError::DispatchFailure(failure) if failure.is_timeout() => "timeout",
                SdkError::DispatchFailure(_) => "unreachable",
                SdkError::ServiceError(_) => "refused",
                _ => "failed",
            },
            reason: error.code().unwrap_or("no error code").to_owned(),
        })?;
        let text = secret.secret_string.map(SecretText::new);
        text.ok_or(LoadError { outcome: "malformed", reason: "the secret is binary, not text".to_owned() })
    }
}

impl SecretStore for SecretsManager {
    /// The vendor's name is not needed: each vendor has a secret of its own.
    fn read<'a>(&'a self, _: &'a str) -> Reading<'a> {
        Box::pin(self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_secretsmanager::config::retry::RetryConfig;
    use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use std::sync::{Arc, Mutex};

    /// What Secrets Manager does when it is asked.
    #[derive(Debug, Clone, Copy)]
    enum Does {
        Answers(u16, &'static str),
        TimesOut,
        CannotBeReached,
    }

    #[derive(Debug, Clone)]
    struct Fake {
        does: Does,
        /// The bodies that it got.
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl HttpConnector for Fake {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = request.body().bytes().expect("it is in memory").to_vec();
            self.asked.lock().expect("unpoisoned").push(String::from_utf8(body).expect("UTF-8"));
            HttpConnectorFuture::ready(match self.does {
                Does::Answers(status, body) => Ok(HttpResponse::new(status.try_into().expect("a status"), body.into())),
                Does::TimesOut => Err(ConnectorError::timeout("5ecret".into())),
                Does::CannotBeReached => Err(ConnectorError::io("5ecret".into())),
            })
        }
    }

    /// What is read, and the bodies of the calls.
    async fn read(does: Does) -> (Result<String, (&'static str, String)>, Vec<String>) {
        let fake = Fake { does, asked: Arc::default() };
        let asked = Arc::clone(&fake.asked);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "a test"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(fake.clone())));
        let store = SecretsManager { client: Client::from_conf(config.build()), secret_id: "prod/agora".to_owned() };
        let read = store.read("agora").await;
        let read = read.map(|text| text.expose().to_owned()).map_err(|LoadError { outcome, reason }| (outcome, reason));
        let asked = asked.lock().expect("unpoisoned").clone();
        (read, asked)
    }

    #[tokio::test]
    async fn a_secrets_text_is_read_in_one_call() {
        let (read, asked) = read(Does::Answers(200, r#"{"SecretString":"{\"app_id\":1}"}"#)).await;
        assert_eq!(read.as_deref(), Ok(r#"{"app_id":1}"#));
        assert_eq!(asked, [r#"{"SecretId":"prod/agora"}"#]);
    }

    #[tokio::test]
    async fn what_fails_is_told_by_kind_and_code_alone() {
        let denied = r#"{"__type":"AccessDeniedException","Message":"5ecret"}"#;
        let missing = r#"{"__type":"ResourceNotFoundException","Message":"5ecret"}"#;
        for (does, outcome, reason) in [
            (Does::Answers(400, denied), "refused", "AccessDeniedException"),
            (Does::Answers(400, missing), "refused", "ResourceNotFoundException"),
            (Does::Answers(500, "5ecret"), "refused", "no error code"),
            (Does::Answers(200, r#"{"SecretBinary":"NWVjcmV0"}"#), "malformed", "the secret is binary, not text"),
            (Does::Answers(200, "5ecret"), "refused", "no error code"),
            (Does::TimesOut, "timeout", "no error code"),
            (Does::CannotBeReached, "unreachable", "no error code"),
        ] {
            assert_eq!(read(does).await.0, Err((outcome, reason.to_owned())), "{does:?}");
        }
    }
}
