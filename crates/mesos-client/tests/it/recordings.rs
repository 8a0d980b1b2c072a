//! Streams and answers of a real master and agent, where their recordings are at hand.
//!
//! They are not part of this repository: without them these tests have nothing to do, and the
//! others, which need nothing, cover the same ground with events of their own.

use std::collections::BTreeMap;
use std::fs;
use std::future::ready;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos::v1;
use mesos_client::{
    CallError, Encoding, ExecutorClient, ExecutorConfig, ExecutorNotice, SchedulerClient,
    SchedulerConfig, SchedulerNotice, Unacknowledged,
};
use serde_json::Value;

use crate::fake::{Fake, next};

/// The folder of the recordings, beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|ancestor| ancestor.join("shared/mesos/transcripts"))
        .find(|folder| folder.is_dir())
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One recorded stream: its chunks, and the types of its events.
struct Recorded {
    path: String,
    encoding: Encoding,
    headers: Vec<(String, String)>,
    chunks: Vec<Vec<u8>>,
    types: Vec<String>,
}

/// All streams of a file, by connection.
fn streams(path: &Path) -> Vec<Recorded> {
    let mut requests = BTreeMap::new();
    let mut streams: BTreeMap<String, Recorded> = BTreeMap::new();
    for line in lines(path) {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let connection = text("conn");
        match line["kind"].as_str() {
            Some("request") => {
                requests.insert(connection, text("path"));
            }
            Some("response-head") if line["status"] == 200 => {
                let headers: Vec<(String, String)> =
                    serde_json::from_value(line["headers"].clone()).unwrap();
                let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
                let is_stream = value("Transfer-Encoding").is_some();
                let content_type = value("Content-Type").map(|(_, value)| value.as_str());
                if is_stream {
                    let recorded = Recorded {
                        path: requests.get(&connection).cloned().unwrap_or_default(),
                        encoding: match content_type {
                            Some("application/json") => Encoding::Json,
                            _ => Encoding::Protobuf,
                        },
                        headers,
                        chunks: Vec::new(),
                        types: Vec::new(),
                    };
                    streams.insert(connection, recorded);
                }
            }
            // A large body is recorded in part.
            Some("chunk")
                if !line["body_b64_length"].is_null() || !line["body_length"].is_null() =>
            {
                streams.remove(&connection);
            }
            Some("chunk") => {
                if let Some(stream) = streams.get_mut(&connection) {
                    let (chunk, event) = match line["body"].as_str() {
                        Some(body) => {
                            let (_, event) = body.split_once('\n').unwrap();
                            let event = serde_json::from_str(event).unwrap();
                            (body.as_bytes().to_vec(), event)
                        }
                        None => {
                            let chunk = STANDARD.decode(text("body_b64")).unwrap();
                            (chunk, line["decoded"].clone())
                        }
                    };
                    stream.chunks.push(chunk);
                    stream
                        .types
                        .push(event["type"].as_str().unwrap().to_owned());
                }
            }
            _ => {}
        }
    }
    streams.into_values().collect()
}

/// Plays a stream to the next client, and ends it.
async fn play(server: &mut Fake, recorded: &Recorded) {
    let headers: Vec<(&str, &str)> = recorded
        .headers
        .iter()
        .filter(|(name, _)| name != "Transfer-Encoding")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let stream = server.next().await.stream_with(&headers);
    for chunk in &recorded.chunks {
        stream.chunk(chunk.clone()).await;
    }
}

#[tokio::test]
async fn recorded_streams_are_told_event_by_event() {
    let Some(folder) = folder() else { return };
    // Of each API, in protobuf and in JSON.
    let mut schedulers = [0; 2];
    let mut executors = [0; 2];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for recorded in streams(&path) {
            let form = usize::from(recorded.encoding == Encoding::Json);
            if recorded.path.ends_with("/scheduler") {
                schedulers[form] += 1;
                assert_eq!(
                    scheduler_types(&recorded).await,
                    told(&recorded),
                    "{path:?}"
                );
            } else if recorded.path.ends_with("/executor") {
                executors[form] += 1;
                assert_eq!(executor_types(&recorded).await, told(&recorded), "{path:?}");
            }
        }
    }
    assert!(
        schedulers.iter().all(|count| *count >= 5) && executors.iter().all(|count| *count >= 2),
        "{schedulers:?}, {executors:?}"
    );
}

