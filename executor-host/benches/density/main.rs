//! What tasks of one executor cost: memory while they are idle, time until they run, and what a
//! neighbour that computes does to the answers of another.
//!
//! `cargo bench -p mesosgot-executor --bench density` prints all of it; `docs/performance.md` keeps
//! figures. An argument runs only the parts whose name contains it: `idle`, `launch`, `neighbours`.

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
    path::{Path, PathBuf},
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

/// Round trips of each number of neighbours, and what comes before.
const ROUND_TRIPS: usize = 2000;
const WARM_UP: usize = 100;

/// Names another executor, to compare two builds under the same conditions.
const PROGRAM_VARIABLE: &str = "MESOSGOT_BENCH_EXECUTOR";

fn main() {
    let wanted = env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let bench = Bench::new();
        // Compiles the module, if that was not done before.
        bench.launched(1).await;
        if is_wanted("launch") {
            launch(&bench).await;
        }
        if is_wanted("idle") {
            idle(&bench).await;
        }
        if is_wanted("neighbours") {
            neighbours(&bench).await;
        }
    });
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
async fn launch(bench: &Bench) {
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
}

/// What each task adds that has answered one message and waits for the next.
async fn idle(bench: &Bench) {
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
}

/// Round trips of a lone message while others compute.
async fn neighbours(bench: &Bench) {
    for busy in BUSY {
        let (mut agent, _executor) = bench.start().await;
        agent.begin().await;
        let (outbox, inbox) = agent.link.open("echo").expect("a channel can be opened");
        agent.launch(&agent.task("echo", &["echo"]));
        for number in 0..busy {
            agent.launch(&agent.task(&name(number), &["spin"]));
        }
        running(&mut agent, 1 + busy).await;
        let mut times = Vec::new();
        for number in 0..WARM_UP + ROUND_TRIPS {
            let began = Instant::now();
            outbox.send("ping".into()).await.expect("it is open");
            inbox.recv().await.expect("it answers");
            if number >= WARM_UP {
                times.push(began.elapsed());
            }
        }
        times.sort();
        println(&format!(
            "neighbours: {busy:2} of them: round trip {:.2?} p50, {:.2?} p99, {:.2?} longest of {ROUND_TRIPS}",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times[times.len() - 1],
        ));
    }
}

#[expect(clippy::print_stdout, reason = "that is what a bench is for")]
fn println(line: &str) {
    println!("{line}");
}
