//! Where a job can be asked: its dashboard's address and token, and the folder of its socket.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use expect_test::expect;
use rustix::process::geteuid;

use super::{PAIR, check, check_beside, scene};

#[test]
fn a_port_that_is_taken_is_named() {
    let scene = scene();
    scene.job(PAIR);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has one");
    let line = format!("run job.yaml --quiet --dashboard={address}");
    check(
        &scene,
        &line,
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: failed to serve the dashboard on `127.0.0.1:{port}`
            caused by: Address already in use (os error 98)

          hint: give another address with `--dashboard=HOST:PORT`, or none
    "#]],
    );
}

#[test]
fn an_address_that_cannot_be_read_is_named() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "run job.yaml --dashboard=here",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value 'here' for '--dashboard[=<ADDR>]': write it like `HOST:PORT`, such as `127.0.0.1:{port}` or `[::1]:9464`

              For more information, try '--help'.
        "#]],
    );
    check(
        &scene,
        "run job.yaml --dashboard=127.0.0.1:99999",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: invalid value '127.0.0.1:{port}' for '--dashboard[=<ADDR>]': write it like `HOST:PORT`, such as `127.0.0.1:{port}` or `[::1]:9464`

              For more information, try '--help'.
        "#]],
    );
    check(
        &scene,
        "run job.yaml --dashboard-token-file token",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: the following required arguments were not provided:
                --dashboard[=<ADDR>]

              Usage: mesosgot run --dashboard[=<ADDR>] --dashboard-token-file <FILE> <JOB> [-- <ARGS>...]

              For more information, try '--help'.
        "#]],
    );
    // Of the machine this is not.
    check(
        &scene,
        "run job.yaml --quiet --dashboard=192.0.2.1:0",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to serve the dashboard on `192.0.2.1:0`
                caused by: Cannot assign requested address (os error 99)

              hint: give another address with `--dashboard=HOST:PORT`, or none
        "#]],
    );
}

#[test]
fn a_token_that_is_easy_to_guess_or_not_there_is_refused() {
    let scene = scene();
    scene.job(PAIR);
    scene.file("short", "sesame\n");
    scene.file("strange", "0123456789 0123456789\n");
    let line = "run job.yaml --dashboard --dashboard-token-file short";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 2
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
          error: the token for the dashboard is too easy to guess, or has other characters than letters, digits and `-._~`

          hint: write 16 characters or more, as `openssl rand -hex 32` makes them
    "#]],
    );
    let line = "run job.yaml --dashboard --dashboard-token-file strange";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 2
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
          error: the token for the dashboard is too easy to guess, or has other characters than letters, digits and `-._~`

          hint: write 16 characters or more, as `openssl rand -hex 32` makes them
    "#]],
    );
    let line = "run job.yaml --dashboard --dashboard-token-file none --output json";
    check(
        &scene,
        line,
        &expect![[r#"
        exit 2
        stdout:
          {"event":"module","module":"director.wasm","bytes":{number},"sha256":"{digest}"}
          {"event":"module","module":"actor.wasm","bytes":{number},"sha256":"{digest}"}
          {"event":"error","message":"failed to read the file of the token `none`","causes":["No such file or directory (os error 2)"],"help":"paths of flags are relative to the current folder, those of the job file to its folder"}
          {"event":"outcome","outcome":"not_run","exit_code":2}
        stderr:
    "#]],
    );
}

#[test]
fn a_folder_for_sockets_that_others_can_enter_is_not_used() {
    let scene = scene();
    scene.job(PAIR);
    let folder = scene.tmp().join(format!("mesosgot-{}", geteuid().as_raw()));
    fs::create_dir(&folder).expect("a folder can be made");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    check_beside(
        &scene,
        "status",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to look for jobs in `{folder}/tmp/mesosgot-{uid}`
                caused by: `{folder}/tmp/mesosgot-{uid}` is not a folder of this user alone

              hint: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own
        "#]],
    );
    check_beside(
        &scene,
        "stop pair",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to look for jobs in `{folder}/tmp/mesosgot-{uid}`
                caused by: `{folder}/tmp/mesosgot-{uid}` is not a folder of this user alone

              hint: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own
        "#]],
    );
    // The job runs all the same, and puts nothing there.
    check_beside(
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
    fs::remove_dir(&folder).expect("it is empty");

    // A link to a folder is none, whoever can enter that.
    let private = scene.folder().join("private");
    fs::create_dir(&private).expect("a folder can be made");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).expect("it is ours");
    symlink(&private, &folder).expect("a link can be made");
    check_beside(
        &scene,
        "events",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to look for jobs in `{folder}/tmp/mesosgot-{uid}`
                caused by: `{folder}/tmp/mesosgot-{uid}` is not a folder of this user alone

              hint: remove it, or set `XDG_RUNTIME_DIR` to a folder of your own
        "#]],
    );
    fs::remove_file(&folder).expect("it is a link");
    scene.assert_clean();
}
