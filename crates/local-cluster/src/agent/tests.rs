//! A whole agent: the master is the test, the executor is a process of which the test makes the
//! calls.

use mesos::v1::{CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use rustix::process::{Pid, test_kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::core::agent::{Body, Call};

/// A registered agent and its master's ends of the channels.
struct Fixture {
    agent: AgentHandle,
    to_agent: queue::Sender<ToAgent>,
    from_agent: queue::Receiver<(AgentIndex, ToMaster)>,
    work_dir: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let work_dir = tempfile::tempdir().unwrap();
        let (to_master, mut from_agent) = queue::queue();
        let (to_agent, from_master) = queue::queue();
        let config = AgentConfig {
            hostname: "localhost".to_owned(),
            resources: Vec::new(),
            attributes: Vec::new(),
            domain: None,
            work_dir: work_dir.path().to_owned(),
            registration_timeout: Duration::from_mins(1),
            shutdown_grace: Duration::from_millis(50),
            seed: 7,
        };
        let agent = spawn(config, AgentIndex(3), to_master, from_master)
            .await
            .unwrap();
        let (index, message) = from_agent.recv().await.unwrap();
        assert_eq!(index, AgentIndex(3));
        assert!(matches!(message, ToMaster::Register { .. }));
        to_agent.send(ToAgent::Registered {
            agent_id: AgentId::from("m-S0"),
        });
        Self {
            agent,
            to_agent,
            from_agent,
            work_dir,
        }
    }

    /// Launches a task on executor `ex` of framework `f`.
    fn run(&self, task: &str, script: &str, launch_executor: bool) {
        let message = run_tasks(task, script, launch_executor);
        self.to_agent.send(message);
    }

    /// The next message to the master.
    async fn heard(&mut self) -> ToMaster {
        let message = tokio::time::timeout(Duration::from_secs(60), self.from_agent.recv()).await;
        message
            .expect("a message in time")
            .expect("the agent lives")
            .1
    }

    async fn update(&mut self) -> TaskStatus {
        match self.heard().await {
            ToMaster::StatusUpdate { status, .. } => status,
            other => panic!("expected an update, found {other:?}"),
        }
    }

    async fn post(&self, body: &str) -> (u16, String) {
        self.request(&format!("POST /api/v1/executor HTTP/1.1\r\n{JSON}"), body)
            .await
    }

    /// Sends a request on a connection of its own; status and body of the answer.
    async fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = self.send(head, body, "Connection: close\r\n").await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    async fn send(&self, head: &str, body: &str, connection: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.agent.address()).await.unwrap();
        let length = body.len();
        let text = format!("{head}Host: a\r\n{connection}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn subscribe(&self) -> Events {
        let head = "POST /slave(1)/api/v1/executor HTTP/1.1\r\nContent-Type: application/json\r\n";
        let body = call("SUBSCRIBE", r#","subscribe":{}"#);
        let mut stream = Events {
            stream: self.send(head, &body, "").await,
            buffer: Vec::new(),
        };
        let head = stream.read_until(b"\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains("Content-Type: application/json\r\n"),
            "{head}"
        );
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        assert!(!head.contains("Stream-Id"), "{head}");
        stream
    }

    /// Subscribes as soon as the agent knows the executor: its messages and calls come on
    /// different ways.
    async fn subscribe_when_launched(&self) -> Events {
        loop {
            let (status, text) = self.post(&message()).await;
            match status {
                403 => return self.subscribe().await,
                400 => assert_eq!(text, "Framework cannot be found"),
                other => panic!("{other} {text}"),
            }
        }
    }
}

fn run_tasks(task: &str, script: &str, launch_executor: bool) -> ToAgent {
    let command = CommandInfo {
        value: Some(script.to_owned()),
        ..CommandInfo::default()
    };
    ToAgent::RunTasks {
        framework: FrameworkInfo {
            id: Some(FrameworkId::from("f").into()),
            ..FrameworkInfo::default()
        },
        executor: ExecutorInfo {
            executor_id: ExecutorId::from("ex").into(),
            command: Some(command),
            ..ExecutorInfo::default()
        },
        tasks: vec![TaskInfo {
            task_id: TaskId::from(task).into(),
            ..TaskInfo::default()
        }],
        group: false,
        launch_executor,
    }
}

/// The events of a SUBSCRIBE.
struct Events {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event: one chunk that is one record. Empty at the end of the stream.
    async fn next(&mut self) -> String {
        let length = self.read_until(b"\r\n").await;
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        let chunk = self.read_exactly(length + 2).await;
        let Some((digits, record)) = chunk.trim_end_matches("\r\n").split_once('\n') else {
            return String::new();
        };
        assert_eq!(
            digits.parse::<usize>().unwrap(),
            record.len(),
            "one record in a chunk"
        );
        record.to_owned()
    }

    async fn read_until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(at) = self
                .buffer
                .windows(end.len())
                .position(|window| window == end)
            {
                return String::from_utf8(self.buffer.drain(..at + end.len()).collect()).unwrap();
            }
            self.read_more().await;
        }
    }

    async fn read_exactly(&mut self, length: usize) -> String {
        while self.buffer.len() < length {
            self.read_more().await;
        }
        String::from_utf8(self.buffer.drain(..length).collect()).unwrap()
    }

    async fn read_more(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer);
        let read = tokio::time::timeout(Duration::from_secs(60), read).await;
        assert_ne!(
            read.expect("bytes in time").unwrap(),
            0,
            "the connection has ended"
        );
    }
}

