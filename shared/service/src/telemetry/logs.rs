//! Log lines: one JSON object each.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic::PanicHookInfo;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use tracing::level_filters::LevelFilter;
use tracing::{Level, error};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// The crates whose lines are ours. Their names begin with these.
const OURS: [&str; 2] = [env!("CARGO_PKG_NAME"), "tokenmint"];

/// Starts the logs. Each line is written at once.
pub(super) fn start() {
    start_with(io::stdout);
}

/// Starts the logs. Lines are kept, and [`write_kept`] writes them.
pub(super) fn start_kept() {
    start_with(|| Kept);
}

fn start_with<W: for<'a> MakeWriter<'a> + Send + Sync + 'static>(writer: W) {
    // This fails only if a subscriber is set already. Then that one logs.
    let _ = tracing_subscriber::registry().with(lines(writer)).try_init();
    std::panic::set_hook(Box::new(log_panic));
}

/// The lines that are kept. If there is no more room, all of them are written.
static KEPT: LazyLock<Mutex<BufWriter<Stdout>>> =
    LazyLock::new(|| Mutex::new(BufWriter::with_capacity(16 * 1024, io::stdout())));

fn kept() -> MutexGuard<'static, BufWriter<Stdout>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the lines that are kept.
pub(super) fn write_kept() {
    // If nobody reads the log, nobody can be told.
    let _ = kept().flush();
}

/// Keeps what is written.
struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        kept().write(bytes)
    }

    /// Keeps the lines of two threads apart, even where one does not fit.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        kept().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        kept().flush()
    }
}

/// Logs our lines from INFO and other crates' lines from WARN. No environment variable can change this, because at
/// lower levels the SDK and the runtime log what they send and receive.
fn lines<W: for<'a> MakeWriter<'a> + Send + Sync + 'static>(writer: W) -> impl Layer<Registry> + Send + Sync {
    let ours =
        filter_fn(|line| OURS.iter().any(|name| line.target().starts_with(name)) || *line.level() <= Level::WARN);
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer)
        .with_filter(ours)
        .with_filter(LevelFilter::INFO)
}

/// The text of a panic may contain any value that the code was using. So the log says only where it happened.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    error!(place, "panicked");
}

/// Log lines, kept for a test.
#[cfg(test)]
pub(crate) mod captured {
    use serde_json::Value;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, Once};
    use tracing::subscriber::DefaultGuard;
    use tracing_subscriber::layer::SubscriberExt;

    /// The lines of this thread, from the capture's begin until it is dropped.
    pub(crate) struct Captured {
        text: Sink,
        _guard: DefaultGuard,
    }

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("unpoisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Captured {
        pub(crate) fn begin() -> Captured {
            // If a thread reaches a line for the first time while no subscriber is interested, `tracing` may note that
            // nobody ever is. A test that begins just then would miss the line. So one subscriber is always interested.
            static ALWAYS: Once = Once::new();
            ALWAYS.call_once(|| {
                let nowhere = tracing_subscriber::registry().with(super::lines(io::sink));
                // This fails only if there is one already.
                let _ = tracing::subscriber::set_global_default(nowhere);
            });
            let text = Sink::default();
            let sink = text.clone();
            let subscriber = tracing_subscriber::registry().with(super::lines(move || sink.clone()));
            Captured { text, _guard: tracing::subscriber::set_default(subscriber) }
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.text.0.lock().expect("unpoisoned").clone()).expect("UTF-8")
        }

        /// Each line without its time.
        pub(crate) fn lines(&self) -> Vec<Value> {
            let without_time = |line: &str| {
                let mut line: Value = serde_json::from_str(line).expect("each line is JSON");
                let fields = line.as_object_mut().expect("each line is an object");
                assert!(fields.remove("timestamp").is_some_and(|time| time.is_string()), "each line has a time");
                line
            };
            self.text().lines().map(without_time).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::captured::Captured;
    use super::*;
    use serde_json::json;
    use std::panic::{catch_unwind, set_hook, take_hook};
    use tracing::{debug, debug_span, info, warn};

    #[test]
    fn our_lines_start_at_info_and_other_crates_lines_at_warn() {
        let captured = Captured::begin();
        info!(number = 7, "ours");
        debug!("ours, and too low");
        info!(target: "hyper", "another's, and too low");
        warn!(target: "hyper", "another's");
        let in_span = debug_span!("span", secret = "5ecret");
        in_span.in_scope(|| error!("in a span"));
        let expected = [
            json!({ "level": "INFO", "message": "ours", "number": 7 }),
            json!({ "level": "WARN", "message": "another's" }),
            json!({ "level": "ERROR", "message": "in a span" }),
        ];
        assert_eq!(captured.lines(), expected);
    }

    #[test]
    fn the_line_about_a_panic_has_its_place_and_not_its_text() {
        let captured = Captured::begin();
        let before = take_hook();
        set_hook(Box::new(log_panic));
        let panicked = catch_unwind(|| panic!("5ecret"));
        set_hook(before);
        assert!(panicked.is_err());
        let lines = captured.lines();
        assert!(lines[0]["place"].as_str().is_some_and(|place| place.contains("logs.rs:")), "{lines:?}");
        assert!(lines.len() == 1 && !captured.text().contains("5ecret"), "{lines:?}");
    }
}
