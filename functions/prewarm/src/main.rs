//! Keeps execution environments of the token functions warm. The schedule's event says how many warm-ups each function
//! gets. This function sends them all at once and reports the answers. It mints nothing. It may only invoke the others.

mod fleet;

use crate::fleet::{Fleet, Report};
use serde::Deserialize;
use serde_json::{Map, Value};
use service::warm::WarmUp;
use service::{InvocationError, telemetry};
use std::process::ExitCode;
use std::sync::Arc;
use tracing::{error, warn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::start();
    // Empty means none, as everywhere.
    let functions = std::env::var("FUNCTIONS").unwrap_or_default();
    let fleet = match Fleet::new(&functions) {
        Ok(fleet) => Arc::new(fleet),
        Err(wrong) => return service::cannot_start(&wrong),
    };
    service::answer(move |event| Schedule::carry_out(event, Arc::clone(&fleet))).await
}

/// What the schedule sends, in the template's `Input`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    /// How many environments of each function to warm.
    environments: u16,
    /// How long a warm-up keeps its environment busy, so that the next warm-up reaches another one.
    hold_milliseconds: u16,
    /// After how many minutes the schedule sends its next event.
    every_minutes: u16,
}

impl Schedule {
    /// # Errors
    /// The event is wrong, or a warm-up failed. After a failed warm-up the others are sent all the same. Lambda counts
    /// the error and hands it on to the dead-letter queue.
    async fn carry_out(event: Map<String, Value>, fleet: Arc<Fleet>) -> Result<Report, InvocationError> {
        let schedule: Schedule = serde_json::from_value(event.into())
            .map_err(|wrong| InvocationError { name: "BadSchedule", words: wrong.to_string() })?;
        let warm_up = WarmUp {
            for_seconds: u32::from(schedule.every_minutes) * 60,
            hold_milliseconds: schedule.hold_milliseconds,
        };
        if warm_up.hold() > WarmUp::MAX_HOLD {
            let words = format!("hold_milliseconds must be at most {}", WarmUp::MAX_HOLD.as_millis());
            return Err(InvocationError { name: "BadSchedule", words });
        }
        let report = fleet.warm(warm_up, schedule.environments).await;
        for (function, warmed) in &report.functions {
            telemetry::environments(function, warmed.cold, warmed.warm, warmed.failed);
            if warmed.doubled > 0 {
                warn!(function, warmed.doubled, "warm-ups reached an environment twice: hold them longer");
            }
            if warmed.fresh_too_short > 0 {
                warn!(function, warmed.fresh_too_short, "credentials are not fresh until the next round");
            }
        }
        if report.failed > 0 {
            let report_text = serde_json::to_string(&report).expect("a report is plain data");
            error!(report = report_text, "warm-ups failed");
            let words = format!("{} of {} warm-ups failed: {report_text}", report.failed, report.sent);
            return Err(InvocationError { name: "WarmUpsFailed", words });
        }
        Ok(report)
    }
}
