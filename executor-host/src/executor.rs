//! The executor program: everything between an agent and the tasks.
//!
//! It owns the loop that feeds the machine of `core` and does what it wants. It
//! refuses to decide: which task begins, stops or is reported is the machine's, how frames travel
//! the link's, how an agent is kept the client's.
//!
//! ```text
//! agent ◄──► client ──notices──► Executor::next_event ◄──ready, ended── lives (a future a task)
//!   ▲          ▲                        │
//!   │          │                  Executor::handle ──► Core ──► Executor::act ──► lives
//!   │          └── sending ◄── updates, frames of the link ◄─────────┘
//! ```

mod agent;
mod convert;
mod direct;
mod ending;
mod lives;
mod sending;
mod telling;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use link::{Alarm, FrameError, Link, Role, spec};
use mesos::{ExecutorId, TaskId, v1};
use mesos_client::{
    EnvironmentError, ExecutorClient, ExecutorConfig, ExecutorNotice, StartError, Unacknowledged,
};
use prost::Message as _;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tracing::{debug, error, info, warn};
use v1::executor::event::Type as EventType;

pub use self::convert::LaunchError;
use self::{
    agent::AgentEnd,
    convert::{Launch, WallClock},
    lives::{Host, Lives},
    sending::{Sent, UpdateToSend},
    telling::Telling,
};
pub use crate::core::Exit;
use crate::{
    core::{
        Core, Input, KillingState, Output as Act,
        updates::{Update, Uuid},
    },
    engine::{Engine, EngineError},
    grants::folders::OperatorFile,
    modules::{CompiledCache, FetchError, Modules, OverLink},
    outcome::Outcome,
    output::Output,
};

