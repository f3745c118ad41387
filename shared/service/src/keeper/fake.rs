//! A source that does what a test says, and a history of what happened.

use super::{LoadError, Source};
use crate::system::System;
use crate::system::fake::FakeSystem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

/// What a source has. Each rotation replaces it by the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item(pub(super) u32);

/// What a source does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// After this time it brings the item that it had when it was asked.
    Brings(Duration),
    /// It fails after this time.
    Fails(Duration),
    /// It never answers.
    Hangs,
    /// Its code panics.
    Panics,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A load begins.
    Began(Mode),
    /// A load begins while another one runs.
    BeganBesideAnother,
    Loaded(Item),
    Failed(&'static str),
    /// A request gets an item that is not fresh.
    Stale,
    Asked(usize, Mode),
    Answered(usize, Option<Item>),
    WarmUp(usize),
    WarmedUp(usize, Option<Duration>),
    Rotated,
    ClockSet,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) wall: SystemTime,
    pub(super) what: What,
}

#[derive(Clone)]
pub(super) struct FakeSource {
    system: Arc<FakeSystem>,
    state: Arc<Mutex<State>>,
}

struct State {
    mode: Mode,
    item: Item,
    /// Attempts that run now.
    running: u32,
    /// Whether a load runs. A load may have two attempts.
    loading: bool,
    attempts: u32,
    history: Vec<Entry>,
}

impl FakeSource {
    pub(super) fn new(system: &Arc<FakeSystem>, mode: Mode) -> FakeSource {
        let state = State { mode, item: Item(1), running: 0, loading: false, attempts: 0, history: Vec::new() };
        FakeSource { system: Arc::clone(system), state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.lock().mode = mode;
    }

    pub(super) fn rotate(&self) {
        self.lock().item.0 += 1;
        self.note(What::Rotated);
    }

    pub(super) fn mode(&self) -> Mode {
        self.lock().mode
    }

    /// How many attempts to load there were.
    pub(super) fn attempts(&self) -> u32 {
        self.lock().attempts
    }

    pub(super) fn note(&self, what: What) {
        let entry = Entry { at: Instant::now(), wall: self.system.wall_clock(), what };
        self.lock().history.push(entry);
    }

    /// What has happened since the last call.
    pub(super) fn take_history(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().history)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("unpoisoned")
    }

    fn begin(&self) -> (Mode, Item) {
        let (mode, item, first, beside) = {
            let mut state = self.lock();
            state.attempts += 1;
            state.running += 1;
            let first = !std::mem::replace(&mut state.loading, true);
            (state.mode, state.item, first, state.running > 1)
        };
        if beside {
            self.note(What::BeganBesideAnother);
        } else if first {
            self.note(What::Began(mode));
        }
        (mode, item)
    }
}

impl Source for FakeSource {
    type Item = Item;

    async fn load(&self) -> Result<Item, LoadError> {
        /// Counts the attempt as ended when it is dropped, for any reason.
        struct Attempt<'a>(&'a FakeSource);
        impl Drop for Attempt<'_> {
            fn drop(&mut self) {
                self.0.lock().running -= 1;
            }
        }
        let (mode, item) = self.begin();
        let _attempt = Attempt(self);
        match mode {
            Mode::Brings(after) => {
                sleep(after).await;
                Ok(item)
            }
            Mode::Fails(after) => {
                sleep(after).await;
                Err(LoadError { outcome: "refused", reason: "as the test says".to_owned() })
            }
            Mode::Hangs => std::future::pending().await,
            // This panics without printing a message.
            Mode::Panics => std::panic::resume_unwind(Box::new("as the test says")),
        }
    }

    fn loaded(&self, item: &Item) {
        self.lock().loading = false;
        self.note(What::Loaded(*item));
    }

    fn failed(&self, error: &LoadError) {
        self.lock().loading = false;
        self.note(What::Failed(error.outcome));
    }

    fn stale(&self) {
        self.note(What::Stale);
    }
}
