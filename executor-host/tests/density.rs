//! What an idle task keeps in memory. A binary of its own, because it looks at the whole process.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something does not hold"
)]

#[path = "it/guests.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod guests;
#[path = "it/hosted.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod hosted;

use std::{fs, ops::Range, path::Path};

use executor_host::{
    inbox::TaskInbox,
    outcome::Outcome,
    output::Output,
    task::{Prepared, TaskConfig},
};
use link::Link;
use tokio::task::JoinHandle;

/// Idle tasks, before it is measured and while it is.
const BEFORE: usize = 100;
const TASKS: usize = 500;

/// What each may take, in KiB, the other ends of its channels included. Without optimization futures
/// are some larger.
const KIB_MAX: usize = if cfg!(debug_assertions) { 80 } else { 64 };

#[tokio::test]
async fn an_idle_task_takes_no_more_memory_than_it_should() {
    let (here, there) = hosted::links();
    let mut all = Vec::new();
    answered(0..BEFORE, &here, &there, &mut all).await;
    let before = pss_kib();
    answered(BEFORE..BEFORE + TASKS, &here, &there, &mut all).await;
    let each = (pss_kib() - before) / TASKS;
    assert!(each <= KIB_MAX, "{each} KiB");
}

/// A task and the other ends of its channels.
struct Running {
    _life: JoinHandle<Outcome>,
    _channel: (link::Sender, link::Receiver),
}

/// Starts tasks that have answered a message and wait for the next.
async fn answered(numbers: Range<usize>, here: &Link, there: &Link, all: &mut Vec<Running>) {
    let output = Output::new(std::io::sink(), std::io::sink());
    for number in numbers {
        let config = TaskConfig {
            name: format!("task-{number}"),
            ..hosted::config(&["echo"])
        };
        let (outbox, inbox) = here.open(&config.name).unwrap();
        let (sender, receiver) = there.open(&config.name).unwrap();
        let prepared = Prepared::new(
            hosted::engine(),
            hosted::module(),
            config,
            &output,
            Path::new("."),
        )
        .await
        .unwrap();
        let (task_inbox, _) = TaskInbox::new(receiver);
        let life = tokio::spawn(prepared.run(task_inbox, sender));
        outbox.send("ping".into()).await.unwrap();
        assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
        all.push(Running {
            _life: life,
            _channel: (outbox, inbox),
        });
    }
}

/// Memory of this process; shared pages are divided among those who share them.
fn pss_kib() -> usize {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}