/// The types that the owner is to hear of, up to an ERROR, which is the end.
fn told(recorded: &Recorded) -> Vec<String> {
    let mut types = recorded.types.clone();
    types.retain(|kind| kind != "HEARTBEAT");
    types
}

async fn scheduler_types(recorded: &Recorded) -> Vec<String> {
    let mut master = Fake::start().await;
    let masters = master.address.parse().unwrap();
    let mut config = SchedulerConfig::new(masters, v1::FrameworkInfo::default());
    config.encoding = recorded.encoding;
    let (_handle, mut notices) = SchedulerClient::start(config).unwrap();
    play(&mut master, recorded).await;
    let mut types = Vec::new();
    loop {
        match next(&mut notices).await {
            Some(SchedulerNotice::Subscribed { .. }) => types.push("SUBSCRIBED".to_owned()),
            Some(SchedulerNotice::Event(event)) => {
                types.push(event.r#type().as_str_name().to_owned());
            }
            Some(SchedulerNotice::Refused(_)) => types.push("ERROR".to_owned()),
            _ => return types,
        }
    }
}

async fn executor_types(recorded: &Recorded) -> Vec<String> {
    let mut agent = Fake::start().await;
    let mut config = ExecutorConfig::new(&agent.address, "f".into(), "e".into()).unwrap();
    config.encoding = recorded.encoding;
    let source = || ready(Unacknowledged::default());
    let (_handle, mut notices) = ExecutorClient::start(config, source).unwrap();
    play(&mut agent, recorded).await;
    let mut types = Vec::new();
    loop {
        match next(&mut notices).await {
            Some(ExecutorNotice::Subscribed { .. }) => types.push("SUBSCRIBED".to_owned()),
            Some(ExecutorNotice::Event(event)) => {
                types.push(event.r#type().as_str_name().to_owned());
            }
            _ => return types,
        }
    }
}

#[tokio::test]
async fn recorded_refusals_of_calls_never_end_the_subscription_unless_there_is_none() {
    let Some(folder) = folder() else { return };
    let mut answers = Vec::new();
    for line in lines(&folder.join("06a-bad-calls-scheduler.jsonl")) {
        if line["kind"] == "response-head" && line["conn"] == "s-call" {
            let status = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
            let text = line["body"].as_str().unwrap_or_default().to_owned();
            answers.push((status, text));
        }
    }
    assert!(answers.len() > 50, "{}", answers.len());

    let mut master = Fake::start().await;
    let masters = master.address.parse().unwrap();
    let config = SchedulerConfig::new(masters, v1::FrameworkInfo::default());
    let (handle, mut notices) = SchedulerClient::start(config).unwrap();
    let stream = master.next().await.stream(Some("s"));
    let subscribed = v1::scheduler::Event {
        r#type: Some(v1::scheduler::event::Type::Subscribed.into()),
        subscribed: Some(v1::scheduler::event::Subscribed::default()),
        ..v1::scheduler::Event::default()
    };
    stream.event(&subscribed).await;
    next(&mut notices).await;
    for (status, text) in answers {
        let says_no_subscription = text == "Framework cannot be found"
            || text == "Framework is not subscribed"
            || text == "404 Not Found."
            || text.starts_with("The stream ID");
        if says_no_subscription {
            continue;
        }
        let revive = v1::scheduler::Call {
            r#type: Some(v1::scheduler::call::Type::Revive.into()),
            ..v1::scheduler::Call::default()
        };
        let (outcome, ()) = tokio::join!(handle.call(revive), async {
            master.next().await.answer(status, &text);
        });
        let text = text.trim().to_owned();
        let expected = match status {
            202 => Ok(()),
            _ => Err(CallError::Rejected { status, text }),
        };
        assert_eq!(outcome, expected);
    }
    assert!(notices.is_empty(), "the subscription is as it was");
}
