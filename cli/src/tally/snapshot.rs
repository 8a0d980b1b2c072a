//! What is known of a job at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use framework::{Delivering, TaskState, WaveId};
use mesos::AgentId;

use super::{Counts, Standing};
use crate::running::status::Phase;

/// What is known of a job at one moment. A copy shares the tasks, which are most of it.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// Why tasks have no place, by those that are placed together.
    pub(super) waits: BTreeMap<WaveId, String>,
    /// Why the job comes to its end.
    pub(super) stops: Option<String>,
    pub(crate) disconnected: Option<String>,
    /// Once a master has taken it.
    pub(crate) framework_id: Option<String>,
    pub(crate) delivering: Delivering,
    /// In the order of the job file.
    pub(crate) groups: Vec<GroupTally>,
    /// The counts of all tasks.
    pub(super) total: Counts,
    /// How many tasks that have not ended there are on each agent.
    pub(crate) agents: BTreeMap<AgentId, usize>,
    /// In the order in which they became known.
    pub(super) tasks: Vec<Arc<TaskTally>>,
}

/// The tasks of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupTally {
    pub(crate) name: String,
    /// How many it has in the job file.
    pub(crate) size: u32,
    /// Those of the job file, and those that were spawned.
    pub(crate) counts: Counts,
    /// How many are in each Mesos state that was told, by its name.
    pub(crate) states: BTreeMap<&'static str, usize>,
}

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct TaskTally {
    pub(crate) name: String,
    /// Its group, by index; none has it for a task whose name is of no group.
    pub(super) group: usize,
    number: u64,
    /// What it counts as.
    pub(super) standing: Standing,
    /// What was heard of it last, once something was.
    pub(crate) told: Option<Told>,
    /// How often it was launched again.
    pub(crate) restarts: u32,
}

/// What was heard of a task.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) state: TaskState,
    /// When it was first heard to be in that state.
    pub(crate) since: String,
    pub(crate) agent: Option<AgentId>,
    pub(crate) message: Option<String>,
}

impl Default for Snapshot {
    /// Nothing has happened.
    fn default() -> Self {
        Self {
            phase: Phase::Subscribing,
            waits: BTreeMap::new(),
            stops: None,
            disconnected: None,
            framework_id: None,
            delivering: Delivering::default(),
            groups: Vec::new(),
            total: Counts::default(),
            agents: BTreeMap::new(),
            tasks: Vec::new(),
        }
    }
}

impl Snapshot {
    /// Why tasks have no place: of those that have waited for longest.
    pub(super) fn waits_for(&self) -> Option<&str> {
        self.waits.values().next().map(String::as_str)
    }

    /// Why it comes to its end, or what it waits for.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.stops.as_deref().or_else(|| self.waits_for())
    }

    /// All tasks: by group, in the order of their numbers.
    pub(crate) fn into_tasks(self) -> Vec<Arc<TaskTally>> {
        let mut tasks = self.tasks;
        // Only those that were spawned are not in their places.
        tasks.sort_by(|one, other| one.order().cmp(&other.order()));
        tasks
    }
}

impl GroupTally {
    pub(super) fn new(name: &str, size: u32) -> Self {
        Self {
            name: name.to_owned(),
            size,
            counts: Counts::default(),
            states: BTreeMap::new(),
        }
    }
}

impl TaskTally {
    /// A task that waits for its first place.
    pub(super) fn new(name: &str, group: usize) -> Self {
        let number = name.rsplit_once('-').map(|(_, number)| number);
        Self {
            name: name.to_owned(),
            group,
            number: number.and_then(|number| number.parse().ok()).unwrap_or(0),
            standing: Standing::Waiting,
            told: None,
            restarts: 0,
        }
    }

    fn order(&self) -> (usize, u64, &str) {
        (self.group, self.number, &self.name)
    }
}

/// The group of a task: `floor-b` of `floor-b-0`.
pub(crate) fn group_of(task: &str) -> &str {
    task.rsplit_once('-').map_or(task, |(group, _)| group)
}
