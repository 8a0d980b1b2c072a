//! A master with one agent, over HTTP, as far as a scheduler can see them: it offers, launches,
//! and carries frames between links. Tasks are functions of the test.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use link::direct::{Hello, Secret, carry, greet, tls};
use link::spec::TaskSpec;
use link::{Link, LinkConfig, Receiver, Role, Sender, spec};
use mesos::resources::Resources;
use mesos::{recordio, v1};
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use v1::scheduler::call::Type as CallType;
use v1::scheduler::event::Type as EventType;
use v1::scheduler::{Call, Event, event};
use v1::{TaskState, task_status};

/// What a task does once the start barrier is lifted.
pub(crate) type Behaviour = Arc<
    dyn Fn(TaskSpec, Sender, Receiver) -> Pin<Box<dyn Future<Output = End> + Send>> + Send + Sync,
>;

/// How a task ends.
pub(crate) struct End {
    state: TaskState,
    message: Option<String>,
    /// The update comes before what the task sent.
    overtakes: bool,
}

impl End {
    pub(crate) fn finished() -> Self {
        Self {
            state: TaskState::TaskFinished,
            message: None,
            overtakes: false,
        }
    }

    pub(crate) fn failed(message: &str) -> Self {
        Self {
            state: TaskState::TaskFailed,
            message: Some(message.to_owned()),
            overtakes: false,
        }
    }

    pub(crate) fn that_overtakes(self) -> Self {
        Self {
            overtakes: true,
            ..self
        }
    }
}

/// How the cluster behaves.
#[derive(Clone)]
pub(crate) struct Rules {
    /// What the agent offers.
    pub(crate) offer: &'static str,
    pub(crate) behaviour: Behaviour,
    /// The text of an ERROR in place of a subscription.
    pub(crate) refusal: Option<&'static str>,
    /// How many launches fail because of their offers.
    pub(crate) stale_launches: u32,
    /// How TEARDOWN is answered, one after the other, before it is taken.
    pub(crate) teardown_faults: Vec<Fault>,
    pub(crate) dialing: Dialing,
}

/// What a call is answered with that is not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Status(u16, &'static str),
    /// The connection breaks.
    Cut,
}

impl Fault {
    fn response(self) -> Response {
        match self {
            Self::Status(status, text) => {
                let status = StatusCode::from_u16(status).unwrap();
                (status, text).into_response()
            }
            Self::Cut => {
                // The head of the answer waits for its body, which never comes.
                let broken = stream::once(async { Err::<Bytes, _>(io::Error::other("cut")) });
                ([("content-length", "5")], Body::from_stream(broken)).into_response()
            }
        }
    }
}

/// A behaviour from a function.
pub(crate) fn behaviour<F>(
    run: impl Fn(TaskSpec, Sender, Receiver) -> F + Send + Sync + 'static,
) -> Behaviour
where
    F: Future<Output = End> + Send + 'static,
{
    Arc::new(move |spec, sender, receiver| Box::pin(run(spec, sender, receiver)))
}

/// Echoes until its `in` channel closes.
pub(crate) fn echo() -> Behaviour {
    behaviour(|_, sender, receiver| async move {
        while let Some(message) = receiver.recv().await {
            sender.send(message).await.unwrap();
        }
        End::finished()
    })
}

/// What executors do when they are told of a direct path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialing {
    Connect,
    /// Connect with a secret that is wrong.
    Guess,
    /// Say that it does not work.
    Complain,
    /// Nothing.
    Ignore,
}

/// Keeps a direct path to the scheduler until it ends.
async fn dial(link: Link, direct: spec::Direct, executor: u64) {
    let mut stream = TcpStream::connect(&direct.address).await.unwrap();
    let hello = Hello {
        link: direct.link,
        executor,
        secret: Secret::new(direct.secret.try_into().unwrap()),
    };
    if direct.certificate_sha256.is_empty() {
        if greet(&mut stream, &hello).await.is_ok() {
            carry(link.direct(), stream).await;
        }
    } else {
        let certificate = direct.certificate_sha256.try_into().unwrap();
        let mut stream = tls::connect(stream, certificate).await.unwrap();
        if greet(&mut stream, &hello).await.is_ok() {
            carry(link.direct(), stream).await;
        }
    }
}

