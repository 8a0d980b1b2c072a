//! What operators see of an agent (PROTOCOL §12), and what is kept so that they see of the past.
//!
//! A [`Description`] is the agent at one moment, as a value: all answers are made of it, without
//! the agent ([`answers`]). Kept for it are only tasks with their statuses, what has ended, and
//! counters ([`Past`]).

mod answers;
mod facts;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Instant;

use mesos::resources::Resources;
use mesos::v1::{self, AgentInfo, ExecutorInfo, FrameworkInfo, TaskState};
use mesos::{AgentId, ContainerId, FrameworkId};

use super::executor::{Executor, Life};
use super::{Agent, Framework, Phase};
use crate::core::logging::Logging;

pub(crate) use answers::scope;

/// An agent at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Description {
    /// Since 1970, in seconds.
    pub(crate) time: f64,
    /// When its process was started, the same way.
    pub(crate) start_time: f64,
    /// With its id, if it has one already.
    pub(crate) info: AgentInfo,
    pub(crate) ip: String,
    pub(crate) work_dir: PathBuf,
    pub(crate) logging_level: u32,
    pub(crate) flags: Vec<v1::Flag>,
    /// Sorted by name.
    pub(crate) metrics: Vec<v1::Metric>,
    pub(crate) frameworks: Vec<FrameworkView>,
    /// Those that have nothing here any more, oldest first.
    pub(crate) completed_frameworks: Vec<FrameworkView>,
}

/// A framework that has, or had, executors on an agent.
#[derive(Debug, Clone)]
pub(crate) struct FrameworkView {
    pub(crate) info: FrameworkInfo,
    pub(crate) executors: Vec<ExecutorView>,
    /// Those that are gone, oldest first.
    pub(crate) completed_executors: Vec<ExecutorView>,
}

/// An executor with its tasks.
#[derive(Debug, Clone)]
pub(crate) struct ExecutorView {
    pub(crate) info: ExecutorInfo,
    pub(crate) container_id: ContainerId,
    /// Its process, if it has one.
    pub(crate) pid: Option<u32>,
    /// Whether its container is there.
    pub(crate) is_alive: bool,
    pub(crate) tasks: Tasks,
}

/// Tasks of an executor by how far they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    /// They wait for their delivery.
    pub(crate) queued: Vec<v1::Task>,
    /// The executor has them.
    pub(crate) launched: Vec<v1::Task>,
    /// They have ended, and that was not acknowledged yet.
    pub(crate) terminated: Vec<v1::Task>,
    /// They are done with, oldest first.
    pub(crate) completed: Vec<v1::Task>,
}

/// How much of an agent somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Only what it is itself.
    Agent,
    /// Its frameworks, executors and tasks, too.
    Everything,
}

/// The agent has not finished its recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recovering;

/// What is kept for operators.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Frameworks that have nothing here any more, oldest first.
    frameworks: VecDeque<(FrameworkId, FrameworkInfo, VecDeque<PastExecutor>)>,
    logging: Logging,
    /// How many tasks have ever come to each of the states in which tasks end.
    ended: BTreeMap<&'static str, u64>,
    /// How many executors are gone.
    executors_ended: u64,
}

/// What is kept of an executor that is gone.
#[derive(Debug)]
pub(super) struct PastExecutor {
    info: ExecutorInfo,
    container_id: ContainerId,
    tasks: Tasks,
}

/// Frameworks that are kept when they have nothing on the agent any more, and executors of one
/// framework; both as in Mesos.
const COMPLETED_FRAMEWORKS_MAX: usize = 50;
const COMPLETED_EXECUTORS_MAX: usize = 150;

/// Puts something behind the others, and forgets the oldest when there are too many.
pub(super) fn keep<T>(all: &mut VecDeque<T>, one: T, max: usize) {
    all.push_back(one);
    if all.len() > max {
        all.pop_front();
    }
}

impl Agent {
    /// The agent as it is now.
    ///
    /// # Errors
    /// When it still recovers: then it tells nothing (PROTOCOL §1).
    pub(crate) fn describe(&self, now: Instant, scope: Scope) -> Result<Description, Recovering> {
        if matches!(self.phase, Phase::Recovering { .. }) {
            return Err(Recovering);
        }
        let own = Description {
            time: self.timestamp(now),
            start_time: self.timestamp(self.began),
            info: AgentInfo {
                id: self.id.as_ref().map(Into::into),
                ..self.config.info.clone()
            },
            ip: self.config.ip.to_string(),
            work_dir: self.config.work_dir.clone(),
            logging_level: self.past.logging.level(now),
            flags: self.flags(),
            ..Description::default()
        };
        if scope == Scope::Agent {
            return Ok(own);
        }
        let frameworks = self.frameworks.values();
        Ok(Description {
            metrics: self.metrics(now),
            frameworks: frameworks.map(Framework::view).collect(),
            completed_frameworks: self.past.completed_frameworks().collect(),
            ..own
        })
    }

