//! In a container the leader of our session, and of our process group, may be outside: the system
//! then says 0 in its place. And the program may be process 1 of it.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use crate::commands::scene;
use crate::pty::{Session, Setting};
use crate::support::Scene;
use crate::terminal::{assert_whole, interrupt, job, wait_until_it_runs};

/// How to run a command as process 1 of a pid namespace of its own: as root, or as somebody whom
/// the system lets be root of a namespace.
const WAYS: [&[&str]; 2] = [
    &["unshare", "--pid", "--fork", "--mount-proc"],
    &[
        "unshare",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
    ],
];

/// The first way that this system allows.
fn namespace(test: &str) -> Option<&'static [&'static str]> {
    let works = |way: &&&[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).arg("true");
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let way = WAYS.iter().find(works).copied();
    if way.is_none() {
        // Past the capture of the test runner: a skipped test must not look like a passed one.
        let _ = writeln!(
            io::stderr(),
            "\nSKIPPED: {test}: no pid namespace can be made here"
        );
    }
    way
}

#[test]
fn a_job_runs_as_the_first_process_of_a_container() {
    let Some(way) = namespace("a_job_runs_as_the_first_process_of_a_container") else {
        return;
    };
    let scene = Scene::new();
    let path = scene.job(
        "job: pair
scheduler: { module: guests/director, args: [greet] }
tasks:
  echo: { module: guests/actor }
",
    );
    let mut command = Command::new(way[0]);
    command.args(&way[1..]);
    command
        .args([env!("CARGO_BIN_EXE_mesosgot"), "run"])
        .arg(path);
    let ended = scene.start_command(command, scene.folder(), &[]).wait();
    ended.assert_code(0);
    scene.assert_clean();
}

#[test]
fn a_terminal_is_drawn_on_from_within_a_container() {
    let Some(way) = namespace("a_terminal_is_drawn_on_from_within_a_container") else {
        return;
    };
    let scene = scene();
    scene.job(&job());
    let script = format!("exec {} $0 run job.yaml", way.join(" "));
    let mut session = Session::start_shell(&scene, &Setting::of(80, 24), &script);
    wait_until_it_runs(&mut session);
    assert_whole(&mut interrupt(&scene, session).screens);
}
