//! Command lines that are wrong: exit code 2 before anything is done.

use expect_test::expect;

use super::{PAIR, check, scene};
use crate::support::Scene;

#[test]
fn a_command_that_is_none_is_told_with_a_similar_one() {
    check(
        &Scene::new(),
        "rum job.yaml",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: unrecognized subcommand 'rum'

            tip: a similar subcommand exists: 'run'

          Usage: mesosgot [OPTIONS] <COMMAND>

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_flag_that_is_none_is_told_with_a_similar_one() {
    check(
        &Scene::new(),
        "plan job.yaml --agent 3",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: unexpected argument '--agent' found

            tip: a similar argument exists: '--agents'

          Usage: mesosgot plan --agents <N> <JOB>

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_job_that_is_not_named_is_asked_for() {
    check(
        &Scene::new(),
        "check",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: the following required arguments were not provided:
            <JOB>

          Usage: mesosgot check <JOB>

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_number_of_agents_has_bounds() {
    check(
        &Scene::new(),
        "run job.yaml --agents 0",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value '0' for '--agents <N>': 0 is not in 1..=10000

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_number_that_is_none_is_told() {
    check(
        &Scene::new(),
        "logs --tail x",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value 'x' for '--tail <N>': write a whole number

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_address_for_the_dashboard_that_is_none_is_told() {
    check(
        &Scene::new(),
        "run job.yaml --dashboard=9464",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value '9464' for '--dashboard[=<ADDR>]': write it like `HOST:PORT`, such as `127.0.0.1:{port}` or `[::1]:9464`

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_word_behind_the_dashboard_that_is_no_address_is_told() {
    check(
        &Scene::new(),
        "run job.yaml --dashboard localhost",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: unexpected argument 'localhost' found

                tip: to serve the dashboard at an address, write '--dashboard=HOST:PORT'

              Usage: mesosgot run [OPTIONS] <JOB> [-- <ARGS>...]

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_format_that_is_none_is_told_with_those_that_are() {
    check(
        &Scene::new(),
        "check job.yaml --output xml",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value 'xml' for '--output <FORMAT>'
                [possible values: text, json]

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_plan_of_chaos_that_is_none_is_told() {
    check(
        &Scene::new(),
        "run job.yaml --chaos 7:wild",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value '7:wild' for '--chaos <SEED[:PROFILE]>': no profile is called `wild`, only `disturb`, `kill` and `all`

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn resources_that_are_none_are_told() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "plan job.yaml --resources cpus=4",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `--resources cpus=4` is not understood
            caused by: `cpus=4` is not of the form `name:amount`

          hint: write it like `cpus:4;mem:8192` (mem in MiB)
    "#]],
    );
}

#[test]
fn a_secret_and_a_token_exclude_each_other() {
    check(
        &Scene::new(),
        "run job.yaml --secret-file a --token-file b",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: the argument '--secret-file <FILE>' cannot be used with '--token-file <FILE>'

              Usage: mesosgot run --secret-file <FILE> <JOB> [-- <ARGS>...]

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_master_that_is_no_address_is_told() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "run job.yaml --master http://",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
          error: `--master` is not understood
            caused by: an address of a master is empty

          hint: write `local`, `host:port`, a list `host1:5050,host2:5050`, or `zk://host1:2181,host2:2181/mesos`
    "#]],
    );
}

#[test]
fn the_version_is_told() {
    check(
        &Scene::new(),
        "--version",
        &expect![[r#"
        exit 0
        stdout:
          mesosgot {version}
        stderr:
    "#]],
    );
}
