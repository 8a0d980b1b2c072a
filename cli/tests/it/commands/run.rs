//! `mesosgot run`.

use std::fs;

use expect_test::expect;
use rustix::process::Signal;

use super::{PAIR, check, check_beside, check_end, scene, start};

#[test]
fn a_job_that_succeeds_says_how_it_went() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "run job.yaml",
        &expect![[r#"
        exit 0
        stdout:
          scheduler | director is up: greet
          scheduler | echo-0 says hello echo-0
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
              Starting embedded cluster with 1 agent, master on 127.0.0.1:{port}
            Subscribed as framework {id}
                Placed 1 task on 1 agent
               Running all tasks are up, the app scheduler begins
              Stopping app scheduler returned
              Finished job `pair`: 1 task in {time} ({time} of CPU, at most {size} in a task)
    "#]],
    );
}

#[test]
fn quiet_leaves_what_the_job_prints() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "run job.yaml --quiet",
        &expect![[r#"
        exit 0
        stdout:
          scheduler | director is up: greet
          scheduler | echo-0 says hello echo-0
        stderr:
    "#]],
    );
}

#[test]
fn a_task_that_fails_ends_the_job_with_its_error() {
    let scene = scene();
    scene.job(
        "job: sad
scheduler: { module: director.wasm, args: [poke] }
tasks:
  bad: { module: actor.wasm, args: [fail, the rope is too short] }
",
    );
    check(
        &scene,
        "run job.yaml --quiet",
        &expect![[r#"
        exit 1
        stdout:
          scheduler | director is up: poke
          scheduler | event Registered - -
          scheduler | event TaskLaunched bad-0 -
          scheduler | event TaskRunning bad-0 -
          scheduler | event TaskFailed bad-0 the rope is too short
          scheduler | event Shutdown - -
        stderr:
                Failed task `bad-0`: TASK_FAILED: the rope is too short
          error: job `sad` failed after {time}: task `bad-0` TASK_FAILED on agent {id}-S0: the rope is too short
    "#]],
    );
}

#[test]
fn an_app_scheduler_that_fails_ends_the_job_with_its_error() {
    let scene = scene();
    scene.job(&PAIR.replace("[greet]", "[fail, no more floors]"));
    check(
        &scene,
        "run job.yaml",
        &expect![[r#"
        exit 1
        stdout:
          scheduler | director is up: fail
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
              Starting embedded cluster with 1 agent, master on 127.0.0.1:{port}
            Subscribed as framework {id}
                Placed 1 task on 1 agent
               Running all tasks are up, the app scheduler begins
              Stopping app scheduler failed
          error: job `pair` failed after {time}: app scheduler: the app scheduler returned an error: no more floors
    "#]],
    );
}

#[test]
fn a_gang_that_never_fits_is_told_with_what_would_help() {
    let scene = scene();
    scene.job(
        "job: huge
gang: { timeout: 1s }
scheduler: { module: director.wasm }
tasks:
  echo: { module: actor.wasm, count: 3, cpus: 500 }
",
    );
    let line = "run job.yaml --quiet --resources cpus:2;mem:1024";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 4
        stdout:
        stderr:
            x no place for 3 of 3 `echo`: one and its executor need 500.1 cpus, the most that any agent offers is 2 (`agent-0`)
             ,-[job.yaml:5:47]
           4 | tasks:
           5 |   echo: { module: actor.wasm, count: 3, cpus: 500 }
             :                                               ^|^
             :                                                `-- here
             `----
            help: the gang would fit with 1498.1 more cpus on `agent-0`
          error: job `huge` never placed after {time}: on offer is 1 agent; no place for 3 of 3 `echo`: one and its executor need 500.1 cpus, the most that any agent offers is 2 (`agent-0`); it would fit with 1498.1 more cpus on `agent-0`
    "#]],
    );
}

#[test]
fn a_job_file_that_is_not_there_is_named() {
    check(
        &scene(),
        "run nowhere.yaml",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: failed to read the job file `nowhere.yaml`
                caused by: No such file or directory (os error 2)

              hint: looked for in `{folder}`; `mesosgot new NAME` makes a new job
        "#]],
    );
}

#[test]
fn a_job_that_was_not_run_ends_for_programs_with_an_outcome() {
    check(
        &scene(),
        "run nowhere.yaml --output json",
        &expect![[r#"
            exit 2
            stdout:
              {"event":"error","message":"failed to read the job file `nowhere.yaml`","causes":["No such file or directory (os error 2)"],"help":"looked for in `{folder}`; `mesosgot new NAME` makes a new job"}
              {"event":"outcome","outcome":"not_run","exit_code":2}
            stderr:
        "#]],
    );
}

#[test]
fn a_master_that_cannot_be_reached_is_named() {
    let scene = scene();
    scene.job(&format!("{PAIR}cluster: {{ timeout: 5s }}\n"));
    // Nobody listens there, and nobody may without being root. In that time even a machine that runs
    // many tests at once finds out.
    let line = "run job.yaml --quiet --master 127.0.0.1:1";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 3
        stdout:
        stderr:
          error: job `pair` unreachable after {time}: master `127.0.0.1:{port}`: no master has taken the subscription: cannot reach `http://127.0.0.1:{port}/api/v1/scheduler`: Connection refused (os error 111)

          hint: does a master run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`; one behind TLS begins with `https://`
    "#]],
    );
}

#[test]
fn a_master_that_wants_to_know_who_we_are_is_told_nothing_and_refuses() {
    let scene = scene();
    scene.job(PAIR);
    let known = r#"{"credentials":[{"principal":"ops","secret":"swordfish"}]}"#;
    scene.file("known.json", known);
    let mut cluster = start(&scene, "cluster --credentials known.json");
    let master = cluster.wait_for("the cluster serves", |line| line.starts_with("master "));
    let master = master.trim_start_matches("master ").trim_end();
    check_beside(
        &scene,
        &format!("run job.yaml --quiet --master {master}"),
        &expect![[r#"
            exit 3
            stdout:
            stderr:
              error: job `pair` refused after {time}: master `127.0.0.1:{port}`: the master does not let us in, status 401: 401 Unauthorized.

              hint: say who you are: `--principal` and `--secret-file`, or `cluster.principal` and `cluster.secret_file`; or `--token-file` or `cluster.token_file`
        "#]],
    );
    cluster.signal(Signal::INT);
    cluster.wait().assert_code(0);
    scene.assert_clean();
}

#[test]
fn an_interrupted_job_ends_gracefully() {
    let scene = scene();
    scene.job(&PAIR.replace("[greet]", "[wait]"));
    let mut job = start(&scene, "run job.yaml --quiet");
    job.wait_for("the task runs", |line| line.contains("TaskRunning"));
    job.signal(Signal::INT);
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
fn a_flag_of_the_embedded_cluster_beside_another_one_is_refused() {
    let scene = scene();
    scene.job(PAIR);
    let line = "run job.yaml --quiet --agents 2 --master 127.0.0.1:1";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `--agents` is about the embedded cluster, but the job runs on `127.0.0.1:{port}`

          hint: leave `--agents` out, or add `--master local`
    "#]],
    );
}

#[test]
fn a_flag_for_masters_on_the_embedded_cluster_is_refused() {
    let scene = scene();
    scene.job(PAIR);
    let line = "run job.yaml --quiet --principal ops";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `--principal` is about masters of a cluster, but the job runs on the embedded one

          hint: leave `--principal` out, or name a master by `--master`
    "#]],
    );
}

#[test]
fn a_guest_that_does_not_compile_is_told_by_the_compiler() {
    let scene = scene();
    let folder = scene.folder().join("broken");
    fs::create_dir_all(folder.join("src")).expect("a folder can be made");
    let manifest = "\
[package]
name = \"broken\"
edition = \"2024\"

[lib]
crate-type = [\"cdylib\"]

[workspace]
";
    scene.file("broken/Cargo.toml", manifest);
    scene.file("broken/src/lib.rs", "pub fn broken() -> u8 { \"no\" }\n");
    scene.job(&PAIR.replace("actor.wasm", "broken"));
    let ended = start(&scene, "run job.yaml --quiet").wait();
    ended.assert_code(2);
    // What the compiler says is its own affair, but for the fault.
    assert!(
        ended.stderr.contains("mismatched types"),
        "{}",
        ended.stderr
    );
    let last = ended.stderr.lines().last().unwrap_or_default();
    expect!["error: `cargo build --release --target wasm32-wasip2 --quiet --package broken` failed; cargo's messages are above"].assert_eq(last);
}

#[test]
fn a_master_that_knows_us_takes_the_job() {
    let scene = scene();
    scene.job(PAIR);
    let known = r#"{"credentials":[{"principal":"ops","secret":"swordfish"}]}"#;
    scene.file("known.json", known);
    scene.file("secret", "swordfish\n");
    let mut cluster = start(&scene, "cluster --credentials known.json");
    let master = cluster.wait_for("the cluster serves", |line| line.starts_with("master "));
    let master = master.trim_start_matches("master ").trim_end();
    check_beside(
        &scene,
        &format!("run job.yaml --quiet --master {master} --principal ops --secret-file secret"),
        &expect![[r#"
            exit 0
            stdout:
              scheduler | director is up: greet
              scheduler | echo-0 says hello echo-0
            stderr:
        "#]],
    );
    cluster.signal(Signal::INT);
    cluster.wait().assert_code(0);
    scene.assert_clean();
}
