//! The master over real connections: single requests, and whole recordings of a real master.

mod operator;
mod replay;

use expect_test::expect;
use mesos::resources::Resources;
use testkit::http::Connection;

use super::*;
use crate::core::wire::ToAgent;
use crate::member::Member;

/// A master with one agent that registers and then does nothing.
pub(super) struct Fixture {
    pub(super) master: Member,
    pub(super) address: SocketAddr,
    switchboard: Switchboard,
    to_master: queue::Sender<(AgentIndex, ToMaster)>,
    from_master: queue::Receiver<ToAgent>,
}

impl Fixture {
    pub(super) async fn start(resources: &str) -> Self {
        Self::start_agent(agent(resources)).await
    }

    /// With this agent.
    pub(super) async fn start_agent(agent: v1::AgentInfo) -> Self {
        let mut fixture = Self::without_agent().await;
        fixture.say(register(agent));
        let registered = fixture.from_master.recv().await;
        assert!(matches!(registered, Some(ToAgent::Registered { .. })));
        fixture
    }

    pub(super) async fn without_agent() -> Self {
        let config = MasterConfig {
            timeouts: Timeouts::default(),
            hostname: "localhost".to_owned(),
            domain: None,
            authentication: None,
            election: Election::InProcess,
            allocation_interval: Duration::from_millis(20),
            faults: None,
            seed: 7,
        };
        let switchboard = Switchboard::new(Faults::default());
        let mut links = switchboard.follow(AgentIndex(0));
        let mut master = Member::new(config, 0).expect("a port of loopback");
        master.start(&switchboard).expect("it is free");
        let address = master.address();
        let link = links.recv().await.expect("a link to the master");
        Self {
            master,
            address,
            switchboard,
            to_master: link.to_master,
            from_master: link.from_master,
        }
    }

    fn say(&self, message: ToMaster) {
        self.to_master.send((AgentIndex(0), message));
    }
}

/// An agent with these resources.
fn agent(resources: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: "localhost".to_owned(),
        port: Some(5051),
        resources: Resources::parse(resources).expect("resources").to_wire(),
        ..Default::default()
    }
}

/// A first registration.
fn register(agent: v1::AgentInfo) -> ToMaster {
    ToMaster::Register {
        checkpointed: None,
        agent,
        frameworks: vec![],
        executors: vec![],
        tasks: vec![],
        shown: vec![],
    }
}

const SUBSCRIBE: &str = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","failover_timeout":60}}}"#;

async fn subscribe(fixture: &Fixture) -> (Connection, String, String) {
    let mut connection = Connection::open(fixture.address).await;
    connection
        .post(
            "/api/v1/scheduler",
            &[("Content-Type", "application/json")],
            SUBSCRIBE,
        )
        .await;
    let head = connection.head().await;
    assert_eq!(head.status, 200);
    let stream_id = head
        .header("Mesos-Stream-Id")
        .expect("a stream id")
        .to_owned();
    let subscribed = connection.record().await.expect("a record");
    let id = subscribed["subscribed"]["framework_id"]["value"]
        .as_str()
        .expect("an id");
    (connection, stream_id, id.to_owned())
}

