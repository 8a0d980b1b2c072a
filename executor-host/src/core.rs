//! The executor as Mesos sees it: a deterministic machine.
//!
//! It owns which tasks there are and how far each is, when a task may begin, when it is told to
//! stop and when it is stopped by force, which status updates the agent has not acknowledged, and
//! when the executor exits. It refuses to know wasm, HTTP and the clock.
//!
//! ```text
//! Waiting ──launch──► Serving ◄──launch── Lingering ──time──► Exited(Done)
//!    │                   │ └─last task acknowledged─▲  │
//!    └──────shutdown─────┴──────────┬──────────────────┘
//!                                   ▼
//!                  ShuttingDown ──all ended and told, or time──► Exited(Shutdown)
//!
//! any ──agent gone for good──► Orphaned ──all ended──► Exited(AgentLost)
//! ```
//!
//! - *Waiting*: nothing was launched yet; the agent sends the first launch or a shutdown.
//! - *Lingering*: the last task has ended and is acknowledged; a launch may be on its way.
//! - *ShuttingDown*: every task is told to stop within the time that the agent gives.
//! - *Orphaned*: nobody hears our updates; tasks end within their grace.
//!
//! A task's own states are in [`task`], the way of its updates is in [`updates`].

pub(crate) mod task;
pub(crate) mod updates;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use mesos::{TaskId, v1::TaskState};

use self::{
    task::{Step, TaskRun},
    updates::{Update, Uuid},
};
use crate::outcome::Outcome;

/// What the machine is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// The agent has taken our subscription, with all that was unacknowledged.
    Subscribed { killing_state: KillingState },
    /// The subscription broke; the client is renewing it.
    Disconnected,
    /// The agent is gone for good, or does not want us any more.
    AgentLost,
    /// A task to run. Its updates tell what became of it.
    Launch { task: TaskId, kill_grace: Duration },
    /// A task to stop; a grace that comes with the kill replaces the task's own.
    Kill {
        task: TaskId,
        grace: Option<Duration>,
    },
    /// All tasks are to stop; after `within` the agent destroys us.
    Shutdown { within: Duration },
    /// The agent has taken an update into its care.
    Acknowledged { task: TaskId, uuid: Uuid },
    /// The agent has refused an update and always will.
    UpdateRefused { task: TaskId, uuid: Uuid },
    /// All tasks of the job are up: functions may begin.
    BarrierLifted,
    /// The task is instantiated.
    Ready { task: TaskId },
    /// The task's life is over and its `out` channel is closed.
    Ended { task: TaskId, outcome: Outcome },
    /// A deadline has passed.
    Tick,
}

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Fetch, compile and instantiate; answer `Ready` or `Ended`.
    Prepare(TaskId),
    /// Call the task's function; answer `Ended`.
    Run(TaskId),
    /// Close the task's `in` channel at that time, unless the scheduler's end does before.
    CloseInbox { task: TaskId, at: Instant },
    /// End the task by force; answer `Ended`.
    Stop(TaskId),
    /// Send an update to the agent.
    Update(Update),
    /// The task has ended and nothing of it waits: no output will name it again.
    Forget(TaskId),
    /// End the process. The last output.
    Exit(Exit),
}

/// Whether the framework knows the state TASK_KILLING.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillingState {
    Known,
    Unknown,
}

/// Why the executor exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Its last task has ended and is acknowledged, and nothing more came.
    Done,
    /// It was told to shut down.
    Shutdown,
    /// Its agent is gone for good.
    AgentLost,
}

/// What a subscription must carry (PROTOCOL §9.4).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Unacknowledged {
    /// Tasks of which no update has been acknowledged.
    pub(crate) tasks: Vec<TaskId>,
    /// Updates that have not been acknowledged, in order for each task.
    pub(crate) updates: Vec<Update>,
}

