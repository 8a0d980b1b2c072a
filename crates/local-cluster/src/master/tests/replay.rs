//! Recordings of a real master, replayed against this one.
//!
//! Every request of a recording is sent as it was, ids mapped; status, text and the names of the
//! headers of the answer must be those of the recording. Of the events only those are compared
//! that do not depend on time.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use testkit::http::{Connection, Head};

use super::Fixture;

/// The agent of the recordings.
const RESOURCES: &str = "cpus:4;mem:4096;disk:8192;ports:[31000-31099]";

#[tokio::test]
async fn bad_calls_are_answered_as_by_a_real_master() {
    replay("06a-bad-calls-scheduler.jsonl", 120).await;
}

/// Replays a recording; at least so many answers must have been compared.
async fn replay(name: &str, answers_min: usize) {
    let recordings =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mesos/transcripts");
    let Ok(recording) = std::fs::read_to_string(recordings.join(name)) else {
        skipped(name);
        return;
    };
    let fixture = Fixture::start(RESOURCES).await;
    let mut replay = Replay {
        fixture,
        connections: HashMap::new(),
        requests: HashMap::new(),
        ids: Vec::new(),
        case: String::new(),
        answers: 0,
    };
    for line in recording.lines().skip(1) {
        let line: Value = serde_json::from_str(line).expect("recordings are JSON lines");
        replay.step(&line).await;
    }
    assert!(
        replay.answers >= answers_min,
        "{} answers compared",
        replay.answers
    );
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does nothing has to say so"
)]
fn skipped(name: &str) {
    eprintln!("SKIPPED: the recording {name} is not there");
}

struct Replay {
    fixture: Fixture,
    connections: HashMap<String, Connection>,
    /// The last request on each connection.
    requests: HashMap<String, Vec<u8>>,
    /// Ids of the recording and ours, of the same length.
    ids: Vec<(String, String)>,
    /// What the recording says is tried.
    case: String,
    answers: usize,
}

impl Replay {
    async fn step(&mut self, line: &Value) {
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        let name = text("conn").to_owned();
        match (text("kind"), text("dir")) {
            ("note", _) => self.case = text("note").to_owned(),
            // hyper answers what is not HTTP with a 400; Mesos hangs up.
            _ if name == "raw" => {}
            ("request", _) => self.send(name, line).await,
            ("response-head", _) => self.compare_answer(&name, line).await,
            ("chunk", _) => self.compare_record(&name, text("body")).await,
            ("eof", "recv") => {
                let connection = self.connections.get_mut(&name).expect("it is open");
                while connection.chunk().await.is_some() {}
            }
            ("eof", _) => drop(self.connections.remove(&name)),
            (kind, _) => panic!("{kind} in a recording of schedulers"),
        }
    }

    async fn send(&mut self, name: String, line: &Value) {
        let text = |field: &str| line[field].as_str();
        let (method, path) = (text("method"), text("path"));
        let mut request = format!(
            "{} {} HTTP/1.1\r\n",
            method.unwrap_or_default(),
            path.unwrap_or_default()
        );
        for header in line["headers"].as_array().expect("a list") {
            let part = |index: usize| header[index].as_str().unwrap_or_default();
            request += &format!("{}: {}\r\n", part(0), part(1));
        }
        request += "\r\n";
        let mut bytes = self.ours(request.as_bytes());
        match (text("body"), text("body_b64")) {
            (Some(body), _) => bytes.extend(self.ours(body.as_bytes())),
            (_, Some(body)) => bytes.extend(self.ours(&BASE64.decode(body).expect("base64"))),
            (None, None) => {}
        }
        if !self.connections.contains_key(&name) {
            let connection = Connection::open(self.fixture.address).await;
            self.connections.insert(name.clone(), connection);
        }
        let connection = self.connections.get_mut(&name).expect("it is open");
        connection.send(&bytes).await;
        self.requests.insert(name, bytes);
    }

