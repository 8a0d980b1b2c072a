//! A job that is not there and stands still: serves the page as it is in the repository, and tells
//! what a test wants to be told.

use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::workspace;

/// So often a page hears that the job is still there; without that it would give up.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// When the job began, and all that is told with its time.
pub(super) const BEGAN: &str = "2026-11-21T10:00:00.000Z";

/// What is told.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// To the readers of the live stream: the first to the first, the last to all further ones.
    pub(super) snapshots: Vec<Value>,
    /// At these paths, whatever else is asked there.
    pub(super) answers: Vec<(&'static str, String)>,
}

/// Serves it for as long as this process lives; answers where.
pub(super) fn serve(stage: Stage) -> String {
    let readers = AtomicUsize::new(0);
    listen(move |stream, path| {
        if path == "/v1/live" {
            let reader = readers.fetch_add(1, Ordering::Relaxed);
            let last = stage.snapshots.len() - 1;
            return tell(stream, &stage.snapshots[reader.min(last)]);
        }
        let bare = path.split('?').next().unwrap_or(path);
        match stage.answers.iter().find(|(path, _)| *path == bare) {
            Some((_, text)) => {
                send_head(stream, "text/html; charset=utf-8")?;
                stream.write_all(text.as_bytes())
            }
            None => send_file(stream, bare),
        }
    })
}

/// Hears requests for as long as this process lives: `answer` has the stream and the path. Answers
/// the address, with a token.
pub(super) fn listen(
    answer: impl Fn(&mut &TcpStream, &str) -> io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        thread::scope(|scope| {
            for stream in listener.incoming().flatten() {
                let answer = &answer;
                scope.spawn(move || {
                    // A browser that has seen enough goes away.
                    let _ = request(&stream).and_then(|path| answer(&mut &stream, &path));
                });
            }
        });
    });
    format!("http://{address}/#0123456789abcdef")
}

/// The path that is asked for.
fn request(stream: &TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(first.split(' ').nth(1).unwrap_or("/").to_owned())
}

/// The head of a good answer.
pub(super) fn send_head(stream: &mut &TcpStream, kind: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())
}

/// A file of the page, or that there is none.
pub(super) fn send_file(stream: &mut &TcpStream, path: &str) -> io::Result<()> {
    let file = if path == "/" { "/index.html" } else { path };
    let kind = match file.rsplit('.').next() {
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript",
    };
    match fs::read(workspace().join(format!("cli/dashboard{file}"))) {
        Ok(bytes) => {
            send_head(stream, kind)?;
            stream.write_all(&bytes)
        }
        Err(_) => stream.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"),
    }
}

/// Tells how things are, and that they stay so until the reader goes away.
fn tell(stream: &mut &TcpStream, snapshot: &Value) -> io::Result<()> {
    send_head(stream, "text/event-stream")?;
    write!(stream, "event: snapshot\ndata: {snapshot}\n\n")?;
    stream.set_read_timeout(Some(HEARTBEAT))?;
    loop {
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stream.write_all(b": still there\n\n")?;
            }
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The status of a job that runs, of these groups and agents.
pub(super) fn status(groups: &[(&str, usize)], agents: &[(&str, &str)]) -> Value {
    let groups = groups
        .iter()
        .map(|(group, count)| json!({ "group": group, "count": count, "states": {} }));
    let agents = agents
        .iter()
        .map(|(agent, hostname)| json!({ "agent": agent, "hostname": hostname, "tasks": 1 }));
    json!({
        "job": "staged", "pid": 1, "phase": "running", "started": BEGAN, "uptime_seconds": 1.0,
        "groups": groups.collect::<Vec<_>>(), "agents": agents.collect::<Vec<_>>(),
        "channels": {
            "messages_sent": 0, "messages_received": 0, "bytes_sent": 0, "bytes_received": 0,
            "stalls": 0,
        },
        "forgotten": { "events": 0, "lines": 0 },
    })
}

/// A task.
pub(super) fn task(name: &str, group: &str, state: &str, agent: &str) -> Value {
    json!({
        "task": name, "group": group, "state": state, "since": BEGAN, "agent": agent,
        "restarts": 0, "messages_sent": 0, "messages_received": 0, "bytes_sent": 0,
        "bytes_received": 0, "stalls": 0, "memory_bytes": 1_048_576, "cpu_seconds": 0.5,
        "in": { "depth": 0, "is_full": false, "is_sender_blocked": false },
        "out": { "depth": 0, "is_full": false, "is_sender_blocked": false },
    })
}

/// A line that a task prints.
pub(super) fn line(seq: u64, task: &str, line: &str) -> Value {
    json!({ "seq": seq, "time": BEGAN, "task": task, "stream": "stdout", "line": line })
}