const JSON: &str = "Content-Type: application/json\r\nAccept: application/json\r\n";

/// The JSON of a call of `ex`.
fn call(r#type: &str, body: &str) -> String {
    format!(
        r#"{{"executor_id":{{"value":"ex"}},"framework_id":{{"value":"f"}},"type":"{type}"{body}}}"#
    )
}

/// The JSON of a message.
fn message() -> String {
    call("MESSAGE", r#","message":{"data":"QQ=="}"#)
}

fn accepted() -> (u16, String) {
    (202, String::new())
}

#[tokio::test]
async fn a_task_lives_on_a_real_agent() {
    let mut fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    fixture.run("t2", "sleep 1000", false);
    let mut events = fixture.subscribe_when_launched().await;
    let subscribed = events.next().await;
    assert!(subscribed.starts_with(r#"{"type":"SUBSCRIBED","subscribed":{"executor_info":"#));
    assert!(
        subscribed.contains(r#""agent_info":{"hostname":"localhost","#),
        "{subscribed}"
    );
    assert!(events.next().await.contains(r#""task_id":{"value":"t1"}"#));
    assert!(events.next().await.contains(r#""task_id":{"value":"t2"}"#));

    let status = r#","update":{"status":{"task_id":{"value":"t1"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"2MDPvT42R3q6bDHo3SaNAQ=="}}"#;
    assert_eq!(fixture.post(&call("UPDATE", status)).await, accepted());
    let update = fixture.update().await;
    assert_eq!(update.state(), TaskState::TaskRunning);
    let container = update.container_status.expect("what the agent knows of it");
    assert!(container.executor_pid.is_some());
    assert_eq!(
        events.next().await,
        r#"{"type":"ACKNOWLEDGED","acknowledged":{"task_id":{"value":"t1"},"uuid":"2MDPvT42R3q6bDHo3SaNAQ=="}}"#
    );

    assert_eq!(fixture.post(&message()).await, accepted());
    assert!(matches!(
        fixture.heard().await,
        ToMaster::FrameworkMessage { .. }
    ));
    fixture.to_agent.send(ToAgent::ShutdownExecutor {
        framework_id: "f".into(),
        executor_id: "ex".into(),
    });
    assert_eq!(events.next().await, r#"{"type":"SHUTDOWN"}"#);
    // It does not obey.
    assert_eq!(
        fixture.heard().await,
        ToMaster::ExecutorExited {
            framework_id: "f".into(),
            executor_id: "ex".into(),
            status: 9
        }
    );
    // The end of t1 waits for the acknowledgement of its RUNNING.
    let acknowledge = ToAgent::AcknowledgeUpdate {
        framework_id: "f".into(),
        task_id: "t1".into(),
        uuid: update.uuid.unwrap(),
    };
    fixture.to_agent.send(acknowledge);
    let mut failed = [fixture.update().await, fixture.update().await];
    failed.sort_by(|left, right| left.task_id.value.cmp(&right.task_id.value));
    assert!(
        failed
            .iter()
            .all(|status| status.state() == TaskState::TaskFailed)
    );
    assert_eq!(events.next().await, "", "the stream ends well");
    fixture.agent.stop().await;
}

#[tokio::test]
async fn a_stopped_agent_leaves_no_process() {
    let fixture = Fixture::new().await;
    fixture.run(
        "t1",
        "echo $$ > pid.new; mv pid.new pid; trap '' TERM; sleep 1000; sleep 1",
        true,
    );
    let latest = fixture
        .work_dir
        .path()
        .join("slaves/m-S0/frameworks/f/executors/ex/runs/latest");
    let pid = latest.join("pid");
    let written = async {
        while !pid.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written)
        .await
        .expect("the executor started");
    let pid: i32 = std::fs::read_to_string(pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    fixture.agent.stop().await;
    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err());
}

#[tokio::test]
async fn wrong_calls_are_answered_as_recorded() {
    let fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    let mut events = fixture.subscribe_when_launched().await;
    events.next().await;
    assert_eq!(fixture.post(&message()).await, accepted());

    let post = "POST /api/v1/executor HTTP/1.1\r\n";
    let heads = [
        (
            "GET /api/v1/executor HTTP/1.1\r\n".to_owned(),
            405,
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
        ),
        (
            post.to_owned(),
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            format!("{post}Content-Type: application/json; charset=utf-8\r\n"),
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            format!("{post}Content-Type: application/x-protobuf\r\n"),
            400,
            "Failed to parse body into Call protobuf",
        ),
        ("POST /nope HTTP/1.1\r\n".to_owned(), 404, "404 Not Found."),
        (
            "POST /api/v1 HTTP/1.1\r\n".to_owned(),
            501,
            "501 Not Implemented.",
        ),
    ];
    for (head, status, text) in heads {
        assert_eq!(
            fixture.request(&head, &message()).await,
            (status, text.to_owned()),
            "{head}"
        );
    }

    let prefix = "Failed to validate Executor::Call: ";
    let converting = "Failed to convert JSON into Call protobuf: ";
    let update = |status: &str| call("UPDATE", &format!(r#","update":{{"status":{{{status}}}}}"#));
    let running = r#""task_id":{"value":"t1"},"state":"TASK_RUNNING""#;
    let bodies = [
        (
            "garbage".to_owned(),
            400,
            "Failed to parse body into JSON: syntax error at line 1 near: garbage".to_owned(),
        ),
        (
            r#"{"type":"HEARTBEAT"}"#.to_owned(),
            400,
            format!("{converting}Missing required fields: executor_id, framework_id"),
        ),
        (
            call("NOPE", ""),
            400,
            format!("{prefix}Expecting 'type' to be present"),
        ),
        (call("UNKNOWN", ""), 501, "501 Not Implemented.".to_owned()),
        (
            call("SUBSCRIBE", ""),
            400,
            format!("{prefix}Expecting 'subscribe' to be present"),
        ),
        (
            call("MESSAGE", ""),
            400,
            format!("{prefix}Expecting 'message' to be present"),
        ),
        (
            call("MESSAGE", r#","message":{}"#),
            400,
            format!("{converting}Missing required fields: message.data"),
        ),
        (
            call("UPDATE", ""),
            400,
            format!("{prefix}Expecting 'update' to be present"),
        ),
        (
            update(running),
            400,
            format!("{prefix}Expecting 'uuid' to be present"),
        ),
        (
            update(r#""task_id":{"value":"t1"},"state":"TASK_NOPE""#),
            400,
            format!("{converting}Failed to find enum for 'TASK_NOPE'"),
        ),
        (
            update(r#""state":"TASK_RUNNING""#),
            400,
            format!("{converting}Missing required fields: update.status.task_id"),
        ),
        (
            message().replace(r#""f""#, r#""nope""#),
            400,
            "Framework cannot be found".to_owned(),
        ),
        (
            message().replace(r#""ex""#, r#""nope""#),
            400,
            "Executor cannot be found".to_owned(),
        ),
        (
            call("HEARTBEAT", "").replace(r#""ex""#, r#""nope""#),
            202,
            String::new(),
        ),
    ];
    for (body, status, text) in bodies {
        assert_eq!(fixture.post(&body).await, (status, text), "{body}");
    }
    let html = format!("{post}Content-Type: application/json\r\nAccept: text/html\r\n");
    assert_eq!(
        fixture
            .request(&html, &call("SUBSCRIBE", r#","subscribe":{}"#))
            .await,
        (
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'".to_owned()
        )
    );
    assert_eq!(
        fixture.request(&html, &call("HEARTBEAT", "")).await,
        accepted()
    );
    fixture.agent.stop().await;
}

#[tokio::test]
async fn a_second_subscribe_ends_the_first_stream_without_a_word() {
    let fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    let mut first = fixture.subscribe_when_launched().await;
    assert!(first.next().await.contains("SUBSCRIBED"));
    assert!(first.next().await.contains("LAUNCH"));
    let mut second = fixture.subscribe().await;
    assert_eq!(first.next().await, "");
    assert!(second.next().await.contains("SUBSCRIBED"));
    fixture.agent.stop().await;
}

/// A machine with the running task t1, and the container of its executor.
fn machine_with_a_task() -> (Agent, ContainerId) {
    let now = Instant::now();
    let mut machine = Agent::new(Config {
        info: v1::AgentInfo::default(),
        ip: Ipv4Addr::LOCALHOST,
        registration_timeout: Duration::from_mins(1),
        shutdown_grace: Duration::from_secs(5),
        seed: 7,
        started: now,
        started_unix: Duration::ZERO,
    });
    let agent_id = AgentId::from("m-S0");
    for message in [
        ToAgent::Registered { agent_id },
        run_tasks("t1", "true", true),
    ] {
        machine.handle(now, Input::Master(Box::new(message)));
    }
    let launched = std::iter::from_fn(|| machine.poll_output()).find_map(|output| match output {
        Output::Launch(launch) => Some(launch.container_id),
        _ => None,
    });
    let container_id = launched.unwrap();
    let started = Input::Started {
        container_id: container_id.clone(),
        pid: 77,
    };
    machine.handle(now, started);
    let subscribe = Input::Call {
        request: RequestId(0),
        call: call_of(Body::Subscribe {
            unacknowledged_tasks: Vec::new(),
            unacknowledged_updates: Vec::new(),
        }),
    };
    machine.handle(now, subscribe);
    while machine.poll_output().is_some() {}
    (machine, container_id)
}

fn call_of(body: Body) -> Call {
    Call {
        framework_id: "f".into(),
        executor_id: "ex".into(),
        body,
    }
}

#[tokio::test]
async fn the_last_update_of_an_executor_comes_before_its_end() {
    // By chance alone it would not, every time.
    for _ in 0..16 {
        let (machine, container_id) = machine_with_a_task();
        let (to_master, mut from_agent) = queue::queue();
        let (_to_agent, from_master) = queue::queue();
        let (events, container_events) = mpsc::unbounded_channel();
        let (calls_to, calls) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let settings = Settings {
            endpoint: (Ipv4Addr::LOCALHOST, 1).into(),
            work_dir: PathBuf::from("/"),
            runtime: Handle::current(),
        };
        let driver = Driver {
            machine,
            index: AgentIndex(0),
            to_master,
            containerizer: Containerizer::new(settings, events.clone()),
            replies: BTreeMap::new(),
            streams: BTreeMap::new(),
            last_request: 0,
        };
        let finished = TaskStatus {
            task_id: TaskId::from("t1").into(),
            state: TaskState::TaskFinished.into(),
            source: Some(v1::task_status::Source::Executor.into()),
            uuid: Some(vec![7; 16].into()),
            ..TaskStatus::default()
        };
        let call = HttpCall {
            call: call_of(Body::Update(Box::new(finished))),
            encoding: Encoding::Json,
            reply: oneshot::channel().0,
        };
        calls_to.try_send(call).unwrap();
        let status = 0;
        let exited = ContainerEvent::Exited {
            container_id,
            status,
        };
        events.send(exited).unwrap();
        let sources = Sources {
            from_master,
            calls,
            container_events,
            commands: mpsc::unbounded_channel().1,
            stopped,
        };
        let running = tokio::spawn(driver.run(sources));
        match from_agent.recv().await.unwrap().1 {
            ToMaster::StatusUpdate { status, .. } => {
                assert_eq!(status.state(), TaskState::TaskFinished);
            }
            other => panic!("expected an update, found {other:?}"),
        }
        drop(stop);
        running.await.unwrap();
    }
}
