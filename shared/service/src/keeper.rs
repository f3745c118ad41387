//! Keeps an item that is loaded from elsewhere: loads it, hands it out, and refreshes it while requests come.
//!
//! A [`Source`] knows what the item is and where it comes from. [`kept`] decides when to load, when to wait and when to
//! give up. This file runs the loads and lets requests wait for them.

mod kept;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod model;

use crate::keeper::kept::{Kept, Step};
use crate::system::System;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Loads the item, and is told how each load ends.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is kept.
    type Item: PartialEq + Send + Sync + 'static;

    /// Tries once to load the item. If this takes too long, the keeper drops it.
    fn load(&self) -> impl Future<Output = Result<Self::Item, LoadError>> + Send;

    /// A load has brought this item.
    fn loaded(&self, item: &Self::Item);

    /// A load has failed.
    fn failed(&self, error: &LoadError);

    /// A request gets an item that is no longer fresh.
    fn stale(&self);
}

/// Why nothing was loaded, in words that are safe to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadError {
    pub(crate) outcome: &'static str,
    pub(crate) reason: String,
}

/// How long an item may be used, and how long loads may take and requests may wait.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// How long an item is fresh, counted from the begin of its load. From then on the source may have another item.
    pub(crate) fresh_for: Duration,
    /// How long an item that is no longer fresh may still be used, if no newer one can be loaded.
    pub(crate) max_stale: Duration,
    /// How long a request waits for a refresh while there is an older item to use.
    pub(crate) refresh_wait: Duration,
    /// How many requests wait for one refresh. If Lambda freezes the environment after each answer, the refresh runs
    /// only while they wait.
    pub(crate) refresh_waits: u32,
    /// The shortest time from one such wait to the next. So if many requests come quickly, not all of them are slow.
    pub(crate) refresh_wait_every: Duration,
    /// How long one attempt to load may run, and how many there are in a load.
    pub(crate) attempt: Duration,
    pub(crate) attempts: u32,
    /// How long a load may run: its attempts and a little more.
    pub(crate) load: Duration,
    /// The pause after a failed load while there is an item. Each further failure doubles it, up to the range's end.
    pub(crate) refresh_pause: Range<Duration>,
    /// The pause after a failed load while there is no item. Until it is over, every request is refused at once.
    pub(crate) first_load_pause: Range<Duration>,
}

impl Times {
    pub(crate) const fn new(fresh_for: Duration, max_stale: Duration) -> Times {
        Times {
            fresh_for,
            max_stale,
            refresh_wait: Duration::from_millis(100),
            refresh_waits: 10,
            refresh_wait_every: Duration::from_millis(500),
            attempt: Duration::from_millis(1200),
            attempts: 2,
            load: Duration::from_millis(3000),
            refresh_pause: Duration::from_secs(5)..Duration::from_secs(60),
            first_load_pause: Duration::from_secs(1)..Duration::from_secs(5),
        }
    }

    /// How long after the begin of its load an item may be used.
    fn usable_for(&self) -> Duration {
        self.fresh_for + self.max_stale
    }
}

/// Loads and keeps one item.
pub(crate) struct Keeper<S: Source>(Arc<Inner<S>>);

struct Inner<S: Source> {
    source: S,
    times: Times,
    system: Arc<dyn System>,
    state: Mutex<State<S::Item>>,
}

struct State<T> {
    kept: Kept<T>,
    /// The task of the load that runs.
    running: Option<Running>,
}

/// A load that runs. It is a task of its own, so it goes on when a request stops waiting.
struct Running {
    /// Closed when the load has ended.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

impl<S: Source> Keeper<S> {
    pub(crate) fn new(source: S, times: Times, system: Arc<dyn System>) -> Keeper<S> {
        let state = Mutex::new(State { kept: Kept::new(times.clone()), running: None });
        Keeper(Arc::new(Inner { source, times, system, state }))
    }

    /// The item to use. Loads one if there is none, or if the item must be refreshed.
    ///
    /// If there is an item, no request waits longer than [`Times::refresh_wait`]. A load that takes longer goes on.
    /// Later requests wait for it too, one every [`Times::refresh_wait_every`]. So the load ends even if Lambda freezes
    /// the environment after each answer.
    ///
    /// `None`: no item was ever loaded, or the last one is too old by now.
    pub(crate) async fn item(&self) -> Option<Arc<S::Item>> {
        if let Some(running) = self.0.look_up() {
            let times = &self.0.times;
            let patience = if self.at_hand().is_some() { times.refresh_wait } else { times.load };
            wait(running, Instant::now() + patience).await;
        }
        let (item, fresh) = {
            let (state, now) = (self.0.lock(), self.0.system.wall_clock());
            (state.kept.usable(now), state.kept.is_fresh(now))
        };
        if item.is_some() && !fresh {
            self.0.source.stale();
        }
        item
    }

    /// Where the item comes from.
    pub(crate) fn source(&self) -> &S {
        &self.0.source
    }

