//! How a job's tasks stand, in numbers: the one place where tasks are counted by group and state.
//!
//! Each report costs the same however many tasks there are, so that gangs of ten thousand can be
//! watched while they start.

mod counts;

use std::collections::{BTreeMap, HashMap};

use framework::{Delivering, Progress, TaskState, WaveId};
use job::Job;

pub(crate) use self::counts::{Counts, Standing};

/// Counts tasks by group and state, and knows what the job is about.
#[derive(Debug)]
pub(crate) struct Tally {
    /// In the order of the job file.
    groups: Vec<GroupTally>,
    by_name: HashMap<String, usize>,
    tasks: HashMap<String, Counted>,
    total: Counts,
    phase: Phase,
    /// Why tasks have no place, by those that are placed together.
    waits: BTreeMap<WaveId, String>,
    disconnected: Option<String>,
    ignored: usize,
    is_subscribed: bool,
    lost: Option<String>,
    delivering: Delivering,
}

/// The tasks of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupTally {
    pub(crate) name: String,
    /// Those of the job file, and those that were spawned.
    pub(crate) counts: Counts,
}

/// What a job is about, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No master has accepted it so far.
    Connecting,
    /// The gang waits for offers.
    Placing,
    /// The gang has its places.
    Launching,
    /// The app scheduler has begun.
    Running,
    /// It is coming to its end.
    Stopping,
}

/// A task, and what it counts as at the moment.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// Its index; none for a task whose name is of no group.
    group: Option<usize>,
    standing: Standing,
}

impl Tally {
    pub(crate) fn new(job: &Job) -> Self {
        let groups = job.groups.iter();
        Self::of_groups(groups.map(|group| (group.name.as_str(), group.count)))
    }

    /// A tally of groups with so many tasks each.
    pub(crate) fn of_groups<'a>(sizes: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut tally = Self {
            groups: Vec::new(),
            by_name: HashMap::new(),
            tasks: HashMap::new(),
            total: Counts::default(),
            phase: Phase::Connecting,
            waits: BTreeMap::new(),
            disconnected: None,
            ignored: 0,
            is_subscribed: false,
            lost: None,
            delivering: Delivering::default(),
        };
        for (index, (name, count)) in sizes.into_iter().enumerate() {
            tally.by_name.insert(name.to_owned(), index);
            tally.groups.push(GroupTally {
                name: name.to_owned(),
                counts: Counts::default(),
            });
            for number in 0..count {
                tally.stand(&format!("{name}-{number}"), Standing::Waiting);
            }
        }
        tally
    }

    /// Takes a report into account.
    pub(crate) fn count(&mut self, progress: &Progress) {
        match progress {
            Progress::Task(task) => self.stand(&task.task, task.state.into()),
            Progress::PlacedAgain(task) => self.stand(&task.task, Standing::Waiting),
            Progress::Restarting { task, .. } => self.stand(&task.task, Standing::Restarting),
            Progress::RestartingByRequest { task } => self.stand(task, Standing::Restarting),
            Progress::Ignored(_) => self.ignored += 1,
            Progress::Subscribed { .. } => {
                self.is_subscribed = true;
                self.disconnected = None;
                self.reach(Phase::Placing);
            }
            Progress::Disconnected { reason } => {
                self.disconnected = Some(reason.clone());
                if self.is_subscribed {
                    self.lost = Some(reason.clone());
                }
            }
            Progress::Waiting { wave, shortfall } => {
                self.waits.insert(*wave, shortfall.to_string());
                if shortfall.agents > 0 {
                    self.lost = None;
                }
            }
            Progress::WaitOver(wave) => {
                self.waits.remove(wave);
            }
            Progress::Placed { tasks, .. } => self.place(tasks),
            Progress::Delivering(delivering) => self.delivering = *delivering,
            Progress::AppStarted => self.reach(Phase::Running),
            Progress::Stopping(_) => {
                self.waits.clear();
                self.reach(Phase::Stopping);
            }
            Progress::SpawnFailed { .. }
            | Progress::AppReturned(_)
            | Progress::NotTornDown { .. } => {}
        }
    }

    /// The groups with what their tasks count as, in the order of the job file.
    pub(crate) fn groups(&self) -> &[GroupTally] {
        &self.groups
    }

    /// The counts of all tasks.
    pub(crate) fn total(&self) -> Counts {
        self.total
    }

    /// What the job is about.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Why tasks have no place, while that is so: of those that have waited for longest.
    pub(crate) fn waits_for(&self) -> Option<&str> {
        self.waits.values().next().map(String::as_str)
    }

    /// Why there is no subscription, while that is so and a reason is known.
    pub(crate) fn disconnected(&self) -> Option<&str> {
        self.disconnected.as_deref()
    }

    /// What executors do for their modules.
    pub(crate) fn delivering(&self) -> Delivering {
        self.delivering
    }

    /// How many tasks have failed without harm for the job.
    pub(crate) fn ignored(&self) -> usize {
        self.ignored
    }

    /// Why the connection to the master was lost the last time, if no offer has come since.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Counts a task as this from now on; one that is not known yet was spawned.
    fn stand(&mut self, task: &str, standing: Standing) {
        let counted = match self.tasks.get_mut(task) {
            Some(counted) => {
                let old = std::mem::replace(&mut counted.standing, standing);
                self.total.remove(old);
                if let Some(group) = counted.group {
                    self.groups[group].counts.remove(old);
                }
                *counted
            }
            None => {
                let group = task.rsplit_once('-').map(|(group, _)| group);
                let group = group.and_then(|group| self.by_name.get(group).copied());
                let counted = Counted { group, standing };
                self.tasks.insert(task.to_owned(), counted);
                counted
            }
        };
        self.total.add(standing);
        if let Some(group) = counted.group {
            self.groups[group].counts.add(standing);
        }
    }

    /// Places were found. One that comes back is restarting until more is heard of it.
    fn place(&mut self, tasks: &[String]) {
        self.reach(Phase::Launching);
        for task in tasks {
            let known = self.tasks.get(task).map(|task| task.standing);
            if known.is_none_or(|standing| standing == Standing::Waiting) {
                self.stand(task, Standing::Staging);
            }
        }
    }

    /// Phases do not come back: later waves are placed and launched while the job runs.
    fn reach(&mut self, phase: Phase) {
        if phase as u8 > self.phase as u8 {
            self.phase = phase;
        }
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
