//! `cargo run -p xtask -- <chore>`: repository chores.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use xtask::repository::Repository;
use xtask::{licenses, tidy};

const USAGE: &str = "usage: cargo run -p xtask -- tidy | licenses";

#[expect(clippy::print_stdout, reason = "findings are the result of a chore")]
fn main() -> anyhow::Result<ExitCode> {
    let chore = std::env::args().nth(1).context(USAGE)?;
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
