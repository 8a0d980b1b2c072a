//! What really happens to tasks, whatever anybody has heard of it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mesos::resources::Ranges;
use mesos::{AgentId, TaskId};
use scheduler::TaskLaunch;

use super::places;
use crate::violation::Violation;

/// How long the slowest news takes when nothing goes wrong any more: an agent waits up to 10 min
/// before it sends an update again (PROTOCOL §8.2).
const NEWS_MAX: Duration = Duration::from_secs(11 * 60);

/// How long a task may live on that was given up while nobody could be asked: all tasks are asked
/// about every 15 min.
const REVENANT_MAX: Duration = Duration::from_secs(17 * 60);

/// How long a kill may take when nothing goes wrong: as the slowest repetition of a KILL (60 s),
/// and a grace.
const KILL_MAX: Duration = Duration::from_secs(75);

/// Every attempt at a task as it is.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    tasks: BTreeMap<TaskId, TaskTruth>,
    /// The last attempt of each name.
    last: BTreeMap<String, TaskId>,
    violation: Option<Violation>,
}

#[derive(Debug)]
struct TaskTruth {
    name: String,
    agent: AgentId,
    /// Those of its ranges.
    numbers: Ranges,
    up_at: Option<Instant>,
    /// The tasks that it may begin together with, if it may.
    lifted: Option<Rc<[TaskId]>>,
    function: Function,
    ended_at: Option<Instant>,
    killed_at: Option<Instant>,
    /// Its agent stayed unreachable for so long that the job goes on without it. Where it is,
    /// nobody can stop it, so its next attempt may run beside it.
    is_given_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    NotBegun,
    Begun,
    Over,
}

impl Truth {
    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub(super) fn launched(&mut self, task: &TaskLaunch, agent: &AgentId) {
        self.last.insert(task.name.clone(), task.id.clone());
        let truth = TaskTruth {
            name: task.name.clone(),
            agent: agent.clone(),
            numbers: places::numbers(&task.resources),
            up_at: None,
            lifted: None,
            function: Function::NotBegun,
            ended_at: None,
            killed_at: None,
            is_given_up: false,
        };
        self.tasks.insert(task.id.clone(), truth);
    }

    /// The functions of these may begin. Nobody waits for those that are over, as far as is known;
    /// where one of them lives on, it begins with the others.
    pub(super) fn lift_barrier(&mut self, tasks: &[(TaskId, bool)]) {
        let waited_for = tasks.iter().filter(|(_, is_over)| !is_over);
        let lifted: Rc<[TaskId]> = waited_for.map(|(id, _)| id.clone()).collect();
        for (task, _) in tasks {
            if let Some(truth) = self.tasks.get_mut(task) {
                truth.lifted.get_or_insert_with(|| Rc::clone(&lifted));
            }
        }
    }

    /// An executor has made the task ready.
    pub(crate) fn up(&mut self, now: Instant, task: &TaskId) {
        let Some(truth) = self.tasks.get_mut(task) else {
            return;
        };
        if truth.up_at.replace(now).is_some() || truth.numbers.is_empty() {
            return;
        }
        let (agent, numbers) = (truth.agent.clone(), truth.numbers.clone());
        let mut others = self.tasks.iter().filter(|(id, _)| *id != task);
        let is_used = others.any(|(_, other)| {
            let lives = other.up_at.is_some() && other.ended_at.is_none();
            lives && other.agent == agent && !other.numbers.intersect(&numbers).is_empty()
        });
        if is_used {
            self.violation
                .get_or_insert_with(|| Violation::UsedTwice(task.clone()));
        }
    }

    /// Somebody has had this task killed.
    pub(crate) fn kill_ordered(&mut self, now: Instant, name: &str) {
        if let Some(truth) = self.last.get(name).and_then(|id| self.tasks.get_mut(id)) {
            truth.killed_at.get_or_insert(now);
        }
    }

    /// The app scheduler has been told that this task is lost, since nobody has heard of it.
    pub(super) fn given_up(&mut self, task: &TaskId) {
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.is_given_up = true;
        }
    }

    /// Its function begins.
    pub(crate) fn began(&mut self, task: &TaskId) {
        let Some(name) = self.tasks.get(task).map(|truth| truth.name.clone()) else {
            return;
        };
        let mut others = self.tasks.iter().filter(|(id, _)| *id != task);
        if others.any(|(_, other)| other.name == name && other.runs() && !other.is_given_up) {
            self.violation.get_or_insert(Violation::RanTwice(name));
        }
        let is_up = |id: &TaskId| {
            let truth = self.tasks.get(id);
            truth.is_some_and(|truth| truth.up_at.is_some() || truth.ended_at.is_some())
        };
        let lifted = self.tasks.get(task).and_then(|it| it.lifted.as_deref());
        if !lifted.is_some_and(|together| together.iter().all(is_up)) {
            self.violation
                .get_or_insert_with(|| Violation::BeganEarly(task.clone()));
        }
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.function = Function::Begun;
        }
    }

    /// Its life is over, in whatever way.
    pub(crate) fn ended(&mut self, now: Instant, task: &TaskId) {
        if let Some(truth) = self.tasks.get_mut(task) {
            truth.function = Function::Over;
            truth.ended_at.get_or_insert(now);
        }
    }

    /// Nothing has gone wrong for `quiet_for`: `thinks_living` says what the machine thinks lives.
    pub(super) fn check_peace(
        &self,
        now: Instant,
        quiet_for: Duration,
        thinks_living: impl Fn(&TaskId) -> bool,
    ) -> Result<(), Violation> {
        // Most of the time something has just gone wrong, and nothing is asked.
        if quiet_for <= KILL_MAX.min(NEWS_MAX).min(REVENANT_MAX) {
            return Ok(());
        }
        let is_old = |at: Instant, max| now - at > max && quiet_for > max;
        for (id, truth) in &self.tasks {
            let ended = truth.ended_at;
            if ended.is_some_and(|at| is_old(at, NEWS_MAX)) && thinks_living(id) {
                return Err(Violation::EndForgotten(id.clone()));
            }
            let lives = truth.up_at.filter(|_| ended.is_none());
            if lives.is_some_and(|at| is_old(at, REVENANT_MAX)) && !thinks_living(id) {
                return Err(Violation::Revenant(id.clone()));
            }
            // What never came up has nothing that could end.
            let killed = truth.killed_at.max(lives).filter(|_| lives.is_some());
            if truth
                .killed_at
                .and(killed)
                .is_some_and(|at| is_old(at, KILL_MAX))
            {
                return Err(Violation::KillForgotten(truth.name.clone()));
            }
        }
        // One that never came up, or has ended without ever beginning, is not missed.
        let waits = |truth: &TaskTruth| {
            let up = truth.up_at.filter(|at| is_old(*at, NEWS_MAX));
            truth.function == Function::NotBegun && up.is_some()
        };
        let last = self.last.values().filter_map(|id| self.tasks.get(id));
        let is_part = last.into_iter().any(waits);
        match self.tasks.iter().find(|(_, truth)| truth.runs()) {
            Some((id, _)) if is_part => Err(Violation::PartOfGang(id.clone())),
            _ => Ok(()),
        }
    }
}

impl TaskTruth {
    fn runs(&self) -> bool {
        self.function == Function::Begun
    }
}
