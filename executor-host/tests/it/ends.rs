//! The table of ends: a guest for each row, and what Mesos is told of it.

use std::{collections::HashMap, fs, path::Path};

use executor_host::{
    Exit,
    outcome::{Ending, Row},
};
use link::spec;
use mesos::v1::{TaskState, TaskStatus};
use prost::Message as _;

use crate::{agent::Agent, components, guests};

/// How a row comes about.
enum Case {
    /// A task that ends so by itself.
    Itself(spec::TaskSpec),
    /// A task that ends so when it is killed once it runs.
    Killed(spec::TaskSpec),
    /// A task that ends so when it is killed before it begins.
    KilledEarly(spec::TaskSpec),
    /// A launch without data.
    NoData,
    /// A task that ends so in an executor with few file handles.
    InNarrow(spec::TaskSpec),
    /// Nothing that a guest does brings it about; if something did, that would be a bug. The
    /// test of `executor/lives.rs` breaks the host's own code.
    NoGuest,
}

/// A guest for the row, and what its message says. A row that is not here does not compile.
fn case(ending: Ending, agent: &Agent) -> (Case, &'static [&'static str]) {
    let task = |args: &[&str]| agent.task(&format!("{ending:?}"), args);
    let of = |bytes: &[u8]| agent.task_of(&format!("{ending:?}"), bytes);
    let truncated = || &guests::task()[..guests::task().len() / 2];
    match ending {
        Ending::Returned => (Case::Itself(task(&["return"])), &[]),
        Ending::ExitedWell => (
            Case::Itself(task(&["exit", "0"])),
            &["the task exited with code 0"],
        ),
        Ending::Failed => (Case::Itself(task(&["fail", "no lift"])), &["no lift"]),
        // WASI 0.2 knows success and failure only.
        Ending::Exited => (
            Case::Itself(task(&["exit", "3"])),
            &["the task exited with code 1"],
        ),
        Ending::Panicked => (
            Case::Itself(task(&["panic"])),
            &["the doors are jammed", "open_the_doors"],
        ),
        Ending::Trapped => (
            Case::Itself(task(&["abort"])),
            &["unreachable", "leave_the_shaft"],
        ),
        Ending::MemoryLimit => (
            Case::Itself(task(&["hog"])),
            &[
                "memory limit: ",
                " MiB were wanted, 16 MiB are allowed; raise `mem` of the group",
                "hog",
            ],
        ),
        Ending::FixedLimit => (
            Case::Itself(of(&components::simple(
                "(table $t 0 funcref)",
                "(drop (table.grow $t (ref.null func) (i32.const 300000)))",
            ))),
            &["table entry limit: 300000 were wanted, 262144 are allowed"],
        ),
        Ending::CpuLimit => (
            Case::Itself(spec::TaskSpec {
                cpu_time_max_ms: 50,
                ..task(&["spin"])
            }),
            &["CPU limit: 50ms", "raise `limits.cpu_time`", "spin"],
        ),
        Ending::Idle => (
            Case::Itself(spec::TaskSpec {
                idle_max_ms: 100,
                ..task(&["deaf"])
            }),
            &["idle limit: nothing came for 100ms; raise `limits.idle`"],
        ),
        Ending::Stopped => (
            Case::Killed(spec::TaskSpec {
                kill_grace_ms: 20,
                ..task(&["spin"])
            }),
            &["stopped by force"],
        ),
        Ending::NeverBegan => (
            Case::KilledEarly(task(&["return"])),
            &["before its function"],
        ),
        Ending::ModuleNotFetched => (
            Case::Itself({
                let mut spec = task(&["return"]);
                let module = spec.module.as_mut().unwrap();
                module.sha256 = vec![7; 32];
                for url in &mut module.urls {
                    *url += "s/nothing";
                }
                spec
            }),
            &["could not be fetched", "answered 404"],
        ),
        Ending::BadModule => (Case::Itself(of(truncated())), &["does not compile"]),
        Ending::ImportMissing => (
            Case::Itself(of(guests::scheduler())),
            &["imports what this host does not give", "app-channels"],
        ),
        Ending::ExportMissing => (
            Case::Itself(of(b"\0asm\x0d\0\x01\0")),
            &["does not export `run-task`"],
        ),
        Ending::NoRoom => (
            Case::InNarrow(task(&["return"])),
            &[
                "no room for another task",
                "gives a process 68;",
                "ulimit -n",
            ],
        ),
        Ending::Refused => (Case::NoData, &["it has no data"]),
        Ending::HostFault => (Case::NoGuest, &[]),
    }
}

