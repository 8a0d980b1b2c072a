//! The states of all tasks; the only place that changes them.
//!
//! ```text
//!            launch              update                 update
//! Pending ───────────► Staging ─────────► … Running … ─────────► Ended
//!    ▲                    │  ▲                │   ▲                │
//!    │    undo_launch     │  └─ Unreachable ◄─┘   │                │
//!    ├────────────────────┘        └──────────────┘                │
//!    └──────────────────────── retry ──────────────────────────────┘
//! ```
//! A task keeps its name; every launch of it is an attempt with an id that no other has, so that
//! late news of an earlier attempt cannot be taken for news of this one. States only go forward,
//! whatever is lost, doubled or late (PROTOCOL §8.2).
//!
//! The ledger does not know what a state means for the job; that is [`crate::policy`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId, TaskId};

use crate::io::TaskReport;
use crate::job::Job;
use crate::record::Record;
use crate::status::{StatusUpdate, TaskState};

mod alarms;
mod task;
mod transition;

use alarms::Alarm;
pub use alarms::Fired;
pub use task::{Ended, Task};
use task::{Live, Phase, Standing};
use transition::{follows, speaks_for_executor};

/// How many updates of one task are remembered to know them again.
///
/// An agent sends the next one only when the last is acknowledged (PROTOCOL §8.2), so one would do
/// but for updates that are still on their way when it sends them anew; older ones are stale by
/// their state.
const UUIDS_REMEMBERED: usize = 8;

/// All tasks of a job.
#[derive(Debug)]
pub struct Ledger {
    run: String,
    unreachable_max: Duration,
    tasks: Vec<Task>,
    by_name: HashMap<String, usize>,
    /// How many tasks each group ever had, by its index.
    in_group: Vec<u32>,
    /// The living attempts and the last ones of ended tasks.
    by_id: HashMap<TaskId, usize>,
    pending: BTreeSet<usize>,
    live: usize,
    running: usize,
    /// The executors that have living tasks, and how many.
    executors: BTreeMap<ExecutorId, ExecutorEntry>,
    alarms: BTreeSet<(Instant, Alarm)>,
    /// Changes that nobody has asked for yet; one for each, and they are asked for after each.
    records: VecDeque<Record>,
}

#[derive(Debug)]
struct ExecutorEntry {
    agent: AgentId,
    live: usize,
}

/// What an update has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The task, by its index, has a new state.
    Changed(usize),
    /// It was applied before.
    Duplicate,
    /// It is older than what is known already.
    Stale,
    /// There is no such task, or it is an earlier attempt.
    Unknown,
}

/// The name of the task that has this id in some attempt of some run.
pub fn task_name(id: &TaskId) -> Option<&str> {
    let (of_run, _attempt) = id.as_str().rsplit_once('.')?;
    of_run.rsplit_once('.').map(|(name, _run)| name)
}

impl Ledger {
    /// All tasks of the job, none launched.
    pub fn new(job: &Job) -> Self {
        let mut ledger = Self {
            run: job.run.clone(),
            unreachable_max: job.timing.unreachable,
            tasks: Vec::new(),
            by_name: HashMap::new(),
            in_group: vec![0; job.groups.len()],
            by_id: HashMap::new(),
            pending: BTreeSet::new(),
            live: 0,
            running: 0,
            executors: BTreeMap::new(),
            alarms: BTreeSet::new(),
            records: VecDeque::new(),
        };
        for (group, spec) in job.groups.iter().enumerate() {
            ledger.add(group, &spec.name, spec.count);
        }
        ledger
    }

    /// Adds pending tasks to a group, named by its next numbers; answers their indices, ascending.
    pub fn add(&mut self, group: usize, name: &str, count: u32) -> Vec<usize> {
        let first = self.tasks.len();
        for _ in 0..count {
            let number = &mut self.in_group[group];
            let name = format!("{name}-{number}");
            *number += 1;
            let index = self.tasks.len();
            self.by_name.insert(name.clone(), index);
            self.pending.insert(index);
            self.tasks.push(Task {
                name,
                group,
                attempts: 0,
                seen: VecDeque::new(),
                phase: Phase::Pending,
            });
        }
        (first..self.tasks.len()).collect()
    }

