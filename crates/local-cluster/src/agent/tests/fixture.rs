//! A registered agent between a master, which is the test, and an executor, of which the test makes
//! the calls.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::{CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus};
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::agent::{AgentConfig, AgentHandle, spawn};
use crate::core::wire::{AgentIndex, ToAgent, ToMaster};
use crate::queue;
use crate::switchboard::MasterLink;

/// A registered agent and its master's ends of the channels.
pub(super) struct Fixture {
    pub(super) agent: AgentHandle,
    pub(super) to_agent: queue::Sender<ToAgent>,
    from_agent: queue::Receiver<(AgentIndex, ToMaster)>,
    pub(super) work_dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
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
            reregistration_timeout: Duration::from_secs(2),
            recovery_timeout: Duration::from_mins(15),
            shutdown_grace: Duration::from_millis(50),
            authentication: None,
            domain_socket: None,
            executor_environment: BTreeMap::new(),
            ping_timeout: Duration::from_secs(75),
            simulated_at: None,
            seed: 7,
        };
        let (links, agent_links) = mpsc::unbounded_channel();
        links
            .send(MasterLink {
                to_master,
                from_master,
            })
            .unwrap();
        let agent = spawn(config, AgentIndex(3), agent_links).await.unwrap();
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
    pub(super) fn run(&self, task: &str, script: &str, launch_executor: bool) {
        let message = run_tasks(task, script, launch_executor);
        self.to_agent.send(message);
    }

    /// The next message to the master.
    pub(super) async fn heard(&mut self) -> ToMaster {
        let message = tokio::time::timeout(Duration::from_secs(60), self.from_agent.recv()).await;
        message
            .expect("a message in time")
            .expect("the agent lives")
            .1
    }

    pub(super) async fn update(&mut self) -> TaskStatus {
        match self.heard().await {
            ToMaster::StatusUpdate { status, .. } => status,
            other => panic!("expected an update, found {other:?}"),
        }
    }

    pub(super) async fn post(&self, body: &str) -> (u16, String) {
        self.request(&format!("POST /api/v1/executor HTTP/1.1\r\n{JSON}"), body)
            .await
    }

    /// Sends a request on a connection of its own; status and body of the answer.
    pub(super) async fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = self.send(head, body, "Connection: close\r\n").await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    pub(super) async fn send(&self, head: &str, body: &str, connection: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.agent.address()).await.unwrap();
        let length = body.len();
        let text = format!("{head}Host: a\r\n{connection}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    pub(super) async fn subscribe(&self) -> Events {
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
    pub(super) async fn subscribe_when_launched(&self) -> Events {
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

pub(super) fn run_tasks(task: &str, script: &str, launch_executor: bool) -> ToAgent {
    let command = CommandInfo {
        value: Some(script.to_owned()),
        ..CommandInfo::default()
    };
    ToAgent::RunTasks {
        framework: FrameworkInfo {
            id: Some(FrameworkId::from("f").into()),
            ..FrameworkInfo::default()
        },
        executor: Some(ExecutorInfo {
            executor_id: ExecutorId::from("ex").into(),
            command: Some(command),
            ..ExecutorInfo::default()
        }),
        tasks: vec![TaskInfo {
            task_id: TaskId::from(task).into(),
            ..TaskInfo::default()
        }],
        group: false,
        launch_executor,
    }
}

/// The events of a SUBSCRIBE.
pub(super) struct Events {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event: one chunk that is one record. Empty at the end of the stream.
    pub(super) async fn next(&mut self) -> String {
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

pub(super) const JSON: &str = "Content-Type: application/json\r\nAccept: application/json\r\n";

/// The JSON of a call of `ex`.
pub(super) fn call(r#type: &str, body: &str) -> String {
    format!(
        r#"{{"executor_id":{{"value":"ex"}},"framework_id":{{"value":"f"}},"type":"{type}"{body}}}"#
    )
}

/// The JSON of a message.
pub(super) fn message() -> String {
    call("MESSAGE", r#","message":{"data":"QQ=="}"#)
}

pub(super) fn accepted() -> (u16, String) {
    (202, String::new())
}
