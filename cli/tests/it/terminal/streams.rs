//! Streams that are terminals, and streams that are not.

use expect_test::expect_file;
use rustix::process::Signal;

use super::*;

#[test]
fn in_a_pipe_the_same_session_is_plain_lines() {
    let scene = scene();
    scene.job(&job());
    let mut running = scene.start_here(&[("NO_COLOR", "")], &["run", "job.yaml"]);
    running.wait_for(LAST, |line| line.ends_with(&format!("{LAST}\n")));
    running.signal(Signal::INT);
    let ended = running.wait();
    ended.assert_code(130);
    scene.assert_clean();
    let obeyed = |char: char| char.is_control() && char != '\n';
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(obeyed) && !text.contains('─'), "{text:?}");
    }
    let expected = ["scheduler | director is up: prompt"].into_iter();
    let expected: String = expected
        .chain(SHOWN)
        .chain(["voice-0   | doors closed"])
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(ended.stdout, expected);
    let shown = |text: &str| {
        let lines = text.lines().filter(|line| !is_of_slow_machine(line));
        let lines = lines.map(|line| format!("  | {line}\n"));
        crate::redact::redact(&lines.collect::<String>(), scene.folder())
    };
    let recorded = format!(
        "stdout:\n{}\nstderr:\n{}",
        shown(&ended.stdout),
        shown(&ended.stderr)
    );
    expect_file!["../../sessions/pipe.txt"].assert_eq(&recorded);
    // On a terminal there are the same lines, and no others.
    let mut session = Session::start(&scene, &Setting::of(200, 24), &["run", "job.yaml"]);
    wait_until_it_runs(&mut session);
    let lines = interrupt(&scene, session).screens.lines();
    let redact = |line: &str| crate::redact::redact(line, scene.folder());
    let mut on_terminal: Vec<_> = lines.iter().map(|line| redact(line)).collect();
    let piped = ended.stderr.lines().chain(ended.stdout.lines());
    let mut piped: Vec<_> = piped.map(redact).collect();
    for lines in [&mut on_terminal, &mut piped] {
        lines.retain(|line| !is_of_slow_machine(line));
        lines.sort();
    }
    assert_eq!(on_terminal, piped);
}

#[test]
fn with_stdout_in_a_file_the_area_is_there_and_the_file_has_plain_lines() {
    let scene = scene();
    scene.job(&job());
    let script = "exec $0 run job.yaml >printed";
    let setting = Setting {
        variables: &[],
        ..Setting::of(80, 24)
    };
    let mut session = Session::start_shell(&scene, &setting, script);
    let printed = scene.folder().join("printed");
    session.wait_for("area", |screens| {
        let text = std::fs::read_to_string(&printed).unwrap_or_default();
        let is_up = headline(&screens.rows())?.contains("running, 9/9 up");
        (is_up && text.ends_with("doors closed\n")).then_some(())
    });
    let mut recorded = interrupt(&scene, session);
    let text = std::fs::read_to_string(&printed).expect("it is there");
    assert!(!text.contains('\x1b'), "{text:?}");
    let said = text.lines().filter(|line| line.starts_with("voice-0"));
    assert!(
        said.eq(SHOWN.into_iter().chain(["voice-0   | doors closed"])),
        "{text}"
    );
    let lines = recorded.screens.lines();
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("voice-0") || line.contains('─'))
    );
}

#[test]
fn with_stderr_in_a_file_the_terminal_has_plain_lines_alone() {
    let scene = scene();
    scene.job(&job());
    let script = "exec $0 run job.yaml 2>told";
    let mut session = Session::start_shell(&scene, &Setting::of(80, 24), script);
    session.wait_for_row(LAST);
    assert!(session.echoes());
    let recorded = interrupt(&scene, session);
    assert!(!recorded.bytes.contains(&b'\x1b'));
    let told = std::fs::read_to_string(scene.folder().join("told")).expect("it is there");
    assert!(
        told.contains("Running all tasks are up") && !told.contains('\x1b'),
        "{told:?}"
    );
}

/// Runs the job where nothing but lines is wanted.
#[track_caller]
fn assert_only_lines(variables: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let scene = scene();
    scene.job(&job());
    let setting = Setting {
        variables,
        ..Setting::of(80, 24)
    };
    let mut session = Session::start(&scene, &setting, args);
    session.wait_for_row(LAST);
    assert!(session.echoes());
    let mut recorded = interrupt(&scene, session);
    let text = String::from_utf8_lossy(&recorded.bytes);
    assert!(!text.contains('\x1b') && !text.contains('─'), "{text:?}");
    recorded.screens.lines()
}

#[test]
fn a_dumb_terminal_has_plain_lines() {
    // Elsewhere a build server's terminals are taken to show colours whatever they say.
    let variables = [("TERM", "dumb"), ("CI", "true")];
    let lines = assert_only_lines(&variables, &["run", "job.yaml"]);
    assert!(lines.iter().any(|line| line.contains("Running all tasks")));
}

#[test]
fn quiet_means_results_and_errors_only() {
    let lines = assert_only_lines(&[("NO_COLOR", "1")], &["run", "job.yaml", "--quiet"]);
    let mut expected = vec!["scheduler | director is up: prompt"];
    expected.extend(SHOWN);
    expected.push("voice-0   | doors closed");
    let (last, said) = lines.split_last().expect("there are lines");
    assert_eq!(said, expected);
    // Without an area the terminal echoes keys.
    let last = last.trim_start_matches("^C");
    assert!(
        last.starts_with("error: job `lift` interrupted after"),
        "{last}"
    );
}

#[test]
fn colours_change_no_word() {
    let scene = scene();
    scene.job(&job());
    let setting = Setting {
        variables: &[],
        ..Setting::of(80, 24)
    };
    let mut session = Session::start(&scene, &setting, &["run", "job.yaml"]);
    wait_until_it_runs(&mut session);
    let has_colour = session.wait_for("row of the voice", |screens| {
        let row = screens
            .rows()
            .iter()
            .position(|row| row.starts_with("voice-0"))?;
        let cell = screens.screen().cell(row.try_into().ok()?, 0)?;
        Some(cell.fgcolor() != vt100::Color::Default)
    });
    assert!(has_colour);
    assert_whole(&mut interrupt(&scene, session).screens);
}