#[tokio::test]
async fn a_subscriber_gets_one_chunk_for_each_record_and_calls_on_another_connection() {
    let mut fixture = Fixture::start("cpus:1;mem:64").await;
    let (mut stream, stream_id, id) = subscribe(&fixture).await;
    assert_eq!(
        stream.record().await.expect("a record")["type"],
        "HEARTBEAT"
    );
    let offers = stream.record().await.expect("a record");
    let agent_id = offers["offers"]["offers"][0]["agent_id"]["value"]
        .as_str()
        .expect("an id");

    let mut calls = Connection::open(fixture.address).await;
    let headers = [
        ("Content-Type", "application/json"),
        ("Mesos-Stream-Id", &*stream_id),
    ];
    let message = format!(
        r#"{{"type":"MESSAGE","framework_id":{{"value":"{id}"}},"message":{{"agent_id":{{"value":"{agent_id}"}},"executor_id":{{"value":"e"}},"data":"aGk="}}}}"#
    );
    calls.post("/api/v1/scheduler", &headers, &message).await;
    let head = calls.head().await;
    assert_eq!(
        (head.status, head.header("Content-Length")),
        (202, Some("0"))
    );
    assert_eq!(head.header("Content-Type"), None);
    let sent = fixture.from_master.recv().await;
    assert!(matches!(sent, Some(ToAgent::FrameworkMessage { data, .. }) if data == "hi"));

    fixture.say(ToMaster::FrameworkMessage {
        framework_id: id.as_str().into(),
        executor_id: "e".into(),
        data: "ho".into(),
    });
    assert_eq!(
        stream.record().await.expect("a record")["message"]["data"],
        "aG8="
    );

    let teardown = format!(r#"{{"type":"TEARDOWN","framework_id":{{"value":"{id}"}}}}"#);
    calls.post("/api/v1/scheduler", &headers, &teardown).await;
    assert_eq!(calls.head().await.status, 202);
    assert_eq!(stream.record().await, None, "the stream has a clean end");
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let fixture = Fixture::start("cpus:1;mem:64").await;
    let (stream, _, id) = subscribe(&fixture).await;
    drop(stream);
    // Once it is noticed, coming back makes the agent send its updates again, without a takeover.
    let mut connection = Connection::open(fixture.address).await;
    let revive = format!(r#"{{"type":"REVIVE","framework_id":{{"value":"{id}"}}}}"#);
    loop {
        connection
            .post(
                "/api/v1/scheduler",
                &[("Content-Type", "application/json")],
                &revive,
            )
            .await;
        let head = connection.head().await;
        let text = connection.body(&head).await;
        if head.status == 403 {
            assert_eq!(text, "Framework is not subscribed");
            break;
        }
        assert_eq!(head.status, 400, "its stream id is missed until then");
    }
}

#[tokio::test]
async fn the_other_endpoints_answer() {
    let fixture = Fixture::start("cpus:1;mem:64").await;
    let mut transcript = String::new();
    for path in [
        "/version",
        "/master/version",
        "/health",
        "/redirect",
        "/api/v1",
        "/api/v1/scheduler/x/",
        "/nothing/here",
        "/version/../x",
        "/",
    ] {
        let mut connection = Connection::open(fixture.address).await;
        connection
            .send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await;
        let head = connection.head().await;
        let body = connection.body(&head).await;
        transcript += &format!("{path}: {} {body}\n", head.status);
    }
    expect![[r#"
        /version: 200 {"build_date":"2024-08-23 00:00:00 UTC","build_time":1724371200.0,"build_user":"","git_branch":"refs/heads/master","git_sha":"c1b42f79d157aa900be5cbb0c1023f1479962aa7","version":"1.12.0"}
        /master/version: 404 404 Not Found.
        /health: 200 
        /redirect: 307 
        /api/v1: 405 405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.
        /api/v1/scheduler/x/: 405 405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.
        /nothing/here: 404 404 Not Found.
        /version/../x: 404 404 Not Found.
        /: 404 404 Not Found.
    "#]].assert_eq(&transcript);
}

#[tokio::test]
async fn a_stopped_master_cuts_its_streams() {
    let mut fixture = Fixture::start("cpus:1;mem:64").await;
    let (mut stream, ..) = subscribe(&fixture).await;
    fixture.master.stop().await;
    while stream.record().await.is_some() {}
}

#[tokio::test]
async fn what_an_agent_said_comes_before_its_departure() {
    let fixture = Fixture::start("cpus:1;mem:64").await;
    // All of it is there before the master runs again; by chance alone it would not be in order.
    for index in 1..=16 {
        let registration = (AgentIndex(index), register(agent("cpus:1;mem:64")));
        fixture.to_master.send(registration);
        let departure = Departure::Disconnected(AgentIndex(index));
        fixture.switchboard.lose_agent(departure).await;
    }
    let (mut stream, ..) = subscribe(&fixture).await;
    let heartbeat = stream.record().await.expect("a record");
    assert_eq!(heartbeat["type"], "HEARTBEAT");
    let offers = stream.record().await.expect("a record");
    let offers = offers["offers"]["offers"].as_array().expect("offers");
    assert_eq!(offers.len(), 1, "of the agent that is there");
}
