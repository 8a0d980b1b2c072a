//! What is known in, lines out, at the widths of real terminals and at odd ones.

use expect_test::{Expect, expect};
use framework::{Progress, Source, TaskReport, TaskState};
use proptest::prelude::*;
use scheduler::Outcome;

use super::*;

/// Reports of tasks: `floor-3 running`.
fn tally(sizes: &[(&str, u32)], reports: &[Progress]) -> Tally {
    let mut tally = Tally::of_groups(sizes.iter().copied());
    for progress in reports {
        tally.count("t1", progress);
    }
    tally
}

fn is(task: &str, state: TaskState) -> Progress {
    Progress::Task(TaskReport {
        task: task.to_owned(),
        state,
        source: Source::Executor,
        reason: None,
        message: None,
        agent: None,
    })
}

fn all_are(group: &str, count: u32, state: TaskState) -> Vec<Progress> {
    let each = (0..count).map(|number| is(&format!("{group}-{number}"), state));
    each.collect()
}

/// The whole gang has its place.
fn placed(sizes: &[(&str, u32)]) -> Progress {
    let tasks = sizes.iter();
    let tasks = tasks.flat_map(|(name, size)| (0..*size).map(move |it| format!("{name}-{it}")));
    Progress::Placed {
        tasks: tasks.collect(),
        agents: 1,
    }
}

const ELEVATOR: [(&str, u32); 2] = [("elevator", 4), ("floor", 8)];

/// Two floors are not well.
fn elevator() -> Tally {
    let subscribed = Progress::Subscribed {
        framework: "f".into(),
        first: true,
    };
    let mut reports = vec![subscribed, placed(&ELEVATOR)];
    reports.extend(all_are("elevator", 4, TaskState::Running));
    reports.extend(all_are("floor", 8, TaskState::Running));
    reports.push(Progress::AppStarted);
    reports.push(is("floor-2", TaskState::Starting));
    reports.push(is("floor-5", TaskState::Failed));
    tally(&ELEVATOR, &reports)
}

fn known(tally: &Tally) -> Known<'_> {
    Known {
        elapsed: Duration::from_secs(83),
        note: &[],
        gang: Some(("elevator", tally)),
        rate: Some(Rate {
            sent: 1240.0,
            received: 981.0,
        }),
    }
}

fn drawn(known: &Known<'_>, columns: usize, rows: usize) -> String {
    let size = Size { columns, rows };
    let lines = area(known, size);
    assert!(lines.len() <= (rows / 3).min(8), "{lines:#?}");
    for line in &lines {
        assert!(line.width() < columns, "{line:?}");
    }
    let lines = lines.iter().map(|line| line.painted(false) + "\n");
    lines.collect()
}

#[track_caller]
fn check(known: &Known<'_>, (columns, rows): (usize, usize), expected: &Expect) {
    expected.assert_eq(&drawn(known, columns, rows));
}

