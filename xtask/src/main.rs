//! `cargo run -p xtask -- <chore>`: repository chores.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use simulation::Failure;
use xtask::repository::Repository;
use xtask::simulate::{Options, simulate};
use xtask::{chaos, executor, licenses, tidy};

const USAGE: &str = "usage: cargo xtask tidy | licenses | simulate … | chaos … | executor …";

#[expect(clippy::print_stdout, reason = "findings are the result of a chore")]
fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let chore = args.next().context(USAGE)?;
    if chore == "simulate" {
        return play(&Options::parse(args)?);
    }
    if chore == "chaos" {
        return misbehave(&chaos::Options::parse(args)?);
    }
    if chore == "executor" {
        return deploy(&executor::Options::parse(args)?);
    }
    let repository = Repository::open().context("cannot read the repository")?;
    let report = match chore.as_str() {
        "tidy" => tidy::check(&repository),
        "licenses" => licenses::check(&repository),
        other => bail!("no chore is called `{other}`\n{USAGE}"),
    };
    for note in &report.notes {
        println!("note: {note}");
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    println!("{chore}: {} findings", report.findings.len());
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Plays seeds, and says how to play the one again that breaks a promise.
#[expect(clippy::print_stdout, reason = "what it finds is its result")]
#[expect(clippy::print_stderr, reason = "so that results can be piped")]
fn play(options: &Options) -> anyhow::Result<ExitCode> {
    let tell = |seeds, time: std::time::Duration| {
        eprintln!("{seeds} seeds in {:.0} s", time.as_secs_f64());
    };
    let found = simulate(options, tell);
    println!("{:#?}", found.happened);
    let Some(least) = found.least else {
        println!("simulate: no promise was broken");
        return Ok(ExitCode::SUCCESS);
    };
    println!("{least}");
    println!("it happens without {:?} as well", least.profile.left_out());
    for Failure {
        seed, violation, ..
    } in &found.failures
    {
        println!("seed {seed}: {violation}");
    }
    println!(
        "replay it with: cargo xtask simulate --profile {} --seeds 1 --from {}",
        least.profile.name(),
        least.seed
    );
    Ok(ExitCode::FAILURE)
}

/// Runs a job on clusters that misbehave, and names the seeds that have to be looked at.
#[expect(clippy::print_stdout, reason = "what it finds is its result")]
fn misbehave(options: &chaos::Options) -> anyhow::Result<ExitCode> {
    println!("profile     seed  exit  seconds  what");
    let found = chaos::chaos(options, |row| {
        let code = row
            .ended
            .code
            .map_or_else(|| "-".to_owned(), |code| code.to_string());
        let what = match &row.wrong[..] {
            [] => row.ended.reason().unwrap_or("as it should be").to_owned(),
            wrong => format!("WRONG: {}", wrong.join("; ")),
        };
        let (profile, seconds) = (row.profile.name(), row.ended.took.as_secs_f64());
        println!("{profile:<8}{:>8}{code:>6}{seconds:>9.1}  {what}", row.seed);
    })?;
    for (profile, code, count) in &found.codes {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        println!("{}: exit code {code} {count} times", profile.name());
    }
    for row in &found.wrong {
        let (profile, seed) = (row.profile.name(), row.seed);
        println!("again: cargo xtask chaos --profile {profile} --seeds 1 --from {seed}");
    }
    println!("chaos: {} runs are wrong", found.wrong.len());
    Ok(match found.wrong.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Builds the executor as it is deployed, and says where it is.
#[expect(clippy::print_stdout, reason = "where it is is its result")]
fn deploy(options: &executor::Options) -> anyhow::Result<ExitCode> {
    let repository = Repository::open().context("cannot read the repository")?;
    let built = executor::executor(options, &repository.metadata.target_directory)?;
    let (path, megabytes) = (built.path.display(), built.bytes as f64 / 1e6);
    println!("{path}: {megabytes:.1} MB");
    Ok(ExitCode::SUCCESS)
}
