//! Whatever comes over a connection, a master and an agent answer with a 4xx or close it, never
//! panic, and go on. What it costs them in memory is measured in `tests/memory.rs`.

mod calls;
mod connections;
mod heads;
mod random;
mod routes;

use std::net::SocketAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::json;
use testkit::http::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::scheduler::Scheduler;

/// Nothing here takes long; what takes this long is stuck.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster that must not panic.
pub(crate) struct Sturdy {
    cluster: LocalCluster,
    panics_before: usize,
}

/// What came of bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The status of the first answer.
    Answered(u16),
    /// The connection was closed without one.
    Closed,
}

impl Sturdy {
    pub(crate) async fn start() -> Self {
        let panics_before = panics();
        let agent = AgentConfig {
            executor_shutdown_grace_period: Duration::from_millis(100),
            ..AgentConfig::new(Resources::parse("cpus:4;mem:1024").expect("valid"))
        };
        // Bad calls can take one out of service, and its resources.
        let cluster = LocalCluster::start(ClusterConfig {
            allocation_interval: Duration::from_millis(20),
            ..ClusterConfig::new(vec![agent; 2])
        });
        Self {
            cluster: cluster.await.expect("a cluster"),
            panics_before,
        }
    }

    pub(crate) fn master(&self) -> SocketAddr {
        self.cluster.master_address()
    }

    pub(crate) fn agent(&self) -> SocketAddr {
        self.cluster.agent_addresses()[0]
    }

    /// Master and agent, and the route on which each takes calls.
    pub(crate) fn endpoints(&self) -> [(SocketAddr, &'static str); 2] {
        [
            (self.master(), "/api/v1/scheduler"),
            (self.agent(), "/api/v1/executor"),
        ]
    }

    /// Both still answer, and nothing in them has panicked.
    #[track_caller]
    pub(crate) fn check(&self) -> impl Future<Output = ()> {
        let location = std::panic::Location::caller();
        async move {
            for address in [self.master(), self.agent()] {
                let health = exchange(address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
                assert_eq!(health, Outcome::Answered(200), "at {location}");
            }
            assert_eq!(panics(), self.panics_before, "panics at {location}");
        }
    }

    /// The last check: a good framework launches a task, which ends well.
    pub(crate) async fn stop(self) {
        self.check().await;
        let before = self.panics_before;
        let mut scheduler = Scheduler::subscribe_to(self.cluster, json!({})).await;
        let served = timeout(TIMEOUT, async {
            let command = json!({ "value": "exit 0" });
            scheduler.launch_command("good", command).await;
            for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
                assert_eq!(scheduler.update().await["state"], state);
            }
        });
        served.await.expect("a good framework is served in time");
        scheduler.cluster.stop().await;
        assert_eq!(panics(), before, "panics at the end");
    }
}

/// Sends bytes on a connection of their own and tells what comes of them. They are all sent, or as
/// many as the server takes before it answers or closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Outcome {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let (reader, mut writer) = stream.into_split();
    let writing = async {
        // It may be closed while there is more to send.
        let _ = writer.write_all(bytes).await;
        std::future::pending().await
    };
    tokio::select! {
        outcome = outcome(reader) => outcome,
        () = writing => unreachable!("it does not end"),
    }
}

/// What the server says first on a connection.
pub(crate) async fn outcome(mut reader: impl tokio::io::AsyncRead + Unpin) -> Outcome {
    let mut status_line = [0; 12];
    let read = timeout(TIMEOUT, reader.read_exact(&mut status_line));
    let read = read.await.expect("the server answers or closes in time");
    if read.is_err() {
        return Outcome::Closed;
    }
    let status = status_line.strip_prefix(b"HTTP/1.1 ");
    let status = status.and_then(|digits| str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok());
    Outcome::Answered(status.unwrap_or_else(|| panic!("no status in {status_line:?}")))
}

/// The connection is closed by the server, whatever it says before.
pub(crate) async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(TIMEOUT, stream.read_to_end(&mut rest));
    // A reset will do.
    let _ = read.await.expect("the server closes it in time");
}

/// The head of a POST.
pub(crate) fn head(path: &str, content_type: &str, length: impl std::fmt::Display) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// A POST.
pub(crate) fn post(path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = head(path, content_type, body.len()).into_bytes();
    request.extend(body);
    request
}

/// A refusal of what is wrong with a request, or the end of a connection.
#[track_caller]
pub(crate) fn check_refused(outcome: Outcome, sent: impl std::fmt::Display) {
    let is_refused = match outcome {
        Outcome::Answered(status) => (400..500).contains(&status),
        Outcome::Closed => true,
    };
    assert!(is_refused, "{outcome:?} to {sent:.300}");
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const PROTOBUF: &str = "application/x-protobuf";

/// The smallest SUBSCRIBE.
const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"nobody","name":"it","roles":["it"],"failover_timeout":60.0,"capabilities":[{"type":"MULTI_ROLE"}]}}}"#;

/// A subscribed framework that hears nothing of its events.
pub(crate) struct Subscribed {
    pub(crate) stream: Connection,
    pub(crate) stream_id: String,
    pub(crate) framework_id: String,
}

impl Subscribed {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let mut stream = Connection::open(address).await;
        let headers = [("Content-Type", JSON), ("Accept", JSON)];
        stream.post("/api/v1/scheduler", &headers, SUBSCRIBE).await;
        let head = stream.head().await;
        assert_eq!(head.status, 200);
        let stream_id = head.header("Mesos-Stream-Id").expect("a stream id");
        let stream_id = stream_id.to_owned();
        let subscribed = stream.record().await.expect("SUBSCRIBED");
        let framework_id = &subscribed["subscribed"]["framework_id"]["value"];
        Self {
            stream,
            stream_id,
            framework_id: framework_id.as_str().expect("an id").to_owned(),
        }
    }
}

/// How many panics there were in the code of this crate, in any thread. Those of tests that fail
/// elsewhere are not counted.
fn panics() -> usize {
    static COUNTED: Once = Once::new();
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    COUNTED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            let is_of_tests = file.contains("tests/") || file.contains("testkit");
            PANICS.fetch_add(usize::from(!is_of_tests), Ordering::Relaxed);
            before(panic);
        }));
    });
    PANICS.load(Ordering::Relaxed)
}
