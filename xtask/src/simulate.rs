//! Plays jobs in the simulation, seed after seed, until a promise is broken or all are played.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use simulation::{Failure, Happened, Profile, run, shrink};

/// What to play.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// The first seed.
    from: u64,
    /// How many.
    seeds: u64,
    profile: Profile,
    /// Goes on after the first failure.
    all: bool,
}

/// How many seeds are played if nobody says: some minutes.
const SEEDS: u64 = 1_000_000;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Options {
    /// How they are written.
    pub const USAGE: &'static str =
        "simulate [--seeds N] [--from SEED] [--profile calm|usual|rough] [--all]";

    /// Reads what follows the name of the chore.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn parse(mut args: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            from: 0,
            seeds: SEEDS,
            profile: Profile::named("usual").context("there is no usual profile")?,
            all: false,
        };
        while let Some(name) = args.next() {
            if name == "--all" {
                options.all = true;
                continue;
            }
            let value = args.next();
            let value = value.with_context(|| format!("`{name}` needs a value"))?;
            let number = || value.parse().with_context(|| format!("`{name} {value}`"));
            match name.as_str() {
                "--from" => options.from = number()?,
                "--seeds" => options.seeds = number()?,
                "--profile" => {
                    let found = Profile::named(&value);
                    options.profile = found.with_context(|| {
                        format!("no profile is called `{value}`, only {:?}", Profile::NAMES)
                    })?;
                }
                _ => bail!("no option is called `{name}`\nusage: {}", Self::USAGE),
            }
        }
        Ok(options)
    }
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// In the runs that kept all promises.
    pub happened: Happened,
    /// Seeds that break a promise: those that were found before all stopped, or all.
    pub failures: Vec<Failure>,
    /// The lowest of them, with as few faults as it needs.
    pub least: Option<Failure>,
}

/// Plays all seeds on all cores; `tell` hears how far it is.
pub fn simulate(options: &Options, tell: impl Fn(u64, Duration) + Sync) -> Found {
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let told = Mutex::new(start);
    let failures: Mutex<Vec<Failure>> = Mutex::new(Vec::new());
    let work = || {
        let mut happened = Happened::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.seeds {
                return happened;
            }
            match run(options.from + number, &options.profile, start) {
                Ok(one) => happened = [happened, one].into_iter().sum(),
                Err(failure) => {
                    if !options.all {
                        next.store(options.seeds, Ordering::Relaxed);
                    }
                    failures
                        .lock()
                        .expect("nobody panics with it")
                        .push(*failure);
                }
            }
            if let Ok(mut told) = told.try_lock()
                && told.elapsed() > TELL_EVERY
            {
                *told = Instant::now();
                tell(number, start.elapsed());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let happened: Happened = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|worker| worker.join());
        ends.map(|end| end.expect("runs do not panic")).sum()
    });
    let mut failures = failures.into_inner().expect("nobody panicked with it");
    failures.sort_by_key(|failure| failure.seed);
    Found {
        happened,
        least: failures.first().map(|failure| shrink(failure, start)),
        failures,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Options> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_or_refused() {
        let options = parse("--from 7 --seeds 20 --profile calm").unwrap();
        let expected = Options {
            from: 7,
            seeds: 20,
            profile: Profile::named("calm").unwrap(),
            all: false,
        };
        assert_eq!(options, expected);
        assert_eq!(parse("").unwrap().seeds, SEEDS);
        for wrong in ["--seeds", "--seeds x", "--profile y", "--fast 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_seeds_are_played() {
        let options = parse("--seeds 20 --profile calm").unwrap();
        let found = simulate(&options, |_, _| {});
        assert_eq!((found.happened.runs, found.failures.len()), (20, 0));
    }
}
