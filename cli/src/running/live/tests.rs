//! What readers of the live stream are told, from samples of a status.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::report::Stream;
use crate::running::status::{ChannelTotals, Forgotten, GroupStatus, JobId, Phase};

fn task(name: &str, messages: u64) -> TaskStatus {
    TaskStatus {
        task: name.to_owned(),
        group: "echo".to_owned(),
        state: "TASK_RUNNING".to_owned(),
        messages_sent: messages,
        ..TaskStatus::default()
    }
}

fn status(uptime: f64, tasks: Vec<TaskStatus>) -> Status {
    Status {
        id: JobId {
            job: "echo".to_owned(),
            pid: 7,
        },
        phase: Phase::Running,
        reason: None,
        disconnected: None,
        framework_id: None,
        started: "t0".to_owned(),
        uptime_seconds: uptime,
        groups: vec![GroupStatus {
            group: "echo".to_owned(),
            count: 2,
            states: BTreeMap::new(),
        }],
        agents: Vec::new(),
        tasks,
        channels: ChannelTotals::default(),
        delivering: None,
        forgotten: Forgotten::default(),
    }
}

/// What is new, as JSON; the tasks by name.
fn news(live: &Live, journal: &Journal, place: &mut Place) -> Option<Value> {
    let update = live.changes(journal, place)?;
    let tasks: Vec<&str> = update.tasks.iter().map(|task| &*task.task).collect();
    let lines: Vec<&str> = update.lines.iter().map(|line| &*line.line).collect();
    Some(json!({
        "has_status": update.status.is_some(),
        "tasks": tasks,
        "events": update.events.len(),
        "lines": lines,
        "skipped": [update.events_skipped, update.lines_skipped],
    }))
}

#[test]
fn a_reader_sees_everything_once_and_then_what_changes() {
    let mut live = Live::default();
    let mut journal = Journal::default();
    let mut place = Place::default();
    live.sample(status(1.0, vec![task("echo-0", 0), task("echo-1", 0)]));
    journal.line("t1".to_owned(), "echo-0", Stream::Stdout, "up");
    let all = json!({
        "has_status": true, "tasks": ["echo-0", "echo-1"], "events": 0, "lines": ["up"],
        "skipped": [0, 0],
    });
    assert_eq!(news(&live, &journal, &mut place), Some(all.clone()));

    live.sample(status(1.1, vec![task("echo-0", 0), task("echo-1", 0)]));
    assert_eq!(
        news(&live, &journal, &mut place),
        None,
        "time alone is no news"
    );

    live.sample(status(1.2, vec![task("echo-0", 0), task("echo-1", 5)]));
    let one = json!({
        "has_status": false, "tasks": ["echo-1"], "events": 0, "lines": [], "skipped": [0, 0],
    });
    assert_eq!(news(&live, &journal, &mut place), Some(one));
    // Whoever comes now has missed nothing.
    assert_eq!(news(&live, &journal, &mut Place::default()), Some(all));
}

#[test]
fn a_task_that_comes_later_is_new_to_all() {
    let mut live = Live::default();
    let journal = Journal::default();
    let mut place = Place::default();
    live.sample(status(1.0, Vec::new()));
    assert!(news(&live, &journal, &mut place).is_some());
    live.sample(status(1.0, vec![task("echo-7", 0)]));
    let news = news(&live, &journal, &mut place).unwrap();
    assert_eq!(news["tasks"], json!(["echo-7"]));
}

#[test]
fn a_reader_that_falls_behind_skips_what_is_outdated() {
    let mut live = Live::default();
    let mut journal = Journal::default();
    let mut place = Place::default();
    live.sample(status(0.0, vec![task("echo-0", 0)]));
    assert!(news(&live, &journal, &mut place).is_none_or(|news| news["skipped"] == json!([0, 0])));
    journal.line("t".to_owned(), "echo-0", Stream::Stdout, "seen");
    assert!(news(&live, &journal, &mut place).is_some());
    for round in 1..=LINES_MAX as u64 * 3 {
        live.sample(status(0.0, vec![task("echo-0", round)]));
        journal.line("t".to_owned(), "echo-0", Stream::Stdout, "more");
    }
    let update = live.changes(&journal, &mut place).unwrap();
    assert_eq!(update.tasks.len(), 1, "only how it is now");
    assert_eq!(update.tasks[0].messages_sent, LINES_MAX as u64 * 3);
    assert_eq!(update.lines.len(), LINES_MAX);
    assert_eq!(update.lines_skipped, LINES_MAX as u64 * 2);
    assert!(news(&live, &journal, &mut place).is_none());
}

