//! What a million tokens a day cost: computed from the measurements and AWS's prices.
//!
//! Prices: us-east-1, arm64, first tier, as AWS listed them in November 2026. Costs that are equal for all candidates
//! (data sent, a domain) are left out.

use crate::candidates::{Candidate, Maker};
use crate::start::Start;
use benches::{Spread, milliseconds};
use serde_json::{Value, json};
use std::time::Duration;

const TOKENS: f64 = 1e6;
/// Cold starts in a day. At twelve requests a second, Lambda needs few environments and replaces each several times a
/// day. This number also allows for bursts.
const COLD_STARTS: f64 = 1000.0;
/// Environments alive at any time. Each reads the secret again when its time is over.
const ENVIRONMENTS: f64 = 10.0;
/// `CREDENTIALS_TTL_SECONDS`.
const CREDENTIALS_TTL_SECONDS: f64 = 300.0;

/// In GB; the template's `MemorySize`.
const MEMORY: f64 = 0.25;
/// With 1,769 MB, Lambda gives a whole processor, and with less memory a share of one. A start gets a whole one.
const PROCESSORS: f64 = 256.0 / 1769.0;

/// In bytes. `platform.start` (170) and `platform.report` with its metrics and trace (550), as Lambda writes them in
/// JSON, and 26 on top of each for CloudWatch.
const PLATFORM_LOGS: f64 = 770.0;
/// In bytes: one line of the access log in the template's format. The other candidates' templates have no access log.
const ACCESS_LOG: f64 = 400.0;
/// Our metrics in CloudWatch: six of a function, six of its route.
const METRICS: f64 = 12.0;
/// One request in a second, and five in a hundred of the rest.
const TRACES: f64 = 86_400.0 + 0.05 * (TOKENS - 86_400.0);

const DAYS: f64 = 30.0;
const REQUEST: f64 = 0.20 / 1e6;
const GATEWAY_REQUEST: f64 = 1.00 / 1e6;
const GB_SECOND: f64 = 0.000_013_333_4;
const SECRET: f64 = 0.40 / DAYS;
const SECRET_CALL: f64 = 0.05 / 1e4;
const LOG_BYTE: f64 = 0.50 / 1e9;
const METRIC: f64 = 0.30 / DAYS;
const TRACE: f64 = 5.00 / 1e6;

/// One candidate's day.
struct Day {
    /// Processor time of an answer, in microseconds, on average.
    computing: f64,
    /// Billed time of an answer, in milliseconds, on average.
    billed: f64,
    /// What the function itself logs about an answer, in bytes.
    logged: f64,
    /// What Lambda charges for the time, in dollars.
    lambda_time: f64,
    /// In dollars, each with its purpose.
    items: Vec<(&'static str, f64)>,
}

impl Day {
    fn of(candidate: &Candidate, cold: &[&Start], warm: &[&Start]) -> Option<Day> {
        let busy: Vec<Duration> = warm.iter().flat_map(|start| &start.busy).copied().collect();
        let answers = warm.iter().map(|start| start.warm.len()).sum::<usize>() as f64;
        if busy.is_empty() {
            return None;
        }
        let start = Spread::of(cold.iter().map(|start| milliseconds(start.to_answer)))?.median;
        let first = Spread::of(cold.iter().map(|start| start.logged as f64))?.median;
        let billed = busy.iter().map(|&took| billed_milliseconds(took)).sum::<f64>() / busy.len() as f64;
        let logged = warm.iter().map(|start| start.logged as f64 - first).sum::<f64>() / answers;
        let starting = Spread::of(cold.iter().map(|start| milliseconds(start.cpu)))?.median;
        let computing = warm.iter().map(|start| milliseconds(start.cpu) - starting).sum::<f64>() / answers * 1000.0;
        let ours = candidate.maker == Maker::Ours;
        let reads = COLD_STARTS + if ours { ENVIRONMENTS * 86_400.0 / CREDENTIALS_TTL_SECONDS } else { 0.0 };
        let extra = |cost: f64| if ours { cost } else { 0.0 };
        let dollars = |milliseconds: f64| milliseconds / 1000.0 * MEMORY * GB_SECOND;
        let (answering, starts) = (dollars(TOKENS * billed), dollars(COLD_STARTS * start));
        let items = vec![
            ("API Gateway, requests", TOKENS * GATEWAY_REQUEST),
            ("Lambda, requests", TOKENS * REQUEST),
            ("Lambda, warm answers", answering),
            ("Lambda, cold starts", starts),
            ("Secrets Manager", SECRET + reads * SECRET_CALL),
            ("logs of Lambda and the function", TOKENS * (PLATFORM_LOGS + logged) * LOG_BYTE),
            ("access log", extra(TOKENS * ACCESS_LOG * LOG_BYTE)),
            ("metrics", extra(METRICS * METRIC)),
            ("traces", extra(TRACES * TRACE)),
        ];
        Some(Day { computing, billed, logged, lambda_time: answering + starts, items })
    }

    fn total(&self) -> f64 {
        self.items.iter().map(|(_, dollars)| dollars).sum()
    }
}

/// As if all of the time were computing: a share of a processor makes it longer. Each started millisecond is billed.
fn billed_milliseconds(took: Duration) -> f64 {
    (milliseconds(took) / PROCESSORS).ceil()
}

fn column(rounds: &[Vec<Start>], at: usize) -> Vec<&Start> {
    rounds.iter().map(|round| &round[at]).collect()
}

/// Prints the table, and returns it.
pub(crate) fn print(candidates: &[Candidate], cold: &[Vec<Start>], warm: &[Vec<Start>]) -> Value {
    // Who verifies the caller changes no item that is worth a column.
    let others = [Maker::Verifier, Maker::Echo];
    let functions = candidates.iter().enumerate().filter(|(_, candidate)| !others.contains(&candidate.maker));
    let days: Vec<(&str, Day)> = functions
        .filter_map(|(at, candidate)| {
            Some((&*candidate.name, Day::of(candidate, &column(cold, at), &column(warm, at))?))
        })
        .collect();
    let Some((_, first)) = days.first() else { return Value::Null };
    println!("\nDollars for a million tokens in a day, {COLD_STARTS} of them after a cold start.\n");
    println!("| |{}", days.iter().map(|(name, _)| format!(" {name} |")).collect::<String>());
    println!("|---|{}", "--:|".repeat(days.len()));
    let row = |title: &str, cell: &dyn Fn(&Day) -> String| {
        println!("| {title} |{}", days.iter().map(|(_, day)| format!(" {} |", cell(day))).collect::<String>());
    };
    row("an answer's processor time, µs", &|day| format!("{:.0}", day.computing));
    row("billed for an answer, ms", &|day| format!("{:.2}", day.billed));
    row("logged by the function for an answer, bytes", &|day| format!("{:.0}", day.logged));
    for (at, (title, _)) in first.items.iter().enumerate() {
        row(title, &|day| format!("{:.4}", day.items[at].1));
    }
    row("**a day**", &|day| format!("**{:.2}**", day.total()));
    row("of it Lambda's time", &|day| format!("{:.4}", day.lambda_time));
    let json = days.iter().map(|(name, day)| {
        let items: serde_json::Map<String, Value> =
            day.items.iter().map(|&(title, dollars)| (title.to_owned(), dollars.into())).collect();
        json!({ "candidate": name, "computing_microseconds": day.computing, "billed_milliseconds": day.billed, "logged_bytes": day.logged, "dollars": items, "total": day.total() })
    });
    json.collect()
}
