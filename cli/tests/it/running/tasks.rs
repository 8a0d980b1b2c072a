//! Messages to tasks of a running job, their end, and their next life.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{job, patient, stop};
use crate::support::{Ended, Running, Scene};

const ECHO: &str = "  echo: { module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }";

/// What the app scheduler heard of a message.
fn heard(job: &mut Running, expected: &str) {
    let line = job.wait_for(expected, |line| line.contains(" says "));
    assert_eq!(line, format!("scheduler | {expected}\n"));
}

fn send_fed(scene: &Scene, arguments: &[&str], input: &[u8]) -> Ended {
    let mut send = scene.start_fed(&[&["send"], arguments].concat());
    send.feed(input);
    drop(send.take_stdin());
    send.wait()
}

#[test]
fn messages_arrive_as_they_are() {
    let scene = Scene::new();
    let mut job = job(&scene, "hear", ECHO, &[]);
    let sent = scene.start(&["send", "echo-1", "up & \u{1b}down"]).wait();
    sent.assert_code(0);
    assert_eq!(sent.stderr, "        Sent 10 bytes to `echo-1`\n");
    heard(&mut job, r"echo-1 says up & \x1bdown");
    scene.start(&["send", "echo-1", "-5"]).wait().assert_code(0);
    heard(&mut job, "echo-1 says -5");
    for arguments in [&["echo-0"][..], &["echo-0", "-"]] {
        send_fed(&scene, arguments, b"\x00\xff\n").assert_code(0);
        heard(&mut job, r"echo-0 says \x00\xff\n");
    }
    let lines = ["echo-0", "--lines", "--output", "json"];
    let sent = send_fed(&scene, &lines, b"one\n\nthree");
    sent.assert_code(0);
    assert_eq!(
        sent.stdout,
        "{\"event\":\"sent\",\"task\":\"echo-0\",\"messages\":3,\"bytes\":8}\n"
    );
    for line in ["one", "", "three"] {
        heard(&mut job, &format!("echo-0 says {line}"));
    }
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn what_is_too_large_or_for_nobody_is_not_sent() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    let large = send_fed(&scene, &["echo-0"], &vec![b'x'; (16 << 20) + 1]);
    large.assert_code(2);
    assert!(
        large.stderr.contains("larger than 16777216 bytes"),
        "{}",
        large.stderr
    );
    let unknown = scene.start(&["send", "ehco-0", "hi"]).wait();
    unknown.assert_code(2);
    assert_eq!(
        unknown.stderr,
        "error: no task of job `patient` is called `ehco-0`

hint: did you mean `echo-0`? its only group is `echo`
"
    );
    scene.start(&["kill", "echo-0"]).wait().assert_code(0);
    let closed = scene.start(&["send", "echo-0", "hi"]).wait();
    closed.assert_code(1);
    assert!(
        closed.stderr.contains("`echo-0`: channel is closed"),
        "{}",
        closed.stderr
    );
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn a_full_channel_is_waited_for_until_the_user_gives_up() {
    let scene = Scene::new();
    // Nobody receives what the tasks answer.
    let job = job(
        &scene,
        "wait",
        &format!("{ECHO}\nchannels: {{ window: 1 }}"),
        &[],
    );
    let mut send = scene.start_fed(&["send", "echo-0", "--lines"]);
    send.feed(&b"again\n".repeat(20));
    send.wait_for_log("the channel of `echo-0` is full");
    send.signal(Signal::INT);
    send.wait().assert_code(130);
    // The other one has room.
    scene.start(&["send", "echo-1", "hi"]).wait().assert_code(0);
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn tasks_are_killed_and_stay_so() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    let killed = scene.start(&["kill", "echo-1", "--output", "json"]).wait();
    killed.assert_code(0);
    let told = killed.events();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["event"], &told[0]["task"]),
        (&"killed".into(), &"echo-1".into())
    );
    let both = scene.start(&["kill", "echo"]).wait();
    both.assert_code(0);
    assert!(
        both.stderr.contains("`echo-1` had ended before"),
        "{}",
        both.stderr
    );
    assert!(
        both.stderr.contains("Killed task `echo-0`"),
        "{}",
        both.stderr
    );
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn a_restarted_task_runs_again_when_that_is_said() {
    let scene = Scene::new();
    let mut job = job(&scene, "hear", ECHO, &[]);
    let restarted = scene
        .start(&["restart", "echo-0", "--output", "json"])
        .wait();
    restarted.assert_code(0);
    assert_eq!(
        restarted.stdout,
        "{\"event\":\"restarted\",\"task\":\"echo-0\"}\n"
    );
    scene
        .start(&["send", "echo-0", "back?"])
        .wait()
        .assert_code(0);
    heard(&mut job, "echo-0 says back?");
    let status = scene.start(&["status", "--output", "json"]).wait();
    let status = status.events().remove(0);
    let restarts = status["tasks"].as_array().unwrap().iter();
    let restarts: Vec<_> = restarts.map(|task| task["restarts"].as_u64()).collect();
    assert_eq!(restarts, [Some(1), Some(0)]);
    // One that was killed comes back as well.
    scene.start(&["kill", "echo-1"]).wait().assert_code(0);
    scene.start(&["restart", "echo-1"]).wait().assert_code(0);
    scene
        .start(&["send", "echo-1", "you too?"])
        .wait()
        .assert_code(0);
    heard(&mut job, "echo-1 says you too?");
    stop(&scene, job);
    scene.assert_clean();
}

