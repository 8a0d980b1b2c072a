//! `mesosgot cluster`.

use std::net::TcpListener;

use expect_test::expect;
use rustix::process::Signal;

use super::{check, check_end, start};
use crate::support::Scene;

#[test]
fn a_cluster_says_where_it_serves_until_it_is_interrupted() {
    let scene = Scene::new();
    let mut cluster = start(&scene, "cluster --agents 2 --faults");
    cluster.wait_for("the last address", |line| line.starts_with("faults "));
    cluster.signal(Signal::INT);
    check_end(
        &scene,
        &cluster.wait(),
        &expect![[r#"
        exit 0
        stdout:
          master 127.0.0.1:{port}
          agent 0 127.0.0.1:{port}
          agent 1 127.0.0.1:{port}
          faults http://127.0.0.1:{port}/faults
        stderr:
              Starting embedded cluster with 2 agents, master on 127.0.0.1:{port}
               Stopped embedded cluster
    "#]],
    );
    scene.assert_clean();
}

#[test]
fn a_port_that_is_taken_is_told() {
    let scene = Scene::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it has an address").port();
    check(
        &scene,
        &format!("cluster --port {port}"),
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: failed to start master 0 of the cluster at port {port}
            caused by: Address already in use (os error 98)

          hint: give another `--port`, or none
    "#]],
    );
}

#[test]
fn a_file_of_credentials_that_is_not_there_is_named() {
    check(
        &Scene::new(),
        "cluster --credentials nowhere.json",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: failed to read the file of `--credentials` `nowhere.json`
                caused by: No such file or directory (os error 2)

              hint: paths of flags are relative to the current folder, those of the job file to its folder
        "#]],
    );
}

#[test]
fn a_file_of_credentials_in_another_form_is_told_with_the_right_one() {
    let scene = Scene::new();
    scene.file("known.txt", "ops swordfish\n");
    check(
        &scene,
        "cluster --credentials known.txt",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: the file of `--credentials` `known.txt` is not understood
            caused by: expected JSON like `{"credentials": [{"principal": "p", "secret": "s"}]}`: syntax error at line 1

          hint: write it like `{"credentials": [{"principal": "me", "secret": "sesame"}]}`
    "#]],
    );
}

#[test]
fn simulated_executors_have_no_sandboxes() {
    check(
        &Scene::new(),
        "cluster --simulated --work-dir sandboxes",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: the argument '--simulated' cannot be used with '--work-dir <DIR>'

              Usage: mesosgot cluster --simulated

              For more information, try '--help'.
        "#]],
    );
}

#[test]
fn processes_on_many_agents_are_refused() {
    check(
        &Scene::new(),
        "cluster --agents 1000",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: 1000 agents with executors are too many for one machine

          hint: take 100 at most; `mesosgot cluster --simulated` takes more
    "#]],
    );
}
