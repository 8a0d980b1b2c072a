//! The framework and the executor of a scene, as far as they have to be there.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Step;
use crate::event::Event;
use crate::executor::Executor;
use crate::wire::{self, Connection, Head, Item};

/// The id of the one executor.
pub(super) const EXECUTOR: &str = "ex1";

/// A framework with one executor at most.
pub(in crate::player) struct Cast {
    agent: SocketAddr,
    framework: Voice,
    framework_id: Value,
    info: Value,
    agent_id: Value,
    executor: Option<Voice>,
    /// The uuid of the last update that the framework has heard of each task.
    heard: BTreeMap<String, Value>,
    /// The number of the last update, from which its uuid is made.
    updates: u32,
}

impl Cast {
    /// A framework that has subscribed and has an offer.
    pub(super) async fn subscribe(
        master: SocketAddr,
        agent: SocketAddr,
        deadline: Instant,
    ) -> Result<Self, String> {
        let capabilities = [
            "MULTI_ROLE",
            "RESERVATION_REFINEMENT",
            "PARTITION_AWARE",
            "TASK_KILLING_STATE",
        ];
        let capabilities = capabilities.map(|name| json!({"type": name}));
        let info = json!({
            "user": "root", "name": "rec", "roles": ["rec"],
            "capabilities": capabilities, "failover_timeout": 3600.0,
        });
        let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let path = "/api/v1/scheduler";
        let mut framework = Voice::subscribe(master, path, &subscribe, deadline).await?;
        let subscribed = framework.event("SUBSCRIBED", deadline).await?;
        Ok(Self {
            agent,
            framework,
            framework_id: subscribed["framework_id"].clone(),
            info,
            agent_id: Value::Null,
            executor: None,
            heard: BTreeMap::new(),
            updates: 0,
        })
    }

