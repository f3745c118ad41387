//! What a million tokens a day cost: computed from the measurements and AWS's prices. And what the whole stack costs with
//! other numbers of tokens.
//!
//! Prices: us-east-1, arm64, first tier, as AWS listed them in November 2026. The first table leaves out what is equal for
//! all candidates (data sent, a domain) and pre-warming. The second one has everything.

use crate::candidates::{Candidate, Maker};
use crate::start::{Logged, Start};
use benches::{Spread, milliseconds};
use serde_json::{Value, json};
use std::time::Duration;

const TOKENS: f64 = 1e6;
/// Cold starts in a day. At twelve requests a second, Lambda needs few environments and replaces each several times a
/// day. This number also allows for bursts.
const COLD_STARTS: f64 = 1000.0;
/// Environments alive at any time. Each reads the secret again when its time is over, and writes its metrics once a
/// minute.
const ENVIRONMENTS: f64 = 10.0;
/// `CREDENTIALS_TTL_SECONDS`.
const CREDENTIALS_TTL_SECONDS: f64 = 300.0;
const MINUTES: f64 = 1440.0;

/// In GB; the template's `MemorySize`.
const MEMORY: f64 = 0.25;
/// With 1,769 MB, Lambda gives a whole processor, and with less memory a share of one. A start gets a whole one.
const PROCESSORS: f64 = 256.0 / 1769.0;

/// CloudWatch adds this many bytes to each line.
const LINE: f64 = 26.0;
/// In bytes. `platform.start` (170) and `platform.report` with its metrics and trace (550), as Lambda writes them in JSON.
/// The stack switches them off (`SystemLogLevel`).
const PLATFORM_LOGS: f64 = 720.0 + 2.0 * LINE;
/// In bytes: the same as text, Lambda's default. `START` (75), `END` (53) and `REPORT` (150).
const PLATFORM_TEXT_LOGS: f64 = 278.0 + 3.0 * LINE;
/// One line of the access log in the template's format. The other candidates' templates have no access log.
const ACCESS_LOG: &str = r#"JKJaXmPLvHcESHA= 200 12 lambda=200 - "GET /rtm/{user_id}/token""#;
/// What our line says in addition where no access log says it, as behind a Function URL. Lambda's id is longer than the
/// gateway's, too.
const WITHOUT_ACCESS_LOG: &str = r#""route":"GET /rtm/{user_id}/token","duration_us":412,01234567890123456789"#;
/// Our metrics in CloudWatch: `TokensMinted`, `MintDuration`, `Refusals`, `ColdStarts` and `CredentialsRefreshed` of a
/// function, `ServerErrors` of the API, and six of its route.
const METRICS: f64 = 12.0;
/// Those of a function.
const FUNCTION_METRICS: f64 = 5.0;
/// The stack's alarms, each on one metric. One of them is on the API's `ServerErrors`.
const ALARMS: f64 = 29.0;

const DAYS: f64 = 30.0;
const REQUEST: f64 = 0.20 / 1e6;
const GATEWAY_REQUEST: f64 = 1.00 / 1e6;
const GB_SECOND: f64 = 0.000_013_333_4;
const SECRET: f64 = 0.40 / DAYS;
const SECRET_CALL: f64 = 0.05 / 1e4;
const LOG_BYTE: f64 = 0.50 / 1e9;
const METRIC: f64 = 0.30 / DAYS;
const ALARM: f64 = 0.10 / DAYS;
const DASHBOARD: f64 = 3.00 / DAYS;
const SCHEDULED: f64 = 1.00 / 1e6;
const BYTE_OUT: f64 = 0.09 / 1e9;

