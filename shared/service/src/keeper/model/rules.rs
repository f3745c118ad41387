//! The rules that a keeper follows in every run.

use crate::keeper::Times;
use crate::keeper::fake::{Entry, Item, Mode, What};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Follow what happens to a keeper. Panic when a rule is broken.
pub(super) struct Rules {
    times: Times,
    newest: Item,
    /// The item of the last successful load, and when that load began.
    loaded: Option<(Item, SystemTime)>,
    /// The failures since then.
    failures: Vec<Failure>,
    running: Option<Load>,
    /// How many loads have begun.
    begun: usize,
    /// The number of the last load that has ended, and whether it succeeded.
    ended: (usize, bool),
    asked: BTreeMap<usize, Asked>,
    warm_ups: BTreeMap<usize, WarmUp>,
    clock_sets: usize,
    /// A request says that its item is stale, just before its answer.
    stale: bool,
}

struct Load {
    at: Instant,
    wall: SystemTime,
    /// The requests that waited for this load although they had an item: when each came.
    waited: Vec<SystemTime>,
    /// How many requests came while it ran.
    asked: u32,
}

struct Failure {
    wall: SystemTime,
    /// The shortest and the longest pause that may follow.
    pause: (Duration, Duration),
}

struct Asked {
    at: Instant,
    wall: SystemTime,
    mode: Mode,
    had_item: bool,
    /// No load ran, and there was no reason not to load.
    must_begin: bool,
    begun: usize,
    clock_sets: usize,
}

struct WarmUp {
    at: Instant,
    newest: Item,
    begun: usize,
}

impl Rules {
    pub(super) fn new(times: Times) -> Rules {
        Rules {
            times,
            newest: Item(1),
            loaded: None,
            failures: Vec::new(),
            running: None,
            begun: 0,
            ended: (0, false),
            asked: BTreeMap::new(),
            warm_ups: BTreeMap::new(),
            clock_sets: 0,
            stale: false,
        }
    }

    /// What the source has now.
    pub(super) fn newest(&self) -> Item {
        self.newest
    }

    pub(super) fn see(&mut self, entry: &Entry) {
        let Entry { at, wall, what } = entry;
        match what {
            What::Rotated => self.newest.0 += 1,
            What::ClockSet => self.clock_sets += 1,
            What::BeganBesideAnother => panic!("two loads at once"),
            What::Began(_) => self.began(*at, *wall),
            What::Loaded(item) => {
                let load = self.end(true);
                self.loaded = Some((*item, load.wall));
                self.failures.clear();
            }
            What::Failed(outcome) => self.failed(*at, *wall, outcome),
            What::Stale => self.stale = true,
            What::Asked(id, mode) => {
                if let Some(load) = &mut self.running {
                    load.asked += 1;
                }
                let asked = Asked {
                    at: *at,
                    wall: *wall,
                    mode: *mode,
                    had_item: self.usable(*wall).is_some(),
                    must_begin: self.running.is_none() && !self.may_rest(*wall),
                    begun: self.begun,
                    clock_sets: self.clock_sets,
                };
                self.asked.insert(*id, asked);
            }
            What::Answered(id, item) => {
                let asked = self.asked.remove(id).expect("it asked");
                self.answered(asked, *at, *wall, *item);
            }
            What::WarmUp(id) => {
                self.warm_ups.insert(*id, WarmUp { at: *at, newest: self.newest, begun: self.begun });
            }
            What::WarmedUp(id, fresh_for) => {
                let warm_up = self.warm_ups.remove(id).expect("it began");
                self.warmed_up(&warm_up, *at, *wall, *fresh_for);
            }
        }
    }

    fn began(&mut self, at: Instant, wall: SystemTime) {
        assert!(!self.asked.is_empty() || !self.warm_ups.is_empty(), "nobody needs this load");
        assert!(!self.warm_ups.is_empty() || !self.must_rest(wall), "this load comes too early");
        self.begun += 1;
        let asked = u32::try_from(self.asked.len()).expect("few");
        self.running = Some(Load { at, wall, waited: Vec::new(), asked });
    }