    /// All tasks; a task's index never changes.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The task of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The tasks that want a place, by index.
    pub fn pending(&self) -> impl Iterator<Item = usize> {
        self.pending.iter().copied()
    }

    /// Whether the task wants a place.
    pub fn is_pending(&self, index: usize) -> bool {
        self.pending.contains(&index)
    }

    /// Whether every task has been launched.
    pub fn is_placed(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many tasks are in state TASK_RUNNING.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many tasks are launched and have not ended.
    pub fn live(&self) -> usize {
        self.live
    }

    /// The agent of a living task; none when this is not the id of one.
    pub fn agent_of_task(&self, id: &TaskId) -> Option<&AgentId> {
        match &self.tasks[*self.by_id.get(id)?].phase {
            Phase::Live(live) => Some(&live.agent),
            Phase::Pending | Phase::Ended(_) | Phase::Cancelled => None,
        }
    }

    /// The living tasks, by index.
    pub fn living(&self) -> impl Iterator<Item = usize> {
        let tasks = self.tasks.iter().enumerate();
        tasks
            .filter(|(_, task)| matches!(task.phase, Phase::Live(_)))
            .map(|(index, _)| index)
    }

    /// Ids and agents of the living tasks, to be asked about.
    pub fn places(&self) -> impl Iterator<Item = (TaskId, AgentId)> {
        self.tasks.iter().filter_map(|task| match &task.phase {
            Phase::Live(live) => Some((live.id.clone(), live.agent.clone())),
            Phase::Pending | Phase::Ended(_) | Phase::Cancelled => None,
        })
    }

    /// The executors that have living tasks.
    pub fn executors(&self) -> impl Iterator<Item = (&ExecutorId, &AgentId)> {
        self.executors
            .iter()
            .map(|(executor, entry)| (executor, &entry.agent))
    }

    /// The agent of an executor, while that has living tasks.
    pub fn agent_of(&self, executor: &ExecutorId) -> Option<&AgentId> {
        self.executors.get(executor).map(|entry| &entry.agent)
    }

    /// Gives a pending task a place; answers the id of this attempt.
    ///
    /// # Panics
    /// When the task is not pending: that would launch it twice.
    pub fn launch(&mut self, index: usize, agent: &AgentId, executor: &ExecutorId) -> TaskId {
        assert!(
            self.pending.remove(&index),
            "only pending tasks are launched"
        );
        let task = &mut self.tasks[index];
        task.attempts += 1;
        task.seen.clear();
        // `task_name` reads it.
        let id = TaskId::new(format!("{}.{}.{}", task.name, self.run, task.attempts));
        task.phase = Phase::Live(Live {
            id: id.clone(),
            agent: agent.clone(),
            executor: executor.clone(),
            standing: Standing::Known(TaskState::Staging),
            taken: false,
            kill: None,
        });
        self.records.push_back(Record::Launched {
            id: id.clone(),
            task: task.name.clone(),
            agent: agent.clone(),
            executor: executor.clone(),
        });
        self.by_id.insert(id.clone(), index);
        self.live += 1;
        let entry = self
            .executors
            .entry(executor.clone())
            .or_insert_with(|| ExecutorEntry {
                agent: agent.clone(),
                live: 0,
            });
        entry.live += 1;
        id
    }

    /// Makes a task pending again whose launch was certainly never carried out; whether it did.
    pub fn undo_launch(&mut self, id: &TaskId) -> bool {
        let Some(&index) = self.by_id.get(id) else {
            return false;
        };
        let is_untouched = |live: &Live| !live.taken && live.kill.is_none();
        if !matches!(&self.tasks[index].phase, Phase::Live(live) if is_untouched(live)) {
            return false;
        }
        self.leave_live(index);
        self.make_pending(index, id);
        true
    }

    /// Makes a task that is over pending again.
    ///
    /// # Panics
    /// When it is not.
    pub fn retry(&mut self, index: usize) {
        match &self.tasks[index].phase {
            Phase::Ended(ended) => {
                let id = ended.id.clone();
                self.make_pending(index, &id);
            }
            // Its last attempt was forgotten when it became pending.
            Phase::Cancelled => {
                self.tasks[index].phase = Phase::Pending;
                self.pending.insert(index);
            }
            Phase::Pending | Phase::Live(_) => {
                unreachable!("only tasks that are over are retried")
            }
        }
    }

    /// Lets a pending task be over: it is not launched any more.
    ///
    /// # Panics
    /// When it is not pending.
    pub fn cancel(&mut self, index: usize) {
        assert!(
            self.pending.remove(&index),
            "only pending tasks are cancelled"
        );
        self.tasks[index].phase = Phase::Cancelled;
    }

    /// Takes an update in.
    pub fn apply(&mut self, now: Instant, update: &StatusUpdate) -> Applied {
        let Some(&index) = self.by_id.get(&update.task) else {
            return Applied::Unknown;
        };
        let task = &mut self.tasks[index];
        if let Some(uuid) = update.uuid {
            if task.seen.contains(&uuid) {
                return Applied::Duplicate;
            }
            task.seen.truncate(UUIDS_REMEMBERED - 1);
            task.seen.push_front(uuid);
        }
        let Phase::Live(live) = &mut task.phase else {
            return Applied::Stale;
        };
        if !follows(live, update) {
            return Applied::Stale;
        }
        live.taken |= speaks_for_executor(update);
        if update.state.is_end() {
            let end = TaskReport {
                task: task.name.clone(),
                state: update.state,
                source: update.source,
                reason: update.reason.clone(),
                message: match live.taken {
                    true => update.explained(),
                    false => update.message.clone(),
                },
                agent: Some(live.agent.clone()),
            };
            self.end(index, end);
        } else {
            let standing = match update.state {
                TaskState::Unreachable => Standing::Unreachable {
                    until: Some(now + self.unreachable_max),
                },
                state => Standing::Known(state),
            };
            self.stand(index, standing);
        }
        Applied::Changed(index)
    }

    /// The next change to be recorded.
    pub fn poll_record(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    fn end(&mut self, index: usize, end: TaskReport) {
        let live = self.leave_live(index);
        self.records.push_back(Record::Ended {
            id: live.id.clone(),
            state: end.state,
        });
        self.tasks[index].phase = Phase::Ended(Ended {
            id: live.id,
            executor: live.executor,
            was_taken: live.taken,
            kill_ordered: live.kill.is_some(),
            end,
        });
    }

    fn make_pending(&mut self, index: usize, last: &TaskId) {
        // Earlier attempts are forgotten: their news are `Unknown`.
        self.by_id.remove(last);
        self.records
            .push_back(Record::Forgotten { id: last.clone() });
        self.tasks[index].phase = Phase::Pending;
        self.pending.insert(index);
    }

    /// Takes a living task out of all counts and alarms.
    fn leave_live(&mut self, index: usize) -> Live {
        let phase = std::mem::replace(&mut self.tasks[index].phase, Phase::Pending);
        let Phase::Live(live) = phase else {
            unreachable!("only living tasks leave life");
        };
        self.live -= 1;
        match live.standing {
            Standing::Known(TaskState::Running) => self.running -= 1,
            Standing::Known(_) => {}
            Standing::Unreachable { until } => self.forget_unreachable(index, until),
        }
        if let Some(order) = &live.kill {
            self.alarms
                .remove(&(order.repeat.next(), Alarm::Kill(index)));
        }
        if let Some(entry) = self.executors.get_mut(&live.executor) {
            entry.live -= 1;
            if entry.live == 0 {
                self.executors.remove(&live.executor);
            }
        }
        live
    }

    fn stand(&mut self, index: usize, standing: Standing) {
        let Phase::Live(live) = &mut self.tasks[index].phase else {
            unreachable!("only living tasks stand");
        };
        let id = live.id.clone();
        let before = std::mem::replace(&mut live.standing, standing);
        let state = live.state();
        match before {
            Standing::Known(TaskState::Running) => self.running -= 1,
            Standing::Known(_) => {}
            Standing::Unreachable { until } => self.forget_unreachable(index, until),
        }
        self.records.push_back(Record::State { id, state });
        match standing {
            Standing::Known(TaskState::Running) => self.running += 1,
            Standing::Known(_) => {}
            Standing::Unreachable { until } => {
                let alarm = until.map(|until| (until, Alarm::Unreachable(index)));
                self.alarms.extend(alarm);
            }
        }
    }
}

#[cfg(test)]
mod tests;
