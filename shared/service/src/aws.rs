//! How functions reach AWS's APIs: with what the Lambda environment gives, and never longer than they may.

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use std::env;
use std::time::Duration;

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer begins.
    pub read: Duration,
    /// For one attempt with all its parts.
    pub attempt: Duration,
    /// For all attempts and the pauses between them.
    pub operation: Duration,
}

/// Amazon's own roots: see [`trusted`].
const AMAZON_ROOTS: &str = include_str!("aws/roots.pem");

/// The settings of a client, which tries twice.
///
/// Region and credentials stand in the environment's variables; `aws-config`'s other sources (profiles, SSO, instance
/// metadata) cannot apply in Lambda, cost 1.3 MB of binary, and could each wait for a network that isn't there.
/// Without `patience` the caller ends what takes too long. `endpoint` is the variable with the service's own endpoint,
/// such as `AWS_ENDPOINT_URL_LAMBDA`.
pub fn sdk_config(endpoint: &str, patience: Option<Patience>) -> SdkConfig {
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
        .http_client(https())
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
    config.build()
}

/// TLS is rustls with AWS-LC, which the SDK would choose, too.
fn https() -> SharedHttpClient {
    let context = TlsContext::builder().with_trust_store(trusted()).build().expect("nothing in it can be wrong");
    Builder::new().tls_provider(Provider::rustls(CryptoMode::AwsLc)).tls_context(context).build_https()
}

/// Who may vouch for a server: Amazon alone, or those that the usual variables of the environment name instead.
///
/// The system's list has some 140 authorities, of which none but Amazon has any business here. To read them would take
/// longer than all else that a start does by itself.
fn trusted() -> TrustStore {
    let others = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| env::var_os(name).is_some());
    if others {
        TrustStore::empty().with_native_roots(true)
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)
    }
}
