//! `mesosgot completions`: prints what lets a shell complete command lines.

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::Failure;
use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::report::Reporter;

/// Prints the script for the shell.
pub(super) fn run(args: &CompletionsArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let script = String::from_utf8(script)
        .with_context(|| format!("failed to make the completions for {}", args.shell))
        .map_err(|error| Failure::new(Exit::Failure, error))?;
    reporter.file(&script);
    Ok(Exit::Success)
}
