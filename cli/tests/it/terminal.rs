//! Sessions on a terminal: every line whole and once, the live area below them while the job runs,
//! and nothing of it left at the end.
//!
//! What sessions look like, on two terminals and in pipes, is kept in `cli/tests/sessions`, filled in by
//! `UPDATE_EXPECT=1 cargo test -p mesosgot --test it terminal::`.

mod building;
mod recordings;
mod streams;
mod watching;

use std::sync::LazyLock;

use regex_lite::Regex;
use rustix::process::{Pid, Signal, kill_process};

use crate::commands::scene;
use crate::pty::{Recorded, Session, Setting};
use crate::screens::Screens;
use crate::support::Scene;

/// What the one task that prints says, once all tasks are up: as YAML has it.
const SAID: &str = r#"say, "doors open", "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789", "三階でございます ドアが開きます ご注意ください 三階でございます ドアが開きます ご注意ください", "\e[31mred\e[0m \e[2J\e]0;owned\aand over\rwritten", "doors closed""#;

/// The same, as it is shown.
const SHOWN: [&str; 5] = [
    "voice-0   | doors open",
    "voice-0   | 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789",
    "voice-0   | 三階でございます ドアが開きます ご注意ください 三階でございます ドアが開きます ご注意ください",
    // A carriage return ends a line.
    "voice-0   | red and over",
    "voice-0   | written",
];

/// The last line of the task.
const LAST: &str = "doors closed";

/// A job that says something and waits.
pub(crate) fn job() -> String {
    format!(
        "job: lift
scheduler: {{ module: director.wasm, args: [prompt] }}
defaults: {{ cpus: 0.1, mem: 32MiB, kill_grace: 5s }}
tasks:
  voice: {{ module: actor.wasm, args: [{SAID}] }}
  floor: {{ module: actor.wasm, count: 8 }}
"
    )
}

/// The headline of the area, if there is one.
fn headline(rows: &[String]) -> Option<&String> {
    rows.iter().find(|row| row.starts_with("─"))
}

/// Whether it is told only where it takes seconds until the first offer comes.
fn is_of_slow_machine(line: &str) -> bool {
    line.trim_start() == "Waiting no agent offers anything"
}

/// Waits until the job runs, everything is said and the area is drawn below it.
#[track_caller]
pub(crate) fn wait_until_it_runs(session: &mut Session) {
    session.wait_for("line that is said last, and an area", |screens| {
        let rows = screens.rows();
        let is_said = rows.iter().any(|row| row.ends_with(LAST));
        let is_up = headline(&rows)?.contains("running, 9/9 up");
        (is_said && is_up).then_some(())
    });
}

/// Ends the session by Ctrl-C.
#[track_caller]
pub(crate) fn interrupt(scene: &Scene, mut session: Session) -> Recorded {
    session.press("\x03");
    let recorded = session.finish();
    assert_eq!(recorded.code, 130);
    scene.assert_clean();
    recorded
}

/// Every line of the job is there once, whole and in order, and nothing of the area.
#[track_caller]
pub(crate) fn assert_whole(screens: &mut Screens) {
    assert_eq!(screens.cursor().1, 0, "the cursor is at the left");
    assert_whole_lines(screens.lines());
}

#[track_caller]
fn assert_whole_lines(mut lines: Vec<String>) {
    lines.retain(|line| !is_of_slow_machine(line));
    let has = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    for text in [
        "Built director.wasm",
        "Built actor.wasm",
        "Starting embedded cluster",
        "Subscribed as framework",
        "Placed 9 tasks on 1 agent",
        "Running all tasks are up",
        "scheduler | director is up: prompt",
        "Stopping interrupted; once more ends the job at once",
        "error: job `lift` interrupted after",
    ] {
        assert_eq!(has(text), 1, "{text}:\n{}", lines.join("\n"));
    }
    let said = lines.iter().filter(|line| line.starts_with("voice-0"));
    let expected = SHOWN.iter().copied().chain(["voice-0   | doors closed"]);
    assert!(said.eq(expected), "{}", lines.join("\n"));
    assert!(
        !lines.iter().any(|line| line.contains('─')),
        "{}",
        lines.join("\n")
    );
    assert_eq!(lines.len(), 9 + SHOWN.len() + 1, "{}", lines.join("\n"));
}

