//! Runs a job on embedded clusters that misbehave, seed after seed, and checks how each run ends.

mod run;
mod verdict;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use run::{Program, run};
use verdict::judge;
pub use verdict::{Ended, Profile};

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The first seed.
    from: u64,
    /// How many of each profile.
    seeds: u64,
    profiles: Vec<Profile>,
    /// How many runs at the same time.
    jobs: usize,
    /// How long one may take.
    limit: Duration,
    /// What follows `mesosgot run`.
    arguments: Vec<String>,
}

/// The job that is run unless told otherwise. Its tasks are spread over all agents, so that no
/// fault of an agent is without consequences; it lasts long enough for several faults.
const ARGUMENTS: &str = "elevator.yaml --agents 3 -- --seconds 4 --seed 7 --speed 2";

/// Far above what a run needs on a busy machine; only a hang gets here.
const LIMIT: Duration = Duration::from_secs(180);

/// The same for the first run, for which modules are compiled by a program that is not optimized.
const COLD_LIMIT: Duration = Duration::from_secs(600);

impl Options {
    /// How they are written.
    pub const USAGE: &'static str = "chaos [--seeds N] [--from SEED] [--profile disturb|kill|all] \
        [--jobs N] [--limit SECONDS] [-- RUN ARGUMENTS]";

    /// Reads what follows the name of the chore.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn parse(mut args: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            from: 1,
            seeds: 50,
            profiles: Profile::ALL.to_vec(),
            jobs: 1,
            limit: LIMIT,
            arguments: ARGUMENTS.split(' ').map(str::to_owned).collect(),
        };
        while let Some(name) = args.next() {
            if name == "--" {
                options.arguments = args.collect();
                break;
            }
            if matches!(name.as_str(), "--help" | "-h") {
                bail!("usage: {}", Self::USAGE);
            }
            let value = args.next();
            let value = value.with_context(|| format!("`{name}` needs a value"))?;
            let number = || value.parse().with_context(|| format!("`{name} {value}`"));
            match name.as_str() {
                "--seeds" => options.seeds = number()?,
                "--from" => options.from = number()?,
                "--limit" => options.limit = Duration::from_secs(number()?),
                "--jobs" => options.jobs = usize::try_from(number()?)?.max(1),
                "--profile" => {
                    let profile = Profile::named(&value);
                    options.profiles = vec![profile.with_context(|| {
                        format!("no profile is called `{value}`, only disturb, kill and all")
                    })?];
                }
                _ => bail!("no option is called `{name}`\nusage: {}", Self::USAGE),
            }
        }
        Ok(options)
    }
}

/// One run, and what is to be said of it.
#[derive(Debug)]
pub struct Row {
    /// Which faults.
    pub profile: Profile,
    /// From where they were drawn.
    pub seed: u64,
    /// How it ended.
    pub ended: Ended,
    /// What is wrong with that; empty when nothing is.
    pub wrong: Vec<String>,
}

/// How often each exit code came, and which seeds have to be looked at.
#[derive(Debug, Default)]
pub struct Found {
    /// The runs of which something is wrong, in order.
    pub wrong: Vec<Row>,
    /// Profile, exit code, how often.
    pub codes: Vec<(Profile, Option<i32>, usize)>,
}

/// Builds the program, and runs every seed of every profile; `tell` hears of each run.
///
/// # Errors
/// When the program cannot be built or started.
pub fn chaos(options: &Options, tell: impl Fn(&Row) + Sync) -> anyhow::Result<Found> {
    let program = Program::build()?;
    // Modules are compiled once, and what fails by itself says nothing about faults.
    let calm = run(&program, &options.arguments, None, COLD_LIMIT)?;
    ensure!(
        calm.code == Some(0),
        "the job fails on a cluster that behaves: {}",
        calm.reason().unwrap_or(&calm.stderr)
    );
    let seeds = options.from..options.from.saturating_add(options.seeds);
    let all = options.profiles.iter();
    let all = all.flat_map(|profile| seeds.clone().map(|seed| (*profile, seed)));
    let left: Mutex<VecDeque<_>> = Mutex::new(all.collect());
    let next = || {
        left.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let work = || {
        let mut rows = Vec::new();
        while let Some((profile, seed)) = next() {
            let chaos = format!("{seed}:{}", profile.name());
            let ended = run(&program, &options.arguments, Some(&chaos), options.limit)?;
            let wrong = judge(profile, &ended);
            let row = Row {
                profile,
                seed,
                ended,
                wrong,
            };
            tell(&row);
            rows.push(row);
        }
        anyhow::Ok(rows)
    };
    let rows = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs).map(|_| scope.spawn(work)).collect();
        let mut rows = Vec::new();
        for worker in workers {
            rows.extend(worker.join().expect("it does not panic")?);
        }
        anyhow::Ok(rows)
    })?;
    Ok(found(rows))
}

fn found(mut rows: Vec<Row>) -> Found {
    rows.sort_by_key(|row| (row.profile, row.seed));
    let mut found = Found::default();
    for row in rows {
        let code = row.ended.code;
        let counted = found.codes.iter_mut();
        match counted
            .into_iter()
            .find(|(profile, it, _)| (*profile, *it) == (row.profile, code))
        {
            Some((_, _, count)) => *count += 1,
            None => found.codes.push((row.profile, code, 1)),
        }
        if !row.wrong.is_empty() {
            found.wrong.push(row);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Options> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_what_makes_no_sense_is_refused() {
        let options = parse("--seeds 3 --from 7 --profile kill -- job.yaml --agents 2").unwrap();
        assert_eq!((options.seeds, options.from), (3, 7));
        assert_eq!(options.profiles, [Profile::Kill]);
        assert_eq!(options.arguments, ["job.yaml", "--agents", "2"]);
        assert_eq!(parse("").unwrap().profiles, Profile::ALL);
        for wrong in ["--seeds", "--seeds many", "--profile fire", "--fire 1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
