//! Measures in turns. The works to compare run alternately, for some microseconds each. So other load on the machine
//! affects all of them alike.

use crate::Spread;
use std::fmt;
use std::time::{Duration, Instant};

/// A piece of work. The argument says how often to do it.
pub type Work = Box<dyn FnMut(u32)>;

/// How often each work is done in one turn. A turn takes about 50 µs: too short for most interruptions, and long enough
/// for the clock.
pub const PER_TURN: u32 = 64;

/// Works `N` things in turns and remembers what each turn cost.
pub struct Turns<'a, const N: usize> {
    works: [&'a mut Work; N],
    per_turn: u32,
    /// Nanoseconds per piece of work, a row for each round.
    rounds: Vec<[f64; N]>,
}

impl<const N: usize> fmt::Debug for Turns<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("rounds", &self.rounds.len()).finish_non_exhaustive()
    }
}

impl<'a, const N: usize> Turns<'a, N> {
    /// For works of about a microsecond: each is done [`PER_TURN`] times in a turn.
    pub fn new(works: [&'a mut Work; N]) -> Self {
        Turns::of(works, PER_TURN)
    }

    /// For longer works. Each is done this many times in a turn.
    pub fn of(works: [&'a mut Work; N], per_turn: u32) -> Self {
        Turns { works, per_turn, rounds: Vec::new() }
    }

    /// One turn for each. Returns what they took.
    pub fn round(&mut self) -> [Duration; N] {
        let mut took = [Duration::ZERO; N];
        // The order changes, because the works leave different data in the caches.
        let first = self.rounds.len();
        for turn in 0..N {
            let who = (first + turn) % N;
            let start = Instant::now();
            (self.works[who])(self.per_turn);
            took[who] = start.elapsed();
        }
        self.rounds.push(took.map(|took| took.as_nanos() as f64 / f64::from(self.per_turn)));
        took
    }

    /// Measures rounds until `time` is over. The first tenth is for warming up and does not count.
    pub fn run_for(&mut self, time: Duration) {
        let start = Instant::now();
        let mut warm = false;
        while start.elapsed() < time {
            self.round();
            if !warm && start.elapsed() > time / 10 {
                warm = true;
                self.forget();
            }
        }
    }

    /// Begins anew.
    pub fn forget(&mut self) {
        self.rounds.clear();
    }

    /// What a piece of this work cost in each round, in nanoseconds.
    pub fn each(&self, which: usize) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |round| round[which])
    }

    /// What a piece of this work costs, in nanoseconds.
    pub fn nanoseconds(&self, which: usize) -> Spread {
        spread(self.each(which))
    }

    /// What a piece of this work costs when nothing disturbs it: the 10th percentile of the rounds.
    fn undisturbed(&self, which: usize) -> f64 {
        let mut each: Vec<f64> = self.each(which).collect();
        each.sort_by(f64::total_cmp);
        each[each.len() / 10]
    }

    /// The cost of `above` divided by that of `below`, when nothing disturbs them. Other load on the machine hardly
    /// changes it.
    pub fn undisturbed_ratio(&self, above: usize, below: usize) -> f64 {
        self.undisturbed(above) / self.undisturbed(below)
    }

    /// The cost of `above` divided by that of `below`, compared round by round.
    pub fn ratio(&self, above: usize, below: usize) -> Spread {
        spread(self.rounds.iter().map(|round| round[above] / round[below]))
    }
}

/// The spread of the measurements.
///
/// # Panics
/// Nothing was measured.
pub fn spread(measured: impl IntoIterator<Item = f64>) -> Spread {
    Spread::of(measured).expect("something was measured")
}
