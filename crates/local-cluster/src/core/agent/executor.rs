//! One executor of an agent: where it is in its life, and its tasks until they are done with.
//!
//! ```text
//!   new ──► Registering ──SUBSCRIBE──► Running ──shut down──► Terminating ──► Terminated ──► (forgotten)
//!             │    │                     │                      ▲  │  ▲          ▲
//!             │    └──shut down, or registration timeout────────┘  │  │          │
//!             │                          │              grace over: destroy      │
//!             └──────────────────────────┴──────────────── the container ends ───┘
//!
//!   Registering, Running, Terminating ──the agent restarts──► Recovered ──SUBSCRIBE──► Running
//!                                                                 └──window over──► Terminating
//! ```
//!
//! - *Registering*: its process is being started; tasks wait in its queue. A SUBSCRIBE counts from
//!   the moment when the process is known, which statuses have to name.
//! - *Running*: it has subscribed; tasks are delivered as they come. Whether its stream still
//!   works is not known here: what is sent to a broken one is lost (PROTOCOL §9.5).
//! - *Recovered*: its agent has ended and another has found it; nothing is known of its stream.
//! - *Command*: in the place of Running for the agent's own executor of a command task, which does
//!   not subscribe ([`command`](super::command)).
//! - *Terminating*: it was told to go, or is being destroyed. It takes nothing more, but what it
//!   reports still counts.
//! - *Terminated*: its process is gone; it is kept while updates of its tasks are unacknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use mesos::v1::executor::Event;
use mesos::v1::{self, ExecutorInfo, TaskInfo, TaskState, TaskStatus};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};

use super::RequestId;
use super::command::Kill;
use super::operator::{Tasks, keep};
use super::status::{self, Verdict};
use crate::core::history;
use crate::core::wire::is_terminal;

/// An executor and its tasks.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) info: ExecutorInfo,
    kind: Kind,
    pub(super) container_id: ContainerId,
    /// Its process, once that was started.
    pub(super) pid: Option<u32>,
    pub(super) life: Life,
    /// Every task of it that is not completed: ended, and the end acknowledged.
    tasks: BTreeMap<TaskId, Task>,
    /// Tasks that wait for its SUBSCRIBE, and then the groups that do.
    queue: Vec<TaskId>,
    queued_groups: Vec<Vec<TaskId>>,
    /// How many tasks it was ever given; the next one's number.
    given: u64,
    /// How many of them were ever delivered.
    delivered: u64,
    /// What is left of completed tasks: what operators see of them, oldest first.
    completed: VecDeque<v1::Task>,
}

/// Whose program an executor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The framework's.
    Custom,
    /// The agent's own, for one command task.
    Command,
}

/// Where an executor is in its life.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Life {
    Registering {
        /// When it is destroyed unless it has subscribed.
        until: Instant,
        /// A SUBSCRIBE that was faster than the news of its process.
        early: Option<Box<Subscribe>>,
    },
    /// The agent's window says how long it is waited for.
    Recovered,
    Running {
        stream: RequestId,
        heartbeat_at: Instant,
    },
    /// The task of a [`Kind::Command`] runs.
    Command {
        /// Somebody wants its end.
        kill: Option<Kill>,
    },
    Terminating {
        /// Where its acknowledgements go, if it ever subscribed.
        stream: Option<RequestId>,
        /// When it is destroyed; `None` once that was done.
        destroy_at: Option<Instant>,
        /// What its tasks died of, when the agent knows better than that their executor ended.
        verdict: Option<Verdict>,
    },
    Terminated,
}

/// A SUBSCRIBE.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subscribe {
    pub(super) request: RequestId,
    /// Delivered tasks of which the executor knows.
    pub(super) known: BTreeSet<TaskId>,
    /// What was not acknowledged to it.
    pub(super) updates: Vec<TaskStatus>,
}

#[derive(Debug)]
struct Task {
    number: u64,
    info: TaskInfo,
    state: TaskState,
    place: Place,
    /// As operators see it.
    shown: v1::Task,
}

/// The completed tasks that are kept of one executor, as in Mesos.
const COMPLETED_TASKS_MAX: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Queued,
    Delivered,
}

/// What an executor's update of a task may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The task is alive, or the update ends it in its queue.
    Open,
    /// The task has not been delivered: the executor cannot know it.
    Undelivered,
    /// The task has ended; only the acknowledgement of that is missing.
    Ended,
}

