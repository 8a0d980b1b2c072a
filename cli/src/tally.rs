//! How a job and its tasks stand: the one model of a running job. It is told what happens; what is
//! shown on the terminal and what other commands are told is made of it. No clock, no socket; times
//! are given as text.
//!
//! Each report costs the same however many tasks there are, and a [`Snapshot`] a pointer for each,
//! so that gangs of ten thousand can be watched while they start.

mod counts;
mod snapshot;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use framework::{Delivering, Progress, TaskReport, TaskState};
use job::Job;
use mesos::AgentId;

pub(crate) use self::counts::{Counts, Standing};
pub(crate) use self::snapshot::{GroupTally, Snapshot, TaskTally, Told, group_of};
use crate::running::status::Phase;

/// Knows what a job is about, and counts its tasks by group and state.
#[derive(Debug)]
pub(crate) struct Tally {
    now: Snapshot,
    /// Where each group and each task is.
    groups: HashMap<String, usize>,
    tasks: HashMap<String, usize>,
    ignored: usize,
    lost: Option<String>,
}

impl Tally {
    /// A job of which nothing has happened yet.
    pub(crate) fn new(job: &Job) -> Self {
        let groups = job.groups.iter();
        Self::of_groups(groups.map(|group| (group.name.as_str(), group.count)))
    }

    /// A tally of groups with so many tasks each.
    pub(crate) fn of_groups<'a>(sizes: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut tally = Self {
            now: Snapshot::default(),
            groups: HashMap::new(),
            tasks: HashMap::new(),
            ignored: 0,
            lost: None,
        };
        for (index, (name, size)) in sizes.into_iter().enumerate() {
            tally.groups.insert(name.to_owned(), index);
            tally.now.groups.push(GroupTally::new(name, size));
            for number in 0..size {
                tally.place_of(&format!("{name}-{number}"));
            }
        }
        tally
    }

    /// Takes a report into account that comes at this time.
    pub(crate) fn count(&mut self, now: &str, progress: &Progress) {
        match progress {
            Progress::Task(task) => self.note(now, task, task.state.into()),
            Progress::PlacedAgain(task) => self.note(now, task, Standing::Waiting),
            Progress::Ignored(task) => {
                self.ignored += 1;
                self.note(now, task, task.state.into());
            }
            Progress::Restarting { task, .. } => {
                self.note(now, task, Standing::Restarting);
                self.change(&task.task, |task| task.restarts += 1);
            }
            // Its end has been told already, like that of every task.
            Progress::RestartingByRequest { task } => self.change(task, |task| {
                task.standing = Standing::Restarting;
                task.restarts += 1;
            }),
            Progress::Subscribed { framework, .. } => {
                self.now.framework_id = Some(framework.as_str().to_owned());
                self.now.disconnected = None;
                self.reach(Phase::Waiting);
            }
            Progress::Disconnected { reason } => {
                self.now.disconnected = Some(reason.clone());
                if self.now.framework_id.is_some() {
                    self.lost = Some(reason.clone());
                }
            }
            Progress::Waiting { wave, shortfall } => {
                self.now.waits.insert(*wave, shortfall.to_string());
                if shortfall.agents > 0 {
                    self.lost = None;
                }
            }
            Progress::WaitOver(wave) => {
                self.now.waits.remove(wave);
            }
            Progress::Placed { tasks, .. } => self.place(tasks),
            Progress::Delivering(delivering) => self.now.delivering = *delivering,
            Progress::AppStarted => self.reach(Phase::Running),
            Progress::Stopping(outcome) => {
                self.now.stops = Some(crate::gang::stopping(outcome));
                self.now.waits.clear();
                self.reach(Phase::Stopping);
            }
            Progress::SpawnFailed { .. }
            | Progress::AppReturned(_)
            | Progress::NotTornDown { .. } => {}
        }
    }

    /// All that is known now, to be looked at without holding up who reports.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.now.clone()
    }

    /// The groups with what their tasks count as, in the order of the job file.
    pub(crate) fn groups(&self) -> &[GroupTally] {
        &self.now.groups
    }

    /// The counts of all tasks.
    pub(crate) fn total(&self) -> Counts {
        self.now.total
    }

    /// What the job is about.
    pub(crate) fn phase(&self) -> Phase {
        self.now.phase
    }

    /// Whether a master has it.
    pub(crate) fn is_connected(&self) -> bool {
        self.now.framework_id.is_some() && self.now.disconnected.is_none()
    }

    /// Why tasks have no place, while that is so: of those that have waited for longest.
    pub(crate) fn waits_for(&self) -> Option<&str> {
        self.now.waits_for()
    }

    /// Why there is no subscription, while that is so and a reason is known.
    pub(crate) fn disconnected(&self) -> Option<&str> {
        self.now.disconnected.as_deref()
    }

    /// What executors do for their modules.
    pub(crate) fn delivering(&self) -> Delivering {
        self.now.delivering
    }

    /// How many tasks have failed without harm for the job.
    pub(crate) fn ignored(&self) -> usize {
        self.ignored
    }

    /// Why the connection to the master was lost the last time, if no offer has come since.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// The state of a task, once something was heard of it.
    pub(crate) fn state(&self, task: &str) -> Option<TaskState> {
        let told = self.task(task)?.told.as_ref();
        told.map(|told| told.state)
    }

    /// What is known of a task.
    pub(crate) fn task(&self, task: &str) -> Option<&TaskTally> {
        Some(&self.now.tasks[*self.tasks.get(task)?])
    }

    /// Takes into account what is said of a task, which counts as this from now on.
    fn note(&mut self, now: &str, report: &TaskReport, standing: Standing) {
        self.change(&report.task, |task| {
            task.standing = standing;
            let known = task.told.take();
            let (since, agent) = known.map_or((None, None), |known| {
                let is_same = known.state == report.state;
                (is_same.then_some(known.since), known.agent)
            });
            task.told = Some(Told {
                state: report.state,
                since: since.unwrap_or_else(|| now.to_owned()),
                agent: report.agent.clone().or(agent),
                message: report.message.clone(),
            });
        });
    }

    /// Places were found. One that comes back is restarting until more is heard of it.
    fn place(&mut self, tasks: &[String]) {
        self.reach(Phase::Launching);
        for task in tasks {
            self.change(task, |task| {
                if task.standing == Standing::Waiting {
                    task.standing = Standing::Staging;
                }
            });
        }
    }

    /// Changes what is known of a task, and what is counted.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut TaskTally)) {
        let place = self.place_of(name);
        let task = Arc::make_mut(&mut self.now.tasks[place]);
        let (standing, state) = (task.standing, task.told.as_ref().map(|told| told.state));
        let agent = task.lives_on().cloned();
        change(task);
        let counts = self.now.groups.get_mut(task.group);
        if let Some(group) = counts {
            group.counts.remove(standing);
            group.counts.add(task.standing);
            let now = task.told.as_ref().map(|told| told.state);
            if now != state {
                add(&mut group.states, now.map(TaskState::name));
                remove(&mut group.states, state.map(TaskState::name));
            }
        }
        self.now.total.remove(standing);
        self.now.total.add(task.standing);
        let now = task.lives_on();
        if now != agent.as_ref() {
            add(&mut self.now.agents, now.cloned());
            remove(&mut self.now.agents, agent);
        }
    }

    /// Where a task is; one that is not known yet was spawned.
    fn place_of(&mut self, name: &str) -> usize {
        if let Some(place) = self.tasks.get(name) {
            return *place;
        }
        let place = self.now.tasks.len();
        self.tasks.insert(name.to_owned(), place);
        let group = name.rsplit_once('-').map(|(group, _)| group);
        let group = group.and_then(|group| self.groups.get(group).copied());
        let task = TaskTally::new(name, group.unwrap_or(usize::MAX));
        self.now.total.add(task.standing);
        if let Some(group) = self.now.groups.get_mut(task.group) {
            group.counts.add(task.standing);
        }
        self.now.tasks.push(Arc::new(task));
        place
    }

    /// Phases do not come back: later waves are placed and launched while the job runs.
    fn reach(&mut self, phase: Phase) {
        self.now.phase = self.now.phase.max(phase);
    }
}

