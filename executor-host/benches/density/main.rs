//! What tasks of one executor cost: memory while they are idle, time until they run, and what a
//! neighbour that computes does to the answers of another.
//!
//! `cargo bench -p mesosgot-executor --bench density` prints all of it; `docs/performance.md` keeps
//! figures. An argument runs only the parts whose name contains it: `idle`, `launch`, `neighbours`,
//! `together`. What is promised is told beside what was measured, and a promise that is not kept is
//! a failure.

#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something does not hold"
)]

#[path = "../../tests/it/agent.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod agent;
mod executor;
#[path = "../../tests/it/guests.rs"]
#[expect(dead_code, reason = "the tests need more guests")]
mod guests;
mod process;

use std::{
    env,
    fmt::{self, Debug},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    agent::Agent,
    executor::{Executor, running},
    process::Usage,
};

/// How often what is timed is done.
const ROUNDS: usize = 9;

/// Tasks that are timed from LAUNCH to TASK_RUNNING.
const LAUNCHED: usize = 1000;

/// Idle tasks, first and in the end: what the process itself costs is in both.
const IDLE: [usize; 2] = [1000, 10_000];

/// Neighbours that compute without end.
const BUSY: [usize; 5] = [0, 1, 2, 8, 64];

/// Round trips of each number of neighbours.
const ROUND_TRIPS: usize = 2000;

/// Neighbours that begin to compute when another begins to answer.
const TOGETHER: usize = 400;

/// What is promised (DESIGN §8): of the median of [`ROUNDS`] launches, of an idle task's share of
/// the process (PSS), and of what a neighbour that computes adds to the p99 of round trips.
const LAUNCH_MAX: Duration = Duration::from_millis(150);
const IDLE_KIB_MAX: f64 = 64.0;
const NEIGHBOUR_MAX: Duration = Duration::from_millis(10);

/// Names another executor, to compare two builds under the same conditions.
const PROGRAM_VARIABLE: &str = "MESOSGOT_BENCH_EXECUTOR";

fn main() -> ExitCode {
    let wanted = env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let bench = Bench::new();
        // Compiles the module, if that was not done before.
        bench.launched(1).await;
        let mut are_kept = true;
        if is_wanted("launch") {
            are_kept &= launch(&bench).await;
        }
        if is_wanted("idle") {
            are_kept &= idle(&bench).await;
        }
        if is_wanted("neighbours") {
            are_kept &= neighbours(&bench).await;
        }
        if is_wanted("together") {
            together(&bench).await;
        }
        ExitCode::from(u8::from(!are_kept))
    })
}

/// Says whether a promise is kept.
fn promise<T: PartialOrd + Debug>(what: &str, measured: T, most: T) -> bool {
    let is_kept = measured <= most;
    let verdict = if is_kept { "reached" } else { "MISSED" };
    println(&format!(
        "{what}: {measured:.1?}, promised are {most:.0?} at most: {verdict}"
    ));
    is_kept
}

struct Bench {
    program: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let built = || PathBuf::from(env!("CARGO_BIN_EXE_mesosgot-executor"));
        Self {
            program: env::var_os(PROGRAM_VARIABLE).map_or_else(built, PathBuf::from),
        }
    }

    async fn start(&self) -> (Agent, Executor) {
        let mut agent = Agent::start().await;
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let executor = Executor::start(&mut agent, &self.program, cache).await;
        (agent, executor)
    }

    /// An executor whose tasks have just come to run, and how long that took.
    async fn launched(&self, tasks: usize) -> (Duration, Executor) {
        let (mut agent, executor) = self.start().await;
        let began = Instant::now();
        for number in 0..tasks {
            agent.launch(&agent.task(&name(number), &["echo"]));
        }
        running(&mut agent, tasks).await;
        (began.elapsed(), executor)
    }
}

fn name(number: usize) -> String {
    format!("task-{number}")
}

