//! Code that the benches share. `make bench` and `make bench-cold` run them.

use serde::Serialize;
use std::time::Duration;

/// A median with the quartiles around it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// Half of the values are below it.
    pub median: f64,
    /// A quarter of the values is below the first quartile, and a quarter above the second.
    pub quartiles: [f64; 2],
}

impl Spread {
    /// The spread of these values. `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let [low, median, high] = [1, 2, 3].map(|quarter| values[(last * quarter + 2) / 4]);
        Some(Spread { median, quartiles: [low, high] })
    }

    /// `1.23 (1.20–1.31)`: the median, and the quartiles in brackets.
    pub fn text(self, digits: usize) -> String {
        let Spread { median, quartiles: [low, high] } = self;
        format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
