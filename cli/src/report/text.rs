//! Events in words: a verb in a column of its own, then what it is about.

mod attending;

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
        Event::PlannedAgent {
            hostname, tasks, ..
        } => {
            let tasks = tasks
                .iter()
                .map(|(group, count)| format!("{count} {group}"));
            let tasks: Vec<String> = tasks.collect();
            Rendered::Result(shown(&format!("{hostname}: {}", tasks.join(", "))))
        }
        Event::Planned {
            job,
            tasks,
            agents,
            reason: None,
            ..
        } => talk(
            "Planned",
            &format!(
                "job `{job}` fits: {} on {}",
                count(*tasks, "task"),
                count(*agents, "agent")
            ),
        ),
        Event::Planned {
            job,
            reason: Some(reason),
            ..
        } => {
            let text = format!("job `{job}` does not fit: {reason}");
            Rendered::Error(error(&text, &[], &None))
        }
        Event::Finding {
            area,
            level,
            message,
            repair,
        } => Rendered::Result(finding(area, level, message, *repair)),
        Event::Examined {
            job,
            problems,
            warnings,
            ..
        } => examined(job, *problems, *warnings),
        Event::ClusterStarted {
            master,
            masters,
            agents,
        } => {
            let agents = count(*agents, "agent");
            let masters = match masters {
                1 => format!("master on {master}"),
                _ => format!("{masters} masters, of which {master} leads"),
            };
            talk(
                "Starting",
                &format!("embedded cluster with {agents}, {masters}"),
            )
        }
        Event::ClusterServes {
            master,
            masters,
            agents,
            faults,
            ..
        } => {
            let followers = masters.iter().filter(|address| address != master);
            let followers = followers.map(|address| format!("\nfollower {address}"));
            let agents = agents.iter().enumerate();
            let agents = agents.map(|(index, address)| format!("\nagent {index} {address}"));
            let faults = faults.iter().map(|faults| format!("\nfaults {faults}"));
            let others: String = followers.chain(agents).chain(faults).collect();
            Rendered::Result(format!("master {master}{others}"))
        }
        Event::Fault {
            chaos,
            seconds,
            fault,
        } => {
            let cause = match chaos {
                Some(chaos) => format!("chaos {chaos}"),
                None => "asked for".to_owned(),
            };
            talk("Fault", &format!("{fault} ({cause} at {seconds:.3}s)"))
        }
        Event::ClusterStopped { .. } => talk("Stopped", "embedded cluster"),
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
        Event::DashboardServes { url } => talk("Serving", &format!("dashboard on {url}")),
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
        Event::Warning { message } => {
            let message = shown(message);
            Rendered::Talk(format!("{}: {message}", "warning".yellow().bold()))
        }
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

/// The level in a column of its own, and below it what to do.
fn finding(area: &str, level: &str, message: &str, repair: Option<&str>) -> String {
    let word = format!("{level:<7}");
    let word = match level {
        "ok" => word.green().to_string(),
        "warning" => word.yellow().bold().to_string(),
        _ => word.red().bold().to_string(),
    };
    let repair =
        repair.map(|repair| format!("\n        {}: {}", "repair".cyan().bold(), shown(repair)));
    format!(
        "{word} {area}: {}{}",
        shown(message),
        repair.unwrap_or_default()
    )
}

