//! The embedded cluster by itself, and jobs on one that misbehaves.

use std::cell::RefCell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Running, Scene};

/// The faults that a run told of.
fn faults_of(ended: &Ended) -> Vec<Value> {
    let events = ended.events().into_iter();
    events.filter(|event| event["event"] == "fault").collect()
}

/// What a cluster that prints JSON says when it serves.
fn serves(cluster: &mut Running) -> Value {
    let serves = RefCell::new(Value::Null);
    cluster.wait_for("the addresses", |line| {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        let is_it = event["event"] == "cluster_serves";
        *serves.borrow_mut() = event;
        is_it
    });
    serves.into_inner()
}

#[test]
fn a_cluster_serves_until_it_is_interrupted_and_leaves_nothing() {
    let scene = Scene::new();
    let mut running = scene.start(&["cluster", "--agents", "2", "--output", "json"]);
    running.wait_for("the addresses", |line| {
        line.contains("\"event\":\"cluster_serves\"")
    });
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(0);
    let events = ended.events();
    let serves = events
        .iter()
        .find(|event| event["event"] == "cluster_serves")
        .expect("it has told where it serves");
    assert_eq!(serves["agents"].as_array().map(Vec::len), Some(2));
    assert!(serves["master"].as_str().is_some_and(|it| it.contains(':')));
    scene.assert_clean();
}

#[test]
fn a_simulated_cluster_has_more_agents_than_a_machine_could_carry() {
    let scene = Scene::new();
    let simulated = [
        "cluster",
        "--agents",
        "300",
        "--simulated",
        "--output",
        "json",
    ];
    let mut running = scene.start(&simulated);
    running.wait_for("the address", |line| {
        line.contains("\"event\":\"cluster_serves\"")
    });
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(0);
    let events = ended.events();
    let started = events
        .iter()
        .find(|event| event["event"] == "cluster_started")
        .expect("it has told of its start");
    assert_eq!(started["agents"], 300);
    scene.assert_clean();

    let ended = scene.run(&["cluster", "--agents", "300"]);
    ended.assert_code(2);
    assert!(ended.stderr.contains("--simulated"), "{}", ended.stderr);
}

#[test]
fn a_job_runs_on_the_cluster_of_another_process() {
    let scene = Scene::new();
    let mut cluster = scene.start(&["cluster"]);
    let master = RefCell::new(String::new());
    cluster.wait_for("the master's address", |line| {
        let address = line.trim_end().strip_prefix("master ");
        address.is_some_and(|address| {
            *master.borrow_mut() = address.to_owned();
            true
        })
    });
    let master = master.into_inner();
    let hello = ["run", "examples/hello/hello.yaml", "--output", "json"];
    let ended = scene.start(&[&hello[..], &["--master", &master]].concat());
    ended.wait().assert_code(0);
    assert!(!cluster.has_ended());
    cluster.signal(Signal::TERM);
    cluster.wait().assert_code(0);
    scene.assert_clean();
}

#[test]
fn a_work_directory_that_was_named_keeps_the_sandboxes() {
    let scene = Scene::new();
    let kept = tempfile::tempdir().expect("a temporary directory");
    let folder = kept.path().join("cluster");
    let work_dir = folder.to_str().expect("a text");
    let mut cluster = scene.start(&["cluster", "--work-dir", work_dir, "--output", "json"]);
    let serves = serves(&mut cluster);
    let master = serves["master"].as_str().expect("an address");
    let hello = ["run", "examples/hello/hello.yaml", "--master", master];
    scene.start(&hello).wait().assert_code(0);
    cluster.signal(Signal::INT);
    cluster.wait().assert_code(0);
    let mut folders = vec![folder];
    let mut printed = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            // `latest` is a link to a folder that is looked into anyway.
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if path.ends_with("stdout") || path.ends_with("stderr") {
                printed.push(path);
            }
        }
    }
    // The job had one executor.
    assert_eq!(printed.len(), 2, "{printed:?}");
    let is_its = |path: &PathBuf| path.to_string_lossy().contains("/executors/");
    assert!(printed.iter().all(is_its), "{printed:?}");
    scene.assert_clean();
}

#[test]
fn a_cluster_makes_the_faults_that_it_is_asked_for() {
    let scene = Scene::new();
    let mut cluster = scene.start(&["cluster", "--faults", "--output", "json"]);
    let serves = serves(&mut cluster);
    let master = serves["master"].as_str().expect("an address");
    let faults = serves["faults"].as_str();
    assert_eq!(faults, Some(&*format!("http://{master}/faults")));
    let body = r#"{"fault":"stop_agent","agent":0}"#;
    let mut connection = TcpStream::connect(master).expect("it serves");
    write!(
        connection,
        "POST /faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    cluster.signal(Signal::INT);
    let ended = cluster.wait();
    ended.assert_code(0);
    let faults = faults_of(&ended);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["fault"], "stop_agent agent=0");
    assert!(faults[0]["chaos"].is_null());
    scene.assert_clean();
}

#[test]
fn a_job_survives_what_only_disturbs() {
    for seed in ["1", "2"] {
        let scene = Scene::new();
        let job = ["run", "elevator.yaml", "--output", "json", "--chaos", seed];
        let args = ["--", "--seconds", "4", "--seed", "7", "--speed", "2"];
        let ended = scene.run(&[&job[..], &args].concat());
        ended.assert_code(0);
        let faults = faults_of(&ended);
        assert!(!faults.is_empty(), "nothing went wrong: {ended:?}");
        let chaos = format!("{seed}:disturb");
        assert!(faults.iter().all(|fault| fault["chaos"] == chaos.as_str()));
        scene.assert_clean();
    }
}

#[test]
fn a_job_whose_executor_is_killed_fails_and_says_so() {
    let scene = Scene::new();
    let job = scene.job(
        "job: patient
scheduler: { module: guests/director, args: [wait] }
tasks:
  echo: { module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }
",
    );
    let job = job.display().to_string();
    let ended = scene.run(&["run", &job, "--output", "json", "--chaos", "7:kill"]);
    ended.assert_code(1);
    let faults = faults_of(&ended);
    assert!(!faults.is_empty(), "nothing went wrong: {ended:?}");
    let cause = ended.outcome().to_string();
    assert!(cause.contains("REASON_EXECUTOR_TERMINATED"), "{cause}");
    scene.assert_clean();
}

#[test]
fn a_real_cluster_is_not_told_to_misbehave() {
    let scene = Scene::new();
    let hello = ["run", "examples/hello/hello.yaml", "--chaos", "1"];
    let ended = scene.run(&[&hello[..], &["--master", "127.0.0.1:5050"]].concat());
    ended.assert_code(2);
    assert!(ended.stderr.contains("--chaos"), "{}", ended.stderr);
    let ended = scene.run(&["cluster", "--chaos", "7:fire"]);
    ended.assert_code(2);
    assert!(ended.stderr.contains("`disturb`"), "{}", ended.stderr);
}
