//! What the job ends with.
//!
//! The first line is decided by the arguments alone; the figures below it differ a little from run
//! to run, because messages take their time.

use std::fmt;
use std::time::Duration;

use crate::house::{House, Progress};
use crate::settings::Settings;

/// The figures of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    settings: Settings,
    riders: usize,
    /// From request to boarding, shortest first.
    waits: Vec<Duration>,
    /// From request to arrival, shortest first.
    journeys: Vec<Duration>,
    floor_moves: u64,
}

impl Summary {
    /// The figures of a house at the end.
    pub fn new(settings: &Settings, house: &House, floor_moves: u64) -> Self {
        let mut waits = Vec::new();
        let mut journeys = Vec::new();
        for journey in house.journeys() {
            if let Progress::Delivered {
                boarded, arrived, ..
            } = journey.progress
            {
                // The clocks of two tasks differ by the way of a message.
                waits.push(boarded.saturating_sub(journey.rider.requested));
                journeys.push(arrived.saturating_sub(journey.rider.requested));
            }
        }
        waits.sort_unstable();
        journeys.sort_unstable();
        let riders = house.journeys().count();
        Self {
            settings: settings.clone(),
            riders,
            waits,
            journeys,
            floor_moves,
        }
    }

    /// The mean time from request to arrival.
    pub fn mean_journey(&self) -> Duration {
        mean(&self.journeys)
    }

    /// The mean time from request to boarding.
    pub fn mean_wait(&self) -> Duration {
        mean(&self.waits)
    }

    /// How many riders asked for a car.
    pub fn riders(&self) -> usize {
        self.riders
    }

    /// How many riders are where they wanted to go.
    pub fn delivered(&self) -> usize {
        self.journeys.len()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            floors,
            elevators,
            time,
            seed,
            policy,
            ..
        } = &self.settings;
        let (riders, delivered, seconds) = (self.riders, self.delivered(), time.as_secs());
        write!(
            f,
            "summary: {riders} riders, {delivered} delivered (policy {policy}, seed {seed}, \
             {seconds} s, {floors} floors, {elevators} elevators)"
        )?;
        for (name, times) in [("wait", &self.waits), ("journey", &self.journeys)] {
            let [mean, p50, p95] = [mean(times), percentile(times, 50), percentile(times, 95)]
                .map(|time| time.as_secs_f64());
            write!(
                f,
                "\nsummary: {name} mean {mean:.1} s, p50 {p50:.1} s, p95 {p95:.1} s"
            )?;
        }
        write!(f, "\nsummary: {} floor moves", self.floor_moves)
    }
}

fn mean(times: &[Duration]) -> Duration {
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
    times.iter().sum::<Duration>() / count
}

/// The shortest time that so many in a hundred do not exceed; zero of nothing.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mesosgot_sdk::Args;

    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=20).map(Duration::from_secs).collect();
        assert_eq!(percentile(&times, 50), Duration::from_secs(10));
        assert_eq!(percentile(&times, 95), Duration::from_secs(19));
        assert_eq!(percentile(&times[..1], 95), Duration::from_secs(1));
        assert_eq!(percentile(&[], 95), Duration::ZERO);
    }

    #[test]
    fn the_summary_tells_first_what_is_the_same_in_every_run() {
        let settings = Settings::parse(Args::default()).expect("nothing is needed");
        let summary = Summary::new(&settings, &House::new(8, 4, crate::TRAVEL), 7);
        assert_eq!(
            summary.to_string(),
            "summary: 0 riders, 0 delivered (policy nearest, seed 1, 30 s, 8 floors, 4 elevators)\n\
             summary: wait mean 0.0 s, p50 0.0 s, p95 0.0 s\n\
             summary: journey mean 0.0 s, p50 0.0 s, p95 0.0 s\n\
             summary: 7 floor moves"
        );
    }
}
