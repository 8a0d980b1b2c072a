//! What operators are answered, beside what a real agent answered.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use mesos::v1;

use super::fixture::Fixture;
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
