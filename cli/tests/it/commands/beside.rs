//! The commands that look at a running job and change it, beside the job.

use std::cell::Cell;

use expect_test::expect;
use rustix::process::Signal;

use super::{check, check_beside, scene, start};
use crate::support::{Running, Scene};

/// Starts a job that prints some lines and waits.
pub(super) fn waiting(scene: &Scene, name: &str) -> Running {
    scene.job(&format!(
        "\
job: {name}
scheduler: {{ module: director.wasm, args: [wait] }}
tasks:
  talk: {{ module: actor.wasm, args: [print, '3'] }}
"
    ));
    let mut job = start(scene, "run job.yaml");
    // The lines of both come in any order.
    let missing = Cell::new(2);
    job.wait_for("both", |line| {
        let is_one = line.contains("director is up") || line.contains("line 2 of 3");
        missing.set(missing.get() - i32::from(is_one));
        missing.get() == 0
    });
    job
}

#[test]
fn where_nothing_runs_each_command_says_so() {
    let scene = scene();
    for line in [
        "status",
        "logs",
        "logs talk-0 -f",
        "events",
        "send talk-0 hi",
        "kill talk-0",
        "restart talk-0",
        "stop",
    ] {
        check(
            &scene,
            line,
            &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job of this user runs on this machine

          hint: start one with `mesosgot run`; for one elsewhere give `--address` and its token
    "#]],
        );
    }
}

#[test]
fn where_nothing_runs_a_job_that_is_named_is_told() {
    let scene = scene();
    for line in [
        "status talk",
        "logs talk-0 --job talk",
        "events talk",
        "send talk-0 hi --job talk",
        "kill talk-0 --job talk",
        "restart talk-0 --job talk",
        "stop talk",
    ] {
        check(
            &scene,
            line,
            &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job called `talk` runs here

          hint: no job of this user runs on this machine; for one elsewhere give `--address` and its token
    "#]],
        );
    }
}

#[test]
fn command_lines_that_are_wrong_are_told_so() {
    let scene = scene();
    check(
        &scene,
        "kill",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: the following required arguments were not provided:
            <TASK>...

          Usage: mesosgot kill <TASK>...

          For more information, try '--help'.
    "#]],
    );
    check(
        &scene,
        "logs --since soon",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value 'soon' for '--since <TIME>': write how long ago, like `10m` or `1h30m`, or a time, like `2026-11-21T18:34`, which is UTC, or `2026-11-21T18:34:00+01:00`

          For more information, try '--help'.
    "#]],
    );
    check(
        &scene,
        "status nothing.yaml",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: failed to read the job file `nothing.yaml`
                caused by: No such file or directory (os error 2)

              hint: looked for in `{folder}`; `mesosgot new NAME` makes a new job
        "#]],
    );
    check(
        &scene,
        "send talk-0 hi --address 127.0.0.1:1",
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
fn a_job_is_looked_at_changed_and_ended() {
    let scene = scene();
    let job = waiting(&scene, "talk");
    check_beside(
        &scene,
        "logs talk",
        &expect![[r#"
        exit 0
        stdout:
          talk-0    | line 0 of 3
          talk-0    | line 1 of 3
          talk-0    | line 2 of 3
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "logs talk-0 --tail 1 --job job.yaml",
        &expect![[r#"
            exit 0
            stdout:
              talk-0    | line 2 of 3
            stderr:
        "#]],
    );
    check_beside(
        &scene,
        "logs tlak-0",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no task of job `talk` is called `tlak-0`

          hint: did you mean `talk-0`? its only group is `talk`
    "#]],
    );
    check_beside(
        &scene,
        "events --since 2100-01-01",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "send talk-0 hello",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                  Sent 5 bytes to `talk-0`
    "#]],
    );
    check_beside(
        &scene,
        "restart talk-0",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
             Restarted task `talk-0`, which runs
    "#]],
    );
    check_beside(
        &scene,
        "kill 'talk-*'",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                Killed task `talk-0`: TASK_KILLED
    "#]],
    );
    check_beside(
        &scene,
        "kill talk-0 --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"killed","task":"talk-0","state":"TASK_KILLED","already":true}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "send talk-0 hello",
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: `talk-0`: channel is closed

          hint: `mesosgot restart` gives a task that has ended another life
    "#]],
    );
    check_beside(
        &scene,
        "status talc",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job called `talc` runs here

          hint: running: talk@{pid}
    "#]],
    );
    check_beside(
        &scene,
        "stop job.yaml",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Stopped job `talk`: interrupted after {time}
    "#]],
    );
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn of_several_jobs_all_are_shown_and_one_must_be_named() {
    let scene = scene();
    let one = waiting(&scene, "one");
    let two = waiting(&scene, "two");
    check_beside(
        &scene,
        "status",
        &expect![[r#"
        exit 0
        stdout:
          job `one` (process {pid}): running for {time}, 1 of 1 tasks running
          job `two` (process {pid}): running for {time}, 1 of 1 tasks running
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "stop",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: several jobs run here

          hint: name one by `--job`; running: one@{pid}, two@{pid}
    "#]],
    );
    for line in [
        "kill talk-0",
        "restart talk-0",
        "send talk-0 hi",
        "logs",
        "events",
    ] {
        check_beside(
            &scene,
            line,
            &expect![[r#"
                exit 2
                stdout:
                stderr:
                  error: several jobs run here

                  hint: name one by `--job`; running: one@{pid}, two@{pid}
            "#]],
        );
    }
    two.signal(Signal::STOP);
    check_beside(
        &scene,
        "status",
        &expect![[r#"
        exit 0
        stdout:
          job `one` (process {pid}): running for {time}, 1 of 1 tasks running
          job `two` (process {pid}): does not answer
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "status two",
        &expect![[r#"
        exit 3
        stdout:
        stderr:
          error: job `two` (process {pid}) does not answer

          hint: its process may be stopped: `kill -CONT {pid}` lets it go on
    "#]],
    );
    check_beside(
        &scene,
        "stop one",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Stopped job `one`: interrupted after {time}
    "#]],
    );
    two.signal(Signal::CONT);
    check_beside(
        &scene,
        "stop --now --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"stopped","job":"two","outcome":"interrupted","exit_code":130,"seconds":{number},"reason":"by the user"}
        stderr:
    "#]],
    );
    one.wait().assert_code(130);
    two.wait().assert_code(130);
    scene.assert_clean();
}
