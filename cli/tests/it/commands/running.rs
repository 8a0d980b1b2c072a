//! `mesosgot status` and `mesosgot stop`. What the former shows depends on the moment, and is looked
//! at in `running.rs` of this folder's parent.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use expect_test::expect;

use super::{PAIR, check, check_beside, check_end, scene, start};
use crate::support::{Ended, Running, Scene};

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
                caused by: Connection refused (os error 111)

              hint: is it run with `--dashboard` there, and is this the port that it printed?
        "#]],
    );
}

#[test]
fn an_address_without_a_host_is_refused() {
    let scene = scene();
    scene.file("token", "0123456789abcdef0123456789abcdef\n");
    check(
        &scene,
        "status --address http:// --token-file token",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value 'http://' for '--address <ADDR>': it names no host; write it like `http://HOST:PORT`

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn an_address_with_a_token_in_it_is_refused() {
    check(
        &scene(),
        "stop --address http://127.0.0.1:9464/#0123456789abcdef",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value 'http://127.0.0.1:{port}/#0123456789abcdef' for '--address <ADDR>': leave out what begins with `#` or `?`; the token is given by `--token-file` or in `MESOSGOT_DASHBOARD_TOKEN`

              For more information, try '--help'.
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

/// Makes the folder for sockets one that others can enter; answers how it is called.
fn open_run_folder(scene: &Scene) -> PathBuf {
    let folder = scene
        .tmp()
        .join(format!("mesosgot-{}", rustix::process::geteuid().as_raw()));
    fs::create_dir(&folder).expect("a folder can be made");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

#[test]
fn a_folder_for_sockets_that_is_not_private_is_told() {
    let scene = scene();
    let folder = open_run_folder(&scene);
    let ended = start(&scene, "status").wait();
    let named = folder.display().to_string();
    let ended = Ended {
        stderr: ended.stderr.replace(&named, "{run}"),
        ..ended
    };
    check_end(
        &scene,
        &ended,
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: failed to look for jobs in `{run}`
            caused by: `{run}` is not a folder of this user alone

          hint: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own
    "#]],
    );
    fs::remove_dir(&folder).unwrap();
    scene.assert_clean();
}

#[test]
fn the_quiet_see_no_warning_in_the_logs() {
    let scene = scene();
    let folder = open_run_folder(&scene);
    scene.job(PAIR);
    let warned = start(&scene, "run job.yaml").wait();
    let asked = start(&scene, "run job.yaml --quiet --log warn").wait();
    for ended in [warned, asked] {
        let stderr = ended.stderr;
        assert!(
            stderr.contains("other commands cannot find this job"),
            "{stderr}"
        );
    }
    check_end(
        &scene,
        &start(&scene, "run job.yaml --quiet").wait(),
        &expect![[r#"
            exit 0
            stdout:
              scheduler | director is up: greet
              scheduler | echo-0 says hello echo-0
            stderr:
        "#]],
    );
    fs::remove_dir(&folder).unwrap();
    scene.assert_clean();
}

#[test]
fn the_quiet_are_told_where_the_dashboard_is() {
    let scene = scene();
    scene.file("token", "0123456789abcdef0123456789abcdef\n");
    scene.job(PAIR);
    check(
        &scene,
        "run job.yaml --quiet --dashboard localhost:0 --dashboard-token-file token",
        &expect![[r#"
            exit 0
            stdout:
              scheduler | director is up: greet
              scheduler | echo-0 says hello echo-0
            stderr:
                   Serving dashboard on http://127.0.0.1:{port}/#0123456789abcdef0123456789abcdef
        "#]],
    );
}
