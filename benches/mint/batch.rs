//! Many tokens at once: how much faster more cores are.

use crate::floor::draw;
use crate::kinds;
use benches::Spread;
use benches::turns::spread;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;
use tokens::{Stamp, Token};

/// How many tokens are in a batch.
const TOKENS: usize = 10_000;
const ROUNDS: usize = 40;

/// A batch's time on some cores, compared with its time on one.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Batch {
    pub(crate) threads: usize,
    pub(crate) milliseconds: Spread,
    /// Processor time of all threads together. If no thread waits for or hinders another, it equals that of one thread
    /// alone. Other load on the machine does not change it.
    pub(crate) processor_milliseconds: Spread,
    /// How many times faster than one thread, round by round.
    pub(crate) speedup: Spread,
}

/// Mints the same batch on 1, 2, ... threads in turns, up to as many as there are cores.
pub(crate) fn run() -> Vec<Batch> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rounds: Vec<Vec<Took>> = (0..ROUNDS).map(|_| (1..=cores).map(mint).collect()).collect();
    (1..=cores)
        .map(|threads| Batch {
            threads,
            milliseconds: spread(rounds.iter().map(|round| round[threads - 1].wall)),
            processor_milliseconds: spread(rounds.iter().map(|round| round[threads - 1].processor)),
            speedup: spread(rounds.iter().map(|round| round[0].wall / round[threads - 1].wall)),
        })
        .collect()
}

/// Milliseconds.
struct Took {
    wall: f64,
    processor: f64,
}

/// All threads share only one key and one description.
fn mint(threads: usize) -> Took {
    let (key, token) = (kinds::agora_key(), kinds::rtc(kinds::uid()));
    let mut batch = vec![String::new(); TOKENS];
    let (start, used) = (Instant::now(), processor_milliseconds());
    std::thread::scope(|scope| {
        for part in batch.chunks_mut(TOKENS.div_ceil(threads)) {
            scope.spawn(|| {
                for place in part {
                    *place = token.sign(Stamp::new(kinds::now(), draw()), &key).expose().to_owned();
                }
            });
        }
    });
    let took = Took { wall: start.elapsed().as_secs_f64() * 1e3, processor: processor_milliseconds() - used };
    black_box(batch);
    took
}

fn processor_milliseconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 * 1e3 + used.tv_nsec as f64 / 1e6
}
