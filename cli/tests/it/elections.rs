//! Jobs on clusters of several masters, and the command that starts such clusters.

use std::cell::RefCell;
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;
use testkit::zookeeper::ZooKeeper;

use crate::rig::Rig;
use crate::support::{Ended, Scene};

const ELEVATOR: [&str; 5] = ["run", "elevator.yaml", "--output", "json", "-v"];

/// Enough riders for the time in which nobody leads, and after it.
const ELEVATOR_ARGS: [&str; 7] = ["--", "--seconds", "8", "--seed", "7", "--speed", "2"];

/// Whether each subscription was another than the first.
fn subscriptions(ended: &Ended) -> Vec<bool> {
    let events = ended.events().into_iter();
    let events = events.filter(|event| event["event"] == "subscribed");
    events.map(|event| event["again"] == true).collect()
}

#[test]
fn a_job_outlives_the_leader_that_zookeeper_had_elected() {
    let test = "a_job_outlives_the_leader_that_zookeeper_had_elected";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let mut rig = Rig::of_masters(&zookeeper);
    let url = zookeeper.url();
    let args = [&ELEVATOR[..], &["--master", &url], &ELEVATOR_ARGS].concat();
    let mut running = rig.scene.start(&args);
    running.wait_for("the app scheduler", |line| {
        line.contains(r#""event":"app_started""#)
    });
    let first = rig.kill_leader();
    let second = rig.restart_master(first);
    assert_ne!(first, second, "it is the youngest by now");
    running.wait_for("the new leader", |line| {
        line.contains(r#""event":"subscribed""#) && line.contains(r#""again":true"#)
    });
    let ended = rig.finish(running);
    ended.assert_code(0);
    assert_eq!(subscriptions(&ended), [false, true]);
}

#[test]
fn a_job_on_three_masters_of_its_own_outlives_their_failovers() {
    let scene = Scene::new();
    let chaos = ["--masters", "3", "--chaos", FAILOVERS];
    let ended = scene.run(&[&ELEVATOR[..], &chaos, &ELEVATOR_ARGS].concat());
    ended.assert_code(0);
    let failovers = ended.events().into_iter();
    let failovers = failovers.filter(|event| event["fault"] == "fail_over_master");
    assert!(failovers.count() > 0, "no master failed over: {ended:?}");
    assert!(subscriptions(&ended).len() > 1, "{ended:?}");
    scene.assert_clean();
}

/// A seed by which masters fail over after half a second and after three, among other faults.
const FAILOVERS: &str = "8";

#[test]
fn a_cluster_of_three_masters_says_where_they_are_and_which_leads() {
    let scene = Scene::new();
    let mut running = scene.start(&["cluster", "--masters", "3", "--output", "json"]);
    running.wait_for("the addresses", |line| {
        line.contains(r#""event":"cluster_serves""#)
    });
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(0);
    let events = ended.events();
    let serves = events
        .iter()
        .find(|event| event["event"] == "cluster_serves");
    let serves = serves.expect("it has told where it serves");
    let masters = serves["masters"].as_array().expect("a list");
    assert_eq!(masters.len(), 3);
    assert!(masters.contains(&serves["master"]), "{serves}");
    scene.assert_clean();
}

/// Runs `mesosgot cluster` with flags that are wrong, and answers the exit code and what it says.
fn refused(scene: &Scene, flags: &[&str]) -> (Option<i32>, Value) {
    let command = ["cluster", "--output", "json"];
    let ended = scene.run(&[&command[..], flags].concat());
    let events = ended.events();
    let error = events.iter().find(|event| event["event"] == "error");
    let error = error
        .cloned()
        .unwrap_or_else(|| ended.stderr.clone().into());
    (ended.code, error)
}

#[test]
fn flags_of_masters_that_are_wrong_are_named_with_a_remedy() {
    let scene = Scene::new();
    scene.file("nobody.json", r#"{"credentials": []}"#);
    let nobody = scene.tmp().join("../nobody.json").display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener
        .local_addr()
        .expect("it is bound")
        .port()
        .to_string();
    let cases: [(&[&str], i32, &[&str]); 7] = [
        (&["--port", &taken], 1, &[&taken, "give another `--port`"]),
        (&["--masters", "0"], 2, &["--masters", "1..=9"]),
        (&["--port", "0"], 2, &["--port"]),
        (
            &["--zk", "u:secret@here"],
            2,
            &["--zk", "zk://localhost:2181/mesos"],
        ),
        (
            &["--port", "65535", "--masters", "2"],
            1,
            &["65535", "lower `--port`"],
        ),
        (
            &["--credentials", &nobody],
            2,
            &["--credentials", "nobody.json", "secret"],
        ),
        (
            &["--credentials", "/no/such"],
            2,
            &["--credentials", "/no/such"],
        ),
    ];
    for (flags, code, words) in cases {
        let (exit, error) = refused(&scene, flags);
        let text = error.to_string();
        assert_eq!(exit, Some(code), "{flags:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{flags:?}: no `{word}` in {text}");
        }
    }
    let hello = [
        "run",
        "examples/hello/hello.yaml",
        "--master",
        "127.0.0.1:5050",
    ];
    for flags in [["--masters", "3"], ["--zk", "zk://localhost/mesos"]] {
        let ended = scene.run(&[&hello[..], &flags].concat());
        ended.assert_code(2);
        assert!(ended.stderr.contains(flags[0]), "{}", ended.stderr);
    }
}

#[test]
fn a_cluster_with_credentials_lets_in_who_has_some() {
    let scene = Scene::new();
    let credentials = r#"{"credentials": [{"principal": "me", "secret": "sesame"}]}"#;
    scene.file("credentials.json", credentials);
    scene.file("secret", "sesame");
    let path = |name: &str| scene.tmp().join("..").join(name).display().to_string();
    let mut cluster = scene.start(&["cluster", "--credentials", &path("credentials.json")]);
    let master = RefCell::new(String::new());
    cluster.wait_for("the master's address", |line| {
        let address = line.trim_end().strip_prefix("master ");
        address.is_some_and(|address| {
            *master.borrow_mut() = address.to_owned();
            true
        })
    });
    let master = &master.into_inner();
    let hello = ["run", "examples/hello/hello.yaml", "--master", master];
    let secret = path("secret");
    scene.start(&hello).wait().assert_code(3);
    let shown = ["--principal", "me", "--secret-file", &secret];
    let ended = scene.start(&[&hello[..], &shown].concat()).wait();
    ended.assert_code(0);
    cluster.signal(Signal::TERM);
    cluster.wait().assert_code(0);
    scene.assert_clean();
}
