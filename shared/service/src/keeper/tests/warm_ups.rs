//! Warm-ups load the item anew even if it is fresh, and wait for the load.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_warm_up_loads_a_fresh_item_anew() {
    let rig = Rig::loaded().await;
    rig.source.rotate();
    sleep(secs(10)).await;
    assert_eq!(rig.keeper.refresh().await, Some(FRESH_FOR - ms(20)), "counted from the begin of the load");
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn warm_ups_during_a_load_share_the_next_one() {
    let rig = Rig::new(SLOW);
    let mut warm_ups = vec![rig.spawn_refresh()];
    sleep(ms(100)).await;
    // The load that runs now has already read the older item.
    rig.source.rotate();
    let began = Instant::now();
    warm_ups.extend([rig.spawn_refresh(), rig.spawn_refresh(), rig.spawn_refresh()]);
    for warm_up in warm_ups {
        assert_eq!(warm_up.await.expect("it ends"), Some(FRESH_FOR - ms(700)));
    }
    assert_eq!((began.elapsed(), rig.source.attempts()), (ms(600 + 700), 2));
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn two_warm_ups_at_once_are_both_answered() {
    let rig = Rig::new(SLOW);
    let (one, other) = (rig.spawn_refresh(), rig.spawn_refresh());
    assert!(one.await.expect("it ends").is_some() && other.await.expect("it ends").is_some());
    // The second warm-up cannot know whether the first one's load has already read the source.
    assert_eq!(rig.source.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_during_a_requests_load_waits_for_the_load_after_it() {
    let rig = Rig::new(SLOW);
    let asked = rig.spawn_ask();
    sleep(ms(100)).await;
    rig.source.rotate();
    let warm_up = rig.spawn_refresh();
    assert_eq!(asked.await.expect("it ends"), (Some(Item(1)), ms(700)));
    assert_eq!(warm_up.await.expect("it ends"), Some(FRESH_FOR - ms(700)));
    assert_eq!(rig.ask().await, (Some(Item(2)), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_fails_says_so_and_loses_nothing() {
    let rig = Rig::loaded().await;
    rig.source.set(FAILS);
    assert_eq!(rig.keeper.refresh().await, None);
    assert_eq!(rig.ask().await, (Some(Item(1)), ms(0)));
    // The pause after a failure is for requests. The next warm-up loads at once.
    rig.source.set(QUICK);
    assert!(rig.keeper.refresh().await.is_some());
    assert_eq!(rig.source.attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_waits_six_seconds_at_most() {
    let rig = Rig::new(Mode::Hangs);
    let asked = rig.spawn_ask();
    sleep(ms(1)).await;
    let began = Instant::now();
    assert_eq!(rig.keeper.refresh().await, None);
    assert_eq!(began.elapsed(), ms(2399 + 2400), "the load that ran, and its own");
    assert_eq!(asked.await.expect("it ends").0, None);
    // A frozen load may take longer. The warm-up gives up after six seconds.
    let warm_up = rig.spawn_refresh();
    sleep(ms(1)).await;
    advance(secs(6)).await;
    assert_eq!(warm_up.await.expect("it ends"), None);
}
