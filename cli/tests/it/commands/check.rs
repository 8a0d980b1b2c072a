//! `mesosgot check`.

use expect_test::expect;

use super::{PAIR, check, scene, start};

#[test]
fn a_job_that_is_right_is_told_with_its_modules() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "check job.yaml",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
               Checked job `pair` with 1 task
    "#]],
    );
}

#[test]
fn a_key_that_is_none_is_shown_with_what_was_meant() {
    let scene = scene();
    scene.job(&PAIR.replace("tasks:", "task:"));
    check(
        &scene,
        "check job.yaml",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
            x unknown key `task`
             ,-[job.yaml:3:1]
           2 | scheduler: { module: director.wasm, args: [greet] }
           3 | task:
             : ^^|^
             :   `-- not known here
           4 |   echo: { module: actor.wasm }
             `----
            help: did you mean `tasks`? the keys here are `job`, `cluster`, `scheduler`, `gang`, `defaults`, `tasks`, `executor`, `channels`, `serve`, `modules`, `view`
    "#]],
    );
}

#[test]
fn a_fault_is_told_to_programs_by_line_and_column() {
    let scene = scene();
    scene.job(&PAIR.replace(
        "{ module: actor.wasm }",
        "{ module: actor.wasm, cpus: many }",
    ));
    check(
        &scene,
        "check job.yaml --output json",
        &expect![[r#"
        exit 2
        stdout:
          {"event":"diagnostic","severity":"error","file":"job.yaml","line":4,"column":37,"message":"`cpus` is many, not a number","help":"`cpus` is 0, or from 0.001 to 1024"}
          {"event":"outcome","outcome":"not_run","exit_code":2}
        stderr:
    "#]],
    );
}

#[test]
fn a_module_that_is_not_there_is_shown() {
    let scene = scene();
    scene.job(&PAIR.replace("actor.wasm", "acter.wasm"));
    check(
        &scene,
        "check job.yaml",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
            x `acter.wasm` does not exist
             ,-[job.yaml:4:19]
           3 | tasks:
           4 |   echo: { module: acter.wasm }
             :                   ^^^^^|^^^^
             :                        `-- here
             `----
            help: did you mean `actor.wasm`?
    "#]],
    );
}

#[test]
fn a_module_in_the_wrong_place_is_shown() {
    let scene = scene();
    scene.job(&PAIR.replace("actor.wasm", "director.wasm"));
    check(
        &scene,
        "check job.yaml --quiet",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
            x `director.wasm` of `echo` is not a task: it does not export `run-task`; it is an app scheduler
             ,-[job.yaml:4:19]
           3 | tasks:
           4 |   echo: { module: director.wasm }
             :                   ^^^^^^|^^^^^^
             :                         `-- here
             `----
            help: mark its function with `#[mesosgot_sdk::task]`
    "#]],
    );
}

#[test]
fn what_is_allowed_and_never_done_is_a_warning() {
    let scene = scene();
    let allowed = "{ module: actor.wasm, allow: { http: ['https://example.com'] } }";
    scene.job(&PAIR.replace("{ module: actor.wasm }", allowed));
    check(
        &scene,
        "check job.yaml",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
            ! `http` allows `echo` what its module never does: nothing that `actor.wasm` imports sends HTTP requests
             ,-[job.yaml:4:46]
           3 | tasks:
           4 |   echo: { module: actor.wasm, allow: { http: ['https://example.com'] } }
             :                                              ^^^^^^^^^^^^|^^^^^^^^^^^
             :                                                          `-- here
             `----
            help: leave out `http`; what nobody uses, nobody can misuse
               Checked job `pair` with 1 task
    "#]],
    );
}

#[test]
fn a_file_that_is_no_yaml_is_shown() {
    let scene = scene();
    scene.job("job: [pair\n");
    check(
        &scene,
        "check job.yaml",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
                x not valid YAML: did not find expected ',' or ']', while parsing a flow sequence
                 ,-[job.yaml:1:6]
               1 | job: [pair
                 :      ^^|^^
                 :        `-- begins here and does not end
                 `----
        "#]],
    );
}

#[test]
fn a_job_file_that_is_not_there_is_told_with_where_it_was_looked_for() {
    check(
        &scene(),
        "check elsewhere/lift.yaml",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: failed to read the job file `elsewhere/lift.yaml`
            caused by: No such file or directory (os error 2)

          hint: looked for in `{folder}/elsewhere`, which is no folder; `mesosgot new NAME` makes a new job
    "#]],
    );
}

/// A job whose task imports what it is not allowed.
const CURIOUS: &str = "\
job: curious
scheduler: { module: director.wasm, args: [greet] }
tasks:
  shy: { module: hosted/task, args: [echo] }
";

#[test]
fn the_quiet_are_not_warned_of_what_a_job_file_does_not_allow() {
    let scene = scene();
    let job = scene.job(CURIOUS).display().to_string();
    // Compiled before, so that cargo says nothing.
    scene.run(&["build", "--quiet", &job]).assert_code(0);
    let warned = start(&scene, "check job.yaml").wait();
    assert!(warned.stderr.contains("! "), "{}", warned.stderr);
    let silence = expect![[r#"
        exit 0
        stdout:
        stderr:
    "#]];
    check(&scene, "check job.yaml --quiet", &silence);
    check(
        &scene,
        "run job.yaml --quiet",
        &expect![[r#"
        exit 0
        stdout:
          scheduler | director is up: greet
          scheduler | shy-0 says hello shy-0
        stderr:
    "#]],
    );
}