    /// Launches tasks on a new executor, in the next offer.
    pub(super) async fn launch(
        &mut self,
        program: &Path,
        tasks: &[&str],
        cpus: f64,
        mem: f64,
        deadline: Instant,
    ) -> Result<(), String> {
        let offers = self.framework.event("OFFERS", deadline).await?;
        let offer = &offers["offers"][0];
        self.agent_id = offer["agent_id"].clone();
        let executor = json!({
            "type": "CUSTOM",
            "executor_id": {"value": EXECUTOR},
            "framework_id": self.framework_id,
            "command": {"shell": false, "value": program, "arguments": ["executor"]},
            "resources": resources(0.1, 32.0),
            "name": "rec",
        });
        let tasks = tasks.iter().map(|task| {
            json!({
                "name": task,
                "task_id": {"value": task},
                "agent_id": self.agent_id,
                "resources": resources(cpus, mem),
                "executor": executor,
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let accept = json!({
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
            "filters": {"refuse_seconds": 0.0},
        });
        self.call("ACCEPT", json!({"accept": accept}), deadline)
            .await
    }

    /// The executor process is there: it subscribes and is given its tasks.
    pub(super) async fn welcome(
        &mut self,
        executor: &Executor,
        tasks: usize,
        deadline: Instant,
    ) -> Result<(), String> {
        let environment = &executor.process["env"];
        let id = |name: &str| json!({"value": environment[name]});
        let mut subscribe = self.of_executor("SUBSCRIBE", json!({"subscribe": {}}));
        subscribe["framework_id"] = id("MESOS_FRAMEWORK_ID");
        let path = "/api/v1/executor";
        let mut voice = Voice::subscribe(self.agent, path, &subscribe, deadline).await?;
        voice.event("SUBSCRIBED", deadline).await?;
        for _ in 0..tasks {
            voice.event("LAUNCH", deadline).await?;
        }
        self.executor = Some(voice);
        Ok(())
    }

    pub(super) async fn take(&mut self, step: Step, deadline: Instant) -> Result<(), String> {
        match step {
            Step::Update {
                task,
                state,
                message,
            } => self.update(task, state, message, deadline).await,
            Step::Acknowledge(task) => {
                let acknowledge = json!({
                    "agent_id": self.agent_id,
                    "task_id": {"value": task},
                    "uuid": self.heard.get(task),
                });
                let body = json!({"acknowledge": acknowledge});
                self.call("ACKNOWLEDGE", body, deadline).await
            }
            // The rest comes at once, and what becomes free later would come in an offer more.
            Step::TakeRest => {
                self.call("REVIVE", json!({}), deadline).await?;
                self.framework.event("OFFERS", deadline).await?;
                self.call("SUPPRESS", json!({}), deadline).await
            }
            Step::Rename => {
                self.info["name"] = "renamed".into();
                self.info["id"] = self.framework_id.clone();
                let update = json!({"framework_info": self.info});
                let body = json!({"update_framework": update});
                self.call("UPDATE_FRAMEWORK", body, deadline).await
            }
            Step::Teardown => self.call("TEARDOWN", json!({}), deadline).await,
            other => Err(format!("{other:?} is not for a framework")),
        }
    }

    async fn update(
        &mut self,
        task: &str,
        state: &str,
        message: Option<&str>,
        deadline: Instant,
    ) -> Result<(), String> {
        self.updates += 1;
        let status = json!({
            "task_id": {"value": task},
            "state": state,
            "message": message,
            "source": "SOURCE_EXECUTOR",
            "executor_id": {"value": EXECUTOR},
            "uuid": uuid(self.updates),
        });
        let update = self.of_executor("UPDATE", json!({"update": {"status": status}}));
        let executor = self.executor.as_mut().ok_or("no executor")?;
        expect(executor.call(&update, deadline).await?, 202)?;
        let heard = self.framework.event("UPDATE", deadline).await?;
        let status = &heard["status"];
        if status["task_id"]["value"] != task || status["state"] != state {
            return Err(format!("the framework has heard {heard}"));
        }
        self.heard.insert(task.to_owned(), status["uuid"].clone());
        Ok(())
    }

    /// A call of the framework, which is taken.
    async fn call(&mut self, kind: &str, body: Value, deadline: Instant) -> Result<(), String> {
        let mut call = body;
        call["type"] = kind.into();
        call["framework_id"] = self.framework_id.clone();
        // UPDATE_FRAMEWORK alone is answered.
        let status = if kind == "UPDATE_FRAMEWORK" { 200 } else { 202 };
        expect(self.framework.call(&call, deadline).await?, status)
    }

    fn of_executor(&self, kind: &str, body: Value) -> Value {
        let mut call = body;
        call["type"] = kind.into();
        call["framework_id"] = self.framework_id.clone();
        call["executor_id"] = json!({"value": EXECUTOR});
        call
    }
}

fn resources(cpus: f64, mem: f64) -> Value {
    let scalar = |name: &str, value: f64| {
        json!({
            "name": name, "type": "SCALAR", "scalar": {"value": value},
            "allocation_info": {"role": "rec"},
        })
    };
    json!([scalar("cpus", cpus), scalar("mem", mem)])
}

/// A UUID of version 4, in base64.
fn uuid(number: u32) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn expect(head: Head, status: u16) -> Result<(), String> {
    if head.status == status {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&head.body);
    Err(format!("expected {status}, found {}: {body}", head.status))
}

/// Somebody with a stream, and a second connection for calls.
struct Voice {
    stream: Connection,
    calls: Connection,
    path: &'static str,
    /// The headers that go with calls.
    headers: String,
    /// Events that nobody has asked for yet.
    events: VecDeque<Event>,
}

impl Voice {
    async fn subscribe(
        address: SocketAddr,
        path: &'static str,
        call: &Value,
        deadline: Instant,
    ) -> Result<Self, String> {
        let open = async || {
            let opened = Connection::open(address).await;
            opened.map_err(|error| error.to_string())
        };
        let mut stream = open().await?;
        send(&mut stream, path, "", call).await?;
        let Some(Item::Head(head)) = stream.next(deadline).await else {
            return Err("no answer to SUBSCRIBE".to_owned());
        };
        let stream_id = wire::header(&head, "mesos-stream-id");
        let headers = stream_id.map_or_else(String::new, |id| format!("Mesos-Stream-Id: {id}\r\n"));
        expect(head.clone(), 200)?;
        Ok(Self {
            stream,
            calls: open().await?,
            path,
            headers,
            events: VecDeque::new(),
        })
    }

    async fn call(&mut self, call: &Value, deadline: Instant) -> Result<Head, String> {
        send(&mut self.calls, self.path, &self.headers, call).await?;
        match self.calls.next(deadline).await {
            Some(Item::Head(head)) => Ok(head),
            other => Err(format!("no answer, but {other:?}")),
        }
    }

    /// The content of the next event of a kind; what comes before and is of another is kept.
    async fn event(&mut self, kind: &str, deadline: Instant) -> Result<Value, String> {
        loop {
            let found = self.events.iter().position(|it| it.subject.kind == kind);
            if let Some(event) = found.and_then(|index| self.events.remove(index)) {
                return Ok(event.value[kind.to_lowercase()].clone());
            }
            match self.stream.next(deadline).await {
                Some(Item::Chunk(chunk)) => {
                    self.events.push_back(Event::read(&chunk, "", false)?);
                }
                other => return Err(format!("no {kind}, but {other:?}")),
            }
        }
    }
}

async fn send(
    connection: &mut Connection,
    path: &str,
    headers: &str,
    call: &Value,
) -> Result<(), String> {
    let body = call.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let sent = connection.send("POST", (head + &body).as_bytes()).await;
    sent.map_err(|error| error.to_string())
}