/// The cluster. It ends when it is dropped.
pub(crate) struct Cluster {
    pub(crate) address: SocketAddr,
    pub(crate) master: Arc<Master>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) struct Master {
    rules: Rules,
    calls: Mutex<Vec<CallType>>,
    acknowledged: AtomicU32,
    updates: AtomicU32,
    stale_launches: AtomicU32,
    teardown_faults: Mutex<VecDeque<Fault>>,
    stream: Mutex<Option<mpsc::UnboundedSender<Bytes>>>,
    executors: Mutex<HashMap<String, Executor>>,
}

struct Executor {
    agent_id: v1::AgentId,
    executor_id: v1::ExecutorId,
    link: Link,
    incarnation: u64,
    tasks: Vec<(v1::TaskId, TaskSpec)>,
}

impl Cluster {
    pub(crate) async fn start(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let master = Arc::new(Master {
            stale_launches: AtomicU32::new(rules.stale_launches),
            teardown_faults: Mutex::new(rules.teardown_faults.clone().into()),
            rules,
            calls: Mutex::default(),
            acknowledged: AtomicU32::new(0),
            updates: AtomicU32::new(0),
            stream: Mutex::default(),
            executors: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/v1/scheduler", post(answer))
            .with_state(Arc::clone(&master));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            master,
            serving,
        }
    }
}

/// Does what the rules say when the scheduler announces a direct path.
async fn await_announcement(link: Link, dialing: Dialing, incarnation: u64) {
    while let Some(notice) = link.told().await {
        let Some(direct) = notice.direct else {
            panic!("not for an executor: {notice:?}");
        };
        match dialing {
            Dialing::Connect => {
                tokio::spawn(dial(link.clone(), direct, incarnation));
            }
            Dialing::Guess => {
                let secret = vec![0; 32];
                let direct = spec::Direct { secret, ..direct };
                tokio::spawn(dial(link.clone(), direct, incarnation));
            }
            Dialing::Complain => link.tell(&spec::Notice::direct_failed("no route")).unwrap(),
            Dialing::Ignore => {}
        }
    }
}

async fn answer(State(master): State<Arc<Master>>, body: Bytes) -> Response {
    let call = Call::decode(body).unwrap();
    master.calls.lock().unwrap().push(call.r#type());
    if call.r#type() == CallType::Subscribe {
        return master.subscribe();
    }
    if call.r#type() == CallType::Teardown {
        let mut faults = master.teardown_faults.lock().unwrap();
        if let Some(fault) = faults.pop_front() {
            return fault.response();
        }
    }
    master.take(call);
    StatusCode::ACCEPTED.into_response()
}

