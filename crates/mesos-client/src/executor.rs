//! The executor's client: stays subscribed at its agent, posts calls, knows when to give up.
//!
//! An agent notices nothing of a broken stream, and what it wrote into one is gone; so each
//! SUBSCRIBE carries the tasks and updates that were not acknowledged (PROTOCOL §9.5). Only the
//! owner knows them, and only once it has taken every event that this client has handed on: it is
//! asked then, and not before.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mesos::v1;
use tokio::sync::mpsc;
use v1::executor::call::Type as CallType;
use v1::executor::event::Type as EventType;

use crate::calls::{Call, CallQueue, Session};
use crate::core::answer::Server;
use crate::core::backoff::Backoff;
use crate::core::subscription::{End, Rules, Targets};
use crate::driver::{self, Api, BoxFuture, Plan, Record};
use crate::encoding::Encoding;
use crate::error::{CallError, DisconnectReason, GaveUpReason, StartError};
use crate::transport::{Credentials, Http, HttpOptions};

pub(crate) mod calls;
pub(crate) mod environment;

use environment::ExecutorConfig;

/// For how long the first subscription is tried. An agent ends an executor that has not
/// subscribed within a minute, unless its operator has changed `--executor_registration_timeout`.
const FIRST_PATIENCE: Duration = Duration::from_secs(60);

/// For how long an agent is tried again without checkpointing: enough for a broken stream, not
/// for an agent that restarts, which would not know us (PROTOCOL §9.5).
const PATIENCE_WITHOUT_CHECKPOINT: Duration = Duration::from_secs(1);

/// The most that is waited between tries without checkpointing.
const BACKOFF_WITHOUT_CHECKPOINT: Duration = Duration::from_millis(500);

/// Which part of `MESOS_SUBSCRIPTION_BACKOFF_MAX` is used. That variable is the whole time in which
/// an agent waits for its executors after a restart: a delay drawn from all of it comes too late
/// as soon as one try fails.
const BACKOFF_PART: u32 = 4;

/// How often agents send HEARTBEAT (PROTOCOL §9.3). They do not say so, and old ones send none: it
/// is counted on from the first one of a stream.
const AGENT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// How many UPDATEs an [`ExecutorHandle`] has under way at once.
pub const UPDATES_UNDER_WAY_MAX: usize = crate::calls::BESIDE_MAX;

/// Starts the client; there is no value of it, only its two ends.
#[derive(Debug)]
pub struct ExecutorClient;

impl ExecutorClient {
    /// Starts to subscribe, on a task of its own.
    ///
    /// `unacknowledged` is called before each SUBSCRIBE, when the owner has received every notice
    /// that was sent before. An owner that is one task should have the future ask that task, so
    /// that it answers after it has handled them; it must not wait in [`ExecutorHandle::call`]
    /// meanwhile for longer than the agent's patience.
    ///
    /// The task ends, and the receiver answers `None`, after [`ExecutorHandle::stop`], after
    /// [`ExecutorNotice::GaveUp`], when the last handle is dropped, and when the receiver is
    /// dropped.
    ///
    /// The queue of notices is bounded: while it is full the stream is not read.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<S, F>(
        config: ExecutorConfig,
        unacknowledged: S,
    ) -> Result<(ExecutorHandle, mpsc::Receiver<ExecutorNotice>), StartError>
    where
        S: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Unacknowledged> + Send + 'static,
    {
        let credentials = config.token.map(Credentials::Bearer);
        let http = Http::new(HttpOptions {
            connect_timeout: config.connect_timeout,
            encoding: config.encoding,
            credentials: credentials.as_ref(),
            tls: config.agent.is_secure().then_some(&config.tls),
            domain_socket: config.domain_socket,
        })?;
        let backoff_max = match config.checkpoint {
            Some(checkpoint) => checkpoint.subscription_backoff_max / BACKOFF_PART,
            None => BACKOFF_WITHOUT_CHECKPOINT,
        };
        let rules = Rules {
            targets: Targets::Fixed(vec![config.agent]),
            // The agent's clock runs: the delays do not grow.
            backoff: Backoff {
                first: backoff_max,
                max: backoff_max,
            },
            answer_timeout: config.answer_timeout,
            first_patience: Some(FIRST_PATIENCE),
            patience: Some(match config.checkpoint {
                Some(checkpoint) => checkpoint.recovery_timeout,
                None => PATIENCE_WITHOUT_CHECKPOINT,
            }),
            untold_heartbeat: Some(AGENT_HEARTBEAT_INTERVAL),
        };
        let ids = Ids {
            framework_id: config.framework_id.into(),
            executor_id: config.executor_id.into(),
        };
        let api = |notices: &mpsc::Sender<ExecutorNotice>| ExecutorApi {
            encoding: config.encoding,
            ids: ids.clone(),
            unacknowledged: Arc::new(move || Box::pin(unacknowledged())),
            notices: notices.clone(),
        };
        let heartbeat = v1::executor::Call {
            executor_id: ids.executor_id.clone(),
            framework_id: ids.framework_id.clone(),
            r#type: Some(CallType::Heartbeat.into()),
            ..v1::executor::Call::default()
        };
        let plan = Plan {
            rules,
            detector: None,
            call_timeout: config.call_timeout,
            heartbeat: Some((config.heartbeat_interval, heartbeat)),
            seed: config.seed,
        };
        let (queue, notices) = driver::start(http, plan, api);
        Ok((ExecutorHandle { queue, ids }, notices))
    }
}