#[tokio::test]
async fn every_row_of_the_table_is_what_mesos_is_told_of_a_guest() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    let mut expected = HashMap::new();
    let (mut running, mut early) = (Vec::new(), Vec::new());
    for ending in Ending::ALL.iter().copied() {
        let name = format!("{ending:?}");
        let (case, texts) = case(ending, &agent);
        match &case {
            Case::Itself(spec) => agent.launch(spec),
            Case::Killed(spec) => {
                running.push(name.clone());
                agent.launch(spec);
            }
            Case::KilledEarly(spec) => {
                early.push(name.clone());
                agent.launch(spec);
            }
            Case::NoData => agent.launch_data(&name, None),
            Case::InNarrow(_) | Case::NoGuest => continue,
        }
        expected.insert(name, (ending.row(), texts));
    }
    // Those first, as nothing begins meanwhile.
    for name in &early {
        agent.kill(name);
    }
    let mut up = Vec::new();
    let mut has_begun = false;
    while !expected.is_empty() {
        let (name, state, status) = agent.next().await;
        match state {
            TaskState::TaskRunning => up.extend(running.contains(&name).then_some(name)),
            _ => {
                early.retain(|early| *early != name);
                check_end(&name, &status, &mut expected);
            }
        }
        if early.is_empty() && !has_begun {
            agent.begin().await;
            has_begun = true;
        }
        // A kill may overtake the begin; once one has returned, all have begun.
        if !expected.contains_key("Returned") {
            for name in up.drain(..) {
                agent.kill(&name);
            }
        }
    }
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

/// What one task takes and what stays free for others, and none for what the process has: nobody
/// fits in.
const NARROW: u32 = 68;

#[tokio::test]
async fn a_task_without_room_is_told_so_and_the_executor_lives_on() {
    let mut agent = Agent::start_of(2).await;
    let narrow = Ending::ALL.iter().copied().find_map(|ending| {
        let (case, texts) = case(ending, &agent);
        match case {
            Case::InNarrow(spec) => Some((spec, ending.row(), texts)),
            _ => None,
        }
    });
    let (spec, row, texts) = narrow.expect("a row is for that");
    // Not before the guests are built, which takes its time: a program with nothing to do ends.
    let executor = agent.program(NARROW).await;
    for name in ["first", "second"] {
        agent.launch(&spec::TaskSpec {
            name: name.to_owned(),
            ..spec.clone()
        });
        let (task, _, status) = agent.next().await;
        assert_eq!(task, name);
        check_end(name, &status, &mut [(task.clone(), (row, texts))].into());
    }
    assert_eq!(executor.exit_code().await, Some(0));
}

type Expected = HashMap<String, (Row, &'static [&'static str])>;

#[track_caller]
fn check_end(name: &str, status: &TaskStatus, expected: &mut Expected) {
    let (row, texts) = expected.remove(name).expect("it ends once");
    let state = row.state.unwrap_or(Row::AFTER_A_KILL);
    assert_eq!(status.state(), state, "{name}: {status:?}");
    let reason = status.reason.map(|_| status.reason());
    assert_eq!(reason, row.reason, "{name}: {status:?}");
    let message = status.message.as_deref();
    assert_eq!(message.is_none(), texts.is_empty(), "{name}: {message:?}");
    for text in texts {
        assert!(message.unwrap().contains(text), "{name}: {message:?}");
    }
    let usage = spec::TaskUsage::decode(status.data.clone().unwrap_or_default()).unwrap();
    let is_trap = message.is_some_and(|message| message.contains("wasm backtrace"));
    assert_eq!(usage.traps, u32::from(is_trap), "{name}: {usage:?}");
}