/// From the first LAUNCH to the last TASK_RUNNING.
async fn launch(bench: &Bench) -> bool {
    let mut times = Vec::new();
    let mut on_processor = Vec::new();
    for _ in 0..ROUNDS {
        let (took, executor) = bench.launched(LAUNCHED).await;
        times.push(took);
        on_processor.push(Usage::of(executor.pid()).processor);
    }
    times.sort();
    on_processor.sort();
    println(&format!(
        "launch: {LAUNCHED} tasks from LAUNCH to TASK_RUNNING: {:.0?} fastest, {:.0?} median of {ROUNDS}; \
         the executor's processor time, start included: {:.0?} least, {:.0?} median",
        times[0],
        times[ROUNDS / 2],
        on_processor[0],
        on_processor[ROUNDS / 2],
    ));
    promise("launch: median", times[ROUNDS / 2], LAUNCH_MAX)
}

/// What each task adds that has answered one message and waits for the next.
async fn idle(bench: &Bench) -> bool {
    let (mut agent, executor) = bench.start().await;
    agent.begin().await;
    let mut usages = Vec::new();
    let mut ends = Vec::new();
    for tasks in IDLE {
        let first = ends.len();
        for number in first..tasks {
            let name = name(number);
            ends.push(agent.link.open(&name).expect("a channel can be opened"));
            agent.launch(&agent.task(&name, &["echo"]));
        }
        running(&mut agent, tasks - first).await;
        for (outbox, inbox) in &ends[first..] {
            outbox.send("ping".into()).await.expect("it is open");
            assert_eq!(inbox.recv().await.as_deref(), Some(b"ping".as_slice()));
        }
        let usage = Usage::of(executor.pid());
        println(&format!("idle: {tasks} tasks: {usage}"));
        usages.push(usage);
    }
    let each = usages[1].less(&usages[0]).per((IDLE[1] - IDLE[0]) as u64);
    println(&format!("idle: each task: {each}"));
    promise("idle: KiB of each task", each.pss, IDLE_KIB_MAX)
}

/// Round trips of a lone message while others compute.
async fn neighbours(bench: &Bench) -> bool {
    let mut alone = None;
    let mut are_kept = true;
    for busy in BUSY {
        let times = beside(bench, busy, ROUND_TRIPS).await;
        let p99 = times.sorted[ROUND_TRIPS * 99 / 100];
        println(&format!("neighbours: {busy:2} of them: {times}"));
        let alone = *alone.get_or_insert(p99);
        if busy > 0 {
            let what = format!("neighbours: {busy:2} of them: more at p99");
            are_kept &= promise(&what, p99.saturating_sub(alone), NEIGHBOUR_MAX);
        }
    }
    are_kept
}

/// The same from the beginning of hundreds, where each has a first turn.
async fn together(bench: &Bench) {
    let times = beside(bench, TOGETHER, ROUND_TRIPS).await;
    println(&format!("together: {TOGETHER} of them: {times}"));
}

/// What round trips took.
struct Times {
    /// As they came.
    first: [Duration; 3],
    sorted: Vec<Duration>,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, sorted) = (&self.first, &self.sorted);
        let share = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        write!(
            f,
            "round trip {:.2?} p50, {:.2?} p99, {:.2?} longest of {}; the first three {first:.2?}",
            share(50),
            share(99),
            share(100),
            sorted.len(),
        )
    }
}

/// Round trips from the moment on at which all tasks may begin.
async fn beside(bench: &Bench, busy: usize, round_trips: usize) -> Times {
    let (mut agent, _executor) = bench.start().await;
    let (outbox, inbox) = agent.link.open("echo").expect("a channel can be opened");
    agent.launch(&agent.task("echo", &["echo"]));
    for number in 0..busy {
        agent.launch(&agent.task(&name(number), &["spin"]));
    }
    running(&mut agent, 1 + busy).await;
    agent.begin().await;
    let mut times = Vec::new();
    for _ in 0..round_trips {
        let began = Instant::now();
        outbox.send("ping".into()).await.expect("it is open");
        inbox.recv().await.expect("it answers");
        times.push(began.elapsed());
    }
    let first = [times[0], times[1], times[2]];
    times.sort();
    Times {
        first,
        sorted: times,
    }
}

#[expect(clippy::print_stdout, reason = "that is what a bench is for")]
fn println(line: &str) {
    println!("{line}");
}
