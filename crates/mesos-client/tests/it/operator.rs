//! The operator's functions, against recorded answers where recordings are at hand.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos::v1;
use mesos_client::{
    AgentOperator, Credentials, DisconnectReason, Encoding, MasterOperator, OperatorConfig,
    OperatorError, Secret,
};
use prost::Message as _;
use serde_json::Value;

use crate::fake::{Fake, nobody, soon};
use crate::recordings::{folder, lines};

fn config(encoding: Encoding) -> OperatorConfig {
    OperatorConfig {
        encoding,
        ..OperatorConfig::default()
    }
}

fn master(masters: &str, encoding: Encoding) -> MasterOperator {
    MasterOperator::new(masters.parse().unwrap(), config(encoding)).unwrap()
}

/// A query that was recorded, and what was answered.
#[derive(Clone)]
struct Recorded {
    request: Vec<u8>,
    response: Vec<u8>,
}

/// Of each type of a file the recorded exchange with the longest answer, at the server with this
/// port, in this form.
fn exchanges(file: &str, port: u64, media: &str) -> Option<BTreeMap<String, Recorded>> {
    let body = |line: &Value| match line["body"].as_str() {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => STANDARD.decode(line["body_b64"].as_str()?).ok(),
    };
    let mut found = BTreeMap::new();
    let mut asked = None;
    for line in lines(&folder()?.join(file)) {
        match line["kind"].as_str() {
            Some("request") => {
                let headers = line["headers"].to_string();
                // In both directions, and without compression.
                let is_meant = headers.matches(media).count() == 2 && !headers.contains("gzip");
                asked = (is_meant && line["port"] == port).then_some(line);
            }
            Some("response-head") if line["status"] == 200 => {
                let Some((request, response)) = asked.take().zip(body(&line)) else {
                    continue;
                };
                let Some(text) = body(&request) else {
                    continue;
                };
                let json: Value = serde_json::from_slice(&text).unwrap_or_default();
                let kind = [&request["decoded"]["type"], &json["type"]];
                if let Some(kind) = kind.into_iter().find_map(Value::as_str) {
                    let recorded = Recorded {
                        request: text,
                        response,
                    };
                    let length = |it: &Recorded| it.response.len();
                    if found.get(kind).map_or(0, length) < length(&recorded) {
                        found.insert(kind.to_owned(), recorded);
                    }
                }
            }
            _ => {}
        }
    }
    Some(found)
}

/// Asks, gives the recorded answer if the question is the recorded one, and looks at what is made
/// of it.
macro_rules! check {
    ($fake:ident, $client:ident, $recorded:ident, $api:ident, $media:literal:
        $($kind:literal $call:ident($($argument:expr),*);)*) => {
        $({
            let recorded = $recorded.get($kind).expect($kind).clone();
            let (answer, ()) = tokio::join!($client.$call($($argument),*), async {
                let request = $fake.next().await;
                assert_eq!(request.uri.path(), "/api/v1");
                assert_eq!(request.header("content-type"), Some($media));
                assert_eq!(request.header("accept"), Some($media));
                assert_same($kind, &request.body, &recorded.request);
                request.answer_with(200, $media, recorded.response.clone());
            });
            let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", $kind));
            if $media == "application/x-protobuf" {
                let whole = v1::$api::Response::decode(&*recorded.response).unwrap();
                assert_eq!(answer, whole.$call.unwrap_or_default(), "{}", $kind);
            } else {
                let whole: Value = serde_json::from_slice(&recorded.response).unwrap();
                assert_texts(&whole, &format!("{answer:?}"));
            }
        })*
    };
}

/// Every id, name and host of a recorded answer is in what was made of it.
#[track_caller]
fn assert_texts(value: &Value, made: &str) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| assert_texts(value, made)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if ["value", "name", "hostname", "version"].contains(&&**name) => {
                        assert!(made.contains(text), "{name} {text} in {made}");
                    }
                    _ => assert_texts(value, made),
                }
            }
        }
        _ => {}
    }
}

#[track_caller]
fn assert_same(kind: &str, ours: &[u8], theirs: &[u8]) {
    let json = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    match (json(ours), json(theirs)) {
        (Some(ours), Some(theirs)) => assert_eq!(ours, theirs, "{kind}"),
        _ => assert_eq!(ours, theirs, "{kind}"),
    }
}

