//! Code that the benches share. `make bench`, `make bench-jwt` and `make bench-cold` run them.

pub mod turns;

use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The workspace's root folder.
///
/// # Panics
/// Never: the benches lie in a folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the benches lie in a folder of the workspace")
}

/// The folder for results.
///
/// # Panics
/// It cannot be made.
pub fn results() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = root().join(target).join("bench");
    std::fs::create_dir_all(&folder).expect("the target folder is ours to write in");
    folder
}

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