/// One more of this.
fn add<K: Ord>(counts: &mut BTreeMap<K, usize>, of: Option<K>) {
    if let Some(of) = of {
        *counts.entry(of).or_default() += 1;
    }
}

/// One of this less, which was added.
fn remove<K: Ord>(counts: &mut BTreeMap<K, usize>, of: Option<K>) {
    let Some(of) = of else {
        return;
    };
    let count = counts.get_mut(&of).expect("what is removed was added");
    *count -= 1;
    if *count == 0 {
        counts.remove(&of);
    }
}

impl TaskTally {
    /// The agent on which it is, unless it has ended.
    fn lives_on(&self) -> Option<&AgentId> {
        let told = self.told.as_ref().filter(|told| !told.state.is_end());
        told.and_then(|told| told.agent.as_ref())
    }
}

impl From<TaskState> for Standing {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Staging => Self::Staging,
            TaskState::Starting => Self::Starting,
            TaskState::Running => Self::Up,
            TaskState::Killing => Self::Killing,
            TaskState::Unreachable => Self::Unreachable,
            TaskState::Finished => Self::Finished,
            TaskState::Failed | TaskState::Error => Self::Failed,
            TaskState::Killed => Self::Killed,
            TaskState::Lost
            | TaskState::Dropped
            | TaskState::Gone
            | TaskState::GoneByOperator
            | TaskState::Unknown => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests;
