//! What can be known of each attempt at a task from what the machine has heard, in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos::{ExecutorId, TaskId};
use scheduler::{ExecutorLaunch, Job, Reason, Source, StatusUpdate, TaskLaunch, TaskState, Uuid};

use crate::violation::Violation;

/// All attempts at all tasks.
#[derive(Debug)]
pub(super) struct Attempts {
    names: BTreeSet<String>,
    attempts: BTreeMap<TaskId, Attempt>,
    /// The last attempt of each name.
    last: BTreeMap<String, TaskId>,
    executors: BTreeSet<ExecutorId>,
}

#[derive(Debug)]
struct Attempt {
    name: String,
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
        let mut names = BTreeSet::new();
        for group in &job.groups {
            names.extend((0..group.count).map(|number| format!("{}-{number}", group.name)));
        }
        Self {
            names,
            attempts: BTreeMap::new(),
            last: BTreeMap::new(),
            executors: BTreeSet::new(),
        }
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
            self.last.insert(task.name.clone(), task.id.clone());
            let attempt = Attempt {
                name: task.name.clone(),
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
        }
    }

    pub(super) fn place_again(&mut self, name: &str) {
        let last = self.last.get(name);
        if let Some(attempt) = last.and_then(|id| self.attempts.get_mut(id)) {
            attempt.is_over = true;
        }
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
    pub(super) fn is_up(&self) -> bool {
        self.names.iter().all(|name| {
            self.last_of(name)
                .is_some_and(|last| last.is_over || last.state == TaskState::Running)
        })
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
