//! Tests each step in the life of the item that is kept. Time is paused, so the tests don't really wait.

mod clock;
mod warm_ups;

use super::fake::{Entry, FakeSource, Item, Mode, What};
use super::{Keeper, Times};
use crate::system::System;
use crate::system::fake::{FakeSystem, Randomness};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep};

const FRESH_FOR: Duration = Duration::from_secs(300);
const MAX_STALE: Duration = Duration::from_secs(3600);
/// A source that answers faster than a request waits.
const QUICK: Mode = Mode::Brings(ms(20));
/// A source that answers within an attempt, but later than a request waits.
const SLOW: Mode = Mode::Brings(ms(700));
const FAILS: Mode = Mode::Fails(ms(20));

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Clone)]
struct Rig {
    system: Arc<FakeSystem>,
    source: FakeSource,
    keeper: Arc<Keeper<FakeSource>>,
}

impl Rig {
    /// A keeper that draws the longest of all pauses.
    fn new(mode: Mode) -> Rig {
        Rig::with(mode, Times::new(FRESH_FOR, MAX_STALE))
    }

    fn with(mode: Mode, times: Times) -> Rig {
        let system = FakeSystem::new(Randomness::Always(0xff));
        let source = FakeSource::new(&system, mode);
        let keeper = Keeper::new(source.clone(), times, system.clone() as Arc<dyn System>);
        Rig { system, source, keeper: Arc::new(keeper) }
    }

    /// A keeper that has just loaded its first item.
    async fn loaded() -> Rig {
        let rig = Rig::new(QUICK);
        assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)));
        rig.source.take_history();
        rig
    }

    /// The item that a request gets, and how long it waits.
    async fn ask(&self) -> (Option<Item>, Duration) {
        let asked = Instant::now();
        let item = self.keeper.item().await;
        (item.as_deref().copied(), asked.elapsed())
    }

    fn spawn_ask(&self) -> JoinHandle<(Option<Item>, Duration)> {
        let rig = self.clone();
        tokio::spawn(async move { rig.ask().await })
    }

    fn spawn_refresh(&self) -> JoinHandle<Option<Duration>> {
        let rig = self.clone();
        tokio::spawn(async move { rig.keeper.refresh().await })
    }

    /// The environment is frozen. The wall clock goes on.
    fn freeze(&self, time: Duration) {
        self.system.set_forward(time);
    }

    fn told(&self) -> Vec<What> {
        self.source.take_history().into_iter().map(|Entry { what, .. }| what).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_waits_for_the_first_load() {
    let rig = Rig::new(SLOW);
    assert_eq!(rig.keeper.at_hand(), None);
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(700)));
    assert_eq!(rig.told(), [What::Began(SLOW), What::Loaded(Item(1))]);
    assert_eq!(rig.keeper.at_hand().as_deref(), Some(&Item(1)));
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_share_a_load() {
    let rig = Rig::new(SLOW);
    let asked = [rig.spawn_ask(), rig.spawn_ask(), rig.spawn_ask()];
    for asked in asked {
        assert_eq!(asked.await.expect("it ends"), (Some(Item(1)), ms(700)));
    }
    assert_eq!(rig.source.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_goes_on_when_its_request_is_gone() {
    let rig = Rig::new(SLOW);
    let asked = rig.spawn_ask();
    sleep(ms(100)).await;
    asked.abort();
    sleep(ms(600)).await;
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)));
    assert_eq!(rig.source.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_followed_by_another() {
    let rig = Rig::new(Mode::Hangs);
    let asked = rig.spawn_ask();
    sleep(ms(1000)).await;
    rig.source.set(QUICK);
    assert_eq!(asked.await.expect("it ends"), (Some(Item(1)), ms(1220)));
    assert_eq!(rig.source.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_costs_the_first_request_two_attempts() {
    let rig = Rig::new(Mode::Hangs);
    assert_eq!(rig.ask().await, (None, ms(2400)));
    assert_eq!(rig.told(), [What::Began(Mode::Hangs), What::Failed("timeout")]);
    assert_eq!(rig.source.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_is_not_repeated() {
    let rig = Rig::new(FAILS);
    assert_eq!(rig.ask().await, (None, ms(20)));
    assert_eq!(rig.source.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_item_is_handed_out_at_once() {
    let rig = Rig::loaded().await;
    rig.source.rotate();
    sleep(secs(280)).await;
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)));
    assert_eq!(rig.told(), [What::Rotated], "nothing was loaded, nothing is stale");
}

#[tokio::test(start_paused = true)]
async fn an_item_is_refreshed_after_85_to_95_hundredths_of_its_life() {
    for (randomness, rest) in [(0, secs(255)), (0xff, secs(285))] {
        let rig = Rig::new(QUICK);
        rig.system.draw_from(Randomness::Always(randomness));
        let began = Instant::now();
        rig.ask().await;
        rig.source.rotate();
        sleep(rest - ms(1) - began.elapsed()).await;
        assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)), "{rest:?}");
        sleep(ms(1)).await;
        assert_eq!(rig.ask().await, (Some(Item(2)), ms(20)), "{rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_randomness_it_is_refreshed_all_the_same() {
    let rig = Rig::new(QUICK);
    rig.system.draw_from(Randomness::Missing);
    rig.ask().await;
    rig.source.rotate();
    sleep(secs(285)).await;
    assert_eq!(rig.ask().await.0, Some(Item(2)));
}

#[tokio::test(start_paused = true)]
async fn an_equal_item_stays_the_same_object() {
    let rig = Rig::loaded().await;
    let before = rig.keeper.at_hand().expect("loaded");
    rig.keeper.refresh().await.expect("it answers");
    assert!(Arc::ptr_eq(&before, &rig.keeper.at_hand().expect("loaded")));
    rig.source.rotate();
    rig.keeper.refresh().await.expect("it answers");
    assert!(!Arc::ptr_eq(&before, &rig.keeper.at_hand().expect("loaded")));
}

#[tokio::test(start_paused = true)]
async fn a_slow_refresh_makes_one_request_in_500_ms_wait_and_no_longer_than_100() {
    let rig = Rig::loaded().await;
    rig.source.set(Mode::Brings(ms(1080)));
    rig.source.rotate();
    sleep(secs(290)).await;
    // The item stays fresh for a while, so nothing is stale.
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(100)), "it begins the refresh");
    for _ in 0..4 {
        assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)), "another one waits already");
        sleep(ms(100)).await;
    }
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(100)));
    sleep(ms(400)).await;
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(80)), "the load has its 1080 ms by now");
    let told = [What::Rotated, What::Began(Mode::Brings(ms(1080))), What::Loaded(Item(2))];
    assert_eq!(rig.told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_stale_item_serves_while_loads_fail_and_each_request_says_so() {
    let rig = Rig::loaded().await;
    rig.source.set(FAILS);
    sleep(FRESH_FOR - ms(20)).await;
    // At exactly this moment the item stops being fresh.
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)));
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)));
    assert_eq!(rig.told(), [What::Began(FAILS), What::Failed("refused"), What::Stale, What::Stale]);
}

