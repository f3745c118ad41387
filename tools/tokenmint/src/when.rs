//! Moments and lengths of time, written for people.

use jiff::{Span, SpanRound, Timestamp, Unit};

/// `2026-11-21 00:14:16 UTC`, or the number if it lies beyond the calendar.
pub(crate) fn moment(unix_seconds: i64) -> String {
    match Timestamp::from_second(unix_seconds) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("Unix second {unix_seconds}"),
    }
}

/// `1d 2h 3m 4s`, without a sign.
pub(crate) fn length(seconds: i64) -> String {
    let magnitude = i64::try_from(seconds.unsigned_abs()).unwrap_or(i64::MAX);
    let days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    match Span::new().try_seconds(magnitude).and_then(|span| span.round(days)) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{magnitude}s"),
    }
}

/// `in 5m`, `3m ago` or `now`.
pub(crate) fn relative(seconds: i64) -> String {
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", length(seconds)),
        _ => format!("{} ago", length(seconds)),
    }
}