impl Executor {
    /// An executor whose container is about to be started.
    pub(super) fn new(
        kind: Kind,
        info: ExecutorInfo,
        container_id: ContainerId,
        until: Instant,
    ) -> Self {
        Self {
            info,
            kind,
            container_id,
            pid: None,
            life: Life::Registering { until, early: None },
            tasks: BTreeMap::new(),
            queue: Vec::new(),
            queued_groups: Vec::new(),
            given: 0,
            delivered: 0,
            completed: VecDeque::new(),
        }
    }

    /// Whether it is the agent's own, for a command task.
    pub(super) fn is_command(&self) -> bool {
        self.kind == Kind::Command
    }

    /// Takes tasks in; they wait until [`take_queue`](Self::take_queue).
    pub(super) fn enqueue(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        tasks: Vec<TaskInfo>,
        group: bool,
    ) {
        let executor_id = ExecutorId::from(&self.info.executor_id);
        let ids: Vec<TaskId> = tasks
            .iter()
            .map(|task| TaskId::from(&task.task_id))
            .collect();
        for info in tasks {
            let task_id = TaskId::from(&info.task_id);
            let task = Task {
                number: self.given,
                shown: history::launched(&info, framework_id, &executor_id, agent_id),
                info,
                state: TaskState::TaskStaging,
                place: Place::Queued,
            };
            self.given += 1;
            self.tasks.insert(task_id, task);
        }
        if group {
            self.queued_groups.push(ids);
        } else {
            self.queue.extend(ids);
        }
    }

    /// Takes everything out of the queue: the events that deliver it, single tasks first
    /// (PROTOCOL §9.3).
    pub(super) fn take_queue(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for task_id in std::mem::take(&mut self.queue) {
            events.extend(self.deliver(&task_id).map(status::launch));
        }
        for group in std::mem::take(&mut self.queued_groups) {
            let tasks = group
                .iter()
                .filter_map(|task_id| self.deliver(task_id))
                .collect();
            events.push(status::launch_group(tasks));
        }
        events
    }

    fn deliver(&mut self, task_id: &TaskId) -> Option<TaskInfo> {
        let task = self.tasks.get_mut(task_id)?;
        task.place = Place::Delivered;
        self.delivered += 1;
        Some(task.info.clone())
    }

    /// What is left of it when its agent has ended. The agent had noted tasks in the queue as
    /// launched, so they are lost unless the executor knows them (PROTOCOL §9.5). A command goes on
    /// as it was: nobody has to come back for it.
    pub(super) fn outlive_agent(&mut self) {
        if self.is_command() {
            return;
        }
        drop(self.take_queue());
        if self.life != Life::Terminated {
            self.life = Life::Recovered;
        }
    }