    /// An operator has asked for a level of logging for so many nanoseconds.
    pub(crate) fn set_logging_level(&mut self, now: Instant, level: u32, nanoseconds: i64) {
        self.past.logging.set(now, level, nanoseconds);
    }
}

impl Framework {
    /// Keeps what operators see of an executor that is gone.
    pub(super) fn keep_completed(&mut self, executor: Executor) {
        let past = PastExecutor {
            tasks: executor.shown_tasks(),
            container_id: executor.container_id,
            // What the framework gave it can be large.
            info: ExecutorInfo {
                data: None,
                ..executor.info
            },
        };
        keep(&mut self.completed, past, COMPLETED_EXECUTORS_MAX);
    }

    fn view(&self) -> FrameworkView {
        FrameworkView {
            info: self.info.clone(),
            executors: self.executors.values().map(Executor::view).collect(),
            completed_executors: self.completed.iter().map(PastExecutor::view).collect(),
        }
    }
}

impl Executor {
    fn view(&self) -> ExecutorView {
        ExecutorView {
            info: self.info.clone(),
            container_id: self.container_id.clone(),
            pid: self.pid,
            is_alive: self.life != Life::Terminated,
            tasks: self.shown_tasks(),
        }
    }
}

impl PastExecutor {
    fn view(&self) -> ExecutorView {
        ExecutorView {
            info: self.info.clone(),
            container_id: self.container_id.clone(),
            pid: None,
            is_alive: false,
            tasks: self.tasks.clone(),
        }
    }
}

impl ExecutorView {
    /// What it holds, with its tasks that have not ended.
    pub(crate) fn resources(&self) -> Resources {
        let tasks = self.tasks.queued.iter().chain(&self.tasks.launched);
        let lists = tasks.map(|task| &task.resources);
        let lists = std::iter::once(&self.info.resources).chain(lists);
        // The master has looked at all of them; what could not be read would be nothing.
        let lists = lists.filter_map(|list| Resources::from_wire(list).ok());
        lists.fold(Resources::default(), |sum, resources| sum + resources)
    }
}

impl Past {
    /// Keeps what operators see of a framework that has no executors any more.
    pub(super) fn keep(&mut self, id: FrameworkId, framework: Framework) {
        let past = (id, framework.info, framework.completed);
        keep(&mut self.frameworks, past, COMPLETED_FRAMEWORKS_MAX);
    }

    /// A framework that gets its first executor, with those that it had before.
    pub(super) fn come_back(&mut self, id: &FrameworkId, info: FrameworkInfo) -> Framework {
        let mut framework = Framework::new(info);
        let known = self.frameworks.iter().position(|(known, ..)| known == id);
        if let Some((.., executors)) = known.and_then(|index| self.frameworks.remove(index)) {
            framework.completed = executors;
        }
        framework
    }

    /// A task has ended.
    pub(super) fn count_end(&mut self, state: TaskState) {
        *self.ended.entry(state.as_str_name()).or_default() += 1;
    }

    /// An executor is gone.
    pub(super) fn count_executor(&mut self) {
        self.executors_ended += 1;
    }

    /// Only what belongs to frameworks with `checkpoint` is known to the next process.
    pub(super) fn outlive_agent(&mut self) {
        self.frameworks.retain(|(_, info, _)| info.checkpoint());
        self.logging = Logging::default();
        self.ended.clear();
        self.executors_ended = 0;
    }

    fn completed_frameworks(&self) -> impl Iterator<Item = FrameworkView> {
        let frameworks = self.frameworks.iter();
        frameworks.map(|(_, info, executors)| FrameworkView {
            info: info.clone(),
            executors: Vec::new(),
            completed_executors: executors.iter().map(PastExecutor::view).collect(),
        })
    }
}

impl Description {
    /// Its id, empty before its first registration.
    pub(crate) fn id(&self) -> AgentId {
        let id = self.info.id.as_ref();
        id.map_or_else(|| AgentId::from(""), AgentId::from)
    }

    /// All executors, those that are gone last.
    fn all_executors(&self) -> impl Iterator<Item = &ExecutorView> {
        let frameworks = || self.frameworks.iter().chain(&self.completed_frameworks);
        let living = frameworks().flat_map(|framework| &framework.executors);
        living.chain(frameworks().flat_map(|framework| &framework.completed_executors))
    }
}
