//! One agent, as a machine: it decides what the executors on it are told and what becomes of
//! their tasks.
//!
//! It owns the executors with their tasks ([`executor`] has their states), the status updates
//! that no scheduler has acknowledged ([`updates`]), and every timer of both. It does not start
//! processes, serve HTTP or talk to the master: it says what is to be done ([`Output`]) and is
//! told what has happened ([`Input`]).
//!
//! ```text
//!   new ────────────────────────────────► Registering ──ToAgent::Registered──► Registered
//!                                             ▲                                    │
//!   recover ──► Recovering ──window is over───┘◄── recover, nothing to wait for    │
//!                   ▲                                                              │
//!                   └──────────────── into_checkpoint: the process ends ───────────┘
//!
//!   any of these ──Leave, ToAgent::Shutdown──► Leaving, until no container is left
//!
//!   framework: (unknown) ──RunTasks──► Active ──ShutdownFramework──► Terminating ──► (unknown)
//!                                        └── no executor is left ────────────────────►
//! ```
//!
//! Until it is registered it takes nothing but the registration: no task can reach it, and what
//! executors send has nowhere to go. What a restarted agent does first is in [`recovery`].
//! A new master is told all that runs here, after a wait by chance, and hears nothing before that.

mod call;
mod command;
pub(crate) mod duration;
mod executor;
mod from_executor;
mod from_master;
pub(crate) mod operator;
mod recovery;
mod status;
mod termination;
#[cfg(test)]
mod tests;
mod updates;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mesos::v1;
use mesos::v1::framework_info::capability;
use mesos::v1::{AgentInfo, ExecutorInfo, FrameworkInfo, TaskState, TaskStatus};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};

pub(crate) use self::call::{Body, Call, InvalidCall};
use self::executor::Executor;
use self::operator::{Past, PastExecutor};
use self::recovery::Destroyed;
use self::status::{Verdict, new_uuid};
use self::updates::{Added, Updates};
use super::principal::Principal;
use super::wire::{ToAgent, ToMaster};

/// The machine of one agent.
///
/// After [`new`](Self::new) and after every [`handle`](Self::handle) and
/// [`handle_timeout`](Self::handle_timeout), take all of [`poll_output`](Self::poll_output), in
/// order, and then call `handle_timeout` at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub(crate) struct Agent {
    config: Config,
    phase: Phase,
    /// Its id, from its first registration on.
    id: Option<AgentId>,
    frameworks: BTreeMap<FrameworkId, Framework>,
    /// Whose a container is, while its process may live.
    containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    destroyed: Destroyed,
    updates: Updates,
    /// What it has instead of what it began with, because of reservations and volumes.
    checkpointed: Option<Vec<v1::Resource>>,
    outputs: VecDeque<Output>,
    rng: fastrand::Rng,
    /// What is kept for operators.
    past: Past,
    /// When this process of it began.
    began: Instant,
}

/// What an agent is, and how long it waits.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Hostname, port, resources and attributes; the id is the master's to give.
    pub(crate) info: AgentInfo,
    /// The address that statuses give as that of the container.
    pub(crate) ip: Ipv4Addr,
    /// Where its sandboxes are; only shown to operators.
    pub(crate) work_dir: PathBuf,
    /// How long an executor may take from its launch to its SUBSCRIBE.
    pub(crate) registration_timeout: Duration,
    /// How long executors that have survived the agent may take to SUBSCRIBE with the next one.
    pub(crate) reregistration_timeout: Duration,
    /// How long an executor may take to obey SHUTDOWN, unless its ExecutorInfo says.
    pub(crate) shutdown_grace: Duration,
    /// After so long without a ping it looks for its master anew.
    pub(crate) ping_timeout: Duration,
    /// From where uuids are drawn.
    pub(crate) seed: u64,
    /// One moment on both clocks, by which statuses get their time of day.
    pub(crate) started: Instant,
    /// The same moment, since 1970.
    pub(crate) started_unix: Duration,
}

/// One HTTP request of an executor; the stream of a SUBSCRIBE goes by the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId(pub(crate) u64);

/// What can happen to an agent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// The streams of all executors break.
    CutStreams,
    /// One of its containers dies by SIGKILL: their number divides `pick`, and the rest counts.
    KillExecutor { pick: u32 },
    /// Another master leads, which knows nothing of this agent.
    MasterDetected,
    /// The process goes on, after it stood still for so long.
    Thawed { after: Duration },
    /// It is to leave in an orderly way, with its executors.
    Leave,
    /// The master says.
    Master(Box<ToAgent>),
    /// An executor calls. Every call is answered at once, but for a SUBSCRIBE that comes before
    /// the executor's `Started`: it is answered after that.
    Call {
        request: RequestId,
        call: Call,
        /// Who calls, where executors have to say.
        principal: Option<Principal>,
    },
    /// The process of a container was started.
    Started { container_id: ContainerId, pid: u32 },
    /// A container could not be made; it is gone.
    LaunchFailed {
        container_id: ContainerId,
        message: String,
    },
    /// A container has ended with this wait status, -1 if that is unknown.
    Exited {
        container_id: ContainerId,
        status: i32,
    },
}

