//! Tests with environments that are frozen, and clocks that are set.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_comes_back_after_hours_waits_for_a_load() {
    let rig = Rig::loaded().await;
    rig.source.rotate();
    rig.freeze(secs(12 * 3600));
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(20)));
    assert_eq!(rig.told(), [What::Rotated, What::Began(QUICK), What::Loaded(Item(2))], "nothing old was handed out");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_frozen_goes_on_after_the_thaw() {
    let rig = Rig::loaded().await;
    rig.source.set(SLOW);
    rig.source.rotate();
    sleep(secs(290)).await;
    rig.ask().await;
    // The load's time is not over, whether tokio's clock goes on or not.
    rig.freeze(secs(600));
    advance(secs(600)).await;
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(0)), "what was sent before has come");
    rig.source.set(Mode::Hangs);
    sleep(secs(290)).await;
    rig.ask().await;
    rig.source.take_history();
    for _ in 0..3 {
        advance(secs(60)).await;
        rig.ask().await;
    }
    assert_eq!(rig.told(), [What::Stale, What::Stale, What::Stale], "500 ms at most of its 1200 ms are over");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_frozen_again_and_again_is_abandoned_after_ten_waits() {
    let rig = Rig::loaded().await;
    rig.source.set(Mode::Hangs);
    rig.freeze(secs(290));
    for request in 1..=10 {
        assert_eq!(rig.ask().await, (Some(Item(1)), ms(100)), "request {request}");
        rig.freeze(ms(500));
    }
    rig.source.set(QUICK);
    rig.source.rotate();
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)), "no further request waits");
    assert_eq!(rig.told(), [What::Began(Mode::Hangs), What::Rotated, What::Failed("timeout")]);
    rig.freeze(secs(5));
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(20)), "the next one begins after a pause");
    // The abandoned load is gone. It ends no other load.
    sleep(secs(10)).await;
    assert_eq!(rig.told(), [What::Began(QUICK), What::Loaded(Item(2))]);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_abandoned_cannot_end_the_next_one() {
    let rig = Rig::loaded().await;
    rig.source.set(SLOW);
    rig.source.rotate();
    sleep(secs(290)).await;
    rig.ask().await;
    rig.source.take_history();
    // The first load ends once more. Another thread could do this while the load is being abandoned.
    let inner = &rig.keeper.0;
    inner.end(&mut inner.lock(), 1, rig.system.wall_clock(), Ok(Item(7)));
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)));
    sleep(ms(700)).await;
    assert_eq!(rig.told(), [What::Loaded(Item(2))]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_a_fresh_item_stale_and_not_older() {
    let rig = Rig::loaded().await;
    rig.source.set(SLOW);
    rig.source.rotate();
    rig.system.set_back(secs(7200));
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(100)));
    assert_eq!(rig.told(), [What::Rotated, What::Began(SLOW), What::Stale]);
    sleep(ms(600)).await;
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(0)));
    assert_eq!(rig.told(), [What::Loaded(Item(2))], "fresh by the new clock");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_ends_a_pause() {
    let rig = Rig::new(FAILS);
    rig.ask().await;
    rig.source.set(QUICK);
    assert_eq!(rig.ask().await, (None, ms(0)));
    rig.system.set_back(secs(7200));
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(20)));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_ends_the_time_in_which_others_dont_wait() {
    let rig = Rig::loaded().await;
    rig.source.set(SLOW);
    sleep(secs(290)).await;
    assert_eq!(rig.ask().await.1, ms(100));
    assert_eq!(rig.ask().await.1, ms(0));
    rig.system.set_back(secs(1));
    assert_eq!(rig.ask().await.1, ms(100));
}
