//! What can be known of each attempt at a task from what the machine has heard, in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId, TaskId};
use scheduler::{ExecutorLaunch, Job, Reason, Source, StatusUpdate, TaskLaunch, TaskState, Uuid};

use crate::violation::Violation;

/// All attempts at all tasks.
#[derive(Debug)]
pub(super) struct Attempts {
    names: BTreeSet<String>,
    /// Those that want a launch, the first one or another.
    waiting: BTreeSet<String>,
    /// How many tasks each group ever had.
    in_group: BTreeMap<String, u32>,
    attempts: BTreeMap<TaskId, Attempt>,
    /// The last attempt of each name.
    last: BTreeMap<String, TaskId>,
    executors: BTreeSet<ExecutorId>,
}

#[derive(Debug)]
struct Attempt {
    name: String,
    group: usize,
    agent: AgentId,
    executor: ExecutorId,
    state: TaskState,
    /// Whether it ended, was undone, or is to be made again.
    is_over: bool,
    /// Whether an executor has spoken of it.
    is_taken: bool,
    is_kill_ordered: bool,
    lost_at: Option<Instant>,
    uuids: BTreeSet<[u8; 16]>,
}

/// What an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// No end.
    Nothing,
    /// An end that may be.
    End,
    /// An end that makes the whole job fail.
    Failure,
}

impl Attempts {
    pub(super) fn new(job: &Job) -> Self {
        let mut attempts = Self {
            names: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_group: BTreeMap::new(),
            attempts: BTreeMap::new(),
            last: BTreeMap::new(),
            executors: BTreeSet::new(),
        };
        for group in &job.groups {
            attempts.add(&group.name, group.count);
        }
        attempts
    }

    /// More tasks of a group; answers their names, which continue its numbers.
    pub(super) fn add(&mut self, group: &str, count: u32) -> BTreeSet<String> {
        let first = self.in_group.entry(group.to_owned()).or_default();
        let numbers = *first..*first + count;
        *first = numbers.end;
        let added: BTreeSet<_> = numbers.map(|number| format!("{group}-{number}")).collect();
        self.names.extend(added.iter().cloned());
        self.waiting.extend(added.iter().cloned());
        added
    }

    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    pub(super) fn name_of(&self, task: &TaskId) -> Option<&str> {
        self.attempts.get(task).map(|attempt| attempt.name.as_str())
    }

    pub(super) fn was_killed(&self, task: &TaskId) -> bool {
        self.attempts
            .get(task)
            .is_some_and(|attempt| attempt.is_kill_ordered)
    }

    /// Whether the machine must think that this attempt lives.
    pub(super) fn is_living(&self, task: &TaskId) -> bool {
        self.attempts.get(task).is_some_and(|it| !it.is_over)
    }

    pub(super) fn launch(
        &mut self,
        executor: &ExecutorLaunch,
        tasks: &[TaskLaunch],
    ) -> Result<(), Violation> {
        if !self.executors.insert(executor.id.clone()) {
            return Err(Violation::LaunchedTwice(executor.id.to_string()));
        }
        for task in tasks {
            if self.attempts.contains_key(&task.id) {
                return Err(Violation::LaunchedTwice(task.id.to_string()));
            }
            if self.last_of(&task.name).is_some_and(|last| !last.is_over) {
                return Err(Violation::LaunchedBeside(task.name.clone()));
            }
            if !self.waiting.remove(&task.name) {
                return Err(Violation::LaunchedUnasked(task.name.clone()));
            }
            self.last.insert(task.name.clone(), task.id.clone());
            let attempt = Attempt {
                name: task.name.clone(),
                group: task.group,
                agent: executor.agent.clone(),
                executor: executor.id.clone(),
                state: TaskState::Staging,
                is_over: false,
                is_taken: false,
                is_kill_ordered: false,
                lost_at: None,
                uuids: BTreeSet::new(),
            };
            self.attempts.insert(task.id.clone(), attempt);
        }
        Ok(())
    }

    fn last_of(&self, name: &str) -> Option<&Attempt> {
        self.attempts.get(self.last.get(name)?)
    }

    /// Its launch was certainly never carried out.
    pub(super) fn undo(&mut self, task: &TaskId) {
        if let Some(attempt) = self.attempts.get_mut(task)
            && !attempt.is_taken
            && !attempt.is_kill_ordered
        {
            attempt.is_over = true;
            self.waiting.insert(attempt.name.clone());
        }
    }

    /// It has ended, and is to be launched again.
    pub(super) fn place_again(&mut self, name: &str) {
        let last = self.last.get(name);
        if let Some(attempt) = last.and_then(|id| self.attempts.get_mut(id)) {
            attempt.is_over = true;
        }
        self.waiting.insert(name.to_owned());
    }

    /// It is not launched again; answers whether it was to be.
    pub(super) fn cancel(&mut self, name: &str) -> bool {
        self.waiting.remove(name)
    }

    pub(super) fn is_waiting(&self, name: &str) -> bool {
        self.waiting.contains(name)
    }

    pub(super) fn was_launched(&self, name: &str) -> bool {
        self.last.contains_key(name)
    }

    /// Whether it is neither launched nor to be.
    pub(super) fn is_over(&self, name: &str) -> bool {
        !self.is_waiting(name) && self.last_of(name).is_none_or(|last| last.is_over)
    }