/// What an agent wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Tell the master.
    Master(Box<ToMaster>),
    /// Answer a call.
    Answer { request: RequestId, answer: Answer },
    /// Write an event to a stream; nobody minds when that is broken or gone.
    Event {
        stream: RequestId,
        event: Box<v1::executor::Event>,
    },
    /// End a stream.
    Close { stream: RequestId },
    /// Break a stream: what was written to it and has not left is lost.
    Cut { stream: RequestId },
    /// Start an executor: sandbox, artifacts, process. Ends with `LaunchFailed` or `Exited`.
    Launch(Box<Launch>),
    /// Ask all processes of a container to end, by SIGTERM.
    Terminate { container_id: ContainerId },
    /// Kill a container with all its processes; `Exited` follows.
    Destroy { container_id: ContainerId },
}

/// How a call is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 202: taken, whatever becomes of it.
    Accepted,
    /// 200: the stream begins.
    Stream,
    /// There is no such framework on the agent.
    UnknownFramework,
    /// There is no such executor of the framework.
    UnknownExecutor,
    /// The executor has to SUBSCRIBE first.
    NotSubscribed,
    /// The agent waits for the executors that have survived its restart; try again.
    Recovering,
    /// Who calls is not that executor, and why.
    Forbidden(String),
}

/// What is needed to start an executor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Launch {
    pub(crate) container_id: ContainerId,
    pub(crate) agent_id: AgentId,
    pub(crate) framework_id: FrameworkId,
    pub(crate) executor: ExecutorInfo,
    /// Whether its framework wants its executors to outlive the agent process.
    pub(crate) checkpoint: bool,
    pub(crate) shutdown_grace: Duration,
    /// Whether the process is the task itself.
    pub(crate) is_command: bool,
}

/// How far an agent is with its master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It gives executors that have survived a restart until then to SUBSCRIBE.
    Recovering {
        until: Instant,
    },
    /// There is a new master, with which it registers then.
    MasterDetected {
        until: Instant,
    },
    /// It has told the master of itself and awaits the answer.
    Registering,
    Registered,
    /// Its executors are to end, and then the agent; no master knows it.
    Leaving,
}

/// A framework with executors here.
#[derive(Debug)]
struct Framework {
    info: FrameworkInfo,
    stage: Stage,
    executors: BTreeMap<ExecutorId, Executor>,
    /// Which executor has a task, until that is completed.
    owners: BTreeMap<TaskId, ExecutorId>,
    /// Executors that are gone, oldest first.
    completed: VecDeque<PastExecutor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Active,
    /// The master has removed it: only its executors' ends are awaited.
    Terminating,
}

impl Agent {
    /// An agent that has yet to register; its first output is to say so to the master.
    pub(crate) fn new(config: Config) -> Self {
        let mut agent = Self {
            rng: fastrand::Rng::with_seed(config.seed),
            past: Past::default(),
            began: config.started,
            config,
            phase: Phase::Registering,
            id: None,
            frameworks: BTreeMap::new(),
            containers: BTreeMap::new(),
            destroyed: Destroyed::default(),
            updates: Updates::default(),
            checkpointed: None,
            outputs: VecDeque::new(),
        };
        agent.register();
        agent
    }