macro_rules! check_all {
    ($file:literal, $encoding:expr, $media:literal) => {{
        let (Some(of_master), Some(of_agent)) = (
            exchanges($file, 5050, $media),
            exchanges($file, 5051, $media),
        ) else {
            return;
        };
        let mut fake = Fake::start().await;
        let client = master(&fake.address, $encoding);
        check! { fake, client, of_master, master, $media:
            "GET_HEALTH" get_health();
            "GET_VERSION" get_version();
            "GET_STATE" get_state();
            "GET_AGENTS" get_agents();
            "GET_FRAMEWORKS" get_frameworks();
            "GET_EXECUTORS" get_executors();
            "GET_TASKS" get_tasks();
            "GET_ROLES" get_roles();
            "GET_MASTER" get_master();
            "GET_OPERATIONS" get_operations();
            "GET_WEIGHTS" get_weights();
            "GET_LOGGING_LEVEL" get_logging_level();
        }
        let mut fake = Fake::start().await;
        let client =
            AgentOperator::at_pid(&format!("slave(1)@{}", fake.address), config($encoding))
                .unwrap();
        check! { fake, client, of_agent, agent, $media:
            "GET_HEALTH" get_health();
            "GET_STATE" get_state();
            "GET_TASKS" get_tasks();
            "GET_EXECUTORS" get_executors();
            "GET_FRAMEWORKS" get_frameworks();
            "GET_AGENT" get_agent();
            "GET_OPERATIONS" get_operations();
            "GET_VERSION" get_version();
        }
    }};
}

#[tokio::test]
async fn recorded_queries_are_asked_and_answered_in_protobuf() {
    check_all!(
        "01b-operator-queries-protobuf.jsonl",
        Encoding::Protobuf,
        "application/x-protobuf"
    );
}

#[tokio::test]
async fn recorded_queries_are_asked_and_answered_in_json() {
    check_all!(
        "01a-operator-queries-json.jsonl",
        Encoding::Json,
        "application/json"
    );
}

#[tokio::test]
async fn files_and_metrics_are_read() {
    let Some(files) = exchanges("17-files.jsonl", 5051, "application/json") else {
        return;
    };
    let mut fake = Fake::start().await;
    let client = master(&fake.address, Encoding::Json);
    let (metrics, ()) = tokio::join!(client.get_metrics(None), async {
        let request = fake.next().await;
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        // Without the body a master refuses it.
        let expected = serde_json::json!({ "type": "GET_METRICS", "get_metrics": {} });
        assert_eq!(body, expected);
        let text = br#"{"type":"GET_METRICS","get_metrics":{"metrics":[
            {"name":"master/elected","value":1.0}]}}"#;
        request.answer_with(200, "application/json", text.to_vec());
    });
    let metrics = metrics.unwrap().metrics;
    let leads = |metric: &v1::Metric| metric.name == "master/elected" && metric.value == Some(1.0);
    assert!(metrics.iter().any(leads), "{metrics:?}");

    let agent = AgentOperator::new(&fake.address, config(Encoding::Json)).unwrap();
    let (listed, ()) = tokio::join!(agent.list_files("/sandbox"), async {
        let recorded = files["LIST_FILES"].response.clone();
        let request = fake.next().await;
        request.answer_with(200, "application/json", recorded);
    });
    let whole: Value = serde_json::from_slice(&files["LIST_FILES"].response).unwrap();
    let count = whole["list_files"]["file_infos"]
        .as_array()
        .map_or(0, Vec::len);
    assert_eq!(listed.unwrap().file_infos.len(), count);

    let (read, ()) = tokio::join!(agent.read_file("/sandbox/stdout", 0_u64, 3), async {
        let request = fake.next().await;
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let expected = serde_json::json!({ "path": "/sandbox/stdout", "offset": 0, "length": 3 });
        assert_eq!(body["read_file"], expected);
        let text = br#"{"type":"READ_FILE","read_file":{"data":"YWJj","size":10}}"#;
        request.answer_with(200, "application/json", text.to_vec());
    });
    let read = read.unwrap();
    assert_eq!((&*read.data, read.size), (&b"abc"[..], 10));
}

