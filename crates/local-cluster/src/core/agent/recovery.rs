//! What of an agent outlives its process, and what the next one does with it (PROTOCOL §9.5).
//!
//! ```text
//!   the process ends     another starts                       the window ends
//!         │                   │     executors SUBSCRIBE              │
//!         ▼                   ▼                                      ▼
//!     Checkpoint ───────► Recovering ── those that have are kept ──► register ──► Registered
//!                                   └── the others are destroyed ───►
//! ```
//!
//! A real agent keeps below `meta` of its work directory what belongs to frameworks with
//! `checkpoint`: itself, executors with their containers, tasks, updates and acknowledgements. A
//! [`Checkpoint`] is the same as a value. It is no file, because the end of the process that
//! this machine runs in is the end of its executors too: there would be nothing to recover.
//! Of other frameworks nothing is left. Their executors live on, and no agent knows them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mesos::v1::task_status::Reason;
use mesos::v1::{AgentInfo, Resource, TaskState};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId};

use super::executor::Life;
use super::operator::Past;
use super::status::Verdict;
use super::updates::Updates;
use super::{Agent, Config, Framework, Output, Phase, Stage, duration};
use crate::core::wire::ToMaster;

/// How long an agent waits at most before it registers with a master that it has just found, so that
/// not all of them come at once (PROTOCOL §11.2).
const REGISTRATION_BACKOFF: Duration = Duration::from_secs(1);

/// When an agent looks at processes that are not its children, as those which another agent process
/// has started: seen in recording 11c, where the end of one is told between one and two seconds
/// after it, behind all that is told when the agent registers.
const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// Executors that are destroyed because they have not come back to a new agent process.
#[derive(Debug, Default)]
pub(super) struct Destroyed {
    containers: BTreeSet<ContainerId>,
    /// Whose processes are gone, and when the agent notices that.
    ended: VecDeque<(Instant, ContainerId, i32)>,
}

impl Destroyed {
    /// Keeps the end of a container for later, if it is one of these.
    pub(super) fn keep(&mut self, now: Instant, container_id: &ContainerId, status: i32) -> bool {
        let is_one = self.containers.remove(container_id);
        if is_one {
            let due = now + REAP_INTERVAL;
            self.ended.push_back((due, container_id.clone(), status));
        }
        is_one
    }

    /// The next end that is noticed by now.
    pub(super) fn poll_due(&mut self, now: Instant) -> Option<(ContainerId, i32)> {
        let (_, container_id, status) = self.ended.pop_front_if(|(due, ..)| *due <= now)?;
        Some((container_id, status))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ended.front().map(|(due, ..)| *due)
    }
}

/// What an agent that has ended leaves to the next.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    id: Option<AgentId>,
    frameworks: BTreeMap<FrameworkId, Framework>,
    containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    destroyed: Destroyed,
    updates: Updates,
    checkpointed: Option<Vec<Resource>>,
    past: Past,
    /// A new one would draw the same uuids again.
    rng: fastrand::Rng,
}

impl Agent {
    /// The process of the agent ends, without a word to anybody.
    pub(crate) fn into_checkpoint(self) -> Checkpoint {
        let Self {
            id,
            mut frameworks,
            mut containers,
            destroyed,
            mut updates,
            checkpointed,
            mut past,
            rng,
            phase,
            ..
        } = self;
        if phase == Phase::Leaving {
            frameworks.clear();
        }
        frameworks.retain(|_, framework| framework.info.checkpoint());
        containers.retain(|_, (owner, _)| frameworks.contains_key(owner));
        updates.retain_frameworks(|owner| frameworks.contains_key(owner));
        past.outlive_agent();
        for framework in frameworks.values_mut() {
            for executor in framework.executors.values_mut() {
                executor.outlive_agent();
            }
        }
        Checkpoint {
            id,
            frameworks,
            containers,
            destroyed,
            updates,
            checkpointed,
            past,
            rng,
        }
    }

