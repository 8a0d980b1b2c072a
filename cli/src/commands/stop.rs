//! `mesosgot stop`: ends a running job, as Ctrl-C does where it runs.

use super::Failure;
use crate::args::StopArgs;
use crate::exit::Exit;
use crate::report::{Ended, Event, Reporter};
use crate::running::api::StopRequest;
use crate::running::api::entries::Wanted;
use crate::running::client::{self, Where};
use crate::running::journal::EventEntry;
use crate::running::status::JobId;

/// Asks the job to end, waits until nothing more happens, and says how it has ended.
pub(super) async fn run(args: StopArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let job = client::find(&Where::of_word(args.job)?).await?;
    let id: JobId = job.get("/v1/job", &()).await?;
    // Before asking, so that there is somebody to follow.
    let wanted = Wanted {
        tail: Some(0),
        follow: true,
        ..Wanted::default()
    };
    let mut events = job.lines("/v1/events", &wanted).await?;
    job.post("/v1/stop", &StopRequest { now: args.now }).await?;
    let mut ended = Ended::default();
    while let Some(entry) = events.next::<EventEntry>().await? {
        if entry
            .event
            .get("event")
            .is_some_and(|event| event == "outcome")
        {
            // What another version says differently is not said here.
            ended = serde_json::from_value(entry.event).unwrap_or_default();
        }
    }
    reporter.event(&Event::Stopped {
        job: &id.job,
        ended,
    });
    Ok(Exit::Success)
}
