//! The only place that knows `serde_yaml`: text to typed values, and its errors to diagnostics.

use std::ops::Range;

use saphyr_parser::{Event, Parser};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::diagnostic::Diagnostic;
use crate::file::schema;
use crate::near::nearest;
use crate::spans::Spans;

/// Reads `text`, which is YAML or JSON.
///
/// Only the shape is checked here: keys, mappings, lists. The first error ends it.
pub(crate) fn read<T: DeserializeOwned>(text: &str, spans: &Spans) -> Result<T, Box<Diagnostic>> {
    serde_yaml::from_str(text).map_err(|error| {
        // What is no YAML further on may be why it has another shape here.
        let syntax = serde_yaml::from_str::<IgnoredAny>(text).err();
        Box::new(diagnose(&syntax.unwrap_or(error), text, spans))
    })
}

fn diagnose(error: &serde_yaml::Error, text: &str, spans: &Spans) -> Diagnostic {
    let offset = error.location().map_or(0, |location| location.index());
    let message = bare_message(error);
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key_at(rest, offset, text, spans);
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
        let message = "the file goes on after the end of the job";
        let help = "a job file is one YAML document, or one JSON object";
        let second = first_line(text, second_document(text)..text.len());
        return Diagnostic::new(text, second, message).with_help(Some(help));
    }
    let shown = format!("not valid YAML: {}", without_positions(&message));
    // What ends too late is known where it begins.
    let begin = (offset >= text.trim_end().len())
        .then(|| position_within(&message, text))
        .flatten();
    if let Some(begin) = begin {
        let place = first_line(text, begin..text.len());
        return Diagnostic::new(text, place, shown).with_label("begins here and does not end");
    }
    let help = syntax_help(&message, text.get(offset..).unwrap_or_default());
    Diagnostic::new(text, place, shown).with_help(help)
}

/// What is often meant.
fn syntax_help(message: &str, rest: &str) -> Option<&'static str> {
    if rest.starts_with('\t') || message.contains("tab character") {
        Some("indent by spaces, not by tabs")
    } else if message.contains("cannot start any token") {
        // YAML keeps some characters for itself; `@region` in a constraint begins with one.
        Some("what begins with `@`, a backtick or `%` needs quotes: `'@region is eu'`")
    } else if message.contains("mapping values are not allowed") {
        Some("is a `:` missing in the line before, or this line indented too far?")
    } else if message.contains("expected ','") {
        Some("is a `,` missing before this?")
    } else {
        None
    }
}

/// Where the second document begins, or what ends the first one without being part of it.
fn second_document(text: &str) -> usize {
    let byte = |index: usize| {
        let offset = text.char_indices().nth(index);
        offset.map_or(text.len(), |(offset, _)| offset)
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    return byte(span.start.index());
                }
            }
            Ok(_) => {}
            Err(error) => return byte(error.marker().index()),
        }
    }
    0
}

/// The position in `…, while parsing a flow mapping at line 1 column 7`, as an offset.
fn position_within(message: &str, text: &str) -> Option<usize> {
    let (_, while_doing) = message.split_once(", while ")?;
    let (_, position) = while_doing.rsplit_once(" at line ")?;
    let (line, column) = position.split_once(" column ")?;
    let line: usize = line.parse().ok()?;
    let column: usize = column.parse().ok()?;
    let above: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let in_line = text
        .get(above..)?
        .char_indices()
        .nth(column.checked_sub(1)?)?;
    Some(above + in_line.0)
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
fn unknown_key_at(message: &str, offset: usize, text: &str, spans: &Spans) -> Diagnostic {
    let mut words = message.split('`').skip(1).step_by(2);
    let key = words.next().unwrap_or_default();
    let known: Vec<&str> = words.collect();
    // At the top there is no position, but also only one place where the key can be.
    let place = match spans.starting_at(offset) {
        Some((path, place)) if path.last().is_some_and(|last| last == key) => place,
        _ => spans.key(&[key]),
    };
    unknown_key(text, place, key, &known)
}

/// A key that is not one of those known at its place.
pub(crate) fn unknown_key(
    text: &str,
    place: Range<usize>,
    key: &str,
    known: &[&str],
) -> Diagnostic {
    let all = format!("the keys here are {}", listed(known));
    let help = match meant_key(key, known) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => match homes(key) {
            Some(homes) => format!("`{key}` is a key of {homes}; {all}"),
            None => all,
        },
    };
    Diagnostic::new(text, place, format!("unknown key `{key}`"))
        .with_label("not known here")
        .with_help(Some(help))
}

/// The key that was meant, by its letters or as others call the same.
pub(crate) fn meant_key<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let elsewhere = ELSEWHERE.into_iter().filter(|(name, _)| *name == key);
    let mut same = elsewhere.filter_map(|(_, ours)| known.iter().find(|known| **known == ours));
    let same = same.next().copied();
    same.or_else(|| nearest(key, known.iter().copied()))
}

/// What other descriptions of jobs call our keys.
const ELSEWHERE: [(&str, &str); 6] = [
    ("name", "job"),
    ("replicas", "count"),
    ("instances", "count"),
    ("memory", "mem"),
    ("environment", "env"),
    ("groups", "tasks"),
];

/// Where a key is known, if that is anywhere.
fn homes(key: &str) -> Option<String> {
    let schema = schema();
    let has = |object: &serde_json::Value| object["properties"].get(key).is_some();
    let top = has(&schema).then(|| "the whole job".to_owned());
    let others = schema["$defs"].as_object().into_iter().flatten();
    let others = others
        .filter(|(_, object)| has(object))
        .map(|(name, _)| match name.as_str() {
            "Group" => "a group in `tasks`".to_owned(),
            other => format!("`{}`", other.to_lowercase()),
        });
    let all: Vec<_> = top.into_iter().chain(others).collect();
    (!all.is_empty()).then(|| all.join(" and of "))
}

/// Words in backticks, with commas between.
pub(crate) fn listed(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// What serde calls the shapes, in words for people who write YAML.
pub(crate) fn in_words(shape: &str) -> String {
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
pub(crate) fn first_line(text: &str, range: Range<usize>) -> Range<usize> {
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
