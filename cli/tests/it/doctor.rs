//! `mesosgot doctor`: on the embedded cluster, at masters that are none, and at none at all.

use std::net::TcpListener;

use expect_test::{Expect, expect};
use testkit::pki::{Authority, Clients};

use crate::fake_master::{FakeMaster, answer, refusal};
use crate::support::{Ended, Scene};

/// A job without guest projects, so that no toolchain is asked.
const JOB: &str = "job: patient
cluster: { timeout: 2s }
scheduler: { module: bad.wasm }
tasks:
  echo: { module: bad.wasm, count: 2 }
";

fn doctor(scene: &Scene, job: &str, flags: &[&str]) -> Ended {
    scene.file("bad.wasm", "no wasm");
    let job = scene.job(job).display().to_string();
    scene.run(&[&["doctor", &job], flags].concat())
}

/// The findings in these areas, with what differs from run to run hidden.
#[track_caller]
fn check(ended: &Ended, areas: &[&str], hidden: &[(&str, &str)], expected: &Expect) {
    let mut shown = format!("exit {}\n", ended.code.expect("no signal has ended it"));
    let mut is_shown = false;
    for line in ended.stdout.lines() {
        if !line.starts_with(' ') {
            is_shown = areas.iter().any(|area| line[8..].starts_with(area));
        }
        if is_shown {
            shown += &format!("{line}\n");
        }
    }
    // The program of a test is large, which is a warning where it is served.
    shown += &ended.stderr.replace(" and 1 warning", "");
    for (what, name) in hidden {
        shown = shown.replace(what, name);
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_job_that_would_run_has_no_problem() {
    let scene = Scene::new();
    let job = JOB.replacen("bad.wasm", "guests/director", 1);
    let job = job.replace("bad.wasm", "guests/actor");
    let ended = doctor(&scene, &job, &[]);
    ended.assert_code(0);
    let mut lines = ended.stdout.lines();
    assert!(
        lines.all(|line| line.starts_with("ok      ")),
        "{}",
        ended.stdout
    );
    for line in [
        ", with wasm32-wasip2",
        "cache: `",
        "executor: agents start `",
        "limits: vm.max_map_count ",
    ] {
        assert!(ended.stdout.contains(line), "{line} in {}", ended.stdout);
    }
    let last = ended.stderr.lines().last();
    let expected = Some("    Examined job `patient`: no problem");
    assert_eq!(last, expected, "{}", ended.stderr);
}

#[test]
fn on_the_embedded_cluster_only_the_job_can_be_wrong() {
    let ended = doctor(&Scene::new(), JOB, &["--quiet"]);
    check(
        &ended,
        &["job", "module", "agents", "gang", "address"],
        &[],
        &expect![[r#"
            exit 1
            ok      job: `patient`: 2 tasks in 1 group
            problem module: `bad.wasm` is not a wasm file: it starts with `no w`, not with `\0asm`
                    repair: name a `.wasm` file, or the folder of a guest project
            ok      agents: 1 agent is registered
            ok      gang: 2 tasks fit on 1 agent
            ok      address: agents reach `127.0.0.1` for executor and modules
            ok      address: agents reach `127.0.0.1` for messages
            error: job `patient` has 1 problem
        "#]],
    );
    let huge = JOB.replace("count: 2", "count: 2, cpus: 500");
    let ended = doctor(
        &Scene::new(),
        &huge,
        &["--quiet", "--listen", "1", "--resources", "cpus:4;mem:8192"],
    );
    check(
        &ended,
        &["gang"],
        &[],
        &expect![[r#"
            exit 1
            problem gang: the gang does not fit: on offer is 1 agent; no place for 2 of 2 `echo`: one and its executor need 500.1 cpus, the most that any agent offers is 4 (`agent-0`)
                    repair: it would fit with 996.1 more cpus on `agent-0`
            error: job `patient` has 2 problems
        "#]],
    );
}

#[test]
fn a_running_cluster_is_found_with_its_master_and_agents() {
    let scene = Scene::new();
    let mut cluster = scene.start(&["cluster", "--output", "json", "--agents", "2"]);
    let line = cluster.wait_for("the cluster serves", |line| line.contains("cluster_serves"));
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
    let master = event["master"]
        .as_str()
        .expect("it has an address")
        .to_owned();
    let (_, port) = master.rsplit_once(':').expect("it has a port");
    let ended = doctor(&Scene::new(), JOB, &["--master", &master]);
    check(
        &ended,
        &["master", "cluster", "agents", "gang", "address"],
        &[(&master, "ADDRESS"), (port, "PORT")],
        &expect![[r#"
            exit 1
            ok      master: `ADDRESS` (127.0.0.1) is Mesos 1.12.0; localhost:PORT leads
            ok      cluster: `ADDRESS` lets us in, for the role `*`
            ok      agents: 2 agents are registered
            ok      gang: 2 tasks fit on 1 agent
            ok      address: agents reach `127.0.0.1` for executor and modules
            ok      address: agents reach `127.0.0.1` for messages
            error: job `patient` has 1 problem
        "#]],
    );
    let ended = doctor(
        &Scene::new(),
        JOB,
        &["--master", &master, "--output", "json"],
    );
    let events = ended.events();
    let last = events.last().expect("there are events");
    let expected = (&"examined".into(), &1.into());
    assert_eq!((&last["event"], &last["exit_code"]), expected);
    let findings = events.iter().filter(|event| event["event"] == "finding");
    assert_eq!(findings.count() + 1, events.len(), "{events:?}");
}

#[test]
fn what_is_no_master_is_told_with_what_to_do() {
    let page = b"<html><head><title>Welcome</title></head></html>";
    let web = FakeMaster::start(vec![answer("404 Not Found", "text/html", page)]);
    let address = web.address.to_string();
    let ended = doctor(&Scene::new(), JOB, &["--master", &address]);
    check(
        &ended,
        &["master", "cluster", "gang"],
        &[(&address, "ADDRESS")],
        &expect![[r#"
            exit 3
            problem master: `ADDRESS` answers, but not as Mesos does, status 404: a web page titled `Welcome`
                    repair: is that the address of a Mesos master? its port is 5050 unless it was told another
            problem cluster: nobody at `ADDRESS` could be asked what there is
                    repair: repair what is said above, and see again
            error: job `patient` has 3 problems
        "#]],
    );

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let nobody = listener
        .local_addr()
        .expect("it has an address")
        .to_string();
    drop(listener);
    let ended = doctor(&Scene::new(), JOB, &["--master", &nobody]);
    check(
        &ended,
        &["master", "cluster"],
        &[(&nobody, "ADDRESS")],
        &expect![[r#"
            exit 3
            problem master: cannot reach `http://ADDRESS/version`: Connection refused (os error 111)
                    repair: does a master run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`; one behind TLS begins with `https://`
            problem cluster: nobody at `ADDRESS` could be asked what there is
                    repair: repair what is said above, and see again
            error: job `patient` has 3 problems
        "#]],
    );
    let zookeeper = format!("zk://{nobody}/mesos");
    let ended = doctor(&Scene::new(), JOB, &["--master", &zookeeper]);
    check(
        &ended,
        &["master", "cluster"],
        &[(&nobody, "ADDRESS")],
        &expect![[r#"
            exit 3
            problem master: cannot reach ZooKeeper at `ADDRESS`: Connection refused (os error 111)
                    repair: does ZooKeeper run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`
            problem cluster: nobody at `zk://ADDRESS/mesos` could be asked what there is
                    repair: repair what is said above, and see again
            error: job `patient` has 3 problems
        "#]],
    );
    // Too long for any name server to be asked.
    let name = "x".repeat(64);
    let ended = doctor(&Scene::new(), JOB, &["--master", &name]);
    check(
        &ended,
        &["master", "cluster", "address"],
        &[(&name, "NAME")],
        &expect![[r#"
            exit 3
            problem master: `NAME:5050` has no address: failed to lookup address information: Name or service not known
                    repair: is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`
            problem cluster: nobody at `NAME:5050` could be asked what there is
                    repair: repair what is said above, and see again
            problem address: failed to find a way to `NAME:5050`, and with it one back for agents: failed to lookup address information: Name or service not known
                    repair: is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`
            error: job `patient` has 4 problems
        "#]],
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_with_what_to_do() {
    let answers = vec![refusal("400 Bad Request", "nobody gets so far")];
    let master = FakeMaster::start_tls(Authority::default().server(Clients::Anybody), answers);
    let address = format!("localhost:{}", master.address.port());
    let scene = Scene::new();
    scene.file("ca.pem", &Authority::default().pem());
    let job = JOB.replace("timeout: 2s", "timeout: 2s, ca_file: ca.pem");
    let ended = doctor(&scene, &job, &["--master", &format!("https://{address}")]);
    check(
        &ended,
        &["master"],
        &[(&address, "ADDRESS")],
        &expect![[r#"
            exit 3
            problem master: the certificate of `https://ADDRESS/version` is not trusted: invalid peer certificate: BadSignature
                    repair: name the authority of the master's certificate by `--ca-file` or `cluster.ca_file`, and the master as its certificate does
            error: job `patient` has 3 problems
        "#]],
    );
}

#[test]
fn a_master_that_does_not_let_us_in_is_told_with_what_to_do() {
    let version = br#"{"version": "1.11.0"}"#;
    // Twice, for it is asked who leads, too.
    let answers = vec![
        answer("200 OK", "application/json", version),
        answer("200 OK", "application/json", version),
        refusal("401 Unauthorized", "401 Unauthorized."),
    ];
    let master = FakeMaster::start(answers);
    let address = master.address.to_string();
    let ended = doctor(&Scene::new(), JOB, &["--master", &address]);
    check(
        &ended,
        &["master", "cluster", "agents", "gang"],
        &[(&address, "ADDRESS")],
        &expect![[r#"
            exit 3
            ok      master: `ADDRESS` (127.0.0.1) is Mesos 1.11.0; it knows of no leader
            problem cluster: `ADDRESS`: the master does not let us in, status 401: 401 Unauthorized.
                    repair: say who you are: `--principal` and `--secret-file`, or `cluster.principal` and `cluster.secret_file`; or `--token-file` or `cluster.token_file`
            error: job `patient` has 2 problems
        "#]],
    );
}

#[test]
fn a_wrong_job_file_is_answered_as_always() {
    let ended = doctor(&Scene::new(), "job: patient\n", &[]);
    ended.assert_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("no tasks"), "{}", ended.stderr);
}
