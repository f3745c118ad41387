//! Requests, warm-ups, faults, rotations, frozen times and wrong clocks in any order. [`Rules`] check them.

mod rules;

use super::fake::{FakeSource, Mode, What};
use super::{Keeper, Times};
use crate::system::System;
use crate::system::fake::{FakeSystem, Randomness};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use rules::Rules;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{advance, sleep, timeout};

prop_state_machine! {
    #[test]
    fn whatever_happens_the_rules_hold(sequential 1..60 => Run);
}

/// One thing that happens to an environment.
#[derive(Debug, Clone)]
enum Happening {
    /// A request comes.
    Ask,
    /// This many requests come. After each answer the environment is frozen for a while.
    AskBetweenFreezes(u32),
    WarmUp,
    /// Time passes.
    Pass(Duration),
    /// All requests are answered. Then the environment is frozen for this time.
    Freeze {
        time: Duration,
        tokio_goes_on: bool,
    },
    /// The wall clock is set.
    SetForward(Duration),
    SetBack(Duration),
    /// From now on the source does this.
    Source(Mode),
    /// From now on the source has another item.
    Rotate,
}

/// The part of an environment's state that decides what can happen next.
#[derive(Debug, Clone)]
struct Environment {
    fresh_for: Duration,
    max_stale: Duration,
    seed: u64,
    source: Mode,
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Times from a millisecond to days. Short ones come as often as long ones.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![(1..2500_u64).prop_map(ms), (1..90_u64).prop_map(secs), (1..400_u64).prop_map(|ms| secs(ms * 1000))]
}

impl ReferenceStateMachine for Environment {
    type State = Environment;
    type Transition = Happening;

    fn init_state() -> BoxedStrategy<Environment> {
        let times = prop_oneof![Just((300, 86_400)), Just((20, 40)), Just((20, 0)), Just((1, 2))];
        let environment = |((fresh_for, max_stale), seed)| Environment {
            fresh_for: secs(fresh_for),
            max_stale: secs(max_stale),
            seed,
            source: Mode::Brings(ms(20)),
        };
        (times, any::<u64>()).prop_map(environment).boxed()
    }

    fn transitions(environment: &Environment) -> BoxedStrategy<Happening> {
        let brings = prop_oneof![Just(20), Just(90), Just(700), Just(1300)].prop_map(|after| Mode::Brings(ms(after)));
        let fails = prop_oneof![Just(0), Just(20), Just(900)].prop_map(|after| Mode::Fails(ms(after)));
        let healthy = matches!(environment.source, Mode::Brings(_));
        let source = prop_oneof![
            if healthy { 1 } else { 4 } => brings,
            2 => fails,
            2 => Just(Mode::Hangs),
            1 => Just(Mode::Panics),
        ];
        prop_oneof![
            8 => Just(Happening::Ask),
            2 => (1..16_u32).prop_map(Happening::AskBetweenFreezes),
            2 => Just(Happening::WarmUp),
            8 => time().prop_map(Happening::Pass),
            2 => (time(), any::<bool>()).prop_map(|(time, tokio_goes_on)| Happening::Freeze { time, tokio_goes_on }),
            1 => time().prop_map(Happening::SetForward),
            1 => time().prop_map(Happening::SetBack),
            4 => source.prop_map(Happening::Source),
            2 => Just(Happening::Rotate),
        ]
        .boxed()
    }

    fn apply(mut environment: Environment, happening: &Happening) -> Environment {
        if let Happening::Source(mode) = happening {
            environment.source = *mode;
        }
        environment
    }
}

/// A keeper in such an environment.
struct Run {
    runtime: Runtime,
    system: Arc<FakeSystem>,
    source: FakeSource,
    keeper: Arc<Keeper<FakeSource>>,
    rules: Rules,
    /// Requests and warm-ups that may still wait.
    waiting: Vec<JoinHandle<()>>,
    /// How many requests and warm-ups there were.
    count: usize,
}

