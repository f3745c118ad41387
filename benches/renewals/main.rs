//! A simulation: 1,000,000 clients get their first token in the same second. When do they come for the next ones, over
//! six hours, with and without the spread of `renew_at`? It uses the service's own rule, and writes the plot in
//! `docs/images/`.
//!
//! A client asks in the second of `renew_at`, gets a token that is issued in this second, and so on. Networks and
//! clocks would spread real clients a little more.

#![allow(clippy::print_stdout, reason = "a report is meant to be seen")]

use plotters::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::path::Path;
use tokens::Ttl;
use tokens::renewal::renew_after;

const CLIENTS: u32 = 1_000_000;
const HOURS: usize = 6;
const SECONDS: usize = HOURS * 3600;

/// Requests in each second.
struct Arrivals([u32; SECONDS]);

impl Arrivals {
    /// `spread` is the randomness of each token: 32 bits.
    fn simulate(ttl: Ttl, mut spread: impl FnMut() -> u32) -> Arrivals {
        let mut arrivals = Arrivals([0; SECONDS]);
        for _ in 0..CLIENTS {
            let mut now = 0;
            while let Some(second) = arrivals.0.get_mut(now) {
                *second += 1;
                now += renew_after(ttl, spread()) as usize;
            }
        }
        arrivals
    }

    /// The most requests in one second. The first second is left out, because all clients come then.
    fn peak_after_the_first(&self) -> u32 {
        self.0[1..].iter().copied().max().unwrap_or_default()
    }

    /// The most requests in one second, for each hour.
    fn peaks_by_hour(&self) -> Vec<u32> {
        self.0.chunks(3600).map(|hour| hour.iter().copied().max().unwrap_or_default()).collect()
    }

    /// The mean number of requests in a second of an hour.
    fn mean(&self, hour: usize) -> f64 {
        let requests: u32 = self.0[hour * 3600..][..3600].iter().sum();
        f64::from(requests) / 3600.0
    }

    fn seconds_without_any(&self) -> usize {
        self.0.iter().filter(|requests| **requests == 0).count()
    }
}

fn main() {
    let ttl = Ttl::from_seconds(3600).expect("an hour is a lifetime");
    // A fixed seed makes the plot the same each time. The service uses the operating system's randomness.
    let mut randomness = SmallRng::seed_from_u64(1);
    let with = Arrivals::simulate(ttl, || randomness.random());
    // Without the spread, every client comes at the end of the span.
    let without = Arrivals::simulate(ttl, || u32::MAX);
    println!("{CLIENTS} clients, first tokens in one second, tokens of {} s, {HOURS} hours", ttl.as_seconds());
    println!("                          without spread     with spread");
    println!(
        "peak after the first      {:>10}/s     {:>9}/s",
        without.peak_after_the_first(),
        with.peak_after_the_first()
    );
    for (hour, (without, with)) in without.peaks_by_hour().into_iter().zip(with.peaks_by_hour()).enumerate().skip(1) {
        println!("peak in hour {}            {without:>10}/s     {with:>9}/s", hour + 1);
    }
    let last = HOURS - 1;
    println!("mean in hour {HOURS}            {:>10.0}/s     {:>9.0}/s", without.mean(last), with.mean(last));
    println!("seconds without any       {:>12}     {:>11}", without.seconds_without_any(), with.seconds_without_any());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images/renewals.svg");
    plot(&file, &without, &with).expect("docs/images/ can be written");
}

/// Both curves, on a logarithmic axis. On a linear axis, the million in one second would make all other values
/// invisible.
fn plot(file: &Path, without: &Arrivals, with: &Arrivals) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(file, (960, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("1,000,000 clients renew hourly tokens: requests a second", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..HOURS as f64, (1.0..2e6).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("hours")
        .y_label_formatter(&|requests| format!("{requests:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let hour = |second: usize| second as f64 / 3600.0;
    // Leaves out seconds without requests, because zero has no logarithm.
    let spikes = without.0.iter().enumerate().filter(|(_, requests)| **requests > 0);
    chart
        .draw_series(spikes.map(|(second, requests)| {
            PathElement::new(vec![(hour(second), 1.0), (hour(second), f64::from(*requests))], RED.stroke_width(2))
        }))?
        .label("without the spread")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], RED.stroke_width(2)));
    // One point for each half minute, in which the curve hardly changes.
    let curve = with.0.chunks(30).enumerate().map(|(at, seconds)| {
        let mean = f64::from(seconds.iter().sum::<u32>()) / seconds.len() as f64;
        (hour(at * 30), mean.max(1.0))
    });
    chart
        .draw_series(LineSeries::new(curve, BLUE.stroke_width(2)))?
        .label("with it (mean of 30 s)")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], BLUE.stroke_width(2)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(130, 8))
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}
