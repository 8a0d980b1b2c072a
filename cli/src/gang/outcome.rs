//! How the framework ended, in the words of the command line.

use framework::{FrameworkError, JobOutcome, NeverPlaced, TotalTraffic};
use job::Diagnostics;

use super::hints;
use crate::commands::Failure;
use crate::exit::Exit;
use crate::job_file::LoadedJob;

/// How a job has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// The word for it in `--output json`.
    pub(crate) word: &'static str,
    pub(crate) reason: Option<String>,
    /// What the user can do about that.
    pub(crate) help: Option<&'static str>,
    /// The places of the job file that are at fault, if any are.
    pub(crate) misfits: Option<Diagnostics>,
    /// How many tasks have failed without harm for the job.
    pub(crate) failures_ignored: usize,
    /// What went over all channels.
    pub(crate) traffic: TotalTraffic,
}

/// The exit code, the word and the reason for how the framework ended: the only such table.
pub(super) fn ended(
    result: Result<JobOutcome, FrameworkError>,
    loaded: &LoadedJob,
    masters: &str,
    traffic: TotalTraffic,
) -> Result<Ended, Failure> {
    let mut misfits = None;
    let mut help = None;
    let (exit, word, reason) = match result {
        Ok(JobOutcome::Succeeded) => (Exit::Success, "succeeded", None),
        Ok(JobOutcome::TaskFailed(task)) => (Exit::Failure, "failed", Some(format!("task {task}"))),
        Ok(JobOutcome::AppFailed { message }) => (
            Exit::Failure,
            "failed",
            Some(format!("app scheduler: {message}")),
        ),
        Ok(JobOutcome::NeverPlaced(why)) => {
            if let NeverPlaced::NoPlace(shortfall) = &why {
                misfits = loaded.misfits(shortfall);
            }
            (Exit::NeverPlaced, "never_placed", Some(why.to_string()))
        }
        Ok(JobOutcome::Unconnected(why)) => (
            Exit::Failure,
            "failed",
            Some(format!(
                "{why}; set `channels.advertise` to an address of this machine that agents \
                 reach, or `channels.direct: auto`"
            )),
        ),
        Ok(JobOutcome::Interrupted) => (
            Exit::Interrupted,
            "interrupted",
            Some("by the user".to_owned()),
        ),
        Err(error @ (FrameworkError::Unreachable { .. } | FrameworkError::Refused(_))) => {
            let is_refused = matches!(error, FrameworkError::Refused(_));
            let word = if is_refused { "refused" } else { "unreachable" };
            help = hints::hint(&error);
            (
                Exit::Cluster,
                word,
                Some(format!(
                    "master `{masters}`: {:#}",
                    anyhow::Error::from(error)
                )),
            )
        }
        Err(FrameworkError::InvalidJob(error)) => return Err(Failure::new(Exit::Usage, error)),
        Err(error @ FrameworkError::Start(_)) => {
            let help = hints::hint(&error).map(str::to_owned);
            return Err(Failure::new(Exit::Usage, error).with_help_if(help));
        }
        Err(error) => return Err(Failure::new(Exit::Failure, error)),
    };
    Ok(Ended {
        exit,
        word,
        reason,
        help,
        misfits,
        failures_ignored: 0,
        traffic,
    })
}
