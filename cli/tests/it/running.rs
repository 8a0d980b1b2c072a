//! A running job, looked at and ended from elsewhere.

mod guard;
mod journal;
mod strangers;
mod tasks;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Ended, Running, Scene};

/// How long executors may take to tell what tasks take: far more than they need.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(60);

/// A job that runs until it is ended.
fn patient(scene: &Scene, arguments: &[&str]) -> Running {
    let tasks = "  echo: { module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }";
    job(scene, "wait", tasks, arguments)
}

/// A job that runs, whose app scheduler does this, with these tasks.
fn job(scene: &Scene, role: &str, tasks: &str, arguments: &[&str]) -> Running {
    let job = scene.job(&format!(
        "job: patient
scheduler: {{ module: guests/director, args: [{role}] }}
tasks:
{tasks}
"
    ));
    let job = job.display().to_string();
    let arguments = [&["run", &job], arguments].concat();
    let mut running = scene.start(&arguments);
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    running
}

/// Ends the job.
#[track_caller]
fn stop(scene: &Scene, job: Running) -> Ended {
    scene.start(&["stop"]).wait().assert_code(0);
    let ended = job.wait();
    ended.assert_code(130);
    ended
}

#[test]
fn another_command_sees_how_a_job_is_and_ends_it() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);

    let seen = scene.start(&["status", "--output", "json"]).wait();
    seen.assert_code(0);
    let status: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(status["event"], "status");
    assert_eq!(status["job"], "patient");
    assert_eq!(status["phase"], "running");
    let tasks = status["tasks"].as_array().unwrap();
    let states = tasks.iter().map(|task| (&task["task"], &task["state"]));
    let states: Vec<_> = states
        .map(|(task, state)| format!("{task} {state}"))
        .collect();
    assert_eq!(
        states,
        [r#""echo-0" "TASK_RUNNING""#, r#""echo-1" "TASK_RUNNING""#]
    );

    let shown = scene.start(&["status", "patient"]).wait();
    shown.assert_code(0);
    assert!(
        shown.stdout.contains("echo: 2 of 2 running"),
        "{}",
        shown.stdout
    );

    let stopped = scene.start(&["stop", "patient"]).wait();
    stopped.assert_code(0);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn what_tasks_take_is_known_while_they_run() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    let deadline = Instant::now() + KNOWN_TIME_MAX;
    loop {
        let seen = scene.start(&["status", "--output", "json"]).wait();
        seen.assert_code(0);
        let status = &seen.events()[0];
        let tasks = status["tasks"].as_array().unwrap();
        if tasks
            .iter()
            .all(|task| task["memory_bytes"].as_u64() > Some(0))
        {
            break;
        }
        assert!(Instant::now() < deadline, "{}", seen.stdout);
    }
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn where_nothing_runs_that_is_said() {
    let scene = Scene::new();
    let ended = scene.run(&["status", "elevator"]);
    ended.assert_code(2);
    assert_eq!(
        ended.stderr,
        "error: no job called `elevator` runs here

hint: no job of this user runs on this machine; for one elsewhere give `--address` and its token
"
    );
    scene.run(&["stop"]).assert_code(2);
}

#[test]
fn a_job_that_was_killed_leaves_a_socket_that_the_next_command_removes() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    drop(job);
    scene.start(&["status"]).wait().assert_code(2);
    let folder = run_folder(&scene);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn the_socket_is_private_to_the_user() {
    let scene = Scene::new();
    let _job = patient(&scene, &[]);
    let folder = run_folder(&scene);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let socket = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    assert_eq!(mode(&socket.path()), 0o600);
}

fn run_folder(scene: &Scene) -> std::path::PathBuf {
    let entries = fs::read_dir(scene.tmp()).expect("the folder is there");
    let mut folders = entries.map(|entry| entry.expect("it can be read").path());
    let is_run_folder = |path: &std::path::PathBuf| {
        let name = path.to_string_lossy();
        let name = name.rsplit('/').next().unwrap_or_default();
        let user = name.strip_prefix("mesosgot-");
        user.is_some_and(|user| user.parse::<u32>().is_ok())
    };
    folders.find(is_run_folder).expect("the job has made it")
}

#[test]
fn figures_want_the_token_and_the_health_of_a_job_does_not() {
    let scene = Scene::new();
    let mut job = patient(&scene, &["--dashboard"]);
    let url = job.wait_for_log("dashboard on http://");
    let (address, token) = url.trim().split_once("/#").unwrap();
    assert_eq!(ask(address, "/health", &[]), "HTTP/1.1 200 OK");
    assert_eq!(ask(address, "/metrics", &[]), "HTTP/1.1 401 Unauthorized");
    let bearer = [format!("Authorization: Bearer {token}")];
    let figures = answer(address, "/metrics", &bearer);
    assert!(
        figures.contains(r#"mesosgot_tasks{group="echo",state="TASK_RUNNING"} 2.0"#),
        "{figures}"
    );
    let health = answer(address, "/health", &[]);
    assert!(
        health.ends_with(r#"{"phase":"running","connected":true}"#),
        "{health}"
    );
}

/// The status line of the answer to a request with these headers.
fn ask(address: &str, path: &str, headers: &[String]) -> String {
    let answer = answer(address, path, headers);
    answer.lines().next().unwrap_or_default().to_owned()
}

/// The answer to a request with these headers.
fn answer(address: &str, path: &str, headers: &[String]) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is text");
    answer
}

#[test]
fn over_tcp_only_those_with_the_token_get_in_and_no_page_from_elsewhere() {
    let scene = Scene::new();
    let mut job = patient(&scene, &["--dashboard"]);
    let url = job.wait_for_log("dashboard on http://");
    let (address, token) = url.trim().split_once("/#").unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let bearer = format!("Authorization: Bearer {token}");
    let status = |headers: &[String]| ask(address, "/v1/status", headers);
    assert_eq!(status(&[]), "HTTP/1.1 401 Unauthorized");
    let wrong = format!("Authorization: Bearer {}", "0".repeat(token.len()));
    assert_eq!(status(&[wrong]), "HTTP/1.1 401 Unauthorized");
    assert_eq!(status(std::slice::from_ref(&bearer)), "HTTP/1.1 200 OK");
    let elsewhere = "Origin: http://example.org".to_owned();
    assert_eq!(
        status(&[bearer.clone(), elsewhere]),
        "HTTP/1.1 403 Forbidden"
    );
    let elsewhere = "Sec-Fetch-Site: cross-site".to_owned();
    assert_eq!(status(&[bearer, elsewhere]), "HTTP/1.1 403 Forbidden");

    let args = ["status", "--address", address, "--output", "json"];
    let variables = [("MESOSGOT_DASHBOARD_TOKEN", token)];
    let seen = scene.start_with(&variables, &args).wait();
    seen.assert_code(0);
    assert!(
        seen.stdout.contains(r#""job":"patient""#),
        "{}",
        seen.stdout
    );
    let refused = [("MESOSGOT_DASHBOARD_TOKEN", "0123456789abcdef0123")];
    let refused = scene.start_with(&refused, &args).wait();
    refused.assert_code(3);
}