    /// What it was made with.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Takes what has happened.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::CutStreams => self.cut_streams(),
            Input::KillExecutor { pick } => self.kill_executor(pick),
            Input::MasterDetected => self.handle_master_detected(now),
            Input::Thawed { after } => self.handle_thawed(now, after),
            Input::Leave => self.leave(now),
            Input::Master(message) => self.handle_master(now, *message),
            Input::Call {
                request,
                call,
                principal,
            } => self.handle_call(now, request, call, principal.as_ref()),
            Input::Started { container_id, pid } => {
                self.handle_started(now, &container_id, pid);
            }
            Input::LaunchFailed {
                container_id,
                message,
            } => {
                self.handle_launch_failed(now, &container_id, &message);
            }
            Input::Exited {
                container_id,
                status,
            } => {
                if !self.destroyed.keep(now, &container_id, status) {
                    self.handle_exited(now, &container_id, status, None);
                }
            }
        }
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.end_recovery(now);
        self.end_backoff(now);
        while let Some((container_id, status)) = self.destroyed.poll_due(now) {
            self.handle_exited(now, &container_id, status, None);
        }
        while let Some((framework_id, status)) = self.updates.poll_due(now) {
            self.forward(framework_id, status);
        }
        self.handle_deadlines(now);
    }

    /// What is to be done next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether it has nothing left to do, for good.
    pub(crate) fn has_left(&self) -> bool {
        self.phase == Phase::Leaving && self.containers.is_empty()
    }

    /// How many containers there are whose processes may live.
    pub(crate) fn containers(&self) -> usize {
        self.containers.len()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.frameworks
            .values()
            .flat_map(|framework| framework.executors.values())
            .filter_map(Executor::deadline)
            .chain(self.destroyed.poll_timeout())
            .chain(self.updates.poll_timeout())
            .chain(self.recovery_deadline())
            .chain(self.backoff_deadline())
            .min()
    }

    /// Makes an update of the agent's own: what it has to say about a task.
    fn report(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: Option<&ExecutorId>,
        task_id: &TaskId,
        verdict: Verdict,
    ) {
        let Some(agent_id) = self.id.clone() else {
            return;
        };
        let uuid = new_uuid(&mut self.rng).into_bytes().to_vec().into();
        let timestamp = self.timestamp(now);
        let status = verdict.into_status(&agent_id, executor_id, task_id, timestamp, uuid);
        self.add_update(now, framework_id, status);
    }

    /// Puts an update into its stream, and on its way if it is the first there. This is the one
    /// place that changes the state of a task.
    fn add_update(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        status: TaskStatus,
    ) -> Added {
        let added = self.updates.add(now, framework_id, status.clone());
        let task_id = TaskId::from(&status.task_id);
        if matches!(added, Added::Forward | Added::Waiting)
            && let Some(executor) = self.owner_of(framework_id, &task_id)
            && executor.note(&task_id, &status)
        {
            self.past.count_end(status.state());
        }
        match added {
            Added::Forward => self.forward(framework_id.clone(), status),
            Added::Full => tracing::warn!(
                %framework_id,
                %task_id,
                "dropped a status update: too many are unacknowledged"
            ),
            Added::Waiting | Added::Duplicate => {}
        }
        added
    }

    /// Sends an update, with the state that the task has by now. Before the registration nobody
    /// takes it; with that all that are pending are sent.
    fn forward(&mut self, framework_id: FrameworkId, status: TaskStatus) {
        if self.phase != Phase::Registered {
            return;
        }
        let task_id = TaskId::from(&status.task_id);
        let owner = self.owner_of(&framework_id, &task_id);
        let latest_state = owner
            .and_then(|executor| {
                executor.note_sent(&task_id, &status);
                executor.state(&task_id)
            })
            .unwrap_or_else(|| status.state());
        self.tell_master(ToMaster::StatusUpdate {
            framework_id,
            status,
            latest_state,
        });
    }

    /// The time of day, in seconds since 1970.
    fn timestamp(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.config.started);
        (self.config.started_unix + passed).as_secs_f64()
    }

    /// Executors stay what they are: whether a stream still works is not known here.
    fn cut_streams(&mut self) {
        let executors = self.frameworks.values();
        let executors = executors.flat_map(|framework| framework.executors.values());
        let cuts = executors
            .filter_map(Executor::stream)
            .map(|stream| Output::Cut { stream });
        self.outputs.extend(cuts);
    }

    fn tell_master(&mut self, message: ToMaster) {
        self.outputs.push_back(Output::Master(Box::new(message)));
    }

    fn send(&mut self, stream: RequestId, event: v1::executor::Event) {
        let event = Box::new(event);
        self.outputs.push_back(Output::Event { stream, event });
    }

    fn executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.frameworks
            .get_mut(framework_id)?
            .executors
            .get_mut(executor_id)
    }

    /// The executor that has a task.
    fn owner_of(&mut self, framework_id: &FrameworkId, task_id: &TaskId) -> Option<&mut Executor> {
        let framework = self.frameworks.get_mut(framework_id)?;
        framework.executors.get_mut(framework.owners.get(task_id)?)
    }
}

impl Framework {
    fn new(info: FrameworkInfo) -> Self {
        Self {
            info,
            stage: Stage::Active,
            executors: BTreeMap::new(),
            owners: BTreeMap::new(),
            completed: VecDeque::new(),
        }
    }

    fn has(&self, capability: capability::Type) -> bool {
        let mut capabilities = self.info.capabilities.iter();
        capabilities.any(|own| own.r#type() == capability)
    }

    /// The state of a task that is lost: this one, TASK_DROPPED or the like, for those who know
    /// such words (PROTOCOL §6).
    fn lost_or(&self, state: TaskState) -> TaskState {
        if self.has(capability::Type::PartitionAware) {
            state
        } else {
            TaskState::TaskLost
        }
    }
}
