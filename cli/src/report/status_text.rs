//! A running job in words: what it is about, and a table of its tasks.

use std::iter;
use std::time::Duration;

use super::table::{self, Column};
use super::text::{count, duration};
use super::width::cut;
use crate::running::status::{AgentStatus, ChannelStatus, GroupStatus, Phase, Status, TaskStatus};

/// So many agents are named; there may be thousands.
const AGENTS_NAMED_MAX: usize = 6;

const RUNNING: &str = "TASK_RUNNING";

/// States in which nothing is wrong with a task that does not run.
const HARMLESS: [&str; 5] = [
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_KILLING",
    "TASK_KILLED",
    "TASK_FINISHED",
];

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A line.
    Line,
    /// All there is to say of the job, and so many of its tasks.
    Page {
        tasks_max: usize,
        /// Of the terminal; nothing where programs read.
        columns: Option<usize>,
    },
}

/// Some lines, or one.
pub(super) fn render(status: &Status, shape: Shape) -> String {
    match shape {
        Shape::Line => line(status),
        Shape::Page { tasks_max, columns } => page(status, tasks_max, columns).join("\n"),
    }
}

fn line(status: &Status) -> String {
    let wanted: u64 = status.groups.iter().map(|it| u64::from(it.count)).sum();
    let running: usize = status.groups.iter().map(running).sum();
    format!(
        "{}, {running} of {wanted} tasks running",
        first_line(status)
    )
}

fn page(status: &Status, tasks_max: usize, columns: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(reason) = &status.disconnected {
        lines.push(format!("no connection to a master: {reason}"));
    }
    if let Some(delivering) = &status.delivering {
        lines.push(format!(
            "modules: {} being fetched, {} being compiled, by {}",
            delivering.fetching,
            delivering.compiling,
            count(delivering.executors, "executor"),
        ));
    }
    lines.extend(
        status
            .framework_id
            .as_ref()
            .map(|id| format!("framework {id}")),
    );
    lines.extend(status.groups.iter().map(group_line));
    lines.extend(agents_line(&status.agents));
    lines.push(channels_line(status));
    lines.extend(usage_line(&status.tasks));
    let fitting = |line: String| match columns {
        Some(columns) => cut(&line, columns),
        None => line,
    };
    // These can be long, and all of them matters.
    let reason = status.reason.iter().map(|reason| format!("  {reason}"));
    let head = iter::once(first_line(status)).chain(reason);
    let mut lines: Vec<String> = head.chain(lines.into_iter().map(fitting)).collect();
    if status.tasks.is_empty() {
        return lines;
    }
    lines.push(String::new());
    let mut tasks: Vec<&TaskStatus> = status.tasks.iter().collect();
    tasks.sort_by_key(|task| urgency(task));
    let left_out = tasks.len().saturating_sub(tasks_max);
    tasks.truncate(tasks_max);
    lines.extend(table(&tasks, &status.agents, columns));
    if left_out > 0 {
        lines.push(format!("{left_out} more; `--all` shows them"));
    }
    lines
}

fn first_line(status: &Status) -> String {
    let uptime = Duration::try_from_secs_f64(status.uptime_seconds).unwrap_or_default();
    format!(
        "job `{}` (process {}): {} for {}",
        status.id.job,
        status.id.pid,
        phase(status.phase),
        duration(uptime),
    )
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Subscribing => "no master has taken it yet, it has run",
        Phase::Waiting => "waiting for a place, it has run",
        Phase::Launching => "coming up, it has run",
        Phase::Running => "running",
        Phase::Stopping => "stopping, it has run",
        Phase::Unknown => "it has run",
    }
}

/// `elevator: 3 of 4 running, 1 staging`.
fn group_line(group: &GroupStatus) -> String {
    let others = group.states.iter().filter(|(state, _)| *state != RUNNING);
    let others = others.map(|(state, count)| format!(", {count} {}", word(state)));
    format!(
        "{}: {} of {} running{}",
        group.group,
        running(group),
        group.count,
        others.collect::<String>()
    )
}

fn running(group: &GroupStatus) -> usize {
    group.states.get(RUNNING).copied().unwrap_or(0)
}

/// `on 2 agents: agent-0 (4), agent-1 (8)`.
fn agents_line(agents: &[AgentStatus]) -> Option<String> {
    let named = agents.iter().take(AGENTS_NAMED_MAX);
    let named = named.map(|agent| format!("{} ({})", hostname(agent), agent.tasks));
    let mut named: Vec<String> = named.collect();
    if agents.len() > AGENTS_NAMED_MAX {
        named.push("…".to_owned());
    }
    let agents = count(agents.len(), "agent");
    (!named.is_empty()).then(|| format!("on {agents}: {}", named.join(", ")))
}