/// Why the executor could not begin its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The environment is not one that a Mesos agent makes.
    #[error("cannot work without an agent")]
    Environment(#[from] EnvironmentError),
    /// Wasm cannot run on this machine.
    #[error("cannot run wasm")]
    Engine(#[from] EngineError),
    /// No client to fetch modules with.
    #[error("cannot fetch modules")]
    Fetch(#[from] FetchError),
    /// No client to reach the agent with.
    #[error("cannot make a client for the agent")]
    Client(#[from] StartError),
    /// The framework that launched this executor is not `mesosgot`, or of another version.
    #[error("cannot work for the framework that launched this executor")]
    Spec(#[source] LaunchError),
}

/// Notes that wait for the loop, which takes them at once.
const NOTES_QUEUED_MAX: usize = 64;

/// Runs the executor until its work is done.
///
/// It subscribes at the agent of `config`, runs what is launched, and returns when its last task
/// has ended and is acknowledged, when the agent shuts it down or is lost, or when `stop` resolves,
/// which counts as a shutdown. Guests print to `output`; compiled modules are kept in `cache`.
///
/// # Errors
///
/// When it could not begin; see [`RunError`].
pub async fn run(
    config: ExecutorConfig,
    output: Output,
    cache: Option<CompiledCache>,
    stop: impl Future<Output = ()>,
) -> Result<Exit, RunError> {
    run_with(Engine::new()?, config, output, cache, stop).await
}

/// The same on this engine.
pub(crate) async fn run_with(
    engine: Engine,
    config: ExecutorConfig,
    output: Output,
    cache: Option<CompiledCache>,
    stop: impl Future<Output = ()>,
) -> Result<Exit, RunError> {
    let modules = Modules::new(engine.clone(), cache)?;
    // Executors begin in their sandbox.
    let sandbox = config.sandbox.clone().unwrap_or_else(|| ".".into());
    let host = Arc::new(Host {
        engine,
        modules,
        output,
        sandbox,
        operator: OperatorFile::of_agent(config.agent.to_string()),
    });
    let shutdown_grace = config.shutdown_grace;
    let executor_id = config.executor_id.clone();
    let random = fastrand::Rng::with_seed(config.seed);

    let (requests, questions) = mpsc::channel(1);
    let unacknowledged = move || {
        let requests = requests.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            let _ = requests.send(reply).await;
            // No answer: the loop has ended, and the client is about to.
            answer.await.unwrap_or_default()
        }
    };
    let (client, notices) = ExecutorClient::start(config, unacknowledged)?;
    let mut agent = AgentEnd {
        client,
        notices,
        is_over: false,
        questions,
        identity: None,
    };

    tokio::pin!(stop);
    let subscribed = tokio::select! {
        subscribed = agent.first_subscription() => subscribed,
        () = &mut stop => Err(Exit::Shutdown),
    };
    let (executor_info, framework_info) = match subscribed {
        Ok(subscribed) => subscribed,
        Err(exit) => return Ok(exit),
    };
    let spec = convert::executor(&executor_info).map_err(RunError::Spec)?;
    if let Some((base, certificate)) = convert::server(&spec).map_err(RunError::Spec)? {
        host.modules.pin(&base, certificate)?;
    }
    info!(job = spec.job, executor = %executor_id, "subscribed");

    let mut executor = Executor::new(host, agent, executor_id, random, shutdown_grace, &spec);
    executor.subscribed(&framework_info);
    Ok(executor.run(stop).await)
}

/// All that can make the executor act.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a notice, and it is moved once"
)]
enum Event {
    Notice(ExecutorNotice),
    ClientEnded,
    Question(oneshot::Sender<Unacknowledged>),
    Ready(TaskId),
    Ended(TaskId, Outcome),
    Control(spec::Control),
    Told(spec::Notice),
    Sent(Sent),
    Stop,
    Deadline,
}

struct Executor {
    core: Core,
    agent: AgentEnd,
    link: Link,
    /// The incarnation of this end of the link.
    incarnation: u64,
    /// What modules come over.
    over_link: OverLink,
    /// The task that keeps a direct path, once one is announced.
    direct: JoinSet<()>,
    random: fastrand::Rng,
    lives: Lives,
    /// When the scheduler is told what they take.
    telling: Telling,
    /// What the agent launched, encoded, until it keeps that itself. As a message it would take
    /// several kilobytes, for each of many tasks.
    infos: HashMap<TaskId, Bytes>,
    /// Launches that the machine has not yet asked to prepare.
    launches: HashMap<TaskId, Launch>,
    ready: mpsc::Receiver<TaskId>,
    updates: mpsc::UnboundedSender<UpdateToSend>,
    sent: mpsc::Receiver<Sent>,
    is_subscribed: watch::Sender<bool>,
    executor_id: ExecutorId,
    shutdown_grace: Duration,
    clock: WallClock,
    /// For the machine's deadlines and those of `telling`.
    alarm: Alarm,
}

impl Executor {
    fn new(
        host: Arc<Host>,
        agent: AgentEnd,
        executor_id: ExecutorId,
        mut random: fastrand::Rng,
        shutdown_grace: Duration,
        spec: &spec::ExecutorSpec,
    ) -> Self {
        let link = Link::new(Role::Executor, spec.incarnation, convert::link_config(spec));
        let (is_subscribed, subscribed) = watch::channel(true);
        let (updates, updates_to_send) = mpsc::unbounded_channel();
        let (note_sent, sent) = mpsc::channel(NOTES_QUEUED_MAX);
        let (note_ready, ready) = mpsc::channel(NOTES_QUEUED_MAX);
        // Both end by themselves: with the sender of updates, and when the link is shut.
        tokio::spawn(sending::send_updates(
            agent.client.clone(),
            updates_to_send,
            note_sent,
        ));
        tokio::spawn(sending::send_frames(
            agent.client.clone(),
            link.clone(),
            subscribed,
        ));
        Self {
            core: Core::new(convert::expected(spec), random.fork()),
            agent,
            over_link: host.modules.attach(&link),
            link,
            incarnation: spec.incarnation,
            direct: JoinSet::new(),
            random,
            lives: Lives::new(host, note_ready),
            telling: Telling::default(),
            infos: HashMap::new(),
            launches: HashMap::new(),
            ready,
            updates,
            sent,
            is_subscribed,
            executor_id,
            shutdown_grace,
            clock: WallClock::now(),
            alarm: Alarm::new(),
        }
    }

    async fn run(mut self, stop: impl Future<Output = ()>) -> Exit {
        tokio::pin!(stop);
        let mut stopped = false;
        loop {
            while let Some(act) = self.core.poll_output() {
                if let Act::Exit(exit) = act {
                    info!(?exit, "exiting");
                    self.finish(exit).await;
                    return exit;
                }
                self.act(act);
            }
            let event = tokio::select! {
                event = self.next_event() => event,
                () = &mut stop, if !stopped => Event::Stop,
            };
            stopped |= matches!(event, Event::Stop);
            self.handle(event);
        }
    }

    async fn next_event(&mut self) -> Event {
        let deadlines = [self.core.poll_timeout(), self.telling.poll_timeout()];
        let deadline = deadlines.into_iter().flatten().min();
        let control = self.link.control();
        tokio::select! {
            notice = self.agent.notices.recv(), if !self.agent.is_over => {
                notice.map_or(Event::ClientEnded, Event::Notice)
            }
            Some(reply) = self.agent.questions.recv() => Event::Question(reply),
            Some(task) = self.ready.recv() => Event::Ready(task),
            (task, outcome) = self.lives.next_end() => Event::Ended(task, outcome),
            Some(record) = control.recv() => Event::Control(record),
            Some(notice) = self.link.told() => Event::Told(notice),
            Some(sent) = self.sent.recv() => Event::Sent(sent),
            () = self.alarm.until(deadline) => Event::Deadline,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Notice(notice) => self.notice(notice),
            Event::ClientEnded => {
                self.agent.is_over = true;
                self.tell(Input::AgentLost);
            }
            Event::Question(reply) => {
                let _ = reply.send(self.unacknowledged());
            }
            Event::Ready(task) => self.tell(Input::Ready { task }),
            Event::Ended(task, outcome) => {
                info!(%task, "task ended");
                debug!(%task, ?outcome);
                self.tell(Input::Ended { task, outcome });
            }
            Event::Control(record) => match record.kind {
                Some(spec::ControlKind::Start(_)) => self.tell(Input::BarrierLifted),
                Some(spec::ControlKind::Piece(piece)) => self.over_link.handle(piece),
                Some(spec::ControlKind::WantUsage(want)) => {
                    if self.telling.want(Instant::now(), want) {
                        self.lives.tell_anew();
                    }
                }
                Some(spec::ControlKind::WantPiece(_) | spec::ControlKind::Usages(_)) | None => {
                    debug!("a control record of a kind that is not for an executor");
                }
            },
            Event::Told(notice) => match notice.direct {
                Some(direct) => self.connect(direct),
                None => debug!("a notice of a kind that is not for an executor"),
            },
            Event::Sent(sent) => self.tell(sent.into()),
            Event::Stop => self.tell(Input::Shutdown {
                within: self.shutdown_grace,
            }),
            Event::Deadline => {
                self.tell(Input::Tick);
                self.tell_usages();
            }
        }
    }

    /// Tells the scheduler what some tasks take, if that is due.
    fn tell_usages(&mut self) {
        let (telling, lives) = (&mut self.telling, &self.lives);
        let piece = telling.poll_piece(Instant::now(), || lives.changed());
        if piece.is_empty() {
            return;
        }
        let (usages, told) = lives.running(piece);
        let record = spec::Control {
            kind: Some(spec::ControlKind::Usages(usages)),
        };
        // While the scheduler takes no more, the piece waits, and its figures are those of then.
        if told.is_empty() || self.link.control().try_send(&record).is_ok() {
            self.lives.told(told);
            self.telling.told();
        }
    }

    /// Begins to keep a direct path; an earlier one is given up.
    fn connect(&mut self, announcement: spec::Direct) {
        self.direct.abort_all();
        match direct::Scheduler::new(announcement, self.incarnation) {
            Some(scheduler) => {
                let keeping = scheduler.keep(self.link.clone(), self.random.fork());
                self.direct.spawn(keeping);
            }
            None => warn!("the announcement of a direct path makes no sense"),
        }
    }

    fn notice(&mut self, notice: ExecutorNotice) {
        match notice {
            ExecutorNotice::Subscribed {
                framework_info,
                agent_info,
                ..
            } => match self.agent.identify(&framework_info, &agent_info) {
                Ok(()) => self.subscribed(&framework_info),
                Err(stranger) => {
                    error!(%stranger, "the agent is lost");
                    self.link.shut();
                    self.agent.client.stop();
                    self.tell(Input::AgentLost);
                }
            },
            ExecutorNotice::Event(event) => self.agent_event(event),
            ExecutorNotice::Disconnected { reason } => {
                warn!(%reason, "subscription lost");
                self.is_subscribed.send_replace(false);
                self.tell(Input::Disconnected);
            }
            ExecutorNotice::AttemptFailed { reason, retry_in } => {
                debug!(%reason, ?retry_in, "not subscribed");
            }
            ExecutorNotice::GaveUp { reason } => {
                error!(%reason, "the agent is lost");
                self.link.shut();
                self.tell(Input::AgentLost);
            }
        }
    }

    fn subscribed(&mut self, framework_info: &v1::FrameworkInfo) {
        let killing_state = match convert::knows_killing(framework_info) {
            true => KillingState::Known,
            false => KillingState::Unknown,
        };
        self.is_subscribed.send_replace(true);
        self.tell(Input::Subscribed { killing_state });
    }

    fn agent_event(&mut self, event: v1::executor::Event) {
        match event.r#type() {
            EventType::Launch => self.launch_all(event.launch.map(|launch| launch.task)),
            EventType::LaunchGroup => {
                self.launch_all(
                    event
                        .launch_group
                        .into_iter()
                        .flat_map(|launch| launch.task_group.tasks),
                );
            }
            EventType::Kill => {
                let Some(kill) = event.kill else { return };
                let grace = convert::kill_grace(kill.kill_policy.as_ref());
                self.tell(Input::Kill {
                    task: kill.task_id.into(),
                    grace,
                });
            }
            EventType::Acknowledged => {
                let Some(acknowledged) = event.acknowledged else {
                    return;
                };
                let Ok(uuid) = Uuid::try_from(acknowledged.uuid.as_ref()) else {
                    return;
                };
                let task = TaskId::from(acknowledged.task_id);
                let of = task.clone();
                self.tell(Input::Acknowledged { task: of, uuid });
                // An agent that keeps the task needs no word of it when it comes back.
                if self.core.is_acknowledged(&task) {
                    self.infos.remove(&task);
                }
            }
            EventType::Message => self.frame(event.message.map(|message| message.data)),
            EventType::Shutdown => self.tell(Input::Shutdown {
                within: self.shutdown_grace,
            }),
            EventType::Unknown
            | EventType::Subscribed
            | EventType::Error
            | EventType::Heartbeat => {}
        }
    }

    fn launch_all(&mut self, infos: impl IntoIterator<Item = v1::TaskInfo>) {
        for info in infos {
            let task = convert::task_id(&info);
            // The first counts, whatever the second says: it may have run already.
            if self.core.knows(&task) {
                warn!(%task, "a second launch of a task is ignored");
                continue;
            }
            let launch = convert::launch(&info);
            self.infos.insert(task.clone(), info.encode_to_vec().into());
            match launch {
                Ok(launch) => {
                    info!(%task, name = launch.config.name, "launched");
                    let kill_grace = launch.kill_grace;
                    self.launches.insert(task.clone(), launch);
                    self.tell(Input::Launch { task, kill_grace });
                }
                Err(error) => {
                    let outcome = Outcome::Refused(format!("the task cannot be run: {error}"));
                    self.tell(Input::Launch {
                        task: task.clone(),
                        kill_grace: Duration::ZERO,
                    });
                    self.tell(Input::Ended { task, outcome });
                }
            }
        }
    }

    fn frame(&self, data: Option<Bytes>) {
        match self.link.handle_frame(data.unwrap_or_default()) {
            Ok(()) => {}
            // Of the link's end nothing is left to talk to: tasks see their channels close.
            Err(error @ FrameError::Violation(_)) => {
                error!(%error, "the link is broken");
                self.link.shut();
            }
            Err(error) => debug!(%error, "a framework message is no frame of this link"),
        }
    }

    /// Performs one output of the machine.
    fn act(&mut self, act: Act) {
        match act {
            Act::Prepare(task) => {
                // Without a launch it was refused, and has been told to have ended.
                let Some(launch) = self.launches.remove(&task) else {
                    return;
                };
                if let Err(outcome) = self.lives.start(task.clone(), launch, &self.link) {
                    self.tell(Input::Ended { task, outcome });
                }
            }
            Act::Run(task) => self.lives.run(&task),
            Act::CloseInbox { task, at } => self.lives.close_inbox(&task, at),
            Act::Stop(task) => self.lives.stop(&task),
            Act::Update(update) => {
                let status = self.status(&update);
                let (task, uuid) = (update.task, update.uuid);
                // It fails only when the sending task is gone, and with it the runtime.
                let _ = self.updates.send(UpdateToSend { task, uuid, status });
            }
            Act::Forget(task) => {
                self.infos.remove(&task);
                self.launches.remove(&task);
                self.lives.forget(&task);
            }
            Act::Exit(_) => unreachable!("the loop takes it"),
        }
    }

    fn unacknowledged(&mut self) -> Unacknowledged {
        let unacknowledged = self.core.unacknowledged();
        let tasks = unacknowledged.tasks.iter();
        let updates = unacknowledged.updates.iter();
        let updates = updates.map(|update| self.status(update));
        Unacknowledged {
            tasks: tasks
                .filter_map(|task| v1::TaskInfo::decode(self.infos.get(task)?.clone()).ok())
                .collect(),
            updates: updates
                .map(|status| v1::executor::call::Update { status })
                .collect(),
        }
    }

    fn status(&self, update: &Update) -> v1::TaskStatus {
        let usage = self.lives.usage(&update.task);
        convert::status(update, usage, &self.executor_id, &self.clock)
    }

    fn tell(&mut self, input: Input) {
        self.core.handle(Instant::now(), input);
    }
}
