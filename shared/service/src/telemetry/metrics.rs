//! Metrics: lines in CloudWatch's embedded format, with the namespace `Tokenmint` and the dimension `function_name`.
//!
//! Each line costs money. So an environment gathers them over many answers, if Lambda announces its end: see
//! [`Gathering`].
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
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
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

/// When metrics are written, in this process.
static GATHERING: Mutex<Gathering> = Mutex::new(Gathering::AT_ONCE);

fn gathering() -> MutexGuard<'static, Gathering> {
    GATHERING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gathers metrics from now on. The caller must call [`write`] when the process ends.
pub(crate) fn gather() {
    *gathering() = Gathering { gathers: true, ..Gathering::AT_ONCE };
}

/// Lets the metrics be written as soon as the present answer was sent.
pub(crate) fn write_after_this_answer() {
    gathering().due = true;
}

/// An answer was sent. Writes the metrics if it is time.
pub(crate) fn answered() {
    let due = gathering().is_due(Instant::now());
    if due {
        write();
    }
}

/// Decides after which answers metrics are written: the first one, the first one after [`Gathering::LONGEST`], after
/// [`Gathering::MOST`] answers, and when it was asked for. So a metric is written a minute late at most, if there is
/// another answer. If there is none, it is written at the next warm-up or at the environment's end.
#[derive(Debug)]
struct Gathering {
    gathers: bool,
    /// When metrics were last written.
    written: Option<Instant>,
    /// Answers since then.
    answers: u32,
    /// Whether they are to be written after the next answer.
    due: bool,
}

impl Gathering {
    /// Writes after each answer.
    const AT_ONCE: Gathering = Gathering { gathers: false, written: None, answers: 0, due: false };
    /// CloudWatch's alarms look at periods of a minute.
    const LONGEST: Duration = Duration::from_secs(60);
    /// The embedded format takes 100 values of a metric in a line. Requests that run at the same time may add some before
    /// the line is written.
    const MOST: u32 = 80;

    /// Takes note of an answer. Returns whether the metrics are to be written now.
    fn is_due(&mut self, now: Instant) -> bool {
        self.answers += 1;
        let is_late = self.written.is_none_or(|written| now.duration_since(written) >= Gathering::LONGEST);
        let due = !self.gathers || self.due || is_late || self.answers >= Gathering::MOST;
        if due {
            *self = Gathering { gathers: self.gathers, written: Some(now), ..Gathering::AT_ONCE };
        }
        due
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

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many seconds metrics are written, if there is an answer in each second.
    fn written_at(gathering: &mut Gathering, seconds: std::ops::Range<u32>) -> Vec<u32> {
        let start = Instant::now();
        seconds.filter(|&second| gathering.is_due(start + SECOND * second)).collect()
    }

    #[test]
    fn without_an_announced_end_metrics_are_written_after_each_answer() {
        assert_eq!(written_at(&mut Gathering { ..Gathering::AT_ONCE }, 0..4), [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn metrics_are_gathered_for_a_minute() {
        let mut gathering = Gathering { gathers: true, ..Gathering::AT_ONCE };
        assert_eq!(written_at(&mut gathering, 0..130), [0, 60, 120], "the first answer shows the cold start");
        assert_eq!(written_at(&mut gathering, 500..503), [500], "nobody asked for a long time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_of_metrics_never_gets_more_values_than_it_holds() {
        let mut gathering = Gathering { gathers: true, ..Gathering::AT_ONCE };
        let now = Instant::now();
        let written: Vec<_> = (0..200).filter(|_| gathering.is_due(now)).collect();
        assert_eq!(written, [0, 80, 160]);
    }

    #[tokio::test(start_paused = true)]
    async fn metrics_can_be_asked_for() {
        let mut gathering = Gathering { gathers: true, ..Gathering::AT_ONCE };
        let now = Instant::now();
        assert!(gathering.is_due(now) && !gathering.is_due(now));
        gathering.due = true;
        assert!(gathering.is_due(now) && !gathering.is_due(now), "once");
    }

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
