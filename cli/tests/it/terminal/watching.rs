//! Commands that look at a running job, on a terminal of 80 columns.

use std::thread;

use expect_test::expect_file;

use super::recordings::shown;
use super::*;
use crate::commands::start;
use crate::commands::watching::wait_until_known;
use crate::support::{Ended, Running};

/// How wide the terminal is.
const COLUMNS: u16 = 80;

/// A job with names that are longer than a column should be, which says something and waits.
fn watched(scene: &Scene) -> Running {
    scene.job(&job().replace("  floor:", "  floor-of-the-building-across-the-street:"));
    let mut job = start(scene, "run job.yaml --quiet");
    job.wait_for(LAST, |line| line.ends_with(&format!("{LAST}\n")));
    job
}

/// No row is longer than the terminal, and nothing moves the cursor but colours and line ends.
#[track_caller]
fn assert_plain(recorded: &Recorded) {
    let text = String::from_utf8_lossy(&recorded.bytes);
    let is_plain = |char: char| !char.is_control() || "\r\n".contains(char);
    assert!(text.chars().all(is_plain), "{text:?}");
}

#[test]
fn a_status_fits_a_terminal_of_80_columns() {
    let scene = scene();
    let job = watched(&scene);
    wait_until_known(&scene);
    // The floors answer when they will.
    let has_come = |status: Ended| status.events()[0]["channels"]["messages_received"] == 8;
    while !has_come(start(&scene, "status --output json").wait()) {
        thread::yield_now();
    }
    let mut recorded = Session::start(&scene, &Setting::of(COLUMNS, 24), &["status"]).finish();
    assert_eq!(recorded.code, 0);
    assert_plain(&recorded);
    let lines = recorded.screens.lines();
    let is_narrow = |line: &String| line.chars().count() <= usize::from(COLUMNS);
    assert!(lines.iter().all(is_narrow), "{}", lines.join("\n"));
    let text = shown("the status", &lines, COLUMNS, scene.folder());
    expect_file!["../../sessions/status.txt"].assert_eq(&text);
    job.signal(Signal::INT);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn logs_are_followed_on_a_terminal_to_the_end_of_the_job() {
    let scene = scene();
    let job = watched(&scene);
    let args = ["logs", "voice", "scheduler", "--follow"];
    let mut session = Session::start(&scene, &Setting::of(COLUMNS, 24), &args);
    session.wait_for_row(LAST);
    assert!(session.echoes(), "they leave the terminal as it is");
    let rows = session.rows();
    let mut text = shown("while the job runs", &rows, COLUMNS, scene.folder());
    job.signal(Signal::INT);
    let mut recorded = session.finish();
    assert_eq!(recorded.code, 0);
    assert_plain(&recorded);
    let lines = recorded.screens.lines();
    // Names have a wider column than without the other group.
    let words = |line: &str| line.split_once(" | ").map(|(_, words)| words.to_owned());
    let said = lines.iter().filter(|line| line.starts_with("voice-0"));
    let said: Vec<_> = said.filter_map(|line| words(line)).collect();
    let expected = SHOWN.iter().filter_map(|line| words(line));
    assert!(
        said.iter().cloned().eq(expected.chain([LAST.to_owned()])),
        "{}",
        lines.join("\n")
    );
    text += &shown("all that was shown", &lines, COLUMNS, scene.folder());
    expect_file!["../../sessions/logs.txt"].assert_eq(&text);
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn ctrl_c_ends_logs_that_are_followed_and_not_the_job() {
    let scene = scene();
    let job = watched(&scene);
    let args = ["logs", "--follow"];
    let mut session = Session::start(&scene, &Setting::of(COLUMNS, 24), &args);
    session.wait_for_row(LAST);
    session.press("\x03");
    let recorded = session.finish();
    assert_ne!(recorded.code, 0);
    let status = start(&scene, "status --output json").wait();
    status.assert_code(0);
    assert_eq!(status.events()[0]["phase"], "running");
    job.signal(Signal::INT);
    job.wait().assert_code(130);
    scene.assert_clean();
}