impl Master {
    /// The kinds of calls so far, without MESSAGE.
    pub(crate) fn calls(&self) -> Vec<CallType> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .copied()
            .filter(|kind| *kind != CallType::Message)
            .collect()
    }

    /// How many acknowledgements have come so far.
    pub(crate) fn acknowledged(&self) -> u32 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Whether every reliable update was acknowledged, each once.
    pub(crate) fn is_all_acknowledged(&self) -> bool {
        self.updates.load(Ordering::SeqCst) == self.acknowledged.load(Ordering::SeqCst)
    }

    fn subscribe(self: &Arc<Self>) -> Response {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.stream.lock().unwrap() = Some(sender);
        if let Some(message) = self.rules.refusal {
            let error = event::Error {
                message: message.to_owned(),
            };
            self.send(EventType::Error, |event| event.error = Some(error));
            self.stream.lock().unwrap().take();
        } else {
            let subscribed = event::Subscribed {
                framework_id: v1::FrameworkId {
                    value: "fw".to_owned(),
                },
                heartbeat_interval_seconds: Some(15.0),
                master_info: None,
            };
            self.send(EventType::Subscribed, |event| {
                event.subscribed = Some(subscribed)
            });
            self.offer();
        }
        let records = stream::unfold(receiver, |mut receiver| async move {
            let record = receiver.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(record), receiver))
        });
        let headers = [
            (CONTENT_TYPE.as_str(), "application/x-protobuf"),
            ("Mesos-Stream-Id", "stream"),
        ];
        (headers, Body::from_stream(records)).into_response()
    }

    fn offer(&self) {
        let number = self.calls.lock().unwrap().len();
        let resources = Resources::parse(self.rules.offer).unwrap().allocate("*");
        let offer = v1::Offer {
            id: v1::OfferId {
                value: format!("o{number}"),
            },
            framework_id: v1::FrameworkId {
                value: "fw".to_owned(),
            },
            agent_id: v1::AgentId {
                value: "a1".to_owned(),
            },
            hostname: "host".to_owned(),
            resources: resources.to_wire(),
            allocation_info: Some(v1::resource::AllocationInfo {
                role: Some("*".to_owned()),
            }),
            ..v1::Offer::default()
        };
        let offers = event::Offers {
            offers: vec![offer],
        };
        self.send(EventType::Offers, |event| event.offers = Some(offers));
    }

    fn take(self: &Arc<Self>, call: Call) {
        match call.r#type() {
            CallType::Accept => {
                let mut tasks = Vec::new();
                for operation in call.accept.unwrap().operations {
                    tasks.extend(operation.launch.unwrap().task_infos);
                }
                let left = self.stale_launches.load(Ordering::SeqCst);
                if left > 0 {
                    self.stale_launches.store(left - 1, Ordering::SeqCst);
                    self.refuse(&tasks);
                    self.offer();
                } else {
                    self.launch(tasks);
                }
            }
            CallType::Acknowledge => {
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            CallType::Message => {
                let message = call.message.unwrap();
                let executors = self.executors.lock().unwrap();
                if let Some(executor) = executors.get(&message.executor_id.value) {
                    // Late frames of an executor that is gone are dropped, as by an agent.
                    let _ = executor.link.handle_frame(message.data);
                }
            }
            CallType::Revive => self.offer(),
            CallType::Kill => {
                let kill = call.kill.unwrap();
                // No word to the task: what the executor closes by itself is its own affair.
                self.update(&kill.task_id, TaskState::TaskKilling, None);
                self.update(&kill.task_id, TaskState::TaskKilled, None);
            }
            CallType::Teardown => {
                self.stream.lock().unwrap().take();
            }
            _ => {}
        }
    }

    fn refuse(&self, tasks: &[v1::TaskInfo]) {
        for task in tasks {
            let status = v1::TaskStatus {
                task_id: task.task_id.clone(),
                state: TaskState::TaskDropped.into(),
                source: Some(task_status::Source::Master.into()),
                reason: Some(task_status::Reason::InvalidOffers.into()),
                agent_id: Some(task.agent_id.clone()),
                ..v1::TaskStatus::default()
            };
            self.send(EventType::Update, |event| {
                event.update = Some(event::Update { status })
            });
        }
    }

    /// Launches the tasks of one ACCEPT in their executor, and reports them running.
    fn launch(self: &Arc<Self>, tasks: Vec<v1::TaskInfo>) {
        let info = tasks[0].executor.clone().unwrap();
        let spec = spec::ExecutorSpec::decode(info.data.unwrap()).unwrap();
        let config = LinkConfig {
            direct_only: spec.direct_only,
            ..LinkConfig::new()
        };
        let link = Link::new(Role::Executor, spec.incarnation, config);
        let specs = tasks.iter().map(|task| {
            let spec = TaskSpec::decode(task.data.clone().unwrap()).unwrap();
            (task.task_id.clone(), spec)
        });
        let executor = Executor {
            agent_id: tasks[0].agent_id.clone(),
            executor_id: info.executor_id.clone(),
            link: link.clone(),
            incarnation: spec.incarnation,
            tasks: specs.collect(),
        };
        self.pump(&executor);
        self.wait_for_start(&executor);
        for (task, _) in &executor.tasks {
            self.update(task, TaskState::TaskRunning, None);
        }
        let id = info.executor_id.value;
        self.executors.lock().unwrap().insert(id, executor);
    }

    /// Carries frames upwards.
    fn pump(self: &Arc<Self>, executor: &Executor) {
        let (master, link) = (Arc::clone(self), executor.link.clone());
        let (agent_id, executor_id) = (executor.agent_id.clone(), executor.executor_id.clone());
        tokio::spawn(async move {
            while let Some(data) = link.next_frame().await {
                let message = event::Message {
                    agent_id: agent_id.clone(),
                    executor_id: executor_id.clone(),
                    data,
                };
                master.send(EventType::Message, |event| event.message = Some(message));
            }
        });
    }

    /// Runs the tasks' functions once the barrier is lifted.
    fn wait_for_start(self: &Arc<Self>, executor: &Executor) {
        let (master, link) = (Arc::clone(self), executor.link.clone());
        let tasks = executor.tasks.clone();
        let dialing = self.rules.dialing;
        tokio::spawn(await_announcement(
            link.clone(),
            dialing,
            executor.incarnation,
        ));
        tokio::spawn(async move {
            let opened: Vec<_> = tasks
                .into_iter()
                .map(|(id, spec)| (id, link.open(&spec.name).unwrap(), spec))
                .collect();
            // Nothing comes if the link is shut before.
            let Some(record) = link.control().recv().await else {
                return;
            };
            assert_eq!(record, spec::Control::start());
            for (id, (sender, receiver), spec) in opened {
                let master = Arc::clone(&master);
                let run = (master.rules.behaviour)(spec, sender.clone(), receiver);
                tokio::spawn(async move {
                    let end = run.await;
                    if end.overtakes {
                        master.update(&id, end.state, end.message);
                        // What the task has sent is still in this channel, and goes out now.
                        sender.send(Bytes::from_static(b"late")).await.unwrap();
                        sender.close();
                    } else {
                        sender.close();
                        master.update(&id, end.state, end.message);
                    }
                });
            }
        });
    }

    /// An executor dies: its link is silent, the agent says so.
    pub(crate) fn kill_executor(&self) {
        let executors: Vec<Executor> = self
            .executors
            .lock()
            .unwrap()
            .drain()
            .map(|(_, executor)| executor)
            .collect();
        for executor in executors {
            executor.link.shut();
            let failure = event::Failure {
                agent_id: Some(executor.agent_id.clone()),
                executor_id: Some(executor.executor_id.clone()),
                status: Some(9),
            };
            self.send(EventType::Failure, |event| event.failure = Some(failure));
            for (task, _) in &executor.tasks {
                let mut status = self.status(task, TaskState::TaskFailed, None);
                status.source = Some(task_status::Source::Agent.into());
                status.reason = Some(task_status::Reason::ExecutorTerminated.into());
                self.send(EventType::Update, |event| {
                    event.update = Some(event::Update { status });
                });
            }
        }
    }

    fn update(&self, task: &v1::TaskId, state: TaskState, message: Option<String>) {
        let status = self.status(task, state, message);
        self.send(EventType::Update, |event| {
            event.update = Some(event::Update { status })
        });
    }

    fn status(
        &self,
        task: &v1::TaskId,
        state: TaskState,
        message: Option<String>,
    ) -> v1::TaskStatus {
        let number = self.updates.fetch_add(1, Ordering::SeqCst);
        let mut uuid = [0; 16];
        uuid[..4].copy_from_slice(&number.to_le_bytes());
        v1::TaskStatus {
            task_id: task.clone(),
            state: state.into(),
            message,
            agent_id: Some(v1::AgentId {
                value: "a1".to_owned(),
            }),
            source: Some(task_status::Source::Executor.into()),
            uuid: Some(Bytes::copy_from_slice(&uuid)),
            ..v1::TaskStatus::default()
        }
    }

    fn send(&self, kind: EventType, fill: impl FnOnce(&mut Event)) {
        let mut event = Event {
            r#type: Some(kind.into()),
            ..Event::default()
        };
        fill(&mut event);
        let mut record = Vec::new();
        recordio::encode(&event.encode_to_vec(), &mut record);
        if let Some(stream) = self.stream.lock().unwrap().as_ref() {
            // A scheduler that has gone hears nothing.
            let _ = stream.send(record.into());
        }
    }
}