/// One candidate's day.
struct Day {
    /// Processor time of an answer, in microseconds, on average.
    computing: f64,
    /// Billed time of an answer, in milliseconds, on average.
    billed: f64,
    /// Billed time of a cold start, in milliseconds.
    start: f64,
    /// What the function itself logs about an answer, in bytes, without metrics.
    logged: f64,
    /// What it writes each time that it writes metrics, in bytes.
    metrics: f64,
    /// In dollars, each with its purpose.
    items: [(&'static str, f64); 11],
    /// The total if Lambda wrote its lines as text.
    with_text: f64,
}

fn dollars(milliseconds: f64) -> f64 {
    milliseconds / 1000.0 * MEMORY * GB_SECOND
}

impl Day {
    fn of(candidate: &Candidate, cold: &[&Start], warm: &[&Start]) -> Option<Day> {
        let busy: Vec<Duration> = warm.iter().flat_map(|start| &start.busy).copied().collect();
        let answers = warm.iter().map(|start| start.warm.len()).sum::<usize>() as f64;
        if busy.is_empty() {
            return None;
        }
        let start = Spread::of(cold.iter().map(|start| milliseconds(start.to_answer)))?.median;
        let billed = busy.iter().map(|&took| billed_milliseconds(took)).sum::<f64>() / busy.len() as f64;
        let logged = |logged: fn(&Logged) -> f64| -> Option<f64> {
            let first = Spread::of(cold.iter().map(|start| logged(&start.logged)))?.median;
            Some(warm.iter().map(|start| logged(&start.logged) - first).sum::<f64>() / answers)
        };
        let line = logged(|logged| logged.bytes as f64 + LINE * logged.lines as f64)?;
        let of_metrics =
            |count: fn(&Logged) -> usize| warm.iter().map(|start| count(&start.logged)).sum::<usize>() as f64;
        let metric_bytes = of_metrics(|logged| logged.metric_bytes) + LINE * of_metrics(|logged| logged.metric_lines);
        let metrics = metric_bytes / of_metrics(|logged| logged.metric_writes).max(1.0);
        let starting = Spread::of(cold.iter().map(|start| milliseconds(start.cpu)))?.median;
        let computing = warm.iter().map(|start| milliseconds(start.cpu) - starting).sum::<f64>() / answers * 1000.0;
        let ours = candidate.maker == Maker::Ours;
        let reads = COLD_STARTS + if ours { ENVIRONMENTS * 86_400.0 / CREDENTIALS_TTL_SECONDS } else { 0.0 };
        let extra = |cost: f64| if ours { cost } else { 0.0 };
        let platform = |bytes: f64| if ours { 0.0 } else { TOKENS * bytes * LOG_BYTE };
        let items = [
            ("API Gateway, requests", TOKENS * GATEWAY_REQUEST),
            ("Lambda, requests", TOKENS * REQUEST),
            ("Lambda, warm answers", dollars(TOKENS * billed)),
            ("Lambda, cold starts", dollars(COLD_STARTS * start)),
            ("Secrets Manager", SECRET + reads * SECRET_CALL),
            ("Lambda's lines", platform(PLATFORM_LOGS)),
            ("the function's log", TOKENS * line * LOG_BYTE),
            ("lines of metrics", extra(ENVIRONMENTS * MINUTES * metrics * LOG_BYTE)),
            ("access log", extra(TOKENS * access_log() * LOG_BYTE)),
            ("metrics", extra(METRICS * METRIC)),
            ("alarms", extra(ALARMS * ALARM)),
        ];
        let total: f64 = items.iter().map(|(_, dollars)| dollars).sum();
        let with_text = total - platform(PLATFORM_LOGS) + platform(PLATFORM_TEXT_LOGS);
        Some(Day { computing, billed, start, logged: line, metrics, items, with_text })
    }

    /// The same function behind a Function URL, on paper: nobody sends it requests here.
    fn behind_function_url(&self) -> Day {
        let logged = self.logged + WITHOUT_ACCESS_LOG.len() as f64;
        let items = self.items.map(|(title, dollars)| {
            let other = match title {
                "API Gateway, requests" | "access log" => 0.0,
                "the function's log" => TOKENS * logged * LOG_BYTE,
                "metrics" => FUNCTION_METRICS * METRIC,
                "alarms" => (ALARMS - 1.0) * ALARM,
                _ => dollars,
            };
            (title, other)
        });
        let with_text = items.iter().map(|(_, dollars)| dollars).sum();
        Day { logged, items, with_text, ..*self }
    }

    fn total(&self) -> f64 {
        self.items.iter().map(|(_, dollars)| dollars).sum()
    }

    fn lambda_time(&self) -> f64 {
        let of_time = ["Lambda, warm answers", "Lambda, cold starts"];
        self.items.iter().filter(|(title, _)| of_time.contains(title)).map(|(_, dollars)| dollars).sum()
    }
}

/// In bytes, for one request.
fn access_log() -> f64 {
    ACCESS_LOG.len() as f64 + LINE
}

/// As if all of the time were computing: a share of a processor makes it longer. Each started millisecond is billed.
fn billed_milliseconds(took: Duration) -> f64 {
    (milliseconds(took) / PROCESSORS).ceil()
}

fn column(rounds: &[Vec<Start>], at: usize) -> Vec<&Start> {
    rounds.iter().map(|round| &round[at]).collect()
}

/// Prints the tables, and returns them.
pub(crate) fn print(candidates: &[Candidate], cold: &[Vec<Start>], warm: &[Vec<Start>]) -> Value {
    // Who verifies the caller changes no item that is worth a column.
    let others = [Maker::Verifier, Maker::Echo];
    let functions = candidates.iter().enumerate().filter(|(_, candidate)| !others.contains(&candidate.maker));
    let mut days = Vec::new();
    for (at, candidate) in functions {
        let Some(day) = Day::of(candidate, &column(cold, at), &column(warm, at)) else { continue };
        let url = (candidate.maker == Maker::Ours).then(|| day.behind_function_url());
        days.push((candidate.name.clone(), day));
        days.extend(url.map(|url| (format!("{}, Function URL, on paper", candidate.name), url)));
    }
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
    row("**a day**", &|day| format!("**{:.3}**", day.total()));
    row("of it Lambda's time", &|day| format!("{:.4}", day.lambda_time()));
    row("a day, if Lambda writes its lines as text", &|day| format!("{:.3}", day.with_text));
    let is_ours = candidates.first().is_some_and(|first| first.maker == Maker::Ours);
    let whole = if is_ours { volumes(first) } else { Value::Null };
    let json = days.iter().map(|(name, day)| {
        let items: serde_json::Map<String, Value> =
            day.items.iter().map(|&(title, dollars)| (title.to_owned(), dollars.into())).collect();
        json!({ "candidate": name, "computing_microseconds": day.computing, "billed_milliseconds": day.billed,
            "logged_bytes": day.logged, "dollars": items, "total": day.total(), "total_with_text": day.with_text })
    });
    json!({ "a_million_tokens": json.collect::<Vec<_>>(), "whole_stack": whole })
}

/// A number of tokens a day, and what it needs.
struct Volume {
    tokens: f64,
    /// Environments alive at any time that mint, beside those that pre-warming keeps.
    environments: f64,
    cold_starts: f64,
}

const VOLUMES: [Volume; 3] = [
    Volume { tokens: 1e3, environments: 1.0, cold_starts: 20.0 },
    Volume { tokens: 1e5, environments: 3.0, cold_starts: 200.0 },
    Volume { tokens: 1e7, environments: 50.0, cold_starts: 5000.0 },
];

/// The stack with its defaults: six token functions, pre-warmed every four minutes. All tokens are of one kind.
const FUNCTIONS: f64 = 6.0;
const ROUNDS: f64 = MINUTES / 4.0;
/// In milliseconds: how long a warm-up keeps its environment busy, and how long `prewarm` waits for all of them.
const WARM_UP: f64 = 500.0;
const ROUND: f64 = 700.0;
/// In GB, of `prewarm`.
const PREWARM_MEMORY: f64 = 0.5;
/// In bytes: the line about a warm-up, the one about credentials, and the metrics, with what CloudWatch adds.
const WARM_UP_LOG: f64 = 600.0;
/// Metrics that a function has although nobody asks it: `ColdStarts`, `CredentialsRefreshed`, `EnvironmentsWarm`.
const IDLE_METRICS: f64 = 3.0;
/// In bytes: an answer with its headers and the TLS records.
const ANSWER: f64 = 1100.0;

/// What the whole stack costs in a day.
fn items(volume: &Volume, day: &Day) -> Vec<(&'static str, f64)> {
    let Volume { tokens, environments, cold_starts } = *volume;
    let warm_ups = FUNCTIONS * ROUNDS;
    let reads = warm_ups + cold_starts + environments * 86_400.0 / CREDENTIALS_TTL_SECONDS;
    // A quiet environment writes its metrics after each answer. A busy one writes them once a minute.
    let writes = (environments * MINUTES).min(tokens);
    let metrics = METRICS + 1.0 + (FUNCTIONS - 1.0) * IDLE_METRICS;
    let warming = dollars(warm_ups * WARM_UP) + dollars(ROUNDS * ROUND) * PREWARM_MEMORY / MEMORY;
    vec![
        ("API Gateway, requests", tokens * GATEWAY_REQUEST),
        ("Lambda, requests", tokens * REQUEST),
        ("Lambda, answers and cold starts", dollars(tokens * day.billed + cold_starts * day.start)),
        ("logs of requests", (tokens * (day.logged + access_log()) + writes * day.metrics) * LOG_BYTE),
        ("metrics", metrics * METRIC),
        ("alarms", ALARMS * ALARM),
        ("Secrets Manager, two secrets", 2.0 * SECRET + reads * SECRET_CALL),
        ("pre-warming: Lambda", warming + (warm_ups + ROUNDS) * REQUEST),
        ("pre-warming: schedule and logs", ROUNDS * SCHEDULED + warm_ups * WARM_UP_LOG * LOG_BYTE),
        ("dashboard", DASHBOARD),
        ("data sent", tokens * ANSWER * BYTE_OUT),
    ]
}

/// Prints what the whole stack costs, and returns it.
fn volumes(day: &Day) -> Value {
    let columns = VOLUMES.each_ref().map(|volume| items(volume, day));
    println!("\nDollars for everything in the stack, with its defaults, for so many tokens in a day.\n");
    println!("| | 1,000 | 100,000 | 10 million |\n|---|--:|--:|--:|");
    for (at, (title, _)) in columns[0].iter().enumerate() {
        let cells = columns.iter().map(|column| format!(" {:.4} |", column[at].1)).collect::<String>();
        println!("| {title} |{cells}");
    }
    let totals = columns.each_ref().map(|column| column.iter().map(|(_, dollars)| dollars).sum::<f64>());
    println!("| **a day** |{}", totals.map(|total| format!(" **{total:.2}** |")).concat());
    println!("| **30 days** |{}", totals.map(|total| format!(" **{:.2}** |", total * DAYS)).concat());
    let json = VOLUMES.iter().zip(columns).map(|(volume, column)| {
        let items: serde_json::Map<String, Value> =
            column.iter().map(|&(title, dollars)| (title.to_owned(), dollars.into())).collect();
        json!({ "tokens": volume.tokens, "dollars": items })
    });
    json.collect()
}
