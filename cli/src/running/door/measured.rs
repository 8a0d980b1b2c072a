//! How long a change of a large job takes from the report of it until a reader has the bytes that
//! tell it, over TCP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use framework::{Progress, Source, TaskReport, TaskState};
use job::{Lookup, PathKind};
use serde_json::Value;

use super::*;
use crate::running::RunningJob;
use crate::signals::Urgency;

/// How many tasks the job has.
const TASKS: usize = 10_000;

/// How many reports there are, each of another task.
const CHANGES: usize = 10_000;

/// So many come at once, and so often: 2,000 a second.
const BURST: usize = 10;
const BURST_GAP: Duration = Duration::from_millis(5);

/// What the 99th percentile is to be, without this machine's doing other things meanwhile. A sample
/// takes some twenty times as long where nothing is optimized.
const TARGET: Duration = Duration::from_millis(100);

/// All modules are there.
struct Everywhere;

impl Lookup for Everywhere {
    fn kind(&self, _: &Path) -> Option<PathKind> {
        Some(PathKind::File)
    }

    fn names(&self, _: &Path) -> Vec<String> {
        Vec::new()
    }
}

fn running(number: usize, message: Option<String>) -> Progress {
    Progress::Task(TaskReport {
        task: format!("work-{number}"),
        state: TaskState::Running,
        source: Source::Executor,
        reason: None,
        message,
        agent: Some(format!("agent-{}", number % 20).into()),
    })
}

/// A job all tasks of which run.
fn large() -> Arc<RunningJob> {
    let text = format!(
        "job: large
scheduler: {{ module: app.wasm }}
tasks:
  work: {{ module: task.wasm, count: {TASKS} }}
"
    );
    let job = job::parse("job.yaml", &text, &Everywhere).expect("the job file is right");
    let (stop, _) = watch::channel(Urgency::None);
    let running_job = Arc::new(RunningJob::new(&job, stop));
    for number in 0..TASKS {
        running_job.progress(&running(number, None));
    }
    running_job.progress(&Progress::AppStarted);
    running_job
}

/// The data of all events of the live stream, each with the moment when it was there.
fn read(mut stream: TcpStream, is_open: &std::sync::mpsc::Sender<()>) -> Vec<(Instant, String)> {
    // Of this version answers are not in chunks.
    let request = "GET /v1/live HTTP/1.0\r\nAuthorization: Bearer token\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut read = Vec::new();
    for line in BufReader::with_capacity(1 << 20, stream).lines() {
        let line = line.expect("it is text");
        if let Some(data) = line.strip_prefix("data: ") {
            read.push((Instant::now(), data.to_owned()));
            if read.len() == 1 {
                is_open.send(()).expect("somebody waits for it");
            }
        }
    }
    read
}

/// How long each change took.
fn measure() -> Vec<Duration> {
    let job = large();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let at = listener.local_addr().expect("it is bound");
    listener.set_nonblocking(true).expect("a socket can be so");
    let address = Address {
        listener,
        token: "token".into(),
        names: guard::Names::Any,
    };
    let (close, closed) = watch::channel(false);
    let router = api::router(Arc::clone(&job));
    let doors = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("there is a runtime");
        runtime.block_on(serve(
            router,
            Router::new(),
            Router::new(),
            None,
            Some(address),
            closed,
        ));
    });
    let (is_open, opened) = std::sync::mpsc::channel();
    let stream = TcpStream::connect(at).expect("somebody listens");
    let reader = thread::spawn(move || read(stream, &is_open));
    opened.recv().expect("the stream begins");

    let mut told = Vec::with_capacity(CHANGES);
    let mut due = Instant::now();
    for change in 0..CHANGES {
        if change % BURST == 0 {
            due += BURST_GAP;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        // Not one after the other: a step that has no divisor with their count.
        let report = running(change * 7919 % TASKS, Some(change.to_string()));
        told.push(Instant::now());
        job.progress(&report);
    }
    job.end();
    close.send_replace(true);
    let read = reader.join().expect("the reader has no complaint");
    doors.join().expect("the doors close");

    times(&read, &told)
}

/// How long each change took, the shortest first. Each is told, and none before an earlier one. A
/// sample of all tasks may tell of one that becomes news just then and is told again.
fn times(read: &[(Instant, String)], told: &[Instant]) -> Vec<Duration> {
    let mut took = Vec::with_capacity(told.len());
    for (at, data) in read {
        let update: Value = serde_json::from_str(data).expect("it is JSON");
        let tasks = update["tasks"].as_array().into_iter().flatten();
        let change = |task: &Value| task["message"].as_str()?.parse().ok();
        let mut changes: Vec<usize> = tasks.filter_map(change).collect();
        changes.retain(|change| *change >= took.len());
        changes.sort_unstable();
        let expected = took.len()..took.len() + changes.len();
        assert!(
            changes.iter().copied().eq(expected.clone()),
            "{changes:?} instead of {expected:?}"
        );
        took.extend(
            changes
                .iter()
                .map(|change| at.duration_since(told[*change])),
        );
    }
    assert_eq!(took.len(), told.len(), "some changes are not told");
    took.sort();
    took
}

#[test]
fn each_change_of_ten_thousand_tasks_is_told_to_a_reader_in_order() {
    let took = measure();
    let share = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    say(&format!(
        "p50 {:.1?}, p99 {:.1?} (target: {TARGET:?}), at most {:.1?}",
        share(0.5),
        share(0.99),
        share(1.0)
    ));
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever runs it")]
fn say(text: &str) {
    eprintln!("{text}");
}
