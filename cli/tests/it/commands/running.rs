//! `mesosgot status` and `mesosgot stop`. What the former shows depends on the moment, and is looked
//! at in `running.rs` of this folder's parent.

use expect_test::expect;

use super::{PAIR, check, check_beside, check_end, scene, start};
use crate::support::{Running, Scene};

/// Starts a job that runs until it is ended.
fn lasting(scene: &Scene) -> Running {
    scene.job(&PAIR.replace("[greet]", "[wait]"));
    let mut job = start(scene, "run job.yaml --quiet");
    job.wait_for("the task runs", |line| line.contains("TaskRunning"));
    job
}

#[test]
fn a_running_job_is_stopped() {
    let scene = scene();
    let job = lasting(&scene);
    check_beside(
        &scene,
        "stop",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Stopped job `pair`: interrupted after {time}
    "#]],
    );
    check_end(
        &scene,
        &job.wait(),
        &expect![[r#"
        exit 130
        stdout:
          scheduler | director is up: wait
          scheduler | event Registered - -
          scheduler | event TaskLaunched echo-0 -
          scheduler | event TaskRunning echo-0 -
          scheduler | event Shutdown - -
          scheduler | event TaskFinished echo-0 -
        stderr:
          error: job `pair` interrupted after {time}: by the user
    "#]],
    );
    scene.assert_clean();
}

#[test]
fn a_job_of_another_name_is_told_with_those_that_run() {
    let scene = scene();
    let job = lasting(&scene);
    check_beside(
        &scene,
        "status impair",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job called `impair` runs here

          hint: running: pair@{pid}
    "#]],
    );
    check_beside(
        &scene,
        "stop --now pair",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Stopped job `pair`: interrupted after {time}
    "#]],
    );
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn without_a_job_there_is_nothing_to_show() {
    check(
        &scene(),
        "status",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job of this user runs on this machine

          hint: start one with `mesosgot run`; for one elsewhere give `--address` and its token
    "#]],
    );
}

#[test]
fn without_a_job_there_is_nothing_to_stop() {
    check(
        &scene(),
        "stop",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job of this user runs on this machine

          hint: start one with `mesosgot run`; for one elsewhere give `--address` and its token
    "#]],
    );
}

#[test]
fn a_job_elsewhere_wants_its_token() {
    check(
        &scene(),
        "status --address 127.0.0.1:1",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: there is no token for the dashboard at `127.0.0.1:{port}`

          hint: `mesosgot run --dashboard` says it; give it by `--token-file` or in the variable `MESOSGOT_DASHBOARD_TOKEN`
    "#]],
    );
}

#[test]
fn a_job_elsewhere_that_does_not_answer_is_told() {
    let scene = scene();
    scene.file("token", "0123456789abcdef0123456789abcdef\n");
    check(
        &scene,
        "status --address 127.0.0.1:1 --token-file token",
        &expect![[r#"
            exit 3
            stdout:
            stderr:
              error: the job at `127.0.0.1:{port}` does not answer
                caused by: error sending request
                caused by: client error (Connect)
                caused by: tcp connect error
                caused by: Connection refused (os error 111)
        "#]],
    );
}

#[test]
fn a_job_is_named_or_its_address() {
    check(
        &scene(),
        "status pair --address 127.0.0.1:1",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: the argument '[JOB]' cannot be used with '--address <ADDR>'

              Usage: mesosgot status <JOB>

              For more information, try '--help'.
        "#]],
    );
}
