//! The whole house in virtual time: the cores of all tasks, with messages that take no time.

use std::time::Duration;

use elevator::car::Car;
use elevator_messages::{CarConfig, FloorConfig, Report, Rider, Role};
use floor::arrivals::Arrivals;
use mesosgot_sdk::Args;

use crate::desk::Task;
use crate::dispatch::Dispatch;
use crate::house::{House, Progress};
use crate::policy::PolicyName;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::{PAUSE_MAX, TRAVEL};

/// Seeds of which no single one decides.
const SEEDS: u32 = 100;

struct Simulation {
    dispatch: Dispatch,
    cars: Vec<Car>,
    /// Those to come, the next one last.
    riders: Vec<Rider>,
    now: Duration,
}

impl Simulation {
    fn new(settings: &Settings) -> Self {
        let Settings {
            floors,
            elevators,
            seed,
            time,
            speed,
            policy,
        } = *settings;
        let config = CarConfig {
            floors,
            travel: TRAVEL,
            speed,
        };
        let arrivals = (0..floors).flat_map(|floor| {
            let until = time;
            Arrivals::new(FloorConfig {
                floor,
                floors,
                seed,
                until,
                pause_max: PAUSE_MAX,
                speed,
            })
        });
        let mut riders: Vec<Rider> = arrivals.collect();
        riders.sort_by_key(|rider| std::cmp::Reverse((rider.requested, rider.id)));
        Self {
            dispatch: Dispatch::new(House::new(floors, elevators, TRAVEL), policy.make()),
            cars: (0..elevators).map(|_| Car::new(config)).collect(),
            riders,
            now: Duration::ZERO,
        }
    }

    /// When the next thing happens.
    fn next(&self) -> Option<Duration> {
        let cars = self.cars.iter().filter_map(Car::poll_timeout);
        let rider = self.riders.last().map(|rider| rider.requested);
        cars.chain(rider).chain(self.dispatch.poll_timeout()).min()
    }

    /// Lets the next thing happen, and everything that follows from it at once.
    fn step(&mut self) {
        self.now = self
            .next()
            .expect("something happens until all are delivered");

        for number in 0..self.cars.len() {
            self.cars[number].handle_timeout(self.now);
            self.report(number);
        }
        while let Some(rider) = self.riders.pop_if(|rider| rider.requested <= self.now) {
            let from = Task {
                role: Role::Floor,
                number: rider.from(),
            };
            let taken = self.dispatch.handle(self.now, from, Report::Request(rider));
            taken.expect("riders may ask");
        }
        self.dispatch.handle_timeout(self.now);
        while let Some((car, order)) = self.dispatch.poll_output() {
            let car = usize::from(car);
            self.cars[car]
                .handle(self.now, &order)
                .expect("the dispatcher knows the house");
            self.report(car);
        }
    }

    fn report(&mut self, number: usize) {
        while let Some(report) = self.cars[number].poll_output() {
            let from = Task {
                role: Role::Car,
                number: u16::try_from(number).expect("a few"),
            };
            self.dispatch
                .handle(self.now, from, report)
                .expect("cars tell the truth");
        }
    }

    fn all_delivered(&self) -> bool {
        let mut journeys = self.dispatch.house().journeys();
        self.riders.is_empty()
            && journeys.all(|journey| matches!(journey.progress, Progress::Delivered { .. }))
    }

    fn summary(&self, settings: &Settings) -> Summary {
        let moves = self.cars.iter().map(Car::floor_moves).sum();
        Summary::new(settings, self.dispatch.house(), moves)
    }
}

/// The figures at the end of the requests, and when everybody is delivered.
fn simulate(settings: &Settings) -> (Summary, Summary) {
    let mut simulation = Simulation::new(settings);
    while simulation.next().is_some_and(|next| next <= settings.time) {
        simulation.step();
    }
    let early = simulation.summary(settings);
    // As in `run`, with nothing for the messages' way.
    let grace = TRAVEL * u32::from(settings.floors) * crate::GRACE_SWEEPS;
    while !simulation.all_delivered() {
        assert!(
            simulation.now < settings.time + grace,
            "{settings:?}: {}",
            simulation.dispatch.house().told_undelivered()
        );
        simulation.step();
    }
    (early, simulation.summary(settings))
}

