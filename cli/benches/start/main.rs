//! How long it takes from the start of `mesosgot run` to the first message, and until a large gang
//! runs, on the embedded cluster, with all that can be kept from an earlier run.
//!
//! `cargo bench -p mesosgot --bench start` prints when each phase is over; `docs/performance.md`
//! keeps figures. An argument runs only the jobs whose name contains it: `elevator`, `gang`.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How often each job is run; the first time is not counted: it builds and compiles.
const ROUNDS: usize = 11;

/// The tasks of the large gang.
const GANG: usize = 1000;

/// Names another `mesosgot`, to compare two builds under the same conditions.
const PROGRAM_VARIABLE: &str = "MESOSGOT_BENCH_PROGRAM";

/// What is seen of a run, in order.
const PHASES: [&str; 6] = [
    "modules are ready",
    "the cluster is up",
    "subscribed",
    "placed",
    "all tasks run",
    "the first line of a guest",
];

fn main() {
    let wanted = env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let top = top.canonicalize().expect("the repository is there");
    if is_wanted("elevator") {
        let args = ["--seconds", "1", "--speed", "100"];
        measure("elevator", &top.join("elevator.yaml"), 12, &args);
    }
    if is_wanted("gang") {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let file = folder.path().join("job.yaml");
        let echo = top.join("examples/echo");
        let text = format!(
            "job: bench
scheduler: {{ module: '{echo}/host' }}
tasks:
  echo: {{ module: '{echo}/echo', count: {GANG}, cpus: 0.001, mem: 2MiB }}
",
            echo = echo.display(),
        );
        fs::write(&file, text).expect("the job file can be written");
        measure("gang", &file, GANG, &["--messages", "1"]);
    }
}

/// Runs a job again and again and prints when its phases were over.
fn measure(name: &str, file: &Path, tasks: usize, args: &[&str]) {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let phases = run(file, tasks, args);
        if round > 0 {
            rounds.push(phases);
        }
    }
    for (phase, text) in PHASES.iter().enumerate() {
        let mut times: Vec<_> = rounds.iter().map(|round| round[phase]).collect();
        times.sort();
        println(&format!(
            "{name}: {text}: {:.0?} fastest, {:.0?} median of {}",
            times[0],
            times[times.len() / 2],
            times.len(),
        ));
    }
}

fn run(file: &Path, tasks: usize, args: &[&str]) -> [Duration; PHASES.len()] {
    let began = Instant::now();
    let mut child = Command::new(program())
        .arg("run")
        .arg(file)
        .args(["--output", "json", "--"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program starts");
    let mut phases = [Duration::ZERO; PHASES.len()];
    let mut running = 0;
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for line in lines.map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).expect("a line is JSON");
        let phase = match event["event"].as_str() {
            Some("module") => 0,
            Some("cluster_started") => 1,
            Some("subscribed") => 2,
            Some("placed") => 3,
            Some("task") if event["state"] == "TASK_RUNNING" => {
                running += 1;
                match running == tasks {
                    true => 4,
                    false => continue,
                }
            }
            Some("output") if event["task"] != "executor" && phases[5].is_zero() => 5,
            _ => continue,
        };
        phases[phase] = began.elapsed();
    }
    let status = child.wait().expect("it is our child");
    assert!(status.success(), "`{}` failed", file.display());
    phases
}

/// The program under test: the one that was built with this, unless told otherwise.
fn program() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_mesosgot"));
    env::var_os(PROGRAM_VARIABLE).map_or_else(built, PathBuf::from)
}

#[expect(clippy::print_stdout, reason = "that is what a bench is for")]
fn println(line: &str) {
    println!("{line}");
}
