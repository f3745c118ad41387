//! Keeps an item that is loaded from elsewhere: loads it, hands it out, and refreshes it while requests come.
//!
//! What the item is and where it comes from is up to a [`Source`]. [`kept`] decides when to load, when to wait and when
//! to give up. This file runs the loads and lets requests wait for them.

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

/// Where an item comes from, and who is told of its loads.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is kept.
    type Item: PartialEq + Send + Sync + 'static;

    /// Tries once to load the item. It may hang: the keeper drops it when its time is over.
    fn load(&self) -> impl Future<Output = Result<Self::Item, LoadError>> + Send;

    /// A load has brought this item.
    fn loaded(&self, item: &Self::Item);

    /// A load has failed.
    fn failed(&self, error: &LoadError);

    /// A request gets an item that is not fresh any more.
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
    /// How long an item is as good as new. Counted from the moment its load began: from then on the source may have
    /// another one.
    pub(crate) fresh_for: Duration,
    /// How long an item that is not fresh any more may still be used, if no newer one can be loaded.
    pub(crate) max_stale: Duration,
    /// How long a request waits for a refresh while there is an older item to use.
    pub(crate) refresh_wait: Duration,
    /// How many requests wait for one refresh. If Lambda freezes the environment after each answer, the refresh runs
    /// only while they wait.
    pub(crate) refresh_waits: u32,
    /// From one such wait to the next. So if requests come closely one after the other, not all of them are slow.
    pub(crate) refresh_wait_every: Duration,
    /// How long one attempt to load may run, and how many there are in a load.
    pub(crate) attempt: Duration,
    pub(crate) attempts: u32,
    /// How long a load may run: its attempts and a little more.
    pub(crate) load: Duration,
    /// The pause after a failed load while there is an item. Each further failure doubles it, up to the end of the
    /// range.
    pub(crate) refresh_pause: Range<Duration>,
    /// The same while there is none. Until it is over, every request is refused at once.
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

/// A load under way. It is a task of its own beside the requests, so it goes on when a request stops waiting.
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

    /// The item to use. Loads one if there is none, or if the one there is must be refreshed.
    ///
    /// With an item at hand nobody waits longer than [`Times::refresh_wait`]. A load that takes longer goes on, and
    /// later requests wait for it again, one every [`Times::refresh_wait_every`]. So it comes to an end even if Lambda
    /// freezes the environment after each answer.
    ///
    /// `None`: no item could ever be loaded, or the last one is too old by now.
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

    /// The item that is there, fresh or not, if it may still be used. Never waits.
    pub(crate) fn at_hand(&self) -> Option<Arc<S::Item>> {
        self.0.lock().kept.usable(self.0.system.wall_clock())
    }

    /// Loads the item anew, even if it is fresh, and waits for it: what the source has had before this call is in use
    /// after it. Calls during a load share the next one.
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
                // Nobody knows what became of its connection.
                if let Some(running) = &state.running {
                    running.task.abort();
                }
                let reason = "no answer in all the time it was given".to_owned();
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
            // An attempt that hangs is followed by another one, on another connection. One that fails is the end: what
            // could be tried again, the source has tried again.
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
        // Random, so that environments that began together don't go on together. Without randomness they do.
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
        // Nothing panics while it holds the lock. If something did, the item would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every load leaves behind, however it ends.
struct Ending<S: Source> {
    keeper: Arc<Inner<S>>,
    id: u64,
    /// Dropped last: then the requests that wait look again.
    _ended: watch::Sender<()>,
}

impl<S: Source> Drop for Ending<S> {
    fn drop(&mut self) {
        // Otherwise no other load could ever begin.
        if std::thread::panicking() {
            let error = LoadError { outcome: "panicked", reason: "the service made a mistake".to_owned() };
            self.keeper.end(&mut self.keeper.lock(), self.id, self.keeper.system.wall_clock(), Err(error));
        }
    }
}

/// Waits for a load's end, but not longer than this. Returns whether it has ended.
async fn wait(mut ended: watch::Receiver<()>, until: Instant) -> bool {
    // The load sends nothing. That it has ended closes the channel, which is an error here.
    tokio::time::timeout_at(until, ended.changed()).await.is_ok()
}

/// Passes when the process has run, or could have run, for this long. The time in which Lambda keeps it frozen hardly
/// counts, whether or not tokio's clock goes on meanwhile.
async fn running_time(limit: Duration) {
    const TICK: Duration = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / TICK.as_millis() {
        tokio::time::sleep(TICK).await;
    }
}
