//! How a running job is told, at several widths and sizes.

use expect_test::{Expect, expect};

use super::*;
use crate::report::width::width;
use crate::running::status::{ChannelTotals, DeliveringStatus, JobId};

fn task(name: &str, state: &str) -> TaskStatus {
    TaskStatus {
        task: name.to_owned(),
        group: "lift".to_owned(),
        state: state.to_owned(),
        since: "2026-11-21T18:34:08.123Z".to_owned(),
        agent: Some("a1".to_owned()),
        messages_sent: 12,
        messages_received: 4711,
        memory_bytes: Some(1_200_000),
        cpu_seconds: Some(0.25),
        ..TaskStatus::default()
    }
}

fn group(name: &str, count: u32, states: &[(&str, usize)]) -> GroupStatus {
    let states = states.iter();
    GroupStatus {
        group: name.to_owned(),
        count,
        states: states
            .map(|(state, count)| ((*state).to_owned(), *count))
            .collect(),
    }
}

fn status() -> Status {
    Status {
        id: JobId {
            job: "elevator".to_owned(),
            pid: 4711,
        },
        phase: Phase::Running,
        framework_id: Some("f-0000".to_owned()),
        uptime_seconds: 187.9,
        groups: vec![group("lift", 2, &[(RUNNING, 1), ("TASK_KILLING", 1)])],
        agents: vec![AgentStatus {
            agent: "a1".to_owned(),
            hostname: "agent-0".to_owned(),
            tasks: 2,
        }],
        tasks: vec![task("lift-0", RUNNING), task("lift-1", "TASK_KILLING")],
        channels: ChannelTotals {
            messages_sent: 24,
            messages_received: 9422,
            stalls: 1,
            ..ChannelTotals::default()
        },
        ..Status::default()
    }
}

#[track_caller]
fn check(status: &Status, tasks_max: usize, columns: Option<usize>, expected: &Expect) {
    let text = render(status, Shape::Page { tasks_max, columns });
    expected.assert_eq(&(text + "\n"));
}