/// What an agent has to be told when it may have forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unacknowledged {
    /// Tasks of which no update was acknowledged yet. A launched task that is neither here nor
    /// known to the agent by an update is lost.
    pub tasks: Vec<v1::TaskInfo>,
    /// Updates without ACKNOWLEDGED, oldest first.
    pub updates: Vec<v1::executor::call::Update>,
}

/// What the owner of an [`ExecutorClient`] is told.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every notice is an event, and those are moved, never stored"
)]
pub enum ExecutorNotice {
    /// There is a subscription.
    Subscribed {
        /// What the scheduler said of this executor.
        executor_info: v1::ExecutorInfo,
        /// The framework, with its id.
        framework_info: v1::FrameworkInfo,
        /// The agent, with its id.
        agent_info: v1::AgentInfo,
        /// The container that this executor runs in.
        container_id: Option<v1::ContainerId>,
    },
    /// An event other than SUBSCRIBED, HEARTBEAT and ERROR, of a known type. SHUTDOWN may come
    /// without a subscription.
    Event(v1::executor::Event),
    /// The subscription is lost. Sent once for each [`Self::Subscribed`]; the client goes on.
    Disconnected {
        /// How it was lost.
        reason: DisconnectReason,
    },
    /// An attempt to subscribe failed; the client goes on.
    AttemptFailed {
        /// Why.
        reason: DisconnectReason,
        /// When the next attempt follows.
        retry_in: Duration,
    },
    /// There is no agent any more for this executor, which should end. The last notice.
    GaveUp {
        /// Why.
        reason: GaveUpReason,
    },
}

/// Sends calls. Clones send through the same queue.
#[derive(Debug, Clone)]
pub struct ExecutorHandle {
    queue: CallQueue<v1::executor::Call>,
    ids: Ids,
}

#[derive(Debug, Clone)]
struct Ids {
    framework_id: v1::FrameworkId,
    executor_id: v1::ExecutorId,
}

impl ExecutorHandle {
    /// Sends a call and waits until the agent has taken it; both ids are filled in.
    ///
    /// Calls go out in the order in which their futures are first polled, one at a time. A future
    /// that is dropped does not take its call back. UPDATEs go out beside the others, up to
    /// [`UPDATES_UNDER_WAY_MAX`] at once: who wants those of a task to arrive in order waits for
    /// each before the next. An UPDATE is sent again for about a minute while the agent is not ready
    /// or does not answer, as long as the subscription lasts: its uuid makes that harmless. Nothing
    /// else is ever sent twice.
    ///
    /// # Errors
    /// By class, see [`CallError`]. An UPDATE that was not taken belongs into the next
    /// [`Unacknowledged`]. A MESSAGE that an agent which recovers refuses is a
    /// [`CallError::Transport`] too.
    pub async fn call(&self, mut call: v1::executor::Call) -> Result<(), CallError> {
        call.framework_id = self.ids.framework_id.clone();
        call.executor_id = self.ids.executor_id.clone();
        self.queue.call(call).await
    }