fn warn(journal: &mut Journal) {
    let event = json!({"event": "warning", "message": "m"});
    journal.event("t".to_owned(), event.to_string());
}

#[test]
fn what_is_too_much_for_an_update_is_counted_also_by_those_who_came_to_an_empty_journal() {
    let mut live = Live::default();
    let mut journal = Journal::default();
    let mut place = Place::default();
    live.sample(status(0.0, Vec::new()));
    assert!(live.changes(&journal, &mut place).is_some());
    for _ in 0..EVENTS_MAX + 7 {
        warn(&mut journal);
    }
    for _ in 0..LINES_MAX + 9 {
        journal.line("t".to_owned(), "echo-0", Stream::Stdout, "more");
    }
    let update = live.changes(&journal, &mut place).unwrap();
    assert_eq!(
        (update.events.len(), update.events_skipped),
        (EVENTS_MAX, 7)
    );
    assert_eq!((update.lines.len(), update.lines_skipped), (LINES_MAX, 9));
    let told = serde_json::to_value(&update).unwrap();
    assert_eq!(
        (&told["events_skipped"], &told["lines_skipped"]),
        (&json!(7), &json!(9))
    );
    assert_eq!(told["events"][0]["event"], "warning");
    // Those who come now see the newest, and have missed nothing.
    let update = live.changes(&journal, &mut Place::default()).unwrap();
    assert_eq!((update.events_skipped, update.lines_skipped), (0, 0));
}

#[test]
fn what_the_journal_has_forgotten_before_it_could_be_told_is_counted() {
    let mut live = Live::default();
    let mut journal = Journal::bounded(8 << 10, 8 << 10);
    let mut place = Place::default();
    live.sample(status(0.0, Vec::new()));
    journal.line("t".to_owned(), "echo-0", Stream::Stdout, "seen");
    warn(&mut journal);
    assert!(live.changes(&journal, &mut place).is_some());
    for _ in 0..500 {
        warn(&mut journal);
        journal.line("t".to_owned(), "echo-0", Stream::Stdout, "more");
    }
    assert!(journal.forgotten().events > 0 && journal.forgotten().lines > 0);
    let update = live.changes(&journal, &mut place).unwrap();
    assert!(!update.events.is_empty() && !update.lines.is_empty());
    let told = [
        update.events.len() as u64 + update.events_skipped,
        update.lines.len() as u64 + update.lines_skipped,
    ];
    assert_eq!(told, [500, 500]);
}

#[test]
fn what_is_reported_of_a_task_is_told_without_a_sample_and_keeps_its_counters() {
    let mut live = Live::default();
    let journal = Journal::default();
    let mut place = Place::default();
    live.sample(status(1.0, vec![task("echo-0", 3), task("echo-1", 5)]));
    assert!(live.changes(&journal, &mut place).is_some());
    let tell = |task: &mut TaskStatus| "TASK_FAILED".clone_into(&mut task.state);
    live.refresh(["echo-1", "echo-2"].map(str::to_owned), tell);
    let update = live.changes(&journal, &mut place).unwrap();
    let told = update.tasks.iter();
    let told: Vec<_> = told
        .map(|task| (&*task.task, &*task.state, task.messages_sent))
        .collect();
    let expected = [("echo-1", "TASK_FAILED", 5), ("echo-2", "TASK_FAILED", 0)];
    assert_eq!(told, expected);
    assert!(update.status.is_none());
    live.refresh([], tell);
    assert!(live.changes(&journal, &mut place).is_none());
}

#[test]
fn reports_of_tasks_are_news_of_these_and_others_of_the_whole() {
    let report = |task: &str| framework::TaskReport {
        task: task.to_owned(),
        state: framework::TaskState::Running,
        source: framework::Source::Executor,
        reason: None,
        message: None,
        agent: None,
    };
    let mut news = News::default();
    news.note(&Progress::Task(report("echo-0")));
    news.note(&Progress::Ignored(report("echo-1")));
    news.note(&Progress::Task(report("echo-0")));
    let task = "echo-2".to_owned();
    news.note(&Progress::RestartingByRequest { task });
    let expected = ["echo-0", "echo-1", "echo-2"].map(str::to_owned);
    assert_eq!(news.tasks, expected.into());
    assert!(!news.has_others);
    news.note(&Progress::AppStarted);
    assert!(news.has_others);
}
