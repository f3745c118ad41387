//! What is kept, and what to do with it at a given moment. Reads no clock, draws no randomness and starts no tasks.

use super::Times;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// All moments are wall time, because other clocks may stand still while Lambda keeps the environment frozen. All spans
/// are ranges. So if the clock is set back before a span's begin, the span is over too. Otherwise the span would last
/// until the clock had caught up.
pub(super) struct Kept<T> {
    times: Times,
    item: Option<Arc<T>>,
    /// While the clock is in this span, the item is fresh.
    fresh: Range<SystemTime>,
    /// While the clock is in this span, requests load nothing: the item is fresh enough, or a load has just failed.
    rest: Range<SystemTime>,
    /// How many loads have failed since the last one that succeeded.
    failures: u32,
    /// The load that runs. There is one at most.
    load: Option<Load>,
    /// The number of the last load that has begun.
    begun: u64,
    /// The number of the last load that has ended, and whether it succeeded.
    ended: (u64, bool),
}

struct Load {
    began: SystemTime,
    /// How many requests may still wait for it.
    waits: u32,
    /// While the clock is in this span, no further request waits for the load: another one has just begun to wait.
    waited_for: Range<SystemTime>,
}

/// What a request does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Don't wait. Take the item, if there is one.
    Take,
    /// Run the load of this number, and wait for it.
    Begin(u64),
    /// Wait for the load that runs.
    Join,
    /// Drop the load of this number: its time is over.
    Abandon(u64),
}

/// An empty span.
const NEVER: Range<SystemTime> = UNIX_EPOCH..UNIX_EPOCH;

impl<T: PartialEq> Kept<T> {
    pub(super) fn new(times: Times) -> Kept<T> {
        Kept { times, item: None, fresh: NEVER, rest: NEVER, failures: 0, load: None, begun: 0, ended: (0, false) }
    }

    /// What a request does now.
    pub(super) fn step(&mut self, now: SystemTime) -> Step {
        if self.rest.contains(&now) {
            return Step::Take;
        }
        let at_hand = self.is_usable(now);
        let step = match &self.load {
            None => Step::Begin(self.begin(now)),
            // Without an item there is nothing else to do.
            Some(_) if !at_hand => Step::Join,
            Some(load) if load.waited_for.contains(&now) => return Step::Take,
            Some(load) if load.waits == 0 => return Step::Abandon(self.begun),
            Some(_) => Step::Join,
        };
        if let Some(load) = &mut self.load {
            load.waits = load.waits.saturating_sub(1);
            load.waited_for = now..now + self.times.refresh_wait_every;
        }
        step
    }

    /// Begins a load, and returns its number.
    pub(super) fn begin(&mut self, now: SystemTime) -> u64 {
        self.begun += 1;
        self.load = Some(Load { began: now, waits: self.times.refresh_waits, waited_for: NEVER });
        self.begun
    }

    /// Whether the load of this number runs.
    pub(super) fn is_running(&self, id: u64) -> bool {
        self.load.is_some() && self.begun == id
    }

    /// The load that runs has brought this item.
    pub(super) fn loaded(&mut self, item: T, randomness: u32) {
        let Some(Load { began, .. }) = self.load.take() else { return };
        self.ended = (self.begun, true);
        // If the new item is equal, the old object stays. So what was made with it stays valid.
        if self.item.as_deref() != Some(&item) {
            self.item = Some(Arc::new(item));
        }
        let fresh_for = self.times.fresh_for;
        self.fresh = began..began + fresh_for;
        // The next load begins before the item stops being fresh. So in steady traffic the item is always fresh. Each
        // environment loads at another moment.
        self.rest = began..began + between(fresh_for * 17 / 20, fresh_for * 19 / 20, randomness);
        self.failures = 0;
    }

    /// The load that runs has failed.
    pub(super) fn failed(&mut self, now: SystemTime, randomness: u32) {
        self.load = None;
        self.ended = (self.begun, false);
        let (pause, until) = match self.is_usable(now) {
            // The pause ends when the item is too old, because the pauses without an item are shorter.
            true => (&self.times.refresh_pause, self.fresh.start + self.times.usable_for()),
            false => (&self.times.first_load_pause, now + self.times.first_load_pause.end),
        };
        let doubled = pause.start.saturating_mul(1 << self.failures.min(16)).min(pause.end);
        self.rest = now..until.min(now + between(doubled / 2, doubled, randomness));
        self.failures = self.failures.saturating_add(1);
    }

    /// The item, unless it is too old by now.
    pub(super) fn usable(&self, now: SystemTime) -> Option<Arc<T>> {
        self.item.clone().filter(|_| self.is_usable(now))
    }

    fn is_usable(&self, now: SystemTime) -> bool {
        // If the clock was set back, the item's age is unknown. Then it counts as new.
        let age = now.duration_since(self.fresh.start).unwrap_or_default();
        self.item.is_some() && age < self.times.usable_for()
    }

    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        self.fresh.contains(&now)
    }

    /// How long the item is fresh from now on.
    pub(super) fn fresh_for(&self, now: SystemTime) -> Duration {
        self.fresh.end.duration_since(now).unwrap_or_default()
    }

    /// The number that the next load will have.
    pub(super) fn next_load(&self) -> u64 {
        self.begun + 1
    }

    /// Whether the last load that ended has succeeded. `None`: the load of this number has not ended yet.
    pub(super) fn ended_since(&self, id: u64) -> Option<bool> {
        let (ended, succeeded) = self.ended;
        (ended >= id).then_some(succeeded)
    }
}

/// A random duration between these two.
fn between(earliest: Duration, latest: Duration, randomness: u32) -> Duration {
    earliest + (latest - earliest).mul_f64(f64::from(randomness) / f64::from(u32::MAX))
}
