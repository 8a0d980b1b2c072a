//! What is said of questions about a job that does not run: where it would go, and what keeps it from
//! running.

use owo_colors::OwoColorize as _;

use super::{Rendered, count, error, shown, talk};
use crate::report::Event;

/// The words for such an event; nothing for any other.
pub(super) fn render(event: &Event<'_>) -> Rendered {
    match event {
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
        _ => Rendered::Nothing,
    }
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
