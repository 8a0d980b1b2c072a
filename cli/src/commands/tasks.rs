//! `mesosgot kill` and `mesosgot restart`: the end of tasks of a running job, and their next life.

mod restarts;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::anyhow;
use serde::Deserialize;
use tokio::time::timeout_at;

use self::restarts::{NotRestarted, Restarts, Said};
use super::Failure;
use crate::args::TasksArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::api::entries::Wanted;
use crate::running::api::tasks::{NamedTask, TaskQuery};
use crate::running::client::{self, Act, JobClient, Lines, Where};

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
        // One that has ended may be about to come back.
        act(&job, &task, "kill").await?;
        if has_ended {
            let state = state.unwrap_or_default();
            reporter.event(&Event::Killed {
                task: &task,
                state: &state,
                already: true,
            });
            continue;
        }
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
    // Those that waited for their next life have ended by now; their end need not be waited for.
    // A job that has ended since has told of all.
    let now = meant(&job, "").await.unwrap_or_default();
    for task in now.iter().filter(|task| task.has_ended) {
        has_ended(&task.task, task.state.as_deref().unwrap_or_default());
    }
    while !has_ended("", "") {
        let told = news
            .until(|news| news.event == "task" && restarts::is_end(&news.state))
            .await?;
        has_ended(&told.task, &told.state);
    }
    Ok(Exit::Success)
}

/// Has tasks end and launched again, and waits until they run.
pub(super) async fn restart(args: TasksArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let (job, mut news) = attend(&Where::of(args.which)?).await?;
    let mut restarts = Restarts::default();
    for NamedTask { task, .. } in meant(&job, &args.tasks.join(",")).await? {
        act(&job, &task, "restart").await?;
        restarts.ask(task);
    }
    while !restarts.are_done() {
        let told = restarts.until_told(&mut news).await?;
        match restarts.handle(Instant::now(), told) {
            Ok(None) => {}
            Ok(Some(Said::Waiting(reason))) => reporter.event(&Event::Waiting { reason }),
            Ok(Some(Said::Restarted(task))) => reporter.event(&Event::Restarted { task: &task }),
            Err(error) => return Err(not_restarted(error)),
        }
    }
    Ok(Exit::Success)
}

fn not_restarted(error: NotRestarted) -> Failure {
    let help = error.help();
    Failure::new(Exit::Failure, error).with_help(help)
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

impl Restarts {
    /// Waits for something that matters to the tasks.
    ///
    /// # Errors
    /// When the job ends before, or somebody has killed one of them.
    async fn until_told(&self, news: &mut Listening) -> Result<News, Failure> {
        let told = news.until(|news| self.is_about(news));
        let Some(deadline) = self.deadline() else {
            return told.await;
        };
        match timeout_at(deadline.into(), told).await {
            Ok(told) => told,
            Err(_) => match self.overdue(Instant::now()) {
                Some(error) => Err(not_restarted(error)),
                // The clock was early.
                None => Ok(News::default()),
            },
        }
    }
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
