//! The `mesosgot` command: reads a job file, is its Mesos scheduler, and reports.
//!
//! Arguments are typed in [`args`]; each command has a file in [`commands`]; [`report`] is the only
//! writer; [`exit`] decides the exit codes.

mod access;
mod args;
mod colour;
mod commands;
mod console;
mod diagnostics;
mod doctor;
mod exit;
mod gang;
mod guest;
mod job_file;
mod local;
mod login;
mod logs;
mod report;
mod running;
mod settings;
mod signals;
mod tail;
mod tally;
mod template;

use std::process::ExitCode;

use crate::args::Cli;

fn main() -> ExitCode {
    // One binary is enough on one machine: agents start this program as their executor.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == EXECUTOR)
    {
        return executor_host::program();
    }
    // Before anything is printed, help texts included.
    colour::decide(std::env::args_os());
    match Cli::of_words(std::env::args_os()) {
        Ok(cli) => commands::run(cli).into(),
        // clap prints what is wrong, with exit code 2, or the help that was asked for.
        Err(error) => error.exit(),
    }
}

/// The first argument that makes this program the executor. Agents say it, people do not, so it is
/// no command and in no help text.
const EXECUTOR: &str = "executor";