fn hostname(agent: &AgentStatus) -> &str {
    match &*agent.hostname {
        "" => &agent.agent,
        hostname => hostname,
    }
}

fn channels_line(status: &Status) -> String {
    let channels = &status.channels;
    let stalls = match channels.stalls {
        0 => String::new(),
        stalls => format!("; a channel was full {}", count(stalls, "time")),
    };
    format!(
        "{} to tasks, {} from tasks{stalls}",
        count(channels.messages_sent, "message"),
        channels.messages_received,
    )
}

/// What all tasks take together, as far as it is known.
fn usage_line(tasks: &[TaskStatus]) -> Option<String> {
    let bytes = tasks.iter().filter_map(|task| task.memory_bytes);
    let bytes = bytes.reduce(u64::saturating_add)?;
    let cpu: f64 = tasks.iter().filter_map(|task| task.cpu_seconds).sum();
    Some(format!(
        "{} of memory, {} of CPU",
        memory(bytes),
        seconds(cpu)
    ))
}

/// `killing` for `TASK_KILLING`.
fn word(state: &str) -> String {
    let state = state.strip_prefix("TASK_").unwrap_or(state);
    state.to_lowercase().replace('_', " ")
}

/// What is wrong comes first, then what does not run for another reason.
fn urgency(task: &TaskStatus) -> u8 {
    match &*task.state {
        RUNNING => 2,
        state if HARMLESS.contains(&state) => 1,
        _ => 0,
    }
}

fn table(tasks: &[&TaskStatus], agents: &[AgentStatus], room: Option<usize>) -> Vec<String> {
    let cells = |cell: &dyn Fn(&TaskStatus) -> String| -> Vec<String> {
        tasks.iter().map(|task| cell(task)).collect()
    };
    let agent = |task: &TaskStatus| {
        let id = task.agent.as_deref().unwrap_or_default();
        let known = agents.iter().find(|known| known.agent == id);
        known.map_or(id, hostname).to_owned()
    };
    let restarts = |task: &TaskStatus| match task.restarts {
        0 => String::new(),
        restarts => restarts.to_string(),
    };
    // The day and its fractions of a second are in `--output json`.
    let since = |task: &TaskStatus| task.since.get(11..19).unwrap_or(&task.since).to_owned();
    let columns = vec![
        Column::names("TASK", cells(&|task| task.task.clone())),
        Column::new("STATE", cells(&|task| word(&task.state))),
        Column::new("SINCE", cells(&since)).spare(2),
        Column::names("AGENT", cells(&agent)).spare(1),
        Column::numbers("SENT", cells(&|task| number(task.messages_sent))),
        Column::numbers("RECEIVED", cells(&|task| number(task.messages_received))),
        Column::numbers("IN", cells(&|task| waiting(task.input))).spare(4),
        Column::numbers("OUT", cells(&|task| waiting(task.output))).spare(4),
        Column::numbers(
            "MEMORY",
            cells(&|it| it.memory_bytes.map(memory).unwrap_or_default()),
        ),
        Column::numbers(
            "CPU",
            cells(&|it| it.cpu_seconds.map(seconds).unwrap_or_default()),
        )
        .spare(3),
        Column::numbers("RESTARTS", cells(&restarts)),
    ];
    let remarks = tasks.iter().map(|task| {
        let is_wrong = urgency(task) == 0;
        task.message.clone().filter(|_| is_wrong)
    });
    table::lines(columns, &remarks.collect::<Vec<_>>(), room)
}

/// What waits in a channel.
fn waiting(channel: Option<ChannelStatus>) -> String {
    match channel {
        Some(ChannelStatus { is_full: true, .. }) => "full".to_owned(),
        Some(ChannelStatus { depth, .. }) if depth > 0 => number(depth),
        _ => String::new(),
    }
}

/// Long numbers by their first digits.
fn number(number: u64) -> String {
    match number {
        0..1_000_000 => number.to_string(),
        1_000_000..1_000_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}

fn memory(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    match mebibytes < 1000.0 {
        true => format!("{mebibytes:.1} MiB"),
        false => format!("{:.1} GiB", mebibytes / 1024.0),
    }
}

fn seconds(seconds: f64) -> String {
    match seconds < 1000.0 {
        true => format!("{seconds:.1}s"),
        false => duration(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
