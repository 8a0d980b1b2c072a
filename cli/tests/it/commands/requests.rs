//! What is asked of tasks and jobs that are not as one thinks.

use expect_test::expect;
use rustix::process::Signal;

use super::beside::waiting;
use super::{check_beside, check_end, scene, start};

#[test]
fn tasks_that_are_none_are_told_with_what_is_near() {
    let scene = scene();
    let job = waiting(&scene, "talk");
    check_beside(
        &scene,
        "kill tlak-0",
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
        "restart talk-1",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no task of job `talk` is called `talk-1`

          hint: did you mean `talk-0`? its only group is `talk`
    "#]],
    );
    check_beside(
        &scene,
        "kill talk-0 walk-0",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no task of job `talk` is called `walk-0`

          hint: did you mean `talk-0`? its only group is `talk`
    "#]],
    );
    check_beside(
        &scene,
        "restart 'walk-*' --output json",
        &expect![[r#"
        exit 2
        stdout:
          {"event":"error","message":"no task of job `talk` is called `walk-*`","causes":[],"help":"did you mean `talk-0`? its only group is `talk`"}
          {"event":"outcome","outcome":"not_run","exit_code":2}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "send talk hi",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `talk`: no task has that name
    "#]],
    );
    check_beside(
        &scene,
        "kill talk-0 --job talc",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job called `talc` runs here

          hint: running: talk@{pid}
    "#]],
    );
    start(&scene, "stop").wait().assert_code(0);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn a_task_that_has_ended_is_not_killed_again_but_can_be_restarted() {
    let scene = scene();
    let job = waiting(&scene, "talk");
    check_beside(
        &scene,
        "kill talk-0",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                Killed task `talk-0`: TASK_KILLED
    "#]],
    );
    check_beside(
        &scene,
        "kill talk",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                Killed task `talk-0` had ended before: TASK_KILLED
    "#]],
    );
    check_beside(
        &scene,
        "restart talk-0 --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"restarted","task":"talk-0"}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "send talk-0 hi --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"sent","task":"talk-0","messages":1,"bytes":{number}}
        stderr:
    "#]],
    );
    start(&scene, "stop").wait().assert_code(0);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn a_task_that_fails_again_was_restarted_and_need_not_be_killed() {
    let scene = scene();
    scene.job(
        "\
job: sad
scheduler: { module: director.wasm, args: [wait] }
tasks:
  bad: { module: actor.wasm, args: [broken, the rope is too short], on_failure: ignore }
  good: { module: actor.wasm }
",
    );
    let mut job = start(&scene, "run job.yaml --quiet");
    job.wait_for("the end of the task", |line| line.contains("TaskFailed"));
    check_beside(
        &scene,
        "restart bad-0",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
             Restarted task `bad-0`, which runs
    "#]],
    );
    job.wait_for("its end", |line| line.contains("TaskFailed"));
    check_beside(
        &scene,
        "kill bad-0",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                Killed task `bad-0` had ended before: TASK_FAILED
    "#]],
    );
    start(&scene, "stop").wait().assert_code(0);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn a_job_that_ends_is_awaited_and_does_nothing_else() {
    let scene = scene();
    scene.job(
        "\
job: stubborn
scheduler: { module: director.wasm, args: [wait] }
tasks:
  deaf: { module: actor.wasm, args: [deaf], kill_grace: 10m }
",
    );
    let mut job = start(&scene, "run job.yaml --quiet");
    job.wait_for("the task runs", |line| line.contains("TaskRunning"));
    job.signal(Signal::INT);
    job.wait_for("the end has begun", |line| line.contains("Shutdown"));
    check_beside(
        &scene,
        "restart deaf-0",
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: the job is being shut down
    "#]],
    );
    check_beside(
        &scene,
        "send deaf-0 hi",
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: the job is being shut down
    "#]],
    );
    // It waits for the end that has begun.
    check_beside(
        &scene,
        "stop --now",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Stopped job `stubborn`: interrupted after {time}
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
          scheduler | event TaskLaunched deaf-0 -
          scheduler | event TaskRunning deaf-0 -
          scheduler | event Shutdown - -
        stderr:
          error: job `stubborn` interrupted after {time}: by the user
    "#]],
    );
    scene.assert_clean();
}
