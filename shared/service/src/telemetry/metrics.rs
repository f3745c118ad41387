//! Metrics: lines in CloudWatch's embedded format, with the namespace `Tokenmint` and the dimension `function_name`.
//!
//! | metric | unit | further dimension |
//! |---|---|---|
//! | `TokensMinted` | count | `kind` |
//! | `Refusals` | count | `reason`: the problem's name |
//! | `MintDuration` | microseconds, from event to answer | |
//! | `ColdStarts` | count | |
//! | `CredentialsRefreshed`, `CredentialsFailed` | count of loads | |
//! | `CredentialsStale` | count of requests that got a token with a key that should have been refreshed | |
//! | `KeysRefreshed`, `KeysFailed` | count of loads of the issuer's keys | |
//! | `KeysStale` | count of requests that were verified with keys that should have been refreshed | |
//! | `EnvironmentsCold`, `EnvironmentsWarm`, `EnvironmentsFailed` | count, by the pre-warming function | `warmed`: the function that got the warm-ups |

use ::metrics::{Unit, counter, describe_counter, describe_histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use std::io::{self, Write};
use std::sync::OnceLock;
use tracing::warn;

/// The CloudWatch namespace of all metrics.
const NAMESPACE: &str = "Tokenmint";

/// All metrics that are plain counts.
const COUNTERS: [&str; 12] = [
    "TokensMinted",
    "Refusals",
    "ColdStarts",
    "CredentialsRefreshed",
    "CredentialsFailed",
    "CredentialsStale",
    "KeysRefreshed",
    "KeysFailed",
    "KeysStale",
    "EnvironmentsCold",
    "EnvironmentsWarm",
    "EnvironmentsFailed",
];

/// What collects metrics until they are written.
static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts the metrics of this function.
pub(super) fn start(function_name: String) {
    let metrics = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("function_name", function_name);
    match metrics.init() {
        Ok(collector) => {
            COLLECTOR.get_or_init(|| collector);
            describe_histogram!("MintDuration", Unit::Microseconds, "");
            for name in COUNTERS {
                describe_counter!(name, Unit::Count, "");
            }
            counter!("ColdStarts").increment(1);
        }
        // Without metrics the service still mints tokens.
        Err(_) => warn!("metrics cannot be collected"),
    }
}

/// Writes the metrics that were collected since the last time to standard output.
pub(crate) fn write() {
    write_to(&mut io::stdout());
}

fn write_to(out: &mut impl Write) {
    if let Some(collector) = COLLECTOR.get() {
        let mut lines = Vec::new();
        // One write, so that no other line gets in between. If it fails, there is no place to report that.
        let _ = collector.flush(&mut lines).and_then(|()| out.write_all(&lines));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use crate::telemetry::{self, RequestLog};
    use serde_json::{Value, json};
    use std::time::Duration;

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answered(minted: Result<&'static str, &Problem>) {
        let took = Duration::from_nanos(1_234_500);
        let log = RequestLog {
            request_id: "id",
            logged_by_gateway: false,
            client: None,
            route: None,
            user: None,
            status: 200,
            minted: minted.map(Some),
            took,
        };
        log.write();
    }

    /// The metrics that are written now, by their further dimension.
    fn written(dimension: &str, value: &str) -> Option<Value> {
        let mut out = Vec::new();
        write_to(&mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        lines.find(|line| line[dimension] == value)
    }

    /// One test, because the whole process has one collector. Other tests count in it too, under other dimensions.
    #[test]
    fn metrics_have_the_shape_that_cloudwatch_reads() {
        // Before the start there is nothing to write.
        assert_eq!(written("function_name", "tested"), None);
        start("tested".to_owned());
        assert_eq!(written("function_name", "tested").expect("a line")["ColdStarts"], 1);

        answered(Ok("tested-kind"));
        answered(Ok("tested-kind"));
        let mut line = written("kind", "tested-kind").expect("a line");
        assert!(line["_aws"]["Timestamp"].take().is_u64());
        let directive = json!([{
            "Namespace": "Tokenmint",
            "Dimensions": [["function_name", "kind"]],
            "Metrics": [{ "Name": "TokensMinted", "Unit": "Count" }],
        }]);
        let expected = json!({
            "_aws": { "Timestamp": null, "CloudWatchMetrics": directive },
            "function_name": "tested",
            "kind": "tested-kind",
            "TokensMinted": 2,
        });
        assert_eq!(line, expected);
        assert_eq!(written("kind", "tested-kind"), None, "each count is written once");

        answered(Ok("tested-kind"));
        let line = written("function_name", "tested").expect("a line");
        assert_eq!(line["MintDuration"].as_array().map(|values| values.contains(&json!(1234.5))), Some(true), "{line}");
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("a list");
        assert!(metrics.contains(&json!({ "Name": "MintDuration", "Unit": "Microseconds" })), "{line}");

        answered(Err(&Problem::refused_version("tested")));
        assert_eq!(written("reason", "forbidden").expect("a line")["Refusals"], 1);
        telemetry::environments("tested-function", 1, 2, 0);
        let line = written("warmed", "tested-function").expect("a line");
        assert_eq!((&line["EnvironmentsCold"], &line["EnvironmentsWarm"]), (&json!(1), &json!(2)));
        assert_eq!(line["EnvironmentsFailed"], Value::Null, "nothing failed, so there is nothing to count");

        // What cannot be written is lost. What comes later is written.
        answered(Ok("tested-kind"));
        write_to(&mut Broken);
        assert_eq!(written("kind", "tested-kind"), None);
        answered(Ok("tested-kind"));
        assert_eq!(written("kind", "tested-kind").expect("a line")["TokensMinted"], 1);
    }
}
