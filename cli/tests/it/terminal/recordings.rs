//! Whole sessions as they look, at two widths.

use expect_test::expect_file;

use super::*;

/// What differs from run to run, and what stands for it.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (
            r"in [\d.]+[kMG]?/s, out [\d.]+[kMG]?/s",
            "in {n}/s, out {n}/s",
        ),
        (r"─+ (\d+m )?\d+s$", "─── {time}"),
    ];
    let rule = |(pattern, by)| (Regex::new(pattern).expect("it is a pattern"), by);
    rules.map(rule).into()
});

/// A screen at one moment, without empty rows at its end.
pub(super) fn shown(
    moment: &str,
    rows: &[String],
    columns: u16,
    folder: &std::path::Path,
) -> String {
    let used = rows
        .iter()
        .rposition(|row| !row.is_empty())
        .map_or(0, |last| last + 1);
    let mut text = format!("{moment}:\n");
    for row in rows[..used].iter().filter(|row| !is_of_slow_machine(row)) {
        let mut row = crate::redact::redact(row, folder);
        for (pattern, by) in RULES.iter() {
            row = pattern.replace_all(&row, *by).into_owned();
        }
        if let Some((words, time)) = row
            .split_once("─── {time}")
            .map(|(words, _)| (words, " {time}"))
        {
            let missing = usize::from(columns) - 1 - words.chars().count() - time.len();
            row = format!("{words}{}{time}", "─".repeat(missing));
        }
        text.push_str(format!("  | {row}").trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}

/// Records a session of a job that runs until Ctrl-C.
fn record(columns: u16) -> String {
    let scene = scene();
    scene.job(&job());
    let mut session = Session::start(&scene, &Setting::of(columns, 24), &["run", "job.yaml"]);
    wait_until_it_runs(&mut session);
    let rows = session.wait_for("rate", |screens| {
        let rows = screens.rows();
        headline(&rows)?.contains(", in ").then_some(rows)
    });
    let mut recorded = shown("while it runs", &rows, columns, scene.folder());
    let mut ended = interrupt(&scene, session);
    let rows = ended.screens.rows();
    recorded += &shown("after Ctrl-C", &rows, columns, scene.folder());
    assert_whole(&mut ended.screens);
    recorded
}

/// Records a session of a job that finds no place.
fn record_waiting(columns: u16) -> String {
    let scene = scene();
    scene.job(
        "job: crowd
scheduler: { module: director.wasm, args: [prompt] }
tasks:
  guest: { module: actor.wasm, count: 40, cpus: 0.5, mem: 32MiB }
  waiter: { module: actor.wasm, count: 2, cpus: 100, mem: 32MiB }
",
    );
    let args = ["run", "job.yaml", "--resources", "cpus:8;mem:4096"];
    let mut session = Session::start(&scene, &Setting::of(columns, 24), &args);
    let rows = session.wait_for("reason", |screens| {
        let rows = screens.rows();
        let waits = rows.iter().any(|row| row.starts_with("   waits: on offer"));
        waits.then_some(rows)
    });
    let mut recorded = shown("while the gang waits", &rows, columns, scene.folder());
    let mut ended = interrupt(&scene, session);
    recorded += &shown(
        "after Ctrl-C",
        &ended.screens.rows(),
        columns,
        scene.folder(),
    );
    assert!(!ended.screens.lines().iter().any(|line| line.contains('─')));
    recorded
}

#[test]
fn a_session_on_a_terminal_of_80_columns() {
    let recorded = record(80) + &record_waiting(80);
    expect_file!["../../sessions/80.txt"].assert_eq(&recorded);
}

#[test]
fn a_session_on_a_terminal_of_200_columns() {
    let recorded = record(200) + &record_waiting(200);
    expect_file!["../../sessions/200.txt"].assert_eq(&recorded);
}
