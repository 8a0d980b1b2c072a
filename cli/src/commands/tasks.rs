//! `mesosgot kill` and `mesosgot restart`: the end of tasks of a running job, and their next life.

use std::collections::BTreeSet;

use anyhow::anyhow;
use framework::TaskState;
use serde::Deserialize;

use super::Failure;
use crate::args::TasksArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::api::entries::Wanted;
use crate::running::api::tasks::{NamedTask, TaskQuery};
use crate::running::client::{self, Act, JobClient, Lines, Where};

/// How a task ends that is not placed again by itself, as one whose agent was lost is.
const ENDS: [&str; 4] = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR"];

/// Has tasks end, and waits for it.
pub(super) async fn kill(args: TasksArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let (job, mut news) = attend(&Where::of(args.which)?).await?;
    let names = args.tasks.join(",");
    let mut waiting = BTreeSet::new();
    for NamedTask {
        task,
        state,
        has_ended,
    } in meant(&job, &names).await?
    {
        if has_ended {
            let state = state.unwrap_or_default();
            reporter.event(&Event::Killed {
                task: &task,
                state: &state,
                already: true,
            });
            continue;
        }
        act(&job, &task, "kill").await?;
        waiting.insert(task);
    }
    let mut has_ended = |task: &str, state: &str| {
        if waiting.remove(task) {
            reporter.event(&Event::Killed {
                task,
                state,
                already: false,
            });
        }
        waiting.is_empty()
    };
    // Those that wait for their next life have ended with that, and nothing more is told of them.
    // A job that has ended since has told of all.
    let now = meant(&job, "").await.unwrap_or_default();
    for task in now.iter().filter(|task| task.has_ended) {
        has_ended(&task.task, task.state.as_deref().unwrap_or_default());
    }
    while !has_ended("", "") {
        let told = news
            .until(|news| news.event == "task" && is_end(&news.state))
            .await?;
        has_ended(&told.task, &told.state);
    }
    Ok(Exit::Success)
}

/// Whether a task in this state is over.
fn is_end(state: &str) -> bool {
    let mut ends = TaskState::ALL.iter().filter(|known| known.is_end());
    ends.any(|known| known.name() == state)
}

/// Has tasks end and launched again, and waits until they run.
pub(super) async fn restart(args: TasksArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let (job, mut news) = attend(&Where::of(args.which)?).await?;
    // Those whose last life may still be told of, and those of which only the next one is.
    let (mut ending, mut beginning) = (BTreeSet::new(), BTreeSet::new());
    for NamedTask { task, .. } in meant(&job, &args.tasks.join(",")).await? {
        act(&job, &task, "restart").await?;
        ending.insert(task);
    }
    while !(ending.is_empty() && beginning.is_empty()) {
        let is_about_us = |news: &News| {
            ending.contains(&news.task) || beginning.contains(&news.task) || news.event == "waiting"
        };
        let told = news.until(is_about_us).await?;
        match (&*told.event, &*told.state) {
            ("waiting", _) => reporter.event(&Event::Waiting {
                reason: told.reason,
            }),
            ("restarting", _) => {
                ending.remove(&told.task);
                beginning.insert(told.task);
            }
            ("task", state) if ENDS.contains(&state) && beginning.contains(&told.task) => {
                return Err(not_restarted(&told));
            }
            ("task", "TASK_RUNNING") if beginning.remove(&told.task) => {
                reporter.event(&Event::Restarted { task: &told.task });
            }
            _ => {}
        }
    }
    Ok(Exit::Success)
}

/// A task that has ended in its next life before that was up.
fn not_restarted(told: &News) -> Failure {
    let News {
        task,
        state,
        message,
        ..
    } = told;
    let said = match &**message {
        "" => String::new(),
        message => format!(": {message}"),
    };
    Failure::new(
        Exit::Failure,
        anyhow!("task `{task}` was launched again and has ended with {state}{said}"),
    )
}

/// Finds a job and listens to what happens to it from now on.
async fn attend(place: &Where) -> Result<(JobClient, Listening), Failure> {
    let job = client::find(place).await?;
    let wanted = Wanted {
        tail: Some(0),
        follow: true,
        ..Wanted::default()
    };
    let lines = job.lines("/v1/events", &wanted).await?;
    let job_shown = job.shown().to_owned();
    Ok((
        job,
        Listening {
            lines,
            job_shown,
            why: None,
        },
    ))
}

async fn meant(job: &JobClient, names: &str) -> Result<Vec<NamedTask>, Failure> {
    let names = names.to_owned();
    job.get("/v1/tasks", &TaskQuery { names }).await
}

async fn act(job: &JobClient, task: &str, verb: &str) -> Result<(), Failure> {
    let act = Act {
        task,
        verb,
        body: Vec::new(),
        wait: false,
    };
    job.act(act).await?.map_err(|refused| job.refused(refused))
}

/// What happens to a job.
struct Listening {
    lines: Lines,
    job_shown: String,
    /// Why the job ends, once it does.
    why: Option<String>,
}

/// Something that has happened, as far as it matters here. Each event has some of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct News {
    event: String,
    task: String,
    state: String,
    reason: String,
    message: String,
}

impl Listening {
    /// Waits for something.
    ///
    /// # Errors
    /// When the job ends before.
    async fn until(&mut self, is_it: impl Fn(&News) -> bool) -> Result<News, Failure> {
        while let Some(news) = self.lines.next::<News>().await? {
            if is_it(&news) {
                return Ok(news);
            }
            if news.event == "stopping" || news.event == "outcome" && !news.reason.is_empty() {
                self.why = Some(news.reason);
            }
        }
        let why = self.why.take().map(|why| format!(": {why}"));
        let error = anyhow!(
            "{} has ended before{}",
            self.job_shown,
            why.unwrap_or_default()
        );
        Err(Failure::new(Exit::Failure, error))
    }
}