fn settings(policy: PolicyName, seed: u32) -> Settings {
    let settings = Settings::parse(Args::default()).expect("nothing is needed");
    Settings {
        policy,
        seed: seed.into(),
        ..settings
    }
}

/// A house in which few cars serve many floors.
fn tight(settings: Settings) -> Settings {
    Settings {
        floors: 8,
        elevators: 2,
        ..settings
    }
}

/// Means over all seeds: delivered when the requests end, in per cent; the journey of those; and
/// wait and journey of all.
fn means(policy: PolicyName, house: impl Fn(Settings) -> Settings) -> (usize, [Duration; 3]) {
    let (mut riders, mut delivered) = (0, 0);
    let mut means = [Duration::ZERO; 3];
    for seed in 0..SEEDS {
        let (early, end) = simulate(&house(settings(policy, seed)));
        riders += early.riders();
        delivered += early.delivered();
        let figures = [early.mean_journey(), end.mean_wait(), end.mean_journey()];
        for (mean, figure) in means.iter_mut().zip(figures) {
            *mean += figure / SEEDS;
        }
    }
    (delivered * 100 / riders, means)
}

#[test]
fn nearest_beats_scan_on_every_seed() {
    for seed in 0..SEEDS {
        let (_, scan) = simulate(&settings(PolicyName::Scan, seed));
        let (_, nearest) = simulate(&settings(PolicyName::Nearest, seed));
        assert_eq!(scan.riders(), nearest.riders());
        for (name, nearest, scan) in [
            ("journey", nearest.mean_journey(), scan.mean_journey()),
            ("wait", nearest.mean_wait(), scan.mean_wait()),
        ] {
            assert!(
                nearest < scan,
                "seed {seed}: a {name} of {nearest:?} is not below {scan:?}"
            );
        }
    }
}

#[test]
fn nearest_beats_scan_in_the_mean_where_cars_are_scarce() {
    let (_, [_, scan_wait, scan_journey]) = means(PolicyName::Scan, tight);
    let (_, [_, wait, journey]) = means(PolicyName::Nearest, tight);
    assert!(journey < scan_journey, "{journey:?}, {scan_journey:?}");
    assert!(wait < scan_wait, "{wait:?}, {scan_wait:?}");
}

/// The elevator example of 2015 had this house and these arrivals. Measured there: 87 % delivered
/// when the requests end, those on a journey of 4.9 s in the mean; the others are not in that
/// figure, and of them some were never assigned to a car or rode past their floor for good.
///
/// So the first journey here, of those who are delivered in time, is the one to compare: `nearest`
/// is below 4.9 s, `scan` is not. Nobody is left behind by either.
#[test]
fn the_journeys_of_both_policies_are_as_measured() {
    let measured = |policy| {
        let (delivered, [early, wait, journey]) = means(policy, |house| house);
        format!("{delivered} % in time on {early:.1?}; all: wait {wait:.1?}, journey {journey:.1?}")
    };
    assert_eq!(
        measured(PolicyName::Scan),
        "81 % in time on 6.0s; all: wait 3.2s, journey 6.2s"
    );
    assert_eq!(
        measured(PolicyName::Nearest),
        "85 % in time on 4.4s; all: wait 1.4s, journey 4.6s"
    );
}

#[test]
fn everybody_is_delivered_whatever_the_house() {
    for policy in [PolicyName::Scan, PolicyName::Nearest] {
        for (floors, elevators) in [(2, 1), (3, 1), (8, 1), (20, 2), (20, 12), (50, 8)] {
            for seed in 0..5 {
                simulate(&Settings {
                    floors,
                    elevators,
                    ..settings(policy, seed)
                });
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || simulate(&settings(PolicyName::Nearest, 7));
    assert_eq!(run(), run());
}
