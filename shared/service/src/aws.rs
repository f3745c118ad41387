//! How functions call AWS's APIs: with the settings that the Lambda environment gives, and with time limits.

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use std::env;
use std::ffi::OsString;
use std::time::Duration;
use thiserror::Error;

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the connection is open.
    pub connect: Duration,
    /// Until the answer begins.
    pub read: Duration,
    /// For one whole attempt.
    pub attempt: Duration,
    /// For all attempts and the pauses between them.
    pub operation: Duration,
}

/// The root certificates of Amazon's authorities. See [`Authorities`].
const AMAZON_ROOTS: &str = include_str!("aws/roots.pem");

/// The settings of a client. It makes at most two attempts for each call.
///
/// Region and credentials come from environment variables. `aws-config` has more sources: profiles, SSO and instance
/// metadata. They cannot apply in Lambda, and cost 1.3 MB of binary. Each could wait for a network that isn't there.
/// Without `patience` the caller must end a call that takes too long. `endpoint` names the variable with the service's
/// own endpoint, such as `AWS_ENDPOINT_URL_LAMBDA`.
///
/// # Errors
/// `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but no authority can be read there.
pub fn sdk_config(endpoint: &str, patience: Option<Patience>) -> Result<SdkConfig, AuthoritiesError> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let timeouts = patience.map_or_else(TimeoutConfig::disabled, |patience| {
        TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.read)
            .operation_attempt_timeout(patience.attempt)
            .operation_timeout(patience.operation)
            .build()
    });
    let retries = RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(200));
    let mut config = SdkConfig::builder()
        .http_client(https()?)
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(variable("AWS_REGION").map(Region::new))
        .timeout_config(timeouts)
        .retry_config(retries);
    if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        let credentials = Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "Environment");
        config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    if let Some(url) = variable(endpoint) {
        config = config.endpoint_url(url);
    }
    Ok(config.build())
}

/// TLS is rustls with AWS-LC. The SDK would choose the same.
fn https() -> Result<SharedHttpClient, AuthoritiesError> {
    let trusted = Authorities::from_variables(|name| env::var_os(name)).trusted()?;
    let context = TlsContext::builder().with_trust_store(trusted).build().expect("nothing in it can be wrong");
    Ok(Builder::new().tls_provider(Provider::rustls(CryptoMode::AwsLc)).tls_context(context).build_https())
}

/// The authorities that may sign a server's certificate.
///
/// The system's list has about 140 authorities. Functions need only Amazon's. Reading the whole list takes a quarter of
/// the CPU time of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authorities {
    /// Only Amazon's.
    Amazons,
    /// Those in the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    Named,
}

/// `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but no authority can be read there.
#[derive(Debug, Error)]
#[error("SSL_CERT_FILE or SSL_CERT_DIR must name PEM files with the authorities to trust")]
pub struct AuthoritiesError;

impl Authorities {
    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Authorities {
        // Empty means unset, as everywhere. If a folder's name is empty, the loader would read the system's list.
        let names = |name| variable(name).is_some_and(|value| env::split_paths(&value).any(|path| path != *""));
        if names("SSL_CERT_FILE") || names("SSL_CERT_DIR") { Authorities::Named } else { Authorities::Amazons }
    }

    fn trusted(self) -> Result<TrustStore, AuthoritiesError> {
        match self {
            Authorities::Amazons => Ok(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)),
            // Check this at start-up. The client would notice it only when it connects, and each time anew.
            Authorities::Named if rustls_native_certs::load_native_certs().certs.is_empty() => Err(AuthoritiesError),
            Authorities::Named => Ok(TrustStore::empty().with_native_roots(true)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorities(variables: &[(&str, &str)]) -> Authorities {
        Authorities::from_variables(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn amazon_alone_is_trusted_unless_others_are_named() {
        for nobody in [&[][..], &[("SSL_CERT_FILE", "")], &[("SSL_CERT_DIR", "")], &[("SSL_CERT_DIR", ":")]] {
            assert_eq!(authorities(nobody), Authorities::Amazons, "{nobody:?}");
        }
        for somebody in [("SSL_CERT_FILE", "/ca.pem"), ("SSL_CERT_DIR", "/certs"), ("SSL_CERT_DIR", ":/certs")] {
            assert_eq!(authorities(&[somebody]), Authorities::Named, "{somebody:?}");
        }
        let amazons = format!("{:?}", Authorities::Amazons.trusted().expect("it is built in"));
        assert!(amazons.contains("enable_native_roots: false"), "{amazons}");
    }
}
