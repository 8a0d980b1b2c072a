//! The command lines that are about a running job.

use std::path::PathBuf;

use clap::Args;

use super::values::whole;
use crate::running::client::JobAddress;
use crate::running::since::Since;

/// Where to find a running job.
#[derive(Debug, Args)]
pub(crate) struct AddressArgs {
    /// The address of a job's dashboard, `HOST:PORT` or a URL, for jobs elsewhere.
    #[arg(long, value_name = "ADDR")]
    pub(crate) address: Option<JobAddress>,

    /// The file with the token of that dashboard; or the variable `MESOSGOT_DASHBOARD_TOKEN` holds
    /// it.
    #[arg(long, value_name = "FILE", requires = "address")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Which running job.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// The running job: its name, `NAME@PID` if several have it, or its job file. Default: the only
    /// one.
    #[arg(
        short = 'j',
        long = "job",
        value_name = "JOB",
        conflicts_with = "address"
    )]
    pub(crate) named: Option<String>,

    #[command(flatten)]
    pub(crate) address: AddressArgs,
}

/// Which running job, for commands that name no tasks.
#[derive(Debug, Args)]
pub(crate) struct JobNameArgs {
    /// The same as `--job JOB`.
    #[arg(value_name = "JOB", conflicts_with_all = ["address", "named"])]
    pub(crate) job: Option<String>,

    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    pub(crate) job: JobNameArgs,

    /// Give tasks no time to end by themselves.
    #[arg(long)]
    pub(crate) now: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) job: JobNameArgs,

    /// Show all tasks, however many they are.
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) all: bool,

    /// Show so many tasks at most, those that do not run first.
    #[arg(long, value_name = "N", default_value = "30", value_parser = whole::<usize>(1..=u32::MAX.into()))]
    pub(crate) limit: usize,
}

/// Which part of what a job remembers.
#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    /// Go on with what is to come, until the job has ended.
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Only what was at this time or later: `10m` ago, `2026-11-21T18:34`, which is UTC, or
    /// `2026-11-21T18:34:00+01:00`.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,

    /// Only the newest so many.
    #[arg(short = 'n', long, value_name = "N", value_parser = whole::<usize>(0..=u32::MAX.into()))]
    pub(crate) tail: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Of these tasks: by name, by group, or by a pattern such as `lift-*`. Also `scheduler`, the
    /// app scheduler, and `executor`. Default: all.
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,

    #[command(flatten)]
    pub(crate) part: PartArgs,

    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) job: JobNameArgs,

    #[command(flatten)]
    pub(crate) part: PartArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The task's name.
    #[arg(value_name = "TASK")]
    pub(crate) task: String,

    /// The message; without one, or with `-`, it is what comes on stdin.
    #[arg(value_name = "MESSAGE", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,

    /// Each line is a message, without its line feed.
    #[arg(long)]
    pub(crate) lines: bool,

    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

/// Some tasks of a running job.
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// The tasks: by name, by group, or by a pattern such as `lift-*`.
    #[arg(value_name = "TASK", required = true)]
    pub(crate) tasks: Vec<String>,

    #[command(flatten)]
    pub(crate) which: WhichArgs,
}
