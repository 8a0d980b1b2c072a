//! `mesosgot stop`: ends a running job, as Ctrl-C does where it runs.

use super::Failure;
use crate::args::StopArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::api::{StopRequest, Wanted};
use crate::running::client::{self, Where};

/// Asks the job to end, and waits until nothing more happens.
pub(super) async fn run(args: StopArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let place = Where::of(args.job.job, args.job.address)?;
    let job = client::find(&place).await?;
    // Before asking, so that there is somebody to follow.
    let wanted = Wanted {
        tail: Some(0),
        follow: true,
        ..Wanted::default()
    };
    let mut events = job.stream("/v1/events", &wanted).await?;
    job.post("/v1/stop", &StopRequest { now: args.now }).await?;
    while let Some(_events) = events.chunk().await.map_err(|error| job.broken(error))? {}
    reporter.event(&Event::Stopped { job: job.shown() });
    Ok(Exit::Success)
}
