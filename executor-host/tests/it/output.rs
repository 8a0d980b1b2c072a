//! What tasks print, in the sandbox of an executor.

use std::{
    fs::{self, File},
    path::Path,
};

use executor_host::{
    Exit,
    output::{Output, OutputBounds, parse_line},
};
use link::spec;
use mesos::v1::TaskState;
use tempfile::TempDir;

use crate::{agent::Agent, running::Executor};

/// Bounds that are reached soon.
const BOUNDS: OutputBounds = OutputBounds {
    stream_bytes_max: 256 << 10,
    burst_bytes: 64 << 10,
    bytes_per_second: 1 << 10,
    task_bytes_max: 512 << 10,
    tasks_bytes_max: 8 << 20,
};

/// What the files take at most: `stdout` and `stderr` with what is being copied of them, and the two
/// parts of one task's file and of another that prints little.
const DISK_BYTES_MAX: u64 = 3 * 2 * (256 << 10) + 2 * (512 << 10) + (64 << 10);

/// More than a flood may leave on the disk, by far.
const FLOOD_LINES: u64 = 64_000;

/// An executor in a sandbox of its own whose tasks begin at once.
async fn executor(agent: &mut Agent) -> (TempDir, Executor) {
    let sandbox = tempfile::tempdir().unwrap();
    let create = |name| File::create(sandbox.path().join(name)).unwrap();
    let (stdout, stderr) = (create("stdout"), create("stderr"));
    let output = Output::sandbox(sandbox.path(), stdout, stderr, BOUNDS).unwrap();
    let executor = agent.executor_printing(output).await;
    agent.begin().await;
    (sandbox, executor)
}

/// What a file holds; nothing if there is none.
fn text(sandbox: &TempDir, name: &str) -> String {
    fs::read_to_string(sandbox.path().join(name)).unwrap_or_default()
}

/// The lines of a task in `stdout` or `stderr`.
fn lines_of(sandbox: &TempDir, name: &str, task: &str) -> Vec<String> {
    let lines = text(sandbox, &format!("{name}.1")) + &text(sandbox, name);
    let lines = lines.lines().filter_map(parse_line);
    let lines = lines.filter(|line| line.name == task);
    lines.map(|line| line.text.to_owned()).collect()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        // Renamed or removed meanwhile.
        Err(_) => 0,
    });
    sizes.sum()
}

#[tokio::test]
async fn what_a_task_printed_is_written_before_its_end_is_told() {
    let mut agent = Agent::start().await;
    let (sandbox, executor) = executor(&mut agent).await;
    let (outbox, _inbox) = agent.link.open("quiet").unwrap();
    agent.run(&agent.task("quiet", &["echo"])).await;
    for number in 0..5 {
        let name = format!("task-{number}");
        agent.run(&agent.task(&name, &["print"])).await;
        let (_, state, _) = agent.next().await;
        assert_eq!(state, TaskState::TaskFinished);
        let stdout = lines_of(&sandbox, "stdout", &name);
        assert_eq!(stdout, ["to stdout", "without an end"]);
        assert_eq!(lines_of(&sandbox, "stderr", &name), ["to stderr"]);
        let own = text(&sandbox, &format!("output/{name}.log"));
        let own: Vec<_> = own.lines().map(|line| &line[25..]).collect();
        assert_eq!(own.len(), 3);
        assert!(own.contains(&"stdout without an end"), "{own:?}");
        assert!(own.contains(&"stderr to stderr"), "{own:?}");
    }
    // Who prints nothing has no file.
    assert_eq!(
        fs::read_dir(sandbox.path().join("output")).unwrap().count(),
        5
    );
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_task_that_prints_without_end_fills_no_disk_and_holds_up_no_neighbour() {
    let mut agent = Agent::start().await;
    let (sandbox, executor) = executor(&mut agent).await;
    let (outbox, inbox) = agent.link.open("echo").unwrap();
    agent.run(&agent.task("echo", &["echo"])).await;
    let flood = spec::TaskSpec {
        kill_grace_ms: 20,
        ..agent.task("flood", &["flood"])
    };
    agent.run(&flood).await;
    loop {
        outbox.send("ping".into()).await.unwrap();
        assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
        let bytes = bytes_in(sandbox.path());
        assert!(bytes <= DISK_BYTES_MAX, "{bytes} bytes");
        let flooded = text(&sandbox, "output/flood.log");
        let last = flooded.lines().rev().nth(1).unwrap_or_default();
        let number = last
            .split(' ')
            .nth(2)
            .and_then(|number| number.parse().ok());
        if number.is_some_and(|number: u64| number >= FLOOD_LINES) {
            break;
        }
    }
    // Who prints little is still seen.
    agent.run(&agent.task("neighbour", &["print"])).await;
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    let lines = lines_of(&sandbox, "stdout", "neighbour");
    assert_eq!(lines, ["to stdout", "without an end"]);

    agent.kill("flood");
    assert_eq!(agent.next().await.1, TaskState::TaskKilled);
    let shown = lines_of(&sandbox, "stdout", "flood").len();
    assert!(shown > 10 && shown < 1000, "{shown} lines");
    let told = text(&sandbox, "stderr");
    assert!(
        told.contains("task `flood` prints more than 1 KiB"),
        "{told}"
    );
    assert!(
        told.contains("of task `flood` went to `output/flood.log` only"),
        "{told}"
    );
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}
