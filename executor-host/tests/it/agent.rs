//! An agent for one executor: takes its calls, writes its events, carries frames of the link, and
//! serves the test task's module. What starts executors is elsewhere: tests have them in their own
//! process, benches in another.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use executor_host::modules::{CompiledCache, Digest};
use link::{Link, LinkConfig, Role, spec};
use mesos::{
    recordio,
    v1::{
        self, TaskState,
        executor::{Call, Event, call, event},
        framework_info::{self, Capability},
    },
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::guests::{self, MEMORY};

/// The modules of all tests and some versions of them. Compiling the test task takes seconds, and
/// most executors of tests run it.
const COMPILED_BYTES_MAX: u64 = 256 << 20;

/// Where all tests keep what they compile. A cache makes it, so that nobody else can write there; what
/// cargo has made may be open to a group.
pub(crate) const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");

type Stream = mpsc::UnboundedSender<Result<Bytes, Infallible>>;

/// The agent, with the scheduler's end of the link.
pub(crate) struct Agent {
    pub(crate) link: Link,
    shared: Arc<Shared>,
    updates: mpsc::UnboundedReceiver<v1::TaskStatus>,
    refused: mpsc::UnboundedReceiver<v1::TaskStatus>,
    /// The ids of updates that were acknowledged: executors send them again on a busy machine.
    acknowledged: HashSet<Bytes>,
    subscriptions: mpsc::UnboundedReceiver<call::Subscribe>,
    server: JoinHandle<()>,
    address: String,
    /// Where executors have their files.
    sandbox: tempfile::TempDir,
    /// Where executors keep what they compile.
    cache: Option<CompiledCache>,
}

struct Shared {
    stream: Mutex<Option<Stream>>,
    updates: mpsc::UnboundedSender<v1::TaskStatus>,
    refused: mpsc::UnboundedSender<v1::TaskStatus>,
    subscriptions: mpsc::UnboundedSender<call::Subscribe>,
    link: Link,
    spec: Bytes,
    /// How it answers updates.
    answer: Mutex<AnswerUpdate>,
    /// Its id; without one it knows no executor.
    id: Mutex<Option<&'static str>>,
    drops_frames: AtomicBool,
    /// What the framework says that it can.
    capabilities: Mutex<Vec<Capability>>,
    /// Modules beside that of the test task, by the name in their address.
    modules: Mutex<HashMap<String, Bytes>>,
}

type AnswerUpdate = fn(&v1::TaskStatus) -> StatusCode;

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::start_of(0).await
    }

    /// An agent whose framework says that so many tasks will be launched.
    pub(crate) async fn start_of(tasks: u32) -> Self {
        let spec = spec::ExecutorSpec {
            version: spec::VERSION,
            job: "test".to_owned(),
            incarnation: 2,
            window_messages: 256,
            window_bytes: 4 << 20,
            direct_only: false,
            tasks,
            ..spec::ExecutorSpec::default()
        };
        Self::start_with(spec.encode_to_vec().into()).await
    }

    /// An agent whose framework says this about the executor.
    pub(crate) async fn start_with(spec: Bytes) -> Self {
        let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let (updates_in, updates) = mpsc::unbounded_channel();
        let (refused_in, refused) = mpsc::unbounded_channel();
        let (subscriptions_in, subscriptions) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            stream: Mutex::default(),
            updates: updates_in,
            refused: refused_in,
            subscriptions: subscriptions_in,
            link: link.clone(),
            spec,
            answer: Mutex::new(|_| StatusCode::ACCEPTED),
            id: Mutex::new(Some("S0")),
            drops_frames: AtomicBool::new(false),
            capabilities: Mutex::default(),
            modules: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/v1/executor", post(take_call))
            .route("/module", get(async || guests::task()))
            .route("/modules/{name}", get(give_module))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let agent = Self {
            link,
            shared,
            updates,
            refused,
            acknowledged: HashSet::new(),
            subscriptions,
            server,
            address,
            sandbox: tempfile::tempdir().unwrap(),
            cache: Some(CompiledCache::open(CACHE.as_ref(), COMPILED_BYTES_MAX).unwrap()),
        };
        agent.carry_frames();
        agent
    }

    /// Frames are framework messages; while there is no stream they are lost.
    fn carry_frames(&self) {
        let (link, shared) = (self.link.clone(), Arc::clone(&self.shared));
        tokio::spawn(async move {
            while let Some(data) = link.next_frame().await {
                shared.write(&Event {
                    message: Some(event::Message { data }),
                    ..of(event::Type::Message)
                });
            }
        });
    }

    /// The next subscription.
    pub(crate) async fn subscribed(&mut self) -> call::Subscribe {
        self.subscriptions.recv().await.unwrap()
    }

    /// A task of the test module that does what `args` say.
    pub(crate) fn task(&self, name: &str, args: &[&str]) -> spec::TaskSpec {
        // Once: it is a millisecond of work, and benches launch thousands of tasks.
        static DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(guests::task()));
        spec::TaskSpec {
            version: spec::VERSION,
            name: name.to_owned(),
            group: "test".to_owned(),
            module: Some(spec::Module {
                sha256: DIGEST.as_bytes().to_vec(),
                size: guests::task().len() as u64,
                urls: vec![format!("http://{}/module", self.address)],
                over_link: false,
            }),
            args: args.iter().copied().map(str::to_owned).collect(),
            env: Vec::new(),
            memory_bytes_max: MEMORY,
            cpu_time_max_ms: 0,
            idle_max_ms: 0,
            allow: None,
            ports: Vec::new(),
            kill_grace_ms: 60_000,
        }
    }

    /// A task of other bytes than the test module's.
    pub(crate) fn task_of(&self, name: &str, bytes: &[u8]) -> spec::TaskSpec {
        let digest = Digest::of(bytes);
        let address = hex::encode(digest.as_bytes());
        let url = format!("http://{}/modules/{address}", self.address);
        let bytes = Bytes::copy_from_slice(bytes);
        let module = spec::Module {
            sha256: digest.as_bytes().to_vec(),
            size: bytes.len() as u64,
            urls: vec![url],
            over_link: false,
        };
        self.shared.modules.lock().unwrap().insert(address, bytes);
        spec::TaskSpec {
            module: Some(module),
            ..self.task(name, &[])
        }
    }

    /// Its executors compile for themselves, so they need the bytes of each module.
    pub(crate) fn keeps_nothing(&mut self) {
        self.cache = None;
    }

    /// Executors keep there what they compile; to be said before one starts.
    pub(crate) fn keeps(&mut self, cache: CompiledCache) {
        self.cache = Some(cache);
    }

    /// Where executors keep it, if they do.
    pub(crate) fn cache(&self) -> Option<&CompiledCache> {
        self.cache.as_ref()
    }

    /// The folder of executors.
    pub(crate) fn sandbox(&self) -> &std::path::Path {
        self.sandbox.path()
    }

    /// Where executors reach it: host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The framework knows TASK_KILLING; to be said before the executor starts.
    pub(crate) fn knows_killing(&self) {
        let killing = framework_info::capability::Type::TaskKillingState;
        let capability = Capability {
            r#type: Some(killing.into()),
        };
        self.shared.capabilities.lock().unwrap().push(capability);
    }

    /// Lets functions begin, also those of tasks that come later.
    pub(crate) async fn begin(&self) {
        let start = spec::Control::start();
        self.link.control().send(&start).await.unwrap();
    }

    pub(crate) fn launch(&self, spec: &spec::TaskSpec) {
        self.launch_data(&spec.name, Some(spec.encode_to_vec().into()));
    }

    pub(crate) fn launch_data(&self, name: &str, data: Option<Bytes>) {
        let task = v1::TaskInfo {
            task_id: id(name),
            data,
            ..v1::TaskInfo::default()
        };
        self.shared.write(&Event {
            launch: Some(event::Launch { task }),
            ..of(event::Type::Launch)
        });
    }

    /// Launches a task and waits until it runs, of which the next update must tell.
    pub(crate) async fn run(&mut self, spec: &spec::TaskSpec) {
        self.launch(spec);
        let (task, state, status) = self.next().await;
        assert_eq!(
            (&task, state),
            (&spec.name, TaskState::TaskRunning),
            "{status:?}"
        );
    }

    pub(crate) fn kill(&self, name: &str) {
        let kill = event::Kill {
            task_id: id(name),
            ..event::Kill::default()
        };
        self.shared.write(&Event {
            kill: Some(kill),
            ..of(event::Type::Kill)
        });
    }

    pub(crate) fn shutdown(&self) {
        self.shared.write(&of(event::Type::Shutdown));
    }

    /// Breaks the stream; the executor subscribes again.
    pub(crate) fn break_stream(&self) {
        *self.shared.stream.lock().unwrap() = None;
    }

    /// Answers updates so from now on; only those that are accepted are taken.
    pub(crate) fn answer_updates(&self, answer: AnswerUpdate) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// The next update that was not taken.
    pub(crate) async fn refused(&mut self) -> v1::TaskStatus {
        self.refused.recv().await.unwrap()
    }

    /// Whether frames are lost here from now on, as between an agent and its master.
    pub(crate) fn drop_frames(&self, drops: bool) {
        self.shared.drops_frames.store(drops, Ordering::Relaxed);
    }

    /// Has another id from now on.
    pub(crate) fn be(&self, id: &'static str) {
        *self.shared.id.lock().unwrap() = Some(id);
    }

    /// Knows no executor from now on.
    pub(crate) fn forget(&self) {
        *self.shared.id.lock().unwrap() = None;
    }

    /// The agent dies.
    pub(crate) fn die(&self) {
        self.server.abort();
        self.break_stream();
    }

    /// The next update, without an acknowledgement.
    pub(crate) async fn update(&mut self) -> v1::TaskStatus {
        self.updates.recv().await.unwrap()
    }

    pub(crate) fn acknowledge(&self, status: &v1::TaskStatus) {
        let (task_id, uuid) = (status.task_id.clone(), status.uuid.clone().unwrap());
        self.shared.write(&Event {
            acknowledged: Some(event::Acknowledged { task_id, uuid }),
            ..of(event::Type::Acknowledged)
        });
    }

    /// The next update that is news if it is here, acknowledged.
    pub(crate) fn try_next(&mut self) -> Option<v1::TaskStatus> {
        loop {
            let status = self.updates.try_recv().ok()?;
            if self.acknowledge_news(&status) {
                return Some(status);
            }
        }
    }

    /// The next update that is news, acknowledged, with its task and its state.
    pub(crate) async fn next(&mut self) -> (String, TaskState, v1::TaskStatus) {
        loop {
            let status = self.update().await;
            if self.acknowledge_news(&status) {
                return (status.task_id.value.clone(), status.state(), status);
            }
        }
    }

    fn acknowledge_news(&mut self, status: &v1::TaskStatus) -> bool {
        self.acknowledge(status);
        self.acknowledged.insert(status.uuid.clone().unwrap())
    }
}

