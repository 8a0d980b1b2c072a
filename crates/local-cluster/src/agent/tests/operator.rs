//! What operators are answered, beside what a real agent answered.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use mesos::v1;

use super::fixture::{Fixture, JSON};
use crate::codec::{self, Encoding};
use crate::recordings::{Exchange, Mapping, ask, body, compare, compare_heads, exchanges};

/// The sandbox of recording 17.
const AGENT: &str = "0732401e-2536-45ee-a69e-3925656f8153-S0";
const FRAMEWORK: &str = "0732401e-2536-45ee-a69e-3925656f8153-0000";
const CONTAINER: &str = "42f9846b-eaad-43c1-bfbc-a7b031e6d07d";

async fn check(fixture: &Fixture, exchange: &Exchange, mapping: &Mapping) {
    let (head, ours) = ask(fixture.agent.address(), exchange, mapping).await;
    compare_heads(exchange, &head);
    if exchange.answer["body_length"].is_number() {
        // It was too long to be recorded as a whole.
        let length = exchange.answer["body_length"].as_u64();
        assert_eq!(length, Some(ours.len() as u64), "{}", exchange.case);
        return;
    }
    let is_protobuf = head.header("Content-Type") == Some("application/x-protobuf");
    let text = |bytes: Vec<u8>| {
        if !is_protobuf {
            return String::from_utf8(bytes).expect("text");
        }
        let answer: v1::agent::Response =
            codec::decode(Encoding::Protobuf, bytes.into()).expect("an answer");
        String::from_utf8_lossy(&codec::encode(Encoding::Json, &answer)).into_owned()
    };
    let (recorded, ours) = (text(body(&exchange.answer)), text(ours));
    if ours.starts_with(['{', '[']) {
        compare(&exchange.case, &recorded, &ours, mapping);
    } else {
        assert_eq!(ours, mapping.ours(&recorded), "{}", exchange.case);
    }
}

#[tokio::test]
async fn bad_calls_are_answered_as_by_a_real_agent() {
    let Some(exchanges) = exchanges("06c-bad-calls-operator.jsonl") else {
        return;
    };
    let fixture = Fixture::new().await;
    let of_agent = exchanges.iter().filter(|it| it.connection == "op-agent");
    for exchange in of_agent.clone() {
        check(&fixture, exchange, &Mapping::default()).await;
    }
    assert!(of_agent.count() >= 16);
}

#[tokio::test]
async fn files_are_shown_as_by_a_real_agent() {
    let Some(exchanges) = exchanges("17-files.jsonl") else {
        return;
    };
    let fixture = Fixture::new().await;
    let work_dir = fixture.work_dir.path();
    make_sandbox(work_dir);
    let mapping = Mapping(vec![
        (AGENT.to_owned(), "m-S0".to_owned()),
        (
            "/var/lib/mesos/agent".to_owned(),
            work_dir.to_str().unwrap().to_owned(),
        ),
    ]);
    let of_agent = exchanges.iter().filter(|it| it.connection == "op");
    // The agent knows its id as soon as it has taken the registration.
    let mut first = of_agent.clone();
    let first = first.next().expect("there are some");
    let registered =
        async { while ask(fixture.agent.address(), first, &mapping).await.0.status == 404 {} };
    let registered = tokio::time::timeout(Duration::from_secs(60), registered).await;
    registered.expect("a registration in time");
    for exchange in of_agent.clone() {
        check(&fixture, exchange, &mapping).await;
    }
    assert!(of_agent.count() == 64);
}

/// Asks the operator API, and takes 200 for an answer.
async fn asked(fixture: &Fixture, call: &str) -> String {
    let head = format!("POST /slave(1)/api/v1 HTTP/1.1\r\n{JSON}");
    let (status, answer) = fixture.request(&head, call).await;
    assert_eq!(status, 200, "{call}: {answer}");
    answer
}

async fn get(fixture: &Fixture, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\n");
    fixture.request(&head, "").await
}