#[test]
fn what_waits_in_channels_is_shown_where_something_does() {
    let mut job = status();
    let channel = |depth, is_full| {
        Some(ChannelStatus {
            depth,
            is_full,
            is_sender_blocked: false,
        })
    };
    (job.tasks[0].input, job.tasks[0].output) = (channel(7, false), channel(0, false));
    job.tasks[1].input = channel(256, true);
    check(
        &job,
        30,
        Some(80),
        &expect![[r#"
        job `elevator` (process 4711): running for 3m 07s
        framework f-0000
        lift: 1 of 2 running, 1 killing
        on 1 agent: agent-0 (2)
        24 messages to tasks, 9422 from tasks; a channel was full 1 time
        2.3 MiB of memory, 0.5s of CPU

        TASK    STATE    SINCE     AGENT    SENT  RECEIVED    IN   MEMORY   CPU
        lift-1  killing  18:34:08  agent-0    12      4711  full  1.1 MiB  0.2s
        lift-0  running  18:34:08  agent-0    12      4711     7  1.1 MiB  0.2s
    "#]],
    );
}

#[test]
fn a_job_is_some_lines_and_a_table() {
    check(
        &status(),
        30,
        None,
        &expect![[r#"
        job `elevator` (process 4711): running for 3m 07s
        framework f-0000
        lift: 1 of 2 running, 1 killing
        on 1 agent: agent-0 (2)
        24 messages to tasks, 9422 from tasks; a channel was full 1 time
        2.3 MiB of memory, 0.5s of CPU

        TASK    STATE    SINCE     AGENT    SENT  RECEIVED   MEMORY   CPU
        lift-1  killing  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
        lift-0  running  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
    "#]],
    );
    expect!["job `elevator` (process 4711): running for 3m 07s, 1 of 2 tasks running"]
        .assert_eq(&render(&status(), Shape::Line));
}

#[test]
fn a_job_that_waits_says_for_what() {
    let waiting = Status {
        phase: Phase::Waiting,
        reason: Some("2 tasks of `lift` are left over: 3 agents lack 0.4 cpus".to_owned()),
        disconnected: Some("connection refused".to_owned()),
        groups: vec![group("lift", 2, &[])],
        agents: Vec::new(),
        tasks: Vec::new(),
        channels: ChannelTotals::default(),
        delivering: Some(DeliveringStatus {
            executors: 3,
            fetching: 2,
            compiling: 1,
            ..DeliveringStatus::default()
        }),
        ..status()
    };
    check(
        &waiting,
        30,
        Some(80),
        &expect![[r#"
        job `elevator` (process 4711): waiting for a place, it has run for 3m 07s
          2 tasks of `lift` are left over: 3 agents lack 0.4 cpus
        no connection to a master: connection refused
        modules: 2 being fetched, 1 being compiled, by 3 executors
        framework f-0000
        lift: 0 of 2 running
        0 messages to tasks, 0 from tasks
    "#]],
    );
}

#[test]
fn what_is_wrong_comes_first_and_fits_a_terminal() {
    let mut failed = task("elevator-control-with-a-long-name-4", "TASK_FAILED");
    failed.message =
        Some("the task panicked at floor 7, because a door was open and it".to_owned());
    failed.restarts = 3;
    failed.agent = Some("5d6f-S0".to_owned());
    let many = Status {
        tasks: vec![
            task("lift-0", RUNNING),
            failed,
            task("lift-1", "TASK_STAGING"),
            task("lift-2", RUNNING),
        ],
        ..status()
    };
    check(
        &many,
        3,
        Some(80),
        &expect![[r#"
        job `elevator` (process 4711): running for 3m 07s
        framework f-0000
        lift: 1 of 2 running, 1 killing
        on 1 agent: agent-0 (2)
        24 messages to tasks, 9422 from tasks; a channel was full 1 time
        4.6 MiB of memory, 1.0s of CPU

        TASK         STATE    SINCE     AGENT    SENT  RECEIVED   MEMORY   CPU  RESTARTS
        eleva…ame-4  failed   18:34:08  5d6f-S0    12      4711  1.1 MiB  0.2s         3
          the task panicked at floor 7, because a door was open and it
        lift-1       staging  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
        lift-0       running  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
        1 more; `--all` shows them
    "#]],
    );
    check(
        &many,
        4,
        Some(200),
        &expect![[r#"
        job `elevator` (process 4711): running for 3m 07s
        framework f-0000
        lift: 1 of 2 running, 1 killing
        on 1 agent: agent-0 (2)
        24 messages to tasks, 9422 from tasks; a channel was full 1 time
        4.6 MiB of memory, 1.0s of CPU

        TASK                                 STATE    SINCE     AGENT    SENT  RECEIVED   MEMORY   CPU  RESTARTS
        elevator-control-with-a-long-name-4  failed   18:34:08  5d6f-S0    12      4711  1.1 MiB  0.2s         3
          the task panicked at floor 7, because a door was open and it
        lift-1                               staging  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
        lift-0                               running  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
        lift-2                               running  18:34:08  agent-0    12      4711  1.1 MiB  0.2s
    "#]],
    );
}

#[test]
fn only_the_first_line_and_the_reason_may_be_longer_than_a_terminal_is_wide() {
    let mut job = Status {
        framework_id: Some("5d6f1c0e-4711-4b1f-9a39-8a2ccf5c8c4e-0000".to_owned()),
        disconnected: Some("the master at 10.0.0.7:5050 has closed the stream".to_owned()),
        ..status()
    };
    let reason = "on offer is 1 agent; no place for 1 of 2 `lift`";
    for reason in [None, Some(reason)] {
        job.reason = reason.map(str::to_owned);
        let page = page(&job, 0, Some(30));
        let whole = 1 + usize::from(reason.is_some());
        let too_wide = page.iter().skip(whole).find(|line| width(line) > 30);
        assert_eq!(too_wide, None);
        assert_eq!(page[0], first_line(&job));
        assert_eq!(reason, job.reason.as_ref().map(|_| page[1].trim_start()));
    }
}

#[test]
fn ten_thousand_tasks_stay_readable() {
    let tasks = (0..10_000).map(|number| task(&format!("lift-{number}"), RUNNING));
    let agents = (0..100).map(|number| AgentStatus {
        agent: format!("a{number}"),
        hostname: format!("agent-{number}"),
        tasks: 100,
    });
    let many = Status {
        groups: vec![group("lift", 10_000, &[(RUNNING, 10_000)])],
        agents: agents.collect(),
        tasks: tasks.collect(),
        ..status()
    };
    let text = render(
        &many,
        Shape::Page {
            tasks_max: 30,
            columns: Some(80),
        },
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() < 40, "{} lines", lines.len());
    assert!(lines.iter().all(|line| width(line) <= 80), "{text}");
    assert_eq!(lines.last(), Some(&"9970 more; `--all` shows them"));
    let text = render(
        &many,
        Shape::Page {
            tasks_max: usize::MAX,
            columns: None,
        },
    );
    assert!(text.lines().count() > 10_000);
}

#[test]
fn large_numbers_are_told_roughly() {
    assert_eq!(number(999_999), "999999");
    assert_eq!(number(1_234_567), "1234k");
    assert_eq!(number(12_345_678_901), "12345M");
    assert_eq!(memory(3 << 30), "3.0 GiB");
    assert_eq!(seconds(f64::INFINITY), "0s");
}
