//! The only place that knows `serde_yaml`: text to typed values, and its errors to diagnostics.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::near::nearest;
use crate::spans::Spans;

/// Reads `text`, which is YAML or JSON.
///
/// Only the shape is checked here: keys, mappings, lists. The first error ends it.
pub(crate) fn read<T: DeserializeOwned>(text: &str, spans: &Spans) -> Result<T, Box<Diagnostic>> {
    serde_yaml::from_str(text).map_err(|error| Box::new(diagnose(&error, text, spans)))
}

fn diagnose(error: &serde_yaml::Error, text: &str, spans: &Spans) -> Diagnostic {
    let offset = error.location().map_or(0, |location| location.index());
    let message = bare_message(error);
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key(rest, offset, text, spans);
    }
    let place = spans.starting_at(offset).map_or_else(
        || until_line_end(text, offset),
        |(_, range)| first_line(text, range),
    );
    if let Some(rest) = message.strip_prefix("invalid type: ") {
        let (found, expected) = rest
            .split_once(", expected ")
            .unwrap_or((rest, "something else"));
        let message = format!("expected {}, found {}", in_words(expected), in_words(found));
        return Diagnostic::new(text, place, message);
    }
    if message.contains("more than one document") {
        let second = text
            .find("\n---")
            .map_or(0..0, |newline| newline + 1..newline + 4);
        return Diagnostic::new(text, second, "the file has more than one YAML document");
    }
    let message = without_positions(&message);
    // YAML keeps some characters for itself; `@region` in a constraint begins with one.
    let help = message
        .contains("cannot start any token")
        .then_some("what begins with `@`, a backtick or `%` needs quotes: `'@region is eu'`");
    Diagnostic::new(text, place, format!("not valid YAML: {message}")).with_help(help)
}

/// The message without ` at line 1 column 8`, wherever that is in it.
fn without_positions(message: &str) -> String {
    let mut parts = message.split(" at line ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit());
        let rest = rest.strip_prefix(" column ").unwrap_or(rest);
        bare + rest.trim_start_matches(|char: char| char.is_ascii_digit())
    })
}

/// The message without the path in front and the position at the end, both of which the
/// diagnostic says better.
fn bare_message(error: &serde_yaml::Error) -> String {
    let mut message = error.to_string();
    if let Some(location) = error.location() {
        let position = format!(" at line {} column {}", location.line(), location.column());
        if let Some(bare) = message.strip_suffix(&position) {
            message.truncate(bare.len());
        }
    }
    let start = ["unknown field ", "invalid type: "]
        .into_iter()
        .filter_map(|start| message.find(start))
        .min();
    message.split_off(start.unwrap_or(0))
}

/// `` `cuont`, expected one of `module`, `count` ``: the words between backticks are the key, and
/// then those which would have been right.
fn unknown_key(message: &str, offset: usize, text: &str, spans: &Spans) -> Diagnostic {
    let mut words = message.split('`').skip(1).step_by(2);
    let key = words.next().unwrap_or_default();
    let valid: Vec<&str> = words.collect();
    // At the top there is no position, but also only one place where the key can be.
    let place = match spans.starting_at(offset) {
        Some((path, place)) if path.last().is_some_and(|last| last == key) => place,
        _ => spans.key(&[key]),
    };
    let all = valid
        .iter()
        .map(|key| format!("`{key}`"))
        .collect::<Vec<_>>();
    let all = format!("the keys here are {}", all.join(", "));
    let help = match nearest(key, valid.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    };
    Diagnostic::new(text, place, format!("unknown key `{key}`"))
        .with_label("not known here")
        .with_help(Some(help))
}

/// What serde calls the shapes, in words for people who write YAML.
fn in_words(shape: &str) -> String {
    match shape {
        "sequence" | "a sequence" => "a list".to_owned(),
        "map" | "a map" => "a mapping".to_owned(),
        "a string" => "a single value".to_owned(),
        "unit value" => "nothing".to_owned(),
        other => match other
            .strip_prefix("string \"")
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(value) => format!("`{value}`"),
            None => other.to_owned(),
        },
    }
}

/// The range, up to the end of its first line.
fn first_line(text: &str, range: Range<usize>) -> Range<usize> {
    let line_end = until_line_end(text, range.start).end;
    range.start..range.end.min(line_end)
}

fn until_line_end(text: &str, offset: usize) -> Range<usize> {
    // A position within a character, or behind the end, is none.
    let Some(rest) = text.get(offset..) else {
        return text.len()..text.len();
    };
    let line = rest.lines().next().unwrap_or_default();
    offset..offset + line.trim_end().len()
}
