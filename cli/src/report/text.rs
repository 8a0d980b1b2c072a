//! Events in words: a verb in a column of its own, then what it is about.

mod asking;
mod attending;
mod cluster;

use std::fmt::Display;
use std::time::Duration;

use executor_host::output::clean;
use owo_colors::OwoColorize as _;

use super::event::{Event, Outcome, Stream, Total};
use super::names::{self, Names};

/// The column of verbs is as wide as cargo's, whose lines come before ours.
const VERB_WIDTH: usize = 12;

/// Where a line belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rendered {
    /// To stdout, always.
    Result(String),
    /// To stderr, unless quiet.
    Talk(String),
    /// To stderr, always.
    Error(String),
    /// Too much for people.
    Nothing,
}

/// The words for an event.
///
/// Whoever had a part in an event - agents, masters, guests, the author of the job file - may have
/// written anything into it: what a terminal obeys is taken out.
pub(super) fn render(event: &Event<'_>, names: Names) -> Rendered {
    match event {
        Event::Building { modules } => talk("Building", &modules.join(", ")),
        Event::InstallingTarget { target } => talk("Installing", target),
        Event::Module { module, bytes, .. } => {
            talk("Built", &format!("{module} ({} KiB)", bytes.div_ceil(1024)))
        }
        Event::Fetching {
            module, bytes: 0, ..
        } => talk("Fetching", module),
        // The live area says how far it is.
        Event::Fetching { .. } | Event::Delivering { .. } => Rendered::Nothing,
        Event::Checked { job, tasks } => talk(
            "Checked",
            &format!("job `{job}` with {}", count(*tasks, "task")),
        ),
        Event::Made {
            folder, job_file, ..
        } => talk(
            "Made",
            &format!("`{folder}`; run it with `mesosgot run {job_file}`"),
        ),
        Event::Written { folder } => talk("Written", &format!("manual pages to `{folder}`")),
        Event::PlannedAgent { .. }
        | Event::Planned { .. }
        | Event::Finding { .. }
        | Event::Examined { .. } => asking::render(event),
        Event::ClusterStarted { .. }
        | Event::ClusterServes { .. }
        | Event::Fault { .. }
        | Event::ClusterStopped { .. } => cluster::render(event),
        Event::Status { .. }
        | Event::Silent { .. }
        | Event::Stopped { .. }
        | Event::Sent { .. }
        | Event::ChannelFull { .. }
        | Event::Killed { .. }
        | Event::Restarted { .. }
        | Event::Forgotten { .. }
        | Event::Line(_)
        | Event::Entry(_) => attending::render(event, names),
        // Nobody could open it otherwise.
        Event::DashboardServes { url } => to_all(talk("Serving", &format!("dashboard on {url}"))),
        Event::Subscribed {
            framework_id,
            again,
            ..
        } => {
            let verb = if *again { "Resubscribed" } else { "Subscribed" };
            talk(verb, &format!("as framework {framework_id}"))
        }
        Event::Disconnected { reason } => talk("Disconnected", reason),
        Event::Waiting { reason } => talk("Waiting", reason),
        Event::Placed { tasks, agents } => talk(
            "Placed",
            &format!("{} on {}", count(*tasks, "task"), count(*agents, "agent")),
        ),
        Event::Task {
            task,
            state,
            reason,
            message,
            ..
        } => task_line(task, state, reason.as_deref(), *message),
        Event::Restarting { task } => talk("Restarting", &format!("task `{task}`, as asked")),
        Event::AppStarted => talk("Running", "all tasks are up, the app scheduler begins"),
        Event::AppReturned { .. } => Rendered::Nothing,
        Event::Stopping { reason } => talk("Stopping", reason),
        Event::Output {
            task, stream, line, ..
        } => output(task, *stream, line, names),
        Event::Message { task, message } => {
            let task = names::painted(&shown(task), task);
            Rendered::Result(format!("{task}: {}", shown(message)))
        }
        Event::Warning { message } => Rendered::Talk(warning(message)),
        Event::Lost { message } => Rendered::Error(warning(message)),
        // People are shown the source line, or the error, instead.
        Event::Diagnostic { .. } | Event::NotRun { .. } => Rendered::Nothing,
        Event::Error {
            message,
            causes,
            help,
        } => Rendered::Error(error(message, causes, help)),
        Event::Outcome(outcome) => ended(outcome),
    }
}

