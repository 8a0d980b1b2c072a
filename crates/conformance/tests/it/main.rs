//! Every recording, played to the embedded cluster, or to a real Mesos if one is named.
//!
//! ```text
//! cargo test -p mesosgot-conformance --test it [-- NAME…] [--known] [--list]
//! ```
//!
//! plays those of which the name contains one of the words, or all; with `--known` it shows what
//! differs and is known to. All are played at once, each
//! to a cluster of its own: what takes time is mostly waiting.
#![expect(clippy::print_stdout, reason = "this is the report of a test")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use mesosgot_conformance::known::{KNOWN_DIFFERENCES, Known};
use mesosgot_conformance::player::{Found, Outcome, play};
use mesosgot_conformance::recording::Recording;
use mesosgot_conformance::target::{Real, Target};
use tokio::task::JoinSet;

/// The program of executors.
const EXECUTOR: &str = env!("CARGO_BIN_EXE_conformance-executor");

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let (options, words): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|word| word.starts_with("--"));
    let recordings = recordings(&words);
    if options.iter().any(|option| option == "--list") {
        for recording in &recordings {
            println!("{}: test", recording.name);
        }
        return ExitCode::SUCCESS;
    }
    let shows_known = options.iter().any(|option| option == "--known");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcomes = match real() {
        Some(real) => runtime.block_on(play_to_real(recordings, &real)),
        None => runtime.block_on(play_to_embedded(recordings)),
    };
    let mut failed = 0;
    for played in &outcomes {
        failed += usize::from(!report(played, shows_known));
    }
    let equal = outcomes
        .iter()
        .filter(|played| played.outcome.differences.is_empty());
    let again = outcomes.iter().filter(|played| !played.before.is_empty());
    println!(
        "\n{} recordings: {} equal, {failed} failed, {} played more than once",
        outcomes.len(),
        equal.count(),
        again.count(),
    );
    ExitCode::from(u8::from(failed > 0))
}

fn recordings(words: &[String]) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the folder of recordings")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?;
            let is_wanted = words.is_empty() || words.iter().any(|word| name.contains(word));
            is_wanted.then(|| {
                let text = fs::read_to_string(path).expect("a text");
                Recording::parse(name, &text)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
        })
        .collect()
}

/// The cluster that is named by the environment: `MESOSGOT_TEST_MASTER` (`127.0.0.1:5050`), and
/// of its agent `MESOSGOT_TEST_AGENT` and `MESOSGOT_TEST_AGENT_WORK_DIR`, if they are not what
/// recordings have.
fn real() -> Option<Real> {
    let variable =
        |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let address = |text: String| -> SocketAddr {
        text.parse()
            .unwrap_or_else(|error| panic!("`{text}`: {error}"))
    };
    let master = env::var("MESOSGOT_TEST_MASTER").ok()?;
    let work_dir = variable("MESOSGOT_TEST_AGENT_WORK_DIR", "/var/lib/mesos/agent");
    Some(Real {
        master: address(master),
        agent: address(variable("MESOSGOT_TEST_AGENT", "127.0.0.1:5051")),
        work_dir: PathBuf::from(work_dir),
    })
}

/// How often a recording is played before it counts as different. The allocator has a timer, and
/// the machine may be busy; what is wrong is wrong each time.
const ATTEMPTS: usize = 3;

/// A recording, and what came of it.
struct Played {
    name: String,
    outcome: Outcome,
    /// What came of it before, when it was played more than once.
    before: Vec<Outcome>,
}

async fn play_to_embedded(recordings: Vec<Recording>) -> Vec<Played> {
    let mut plays = JoinSet::new();
    for recording in recordings {
        plays.spawn(async move {
            let mut before = Vec::new();
            loop {
                let mut target = Target::embedded(&recording, Path::new(EXECUTOR))
                    .await
                    .expect("a cluster");
                let outcome = play(&recording, &mut target, None).await;
                target.stop().await;
                let is_good = Verdict::of(&recording.name, &outcome).is_good();
                if is_good || before.len() + 1 == ATTEMPTS {
                    let name = recording.name;
                    return Played {
                        name,
                        outcome,
                        before,
                    };
                }
                before.push(outcome);
            }
        });
    }
    let mut outcomes = plays.join_all().await;
    outcomes.sort_by(|one, other| one.name.cmp(&other.name));
    outcomes
}

/// One after the other: there is one agent. Recordings of a cluster that was started in another
/// way are left out.
async fn play_to_real(recordings: Vec<Recording>, real: &Real) -> Vec<Played> {
    let mut outcomes = Vec::new();
    for recording in recordings {
        if let Some(flag) = Target::special_flag(&recording) {
            println!("SKIPPED: {}: it needs {flag}", recording.name);
            continue;
        }
        let mut target = Target::real(real, Path::new(EXECUTOR))
            .await
            .expect("a place for files");
        let outcome = play(&recording, &mut target, Some(&real.work_dir)).await;
        target.stop().await;
        outcomes.push(Played {
            name: recording.name,
            outcome,
            before: Vec::new(),
        });
    }
    outcomes
}

/// What to think of an outcome.
struct Verdict<'a> {
    expected: Vec<&'a Found>,
    new: Vec<&'a Found>,
    /// Known differences that are no more.
    vanished: Vec<String>,
}

impl<'a> Verdict<'a> {
    fn of(name: &str, outcome: &'a Outcome) -> Self {
        let found = &outcome.differences;
        let known = KNOWN_DIFFERENCES
            .iter()
            .filter(|known| name.starts_with(known.recording));
        let known: Vec<&Known> = known.collect();
        let is_known = |found: &Found, known: &Known| {
            found.line == known.line
                && found.path.starts_with(known.path)
                && found.text.starts_with(known.text)
        };
        let (expected, new) = found
            .iter()
            .partition(|found| known.iter().any(|known| is_known(found, known)));
        let vanished = known
            .iter()
            .filter(|known| !found.iter().any(|found| is_known(found, known)))
            .map(|Known { line, path, .. }| {
                format!("line {line}: {path}: is equal; remove it from KNOWN_DIFFERENCES")
            });
        Self {
            expected,
            new,
            vanished: vanished.collect(),
        }
    }

    fn is_good(&self) -> bool {
        self.new.is_empty() && self.vanished.is_empty()
    }
}

/// Tells what came of one recording, and whether it is as it should be.
fn report(played: &Played, shows_known: bool) -> bool {
    let Played {
        name,
        outcome,
        before,
    } = played;
    let verdict = Verdict::of(name, outcome);
    println!(
        "test {name} ... {} ({} lines, {} known differences{})",
        if verdict.is_good() { "ok" } else { "FAILED" },
        outcome.lines,
        verdict.expected.len(),
        match &outcome.stopped {
            Some(reason) => format!(", stopped: {reason}"),
            None => String::new(),
        },
    );
    let expected = verdict.expected.iter().filter(|_| shows_known);
    for Found { line, path, text } in verdict.new.iter().chain(expected) {
        println!("    line {line}: {path}: {text}");
    }
    for text in &verdict.vanished {
        println!("    {text}");
    }
    for (index, outcome) in before.iter().enumerate() {
        let verdict = Verdict::of(name, outcome);
        for Found { line, path, text } in verdict.new {
            println!("    attempt {}: line {line}: {path}: {text}", index + 1);
        }
        for text in verdict.vanished {
            println!("    attempt {}: {text}", index + 1);
        }
    }
    verdict.is_good()
}
