//! The lives of all tasks: a future for each, from its module to its outcome.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use link::{Link, spec};
use mesos::TaskId;
use tokio::{
    sync::{mpsc, oneshot},
    task::{self, AbortHandle, JoinError, JoinSet},
    time,
};
use tracing::info;

use super::convert::Launch;
use crate::{
    engine::Engine,
    grants::folders::OperatorFile,
    inbox::{InboxCloser, TaskInbox},
    meter::Meter,
    modules::Modules,
    outcome::Outcome,
    output::Output,
    task::Prepared,
};

/// How long the end of a task waits for what it printed last to be written.
const OUTPUT_WAIT: Duration = Duration::from_secs(5);

/// What all tasks share.
pub(super) struct Host {
    pub(super) engine: Engine,
    pub(super) modules: Modules,
    pub(super) output: Output,
    /// The folder in which tasks that may have files have theirs.
    pub(super) sandbox: PathBuf,
    /// What the operator of the agent lists for them.
    pub(super) operator: OperatorFile,
}

/// All lives that are not over.
pub(super) struct Lives {
    host: Arc<Host>,
    ready: mpsc::Sender<TaskId>,
    futures: JoinSet<Outcome>,
    /// Tasks that have ended, and whose last lines are being written.
    ended: JoinSet<(TaskId, Outcome)>,
    tasks: HashMap<task::Id, TaskId>,
    lives: HashMap<TaskId, Life>,
    /// What those took that are over, until the machine forgets the task.
    usages: HashMap<TaskId, spec::TaskUsage>,
}

/// The strings of one life.
struct Life {
    begin: Option<oneshot::Sender<()>>,
    closer: InboxCloser,
    outbox: link::Sender,
    abort: AbortHandle,
    meter: Meter,
    /// The processor time of which the scheduler was told, if it was.
    told: Option<Duration>,
}

impl Lives {
    /// No lives. `ready` is told of each task that is instantiated.
    pub(super) fn new(host: Arc<Host>, ready: mpsc::Sender<TaskId>) -> Self {
        Self {
            host,
            ready,
            futures: JoinSet::new(),
            ended: JoinSet::new(),
            tasks: HashMap::new(),
            lives: HashMap::new(),
            usages: HashMap::new(),
        }
    }

    /// Begins a life: opens the task's channels and prepares it.
    ///
    /// # Errors
    ///
    /// The outcome of a task whose channels cannot be opened.
    pub(super) fn start(
        &mut self,
        task: TaskId,
        launch: Launch,
        link: &Link,
    ) -> Result<(), Outcome> {
        let (outbox, receiver) = link
            .open(&launch.config.name)
            .map_err(|error| Outcome::Refused(error.to_string()))?;
        let (inbox, closer) = TaskInbox::new(receiver);
        let (begin, begun) = oneshot::channel();
        let (host, ready) = (Arc::clone(&self.host), self.ready.clone());
        let (name, sender) = (task.clone(), outbox.clone());
        let meter = Meter::new(launch.config.limits.cpu_time_max);
        let measured = meter.clone();
        let turns = self.host.engine.turns().clone();
        // Each stage in memory of its own, which is free again after it: the future of a task that
        // waits is as small as can be.
        let prepare = Box::pin(prepare(host, launch, measured.clone()));
        let life = async move {
            let prepared = match prepare.await {
                Ok(prepared) => prepared,
                Err(outcome) => return outcome,
            };
            let _ = ready.send(name).await;
            match begun.await {
                // What is known of its start says nothing of its function.
                Ok(()) => turns.run(&measured, prepared.run(inbox, sender)).await,
                Err(_) => Outcome::Stopped,
            }
        };
        let abort = self.futures.spawn(life);
        self.tasks.insert(abort.id(), task.clone());
        self.lives.insert(
            task,
            Life {
                begin: Some(begin),
                closer,
                outbox,
                abort,
                meter,
                told: None,
            },
        );
        Ok(())
    }

    /// Lets a task's function begin.
    pub(super) fn run(&mut self, task: &TaskId) {
        if let Some(begin) = self.lives.get_mut(task).and_then(|life| life.begin.take()) {
            // It fails only if the life has just ended, which is told by itself.
            let _ = begin.send(());
        }
    }

    /// Closes a task's inbox at that moment.
    pub(super) fn close_inbox(&self, task: &TaskId, at: std::time::Instant) {
        if let Some(life) = self.lives.get(task) {
            life.closer.close_at(at);
        }
    }

    /// Ends a task by force, at its next host call or tick of the epoch.
    pub(super) fn stop(&self, task: &TaskId) {
        if let Some(life) = self.lives.get(task) {
            life.abort.abort();
        }
    }

