//! `mesosgot status`: how a running job is.

use super::Failure;
use crate::args::JobNameArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::client::{self, Where};
use crate::running::status::Status;

/// Asks the job and shows the answer.
pub(super) async fn run(args: JobNameArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let job = client::find(&Where::of(args.job, args.address)?).await?;
    let status: Status = job.get("/v1/status", &()).await?;
    reporter.event(&Event::Status(&status));
    Ok(Exit::Success)
}