#[tokio::test]
async fn containers_are_shown_with_what_their_processes_use() {
    let fixture = Fixture::new().await;
    fixture.run("t1", "while :; do :; done", true);
    drop(fixture.subscribe_when_launched().await);
    // The process is known when it has subscribed; it takes a while until it has used something.
    let containers = async {
        loop {
            let (status, containers) = get(&fixture, "/slave(1)/containers").await;
            assert_eq!(status, 200, "{containers}");
            let used = containers.split_once("\"cpus_user_time_secs\":");
            if used.is_some_and(|(_, used)| !used.starts_with("0.0,")) {
                return containers;
            }
        }
    };
    let containers = tokio::time::timeout(Duration::from_secs(60), containers).await;
    let containers = containers.expect("some work in time");
    let described = asked(&fixture, r#"{"type":"GET_CONTAINERS"}"#).await;
    for text in [&containers, &described] {
        assert!(text.contains("\"cpus_user_time_secs\":"), "{text}");
        assert!(text.contains("\"mem_rss_bytes\":"), "{text}");
        assert!(text.contains("\"executor_pid\":"), "{text}");
    }
    let expected = r#""executor_id":"ex","executor_name":"","framework_id":"f","source":"","statistics":{"timestamp":"#;
    assert!(containers.contains(expected), "{containers}");

    let (_, metrics) = get(&fixture, "/metrics/snapshot").await;
    assert!(
        metrics.contains("\"slave/executors_running\":1.0"),
        "{metrics}"
    );
    assert_eq!(get(&fixture, "/slave(1)/metrics/snapshot").await.0, 404);
}

#[tokio::test]
async fn a_level_of_logging_is_told_until_its_time_is_over() {
    let fixture = Fixture::new().await;
    let level = async || asked(&fixture, r#"{"type":"GET_LOGGING_LEVEL"}"#).await;
    assert!(level().await.ends_with(r#"{"level":0}}"#));
    let hour = 3_600_000_000_000_u64;
    let set = format!(
        r#"{{"type":"SET_LOGGING_LEVEL","set_logging_level":{{"level":2,"duration":{{"nanoseconds":{hour}}}}}}}"#
    );
    assert_eq!(asked(&fixture, &set).await, "");
    assert!(level().await.ends_with(r#"{"level":2}}"#));
}

#[tokio::test]
async fn what_can_be_done_with_containers_is_refused() {
    let fixture = Fixture::new().await;
    let head = format!("POST /api/v1 HTTP/1.1\r\n{JSON}");
    let answered = async |call: &str| fixture.request(&head, call).await;
    let text = "Failed to validate agent::Call: Expecting 'kill_container' to be present";
    assert_eq!(
        answered(r#"{"type":"KILL_CONTAINER"}"#).await,
        (400, text.to_owned())
    );
    let whole = r#"{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"c"}}}"#;
    let text = "501 Not Implemented.";
    assert_eq!(answered(whole).await, (501, text.to_owned()));
}

/// The files that were in the recorded sandbox.
fn make_sandbox(work_dir: &Path) {
    let runs = work_dir.join(format!(
        "slaves/m-S0/frameworks/{FRAMEWORK}/executors/ex1/runs"
    ));
    let sandbox = runs.join(CONTAINER);
    let write = |path: &Path, content: &[u8], mode: u32| {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let sub = sandbox.join("sub");
    fs::create_dir_all(&sub).unwrap();
    fs::set_permissions(&sub, fs::Permissions::from_mode(0o755)).unwrap();
    let big: Vec<u8> = (0..204_800_u32)
        .map(|index| index.to_le_bytes()[0])
        .collect();
    write(&sandbox.join("big"), &big, 0o644);
    write(&sandbox.join("empty"), b"", 0o644);
    write(&sandbox.join("stderr"), b"to stderr\n", 0o644);
    let stdout = "executor ex1 started\nline two\nl\u{ef}ne three without end";
    write(&sandbox.join("stdout"), stdout.as_bytes(), 0o644);
    write(&sub.join("a file.txt"), b"hello\n", 0o644);
    write(&work_dir.join("outside"), b"abc", 0o755);
    symlink(work_dir.join("outside"), sandbox.join("outlink")).unwrap();
    symlink(&sandbox, runs.join("latest")).unwrap();
}