impl Shared {
    /// Writes an event into the stream; without one it is lost, as at a real agent.
    fn write(&self, event: &Event) {
        let mut record = Vec::new();
        recordio::encode(&event.encode_to_vec(), &mut record);
        if let Some(stream) = &*self.stream.lock().unwrap() {
            let _ = stream.send(Ok(record.into()));
        }
    }

    fn subscribe(&self, subscribe: call::Subscribe) -> Response {
        let Some(id) = *self.id.lock().unwrap() else {
            return (StatusCode::BAD_REQUEST, "Executor cannot be found").into_response();
        };
        let value = id.to_owned();
        let agent_info = v1::AgentInfo {
            id: Some(v1::AgentId { value }),
            ..v1::AgentInfo::default()
        };
        let (stream, records) = mpsc::unbounded_channel();
        *self.stream.lock().unwrap() = Some(stream);
        let executor_info = v1::ExecutorInfo {
            data: Some(self.spec.clone()),
            ..v1::ExecutorInfo::default()
        };
        let framework_info = v1::FrameworkInfo {
            capabilities: self.capabilities.lock().unwrap().clone(),
            ..v1::FrameworkInfo::default()
        };
        let subscribed = event::Subscribed {
            executor_info,
            agent_info,
            framework_info,
            ..event::Subscribed::default()
        };
        self.write(&Event {
            subscribed: Some(subscribed),
            ..of(event::Type::Subscribed)
        });
        let _ = self.subscriptions.send(subscribe);
        let records = futures_util::stream::unfold(records, async |mut records| {
            Some((records.recv().await?, records))
        });
        (
            [("content-type", "application/x-protobuf")],
            Body::from_stream(records),
        )
            .into_response()
    }
}

async fn take_call(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let call = Call::decode(body).unwrap();
    match call.r#type() {
        call::Type::Subscribe => return shared.subscribe(call.subscribe.unwrap()),
        call::Type::Update => {
            let status = call.update.unwrap().status;
            let answer = shared.answer.lock().unwrap()(&status);
            let told = match answer {
                StatusCode::ACCEPTED => &shared.updates,
                _ => &shared.refused,
            };
            let _ = told.send(status);
            return answer.into_response();
        }
        call::Type::Message if shared.drops_frames.load(Ordering::Relaxed) => {}
        call::Type::Message => drop(shared.link.handle_frame(call.message.unwrap().data)),
        call::Type::Unknown | call::Type::Heartbeat => {}
    }
    StatusCode::ACCEPTED.into_response()
}

async fn give_module(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match shared.modules.lock().unwrap().get(&name) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

fn id(name: &str) -> v1::TaskId {
    v1::TaskId {
        value: name.to_owned(),
    }
}
