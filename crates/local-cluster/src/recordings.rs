//! Requests that were recorded with a real Mesos, asked again, and how answers are compared.
//!
//! Everything has to be the same but for ids, which are mapped, and for the few fields that say
//! when, where and what exactly it was that answered ([`FREE`]).

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use testkit::http::{Connection, Head};

/// Fields that have to be there in both or in neither, and whose values are not compared.
const FREE: [&str; 15] = [
    // When.
    "registered_time",
    "reregistered_time",
    "unregistered_time",
    "start_time",
    "elected_time",
    "build_date",
    "build_time",
    "mtime",
    // Whose.
    "uid",
    "gid",
    // What.
    "flags",
    "executor_pid",
    "cpus_user_time_secs",
    "cpus_system_time_secs",
    "mem_rss_bytes",
];

/// Fields of the recordings that are left out here, with the reason why.
const LEFT_OUT: [&str; 1] = [
    // No field of v1: a trace of how Mesos makes v1 messages of older ones (PROTOCOL §2).
    "agent_info/checkpoint",
];

/// One recorded request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// What the recording says is tried.
    pub(crate) case: String,
    pub(crate) connection: String,
    request: Value,
    /// The head of the answer, with its body.
    pub(crate) answer: Value,
}

/// The requests of a recording that have an answer, in order; `None`, and a word about it, where
/// there are no recordings.
#[expect(
    clippy::print_stderr,
    reason = "a test that does nothing has to say so"
)]
pub(crate) fn exchanges(name: &str) -> Option<Vec<Exchange>> {
    let Some(lines) = lines(name) else {
        eprintln!("SKIPPED: the recording {name} is not there");
        return None;
    };
    let mut exchanges: Vec<Exchange> = Vec::new();
    let (mut case, mut request) = (String::new(), None);
    for line in lines {
        match line["kind"].as_str() {
            Some("note") => case = text(&line, "note").to_owned(),
            Some("request") => request = Some(line),
            Some("response-head") => exchanges.extend(request.take().map(|request| Exchange {
                case: case.clone(),
                connection: text(&request, "conn").to_owned(),
                request,
                answer: line,
            })),
            _ => {}
        }
    }
    Some(exchanges)
}

/// The lines of a recording after the first.
pub(crate) fn lines(name: &str) -> Option<Vec<Value>> {
    let recordings =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mesos/transcripts");
    let recording = std::fs::read_to_string(recordings.join(name)).ok()?;
    let lines = recording.lines().skip(1);
    let parsed = lines.map(|line| serde_json::from_str(line).expect("recordings are JSON lines"));
    Some(parsed.collect())
}

pub(crate) fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_default()
}

/// The body of a recorded request or answer.
pub(crate) fn body(line: &Value) -> Vec<u8> {
    match line["body_b64"].as_str() {
        Some(body) => BASE64.decode(body).expect("base64"),
        None => text(line, "body").as_bytes().to_vec(),
    }
}

/// What stands for what: texts of a recording, and ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping(pub(crate) Vec<(String, String)>);

impl Mapping {
    /// A recorded text with ours in it.
    pub(crate) fn ours(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
    }
}

/// Asks again; head and body of the answer.
pub(crate) async fn ask(
    address: SocketAddr,
    exchange: &Exchange,
    mapping: &Mapping,
) -> (Head, Vec<u8>) {
    let request = &exchange.request;
    let body = match request["body"].as_str() {
        Some(body) => mapping.ours(body).into_bytes(),
        None => body(request),
    };
    let mut head = format!(
        "{} {} HTTP/1.1\r\n",
        text(request, "method"),
        mapping.ours(text(request, "path"))
    );
    for header in request["headers"].as_array().expect("a list") {
        let part = |index: usize| header[index].as_str().unwrap_or_default();
        match part(0) {
            "Content-Length" => head += &format!("Content-Length: {}\r\n", body.len()),
            name => head += &format!("{name}: {}\r\n", part(1)),
        }
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend(body);
    let mut connection = Connection::open(address).await;
    connection.send(&bytes).await;
    let head = connection.head().await;
    let body = connection.bytes(&head).await;
    (head, body)
}

/// Compares status and headers; lengths and dates may differ.
#[track_caller]
pub(crate) fn compare_heads(exchange: &Exchange, head: &Head) {
    let recorded = &exchange.answer;
    let case = &exchange.case;
    assert_eq!(
        u64::from(head.status),
        recorded["status"].as_u64().unwrap(),
        "{case}: {exchange:?}"
    );
    let headers = recorded["headers"].as_array().expect("a list").iter();
    let mut expected: Vec<_> = headers
        .map(|header| {
            let part = |index: usize| header[index].as_str().unwrap_or_default().to_owned();
            (part(0), part(1))
        })
        .collect();
    let mut ours = head.headers.clone();
    for headers in [&mut expected, &mut ours] {
        headers.sort();
        for (name, value) in headers {
            if matches!(name.as_str(), "Date" | "Content-Length" | "Location") {
                value.clear();
            }
        }
    }
    assert_eq!(ours, expected, "{case}");
}

/// Compares two JSON texts of an answer or an event.
#[track_caller]
pub(crate) fn compare(case: &str, recorded: &str, ours: &str, mapping: &Mapping) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let mut recorded = parse(&mapping.ours(recorded));
    let mut ours = parse(ours);
    normalize("", &mut recorded);
    normalize("", &mut ours);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    assert!(
        recorded == ours,
        "{case}: recorded\n{}\nours\n{}",
        pretty(&recorded),
        pretty(&ours)
    );
}

/// Empties what may differ, and sorts the lists whose order means nothing.
fn normalize(name: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|field, _| !LEFT_OUT.contains(&format!("{name}/{field}").as_str()));
            // How large a directory is says its file system.
            let mode = fields.get("mode");
            if mode.is_some_and(|mode| mode == 0o040_755 || mode == "drwxr-xr-x") {
                fields.insert("size".to_owned(), Value::Null);
            }
            for (field, value) in fields {
                if FREE.contains(&field.as_str()) {
                    *value = Value::Null;
                }
                normalize(field, value);
            }
        }
        Value::Array(elements) => {
            for element in &mut *elements {
                normalize(name, element);
            }
            elements.sort_by_key(|element| {
                let key = ["name", "id", "path"].map(|field| element[field].to_string());
                (key, element.is_string().then(|| element.to_string()))
            });
        }
        Value::Number(number) if number.is_f64() => {
            // Sums of doubles differ in the last digits.
            let rounded = (number.as_f64().unwrap_or_default() * 1e6).round() / 1e6;
            *value = rounded.into();
        }
        _ => {}
    }
}
