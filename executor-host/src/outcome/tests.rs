//! What Mesos is told of each outcome, word by word, and that the docs say the same.

use std::path::Path;

use expect_test::{Expect, expect};

use super::*;
use crate::limits::Parts;

/// The table as the docs have it.
fn table() -> String {
    let code = |name: &str| match name {
        "" => String::new(),
        name => format!("`{name}`"),
    };
    let mut text =
        "| what happened | state | after a kill | reason | message |\n|---|---|---|---|---|\n"
            .to_owned();
    for ending in Ending::ALL {
        let row = ending.row();
        let cells = [
            row.what.to_owned(),
            code(row.state.map_or("", |state| state.as_str_name())),
            code(Row::AFTER_A_KILL.as_str_name()),
            code(row.reason.map_or("", |reason| reason.as_str_name())),
            row.message.to_owned(),
        ];
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

#[test]
fn the_docs_show_the_table_that_is_used() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/task-ends.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let begin = docs.find("| what happened |").expect("it has the table");
    let shown: String = docs[begin..]
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('|'))
        .collect();
    let (expected, shown): (Vec<_>, Vec<_>) = (
        table().lines().map(str::to_owned).collect(),
        shown.lines().map(str::to_owned).collect(),
    );
    for (expected, shown) in expected.iter().zip(&shown) {
        assert_eq!(
            expected, shown,
            "`docs/task-ends.md` differs from `outcome/table.rs`"
        );
    }
    assert_eq!(expected.len(), shown.len(), "rows of `docs/task-ends.md`");
}

#[test]
fn every_end_is_terminal_and_one_that_was_asked_for_is_a_kill() {
    for ending in Ending::ALL {
        let row = ending.row();
        assert!(row.state != Some(TaskState::TaskKilled), "{ending:?}");
        assert!(row.state.is_some() || matches!(ending, Ending::Stopped | Ending::NeverBegan));
    }
}

fn check(outcome: &Outcome, itself: Expect, killed: Expect) {
    for (asked, expected) in [(Asked::No, itself), (Asked::Yes, killed)] {
        let TaskEnd {
            state,
            reason,
            message,
        } = TaskEnd::of(outcome, asked);
        let reason = reason.map_or("-", |reason| reason.as_str_name());
        let message = message.unwrap_or_else(|| "-".to_owned());
        expected.assert_eq(&format!("{} {reason} {message}", state.as_str_name()));
    }
}

#[test]
fn a_return_finishes_a_task_and_ends_a_killed_one() {
    check(
        &Outcome::Returned,
        expect!["TASK_FINISHED - -"],
        expect!["TASK_KILLED - the task returned"],
    );
    check(
        &Outcome::Exited(0),
        expect!["TASK_FINISHED - the task exited with code 0"],
        expect!["TASK_KILLED - the task exited with code 0"],
    );
}

#[test]
fn an_error_an_exit_code_and_a_fault_fail_a_task() {
    check(
        &Outcome::Failed("no lift".to_owned()),
        expect!["TASK_FAILED - no lift"],
        expect!["TASK_KILLED - no lift"],
    );
    check(
        &Outcome::Failed(String::new()),
        expect!["TASK_FAILED - -"],
        expect!["TASK_KILLED - the task returned an error"],
    );
    check(
        &Outcome::Exited(3),
        expect!["TASK_FAILED - the task exited with code 3"],
        expect!["TASK_KILLED - the task exited with code 3"],
    );
    check(
        &Outcome::HostFault("index out of bounds".to_owned()),
        expect!["TASK_FAILED - the executor failed while it ran the task: index out of bounds"],
        expect!["TASK_KILLED - the executor failed while it ran the task: index out of bounds"],
    );
}

#[test]
fn a_trap_and_a_panic_carry_their_backtrace() {
    let backtrace = "  0: a\n  1: b\n".to_owned();
    check(
        &Outcome::Trapped {
            text: "unreachable".to_owned(),
            backtrace: backtrace.clone(),
        },
        expect!["TASK_FAILED - unreachable\nwasm backtrace:\n  0: a\n  1: b"],
        expect!["TASK_KILLED - unreachable\nwasm backtrace:\n  0: a\n  1: b"],
    );
    check(
        &Outcome::Panicked {
            text: "panicked at a.rs:1:1:\noh".to_owned(),
            backtrace,
        },
        expect!["TASK_FAILED - panicked at a.rs:1:1:\noh\nwasm backtrace:\n  0: a\n  1: b"],
        expect!["TASK_KILLED - panicked at a.rs:1:1:\noh\nwasm backtrace:\n  0: a\n  1: b"],
    );
}