    /// Its tasks that are not completed, with their latest states, in the order in which they came.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (&TaskInfo, TaskState)> {
        let tasks = self.in_order(|_| true).into_iter();
        tasks.filter_map(|task_id| {
            let task = self.tasks.get(&task_id)?;
            Some((&task.info, task.state))
        })
    }

    /// Takes a task out of the queue, and with it its whole group; nothing when it is not there.
    pub(super) fn dequeue(&mut self, task_id: &TaskId) -> Vec<TaskId> {
        if let Some(index) = self.queue.iter().position(|queued| queued == task_id) {
            return vec![self.queue.remove(index)];
        }
        self.queued_groups
            .iter()
            .position(|group| group.contains(task_id))
            .map(|index| self.queued_groups.remove(index))
            .unwrap_or_default()
    }

    /// Whether it was never given anything that it could still be started for: all its tasks were
    /// killed before their delivery.
    pub(super) fn is_needless(&self) -> bool {
        self.delivered == 0 && self.queue.is_empty() && self.queued_groups.is_empty()
    }

    /// What an update from the executor with this state may do to a task of it.
    pub(super) fn standing(&self, task_id: &TaskId, state: TaskState) -> Standing {
        match self.tasks.get(task_id) {
            Some(task) if is_terminal(task.state) => Standing::Ended,
            Some(task) if task.place == Place::Queued && !is_terminal(state) => {
                Standing::Undelivered
            }
            Some(_) => Standing::Open,
            None => Standing::Ended,
        }
    }

    /// The latest state of a task.
    pub(super) fn state(&self, task_id: &TaskId) -> Option<TaskState> {
        self.tasks.get(task_id).map(|task| task.state)
    }

    /// Notes the latest status of a task; one that has ended stays so. Whether it ends by it.
    pub(super) fn note(&mut self, task_id: &TaskId, status: &TaskStatus) -> bool {
        let Some(task) = self.tasks.get_mut(task_id) else {
            return false;
        };
        let state = status.state();
        history::note(&mut task.shown, status, state);
        if is_terminal(task.state) {
            return false;
        }
        task.state = state;
        let ends = is_terminal(state);
        if ends {
            self.withdraw(task_id);
        }
        ends
    }

    /// Notes that an update of a task is on its way to the scheduler.
    pub(super) fn note_sent(&mut self, task_id: &TaskId, status: &TaskStatus) {
        if let Some(task) = self.tasks.get_mut(task_id) {
            history::note_sent(&mut task.shown, status);
        }
    }

    /// Takes one task that has ended out of the queue; the rest of its group still waits.
    fn withdraw(&mut self, task_id: &TaskId) {
        self.queue.retain(|queued| queued != task_id);
        for group in &mut self.queued_groups {
            group.retain(|queued| queued != task_id);
        }
        self.queued_groups.retain(|group| !group.is_empty());
    }

    /// Forgets a task whose end was acknowledged; `false` when it has not ended.
    pub(super) fn complete(&mut self, task_id: &TaskId) -> bool {
        let ended = self.state(task_id).is_some_and(is_terminal);
        if ended && let Some(task) = self.tasks.remove(task_id) {
            keep(&mut self.completed, task.shown, COMPLETED_TASKS_MAX);
        }
        ended
    }

    /// Its tasks that are not completed, as operators see them, in no order.
    pub(super) fn shown_living(&self) -> impl Iterator<Item = v1::Task> {
        self.tasks.values().map(|task| task.shown.clone())
    }

    /// Its tasks as operators see them.
    pub(super) fn shown_tasks(&self) -> Tasks {
        let mut tasks = Tasks {
            completed: self.completed.iter().cloned().collect(),
            ..Tasks::default()
        };
        for task_id in self.in_order(|_| true) {
            let Some(task) = self.tasks.get(&task_id) else {
                continue;
            };
            let list = match task.place {
                _ if is_terminal(task.state) => &mut tasks.terminated,
                Place::Queued => &mut tasks.queued,
                Place::Delivered => &mut tasks.launched,
            };
            list.push(task.shown.clone());
        }
        tasks
    }

    /// Whether every task of it is completed.
    pub(super) fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Its tasks that have not ended, in the order in which they came.
    pub(super) fn living(&self) -> Vec<TaskId> {
        self.in_order(|task| !is_terminal(task.state))
    }

    /// Tasks that were delivered, of which nothing was heard, and which the executor does not
    /// list: they were lost with a stream (PROTOCOL §9.5).
    pub(super) fn lost(&self, known: &BTreeSet<TaskId>) -> Vec<TaskId> {
        self.in_order(|task| {
            task.place == Place::Delivered
                && task.state == TaskState::TaskStaging
                && !known.contains(&TaskId::from(&task.info.task_id))
        })
    }

    fn in_order(&self, wanted: impl Fn(&Task) -> bool) -> Vec<TaskId> {
        let mut tasks: Vec<_> = self.tasks.iter().filter(|(_, task)| wanted(task)).collect();
        tasks.sort_by_key(|(_, task)| task.number);
        tasks
            .into_iter()
            .map(|(task_id, _)| task_id.clone())
            .collect()
    }

    /// The stream of its last SUBSCRIBE, while its process lives.
    pub(super) fn stream(&self) -> Option<RequestId> {
        match self.life {
            Life::Running { stream, .. } => Some(stream),
            Life::Terminating { stream, .. } => stream,
            Life::Registering { .. }
            | Life::Recovered
            | Life::Command { .. }
            | Life::Terminated => None,
        }
    }

    /// Takes the SUBSCRIBE that waits for the news of its process.
    pub(super) fn take_early(&mut self) -> Option<Subscribe> {
        match &mut self.life {
            Life::Registering { early, .. } => early.take().map(|early| *early),
            Life::Recovered
            | Life::Running { .. }
            | Life::Command { .. }
            | Life::Terminating { .. }
            | Life::Terminated => None,
        }
    }

    /// When something is to be done about it without anybody asking.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.life {
            Life::Registering { until, .. } => Some(until),
            Life::Running { heartbeat_at, .. } => Some(heartbeat_at),
            Life::Command { kill } => kill.and_then(|kill| kill.destroy_at),
            Life::Terminating { destroy_at, .. } => destroy_at,
            Life::Recovered | Life::Terminated => None,
        }
    }
}