/// The executor machine.
///
/// Call [`handle`](Self::handle) with what happens, then take outputs until there are none, then
/// sleep until [`poll_timeout`](Self::poll_timeout) and handle a `Tick`.
#[derive(Debug)]
pub(crate) struct Core {
    mode: Mode,
    agent: Agent,
    barrier: Barrier,
    tasks: BTreeMap<TaskId, TaskRun>,
    /// Tasks whose life is not over.
    live: usize,
    /// No deadline of a task is earlier. It may be too early, then a look at all corrects it: one
    /// look for many deadlines, instead of one for every input of ten thousand tasks.
    next_deadline: Option<Instant>,
    random: fastrand::Rng,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Waiting,
    Serving,
    Lingering {
        until: Instant,
    },
    ShuttingDown {
        until: Instant,
        told_by: Option<Instant>,
    },
    Orphaned,
    Exited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agent {
    Away,
    Subscribed { killing_state: KillingState },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Barrier {
    Closed,
    Lifted,
}

/// Launches of one ACCEPT arrive one by one, and a task may end before the next is here. Half a
/// second covers an agent that writes them between other work; the resources of an executor that
/// lingers are missed by nobody for so long.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// After a shutdown: how long the last updates may take to be acknowledged. An agent whose
/// framework is gone ignores them (PROTOCOL §9.3), so waiting longer is waiting for nothing.
const TOLD_WAIT: Duration = Duration::from_millis(500);

/// Part of the time that a shutdown gives which tasks do not get: it is for stopping by force, for
/// the last messages and updates.
const SHUTDOWN_RESERVE: Duration = Duration::from_secs(1);

/// Tasks of one executor. Above this an agent's limits (memory maps, threads) are reached first.
pub(crate) const TASKS_MAX: usize = 20_000;

impl Core {
    /// An executor to which nothing has happened. `random` makes the ids of its updates.
    pub(crate) fn new(random: fastrand::Rng) -> Self {
        Self {
            mode: Mode::Waiting,
            agent: Agent::Away,
            barrier: Barrier::Closed,
            tasks: BTreeMap::new(),
            live: 0,
            next_deadline: None,
            random,
            outputs: VecDeque::new(),
        }
    }

    /// Something happened.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        if self.mode == Mode::Exited {
            return;
        }
        match input {
            Input::Subscribed { killing_state } => self.subscribed(now, killing_state),
            Input::Disconnected => self.agent = Agent::Away,
            Input::AgentLost => self.agent_lost(now),
            Input::Launch { task, kill_grace } => self.launch(now, task, kill_grace),
            Input::Kill { task, grace } => self.kill(now, &task, grace),
            Input::Shutdown { within } => self.shutdown(now, within),
            Input::Acknowledged { task, uuid } | Input::UpdateRefused { task, uuid } => {
                self.with_task(now, &task, |run| run.updates.acknowledged(uuid));
            }
            Input::BarrierLifted => self.lift_barrier(),
            Input::Ready { task } => self.ready(now, &task),
            Input::Ended { task, outcome } => self.ended(now, &task, &outcome),
            Input::Tick => {}
        }
        self.pass_deadlines(now);
        self.settle(now);
    }

