//! How fast whole jobs exchange messages, beside what the machine and a bare framework can do.
//!
//! `cargo bench -p mesosgot --bench channels` prints a table; `docs/performance.md` keeps figures.
//! Each figure is of one run on an idle machine, and every ratio is of figures of the same run.
//! An argument runs only the figures whose name contains it.

mod bare;
mod cluster;
mod tcp;

use std::cell::Cell;
use std::env;
use std::process::ExitCode;

use serde_json::Value;

use crate::cluster::{Bench, Job, Path};

/// The first argument with which the agent starts this program as the bare executor.
const BARE_EXECUTOR: &str = "bare-executor";

/// The first argument with which this program starts itself as the bare scheduler.
const BARE_SCHEDULER: &str = "bare-scheduler";

/// How often times that are compared are taken.
const ROUNDS: usize = 9;

/// Of each small message, in bytes.
const SMALL: u64 = 20;

/// Of each large message, in bytes.
const LARGE: u64 = 64 * 1024;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some(BARE_EXECUTOR) => return bare::executor(),
        Some(BARE_SCHEDULER) => return bare::scheduler(&args[1..]),
        _ => {}
    }
    // Cargo says `--bench`; `cargo test` with benches says nothing, and wants no figures.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let filter = args.into_iter().find(|arg| !arg.starts_with("--"));
    let filter = filter.unwrap_or_default();
    let figures: [(&str, Figure); 5] = [
        ("direct ping", direct_ping),
        ("direct oneway", direct_one_way),
        ("direct large", direct_large),
        ("messages ping", messages_ping),
        ("messages stream", messages_stream),
    ];
    let bench = Bench::start();
    println(
        "figure                                          measured       compared with    ratio     target",
    );
    for (_, figure) in figures.iter().filter(|(name, _)| name.contains(&filter)) {
        figure(&bench).iter().for_each(Row::print);
    }
    bench.stop();
    ExitCode::SUCCESS
}

/// Takes one or a few lines of the table.
type Figure = fn(&Bench) -> Vec<Row>;

/// A line of the table.
struct Row {
    name: &'static str,
    measured: f64,
    unit: &'static str,
    compared: Option<f64>,
    /// What the ratio, or without one the figure itself, should be.
    target: &'static str,
}

impl Row {
    fn print(&self) {
        let compared = self.compared.map(|compared| {
            let ratio = self.measured / compared;
            (
                format!("{compared:.1} {}", self.unit),
                format!("{ratio:.2}"),
            )
        });
        let (compared, ratio) = compared.unwrap_or_default();
        let measured = format!("{:.1} {}", self.measured, self.unit);
        println(&format!(
            "{:<40} {measured:>18} {compared:>18} {ratio:>8} {:>10}",
            self.name, self.target
        ));
    }
}

fn direct_ping(bench: &Bench) -> Vec<Row> {
    let job = Job::new(Path::Direct, "ping", SMALL, 20_000, 1);
    let [measured, tcp] = quietest([&|| number(&bench.run(&job).report, "rtt_p50_us"), &|| {
        tcp::round_trip_us(SMALL)
    }]);
    vec![Row {
        name: "direct: round trip, 20 B, p50",
        measured,
        unit: "us",
        compared: Some(tcp),
        target: "<= 3 x tcp",
    }]
}

fn direct_one_way(bench: &Bench) -> Vec<Row> {
    let job = Job::new(Path::Direct, "oneway", SMALL, 3_000_000, 4096);
    let report = bench.run(&job).report;
    let job = Job::new(Path::Direct, "stream", SMALL, 1_000_000, 4096);
    let stream = bench.run(&job).report;
    vec![
        Row {
            name: "direct: one way, 20 B, one executor",
            measured: number(&report, "msgs_per_s"),
            unit: "/s",
            compared: None,
            target: ">= 500,000",
        },
        Row {
            name: "direct: there and back, 20 B, stream",
            measured: number(&stream, "msgs_per_s"),
            unit: "/s",
            compared: None,
            target: "",
        },
    ]
}

fn direct_large(bench: &Bench) -> Vec<Row> {
    let job = Job::new(Path::Direct, "oneway", LARGE, 20_000, 64);
    let report = bench.run(&job).report;
    vec![Row {
        name: "direct: one way, 64 KiB",
        measured: number(&report, "msgs_per_s") * LARGE as f64 / 1e6,
        unit: "MB/s",
        compared: None,
        target: ">= 500",
    }]
}

fn messages_ping(bench: &Bench) -> Vec<Row> {
    let job = Job::new(Path::Messages, "ping", SMALL, 3000, 1);
    let calls = Cell::new(0.0);
    let [measured, bare] = quietest([
        &|| {
            let run = bench.run(&job);
            calls.set(run.calls as f64 / number(&run.report, "sent"));
            number(&run.report, "rtt_p50_us")
        },
        &|| bench.bare_round_trip_us(SMALL),
    ]);
    vec![
        Row {
            name: "messages: lone round trip, 20 B, p50",
            measured,
            unit: "us",
            compared: Some(bare),
            target: "<= 1.2 x",
        },
        Row {
            name: "  calls for one, both directions",
            measured: calls.get(),
            unit: "",
            compared: None,
            target: "",
        },
    ]
}

fn messages_stream(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for (mode, names) in [
        (
            "oneway",
            ["messages: one way, 20 B", "  calls for it, both directions"],
        ),
        (
            "stream",
            [
                "messages: there and back, 20 B",
                "  calls for it, both directions",
            ],
        ),
    ] {
        let job = Job::new(Path::Messages, mode, SMALL, 2_000_000, 16_384);
        let run = bench.run(&job);
        let seconds = number(&run.report, "seconds");
        for (name, measured, target) in [
            (names[0], number(&run.report, "msgs_per_s"), ">= 300,000"),
            (names[1], run.calls as f64 / seconds, "<= 1,000"),
        ] {
            rows.push(Row {
                name,
                measured,
                unit: "/s",
                compared: None,
                target,
            });
        }
    }
    rows
}

/// The lowest of each time, of a few rounds in which they take turns: what else the machine does
/// makes a time longer, never shorter.
fn quietest<const N: usize>(times: [&dyn Fn() -> f64; N]) -> [f64; N] {
    let mut lowest = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (lowest, time) in lowest.iter_mut().zip(times) {
            *lowest = lowest.min(time());
        }
    }
    lowest
}

fn number(report: &Value, key: &str) -> f64 {
    let number = report[key].as_f64();
    number.unwrap_or_else(|| panic!("no number `{key}` in {report}"))
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn println(line: &str) {
    println!("{line}");
}

/// The middle of some times, in microseconds.
fn median_us(times: &mut [std::time::Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}