    /// The item, fresh or not, if there is one that may still be used. Never waits.
    pub(crate) fn at_hand(&self) -> Option<Arc<S::Item>> {
        self.0.lock().kept.usable(self.0.system.wall_clock())
    }

    /// Loads the item anew, even if it is fresh, and waits for the load. If the source got a new item before this call,
    /// that item is in use after it. Calls during a load share the next load.
    ///
    /// Returns how long the item is fresh from now on. `None`: it cannot be loaded now, and the older one stays in use.
    pub(crate) async fn refresh(&self) -> Option<Duration> {
        // A load that runs already may have read what the source had before. So this waits for the one after it.
        let wanted = self.0.lock().kept.next_load();
        let patience = Instant::now() + 2 * self.0.times.load;
        loop {
            let running = {
                let mut state = self.0.lock();
                let now = self.0.system.wall_clock();
                if let Some(succeeded) = state.kept.ended_since(wanted) {
                    return succeeded.then(|| state.kept.fresh_for(now));
                }
                let running = state.running.as_ref().map(|running| running.ended.clone());
                running.unwrap_or_else(|| {
                    let id = state.kept.begin(now);
                    self.0.run(&mut state, id)
                })
            };
            if !wait(running, patience).await {
                return None;
            }
        }
    }
}

impl<S: Source> Inner<S> {
    /// What a request waits for before it takes the item, if anything.
    fn look_up(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        let mut state = self.lock();
        let now = self.system.wall_clock();
        match state.kept.step(now) {
            Step::Take => None,
            Step::Join => state.running.as_ref().map(|running| running.ended.clone()),
            Step::Begin(id) => Some(self.run(&mut state, id)),
            Step::Abandon(id) => {
                // Its connection may be broken. Ending the task drops it.
                if let Some(running) = &state.running {
                    running.task.abort();
                }
                let reason = "no answer, although several requests waited".to_owned();
                self.end(&mut state, id, now, Err(LoadError { outcome: "timeout", reason }));
                None
            }
        }
    }

    /// Runs the load of this number.
    fn run(self: &Arc<Self>, state: &mut State<S::Item>, id: u64) -> watch::Receiver<()> {
        let (sender, ended) = watch::channel(());
        let ending = Ending { keeper: Arc::clone(self), id, _ended: sender };
        let task = tokio::spawn(async move {
            let keeper = &ending.keeper;
            let loaded = keeper.load().await;
            keeper.end(&mut keeper.lock(), id, keeper.system.wall_clock(), loaded);
        });
        state.running = Some(Running { ended: ended.clone(), task: task.abort_handle() });
        ended
    }

    async fn load(&self) -> Result<S::Item, LoadError> {
        for _ in 0..self.times.attempts {
            // If an attempt hangs, another one follows, on another connection. If an attempt fails, the load fails:
            // where another try could help, the source has tried again itself.
            tokio::select! {
                loaded = self.source.load() => return loaded,
                () = running_time(self.times.attempt) => {}
            }
        }
        Err(LoadError { outcome: "timeout", reason: "no answer in time".to_owned() })
    }

    /// Ends the load of this number, unless it was ended before.
    fn end(&self, state: &mut State<S::Item>, id: u64, now: SystemTime, loaded: Result<S::Item, LoadError>) {
        if !state.kept.is_running(id) {
            return;
        }
        state.running = None;
        // The next load comes at a random moment. So environments that began together don't all load together. Without
        // randomness they do.
        let randomness = self.system.spread().unwrap_or(u32::MAX);
        match loaded {
            Ok(item) => {
                self.source.loaded(&item);
                state.kept.loaded(item, randomness);
            }
            Err(error) => {
                self.source.failed(&error);
                state.kept.failed(now, randomness);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S::Item>> {
        // No code panics while it holds the lock. Even after a panic the item would be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cleans up after a load, even after a panic.
struct Ending<S: Source> {
    keeper: Arc<Inner<S>>,
    id: u64,
    /// Dropped last. This wakes the requests that wait, and they look again.
    _ended: watch::Sender<()>,
}

impl<S: Source> Drop for Ending<S> {
    fn drop(&mut self) {
        // A load that panicked counts as failed. Otherwise no other load could ever begin.
        if std::thread::panicking() {
            let error = LoadError { outcome: "panicked", reason: "the service made a mistake".to_owned() };
            self.keeper.end(&mut self.keeper.lock(), self.id, self.keeper.system.wall_clock(), Err(error));
        }
    }
}

/// Waits for a load's end, but not longer than this. Returns whether it has ended.
async fn wait(mut ended: watch::Receiver<()>, until: Instant) -> bool {
    // The load sends nothing. When it ends, the channel closes, and `changed` returns an error.
    tokio::time::timeout_at(until, ended.changed()).await.is_ok()
}

/// Waits until the process has been running or idle for this long. Time in which Lambda keeps it frozen hardly counts,
/// even if tokio's clock goes on.
async fn running_time(limit: Duration) {
    const TICK: Duration = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / TICK.as_millis() {
        tokio::time::sleep(TICK).await;
    }
}