    /// An agent that takes the place of one that has ended. It registers at once if it has nothing
    /// to wait for, else when the window is over, even if all executors are back before.
    pub(crate) fn recover(now: Instant, config: Config, checkpoint: Checkpoint) -> Self {
        let Checkpoint {
            id,
            frameworks,
            containers,
            destroyed,
            updates,
            checkpointed,
            past,
            rng,
        } = checkpoint;
        let until = now + config.reregistration_timeout;
        let mut agent = Self {
            phase: Phase::Recovering { until },
            id,
            frameworks,
            containers,
            destroyed,
            updates,
            checkpointed,
            past,
            began: now,
            rng,
            ..Self::new(config)
        };
        agent.outputs.clear();
        if agent.frameworks.is_empty() {
            agent.register();
        }
        agent
    }

    /// When the window is over, if there is one.
    pub(super) fn recovery_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Recovering { until } => Some(until),
            Phase::MasterDetected { .. }
            | Phase::Registering
            | Phase::Registered
            | Phase::Leaving => None,
        }
    }

    /// An agent that still recovers registers with whoever leads when it has done so.
    pub(super) fn handle_master_detected(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Recovering { .. } | Phase::Leaving) {
            let until = now + REGISTRATION_BACKOFF.mul_f64(self.rng.f64());
            self.phase = Phase::MasterDetected { until };
        }
    }

    /// An agent that was not pinged for too long looks for its master again, even if that is the same:
    /// the master has given it up meanwhile, and what it sent before is void (recording 12a).
    pub(super) fn handle_thawed(&mut self, now: Instant, after: Duration) {
        if after >= self.config.ping_timeout {
            self.handle_master_detected(now);
        }
    }

    /// When to register with a new master, if there is one.
    pub(super) fn backoff_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::MasterDetected { until } => Some(until),
            Phase::Recovering { .. } | Phase::Registering | Phase::Registered | Phase::Leaving => {
                None
            }
        }
    }

    /// Registers with a new master when the wait for that is over.
    pub(super) fn end_backoff(&mut self, now: Instant) {
        if self.backoff_deadline().is_some_and(|until| until <= now) {
            self.register();
        }
    }

    /// Does what is due at the end of the window: executors that have not come are destroyed, and
    /// the master hears of the agent.
    pub(super) fn end_recovery(&mut self, now: Instant) {
        if self.recovery_deadline().is_none_or(|until| until > now) {
            return;
        }
        let timeout = duration::to_text(self.config.reregistration_timeout);
        for framework in self.frameworks.values_mut() {
            let verdict = Verdict::new(
                framework.lost_or(TaskState::TaskGone),
                Reason::ExecutorReregistrationTimeout,
                format!("Executor did not reregister within {timeout}"),
            );
            for executor in framework.executors.values_mut() {
                if executor.life != Life::Recovered {
                    continue;
                }
                executor.life = Life::Terminating {
                    stream: None,
                    destroy_at: None,
                    verdict: Some(verdict.clone()),
                };
                let container_id = executor.container_id.clone();
                self.destroyed.containers.insert(container_id.clone());
                self.outputs.push_back(Output::Destroy { container_id });
            }
        }
        self.register();
    }

    /// Tells the master of the agent and of all that is on it.
    pub(super) fn register(&mut self) {
        self.phase = Phase::Registering;
        let agent = AgentInfo {
            id: self.id.as_ref().map(Into::into),
            ..self.config.info.clone()
        };
        let mut frameworks = Vec::new();
        let (mut executors, mut tasks) = (Vec::new(), Vec::new());
        let mut shown = Vec::new();
        // The master has removed the others, and would only say so once more.
        let active = self
            .frameworks
            .iter()
            .filter(|(_, framework)| framework.stage == Stage::Active);
        for (framework_id, framework) in active {
            frameworks.push(framework.info.clone());
            for executor in framework.executors.values() {
                // One that has ended takes no resources any more, and of those that are the agent's
                // own the master does not know.
                if executor.life != Life::Terminated && !executor.is_command() {
                    executors.push((framework_id.clone(), executor.info.clone()));
                }
                for (info, state) in executor.tasks() {
                    let mut info = info.clone();
                    info.executor.get_or_insert_with(|| executor.info.clone());
                    tasks.push((framework_id.clone(), info, state));
                }
                shown.extend(executor.shown_living());
            }
        }
        self.tell_master(ToMaster::Register {
            agent,
            checkpointed: self.checkpointed.clone(),
            frameworks,
            executors,
            tasks,
            shown,
        });
    }
}
