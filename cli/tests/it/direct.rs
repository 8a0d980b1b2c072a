//! Direct paths of whole jobs: the keys of `channels`.

use std::net::TcpListener;

use crate::support::{Ended, Scene};

/// Runs an echo of some messages with these keys of `channels`.
#[track_caller]
fn run(channels: &str) -> Ended {
    let scene = Scene::new();
    let job = scene.job(&format!(
        "job: echo
scheduler: {{ module: echo/host, args: [--messages, '500', --mode, stream] }}
tasks:
  echo: {{ module: echo/echo, count: 2, cpus: 0.1, mem: 32MiB }}
channels: {channels}
"
    ));
    let job = job.display().to_string();
    scene.run(&["run", &job, "--output", "json", "-v"])
}

/// What the log says of the direct path.
const LISTENS: &str = "direct path listens on 127.0.0.1:";

#[test]
fn a_job_over_direct_paths_only_loses_nothing() {
    for channels in ["{ direct: required }", "{ direct: required, tls: on }"] {
        let ended = run(channels);
        ended.assert_code(0);
        assert!(ended.stderr.contains(LISTENS), "{}", ended.stderr);
    }
}

#[test]
fn a_job_without_direct_paths_listens_nowhere() {
    let ended = run("{ direct: off }");
    ended.assert_code(0);
    assert!(!ended.stderr.contains(LISTENS), "{}", ended.stderr);
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").to_string()
}

#[test]
fn a_job_that_requires_direct_paths_fails_when_its_executor_cannot_connect() {
    let address = nowhere();
    let ended = run(&format!(
        "{{ direct: required, advertise: '{address}', listen: '127.0.0.1:0' }}"
    ));
    ended.assert_code(1);
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "failed", "{outcome}");
    let reason = outcome["reason"].as_str().expect("a failure has a reason");
    let texts = [
        "no direct path to executor `echo.",
        &format!("{address}: failed to connect: Connection refused"),
        "; set `channels.advertise` to an address of this machine that agents reach, or \
         `channels.direct: auto`",
    ];
    for text in texts {
        assert!(reason.contains(text), "`{text}` is not in `{reason}`");
    }
}

#[test]
fn a_job_goes_without_direct_paths_when_its_executor_cannot_connect() {
    let address = nowhere();
    let ended = run(&format!(
        "{{ advertise: '{address}', listen: '127.0.0.1:0' }}"
    ));
    ended.assert_code(0);
    let warning = "no direct path, channels take framework messages";
    assert_eq!(ended.stderr.matches(warning).count(), 1, "{}", ended.stderr);
}