    /// Whether it runs, or will not any more.
    pub(super) fn is_up(&self, name: &str) -> bool {
        let runs = |last: &Attempt| last.state == TaskState::Running;
        self.is_over(name) || !self.is_waiting(name) && self.last_of(name).is_some_and(runs)
    }

    /// The executor that a task was launched with last, whatever has become of it.
    pub(super) fn executor_of(&self, name: &str) -> Option<&ExecutorId> {
        self.last_of(name).map(|last| &last.executor)
    }

    /// The executor that a task lives in.
    pub(super) fn living_with(&self, name: &str) -> Option<&ExecutorId> {
        let living = self.last_of(name).filter(|last| !last.is_over);
        living.map(|last| &last.executor)
    }

    /// The agents of the living tasks of a group, one for each task.
    pub(super) fn living_of(&self, group: usize) -> impl Iterator<Item = &AgentId> {
        let attempts = self.attempts.values();
        let living = attempts.filter(move |it| !it.is_over && it.group == group);
        living.map(|it| &it.agent)
    }

    /// The tasks that live in an executor.
    pub(super) fn living_in(&self, executor: &ExecutorId) -> impl Iterator<Item = &str> {
        let attempts = self.attempts.values();
        let living = attempts.filter(move |it| !it.is_over && it.executor == *executor);
        living.map(|it| it.name.as_str())
    }

    /// The attempts that were launched with these executors, and whether each is over.
    pub(super) fn launched_with(&self, executors: &[ExecutorId]) -> Vec<(TaskId, bool)> {
        let attempts = self.attempts.iter();
        let with = attempts.filter(|(_, it)| executors.contains(&it.executor));
        with.map(|(id, it)| (id.clone(), it.is_over)).collect()
    }

    /// Its end is wanted; answers whether it lives.
    pub(super) fn order_kill(&mut self, name: &str) -> bool {
        let last = self.last.get(name);
        let Some(attempt) = last.and_then(|id| self.attempts.get_mut(id)) else {
            return false;
        };
        attempt.is_kill_ordered |= !attempt.is_over;
        !attempt.is_over
    }

    pub(super) fn order_all_kills(&mut self) {
        for attempt in self.attempts.values_mut() {
            attempt.is_kill_ordered = true;
        }
    }

    /// Whether every task has been launched, and runs or has ended.
    pub(super) fn are_all_up(&self) -> bool {
        self.names.iter().all(|name| self.is_up(name))
    }

    /// An update is handed to the machine: what it must make of it.
    pub(super) fn update(
        &mut self,
        now: Instant,
        update: &StatusUpdate,
        unreachable: Duration,
    ) -> News {
        let Some(attempt) = self.attempts.get_mut(&update.task) else {
            return News::Nothing;
        };
        if let Some(Uuid(uuid)) = update.uuid
            && !attempt.uuids.insert(uuid)
        {
            return News::Nothing;
        }
        if attempt.is_over {
            return News::Nothing;
        }
        if !update.state.is_end() {
            attempt.advance(now, update, unreachable);
            return News::Nothing;
        }
        // The end of a launch that was made twice is not the end of the task.
        let of_launch = update.source == Source::Master
            && (update.state == TaskState::Error || update.reason == Some(Reason::INVALID_OFFERS));
        if of_launch && attempt.is_taken {
            return News::Nothing;
        }
        attempt.is_over = true;
        let is_well = match update.state {
            TaskState::Finished => true,
            _ => attempt.is_kill_ordered,
        };
        // Whether one that no executor has taken is a failure is the machine's own decision.
        if is_well || !(attempt.is_taken || update.source == Source::Executor) {
            News::End
        } else {
            News::Failure
        }
    }

    /// Those whose agents are silent are given up then: never while nobody could say that such an
    /// agent is back.
    pub(super) fn wait_for_unreachable(&mut self, lost_at: Option<Instant>) {
        for attempt in self.attempts.values_mut() {
            if attempt.state == TaskState::Unreachable {
                attempt.lost_at = lost_at;
            }
        }
    }

    /// An attempt that should have been given up before.
    pub(super) fn lost_before(&self, now: Instant) -> Option<TaskId> {
        let mut attempts = self.attempts.iter();
        let lost = |it: &Attempt| !it.is_over && it.lost_at.is_some_and(|at| at < now);
        attempts
            .find(|(_, attempt)| lost(attempt))
            .map(|(id, _)| id.clone())
    }

    /// Gives an attempt up whose agent was unreachable for too long, and answers its id.
    pub(super) fn give_up_unreachable(&mut self, now: Instant, name: &str) -> Option<TaskId> {
        let id = self.last.get(name)?;
        let attempt = self.attempts.get_mut(id)?;
        let is_due = attempt.lost_at.is_some_and(|at| at <= now);
        if attempt.is_over || !is_due {
            return None;
        }
        attempt.is_over = true;
        Some(id.clone())
    }
}

impl Attempt {
    fn advance(&mut self, now: Instant, update: &StatusUpdate, unreachable: Duration) {
        let was_unreachable = self.state == TaskState::Unreachable;
        let is_news = match update.state {
            TaskState::Unreachable => !was_unreachable,
            state => was_unreachable || rank(state) > rank(self.state),
        };
        if !is_news {
            return;
        }
        self.state = update.state;
        self.is_taken |= update.source == Source::Executor || rank(update.state) > 0;
        self.lost_at = (update.state == TaskState::Unreachable).then(|| now + unreachable);
    }
}

/// How far a living task is.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Starting => 1,
        TaskState::Running => 2,
        TaskState::Killing => 3,
        _ => 0,
    }
}
