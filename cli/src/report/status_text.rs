//! A running job in words: what it is about, and a table of its tasks.

use std::fmt::Write as _;
use std::time::Duration;

use crate::running::status::{GroupStatus, Phase, Status, TaskStatus};

/// The table's columns.
const HEAD: [&str; 8] = [
    "TASK", "STATE", "SINCE", "AGENT", "SENT", "RECEIVED", "MEMORY", "RESTARTS",
];

/// Columns of numbers, which are aligned to the right.
const NUMBERS: std::ops::Range<usize> = 4..8;

/// Some lines.
pub(super) fn render(status: &Status) -> String {
    let mut text = String::new();
    let uptime = duration(Duration::from_secs_f64(status.uptime_seconds.max(0.0)));
    let _ = write!(
        text,
        "job `{}` (process {}): {} for {uptime}",
        status.id.job,
        status.id.pid,
        phase(status.phase),
    );
    if let Some(reason) = &status.reason {
        let _ = write!(text, ": {reason}");
    }
    if let Some(reason) = &status.disconnected {
        let _ = write!(text, "\nno connection to a master: {reason}");
    }
    if let Some(framework) = &status.framework_id {
        let _ = write!(text, "\nframework {framework}");
    }
    for group in &status.groups {
        let _ = write!(text, "\n{}", group_line(group));
    }
    let channels = &status.channels;
    let _ = write!(
        text,
        "\n{} messages to tasks, {} from tasks\n",
        channels.messages_sent, channels.messages_received
    );
    let rows = status.tasks.iter().map(|task| row(task, status));
    let rows: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows)
        .collect();
    table(&mut text, &rows);
    text
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Subscribing => "no master has taken it yet, it has run",
        Phase::Waiting => "waiting for a place",
        Phase::Launching => "coming up",
        Phase::Running => "running",
        Phase::Stopping => "stopping, it has run",
    }
}

/// `elevator: 3 of 4 running, 1 staging`.
fn group_line(group: &GroupStatus) -> String {
    let running = group.states.get("TASK_RUNNING").copied().unwrap_or(0);
    let others = group
        .states
        .iter()
        .filter(|(state, _)| *state != "TASK_RUNNING");
    let others = others.map(|(state, count)| format!(", {count} {}", word(state)));
    format!(
        "{}: {running} of {} running{}",
        group.group,
        group.count,
        others.collect::<String>()
    )
}

/// `killing` for `TASK_KILLING`.
fn word(state: &str) -> String {
    let state = state.strip_prefix("TASK_").unwrap_or(state);
    state.to_lowercase().replace('_', " ")
}

fn row(task: &TaskStatus, status: &Status) -> [String; 8] {
    let hostname = task.agent.as_ref().map(|agent| {
        let known = status.agents.iter().find(|known| known.agent == *agent);
        let hostname = known.map(|known| known.hostname.clone());
        hostname
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| agent.clone())
    });
    [
        task.task.clone(),
        task.state.clone(),
        // The day and its fractions of a second are in `--output json`.
        task.since.get(11..19).unwrap_or(&task.since).to_owned(),
        hostname.unwrap_or_default(),
        task.messages_sent.to_string(),
        task.messages_received.to_string(),
        task.memory_bytes.map(memory).unwrap_or_default(),
        task.restarts.to_string(),
    ]
}

fn memory(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("{mebibytes:.1} MiB")
}

/// `1d 3h`, `2h 5m`, `3m 7s`, `12s`.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        (_, _, _) => format!("{days}d {}h", hours % 24),
    }
}

fn table<const COLUMNS: usize>(text: &mut String, rows: &[[String; COLUMNS]]) {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        text.push('\n');
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            let _ = match NUMBERS.contains(&index) {
                true => write!(line, "{gap}{cell:>width$}"),
                false => write!(line, "{gap}{cell:<width$}"),
            };
        }
        text.push_str(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::running::status::{AgentStatus, ChannelTotals, Forgotten, JobId};

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
            ..TaskStatus::default()
        }
    }

    #[test]
    fn a_job_is_some_lines_and_a_table() {
        let states = [
            ("TASK_RUNNING".to_owned(), 1),
            ("TASK_KILLING".to_owned(), 1),
        ];
        let status = Status {
            id: JobId {
                job: "elevator".to_owned(),
                pid: 4711,
            },
            phase: Phase::Running,
            reason: None,
            disconnected: None,
            framework_id: Some("f-0000".to_owned()),
            started: String::new(),
            uptime_seconds: 187.9,
            groups: vec![GroupStatus {
                group: "lift".to_owned(),
                count: 2,
                states: states.into(),
            }],
            agents: vec![AgentStatus {
                agent: "a1".to_owned(),
                hostname: "agent-0".to_owned(),
                tasks: 2,
            }],
            tasks: vec![
                task("lift-0", "TASK_RUNNING"),
                task("lift-1", "TASK_KILLING"),
            ],
            channels: ChannelTotals::default(),
            delivering: None,
            forgotten: Forgotten::default(),
        };
        expect![[r#"
            job `elevator` (process 4711): running for 3m 7s
            framework f-0000
            lift: 1 of 2 running, 1 killing
            0 messages to tasks, 0 from tasks

            TASK    STATE         SINCE     AGENT    SENT  RECEIVED   MEMORY  RESTARTS
            lift-0  TASK_RUNNING  18:34:08  agent-0    12      4711  1.1 MiB         0
            lift-1  TASK_KILLING  18:34:08  agent-0    12      4711  1.1 MiB         0"#]]
        .assert_eq(&render(&status));
    }

    #[test]
    fn long_times_are_told_roughly() {
        let told = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(told(59), "59s");
        assert_eq!(told(3_599), "59m 59s");
        assert_eq!(told(7_260), "2h 1m");
        assert_eq!(told(90_000), "1d 1h");
    }
}
