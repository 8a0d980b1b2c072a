//! A job that is not there, of many tasks that change all the time.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stage;

/// How often something changes.
const ROUND: Duration = Duration::from_millis(40);

/// What the feed is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feed {
    /// How many tasks there are.
    pub(super) tasks: usize,
    /// How many of them change in a second.
    pub(super) changes: usize,
    /// For how long, where nothing is late; then the job ends.
    pub(super) length: Duration,
    /// What the last task prints, and is told with its state.
    pub(super) text: &'static str,
    /// What the last task is called.
    pub(super) name: &'static str,
}

/// Serves the feed for as long as this process lives; answers where.
pub(super) fn serve(feed: Feed) -> String {
    stage::listen(move |stream, path| match path {
        "/v1/live" => tell(stream, feed),
        _ => stage::send_file(stream, path),
    })
}

fn tell(stream: &mut &TcpStream, feed: Feed) -> std::io::Result<()> {
    stage::send_head(stream, "text/event-stream")?;
    let mut tasks: Vec<Value> = (0..feed.tasks).map(|number| task(feed, number)).collect();
    let hostile = json!({ "seq": 1, "time": "2026-11-21T10:00:00.000Z", "task": feed.name, "stream": "stdout", "line": feed.text });
    let snapshot = json!({ "status": status(feed, 0), "tasks": tasks, "lines": [hostile] });
    write!(stream, "event: snapshot\ndata: {snapshot}\n\n")?;
    let (mut next, mut seq) = (0, 1);
    let mut due = Instant::now();
    let each = feed.changes / 25;
    // As many on a machine that is late.
    for _ in 0..feed.length.as_millis() / ROUND.as_millis() {
        due += ROUND;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut changed = Vec::new();
        let mut lines = Vec::new();
        for _ in 0..each {
            // Not one after the other: a step that has no divisor with any count.
            next = (next + 7919) % feed.tasks;
            let task = &mut tasks[next];
            let sent = task["messages_sent"].as_u64().unwrap_or_default();
            task["messages_sent"] = (sent + 3).into();
            task["messages_received"] = (sent + 1).into();
            task["in"]["depth"] = (sent % 17).into();
            let is_up = sent.is_multiple_of(2);
            task["state"] = if is_up {
                "TASK_RUNNING"
            } else {
                "TASK_STARTING"
            }
            .into();
            changed.push(task.clone());
            if changed.len() % 4 == 0 {
                seq += 1;
                lines.push(json!({ "seq": seq, "time": "2026-11-21T10:00:01.000Z", "task": task["task"], "stream": "stderr", "line": format!("line {seq}") }));
            }
        }
        let change = json!({ "status": status(feed, seq), "tasks": changed, "lines": lines });
        write!(stream, "event: change\ndata: {change}\n\n")?;
    }
    write!(stream, "event: end\ndata: {{}}\n\n")
}

fn status(feed: Feed, messages: u64) -> Value {
    let agents = (0..20).map(|agent| {
        json!({ "agent": format!("agent-{agent}"), "hostname": format!("host-{agent}"), "tasks": feed.tasks / 20 })
    });
    json!({
        "job": "simulated", "pid": 1, "phase": "running", "started": "2026-11-21T10:00:00.000Z",
        "uptime_seconds": 1.0,
        "groups": [{ "group": "work", "count": feed.tasks, "states": {} }],
        "agents": agents.collect::<Vec<_>>(),
        "channels": {
            "messages_sent": messages, "messages_received": messages, "bytes_sent": 0,
            "bytes_received": 0, "stalls": 0,
        },
        "forgotten": { "events": 0, "lines": 0 },
    })
}

fn task(feed: Feed, number: usize) -> Value {
    let is_last = number + 1 == feed.tasks;
    let name = if is_last {
        feed.name.to_owned()
    } else {
        format!("work-{number}")
    };
    let mut task = json!({
        "task": name, "group": "work", "state": "TASK_RUNNING",
        "since": "2026-11-21T10:00:00.000Z", "agent": format!("agent-{}", number % 20),
        "restarts": 0, "messages_sent": 0, "messages_received": 0, "bytes_sent": 0,
        "bytes_received": 0, "stalls": 0, "memory_bytes": 1_048_576, "cpu_seconds": 0.5,
        "in": { "depth": 0, "is_full": false, "is_sender_blocked": false },
        "out": { "depth": 0, "is_full": true, "is_sender_blocked": true },
    });
    if is_last {
        task["message"] = feed.text.into();
    }
    task
}