#[test]
fn a_terminal_that_is_resized_meanwhile_loses_no_line() {
    let scene = scene();
    scene.job(&job());
    let mut session = Session::start(&scene, &Setting::of(80, 24), &["run", "job.yaml"]);
    wait_until_it_runs(&mut session);
    for (columns, rows) in [(200, 24), (30, 24), (20, 4), (20, 2), (120, 40)] {
        session.resize(columns, rows);
        session.wait_for("area of the new size", |screens| {
            let rows_now = screens.rows();
            let headline = headline(&rows_now);
            let has_room = columns > 12 && rows > 2;
            let fits = headline.is_some_and(|it| it.chars().count() < columns.into());
            let is_filled = columns < 40
                || headline.is_some_and(|it| it.chars().count() + 1 == usize::from(columns));
            let is_last = screens.cursor().1 == 0;
            (is_last && is_filled && fits == has_room).then_some(())
        });
    }
    let mut recorded = interrupt(&scene, session);
    let lines = recorded.screens.lines();
    // The emulator cuts what a narrower terminal wraps, so some ends are gone.
    for text in ["voice-0   | doors op", "voice-0   | doors cl", "error: job"] {
        let found = lines.iter().filter(|line| line.starts_with(text));
        assert_eq!(found.count(), 1, "{text}:\n{}", lines.join("\n"));
    }
    assert!(
        !lines.iter().any(|line| line.contains('─')),
        "{}",
        lines.join("\n")
    );
}

#[test]
fn on_a_tiny_terminal_there_is_one_line_below_all_others() {
    let scene = scene();
    scene.job(&job());
    let mut session = Session::start(&scene, &Setting::of(20, 4), &["run", "job.yaml"]);
    session.wait_for("line that is said last, wrapped, and an area", |screens| {
        let rows = screens.rows();
        let area = headline(&rows)?;
        let is_said = rows
            .iter()
            .any(|row| LAST.ends_with(row.as_str()) && row.len() > 1);
        (is_said && area.starts_with("─ running, 9/9 up")).then_some(())
    });
    assert_whole(&mut interrupt(&scene, session).screens);
}

#[test]
fn a_flood_goes_by_above_the_area_line_by_line() {
    const LINES: usize = 3000;
    let scene = scene();
    scene.job(&format!(
        "job: flood
scheduler: {{ module: director.wasm, args: [prompt] }}
tasks:
  gauge: {{ module: actor.wasm, args: [print, '{LINES}'] }}
"
    ));
    let mut session = Session::start(&scene, &Setting::of(80, 24), &["run", "job.yaml"]);
    session.wait_for_row(&format!("line {} of {LINES}", LINES - 1));
    assert!(headline(&session.rows()).is_some(), "{:#?}", session.rows());
    let mut recorded = interrupt(&scene, session);
    let lines = recorded.screens.lines();
    let printed = lines.iter().filter(|line| line.starts_with("gauge-0"));
    let expected = (0..LINES).map(|number| format!("gauge-0   | line {number} of {LINES}"));
    assert!(printed.cloned().eq(expected));
    assert!(!lines.iter().any(|line| line.contains('─')));
}

#[test]
fn log_records_go_by_above_the_area_each_of_them_whole() {
    // As without a terminal: time, level, where from, and words; those of executors with a name.
    let record = r"^(executor  \| )?\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z +INFO [\w:]+: \w+ ";
    let record = Regex::new(record).expect("it is a pattern");
    let scene = scene();
    scene.job(&job());
    // Lower than records are many, so that they scroll, and narrower than most of them are wide.
    let setting = Setting::of(70, 50);
    let mut session = Session::start(&scene, &setting, &["run", "job.yaml", "-v"]);
    wait_until_it_runs(&mut session);
    let rows = session.rows();
    let area = rows.iter().position(|row| row.starts_with('─'));
    let (above, below) = rows.split_at(area.expect("it is drawn"));
    assert!(above.iter().any(|row| row.contains(" INFO ")), "{rows:#?}");
    assert!(!below.iter().any(|row| row.contains("INFO")), "{rows:#?}");
    let mut recorded = interrupt(&scene, session);
    let (records, lines): (Vec<_>, Vec<_>) = recorded
        .screens
        .lines()
        .into_iter()
        .partition(|line| record.is_match(line));
    let has = |text: &str| records.iter().filter(|line| line.contains(text)).count();
    for (text, count) in [
        ("mesosgot_framework::modules: modules are served on", 1),
        ("master::frameworks: framework subscribed framework=", 1),
        ("executor_host::executor: launched task=", 9),
        ("executor_host::executor: task ended task=", 9),
    ] {
        assert_eq!(has(text), count, "{text}:\n{}", records.join("\n"));
    }
    // All others are those that are there without `-v`.
    assert_whole_lines(lines);
}