#[test]
fn a_running_job_has_a_line_for_itself_and_one_for_each_group() {
    let tally = elevator();
    let known = known(&tally);
    check(
        &known,
        (80, 24),
        &expect![[r#"
            ── elevator: running, 10/12 up, 1 failed, in 1.2k/s, out 981/s ───────── 1m 23s
               elevator  4/4 up
               floor     6/8 up, 1 failed, 1 starting
        "#]],
    );
    check(
        &known,
        (200, 60),
        &expect![[r#"
            ── elevator: running, 10/12 up, 1 failed, in 1.2k/s, out 981/s ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1m 23s
               elevator  4/4 up
               floor     6/8 up, 1 failed, 1 starting
        "#]],
    );
}

#[test]
fn narrow_and_low_terminals_see_what_matters_most() {
    let tally = elevator();
    let known = known(&tally);
    check(
        &known,
        (40, 24),
        &expect![[r#"
            ─ elevator: running, 10/12 up, 1 failed
             elevator  4/4 up
             floor     6/8 up, 1 failed, 1 starting
        "#]],
    );
    check(
        &known,
        (20, 24),
        &expect![[r#"
            ─ running, 10/12 up
             ele…or  4/4 up
             floor   6/8 up, 1…
        "#]],
    );
    check(
        &known,
        (80, 6),
        &expect![[r#"
            ── elevator: running, 10/12 up, 1 failed, in 1.2k/s, out 981/s ───────── 1m 23s
               2 groups  10/12 up, 1 failed, 1 starting
        "#]],
    );
    check(
        &known,
        (80, 4),
        &expect![[r#"
            ── elevator: running, 10/12 up, 1 failed, in 1.2k/s, out 981/s ───────── 1m 23s
        "#]],
    );
    check(
        &known,
        (20, 4),
        &expect![[r#"
            ─ running, 10/12 up
        "#]],
    );
    check(&known, (80, 2), &expect![[""]]);
}

/// A shortfall as a machine tells it, with a remedy.
fn waiting() -> Progress {
    waiting_for(2, 3)
}

/// Of the floors so many have no place on so many agents.
fn waiting_for(agents: usize, tasks: u32) -> Progress {
    let shortfall = framework::Shortfall {
        agents,
        leftovers: vec![framework::Leftover {
            group: "floor".to_owned(),
            tasks,
            count: 8,
            obstacle: framework::Obstacle::Scattered,
            stops: Vec::new(),
        }],
        certainty: scheduler::Certainty::Impossible,
        remedies: Vec::new(),
    };
    let wave = framework::WaveId(1);
    Progress::Waiting { wave, shortfall }
}

#[test]
fn what_the_gang_waits_for_is_told_in_one_line() {
    let subscribed = Progress::Subscribed {
        framework: "f".into(),
        first: true,
    };
    let tally = tally(&ELEVATOR, &[subscribed, waiting()]);
    let known = Known {
        rate: None,
        ..known(&tally)
    };
    check(
        &known,
        (80, 24),
        &expect![[r#"
            ── elevator: waiting, 0/12 up ────────────────────────────────────────── 1m 23s
               elevator  0/4 up, 4 waiting
               floor     0/8 up, 8 waiting
               waits: on offer are 2 agents; no place for 3 of 8 `floor`: what is free is …
        "#]],
    );
    check(
        &known,
        (40, 24),
        &expect![[r#"
            ─ elevator: waiting, 0/12 up ─── 1m 23s
             elevator  0/4 up, 4 waiting
             floor     0/8 up, 8 waiting
             waits: on offer are 2 agents; no plac…
        "#]],
    );
    check(
        &known,
        (80, 6),
        &expect![[r#"
            ── elevator: waiting, 0/12 up ────────────────────────────────────────── 1m 23s
               waits: on offer are 2 agents; no place for 3 of 8 `floor`: what is free is …
        "#]],
    );
}

#[test]
fn before_there_is_a_master_the_reason_is_told_without_what_a_terminal_obeys() {
    let reason = "\x1b]0;owned\x07connection\r\nrefused \x1b[2Jby \u{202e}階";
    let disconnected = Progress::Disconnected {
        reason: reason.to_owned(),
    };
    let tally = tally(&ELEVATOR, &[disconnected]);
    let known = Known {
        rate: None,
        ..known(&tally)
    };
    check(
        &known,
        (80, 24),
        &expect![[r#"
            ── elevator: subscribing, 0/12 up ────────────────────────────────────── 1m 23s
               elevator  0/4 up, 4 waiting
               floor     0/8 up, 8 waiting
               no master: connection refused by 階
        "#]],
    );
}

#[test]
fn what_agents_do_for_modules_is_told_while_they_do_it() {
    let delivering = |fetching, compiling| {
        Progress::Delivering(Delivering {
            executors: 2,
            fetching,
            compiling,
            bytes: 3 << 19,
            bytes_total: 8 << 20,
        })
    };
    let told = |fetching, compiling| details(&tally(&[], &[delivering(fetching, compiling)]));
    assert_eq!(
        told(1, 2),
        ["agents fetch 1 module (1.5 of 8.0 MiB), compile 2 modules"]
    );
    assert_eq!(told(0, 1), ["agents compile 1 module"]);
    assert_eq!(told(2, 0), ["agents fetch 2 modules (1.5 of 8.0 MiB)"]);
    assert!(told(0, 0).is_empty());
}

#[test]
fn groups_beyond_a_handful_share_a_line() {
    let names: Vec<String> = (1..=40).map(|number| format!("group{number}")).collect();
    let mut sizes: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 250)).collect();
    let long = "a-group-with-a-name-that-is-longer-than-anybody-wants-to-read";
    sizes[1].0 = long;
    let mut reports = vec![placed(&sizes)];
    reports.extend(all_are("group1", 250, TaskState::Running));
    reports.extend(all_are("group40", 200, TaskState::Running));
    reports.push(is("group39-7", TaskState::Lost));
    let tally = tally(&sizes, &reports);
    check(
        &known(&tally),
        (80, 24),
        &expect![[r#"
            ── elevator: launching, 450/10000 up, 1 lost, in 1.2k/s, out 981/s ───── 1m 23s
               group1                     250/250 up
               a-group-with…nts-to-read     0/250 up, 250 staging
               group3                       0/250 up, 250 staging
               group4                       0/250 up, 250 staging
               36 more                   200/9000 up, 1 lost, 8799 staging
        "#]],
    );
    check(
        &known(&tally),
        (40, 9),
        &expect![[r#"
            ─ elevator: launching, 450/10000 up ───
             group1    250/250 up
             39 more  200/9750 up, 1 lost, 9549 st…
        "#]],
    );
}

#[test]
fn a_job_that_stops_says_so_and_how_its_tasks_have_ended() {
    let mut reports = vec![placed(&ELEVATOR), Progress::AppStarted];
    reports.push(Progress::Stopping(Outcome::Interrupted));
    reports.extend(all_are("elevator", 2, TaskState::Finished));
    reports.push(is("elevator-2", TaskState::Killing));
    reports.push(is("elevator-3", TaskState::Killed));
    let tally = tally(&ELEVATOR, &reports);
    check(
        &known(&tally),
        (80, 24),
        &expect![[r#"
            ── elevator: stopping, 0/12 up, in 1.2k/s, out 981/s ─────────────────── 1m 23s
               elevator  0/4 up, 1 killing, 1 killed, 2 finished
               floor     0/8 up, 8 staging
        "#]],
    );
}

fn noted(note: &[String]) -> Known<'_> {
    Known {
        elapsed: Duration::from_secs(4),
        note,
        gang: None,
        rate: None,
    }
}

#[test]
fn before_there_is_a_gang_there_is_a_note() {
    let note = ["fetching https://example.com/modules/floor.wasm: 1.5 of 8.0 MiB".to_owned()];
    check(
        &noted(&note),
        (80, 24),
        &expect![[r#"
            ── fetching https://example.com/modules/floor.wasm: 1.5 of 8.0 MiB ───────── 4s
        "#]],
    );
    check(
        &noted(&note),
        (20, 24),
        &expect![[r#"
            ─ fetching https:/…
        "#]],
    );
    check(&noted(&[]), (80, 24), &expect![""]);
}

#[test]
fn a_build_is_told_with_as_many_of_its_crates_as_fit() {
    let words = [
        "building 28/41",
        "serde_core",
        "syn",
        "elevator-messages(build)",
    ];
    let note = words.map(str::to_owned);
    check(
        &noted(&note),
        (80, 24),
        &expect![[r#"
        ── building 28/41, serde_core, syn, elevator-messages(build) ─────────────── 4s
    "#]],
    );
    check(
        &noted(&note),
        (40, 24),
        &expect![[r#"
        ─ building 28/41, serde_core, syn ── 4s
    "#]],
    );
    check(
        &noted(&note),
        (20, 24),
        &expect![[r#"
        ─ building 28/41 4s
    "#]],
    );
    check(
        &noted(&note[..1]),
        (80, 24),
        &expect![[r#"
        ── building 28/41 ────────────────────────────────────────────────────────── 4s
    "#]],
    );
    let hostile = ["building 1/2".to_owned(), "\x1b[2Jdemo\n".to_owned()];
    check(
        &noted(&hostile),
        (80, 24),
        &expect![[r#"
        ── building 1/2, demo  ───────────────────────────────────────────────────── 4s
    "#]],
    );
}

#[test]
fn time_is_told_in_few_columns() {
    let seconds = [0, 59, 60, 3599, 3600, 86399, 86400, 100 * 86400];
    let told = seconds.map(|seconds| duration(Duration::from_secs(seconds)));
    assert_eq!(
        told,
        [
            "0s", "59s", "1m 00s", "59m 59s", "1h 00m", "23h 59m", "1d 00h", "100d 00h"
        ]
    );
}

proptest! {
    /// Whatever is known, on a terminal of any size: few lines, none as wide as the terminal.
    #[test]
    fn nothing_is_ever_too_wide_or_too_high(
        columns in 0..220_usize,
        rows in 0..80_usize,
        job in "[a-z]{1,100}",
        note in proptest::collection::vec(".{0,60}", 0..6),
        groups in proptest::collection::vec(("[a-z]{1,100}", 0..20_u32), 0..12),
        up in proptest::collection::vec((0..12_usize, 0..20_u32, 0..14_usize), 0..60),
        reason in ".{0,200}",
        rate in 0.0..1e12_f64,
    ) {
        let sizes: Vec<_> = groups.iter().map(|(name, size)| (name.as_str(), *size)).collect();
        let mut reports = vec![placed(&sizes), waiting(), Progress::Disconnected { reason }];
        for (group, task, state) in up {
            if let Some((name, _)) = sizes.get(group) {
                reports.push(is(&format!("{name}-{task}"), TaskState::ALL[state]));
            }
        }
        let tally = tally(&sizes, &reports);
        let known = Known {
            note: &note,
            gang: note.is_empty().then_some((job.as_str(), &tally)),
            rate: Some(Rate { sent: rate, received: rate / 7.0 }),
            ..known(&tally)
        };
        for line in drawn(&known, columns, rows).lines() {
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn the_docs_show_an_area_as_it_is_drawn() {
    let page = include_str!("../../../../docs/output.md");
    let (_, section) = page
        .split_once("## On a terminal\n")
        .expect("it has a section");
    let (_, block) = section.split_once("```text\n").expect("it has a block");
    let (block, _) = block.split_once("```").expect("the block ends");
    let start = block.find("──").expect("the area is in the block");

    let mut reports = vec![placed(&ELEVATOR)];
    reports.extend(all_are("elevator", 4, TaskState::Running));
    reports.extend(all_are("floor", 8, TaskState::Running));
    reports.push(Progress::AppStarted);
    reports.push(Progress::RestartingByRequest {
        task: "floor-2".to_owned(),
    });
    reports.push(waiting_for(1, 1));
    let tally = tally(&ELEVATOR, &reports);
    let known = known(&tally);
    assert_eq!(&block[start..], drawn(&known, 80, 24));
}