/// It ends as it likes, and is told to have been killed.
#[tokio::test]
async fn a_task_that_is_killed_tells_the_way_it_ended() {
    let mut agent = Agent::start().await;
    agent.knows_killing();
    let executor = agent.executor().await;
    agent.begin().await;
    let ways: [(&str, &[&str], &str); 5] = [
        ("returns", &["return"], "the task returned"),
        ("fails", &["fail", "no lift"], "no lift"),
        (
            "fails-silently",
            &["fail", ""],
            "the task returned an error",
        ),
        ("panics", &["panic"], "the doors are jammed"),
        ("exits", &["exit", "0"], "the task exited with code 0"),
    ];
    for (name, way, _) in ways {
        let args: Vec<&str> = ["when-closed"].iter().chain(way).copied().collect();
        agent.launch(&agent.task(name, &args));
    }
    for _ in ways {
        assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    }
    for (name, ..) in ways {
        agent.kill(name);
    }
    let mut killing = HashMap::new();
    for _ in 0..2 * ways.len() {
        let (name, state, status) = agent.next().await;
        if state == TaskState::TaskKilling {
            assert_eq!(status.data, None, "it has not ended");
            assert!(killing.insert(name, ()).is_none(), "it is told once");
            continue;
        }
        assert_eq!(state, TaskState::TaskKilled, "{name}");
        assert!(killing.contains_key(&name), "`{name}` had been killing");
        let (.., text) = ways.iter().find(|(known, ..)| *known == name).unwrap();
        let message = status.message.unwrap();
        assert!(message.contains(text), "{name}: {message}");
    }
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

#[tokio::test]
async fn the_last_update_of_a_task_says_what_it_took() {
    let mut agent = Agent::start().await;
    let executor = agent.executor().await;
    agent.begin().await;
    let (outbox, inbox) = agent.link.open("a").unwrap();
    agent.launch(&agent.task("a", &["echo"]));
    let (_, state, status) = agent.next().await;
    assert_eq!((state, status.data), (TaskState::TaskRunning, None));
    for text in ["one", "three"] {
        outbox.send(text.into()).await.unwrap();
        inbox.recv().await.unwrap();
    }
    outbox.close();
    let (_, state, status) = agent.next().await;
    assert_eq!(state, TaskState::TaskFinished);
    let usage = spec::TaskUsage::decode(status.data.unwrap()).unwrap();
    assert_eq!((usage.messages_in, usage.messages_out), (2, 2));
    assert_eq!((usage.bytes_in, usage.bytes_out), (8, 8));
    assert!(usage.cpu_time_us > 0, "{usage:?}");
    assert!(usage.memory_bytes > 0, "{usage:?}");
    assert!(usage.memory_bytes_peak >= usage.memory_bytes, "{usage:?}");
    assert_eq!(usage.traps, 0);
    assert_eq!(executor.exit().await, Ok(Exit::Done));
}

/// The text of all files below a folder, with their paths.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )),
        }
    }
    found
}

/// What a guest can be told to do, nobody does if no test says it.
#[test]
fn every_guest_and_all_that_it_can_do_has_a_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    // Tests of whole jobs have these guests as well.
    let jobs = tests.join("../../cli/tests/it");
    let host: String = [tests.join("it"), jobs]
        .iter()
        .flat_map(|folder| sources(folder))
        .map(|(_, text)| text)
        .collect();
    let mut actions = 0;
    for entry in fs::read_dir(tests.join("guests")).unwrap() {
        let guest = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            host.contains(&format!("\"test-{guest}\"")),
            "guest `{guest}`"
        );
        for (path, text) in sources(&tests.join("guests").join(&guest).join("src")) {
            for line in text.lines().filter(|line| line.contains("=>")) {
                let Some(action) = line.trim().strip_prefix("[\"") else {
                    continue;
                };
                let (action, _) = action.split_once('"').unwrap();
                // As the first argument of a task, here or in the list of a job file: as a word it
                // may be said of something else.
                let said = [
                    format!("[\"{action}\""),
                    format!("args: [{action},"),
                    format!("args: [{action}]"),
                ];
                assert!(
                    said.iter().any(|said| host.contains(said)),
                    "no test says `{action}`, which `{path}` knows"
                );
                actions += 1;
            }
        }
    }
    assert!(actions > 20, "only {actions} were found");
}
