//! An agent for one executor, which is a process of its own: takes its calls, writes its events,
//! carries frames of the link, and counts the tasks that run.

use std::{
    collections::HashMap,
    convert::Infallible,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use executor_host::modules::{CACHE_VARIABLE, Digest};
use link::{Link, LinkConfig, Role, spec};
use mesos::{
    recordio,
    v1::{
        self, TaskState,
        executor::{Call, Event, call, event},
    },
};
use prost::Message as _;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

use crate::guests;

type Stream = mpsc::UnboundedSender<Result<Bytes, Infallible>>;

/// The agent, with the scheduler's end of the link.
pub(crate) struct Agent {
    pub(crate) link: Link,
    shared: Arc<Shared>,
    updates: mpsc::UnboundedReceiver<v1::TaskStatus>,
    address: String,
}

struct Shared {
    stream: Mutex<Option<Stream>>,
    subscribed: Notify,
    updates: mpsc::UnboundedSender<v1::TaskStatus>,
    link: Link,
}

/// The executor's process, which ends by force with this.
pub(crate) struct Executor(Child);

/// The most memory of each task.
const TASK_BYTES_MAX: u64 = 32 << 20;

impl Agent {
    pub(crate) async fn start() -> Self {
        let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let (updates_in, updates) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            stream: Mutex::default(),
            subscribed: Notify::new(),
            updates: updates_in,
            link: link.clone(),
        });
        let router = Router::new()
            .route("/api/v1/executor", post(take_call))
            .route("/module", get(async || guests::task()))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let agent = Self {
            link,
            shared,
            updates,
            address,
        };
        agent.carry_frames();
        agent
    }

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

    /// Starts the executor and waits until it has subscribed.
    pub(crate) async fn executor(&self, program: &Path, sandbox: &Path, cache: &Path) -> Executor {
        let environment = HashMap::from([
            ("MESOS_AGENT_ENDPOINT", self.address.as_str()),
            ("MESOS_FRAMEWORK_ID", "f-0"),
            ("MESOS_EXECUTOR_ID", "x-0"),
            ("MESOSGOT_LOG", "warn"),
        ]);
        let child = Command::new(program)
            .envs(environment)
            .env("MESOS_SANDBOX", sandbox)
            .env(CACHE_VARIABLE, cache)
            .current_dir(sandbox)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let executor = Executor(child.expect("the executor starts"));
        self.shared.subscribed.notified().await;
        executor
    }

    /// Launches a task of the test module that does what `args` say.
    #[allow(
        clippy::needless_update,
        reason = "records get more fields that do not matter here"
    )]
    pub(crate) fn launch(&self, name: &str, args: &[&str]) {
        let module = guests::task();
        let digest = Digest::of(module);
        let spec = spec::TaskSpec {
            version: spec::VERSION,
            name: name.to_owned(),
            group: "bench".to_owned(),
            module: Some(spec::Module {
                sha256: digest.as_bytes().to_vec(),
                size: module.len() as u64,
                urls: vec![format!("http://{}/module", self.address)],
                ..spec::Module::default()
            }),
            args: args.iter().copied().map(str::to_owned).collect(),
            memory_bytes_max: TASK_BYTES_MAX,
            kill_grace_ms: 5000,
            ..spec::TaskSpec::default()
        };
        let task_id = v1::TaskId {
            value: name.to_owned(),
        };
        let task = v1::TaskInfo {
            task_id,
            data: Some(spec.encode_to_vec().into()),
            ..v1::TaskInfo::default()
        };
        self.shared.write(&Event {
            launch: Some(event::Launch { task }),
            ..of(event::Type::Launch)
        });
    }

    /// Waits until so many more tasks run.
    pub(crate) async fn running(&mut self, tasks: usize) {
        for _ in 0..tasks {
            let status = self.updates.recv().await.expect("the agent lives");
            let told = status.message();
            assert_eq!(status.state(), TaskState::TaskRunning, "{told}");
        }
    }

    /// Lets the functions begin.
    pub(crate) async fn begin(&self) {
        let sent = self.link.control().send(&spec::Control::start()).await;
        sent.expect("the link is open");
    }
}

impl Executor {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Shared {
    fn write(&self, event: &Event) {
        let mut record = Vec::new();
        recordio::encode(&event.encode_to_vec(), &mut record);
        let stream = self.stream.lock().expect("nobody panics with it");
        if let Some(stream) = &*stream {
            let _ = stream.send(Ok(record.into()));
        }
    }

    fn subscribe(&self) -> Response {
        let (stream, records) = mpsc::unbounded_channel();
        *self.stream.lock().expect("nobody panics with it") = Some(stream);
        let spec = spec::ExecutorSpec {
            version: spec::VERSION,
            job: "bench".to_owned(),
            incarnation: 2,
            window_messages: 256,
            window_bytes: 4 << 20,
            ..spec::ExecutorSpec::default()
        };
        let executor_info = v1::ExecutorInfo {
            data: Some(spec.encode_to_vec().into()),
            ..v1::ExecutorInfo::default()
        };
        let subscribed = event::Subscribed {
            executor_info,
            ..event::Subscribed::default()
        };
        self.write(&Event {
            subscribed: Some(subscribed),
            ..of(event::Type::Subscribed)
        });
        self.subscribed.notify_one();
        let records = futures_util::stream::unfold(records, async |mut records| {
            Some((records.recv().await?, records))
        });
        let protobuf = [("content-type", "application/x-protobuf")];
        (protobuf, Body::from_stream(records)).into_response()
    }

    fn updated(&self, update: call::Update) {
        let status = update.status;
        let acknowledged = event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap_or_default(),
        };
        self.write(&Event {
            acknowledged: Some(acknowledged),
            ..of(event::Type::Acknowledged)
        });
        let _ = self.updates.send(status);
    }
}

async fn take_call(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let call = Call::decode(body).unwrap_or_default();
    match call.r#type() {
        call::Type::Subscribe => return shared.subscribe(),
        call::Type::Update => call.update.into_iter().for_each(|it| shared.updated(it)),
        call::Type::Message => {
            let data = call.message.map(|message| message.data);
            let _ = shared.link.handle_frame(data.unwrap_or_default());
        }
        call::Type::Unknown | call::Type::Heartbeat => {}
    }
    StatusCode::ACCEPTED.into_response()
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}
