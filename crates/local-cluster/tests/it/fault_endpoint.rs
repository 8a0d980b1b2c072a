//! Faults that are asked for over HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, Fault, Happening, LocalCluster};
use serde_json::{Value, json};
use testkit::http::Connection;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A cluster with two agents that is asked for faults.
struct Asked {
    master: SocketAddr,
    agents: Vec<SocketAddr>,
    told: Arc<Mutex<Vec<Happening>>>,
    stop: oneshot::Sender<()>,
    kept: JoinHandle<()>,
}

impl Asked {
    async fn start(fault_endpoint: bool) -> Self {
        let agent = AgentConfig::new(Resources::parse("cpus:4;mem:1024").expect("valid"));
        let mut cluster = LocalCluster::start(ClusterConfig {
            fault_endpoint,
            ..ClusterConfig::new(vec![agent; 2])
        })
        .await
        .expect("a cluster");
        let told = Arc::default();
        let (stop, stopped) = oneshot::channel();
        Self {
            master: cluster.master_address(),
            agents: cluster.agent_addresses(),
            told: Arc::clone(&told),
            stop,
            kept: tokio::spawn(async move {
                let stopped = async {
                    let _ = stopped.await;
                };
                let tell = |happening: &Happening| told.lock().expect("whole").push(*happening);
                cluster.misbehave(None, stopped, tell).await;
                cluster.stop().await;
            }),
        }
    }

    async fn ask(&self, fault: Value) -> (u16, String) {
        post(self.master, "/faults", &fault).await
    }

    #[track_caller]
    fn is_told(&self, expected: &[&str]) {
        let told = self.told.lock().expect("whole");
        let told: Vec<_> = told.iter().map(|it| it.fault.to_string()).collect();
        assert_eq!(told, expected);
    }

    async fn stop(self) {
        drop(self.stop);
        self.kept.await.expect("it does not panic");
    }
}

async fn post(address: SocketAddr, path: &str, body: &Value) -> (u16, String) {
    let mut connection = Connection::open(address).await;
    let headers = [("Content-Type", "application/json")];
    connection.post(path, &headers, &body.to_string()).await;
    let head = connection.head().await;
    (head.status, connection.body(&head).await)
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut connection = Connection::open(address).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.send(request.as_bytes()).await;
    let head = connection.head().await;
    (head.status, connection.body(&head).await)
}

#[tokio::test]
async fn there_is_no_endpoint_unless_it_is_asked_for() {
    let asked = Asked::start(false).await;
    assert_eq!(get(asked.master, "/faults").await.0, 404);
    let fault = json!({ "fault": "cut_frameworks" });
    assert_eq!(asked.ask(fault).await.0, 404);
    asked.stop().await;
}

#[tokio::test]
async fn what_can_go_wrong_is_listed_and_what_cannot_is_refused() {
    let asked = Asked::start(true).await;
    let (status, listed) = get(asked.master, "/faults").await;
    assert_eq!(status, 200);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let listed = listed["faults"].as_array().expect("a list");
    let names: Vec<_> = listed.iter().map(|kind| kind["fault"].as_str()).collect();
    assert_eq!(names, Fault::KINDS.map(|kind| Some(kind.name)));
    let shrink = listed.iter().find(|kind| kind["fault"] == "shrink_agent");
    let fields = &shrink.expect("it is listed")["fields"];
    assert_eq!(fields["percent"], "a whole number up to 100");

    for (fault, expected) in [
        (
            json!({ "fault": "fire" }),
            "no fault is called `fire`, only messages",
        ),
        (
            json!({ "fault": "stop_agent" }),
            "`agent` is missing: the number of an agent",
        ),
        (
            json!({ "fault": "stop_agent", "agent": 2 }),
            "`agent=2` is not the number of an agent: there are 2",
        ),
    ] {
        let (status, text) = asked.ask(fault).await;
        assert_eq!(status, 400);
        assert!(text.starts_with(expected), "{text}");
    }
    let mut connection = Connection::open(asked.master).await;
    connection
        .send(b"PUT /faults HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(connection.head().await.status, 405);
    asked.is_told(&[]);
    asked.stop().await;
}

#[tokio::test]
async fn a_fault_has_been_made_when_it_is_answered() {
    let asked = Asked::start(true).await;
    let stop = json!({ "fault": "stop_agent", "agent": 1 });
    let (status, text) = asked.ask(stop).await;
    assert_eq!((status, &*text), (200, r#"{"fault":"stop_agent agent=1"}"#));
    let refused = TcpStream::connect(asked.agents[1]).await;
    assert!(refused.is_err(), "nobody listens any more");
    let start = json!({ "fault": "start_agent", "agent": 1 });
    assert_eq!(asked.ask(start).await.0, 200);
    assert_eq!(get(asked.agents[1], "/health").await.0, 200);

    let unavailable = json!({ "fault": "unavailable", "for_ms": 600_000 });
    assert_eq!(asked.ask(unavailable).await.0, 200);
    let subscribe = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": {
        "user": "nobody", "name": "it",
    }}});
    let (status, text) = post(asked.master, "/api/v1/scheduler", &subscribe).await;
    assert_eq!((status, &*text), (503, "Master has not finished recovery"));
    asked.is_told(&[
        "stop_agent agent=1",
        "start_agent agent=1",
        "unavailable for_ms=600000",
    ]);
    asked.stop().await;
}

#[tokio::test]
async fn a_master_that_is_to_fail_over_says_so_before() {
    let asked = Asked::start(true).await;
    for _ in 0..3 {
        let (status, text) = asked.ask(json!({ "fault": "fail_over_master" })).await;
        assert_eq!((status, &*text), (202, r#"{"fault":"fail_over_master"}"#));
        // It takes the next one when it is there again.
        while TcpStream::connect(asked.master).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    asked.is_told(&["fail_over_master"; 3]);
    asked.stop().await;
}

#[tokio::test]
async fn every_kind_can_be_asked_for() {
    let asked = Asked::start(true).await;
    for kind in &Fault::KINDS {
        let fields = kind.fields.iter().map(|field| {
            let value = match field.name {
                "agent" => json!(1),
                "for_ms" | "delay_max_ms" | "pick" | "percent" => json!(50),
                _ => json!(0.2),
            };
            (field.name.to_owned(), value)
        });
        let mut fault: serde_json::Map<_, _> = fields.collect();
        fault.insert("fault".to_owned(), json!(kind.name));
        let (status, text) = asked.ask(fault.into()).await;
        assert!(matches!(status, 200 | 202), "{status} {text}");
    }
    asked.stop().await;
}