#[test]
fn what_is_typed_does_not_go_into_the_area() {
    let scene = scene();
    scene.job(&job());
    let mut session = Session::start(&scene, &Setting::of(80, 24), &["run", "job.yaml"]);
    assert!(session.echoes(), "until there is an area");
    wait_until_it_runs(&mut session);
    assert!(!session.echoes());
    session.press("typed\n\n\n");
    let mut recorded = interrupt(&scene, session);
    assert!(
        !recorded
            .screens
            .lines()
            .iter()
            .any(|line| line.contains("typed"))
    );
    assert_whole(&mut recorded.screens);
}

#[test]
fn a_job_that_is_suspended_leaves_the_terminal_to_the_shell_and_comes_back() {
    let scene = scene();
    scene.job(&job());
    // A shell with job control: it has the terminal when the job is stopped.
    let script = "set -m; $0 run job.yaml; echo \"suspended $?\"; read line; fg >/dev/null";
    let mut session = Session::start_shell(&scene, &Setting::of(80, 24), script);
    wait_until_it_runs(&mut session);
    session.press("\x1a");
    session.wait_for("word of the shell", |screens| {
        screens
            .lines()
            .iter()
            .any(|line| line.starts_with("suspended"))
            .then_some(())
    });
    assert_eq!(headline(&session.rows()), None, "{:#?}", session.rows());
    assert!(session.echoes(), "{:#?}", session.rows());
    session.press("go on\n");
    session.wait_for("area", |screens| headline(&screens.rows()).map(drop));
    assert!(!session.echoes());
    session.press("\x03");
    let mut recorded = session.finish();
    let lines = recorded.screens.lines();
    scene.assert_clean();
    assert!(
        lines.iter().any(|line| line == "go on"),
        "{}",
        lines.join("\n")
    );
    assert!(
        lines
            .last()
            .is_some_and(|line| line.starts_with("error: job `lift` interrupted"))
    );
    assert!(
        !lines.iter().any(|line| line.contains('─')),
        "{}",
        lines.join("\n")
    );
}

#[test]
fn a_job_in_the_background_leaves_the_terminal_alone() {
    let scene = scene();
    scene.job(&job());
    let script = "set -m; $0 run job.yaml & wait %1";
    let mut session = Session::start_shell(&scene, &Setting::of(80, 24), script);
    session.wait_for_row(LAST);
    assert_eq!(headline(&session.rows()), None, "{:#?}", session.rows());
    assert!(session.echoes());
    // The shell waits, and the key is for it; the job hears of it by a signal of its own.
    let jobs = children_of_shell(&session);
    for pid in &jobs {
        kill_process(*pid, Signal::INT).expect("the job is there");
    }
    assert_eq!(jobs.len(), 1);
    let mut recorded = session.finish();
    scene.assert_clean();
    assert!(
        !recorded.bytes.contains(&b'\x1b'),
        "{:?}",
        String::from_utf8_lossy(&recorded.bytes)
    );
    assert!(
        recorded
            .screens
            .lines()
            .iter()
            .any(|line| line.contains("interrupted after"))
    );
}

#[test]
fn with_the_console_what_is_typed_is_seen_and_nothing_is_drawn_over_it() {
    let scene = scene();
    scene.job(
        "job: talk
scheduler: console
tasks:
  echo: { module: actor.wasm, cpus: 0.1, mem: 32MiB }
",
    );
    let mut session = Session::start(&scene, &Setting::of(80, 24), &["run", "job.yaml"]);
    session.wait_for("word that the job runs, and no area", |screens| {
        let rows = screens.rows();
        let runs = rows
            .iter()
            .any(|row| row.contains("Running all tasks are up"));
        (runs && headline(&rows).is_none()).then_some(())
    });
    while !session.echoes() {
        std::thread::yield_now();
    }
    session.press("echo-0: hello\n");
    session.wait_for("answer", |screens| {
        let rows = screens.rows();
        let is_seen = |row: &&String| *row == "echo-0: hello";
        (rows.iter().filter(is_seen).count() == 2).then_some(())
    });
    // The end of stdin.
    session.press("\x04");
    let mut recorded = session.finish();
    assert_eq!(recorded.code, 0);
    scene.assert_clean();
    let lines = recorded.screens.lines();
    assert!(
        !lines.iter().any(|line| line.contains('─')),
        "{}",
        lines.join("\n")
    );
}

fn children_of_shell(session: &Session) -> Vec<Pid> {
    let shell = session.process_id();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
    let children = children.expect("the shell is there");
    let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
    ids.filter_map(Pid::from_raw).collect()
}
