//! The functions to keep warm, and their answers.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use serde::Serialize;
use service::aws::{Patience, sdk_config};
use service::warm::{WarmUp, Warmed};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// The functions, and how to reach them.
pub(crate) struct Fleet {
    client: Client,
    functions: BTreeSet<String>,
}

/// The result of a round of warm-ups.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) sent: u64,
    /// Environments that this round started.
    pub(crate) cold: u64,
    /// Environments that were there already.
    pub(crate) warm: u64,
    /// Warm-ups that made no environment ready.
    pub(crate) failed: u64,
    /// The results of each function. Its name is the one in `FUNCTIONS`.
    pub(crate) functions: BTreeMap<String, Heard>,
}

/// The results of one function.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Heard {
    pub(crate) cold: u64,
    pub(crate) warm: u64,
    pub(crate) failed: u64,
    /// Warm-ups that reached an environment again that already had one in this round. It was free again too soon.
    pub(crate) doubled: u64,
    /// Warm-ups after which the credentials are not fresh until the next round: `CREDENTIALS_TTL_SECONDS` is too short.
    pub(crate) fresh_too_short: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<String, u64>,
    #[serde(skip)]
    environments: BTreeSet<String>,
}

impl Fleet {
    /// `functions` are names or ARNs, separated by commas.
    ///
    /// # Errors
    /// There is no name, or one is empty. Or `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but no authority can be read
    /// there.
    pub(crate) fn new(functions: &str) -> Result<Fleet, String> {
        let functions: BTreeSet<_> = functions.split(',').map(|function| function.trim().to_owned()).collect();
        if functions.contains("") {
            return Err("FUNCTIONS must be names or ARNs of functions, separated by commas".to_owned());
        }
        // A cold environment starts first. Then its function may take up to its time-out of ten seconds.
        let patience = Patience {
            connect: Duration::from_secs(2),
            read: Duration::from_secs(20),
            attempt: Duration::from_secs(20),
            operation: Duration::from_secs(26),
        };
        let config = sdk_config("AWS_ENDPOINT_URL_LAMBDA", Some(patience)).map_err(|wrong| wrong.to_string())?;
        Ok(Fleet { client: Client::new(&config), functions })
    }

    /// Sends each function this many warm-ups, all of them at once. Waits for every answer.
    pub(crate) async fn warm(&self, warm_up: WarmUp, environments: u16) -> Report {
        let mut sent = JoinSet::new();
        for function in &self.functions {
            for _ in 0..environments {
                let (client, function) = (self.client.clone(), function.clone());
                sent.spawn(async move {
                    let warmed = invoke(&client, &function, warm_up).await;
                    (function, warmed)
                });
            }
        }
        let mut report = Report::default();
        while let Some(answered) = sent.join_next().await {
            let (function, warmed) = answered.expect("a warm-up does not panic, and nobody aborts it");
            report.functions.entry(function).or_default().take(warmed, warm_up);
            report.sent += 1;
        }
        for heard in report.functions.values() {
            report.cold += heard.cold;
            report.warm += heard.warm;
            report.failed += heard.failed;
        }
        report
    }
}

impl Heard {
    fn take(&mut self, warmed: Result<Warmed, String>, warm_up: WarmUp) {
        let reason = match warmed {
            Ok(Warmed { fresh_for_seconds: None, .. }) => "not ready".to_owned(),
            Err(reason) => reason,
            Ok(Warmed { environment, cold, fresh_for_seconds: Some(seconds) }) => {
                if !self.environments.insert(environment) {
                    self.doubled += 1;
                } else if cold {
                    self.cold += 1;
                } else {
                    self.warm += 1;
                }
                if seconds < u64::from(warm_up.for_seconds) {
                    self.fresh_too_short += 1;
                }
                return;
            }
        };
        self.failed += 1;
        *self.reasons.entry(reason).or_default() += 1;
    }
}

/// # Errors
/// The warm-up made no environment ready. The text says why.
async fn invoke(client: &Client, function: &str, warm_up: WarmUp) -> Result<Warmed, String> {
    let sent = client.invoke().function_name(function).payload(Blob::new(warm_up.to_event())).send().await;
    let answer = sent.map_err(|error| match &error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "unreachable".to_owned(),
        _ => error.code().unwrap_or("failed").to_owned(),
    })?;
    if let Some(kind) = answer.function_error {
        return Err(format!("function error: {kind}"));
    }
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    Warmed::parse(&payload).ok_or_else(|| "the answer is not an answer to a warm-up".to_owned())
}
