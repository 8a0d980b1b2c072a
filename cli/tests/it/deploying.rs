//! How executors and modules come to agents: the keys of `executor` and `serve`, on a cluster that
//! the program knows as a real one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use local_cluster::Faults;
use sha2::{Digest as _, Sha256};

use crate::proxy::Proxy;
use crate::rig::Rig;
use crate::support::{Ended, Scene};

/// What the log of the program says of each request for a file, and where files are served.
const LOG: (&str, &str) = ("MESOSGOT_LOG", "mesosgot_framework=debug,warn");

const JOB: &str = "job: deployed
scheduler: { module: guests/director, args: [greet] }
tasks:
  echo: { module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }
";

fn rig() -> Rig {
    Rig::new(Faults::default(), 1)
}

/// Runs a job whose executor comes from there.
#[track_caller]
fn run(binary: &str) -> Ended {
    let rig = rig();
    let running = rig.start_deployed(&[LOG], JOB, &format!("executor: {{ binary: '{binary}' }}"));
    rig.finish(running)
}

#[track_caller]
fn assert_fails(ended: &Ended, code: i32, texts: &[&str]) {
    ended.assert_code(code);
    let outcome = ended.outcome();
    let reason = outcome["reason"].as_str().expect("a failure has a reason");
    for text in texts {
        assert!(reason.contains(text), "`{text}` is not in `{reason}`");
    }
}

/// A server of one file at every path; ends with the test's process.
fn serve(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                file.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&file);
        }
    });
    format!("http://{address}/executor")
}

/// The program in which an executor of the test runs.
fn script(rig: &Rig) -> Vec<u8> {
    fs::read(rig.executor()).expect("it is there")
}

#[test]
fn an_executor_that_is_served_is_fetched_once_by_each_agent() {
    let rig = rig();
    rig.executor();
    let proxy = Proxy::start();
    let text = "job: deployed
scheduler: { module: guests/director, args: [revive, 2] }
defaults: { cpus: 0.1, mem: 32MiB, on_failure: restart, restart: { backoff: 100ms, max: 2 } }
tasks:
  bad: { module: guests/actor, args: [obey, out of luck] }
  good: { module: guests/actor }
";
    // Agents reach us at another address than the one that is bound.
    let serving = format!(
        "executor: {{ binary: serve executor }}
serve: {{ listen: '127.0.0.1:0', advertise: '{}' }}",
        proxy.address()
    );
    let mut running = rig.start_deployed(&[LOG], text, &serving);
    let bound = running.wait_for_log("modules are served on ");
    let bound = bound.split_whitespace().next().expect("an address");
    proxy.set_target(bound.parse().expect("an address"));
    let ended = rig.finish(running);
    ended.assert_code(0);
    let asked = |mark: &str| ended.stderr.lines().filter(|it| it.contains(mark)).count();
    // Three executors, one after the other.
    assert_eq!(asked("path=\"/sha256-"), 1, "{}", ended.stderr);
    assert!(proxy.accepted() >= 1);
}

#[test]
fn an_executor_at_an_address_is_checked_if_the_job_names_its_digest() {
    let rig = rig();
    let file = script(&rig);
    let digest: String = Sha256::digest(&file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let url = serve(file);
    for binary in [url.clone(), format!("{url}#sha256:{digest}")] {
        let binary = format!("executor: {{ binary: '{binary}' }}");
        rig.start_deployed(&[], JOB, &binary).wait().assert_code(0);
    }
    rig.finish_cluster();

    let rig = self::rig();
    let other = "0".repeat(64);
    let binary = format!("executor: {{ binary: '{url}#sha256:{other}' }}");
    let ended = rig.start_deployed(&[], JOB, &binary).wait();
    let said = rig.sandbox_texts("stderr").concat();
    let text = "the fetched mesosgot-executor is not the expected one";
    assert!(said.contains(text), "{said}");
    rig.finish_cluster();
    assert_fails(&ended, 1, &["REASON_EXECUTOR_TERMINATED"]);
    let help = "the executor could not be started, or has ended: `stderr` in its sandbox says why";
    assert!(ended.stdout.contains(help), "{}", ended.stdout);
}

#[test]
fn an_executor_that_is_not_there_is_named() {
    let ended = run("/nowhere/mesosgot-executor");
    assert_fails(&ended, 1, &["REASON_EXECUTOR_TERMINATED"]);
    let unused = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let nobody = unused.local_addr().expect("it is bound");
    drop(unused);
    let ended = run(&format!("http://{nobody}/executor"));
    assert_fails(&ended, 1, &["Failed to fetch all URIs"]);
}

#[test]
fn an_image_is_wanted_of_agents_and_refused_by_the_embedded_cluster() {
    let rig = rig();
    let binary = format!("{}", rig.executor().display());
    let section = format!("executor: {{ binary: '{binary}', image: 'debian:12' }}");
    let running = rig.start_deployed(&[], JOB, &section);
    let ended = rig.finish(running);
    assert_fails(
        &ended,
        1,
        &["no images of containers; `debian:12` is wanted"],
    );

    let scene = Scene::new();
    let job = scene.job(&format!("{JOB}executor: {{ image: 'debian:12' }}\n"));
    let ended = scene.run(&["run", "--quiet", &job.display().to_string()]);
    ended.assert_code(2);
    let text = "the embedded cluster cannot start an executor in image `debian:12`";
    assert!(ended.stderr.contains(text), "{}", ended.stderr);
}

/// Runs a job that serves its modules like this, to executors that have compiled none.
#[track_caller]
fn run_served(scene: &Scene, serve: &str) -> Ended {
    let job = scene.job(&format!("{JOB}serve: {serve}\n"));
    let job = job.display().to_string();
    let variables = [LOG, ("MESOSGOT_CACHE_DIR", "")];
    let running = scene.start_with(&variables, &["run", &job, "--output", "json"]);
    let ended = running.wait();
    scene.assert_clean();
    ended
}

#[test]
fn modules_are_served_over_tls_with_a_certificate_made_or_given() {
    let scene = Scene::new();
    let own = testkit::pki::Authority::default().identity("localhost");
    scene.file("own.pem", &own.certificate_pem());
    scene.file("key.pem", &own.key_pem());
    for serve in [
        "{ tls: on }",
        "{ tls: on, certificate_file: own.pem, key_file: key.pem }",
    ] {
        let ended = run_served(&scene, serve);
        ended.assert_code(0);
        for mark in ["has_tls=true", "/module.wasm\" status=200"] {
            assert!(ended.stderr.contains(mark), "{mark}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_before_anything_is_launched() {
    let scene = Scene::new();
    let own = testkit::pki::Authority::default().identity("localhost");
    scene.file("own.pem", &own.certificate_pem());
    for (serve, text) in [
        ("{ certificate_file: nowhere.pem }", "nowhere.pem"),
        ("{ certificate_file: own.pem }", "there is no key"),
    ] {
        let ended = run_served(&scene, serve);
        ended.assert_code(2);
        assert!(ended.stdout.contains(text), "{}", ended.stdout);
        assert!(!ended.stderr.contains("served on"), "{}", ended.stderr);
    }
}

#[test]
fn what_is_served_must_be_a_program() {
    let rig = rig();
    rig.scene.file("notes", "no program");
    let running = rig.start_deployed(&[], JOB, "executor: { binary: serve notes }");
    let ended = rig.finish(running);
    ended.assert_code(1);
    assert!(
        ended.stdout.contains("it is not a program for Linux"),
        "{}",
        ended.stdout
    );
}