#[test]
fn a_memory_limit_is_a_container_limitation() {
    let reached = MemoryLimitReached {
        wanted: (4 << 20) + 65_536,
        limit: 4 << 20,
    };
    check(
        &Outcome::MemoryLimit {
            reached,
            backtrace: String::new(),
        },
        expect![
            "TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY memory limit: 4.1 MiB were wanted, 4 MiB are allowed; raise `mem` of the group"
        ],
        expect![
            "TASK_KILLED REASON_CONTAINER_LIMITATION_MEMORY memory limit: 4.1 MiB were wanted, 4 MiB are allowed; raise `mem` of the group"
        ],
    );
}

#[test]
fn a_limit_of_parts_says_of_which() {
    let reached = FixedLimitReached::Parts {
        parts: Parts::Instances,
        wanted: 257,
        limit: 256,
    };
    check(
        &Outcome::FixedLimit {
            reached,
            backtrace: String::new(),
        },
        expect![
            "TASK_FAILED REASON_CONTAINER_LIMITATION instance limit: 257 were wanted, 256 are allowed, and no setting raises that"
        ],
        expect![
            "TASK_KILLED REASON_CONTAINER_LIMITATION instance limit: 257 were wanted, 256 are allowed, and no setting raises that"
        ],
    );
}

#[test]
fn the_limits_of_time_are_container_limitations() {
    check(
        &Outcome::CpuLimit {
            reached: CpuLimitReached {
                limit: Duration::from_millis(1500),
            },
            backtrace: "  0: spin\n".to_owned(),
        },
        expect![[r#"
            TASK_FAILED REASON_CONTAINER_LIMITATION CPU limit: 1.5s of processor time are used up; raise `limits.cpu_time` of the group
            wasm backtrace:
              0: spin"#]],
        expect![[r#"
            TASK_KILLED REASON_CONTAINER_LIMITATION CPU limit: 1.5s of processor time are used up; raise `limits.cpu_time` of the group
            wasm backtrace:
              0: spin"#]],
    );
    check(
        &Outcome::Idle(Duration::from_secs(90)),
        expect![
            "TASK_FAILED REASON_CONTAINER_LIMITATION idle limit: nothing came for 90s; raise `limits.idle` of the group"
        ],
        expect![
            "TASK_KILLED REASON_CONTAINER_LIMITATION idle limit: nothing came for 90s; raise `limits.idle` of the group"
        ],
    );
}

#[test]
fn what_only_a_kill_brings_about_is_killed() {
    check(
        &Outcome::Stopped,
        expect![
            "TASK_KILLED - the task did not end within its grace period and was stopped by force"
        ],
        expect![
            "TASK_KILLED - the task did not end within its grace period and was stopped by force"
        ],
    );
    check(
        &Outcome::NeverBegan,
        expect![
            "TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH the task was stopped before its function began"
        ],
        expect![
            "TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH the task was stopped before its function began"
        ],
    );
}

#[test]
fn a_task_that_could_not_begin_says_why() {
    check(
        &Outcome::Module(ModuleError::NotWasm),
        expect!["TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED the module is not wasm"],
        expect!["TASK_KILLED REASON_CONTAINER_LAUNCH_FAILED the module is not wasm"],
    );
    check(
        &Outcome::Refused("the task's data is not a task".to_owned()),
        expect!["TASK_FAILED REASON_TASK_INVALID the task's data is not a task"],
        expect!["TASK_KILLED REASON_TASK_INVALID the task's data is not a task"],
    );
}

#[test]
fn a_long_text_is_cut_between_characters_and_says_so() {
    let end = TaskEnd::of(&Outcome::Failed("ü".repeat(MESSAGE_BYTES_MAX)), Asked::No);
    let message = end.message.unwrap();
    assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
    assert!(
        message.ends_with("ü… (8240 more bytes)"),
        "{}",
        &message[message.len() - 40..]
    );
}