fn talk(verb: &str, text: &str) -> Rendered {
    let verb = format!("{verb:>VERB_WIDTH$}");
    Rendered::Talk(format!("{} {}", verb.green().bold(), shown(text)))
}

/// The same for the quiet too.
fn to_all(rendered: Rendered) -> Rendered {
    match rendered {
        Rendered::Talk(line) => Rendered::Error(line),
        other => other,
    }
}

/// Only what went wrong is worth a line of its own; the rest is in the live area.
fn task_line(task: &str, state: &str, reason: Option<&str>, message: Option<&str>) -> Rendered {
    let is_failure = !matches!(
        state,
        "TASK_STAGING"
            | "TASK_STARTING"
            | "TASK_RUNNING"
            | "TASK_KILLING"
            | "TASK_FINISHED"
            | "TASK_KILLED"
    );
    if !is_failure {
        return Rendered::Nothing;
    }
    let mut text = format!("task `{task}`: {state}");
    if let Some(reason) = reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(message) = message {
        text.push_str(&format!(": {message}"));
    }
    let verb = format!("{:>VERB_WIDTH$}", "Failed");
    Rendered::Error(format!("{} {}", verb.red().bold(), shown(&text)))
}

fn output(task: &str, stream: Stream, line: &str, names: Names) -> Rendered {
    let name = names.shown(&shown(task), stream);
    let line = format!("{name} | {}", shown(line));
    match stream {
        Stream::Stdout => Rendered::Result(line),
        Stream::Stderr => Rendered::Error(line),
    }
}

/// The text as it may be shown, line by line.
fn shown(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| clean(line.as_bytes()))
        .collect();
    lines.join("\n")
}

fn warning(message: &str) -> String {
    format!("{}: {}", "warning".yellow().bold(), shown(message))
}

fn error(message: &str, causes: &[String], help: &Option<String>) -> String {
    let mut text = format!("{}: {}", "error".red().bold(), shown(message));
    for cause in causes {
        text.push_str(&format!("\n  caused by: {}", shown(cause)));
    }
    if let Some(help) = help {
        text.push_str(&format!("\n\n{}: {}", "hint".cyan().bold(), shown(help)));
    }
    text
}

fn ended(outcome: &Outcome<'_>) -> Rendered {
    let Outcome {
        job,
        seconds,
        tasks,
        failures_ignored,
        reason,
        help,
        usage,
        ..
    } = outcome;
    match reason {
        None => {
            let tasks = count(*tasks, "task");
            let ignored = match failures_ignored {
                0 => String::new(),
                some => format!(", {} ignored", count(*some, "failure")),
            };
            talk(
                "Finished",
                &format!(
                    "job `{job}`: {tasks} in {seconds:.1}s{ignored}{}",
                    took(usage)
                ),
            )
        }
        Some(reason) => {
            let what = outcome.outcome.replace('_', " ");
            let text = format!("job `{job}` {what} after {seconds:.1}s: {reason}");
            Rendered::Error(error(&text, &[], &help.map(str::to_owned)))
        }
    }
}

/// What helps to choose `cpus` and `mem`, if executors have told it.
fn took(usage: &Total) -> String {
    if usage.ends == 0 {
        return String::new();
    }
    let (cpu, mebibytes) = (usage.cpu_seconds, usage.memory_bytes_peak as f64 / MEBIBYTE);
    format!(" ({cpu:.2}s of CPU, at most {mebibytes:.1} MiB in a task)")
}

const MEBIBYTE: f64 = (1 << 20) as f64;

/// `1 task`, `2 tasks`.
pub(super) fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `5s`, `1m 05s`, `2h 03m`, `4d 05h`: always in few columns.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests;
