//! `mesosgot logs` and `mesosgot events`: what tasks of a running job have printed, and what has
//! happened to it.

use std::time::SystemTime;

use executor_host::output::format_time;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::Failure;
use crate::args::{EventsArgs, LogsArgs, PartArgs};
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::api::entries::{Gap, Wanted};
use crate::running::api::tasks::{NamedTask, TaskQuery};
use crate::running::client::{self, Lines, Where};
use crate::running::journal::{EventEntry, LineEntry};
use crate::signals::{self, Urgency};

/// Shows lines.
pub(super) async fn logs(
    args: LogsArgs,
    reporter: &Reporter,
    urgency: &mut watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let follow = args.part.follow;
    let work = async {
        let job = client::find(&Where::of(args.which)?).await?;
        let wanted = wanted(args.part, args.tasks.join(","));
        let lines = job.lines("/v1/logs", &wanted).await?;
        if !reporter.is_json() {
            let tasks: Vec<NamedTask> = job.get("/v1/tasks", &TaskQuery::default()).await?;
            reporter.align(tasks.iter().map(|task| &*task.task));
        }
        show(lines, reporter, "lines", |line: &LineEntry| {
            reporter.event_in_turn(&Event::Line(line));
        })
        .await
    };
    until_interrupted(work, follow, reporter, urgency).await
}

/// Shows events.
pub(super) async fn events(
    args: EventsArgs,
    reporter: &Reporter,
    urgency: &mut watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let follow = args.part.follow;
    let work = async {
        let job = client::find(&Where::of_word(args.job)?).await?;
        let wanted = wanted(args.part, String::new());
        let lines = job.lines("/v1/events", &wanted).await?;
        show(lines, reporter, "events", |event: &EventEntry| {
            reporter.event_in_turn(&Event::Entry(event));
        })
        .await
    };
    until_interrupted(work, follow, reporter, urgency).await
}

fn wanted(part: PartArgs, tasks: String) -> Wanted {
    let since = part.since.map(|since| since.time(SystemTime::now()));
    Wanted {
        after: 0,
        tail: part.tail,
        since: since.map(format_time),
        tasks,
        follow: part.follow,
        gaps: true,
    }
}

/// What a journal tells.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Told<T> {
    Entry(T),
    Gap(Gap),
}

/// Shows entries to their end.
async fn show<T: DeserializeOwned>(
    mut lines: Lines,
    reporter: &Reporter,
    kind: &'static str,
    show: impl Fn(&T),
) -> Result<Exit, Failure> {
    while let Some(told) = lines.next::<Told<T>>().await? {
        match told {
            Told::Entry(entry) => show(&entry),
            Told::Gap(Gap { forgotten }) => reporter.event(&Event::Forgotten {
                kind,
                count: forgotten,
            }),
        }
    }
    Ok(Exit::Success)
}

/// Whoever has read enough, such as `head`, is content, and whoever follows ends that by Ctrl-C.
async fn until_interrupted(
    work: impl Future<Output = Result<Exit, Failure>>,
    follow: bool,
    reporter: &Reporter,
    urgency: &mut watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    match signals::or_interrupted(urgency, work).await {
        Err(Failure::Interrupted) if *reporter.stdout_closed().borrow() => Ok(Exit::Success),
        Err(Failure::Interrupted) if follow => Ok(Exit::Interrupted),
        result => result,
    }
}
