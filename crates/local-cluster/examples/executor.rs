//! A small executor in plain HTTP and JSON, to see an agent from the other side.
//!
//! An agent starts it. Each task is running as soon as it is launched, every message is sent back,
//! a KILL kills, and SHUTDOWN ends the process. A task called `exit-N` ends it with code N instead
//! of running; after a task called `deaf` it does not hear SHUTDOWN; a task called `silent` is not
//! reported. If its framework checkpoints it outlives its agent, and subscribes with the next.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut executor = Executor {
        endpoint: env::var("MESOS_AGENT_ENDPOINT")?,
        framework_id: env::var("MESOS_FRAMEWORK_ID")?,
        executor_id: env::var("MESOS_EXECUTOR_ID")?,
        deaf: false,
        tasks: BTreeMap::new(),
        updates: BTreeMap::new(),
    };
    let checkpoint = env::var("MESOS_CHECKPOINT")? == "1";
    let mut stream = executor.subscribe()?;
    loop {
        let end = loop {
            match next(&mut stream) {
                Ok(Some(event)) => executor.handle(&event)?,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if !checkpoint {
            return end;
        }
        // The agent is gone, and may come back in the same place.
        stream = loop {
            match executor.subscribe() {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(20)),
            }
        };
    }
}

/// The next event of a stream; `None` at its end.
fn next(stream: &mut impl BufRead) -> Result<Option<Value>, Box<dyn Error>> {
    let mut length = String::new();
    stream.read_line(&mut length)?;
    // A chunk is a record: its length, a line feed, the event; and then the chunk's own end.
    let mut chunk = vec![0; usize::from_str_radix(length.trim(), 16)? + 2];
    stream.read_exact(&mut chunk)?;
    match chunk.iter().position(|byte| *byte == b'\n') {
        Some(start) if chunk.len() > 2 => Ok(Some(serde_json::from_slice(&chunk[start + 1..])?)),
        _ => Ok(None),
    }
}

struct Executor {
    endpoint: String,
    framework_id: String,
    executor_id: String,
    deaf: bool,
    /// Tasks and updates that were not acknowledged, by task id and by uuid.
    tasks: BTreeMap<String, Value>,
    updates: BTreeMap<String, Value>,
}

impl Executor {
    fn subscribe(&self) -> Result<BufReader<TcpStream>, Box<dyn Error>> {
        let tasks: Vec<_> = self.tasks.values().collect();
        let updates: Vec<_> = self.updates.values().collect();
        let body = json!({ "unacknowledged_tasks": tasks, "unacknowledged_updates": updates });
        self.post("SUBSCRIBE", "subscribe", body)
    }

    fn handle(&mut self, event: &Value) -> Result<(), Box<dyn Error>> {
        match event["type"].as_str() {
            Some("LAUNCH") => {
                let task = &event["launch"]["task"];
                let name = task["name"].as_str().unwrap_or_default();
                writeln!(io::stdout(), "launched {name}")?;
                if let Some(code) = name.strip_prefix("exit-") {
                    std::process::exit(code.parse()?);
                }
                self.deaf |= name == "deaf";
                self.tasks.insert(key(&task["task_id"]), task.clone());
                if name == "silent" {
                    return Ok(());
                }
                self.update(&task["task_id"], "TASK_RUNNING")
            }
            Some("ACKNOWLEDGED") => {
                let acknowledged = &event["acknowledged"];
                self.tasks.remove(&key(&acknowledged["task_id"]));
                let uuid = acknowledged["uuid"].as_str().unwrap_or_default();
                self.updates.remove(uuid);
                Ok(())
            }
            Some("KILL") => self.update(&event["kill"]["task_id"], "TASK_KILLED"),
            Some("MESSAGE") => self.call("MESSAGE", "message", event["message"].clone()),
            Some("SHUTDOWN") if !self.deaf => std::process::exit(0),
            _ => Ok(()),
        }
    }

    fn update(&mut self, task_id: &Value, state: &str) -> Result<(), Box<dyn Error>> {
        let uuid = uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
        let uuid = BASE64_STANDARD.encode(uuid.as_bytes());
        let status = json!({
            "task_id": task_id,
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": uuid,
        });
        let update = json!({ "status": status });
        self.updates.insert(uuid, update.clone());
        self.call("UPDATE", "update", update)
    }

    /// Makes a call that is answered by 202.
    fn call(&self, r#type: &str, field: &str, body: Value) -> Result<(), Box<dyn Error>> {
        self.post(r#type, field, body).map(drop)
    }

    /// Posts a call on a connection of its own, and reads the head of the answer.
    fn post(
        &self,
        r#type: &str,
        field: &str,
        body: Value,
    ) -> Result<BufReader<TcpStream>, Box<dyn Error>> {
        let mut call = json!({
            "framework_id": { "value": self.framework_id },
            "executor_id": { "value": self.executor_id },
            "type": r#type,
        });
        call[field] = body;
        let body = call.to_string();
        let mut stream = TcpStream::connect(&self.endpoint)?;
        write!(
            stream,
            "POST /api/v1/executor HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut stream = BufReader::new(stream);
        let mut status = String::new();
        stream.read_line(&mut status)?;
        if !status.starts_with("HTTP/1.1 20") {
            return Err(format!("{type} was answered by {status}").into());
        }
        let mut line = status;
        while !line.trim().is_empty() {
            line.clear();
            stream.read_line(&mut line)?;
        }
        Ok(stream)
    }
}

fn key(task_id: &Value) -> String {
    task_id["value"].as_str().unwrap_or_default().to_owned()
}
