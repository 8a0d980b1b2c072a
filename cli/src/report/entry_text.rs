//! An event that a job remembers as a line: when, what, and its fields. Whatever another version of
//! this program remembers is shown the same way.

use owo_colors::OwoColorize as _;
use serde_json::Value;

use crate::running::journal::EventEntry;

/// Fields that come first, in this order: what it is about.
const FIRST: [&str; 5] = ["task", "state", "outcome", "reason", "message"];

/// The field with the word for the event itself.
const EVENT: &str = "event";

/// A line.
pub(super) fn render(entry: &EventEntry) -> String {
    let (day, time) = entry.time.split_once('T').unwrap_or(("", &entry.time));
    // Its fractions of a second are in `--output json`.
    let time = time.get(..8).unwrap_or(time);
    let event = entry.event.get(EVENT).and_then(Value::as_str);
    let event = event.unwrap_or("?");
    let mut line = format!("{day} {time} {}", event.green().bold());
    let first = FIRST
        .iter()
        .filter_map(|name| Some((*name, entry.event.get(name)?)));
    let fields = entry.event.as_object().into_iter().flatten();
    let others = fields.map(|(name, value)| (name.as_str(), value));
    let others = others.filter(|(name, _)| *name != EVENT && !FIRST.contains(name));
    for (name, value) in first.chain(others) {
        push(&mut line, name, value);
    }
    line
}

/// ` name=value`, or that for each field of an object.
fn push(line: &mut String, name: &str, value: &Value) {
    let value = match value {
        Value::Null => return,
        Value::Object(fields) => {
            for (inner, value) in fields {
                push(line, &format!("{name}.{inner}"), value);
            }
            return;
        }
        Value::String(text) if is_word(text) => text.clone(),
        value => value.to_string(),
    };
    line.push_str(&format!(" {}{value}", format!("{name}=").dimmed()));
}

/// Whether a text can be told from what stands beside it.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '"', '=', '\t'])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(event: Value, expected: &str) {
        let entry = EventEntry {
            seq: 7,
            time: "2026-11-21T18:34:08.123Z".to_owned(),
            event,
        };
        let line = anstream::adapter::strip_str(&render(&entry)).to_string();
        assert_eq!(line, format!("2026-11-21 18:34:08 {expected}"));
    }

    #[test]
    fn an_event_is_a_line_with_what_it_is_about_first() {
        check(
            json!({"event": "task", "agent": "S0", "task": "lift-0", "state": "TASK_FAILED",
                "message": "no \"floor\"", "usage": {"traps": 1, "memory_bytes": 65536}}),
            r#"task task=lift-0 state=TASK_FAILED message="no \"floor\"" agent=S0 usage.memory_bytes=65536 usage.traps=1"#,
        );
        check(json!({"event": "app_started"}), "app_started");
    }

    #[test]
    fn what_another_version_says_is_shown_as_well() {
        check(
            json!({"event": "moon", "phase": ["new", 1], "none": null}),
            r#"moon phase=["new",1]"#,
        );
        check(json!({}), "?");
        check(json!("odd"), "?");
    }
}