impl Run {
    fn ask(&mut self) {
        let (keeper, source, id) = (Arc::clone(&self.keeper), self.source.clone(), self.count);
        self.spawn(async move {
            source.note(What::Asked(id, source.mode()));
            let item = keeper.item().await;
            source.note(What::Answered(id, item.as_deref().copied()));
        });
    }

    fn warm_up(&mut self) {
        let (keeper, source, id) = (Arc::clone(&self.keeper), self.source.clone(), self.count);
        self.spawn(async move {
            source.note(What::WarmUp(id));
            let fresh_for = keeper.refresh().await;
            source.note(What::WarmedUp(id, fresh_for));
        });
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.count += 1;
        self.waiting.push(self.runtime.spawn(task));
        // The task, and a load that it begins, run as far as they can before time passes.
        self.runtime.block_on(async {
            for _ in 0..5 {
                yield_now().await;
            }
        });
    }

    fn answer_all(&mut self) {
        for waiting in self.waiting.drain(..) {
            let answered = self.runtime.block_on(async { timeout(secs(7), waiting).await });
            answered.expect("nobody waits for ever").expect("it doesn't panic");
        }
    }

    /// The environment is frozen. The wall clock goes on, and tokio's clock too on some machines.
    fn freeze(&mut self, time: Duration, tokio_goes_on: bool) {
        // Lambda freezes an environment only after it has answered.
        self.answer_all();
        match tokio_goes_on {
            true => self.runtime.block_on(async { advance(time).await }),
            false => self.system.set_forward(time),
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Ask => self.ask(),
            Happening::AskBetweenFreezes(times) => {
                for _ in 0..times {
                    self.ask();
                    self.freeze(ms(600), false);
                }
            }
            Happening::WarmUp => self.warm_up(),
            Happening::Pass(time) => self.runtime.block_on(async { sleep(time).await }),
            Happening::Freeze { time, tokio_goes_on } => self.freeze(time, tokio_goes_on),
            Happening::SetForward(time) => {
                self.source.note(What::ClockSet);
                self.system.set_forward(time);
            }
            Happening::SetBack(time) => {
                self.source.note(What::ClockSet);
                self.system.set_back(time);
            }
            Happening::Source(mode) => self.source.set(mode),
            Happening::Rotate => self.source.rotate(),
        }
        for entry in self.source.take_history() {
            self.rules.see(&entry);
        }
    }
}

impl StateMachineTest for Run {
    type SystemUnderTest = Run;
    type Reference = Environment;

    fn init_test(environment: &Environment) -> Run {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let times = Times::new(environment.fresh_for, environment.max_stale);
        let system = {
            let _in_runtime = runtime.enter();
            FakeSystem::new(Randomness::Seeded(environment.seed))
        };
        let source = FakeSource::new(&system, environment.source);
        let keeper = Keeper::new(source.clone(), times.clone(), system.clone() as Arc<dyn System>);
        let rules = Rules::new(times);
        Run { runtime, system, source, keeper: Arc::new(keeper), rules, waiting: Vec::new(), count: 0 }
    }

    fn apply(mut run: Run, _: &Environment, happening: Happening) -> Run {
        run.happen(happening);
        run
    }

    /// After the source works again, its newest item comes into use without help. This takes no longer than the longest
    /// pause, or the time for which the older item is fresh.
    fn teardown(mut run: Run, environment: Environment) {
        run.answer_all();
        let until_no_load_runs = Happening::Pass(secs(3));
        let longest = Happening::Pass(environment.fresh_for.max(secs(60)));
        for happening in [
            until_no_load_runs,
            Happening::Source(Mode::Brings(ms(20))),
            Happening::Rotate,
            // If the clock was set back, this request notices it.
            Happening::Ask,
            longest,
            Happening::Ask,
            Happening::Pass(secs(1)),
        ] {
            run.happen(happening);
        }
        let newest = run.rules.newest();
        assert_eq!(run.keeper.at_hand().as_deref(), Some(&newest));
    }
}