    /// Ends the client. The agent sees nothing of it but the end of the process.
    pub fn stop(&self) {
        self.queue.stop();
    }
}

struct ExecutorApi {
    encoding: Encoding,
    ids: Ids,
    unacknowledged: Arc<dyn Fn() -> BoxFuture<Unacknowledged> + Send + Sync>,
    notices: mpsc::Sender<ExecutorNotice>,
}

impl Api for ExecutorApi {
    type Event = v1::executor::Event;
    type Notice = ExecutorNotice;

    const HAS_STREAM_ID: bool = false;

    fn subscribe(&mut self) -> BoxFuture<Bytes> {
        let Ids {
            framework_id,
            executor_id,
        } = self.ids.clone();
        let encoding = self.encoding;
        let notices = self.notices.clone();
        let unacknowledged = Arc::clone(&self.unacknowledged);
        Box::pin(async move {
            // All slots of the queue are free once the owner has received every notice.
            drop(notices.reserve_many(notices.max_capacity()).await);
            let Unacknowledged { tasks, updates } = unacknowledged().await;
            let call = v1::executor::Call {
                executor_id,
                framework_id,
                r#type: Some(CallType::Subscribe.into()),
                // Refused if absent, even when there is nothing to say (PROTOCOL §9.1).
                subscribe: Some(v1::executor::call::Subscribe {
                    unacknowledged_tasks: tasks,
                    unacknowledged_updates: updates,
                }),
                ..v1::executor::Call::default()
            };
            encoding.encode(&call)
        })
    }

    fn read(&mut self, event: v1::executor::Event) -> Record<ExecutorNotice> {
        match (event.r#type(), event.subscribed, event.error) {
            (EventType::Subscribed, Some(subscribed), _) => Record::Subscribed {
                // It is not told; see `AGENT_HEARTBEAT_INTERVAL`.
                heartbeat: None,
                framework_id: self.ids.framework_id.clone(),
                notice: ExecutorNotice::Subscribed {
                    executor_info: subscribed.executor_info,
                    framework_info: subscribed.framework_info,
                    agent_info: subscribed.agent_info,
                    container_id: subscribed.container_id,
                },
            },
            (EventType::Error, _, error) => Record::Error {
                message: error.unwrap_or_default().message,
            },
            (EventType::Heartbeat, ..) => Record::Heartbeat,
            (EventType::Unknown | EventType::Subscribed, ..) => Record::Unknown,
            (_, subscribed, error) => Record::Event(ExecutorNotice::Event(v1::executor::Event {
                subscribed,
                error,
                ..event
            })),
        }
    }

    fn lost(reason: DisconnectReason) -> ExecutorNotice {
        ExecutorNotice::Disconnected { reason }
    }

    fn attempt_failed(reason: DisconnectReason, retry_in: Duration) -> ExecutorNotice {
        ExecutorNotice::AttemptFailed { reason, retry_in }
    }

    fn ended(end: End) -> ExecutorNotice {
        let reason = match end {
            End::Error { message } => GaveUpReason::Error(message),
            End::Rejected { status, text } => GaveUpReason::Rejected { status, text },
            End::OutOfPatience(reason) => GaveUpReason::AgentLost(reason),
        };
        ExecutorNotice::GaveUp { reason }
    }
}

impl Call for v1::executor::Call {
    const SERVER: Server = Server::Agent;

    fn check(&self) -> Result<(), CallError> {
        match self.r#type() {
            CallType::Unknown => Err(CallError::Malformed("it has no type")),
            CallType::Subscribe => Err(CallError::Malformed("SUBSCRIBE is the client's own")),
            _ => Ok(()),
        }
    }

    fn encode(&mut self, _: &Session, encoding: Encoding) -> Bytes {
        encoding.encode(self)
    }

    fn is_repeatable(&self) -> bool {
        self.r#type() == CallType::Update
    }

    fn is_last(&self) -> bool {
        false
    }
}