    /// Waits for the next life to end, closes its `out` channel and has written what it printed.
    /// For ever while there is none. Cancellation safe.
    pub(super) async fn next_end(&mut self) -> (TaskId, Outcome) {
        loop {
            let joined = tokio::select! {
                Some(joined) = self.futures.join_next_with_id() => joined,
                Some(ended) = self.ended.join_next() => match ended {
                    Ok(ended) => return ended,
                    // It neither panics nor is it aborted.
                    Err(_) => continue,
                },
                else => std::future::pending().await,
            };
            let (id, outcome) = match joined {
                Ok((id, outcome)) => (id, outcome),
                Err(error) => (error.id(), broken_off(error)),
            };
            let Some(task) = self.tasks.remove(&id) else {
                continue;
            };
            if let Some(life) = self.lives.remove(&task) {
                life.outbox.close();
                let usage = spec::TaskUsage {
                    traps: outcome.is_trap().into(),
                    ..life.usage()
                };
                info!(%task, ?usage, "the task's life is over");
                self.usages.insert(task.clone(), usage);
            }
            if self.host.output.is_flushed() {
                return (task, outcome);
            }
            let output = self.host.output.clone();
            self.ended.spawn(async move {
                // A disk that takes nothing more does not keep a task from ending.
                let _ = time::timeout(OUTPUT_WAIT, output.flushed()).await;
                (task, outcome)
            });
        }
    }

    /// The tasks that have had a turn since the scheduler was told of them.
    pub(super) fn changed(&self) -> Vec<TaskId> {
        let lives = self.lives.iter();
        let changed = lives.filter(|(_, life)| life.told != Some(life.meter.used()));
        changed.map(|(task, _)| task.clone()).collect()
    }

    /// What these tasks have taken, unless they have ended, and what to say when that was
    /// [told](Self::told).
    pub(super) fn running(&self, tasks: &[TaskId]) -> (spec::Usages, Vec<(TaskId, Duration)>) {
        let lives = tasks.iter();
        let lives = lives.filter_map(|task| Some((task, self.lives.get(task)?)));
        let (usages, told) = lives
            .map(|(task, life)| {
                // A turn that ends meanwhile is told the next time.
                let used = life.meter.used();
                (life.running(task), (task.clone(), used))
            })
            .unzip();
        (spec::Usages { tasks: usages }, told)
    }

    /// The scheduler is told of these tasks up to these turns.
    pub(super) fn told(&mut self, tasks: Vec<(TaskId, Duration)>) {
        for (task, used) in tasks {
            if let Some(life) = self.lives.get_mut(&task) {
                life.told = Some(used);
            }
        }
    }

    /// The scheduler knows nothing of any task.
    pub(super) fn tell_anew(&mut self) {
        self.lives.values_mut().for_each(|life| life.told = None);
    }

    /// What a task took whose life is over.
    pub(super) fn usage(&self, task: &TaskId) -> Option<&spec::TaskUsage> {
        self.usages.get(task)
    }

    /// Nobody will ask for that task any more.
    pub(super) fn forget(&mut self, task: &TaskId) {
        self.usages.remove(task);
    }

    /// Ends all lives by force and waits until they are over.
    pub(super) async fn shutdown(&mut self) {
        self.futures.shutdown().await;
    }
}

impl Life {
    /// What it has taken so far; a trap is known when it ends.
    fn usage(&self) -> spec::TaskUsage {
        let (used, carried) = (self.meter.usage(), self.outbox.counters());
        let received = self.outbox.received();
        spec::TaskUsage {
            cpu_time_us: u64::try_from(used.cpu_time.as_micros()).unwrap_or(u64::MAX),
            memory_bytes: used.memory_bytes,
            memory_bytes_peak: used.memory_bytes_peak,
            messages_in: received.messages,
            messages_out: carried.messages_sent,
            bytes_in: received.bytes,
            bytes_out: carried.bytes_sent,
            traps: 0,
        }
    }

    fn running(&self, task: &TaskId) -> spec::RunningUsage {
        let state = self.outbox.state();
        spec::RunningUsage {
            task_id: task.to_string(),
            usage: Some(self.usage()),
            is_receiving: state.incoming.is_waited_for,
            is_blocked: state.outgoing.is_waited_for,
        }
    }
}

async fn prepare(host: Arc<Host>, mut launch: Launch, meter: Meter) -> Result<Prepared, Outcome> {
    launch.config.allow.folders = host
        .operator
        .folders(&launch.folders)
        .map_err(|error| Outcome::Refused(error.to_string()))?;
    let module = host
        .modules
        .get(&launch.module)
        .await
        .map_err(Outcome::Module)?;
    let turns = host.engine.turns().clone();
    let measured = meter.clone();
    let make = || async move {
        Prepared::metered(
            &host.engine,
            &module,
            launch.config,
            &host.output,
            &host.sandbox,
            meter,
        )
        .await
    };
    turns.first(&measured, make).await
}

/// A future that did not come to its end.
fn broken_off(error: JoinError) -> Outcome {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Outcome::HostFault(text.unwrap_or("a panic without a text").to_owned())
        }
        Err(_aborted) => Outcome::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1::TaskState;
    use tokio::task::yield_now;

    use super::*;
    use crate::outcome::{Asked, TaskEnd};

    #[tokio::test]
    async fn a_panic_of_the_host_ends_the_one_task_and_says_whose_fault_it_is() {
        let mut lives = JoinSet::new();
        lives.spawn(async {
            yield_now().await;
            panic!("index {} out of bounds", 7)
        });
        lives.spawn(async { Outcome::Returned });
        let mut outcomes = Vec::new();
        while let Some(ended) = lives.join_next().await {
            outcomes.push(ended.unwrap_or_else(broken_off));
        }
        let fault = Outcome::HostFault("index 7 out of bounds".to_owned());
        assert_eq!(outcomes, [Outcome::Returned, fault.clone()]);
        let end = TaskEnd::of(&fault, Asked::No);
        assert_eq!((end.state, end.reason), (TaskState::TaskFailed, None));
    }
}