/// How long a task may take until it is told to end: far more than it needs.
const TOLD_TIME_MAX: Duration = Duration::from_secs(60);

#[test]
fn whoever_restarts_a_task_hears_that_somebody_else_has_killed_it() {
    let scene = Scene::new();
    // It does not end by itself, so that there is time to kill it meanwhile.
    let tasks = "  deaf: { module: guests/actor, args: [deaf], cpus: 0.1, kill_grace: 10s }";
    let job = job(&scene, "wait", tasks, &[]);
    let restart = scene.start(&["restart", "deaf-0"]);
    let deadline = Instant::now() + TOLD_TIME_MAX;
    loop {
        let status = scene.start(&["status", "--output", "json"]).wait();
        status.assert_code(0);
        let status = status.events().remove(0);
        if status["tasks"][0]["state"] == "TASK_KILLING" {
            break;
        }
        assert!(Instant::now() < deadline, "{status}");
    }
    scene.start(&["kill", "deaf-0"]).wait().assert_code(0);
    let restart = restart.wait();
    restart.assert_code(1);
    assert_eq!(
        restart.stderr,
        "error: task `deaf-0` was killed by somebody else before it was launched again

hint: `mesosgot restart deaf-0` gives it another life
"
    );
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn a_task_that_waits_to_be_launched_again_can_be_killed() {
    let scene = Scene::new();
    // There is no room for the second executor that a restart needs beside the other task.
    let arguments = ["--resources", "cpus:0.3;mem:256"];
    let job = job(&scene, "wait", ECHO, &arguments);
    let mut restart = scene.start(&["restart", "echo-0"]);
    restart.wait_for_log("Waiting");
    scene.start(&["kill", "echo-0"]).wait().assert_code(0);
    let restart = restart.wait();
    restart.assert_code(1);
    assert!(
        restart.stderr.ends_with(
            "error: task `echo-0` was to run again and has ended with TASK_KILLED: it was killed \
             before it was launched

hint: `mesosgot logs echo-0` shows what it has printed
"
        ),
        "{}",
        restart.stderr
    );
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn whoever_waits_for_a_task_hears_of_the_end_of_its_job() {
    let scene = Scene::new();
    // There is no room for the second executor that a restart needs beside the other task.
    let arguments = ["--resources", "cpus:0.3;mem:256"];
    let job = job(&scene, "wait", ECHO, &arguments);
    let mut restart = scene.start(&["restart", "echo-0"]);
    restart.wait_for_log("Waiting");
    stop(&scene, job);
    let restart = restart.wait();
    restart.assert_code(1);
    assert!(
        restart
            .stderr
            .contains("error: job `patient` has ended before: by the user"),
        "{}",
        restart.stderr
    );
    scene.assert_clean();
}