/// Asks all the time. Returns the milliseconds from each failure to the next load, for this many failures.
async fn pauses(rig: &Rig, failures: usize) -> Vec<u128> {
    let (mut pauses, mut failed) = (Vec::new(), None);
    while pauses.len() < failures {
        rig.ask().await;
        sleep(ms(500)).await;
        for Entry { at, what, .. } in rig.source.take_history() {
            match (what, failed) {
                (What::Failed(_), _) => failed = Some(at),
                (What::Began(_), Some(failed)) => pauses.push((at - failed).as_millis()),
                _ => {}
            }
        }
    }
    pauses
}

#[tokio::test(start_paused = true)]
async fn with_an_item_the_pauses_double_from_5_to_60_seconds() {
    let longest = [5_000, 10_000, 20_000, 40_000, 60_000, 60_000];
    for (randomness, expected) in [(0xff, longest), (0, longest.map(|pause| pause / 2))] {
        let rig = Rig::loaded().await;
        rig.system.draw_from(Randomness::Always(randomness));
        rig.source.set(FAILS);
        sleep(secs(290)).await;
        assert_eq!(pauses(&rig, 6).await, expected);
        // After one success the pauses are short again.
        rig.source.set(QUICK);
        rig.keeper.refresh().await.expect("it answers");
        rig.source.set(FAILS);
        rig.keeper.refresh().await;
        assert_eq!(pauses(&rig, 2).await, expected[..2]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_item_the_pauses_double_from_1_to_5_seconds_and_requests_are_refused_at_once() {
    let rig = Rig::new(FAILS);
    rig.ask().await;
    assert_eq!(rig.ask().await, (None, ms(0)));
    assert_eq!(pauses(&rig, 5).await, [1_000, 2_000, 4_000, 5_000, 5_000]);
    rig.source.set(QUICK);
    sleep(secs(5)).await;
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)), "healed without a restart");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_not_handed_out() {
    for max_stale in [MAX_STALE, Duration::ZERO] {
        let rig = Rig::with(QUICK, Times::new(FRESH_FOR, max_stale));
        let began = Instant::now();
        rig.ask().await;
        rig.source.set(Mode::Fails(ms(0)));
        sleep(FRESH_FOR + max_stale - ms(1) - began.elapsed()).await;
        assert_eq!(rig.ask().await.0, Some(Item(1)), "its last moment");
        sleep(ms(1)).await;
        assert_eq!(rig.keeper.at_hand(), None);
        // The pause after the failure ends when the item is too old. Without an item, the next load comes soon.
        let attempts = rig.source.attempts();
        assert_eq!(rig.ask().await, (None, ms(0)));
        assert_eq!(rig.source.attempts(), attempts + 1);
        rig.source.set(QUICK);
        sleep(secs(5)).await;
        assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_panics_is_one_that_failed() {
    let rig = Rig::new(Mode::Panics);
    assert_eq!(rig.ask().await, (None, ms(0)));
    assert_eq!(rig.keeper.refresh().await, None);
    let failed = [What::Began(Mode::Panics), What::Failed("panicked")];
    assert_eq!(rig.told(), [failed.clone(), failed].concat());
    rig.source.set(QUICK);
    sleep(secs(2)).await;
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)));
}
