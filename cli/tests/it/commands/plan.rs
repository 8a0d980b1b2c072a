//! `mesosgot plan`.

use expect_test::expect;

use super::{PAIR, check, scene};

/// Six tasks, at most two in a rack.
const RACKS: &str = "\
job: racks
scheduler: { module: director.wasm }
tasks:
  store:
    module: actor.wasm
    count: 6
    cpus: 0.5
    constraints: [rack max-per 2]
";

#[test]
fn a_gang_that_fits_is_shown_by_agent() {
    let scene = scene();
    scene.job(RACKS);
    let line = "plan job.yaml --attributes rack:r1 --attributes rack:r2 --attributes rack:r3";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 0
        stdout:
          agent-0: 2 store
          agent-1: 2 store
          agent-2: 2 store
        stderr:
              Starting embedded cluster with 3 agents, master on 127.0.0.1:{port}
               Planned job `racks` fits: 6 tasks on 3 agents
    "#]],
    );
}

#[test]
fn a_gang_that_does_not_fit_is_told_with_what_would_help() {
    let scene = scene();
    scene.job(RACKS);
    let line = "plan job.yaml --listen 1 --attributes rack:r1 --attributes rack:r2";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 1
        stdout:
        stderr:
              Starting embedded cluster with 2 agents, master on 127.0.0.1:{port}
            x no place for 2 of 6 `store`: `rack max-per 2` allows no more
             ,-[job.yaml:8:18]
           7 |     cpus: 0.5
           8 |     constraints: [rack max-per 2]
             :                  ^^^^^^^^|^^^^^^^
             :                          `-- here
             `----
            help: the gang would fit with `rack max-per 3` in place of `rack max-per 2` of `store`
          error: job `racks` does not fit: on offer are 2 agents; no place for 2 of 6 `store`: `rack max-per 2` allows no more; it would fit with `rack max-per 3` in place of `rack max-per 2` of `store`
    "#]],
    );
}

#[test]
fn a_plan_for_programs_is_lines_of_json() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "plan job.yaml --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"cluster_started","master":"127.0.0.1:{port}","masters":1,"agents":1}
          {"event":"planned_agent","agent":"{id}-S0","hostname":"agent-0","tasks":{"echo":1}}
          {"event":"planned","job":"pair","fits":true,"tasks":1,"agents":1,"remedies":[],"exit_code":0}
        stderr:
    "#]],
    );
}

#[test]
fn a_job_file_that_is_not_there_is_named() {
    check(
        &scene(),
        "plan nowhere.yaml",
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
fn a_master_that_cannot_be_reached_is_named() {
    let scene = scene();
    scene.job(&format!("{PAIR}cluster: {{ timeout: 5s }}\n"));
    // Nobody listens there, and nobody may without being root. In that time even a machine that runs
    // many tests at once finds out.
    check(
        &scene,
        "plan job.yaml --master 127.0.0.1:1",
        &expect![[r#"
            exit 3
            stdout:
            stderr:
              error: failed to ask the master `127.0.0.1:{port}`
                caused by: no master has taken the subscription: cannot reach `http://127.0.0.1:{port}/api/v1/scheduler`: Connection refused (os error 111)

              hint: does a master run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`; one behind TLS begins with `https://`
        "#]],
    );
}