    /// The next thing to do.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When a `Tick` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.mode {
            Mode::Lingering { until } => Some(until),
            Mode::ShuttingDown { until, told_by } => {
                Some(told_by.map_or(until, |by| by.min(until)))
            }
            Mode::Waiting | Mode::Serving | Mode::Orphaned => None,
            Mode::Exited => return None,
        };
        own.into_iter().chain(self.next_deadline).min()
    }

    /// What the next subscription must carry.
    pub(crate) fn unacknowledged(&self) -> Unacknowledged {
        let mut unacknowledged = Unacknowledged::default();
        for (task, run) in &self.tasks {
            if !run.updates.task_is_acknowledged() {
                unacknowledged.tasks.push(task.clone());
            }
            unacknowledged
                .updates
                .extend(run.updates.waiting().cloned());
        }
        unacknowledged
    }

    fn subscribed(&mut self, now: Instant, killing_state: KillingState) {
        self.agent = Agent::Subscribed { killing_state };
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in tasks {
            self.with_task(now, &task, |run| run.updates.subscribed(now));
        }
    }

    fn launch(&mut self, now: Instant, task: TaskId, kill_grace: Duration) {
        // A launch is repeated after a broken stream; the task is here already.
        if self.tasks.contains_key(&task) {
            return;
        }
        let refusal = match self.mode {
            Mode::ShuttingDown { .. } | Mode::Orphaned => Some(Outcome::NeverBegan),
            _ if self.tasks.len() >= TASKS_MAX => Some(Outcome::Refused(format!(
                "the executor holds {TASKS_MAX} tasks already"
            ))),
            _ => None,
        };
        self.tasks.insert(task.clone(), TaskRun::new(kill_grace));
        self.live += 1;
        if let Mode::Waiting | Mode::Lingering { .. } = self.mode {
            self.mode = Mode::Serving;
        }
        match refusal {
            None => self.outputs.push_back(Output::Prepare(task)),
            Some(outcome) => self.ended(now, &task, &outcome),
        }
    }

    fn ready(&mut self, now: Instant, task: &TaskId) {
        let Some(run) = self.tasks.get_mut(task) else {
            return;
        };
        if !run.ready() {
            return;
        }
        self.report(now, task, TaskState::TaskRunning);
        if self.barrier == Barrier::Lifted {
            self.begin(task);
        }
    }

    fn lift_barrier(&mut self) {
        self.barrier = Barrier::Lifted;
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in &tasks {
            self.begin(task);
        }
    }

    fn begin(&mut self, task: &TaskId) {
        if self.tasks.get_mut(task).is_some_and(TaskRun::begin) {
            self.outputs.push_back(Output::Run(task.clone()));
        }
    }

    fn kill(&mut self, now: Instant, task: &TaskId, grace: Option<Duration>) {
        // A task that is not here has ended and is acknowledged; the kill crossed its update.
        let Some(run) = self.tasks.get_mut(task) else {
            return;
        };
        let step = run.stop(now, grace);
        self.take(now, task, step);
    }

    fn shutdown(&mut self, now: Instant, within: Duration) {
        if let Mode::ShuttingDown { .. } | Mode::Orphaned = self.mode {
            return;
        }
        // Half of a time too short for the reserve is better than next to none.
        let for_tasks = within.saturating_sub(SHUTDOWN_RESERVE).max(within / 2);
        self.mode = Mode::ShuttingDown {
            until: now + within,
            told_by: None,
        };
        self.stop_all(now, for_tasks);
    }

    fn agent_lost(&mut self, now: Instant) {
        self.agent = Agent::Away;
        self.mode = Mode::Orphaned;
        self.stop_all(now, Duration::MAX);
    }

    fn stop_all(&mut self, now: Instant, grace_max: Duration) {
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in &tasks {
            let Some(run) = self.tasks.get_mut(task) else {
                continue;
            };
            let grace = run.kill_grace().min(grace_max);
            let step = run.stop(now, Some(grace));
            self.take(now, task, step);
        }
    }

    /// Does what a task's new state asks for.
    fn take(&mut self, now: Instant, task: &TaskId, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Stop => self.outputs.push_back(Output::Stop(task.clone())),
            Step::CloseInbox { close_at, force_at } => {
                self.outputs.push_back(Output::CloseInbox {
                    task: task.clone(),
                    at: close_at,
                });
                self.note_deadline(Some(force_at));
                let killing_state = KillingState::Known;
                if self.agent == (Agent::Subscribed { killing_state }) {
                    self.report(now, task, TaskState::TaskKilling);
                }
            }
            Step::Sooner { force_at } => self.note_deadline(Some(force_at)),
        }
    }

    fn ended(&mut self, now: Instant, task: &TaskId, outcome: &Outcome) {
        let Some(end) = self.tasks.get_mut(task).and_then(|run| run.ended(outcome)) else {
            return;
        };
        self.live -= 1;
        let uuid = Uuid::random(&mut self.random);
        self.with_task(now, task, |run| {
            run.updates.push(Update::of_end(task, uuid, end, now))
        });
    }

    fn report(&mut self, now: Instant, task: &TaskId, state: TaskState) {
        let uuid = Uuid::random(&mut self.random);
        self.with_task(now, task, |run| {
            run.updates.push(Update::of_state(task, uuid, state, now))
        });
    }

    /// Changes a task's updates, sends what may go out now, and forgets the task when it has ended
    /// and nothing of it waits.
    fn with_task(&mut self, now: Instant, task: &TaskId, change: impl FnOnce(&mut TaskRun)) {
        let Some(run) = self.tasks.get_mut(task) else {
            return;
        };
        change(run);
        let mut deadline = None;
        // While the agent is away nothing is sent, and no deadline may wake anyone for it.
        if let Agent::Subscribed { .. } = self.agent {
            self.outputs
                .extend(run.updates.next_to_send(now).map(Output::Update));
            deadline = run.updates.deadline();
        }
        if run.is_ended() && run.updates.is_empty() {
            self.tasks.remove(task);
            self.outputs.push_back(Output::Forget(task.clone()));
        }
        self.note_deadline(deadline);
    }

    fn note_deadline(&mut self, deadline: Option<Instant>) {
        self.next_deadline = self.next_deadline.into_iter().chain(deadline).min();
    }

    fn pass_deadlines(&mut self, now: Instant) {
        if self.next_deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        self.next_deadline = None;
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in &tasks {
            let Some(run) = self.tasks.get_mut(task) else {
                continue;
            };
            if run.force(now) {
                self.outputs.push_back(Output::Stop(task.clone()));
            }
            let force_at = run.force_at();
            self.note_deadline(force_at);
            self.with_task(now, task, |run| run.updates.give_up(now));
        }
    }

    /// Decides what the executor as a whole does now.
    fn settle(&mut self, now: Instant) {
        match self.mode {
            Mode::Serving if self.tasks.is_empty() => {
                self.mode = Mode::Lingering {
                    until: now + LINGER,
                };
            }
            Mode::Lingering { until } if until <= now => self.exit(Exit::Done),
            Mode::ShuttingDown { until, told_by } => {
                if self.tasks.is_empty() || until <= now || told_by.is_some_and(|by| by <= now) {
                    self.exit(Exit::Shutdown);
                } else if self.live == 0 && told_by.is_none() {
                    self.mode = Mode::ShuttingDown {
                        until,
                        told_by: Some(now + TOLD_WAIT),
                    };
                }
            }
            Mode::Orphaned if self.live == 0 => self.exit(Exit::AgentLost),
            Mode::Waiting | Mode::Serving | Mode::Lingering { .. } | Mode::Orphaned => {}
            Mode::Exited => {}
        }
    }

    fn exit(&mut self, exit: Exit) {
        self.mode = Mode::Exited;
        self.outputs.push_back(Output::Exit(exit));
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