#[tokio::test]
async fn recorded_events_of_a_master_are_told() {
    for (file, encoding, media) in [
        (
            "19b-operator-subscribe-protobuf.jsonl",
            Encoding::Protobuf,
            "application/x-protobuf",
        ),
        (
            "19a-operator-subscribe-json.jsonl",
            Encoding::Json,
            "application/json",
        ),
    ] {
        let Some(folder) = folder() else { return };
        let chunks: Vec<Vec<u8>> = lines(&folder.join(file))
            .iter()
            .filter(|line| line["kind"] == "chunk" && line["actor"] == "operator")
            .map(|line| match line["body"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => STANDARD.decode(line["body_b64"].as_str().unwrap()).unwrap(),
            })
            .collect();
        let mut fake = Fake::start().await;
        let client = master(&fake.address, encoding);
        let (events, stream) = tokio::join!(client.subscribe(), async {
            fake.next().await.stream_with(&[("content-type", media)])
        });
        let mut events = events.unwrap();
        for chunk in chunks {
            stream.chunk(chunk).await;
        }
        drop(stream);
        let mut kinds = Vec::new();
        let end = loop {
            match soon(events.next()).await {
                Ok(event) => kinds.push(event.r#type().as_str_name()),
                Err(end) => break end,
            }
        };
        assert_eq!(end, DisconnectReason::Closed);
        assert_eq!(kinds.first(), Some(&"SUBSCRIBED"), "{file}");
        for kind in [
            "TASK_ADDED",
            "TASK_UPDATED",
            "FRAMEWORK_ADDED",
            "FRAMEWORK_REMOVED",
        ] {
            assert!(kinds.contains(&kind), "{file}: {kinds:?}");
        }
    }
}

#[tokio::test]
async fn actions_carry_what_they_are_about_and_follow_the_leader() {
    let (mut follower, mut leader) = (Fake::start().await, Fake::start().await);
    let masters = format!("{},{}", nobody().await, follower.address);
    let mut config = config(Encoding::Json);
    config.credentials = Some(Credentials::Basic {
        principal: "op".to_owned(),
        secret: Secret::new("s"),
    });
    let client = MasterOperator::new(masters.parse().unwrap(), config).unwrap();
    let agent = || v1::AgentId {
        value: "a".to_owned(),
    };
    let grace = mesos::protobuf::Duration {
        seconds: 90,
        nanos: 0,
    };
    let (outcome, ()) = tokio::join!(client.drain_agent(agent(), grace, true), async {
        let location = format!("//{}/api/v1", leader.address);
        follower.next().await.redirect(&location);
        let request = leader.next().await;
        assert_eq!(request.header("authorization"), Some("Basic b3A6cw=="));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let expected = serde_json::json!({
            "type": "DRAIN_AGENT",
            "drain_agent": {
                "agent_id": { "value": "a" },
                "max_grace_period": "90s",
                "mark_gone": true,
            },
        });
        assert_eq!(body, expected);
        request.answer(200, "");
    });
    assert_eq!(outcome, Ok(()));

    // The leader is known now.
    let framework = v1::FrameworkId {
        value: "f".to_owned(),
    };
    let (outcome, ()) = tokio::join!(client.teardown(framework), async {
        let text = "No framework found with specified ID";
        leader.next().await.answer(400, text);
    });
    assert_eq!(
        outcome,
        Err(OperatorError::Rejected {
            status: 400,
            text: "No framework found with specified ID".to_owned(),
        })
    );
    assert!(follower.is_idle());
}

#[tokio::test]
async fn failures_have_their_class() {
    let address = nobody().await;
    let failed = master(&address, Encoding::Protobuf).get_health().await;
    assert!(
        matches!(&failed, Err(OperatorError::Unreachable(DisconnectReason::Unreachable { endpoint, .. }))
            if endpoint.contains(&address)),
        "{failed:?}"
    );

    let mut fake = Fake::start().await;
    let client = master(&fake.address, Encoding::Protobuf);
    let (failed, ()) = tokio::join!(client.get_health(), async {
        fake.next().await.answer(401, "401 Unauthorized.");
    });
    let is_unauthorized = matches!(
        &failed,
        Err(OperatorError::Unauthorized { status: 401, .. })
    );
    assert!(is_unauthorized, "{failed:?}");

    let (failed, ()) = tokio::join!(client.get_health(), async {
        // Once as the leader that is known, once as the master of the list.
        fake.next().await.answer(503, "No leader elected");
    });
    let is_leaderless = matches!(&failed, Err(OperatorError::Unreachable(_)));
    assert!(is_leaderless, "{failed:?}");

    let (failed, ()) = tokio::join!(client.get_health(), async {
        fake.next()
            .await
            .answer_with(200, "text/html", b"<html>".to_vec());
    });
    assert!(
        matches!(&failed, Err(OperatorError::NotMesos { .. })),
        "{failed:?}"
    );

    let (failed, ()) = tokio::join!(client.get_health(), async { fake.next().await.cut() });
    let is_unknown = matches!(&failed, Err(OperatorError::UnknownOutcome { .. }));
    assert!(is_unknown, "{failed:?}");
}
