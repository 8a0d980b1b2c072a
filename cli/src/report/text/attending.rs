//! What commands say that look at a running job from elsewhere, or change it.

use owo_colors::OwoColorize as _;

use super::super::event::{Ended, Event, Stream};
use super::super::names::Names;
use super::super::{entry_text, status_text};
use super::{Rendered, count, output, shown, talk};

/// The words for such an event.
pub(super) fn render(event: &Event<'_>, names: Names) -> Rendered {
    match event {
        Event::Status { status, shape } => {
            Rendered::Result(shown(&status_text::render(status, *shape)))
        }
        Event::Silent { id } => Rendered::Result(format!(
            "job `{}` (process {}): does not answer",
            id.job, id.pid
        )),
        Event::Stopped { job, ended } => talk("Stopped", &stopped(job, ended)),
        Event::Sent {
            task,
            messages: 1,
            bytes,
        } => {
            let bytes = count(*bytes, "byte");
            talk("Sent", &format!("{bytes} to `{task}`"))
        }
        Event::Sent {
            task,
            messages,
            bytes,
        } => {
            let messages = count(*messages, "message");
            let bytes = count(*bytes, "byte");
            talk("Sent", &format!("{messages} of {bytes} to `{task}`"))
        }
        Event::ChannelFull { task } => {
            let text = format!("the channel of `{task}` is full; Ctrl-C gives up");
            talk("Waiting", &text)
        }
        Event::Killed {
            task,
            state,
            already,
        } => {
            let text = match already {
                true => format!("task `{task}` had ended before: {state}"),
                false => format!("task `{task}`: {state}"),
            };
            talk("Killed", &text)
        }
        Event::Restarted { task } => talk("Restarted", &format!("task `{task}`, which runs")),
        Event::Forgotten { kind, count } => {
            let text = match *kind {
                "lines" => "older lines are not kept by the job any more; all are in the sandboxes",
                _ => "older events are not kept by the job any more",
            };
            let text = format!("{}: {count} {text}", "warning".yellow().bold());
            Rendered::Talk(text)
        }
        // All of what was asked for goes to stdout.
        Event::Line(entry) => output(&entry.task, Stream::Stdout, &entry.line, names),
        Event::Entry(entry) => Rendered::Result(entry_text::render(entry)),
        // The others have words of their own.
        _ => Rendered::Nothing,
    }
}

fn stopped(job: &str, ended: &Ended) -> String {
    let mut text = format!("job `{job}`");
    if let Some(outcome) = &ended.outcome {
        text.push_str(&format!(": {}", outcome.replace('_', " ")));
    }
    if let Some(seconds) = ended.seconds {
        text.push_str(&format!(" after {seconds:.1}s"));
    }
    match ended.reason.as_deref() {
        // It is what was asked for.
        Some(reason) if ended.outcome.as_deref() != Some("interrupted") => {
            text + &format!(": {reason}")
        }
        _ => text,
    }
}