    fn failed(&mut self, at: Instant, wall: SystemTime, outcome: &str) {
        let load = self.end(false);
        let times = &self.times;
        let had_its_time = at - load.at >= times.attempt * times.attempts || load.asked >= times.refresh_waits;
        assert!(outcome != "timeout" || had_its_time, "given up too early");
        let pauses = match self.usable(wall) {
            Some(_) => &times.refresh_pause,
            None => &times.first_load_pause,
        };
        let doubled = (pauses.start * 2_u32.pow(self.failures.len().min(10) as u32)).min(pauses.end);
        // The pause lasts no longer than the older item may be used.
        let left = match self.loaded.filter(|_| self.usable(wall).is_some()) {
            Some((_, began)) => (began + times.usable_for()).duration_since(wall).expect("usable"),
            None => Duration::MAX,
        };
        self.failures.push(Failure { wall, pause: ((doubled / 2).min(left), doubled.min(left)) });
    }

    fn end(&mut self, succeeded: bool) -> Load {
        self.ended = (self.begun, succeeded);
        self.running.take().expect("it ran")
    }

    fn answered(&mut self, asked: Asked, at: Instant, wall: SystemTime, item: Option<Item>) {
        assert_eq!(item, self.usable(wall), "what was loaded last, unless it is too old");
        let stale = std::mem::take(&mut self.stale);
        assert_eq!(stale, item.is_some() && !self.is_fresh(wall), "only a stale item is reported as stale");

        let waited = at - asked.at;
        let patience = if asked.had_item { self.times.refresh_wait } else { self.times.load };
        assert!(waited <= patience, "it waited {waited:?} of {patience:?}");
        if let Some(load) = self.running.as_mut().filter(|_| asked.had_item && !waited.is_zero()) {
            let last = load.waited.last().copied();
            let apart = last.is_none_or(|last| asked.wall < last || asked.wall >= last + self.times.refresh_wait_every);
            assert!(apart, "another request waited just before");
            load.waited.push(asked.wall);
            assert!(load.waited.len() <= self.times.refresh_waits as usize, "too many have waited");
        }
        if asked.must_begin {
            assert!(self.begun > asked.begun, "a load was due");
            let quick = asked.mode == Mode::Brings(Duration::from_millis(20));
            if quick && asked.clock_sets == self.clock_sets {
                assert!(item.is_some() && self.is_fresh(wall), "a source that works brings a fresh item");
            }
        }
    }

    fn warmed_up(&self, warm_up: &WarmUp, at: Instant, wall: SystemTime, fresh_for: Option<Duration>) {
        let (ended, succeeded) = self.ended;
        let patience = 2 * self.times.load;
        let waited = at - warm_up.at;
        assert!(waited <= patience, "it waited {waited:?}");
        match (fresh_for, self.loaded) {
            (Some(fresh_for), Some((item, began))) => {
                assert!(ended > warm_up.begun && succeeded, "a later load has succeeded");
                assert!(item.0 >= warm_up.newest.0, "no older item than at its begin is in use");
                let end = began + self.times.fresh_for;
                assert_eq!(fresh_for, end.duration_since(wall).unwrap_or_default());
            }
            (Some(_), None) => panic!("nothing was ever loaded"),
            (None, _) => assert!((ended > warm_up.begun && !succeeded) || waited == patience, "it gave up too early"),
        }
    }

    /// The item that may be used.
    fn usable(&self, wall: SystemTime) -> Option<Item> {
        let (item, began) = self.loaded?;
        (wall.duration_since(began).unwrap_or_default() < self.times.fresh_for + self.times.max_stale).then_some(item)
    }

    fn is_fresh(&self, wall: SystemTime) -> bool {
        self.loaded.is_some_and(|(_, began)| (began..began + self.times.fresh_for).contains(&wall))
    }

    /// Whether it is too early to load: the item stays fresh for a good while, or a load has just failed.
    fn must_rest(&self, wall: SystemTime) -> bool {
        match (self.failures.last(), self.loaded) {
            (Some(failure), _) => (failure.wall..failure.wall + failure.pause.0).contains(&wall),
            (None, Some((_, began))) => (began..began + self.times.fresh_for * 85 / 100).contains(&wall),
            (None, None) => false,
        }
    }

    /// Whether it may be too early to load. Pauses are random: `must_rest` takes the shortest ones, this the longest.
    fn may_rest(&self, wall: SystemTime) -> bool {
        match (self.failures.last(), self.loaded) {
            (Some(failure), _) => (failure.wall..failure.wall + failure.pause.1).contains(&wall),
            (None, Some((_, began))) => (began..began + self.times.fresh_for * 95 / 100).contains(&wall),
            (None, None) => false,
        }
    }
}
