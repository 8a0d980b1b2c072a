//! The executor as Mesos sees it: a deterministic machine.
//!
//! It owns which tasks there are and how far each is, when a task may begin, when it is told to
//! stop and when it is stopped by force, which status updates the agent has not acknowledged, and
//! when the executor exits. It refuses to know wasm, HTTP and the clock.
//!
//! ```text
//! Waiting ──launch──► Serving ──last task acknowledged──► Exited(Done), or Waiting for more
//!    │                   │
//!    ├───time──► Exited(Done)
//!    └──────shutdown─────┴──► ShuttingDown ──all ended and told, or time──► Exited(Shutdown)
//!
//! any ──agent gone for good──► Orphaned ──all ended, or time──► Exited(AgentLost)
//! ```
//!
//! - *Waiting*: no task is here, and the scheduler launches more, or may: it says how many. The
//!   time runs while there is a subscription, for without one no launch can come.
//! - *ShuttingDown*: every task is told to stop within the time that the agent gives.
//! - *Orphaned*: nobody hears our updates; tasks end within their grace.
//!
//! A task's own states are in [`task`], the way of its updates is in [`updates`].

mod past;
pub(crate) mod task;
pub(crate) mod updates;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use mesos::{TaskId, v1::TaskState};

use self::{
    past::Past,
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
    /// The agent keeps an update: it is not needed here any more.
    Acknowledged { task: TaskId, uuid: Uuid },
    /// The agent has taken an update, and will acknowledge it.
    UpdateTaken { task: TaskId, uuid: Uuid },
    /// The agent has not taken an update: it was not ready, or did not answer.
    UpdatePutOff { task: TaskId, uuid: Uuid },
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
    /// Send an update to the agent; answer `UpdateTaken`, `UpdatePutOff` or `UpdateRefused`.
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
    /// Tasks of which nothing is left to do.
    past: Past,
    /// How many tasks the scheduler launches here, if it has said so.
    expected: Option<u32>,
    /// How many it has launched so far.
    launched: u32,
    /// The next deadline of each task that has one: what each has in `due`.
    deadlines: BTreeSet<(Instant, TaskId)>,
    random: fastrand::Rng,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// While there is no subscription, the time does not run.
    Waiting {
        until: Option<Instant>,
    },
    Serving,
    ShuttingDown {
        until: Instant,
        told_by: Option<Instant>,
    },
    Orphaned {
        until: Instant,
    },
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

/// How long launches that are to come are waited for. They come one by one, each when the agent has
/// given the container more resources, which takes seconds on a machine that is busy. They do not
/// come at all when the agent has lost or refused them, or when they were killed on their way.
/// As long as agents wait for an executor to subscribe.
const LAUNCH_WAIT: Duration = Duration::from_secs(60);

/// The same after a launch, when nobody has said how many there will be.
const LINGER: Duration = Duration::from_millis(500);

/// For how long tasks of an executor without an agent may be over their time before it ends with
/// them: what is stopped by force has ended long before, or never will.
const ORPHAN_RESERVE: Duration = Duration::from_secs(5);

/// After a shutdown: how long the last updates may take to be acknowledged. An agent whose
/// framework is gone ignores them (PROTOCOL §9.3), so waiting longer is waiting for nothing.
const TOLD_WAIT: Duration = Duration::from_millis(500);

/// Part of the time that a shutdown gives which tasks do not get: it is for stopping by force, for
/// the last messages and updates.
const SHUTDOWN_RESERVE: Duration = Duration::from_secs(1);

/// Tasks of one executor. Above this an agent's limits (memory maps, threads) are reached first.
pub(crate) const TASKS_MAX: usize = 20_000;

impl Core {
    /// An executor to which nothing has happened, and on which so many tasks will be launched, if
    /// that is known. `random` makes the ids of its updates.
    pub(crate) fn new(expected: Option<u32>, random: fastrand::Rng) -> Self {
        Self {
            mode: Mode::Waiting { until: None },
            agent: Agent::Away,
            barrier: Barrier::Closed,
            tasks: BTreeMap::new(),
            live: 0,
            past: Past::default(),
            expected,
            launched: 0,
            deadlines: BTreeSet::new(),
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
            Input::Disconnected => self.disconnected(),
            Input::AgentLost => self.agent_lost(now),
            Input::Launch { task, kill_grace } => self.launch(now, task, kill_grace),
            Input::Kill { task, grace } => self.kill(now, &task, grace),
            Input::Shutdown { within } => self.shutdown(now, within),
            Input::Acknowledged { task, uuid } => {
                self.with_task(now, &task, |run| run.updates.acknowledged(now, uuid));
            }
            Input::UpdateTaken { task, uuid } => {
                self.with_task(now, &task, |run| run.updates.taken(now, uuid));
            }
            Input::UpdatePutOff { task, uuid } => {
                self.with_task(now, &task, |run| run.updates.put_off(now, uuid));
            }
            Input::UpdateRefused { task, uuid } => {
                let bare = Uuid::random(&mut self.random);
                self.with_task(now, &task, |run| run.updates.refused(now, uuid, bare));
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
            Mode::Waiting { until } => until,
            Mode::ShuttingDown { until, told_by } => {
                Some(told_by.map_or(until, |by| by.min(until)))
            }
            Mode::Orphaned { until } => Some(until),
            Mode::Serving => None,
            Mode::Exited => return None,
        };
        let earliest = self.deadlines.first().map(|(at, _)| *at);
        own.into_iter().chain(earliest).min()
    }

    /// What the SUBSCRIBE that is about to be made must carry. Where it succeeds, the next input is
    /// `Subscribed`.
    pub(crate) fn unacknowledged(&mut self) -> Unacknowledged {
        let mut unacknowledged = Unacknowledged::default();
        for (task, run) in &mut self.tasks {
            if !run.updates.task_is_acknowledged() {
                unacknowledged.tasks.push(task.clone());
            }
            unacknowledged.updates.extend(run.updates.carry().cloned());
        }
        unacknowledged
    }

    /// Whether the agent has acknowledged an update of a task that is here: then it need not be told
    /// of the task again.
    pub(crate) fn is_acknowledged(&self, task: &TaskId) -> bool {
        let run = self.tasks.get(task);
        run.is_some_and(|run| run.updates.task_is_acknowledged())
    }

    /// Whether a task is here or was: a launch of it is a repetition.
    pub(crate) fn knows(&self, task: &TaskId) -> bool {
        self.tasks.contains_key(task) || self.past.contains(task)
    }

    fn subscribed(&mut self, now: Instant, killing_state: KillingState) {
        // What comes after the agent was given up is late news.
        if let Mode::Orphaned { .. } = self.mode {
            return;
        }
        self.agent = Agent::Subscribed { killing_state };
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in tasks {
            self.with_task(now, &task, |run| run.updates.subscribed(now));
        }
        // What is still to come comes with the new subscription.
        if let Mode::Waiting { .. } = self.mode {
            self.wait_for_more(now);
        }
    }

    fn disconnected(&mut self) {
        self.agent = Agent::Away;
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in &tasks {
            self.note_deadline(task);
        }
        if let Mode::Waiting { until } = &mut self.mode {
            *until = None;
        }
    }

    fn launch(&mut self, now: Instant, task: TaskId, kill_grace: Duration) {
        if self.knows(&task) {
            return;
        }
        self.launched = self.launched.saturating_add(1);
        let refusal = match self.mode {
            Mode::ShuttingDown { .. } | Mode::Orphaned { .. } => Some(Outcome::NeverBegan),
            _ if self.tasks.len() >= TASKS_MAX => Some(Outcome::Refused(format!(
                "the executor holds {TASKS_MAX} tasks already"
            ))),
            _ => None,
        };
        self.tasks.insert(task.clone(), TaskRun::new(kill_grace));
        self.live += 1;
        if let Mode::Waiting { .. } = self.mode {
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
        // A task that is not here has ended and is acknowledged; the kill crossed its update. No
        // kill comes before its launch: of a task that waits there, the agent tells the end itself.
        let Some(run) = self.tasks.get_mut(task) else {
            return;
        };
        let step = run.stop(now, grace);
        self.take(now, task, step);
    }

    fn shutdown(&mut self, now: Instant, within: Duration) {
        if let Mode::ShuttingDown { .. } | Mode::Orphaned { .. } = self.mode {
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
        if let Mode::Orphaned { .. } = self.mode {
            return;
        }
        self.disconnected();
        self.stop_all(now, Duration::MAX);
        // No update is sent any more: what is left of the deadlines is when tasks are stopped.
        let last = self.deadlines.last().map_or(now, |(at, _)| *at);
        let until = last + ORPHAN_RESERVE;
        self.mode = Mode::Orphaned {
            until: match self.mode {
                Mode::ShuttingDown { until: earlier, .. } => earlier.min(until),
                _ => until,
            },
        };
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
            Step::CloseInbox { close_at } => {
                self.outputs.push_back(Output::CloseInbox {
                    task: task.clone(),
                    at: close_at,
                });
                self.note_deadline(task);
                let killing_state = KillingState::Known;
                if self.agent == (Agent::Subscribed { killing_state }) {
                    self.report(now, task, TaskState::TaskKilling);
                }
            }
            Step::Sooner => self.note_deadline(task),
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
        // While the agent is away nothing is sent.
        if let Agent::Subscribed { .. } = self.agent {
            self.outputs
                .extend(run.updates.next_to_send(now).map(Output::Update));
        }
        let is_over = run.is_ended() && run.updates.is_empty();
        self.note_deadline(task);
        if is_over {
            self.tasks.remove(task);
            self.past.insert(task.clone());
            self.outputs.push_back(Output::Forget(task.clone()));
        }
    }

    /// Notes when a task has to be looked at again, if nothing happens to it before.
    fn note_deadline(&mut self, task: &TaskId) {
        let Some(run) = self.tasks.get_mut(task) else {
            return;
        };
        // While the agent is away no deadline may wake anyone for an update.
        let resend_at = match self.agent {
            Agent::Subscribed { .. } => run.updates.deadline(),
            Agent::Away => None,
        };
        let due = run.force_at().into_iter().chain(resend_at).min();
        if run.due == due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut run.due, due) {
            self.deadlines.remove(&(before, task.clone()));
        }
        self.deadlines.extend(due.map(|due| (due, task.clone())));
    }

    fn pass_deadlines(&mut self, now: Instant) {
        while let Some((_, task)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            let task = task.clone();
            let Some(run) = self.tasks.get_mut(&task) else {
                // The deadline of a task that is forgotten is forgotten with it.
                self.deadlines.pop_first();
                continue;
            };
            if run.force(now) {
                self.outputs.push_back(Output::Stop(task.clone()));
            }
            self.with_task(now, &task, |run| run.updates.give_up(now));
        }
    }

    /// Waits for launches that are to come, or may; without any to come the work is done.
    fn wait_for_more(&mut self, now: Instant) {
        let wait = match self.expected {
            Some(expected) if self.launched >= expected => return self.exit(Exit::Done),
            None if self.launched > 0 => LINGER,
            Some(_) | None => LAUNCH_WAIT,
        };
        self.mode = Mode::Waiting {
            until: match self.agent {
                Agent::Subscribed { .. } => Some(now + wait),
                Agent::Away => None,
            },
        };
    }

    /// Decides what the executor as a whole does now.
    fn settle(&mut self, now: Instant) {
        match self.mode {
            Mode::Serving if self.tasks.is_empty() => self.wait_for_more(now),
            Mode::Waiting { until: Some(until) } if until <= now => self.exit(Exit::Done),
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
            Mode::Orphaned { until } if self.live == 0 || until <= now => {
                self.exit(Exit::AgentLost);
            }
            Mode::Waiting { .. } | Mode::Serving | Mode::Orphaned { .. } | Mode::Exited => {}
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
