//! How the cost of signing grows with the size of what a token holds: as a plot, and as straight lines through its
//! points.

use crate::kinds::{self, Kind};
use benches::Spread;
use benches::root;
use benches::turns::{Turns, Work};
use plotters::prelude::*;
use std::fs;

/// One panel of the plot.
struct Series {
    title: &'static str,
    unit: &'static str,
    points: Vec<Point>,
}

struct Point {
    length: usize,
    nanoseconds: Spread,
}

/// A straight line through points by least squares.
struct Line {
    at_zero: f64,
    slope: f64,
    /// R²: how much of the points' variance the line explains.
    r_squared: f64,
}

impl Series {
    /// Measures `kind` with each length in turns, so that a slow moment affects all lengths alike.
    fn measure(
        title: &'static str,
        unit: &'static str,
        lengths: impl IntoIterator<Item = usize>,
        kind: impl Fn(usize) -> Kind,
    ) -> Series {
        const ROUNDS: usize = 150;
        let lengths: Vec<usize> = lengths.into_iter().collect();
        let mut works: Vec<Work> = lengths.iter().map(|&length| kind(length).sign).collect();
        let mut turns: Vec<_> = works.iter_mut().map(|work| Turns::new([work])).collect();
        for _ in 0..ROUNDS {
            for turns in &mut turns {
                turns.round();
            }
        }
        let points = lengths.iter().zip(&turns);
        let points = points.map(|(&length, turns)| Point { length, nanoseconds: turns.nanoseconds(0) });
        Series { title, unit, points: points.collect() }
    }

    fn line(&self) -> Line {
        let points = || self.points.iter().map(|point| (point.length as f64, point.nanoseconds.median));
        let count = self.points.len() as f64;
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count;
        let (x, y) = (mean(&mut points().map(|(x, _)| x)), mean(&mut points().map(|(_, y)| y)));
        let covariance = mean(&mut points().map(|(px, py)| (px - x) * (py - y)));
        let slope = covariance / mean(&mut points().map(|(px, _)| (px - x).powi(2)));
        let at_zero = y - slope * x;
        let unexplained = mean(&mut points().map(|(px, py)| (py - at_zero - slope * px).powi(2)));
        let r_squared = 1.0 - unexplained / mean(&mut points().map(|(_, py)| (py - y).powi(2)));
        Line { at_zero, slope, r_squared }
    }

    fn longest(&self) -> f64 {
        self.points.iter().map(|point| point.length).max().unwrap_or_default() as f64
    }

    fn costliest(&self) -> f64 {
        self.points.iter().map(|point| point.nanoseconds.median).fold(0.0, f64::max)
    }
}

pub(crate) fn run() {
    let ttl = kinds::ttl();
    let series = [
        Series::measure("RTC: length of the account", "bytes", 1..=255, |length| {
            Kind::v007("agora-rtc", &kinds::rtc(kinds::account(&"a".repeat(length))))
        }),
        Series::measure("RTC, with RTM, with RTM and Chat", "services", 1..=3, |services| {
            let rtm = (services > 1).then(kinds::rtm_user);
            let chat = (services > 2).then(kinds::chat_user);
            let rtc = kinds::rtc(kinds::account(kinds::USER));
            Kind::v007("agora-rtc", &tokens::agora::Bundle { rtc, rtm, chat })
        }),
        Series::measure("RTM2: permissions", "resources", (0..=1024).step_by(16), |resources| {
            let permissions = kinds::permissions(resources);
            Kind::v007("agora-rtm2", &tokens::agora::Rtm2 { user: kinds::rtm_user(), permissions, ttl })
        }),
        Series::measure("Express room: streams", "streams", 0..=100, |streams| {
            Kind::v04("zego-room", &kinds::room(streams))
        }),
    ];
    println!("| token | from | to | ns at nothing | ns for each more | R² of a straight line |");
    println!("|---|--:|--:|--:|--:|--:|");
    for series in &series {
        let Line { at_zero, slope, r_squared } = series.line();
        let (first, last) = (series.points.first(), series.points.last());
        let (first, last) = first.zip(last).map(|(first, last)| (first.length, last.length)).expect("points");
        println!(
            "| {} | {first} | {last} {} | {at_zero:.0} | {slope:.2} | {r_squared:.3} |",
            series.title, series.unit
        );
    }
    let path = root().join("docs/images/mint-growth.svg");
    fs::create_dir_all(root().join("docs/images")).expect("the project's folder is ours to write in");
    let drawn = {
        let mut svg = String::new();
        draw(&series, &mut svg).expect("a text takes everything");
        svg
    };
    fs::write(&path, drawn).expect("the project's folder is ours to write in");
    println!("\nwritten to {}", path.display());
}

fn draw(series: &[Series; 4], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (960, 640)).into_drawing_area();
    area.fill(&WHITE)?;
    for (panel, series) in area.split_evenly((2, 2)).iter().zip(series) {
        let line = series.line();
        let longest = series.longest();
        let mut chart = ChartBuilder::on(panel)
            .caption(series.title, ("sans-serif", 16))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..longest * 1.02, 0.0..series.costliest() * 1.1)?;
        chart
            .configure_mesh()
            .x_labels((longest as usize + 1).min(11))
            .x_desc(series.unit)
            .y_desc("ns")
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let ends = [0.0, longest].map(|x| (x, line.at_zero + line.slope * x));
        chart.draw_series(LineSeries::new(ends, &RED))?;
        let points = series.points.iter().map(|point| (point.length as f64, point.nanoseconds.median));
        chart.draw_series(points.map(|at| Circle::new(at, 2, BLUE.filled())))?;
    }
    area.present()?;
    Ok(())
}
