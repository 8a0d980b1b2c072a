//! Snapshots of the commands: exit code, stdout and stderr of each, in success and in its main
//! failures.
//!
//! To add a case, write a test in the file of its command, or in a new one that is named below:
//!
//! ```text
//! #[test]
//! fn a_job_file_that_is_not_there_is_named() {
//!     let scene = scene();                      // a folder with the modules actor and director
//!     scene.job("job: demo …");                 // job.yaml in it, if one is needed
//!     check(&scene, "check job.yaml", &expect![[r""]]);
//! }
//! ```
//!
//! and have it filled in by `UPDATE_EXPECT=1 cargo test -p mesosgot --test it commands::`, then read
//! what it says. Commands run in the scene's folder. What differs from run to run, such as ports,
//! ids and times, is replaced (`redact.rs`); of a long stdout the first lines are kept.
//! For a command beside a job that runs: [`start`], [`Running::wait_for`], [`check_beside`], and at
//! the end [`Running::signal`] and [`check_end`].

mod beside;
mod build;
mod check;
mod cluster;
mod doors;
mod files;
mod plan;
mod requests;
mod run;
mod running;
mod usage;
pub(crate) mod watching;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::OnceLock;

use expect_test::Expect;

use crate::redact::redact;
use crate::support::{Ended, Running, Scene};

/// A job of one task and an app scheduler that greets it.
pub(crate) const PAIR: &str = "\
job: pair
scheduler: { module: director.wasm, args: [greet] }
tasks:
  echo: { module: actor.wasm }
";

/// From this length on stdout is a file for other programs, of which the beginning is enough.
const LINES_MAX: usize = 30;

/// How many lines of it are kept.
const LINES_KEPT: usize = 4;

/// A scene with the modules of the test guests, compiled once for all: so cargo says nothing.
pub(crate) fn scene() -> Scene {
    static BUILT: OnceLock<()> = OnceLock::new();
    let scene = Scene::new();
    BUILT.get_or_init(|| {
        let job = "\
job: guests
scheduler: { module: guests/director }
tasks:
  echo: { module: guests/actor }
";
        let job = scene.job(job).display().to_string();
        scene.run(&["build", "--quiet", &job]).assert_code(0);
    });
    // The folder for temporary files lies at the top of the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("wasm32-wasip2");
    for module in ["actor.wasm", "director.wasm"] {
        let made = target.join("release").join(module);
        symlink(made, scene.folder().join(module)).expect("a link can be made");
    }
    scene
}

/// Runs a command line to its end, compares what came of it, and checks that it leaves nothing
/// behind.
#[track_caller]
pub(crate) fn check(scene: &Scene, line: &str, expected: &Expect) {
    check_beside(scene, line, expected);
    scene.assert_clean();
}

/// The same while another one runs in the scene.
#[track_caller]
pub(crate) fn check_beside(scene: &Scene, line: &str, expected: &Expect) {
    check_end(scene, &start(scene, line).wait(), expected);
}

/// Starts a command line, without the name of the program.
pub(crate) fn start(scene: &Scene, line: &str) -> Running {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    scene.start_here(&[], &words)
}

/// Compares what came of a command.
#[track_caller]
pub(crate) fn check_end(scene: &Scene, ended: &Ended, expected: &Expect) {
    let code = ended
        .code
        .map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
    let stdout = indented(&shortened(&redact(&ended.stdout, scene.folder())));
    let stderr = indented(&redact(&ended.stderr, scene.folder()));
    expected.assert_eq(&format!("exit {code}\nstdout:\n{stdout}stderr:\n{stderr}"));
}

/// The words of a command line; what is between `'` and `'` is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// So that blank lines and the blanks before a line stay what they are.
fn indented(text: &str) -> String {
    let line = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    };
    text.lines().map(line).collect()
}

fn shortened(text: &str) -> String {
    if text.lines().count() <= LINES_MAX {
        return text.to_owned();
    }
    let kept = text.lines().take(LINES_KEPT);
    kept.chain(["…"]).map(|line| format!("{line}\n")).collect()
}
