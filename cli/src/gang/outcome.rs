//! How the framework ended, in the words of the command line.

use framework::{FrameworkError, JobOutcome, NeverPlaced, TotalTraffic, TotalUsage, Traffic};
use job::Diagnostics;

use super::hints;
use crate::commands::Failure;
use crate::exit::Exit;
use crate::job_file::LoadedJob;
use crate::settings::MastersPlace;
use crate::tally::Tally;

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
    /// What the tasks took that have ended.
    pub(crate) usage: TotalUsage,
}

/// The exit code of a job, or of a question to a cluster, that could not be put to its end.
pub(crate) fn exit(error: &FrameworkError) -> Exit {
    match error {
        FrameworkError::Unreachable { .. } | FrameworkError::Refused(_) => Exit::Cluster,
        // The job, or the certificates and credentials that go with it.
        FrameworkError::InvalidJob(_)
        | FrameworkError::LaunchTooLarge { .. }
        | FrameworkError::Certificate(_)
        | FrameworkError::Start(_) => Exit::Usage,
        FrameworkError::NoExecutorProgram
        | FrameworkError::ModuleServer { .. }
        | FrameworkError::Direct { .. }
        | FrameworkError::Store(_)
        | FrameworkError::ClientEnded => Exit::Failure,
    }
}

/// The exit code, the word and the reason for how the framework ended: the only
/// such table.
pub(super) fn ended(
    result: Result<JobOutcome, FrameworkError>,
    loaded: &LoadedJob,
    masters: &MastersPlace,
    tally: &Tally,
    traffic: &Traffic,
) -> Result<Ended, Failure> {
    let mut misfits = None;
    let mut help = None;
    let (exit, word, reason) = match result {
        Ok(JobOutcome::Succeeded) => (Exit::Success, "succeeded", None),
        Ok(JobOutcome::TaskFailed(task)) => {
            help = hints::of_executor(&task);
            (Exit::Failure, "failed", Some(format!("task {task}")))
        }
        Ok(JobOutcome::TooManyRestarts(why)) => {
            (Exit::Failure, "failed", Some(format!("task {why}")))
        }
        Ok(JobOutcome::AppFailed { message }) => (
            Exit::Failure,
            "failed",
            Some(format!("app scheduler: {message}")),
        ),
        Ok(JobOutcome::NeverPlaced(why)) => {
            if let NeverPlaced::NoPlace(shortfall) = &why {
                misfits = loaded.misfits(shortfall);
            }
            let mut reason = why.to_string();
            if let Some(lost) = tally.lost() {
                reason += &format!("; the connection to the master was lost meanwhile: {lost}");
                help = Some("the log of the master, or of a proxy on the way to it, may say more");
            }
            (Exit::NeverPlaced, "never_placed", Some(reason))
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
            help = hints::hint(&error, masters.access.credentials.as_ref());
            let (exit, shown) = (exit(&error), &masters.shown);
            let error = anyhow::Error::from(error);
            (exit, word, Some(format!("master `{shown}`: {error:#}")))
        }
        Err(FrameworkError::InvalidJob(error)) => return Err(Failure::new(Exit::Usage, error)),
        Err(error) => {
            let help = hints::hint(&error, None).map(str::to_owned);
            return Err(Failure::new(exit(&error), error).with_help_if(help));
        }
    };
    Ok(Ended {
        exit,
        word,
        reason,
        help,
        misfits,
        failures_ignored: tally.ignored(),
        traffic: traffic.total(),
        usage: traffic.total_usage(),
    })
}