    async fn compare_answer(&mut self, name: &str, line: &Value) {
        let case = self.case.clone();
        let expected_status = line["status"].as_u64().expect("a number");
        let expected_body = line["body"].as_str().unwrap_or_default();
        let expected_body = self.ours(expected_body.as_bytes());
        let started = tokio::time::Instant::now();
        let (head, body) = loop {
            let connection = self.connections.get_mut(name).expect("it is open");
            let head = connection.head().await;
            let body = connection.body(&head).await;
            // That a client has hung up is noticed in a moment, not at once.
            let may_change = case.contains("after the disconnect") && head.status != 403;
            if !may_change || started.elapsed() > Duration::from_secs(10) {
                break (head, body);
            }
            let request = self.requests[name].clone();
            connection.send(&request).await;
        };
        assert_eq!(u64::from(head.status), expected_status, "{case}: {body}");
        assert_eq!(body, String::from_utf8_lossy(&expected_body), "{case}");
        self.compare_headers(&case, &head, line);
        self.answers += 1;
    }

    fn compare_headers(&mut self, case: &str, head: &Head, line: &Value) {
        let recorded = line["headers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|header| {
                let part = |index: usize| header[index].as_str().unwrap_or_default().to_owned();
                (part(0), part(1))
            });
        let mut recorded: Vec<_> = recorded.collect();
        let mut ours = head.headers.clone();
        recorded.sort();
        ours.sort();
        let names = |headers: &[(String, String)]| {
            headers
                .iter()
                .map(|(name, _)| name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&ours), names(&recorded), "{case}");
        for ((name, ours), (_, recorded)) in ours.into_iter().zip(recorded) {
            match name.as_str() {
                "Date" | "Content-Length" => {}
                "Mesos-Stream-Id" => self.ids.push((recorded, ours)),
                _ => assert_eq!(ours, recorded, "{case}: {name}"),
            }
        }
    }

    /// Reads up to the event that was recorded, if it is one that does not depend on time.
    async fn compare_record(&mut self, name: &str, chunk: &str) {
        let (_, record) = chunk.split_once('\n').expect("RecordIO");
        let recorded: Value = serde_json::from_str(record).expect("JSON");
        if !matches!(recorded["type"].as_str(), Some("SUBSCRIBED" | "ERROR")) {
            return;
        }
        let connection = self.connections.get_mut(name).expect("it is open");
        let ours = loop {
            let ours = connection.record().await.expect("the stream goes on");
            if !matches!(ours["type"].as_str(), Some("HEARTBEAT" | "OFFERS")) {
                break ours;
            }
        };
        let master_id = |event: &Value| {
            let id = &event["subscribed"]["master_info"]["id"];
            id.as_str().map(str::to_owned)
        };
        if let (Some(recorded), Some(ours)) = (master_id(&recorded), master_id(&ours)) {
            self.ids.push((recorded, ours));
        }
        let port = self.fixture.address.port();
        let expected = String::from_utf8(self.ours(record.as_bytes())).expect("text");
        let expected = expected.replace("\"port\":5050", &format!("\"port\":{port}"));
        let expected = expected.replace(":5050\"", &format!(":{port}\""));
        let expected: Value = serde_json::from_str(&expected).expect("JSON");
        assert_eq!(ours, expected, "{}", self.case);
    }

    /// Bytes of the recording with our ids in them.
    fn ours(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (recorded, ours) in &self.ids {
            assert_eq!(
                recorded.len(),
                ours.len(),
                "lengths in the bytes must stay right"
            );
            replace(&mut bytes, recorded, ours);
            // One case sends a stream id in capitals.
            replace(&mut bytes, &recorded.to_uppercase(), &ours.to_uppercase());
        }
        bytes
    }
}

fn replace(bytes: &mut [u8], from: &str, to: &str) {
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(from.len())
        .position(|it| it == from.as_bytes())
    {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        at += to.len();
    }
}
