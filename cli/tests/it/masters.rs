//! Clusters that cannot be reached or do not take us: all that is said, the exit code, and that
//! nothing is left behind.

mod access;
mod answers;

use std::net::TcpListener;

use expect_test::{Expect, expect};
use serde_json::Value;
use testkit::pki::{Authority, Clients};

use crate::fake_master::{FakeMaster, answer, error, refusal, stream, subscribed};
use crate::support::{Ended, Scene};

/// Runs a job with `cluster` as that part of its file.
fn run(scene: &Scene, cluster: &str) -> Ended {
    // On a busy machine it takes a second until the program asks, and the handshake of one that is
    // not optimized another.
    let timeout = if cluster.contains("https://") { 5 } else { 3 };
    let job = scene.job(&format!(
        "job: lost
cluster: {{ timeout: {timeout}s, {cluster} }}
gang: {{ timeout: 6s }}
scheduler: {{ module: guests/director, args: [return] }}
tasks:
  echo: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }}
"
    ));
    scene.run(&["run", &job.display().to_string(), "--output", "json"])
}

/// The exit code, and what a user is told of the end.
fn told(ended: &Ended) -> String {
    let mut told = format!("exit {}", ended.code.expect("no signal has ended it"));
    for event in ended.events() {
        let text = |key: &str| event[key].as_str().map(str::to_owned);
        let causes = event["causes"].as_array().into_iter().flatten();
        let lines = match event["event"].as_str() {
            Some("error") => [text("message")].into_iter().flatten().collect::<Vec<_>>(),
            Some("outcome") => [text("outcome"), text("reason")]
                .into_iter()
                .flatten()
                .collect(),
            _ => continue,
        };
        let causes = causes.filter_map(Value::as_str).map(str::to_owned);
        for line in lines.into_iter().chain(causes) {
            told += &format!("\n{line}");
        }
        if let Some(help) = text("help") {
            told += &format!("\nhelp: {help}");
        }
    }
    told + "\n"
}

/// A run with `cluster` in the job file tells this, where `hidden` is of this run alone.
#[track_caller]
fn check(scene: &Scene, cluster: &str, hidden: &[&str], expected: &Expect) {
    let ended = run(scene, cluster);
    let mut text = told(&ended);
    for hidden in hidden {
        text = text.replace(hidden, "ADDRESS");
    }
    expected.assert_eq(&text);
}

/// A master that gives these answers is told so.
#[track_caller]
fn check_answers(answers: Vec<Vec<u8>>, expected: &Expect) {
    let master = FakeMaster::start(answers);
    let address = master.address.to_string();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        expected,
    );
}

/// An address where nobody answers.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    address.to_string()
}

#[test]
fn an_address_where_nobody_is() {
    let address = nobody();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: cannot reach `http://ADDRESS/api/v1/scheduler`: Connection refused (os error 111)
            help: does a master run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`; one behind TLS begins with `https://`
        "#]],
    );
}

#[test]
fn a_name_that_nobody_has() {
    // Too long for any name server to be asked.
    let name = "x".repeat(64);
    check(
        &Scene::new(),
        &format!("master: '{name}'"),
        &[&name],
        &expect![[r#"
            exit 3
            failed to find a way to `ADDRESS:5050`, and with it one back for agents
            failed to lookup address information: Name or service not known
            help: is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`
            not_run
        "#]],
    );
}

#[test]
fn masters_without_a_leader() {
    check_answers(
        vec![refusal("503 Service Unavailable", "No leader elected")],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not serve now, status 503: No leader elected
            help: the masters have no leader, or it is about to begin; if that does not pass, their logs say why
        "#]],
    );
}

#[test]
fn a_leader_that_cannot_be_reached_is_told_with_who_names_it() {
    let leader = nobody();
    let head = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: //{leader}/api/v1/scheduler\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let master = FakeMaster::start(vec![head.into_bytes()]);
    let ended = run(&Scene::new(), &format!("master: '{}'", master.address));
    let text = told(&ended).replace(&leader, "LEADER");
    let text = text.replace(&master.address.to_string(), "ADDRESS");
    expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` says that another master leads: cannot reach `http://LEADER/api/v1/scheduler`: Connection refused (os error 111)
        help: the leader must be reachable from here under the name that it gives itself, which its operator sets by `--hostname` or `--advertise_ip`
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_zookeeper_that_is_not_there() {
    let address = nobody();
    let cluster = format!("master: 'zk://user:sesame@{address}/mesos'");
    check(
        &Scene::new(),
        &cluster,
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `zk://ADDRESS/mesos`: no master has taken the subscription: no leading master is known from `zk://ADDRESS/mesos`: `ADDRESS`: Connection refused (os error 111)
            help: does ZooKeeper run there, and are servers and path of `zk://` those which the masters were given by `--zk`?
        "#]],
    );
}

#[test]
fn a_wrong_scheme() {
    let plain = FakeMaster::start(vec![refusal("400 Bad Request", "")]);
    let address = plain.address.to_string();
    let cluster = format!("master: 'https://{address}'");
    check(
        &Scene::new(),
        &cluster,
        &[&address],
        &expect![[r#"
        exit 3
        unreachable
        master `https://ADDRESS`: no master has taken the subscription: `https://ADDRESS/api/v1/scheduler` does not speak TLS: received corrupt message of type InvalidContentType
        help: write the address with `http://` in place of `https://`
    "#]],
    );

    let authority = Authority::default();
    let secure = FakeMaster::start_tls(
        authority.server(Clients::Anybody),
        vec![stream(&error("nobody gets so far"))],
    );
    let address = secure.address.to_string();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not answer in HTTP: invalid HTTP version parsed
            help: if the master is behind TLS, write its address with `https://`; for one found by `zk://` name the authority of its certificate by `--ca-file` or `cluster.ca_file`
        "#]],
    );
}
