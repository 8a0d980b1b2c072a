//! `mesosgot check`: is the job file right, and are its modules what it takes them for?

use super::Failure;
use crate::args::JobArgs;
use crate::diagnostics;
use crate::exit::Exit;
use crate::job_file;
use crate::report::{Event, Reporter};

/// Checks the job and launches nothing.
pub(super) async fn run(args: JobArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let loaded = job_file::load(&args.job, reporter).await?;
    for warnings in [loaded.ungranted(), loaded.unused()].iter().flatten() {
        diagnostics::warn(warnings, reporter);
    }
    if let Some(unseen) = loaded.unseen() {
        diagnostics::warn(&unseen, reporter);
    }
    let tasks = loaded.job.task_count() as usize;
    reporter.event(&Event::Checked {
        job: &loaded.job.name,
        tasks,
    });
    Ok(Exit::Success)
}