fn examined(job: &str, problems: usize, warnings: usize) -> Rendered {
    let warnings = match warnings {
        0 => String::new(),
        some => format!(" and {}", count(some, "warning")),
    };
    match problems {
        0 => talk("Examined", &format!("job `{job}`: no problem{warnings}")),
        some => {
            let text = format!("job `{job}` has {}{warnings}", count(some, "problem"));
            Rendered::Error(format!("{}: {text}", "error".red().bold()))
        }
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
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use framework::TotalTraffic;

    use super::*;

    #[track_caller]
    fn check(event: &Event<'_>, expected: &Expect) {
        let mut names = Names::default();
        names.align(["elevator-1"]);
        let (kind, line) = match render(event, names) {
            Rendered::Result(line) => ("stdout", line),
            Rendered::Talk(line) => ("stderr unless quiet", line),
            Rendered::Error(line) => ("stderr", line),
            Rendered::Nothing => ("nowhere", String::new()),
        };
        let plain = anstream::adapter::strip_str(&line).to_string();
        expected.assert_eq(&format!("{kind}:\n{plain}\n"));
    }

    #[test]
    fn output_of_tasks_starts_in_one_column() {
        let event = Event::Output {
            task: "floor-1",
            stream: Stream::Stdout,
            time: None,
            line: "ding",
        };
        check(
            &event,
            &expect![[r#"
                stdout:
                floor-1    | ding
            "#]],
        );
    }

    #[test]
    fn a_failed_task_is_told_with_state_reason_and_text() {
        let event = Event::Task {
            task: "a-0",
            state: "TASK_FAILED".to_owned(),
            agent: Some("S0"),
            reason: Some("REASON_EXECUTOR_TERMINATED".to_owned()),
            message: Some("Executor terminated"),
            usage: None,
        };
        check(
            &event,
            &expect![[r#"
                stderr:
                      Failed task `a-0`: TASK_FAILED (REASON_EXECUTOR_TERMINATED): Executor terminated
            "#]],
        );
    }

    #[test]
    fn what_others_have_written_moves_no_cursor() {
        let evil = "a\x1b[2J\x1b]0;owned\x07b\r\u{9b}31m\u{202e}c";
        let texts = |text: &str| text.to_owned();
        let events = [
            Event::Disconnected { reason: evil },
            Event::Waiting {
                reason: texts(evil),
            },
            Event::Warning { message: evil },
            Event::PlannedAgent {
                agent: "S0",
                hostname: evil,
                tasks: [("floor", 1)].into(),
            },
            Event::Planned {
                job: "job",
                fits: false,
                tasks: 1,
                agents: 1,
                reason: Some(texts(evil)),
                remedies: Vec::new(),
                exit_code: 1,
            },
            Event::Task {
                task: evil,
                state: "TASK_FAILED".to_owned(),
                agent: Some(evil),
                reason: Some(texts(evil)),
                message: Some(evil),
                usage: None,
            },
            Event::Output {
                task: evil,
                stream: Stream::Stderr,
                time: None,
                line: evil,
            },
            Event::Error {
                message: texts(evil),
                causes: vec![texts(evil)],
                help: Some(texts(evil)),
            },
            Event::Stopping {
                reason: texts(evil),
            },
            Event::Finding {
                area: "master",
                level: "problem",
                message: evil,
                repair: Some(evil),
            },
            Event::Message {
                task: evil,
                message: evil,
            },
        ];
        for event in events {
            let (Rendered::Result(line) | Rendered::Talk(line) | Rendered::Error(line)) =
                render(&event, Names::default())
            else {
                panic!("{event:?} makes no line");
            };
            // What is left are the colours that are our own.
            let plain = anstream::adapter::strip_str(&line).to_string();
            let obeyed = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
            assert!(plain.contains("abc"), "{event:?}: {line:?}");
            assert!(!plain.contains(obeyed), "{event:?}: {line:?}");
            assert!(!line.contains("[2J") && !line.contains("owned"), "{line:?}");
        }
    }

    #[test]
    fn a_running_task_makes_no_line() {
        let event = Event::Task {
            task: "a-0",
            state: "TASK_RUNNING".to_owned(),
            agent: None,
            reason: None,
            message: None,
            usage: None,
        };
        check(
            &event,
            &expect![[r#"
                nowhere:

            "#]],
        );
    }

    #[test]
    fn an_error_has_its_causes_and_a_hint() {
        let event = Event::Error {
            message: "failed to subscribe to `h:5050`".to_owned(),
            causes: vec!["connection refused".to_owned()],
            help: Some("is the master running?".to_owned()),
        };
        check(
            &event,
            &expect![[r#"
                stderr:
                error: failed to subscribe to `h:5050`
                  caused by: connection refused

                hint: is the master running?
            "#]],
        );
    }

    #[test]
    fn the_outcome_says_how_long_it_took() {
        let outcome = Outcome {
            job: "elevator",
            outcome: "succeeded",
            exit_code: 0,
            seconds: 10.25,
            tasks: 12,
            failures_ignored: 0,
            reason: None,
            channels: TotalTraffic::default().into(),
            usage: Total::default(),
            help: None,
        };
        let with_failures = Outcome {
            failures_ignored: 2,
            usage: Total {
                ends: 12,
                cpu_seconds: 0.321,
                memory_bytes_peak: 1_300_000,
                traps: 2,
            },
            ..outcome.clone()
        };
        check(
            &Event::Outcome(with_failures),
            &expect![[r#"
                stderr unless quiet:
                    Finished job `elevator`: 12 tasks in 10.2s, 2 failures ignored (0.32s of CPU, at most 1.2 MiB in a task)
            "#]],
        );
        check(
            &Event::Outcome(outcome),
            &expect![[r#"
                stderr unless quiet:
                    Finished job `elevator`: 12 tasks in 10.2s
            "#]],
        );
    }
}
