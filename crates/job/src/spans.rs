//! Where each key and value of a YAML text is, by its path.
//!
//! The index is made from parser events and knows no types. `serde_yaml` gives positions for its
//! own errors only; what is found wrong later finds its place here.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

use crate::tree::{Content, Node};

/// The way to a value from the top: keys, and numbers of items.
pub(crate) type Path = Vec<String>;

/// How deep the index goes. A job file has half a dozen levels; every open level keeps its path, so
/// that a text of nothing but `-` would take memory by the square.
const DEPTH_MAX: usize = 64;

/// Where everything is.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    entries: BTreeMap<Path, Entry>,
    /// Keys that come twice in the same mapping: the path, and the second one's place.
    duplicates: Vec<(Path, Range<usize>)>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Spans {
    /// Reads the first document of `text`, as far as it can be read.
    pub(crate) fn index(text: &str) -> Self {
        let mut builder = Builder {
            offsets: text
                .char_indices()
                .map(|(offset, _)| offset)
                .chain([text.len()])
                .collect(),
            text,
            spans: Self::default(),
            open: Vec::new(),
            content_end: 0,
        };
        for event in Parser::new_from_str(text) {
            if builder.open.len() > DEPTH_MAX {
                break;
            }
            match event {
                Ok((Event::DocumentEnd, _)) | Err(_) => break,
                Ok((event, span)) => builder.handle_event(&event, span),
            }
        }
        builder.spans
    }

    /// Where everything is in a tree, which may differ from its text.
    pub(crate) fn of(tree: &Node) -> Self {
        let mut spans = Self::default();
        spans.insert(Path::new(), None, tree);
        spans
    }

    fn insert(&mut self, path: Path, key: Option<Range<usize>>, node: &Node) {
        let below = |name: &str| [&path[..], &[name.to_owned()]].concat();
        match &node.content {
            Content::Scalar { .. } => {}
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.insert(below(&index.to_string()), None, item);
                }
            }
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    self.insert(below(&key.text), Some(key.place.clone()), value);
                }
            }
        }
        let value = node.place.clone();
        self.entries.insert(path, Entry { key, value });
    }

    /// Where the key of `path` is; of the nearest thing around it that has one, if it has none.
    pub(crate) fn key(&self, path: &[&str]) -> Range<usize> {
        let entry = self.nearest(path);
        entry.key.unwrap_or(entry.value)
    }

    /// Where the value of `path` is; where the key is, if the value is more than one scalar or is
    /// not there.
    pub(crate) fn value(&self, path: &[&str]) -> Range<usize> {
        let entry = self.nearest(path);
        match entry.key {
            Some(key) if entry.value.is_empty() => key,
            _ => entry.value,
        }
    }

    /// Whether there is anything at `path` itself.
    pub(crate) fn has(&self, path: &[&str]) -> bool {
        self.entries.contains_key(&owned(path))
    }

    /// Whether there is nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys that come twice in the same mapping: the path, and the second one's place. What is
    /// inside of such a second one is not reported again.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = &(Path, Range<usize>)> {
        let is_inside =
            |path: &Path, outer: &Path| path.len() > outer.len() && path.starts_with(outer);
        self.duplicates.iter().filter(move |(path, _)| {
            !self
                .duplicates
                .iter()
                .any(|(outer, _)| is_inside(path, outer))
        })
    }

    /// The key or value that starts at byte `offset`: its path, its place, and whether it is a key.
    pub(crate) fn starting_at(&self, offset: usize) -> Option<(&Path, Range<usize>)> {
        let keys = self.entries.iter().filter_map(|(path, entry)| {
            let key = entry.key.clone()?;
            (key.start == offset).then_some((path, key))
        });
        let values = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.value.start == offset)
            .map(|(path, entry)| (path, entry.value.clone()));
        keys.chain(values).next()
    }

    fn nearest(&self, path: &[&str]) -> Entry {
        let mut path = owned(path);
        loop {
            if let Some(entry) = self.entries.get(&path) {
                return entry.clone();
            }
            if path.pop().is_none() {
                return Entry {
                    key: None,
                    value: 0..0,
                };
            }
        }
    }
}

fn owned(path: &[&str]) -> Path {
    path.iter().map(|&part| part.to_owned()).collect()
}

/// The state between events: the collections that are open, the outermost first.
struct Builder<'a> {
    text: &'a str,
    /// Byte offset of each character, for the parser counts characters.
    offsets: Vec<usize>,
    spans: Spans,
    open: Vec<Open>,
    /// Where the last scalar or closing bracket ended.
    content_end: usize,
}

/// A collection that has begun.
struct Open {
    path: Path,
    key: Option<Range<usize>>,
    start: usize,
    kind: Kind,
}

enum Kind {
    /// The key that waits for its value: its text and its place.
    Mapping(Option<(String, Range<usize>)>),
    /// The number of the next item.
    Sequence(usize),
}

impl Builder<'_> {
    fn handle_event(&mut self, event: &Event<'_>, span: Span) {
        let range = self.range(span);
        match event {
            Event::Scalar(text, ..) => self.scalar(Some(text), range),
            // What an alias stands for has its place elsewhere; this is where it is used.
            Event::Alias(_) => self.scalar(None, range),
            Event::MappingStart(..) => self.begin(Kind::Mapping(None), range.start),
            Event::SequenceStart(..) => self.begin(Kind::Sequence(0), range.start),
            Event::MappingEnd | Event::SequenceEnd => self.end(range),
            _ => {}
        }
    }

    fn scalar(&mut self, text: Option<&str>, range: Range<usize>) {
        self.content_end = range.end;
        if let Some(Open {
            kind: Kind::Mapping(waiting @ None),
            ..
        }) = self.open.last_mut()
        {
            *waiting = Some((text.unwrap_or_default().to_owned(), range));
            return;
        }
        let (path, key) = self.place();
        self.insert(path, Entry { key, value: range });
    }

    fn begin(&mut self, kind: Kind, start: usize) {
        let (path, key) = self.place();
        self.open.push(Open {
            path,
            key,
            start,
            kind,
        });
    }

    fn end(&mut self, bracket: Range<usize>) {
        let Some(Open {
            path, key, start, ..
        }) = self.open.pop()
        else {
            return;
        };
        // A collection without a bracket ends with the last thing in it, before any comment.
        if !bracket.is_empty() {
            self.content_end = bracket.end;
        }
        let value = start..self.content_end.max(start);
        self.insert(path, Entry { key, value });
    }

    /// Path and key of the value that comes now.
    fn place(&mut self) -> (Path, Option<Range<usize>>) {
        let Some(parent) = self.open.last_mut() else {
            return (Path::new(), None);
        };
        let mut path = parent.path.clone();
        let key = match &mut parent.kind {
            Kind::Mapping(waiting) => {
                // A collection as a key has no name; serde refuses it.
                let (name, key) = waiting.take().unzip();
                path.push(name.unwrap_or_default());
                key
            }
            Kind::Sequence(next) => {
                path.push(next.to_string());
                *next += 1;
                None
            }
        };
        (path, key)
    }

    fn insert(&mut self, path: Path, entry: Entry) {
        match self.spans.entries.get(&path) {
            None => {
                self.spans.entries.insert(path, entry);
            }
            Some(_) => {
                let place = entry.key.unwrap_or(entry.value);
                self.spans.duplicates.push((path, place));
            }
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(self.text.len());
        offset(span.start.index())..offset(span.end.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &[&str], key: &str, value: &str) {
        let spans = Spans::index(text);
        assert_eq!(&text[spans.key(path)], key, "key");
        assert_eq!(&text[spans.value(path)], value, "value");
    }

    const TEXT: &str =
        "é: 1\ntasks:\n  a: { args: [x, \"y z\"], mem: 3 MB }\n  b:\n    env:\n      K: v  # c\n";

    #[test]
    fn keys_and_values_are_found_by_path() {
        check(TEXT, &["é"], "é", "1");
        check(TEXT, &["tasks", "a", "args", "1"], "\"y z\"", "\"y z\"");
        check(TEXT, &["tasks", "a", "args"], "args", "[x, \"y z\"]");
        check(TEXT, &["tasks", "a", "mem"], "mem", "3 MB");
        check(TEXT, &["tasks", "b", "env", "K"], "K", "v");
    }

    #[test]
    fn what_is_not_there_is_found_at_what_is_around_it() {
        check(TEXT, &["tasks", "b", "env", "nothing"], "env", "K: v");
        check("a:\n", &["a"], "a", "a");
        check("", &["a"], "", "");
        let spans = Spans::index(TEXT);
        assert!(spans.has(&["tasks", "b", "env", "K"]));
        assert!(!spans.has(&["tasks", "b", "env", "nothing"]));
    }

    #[test]
    fn keys_that_come_twice_are_found() {
        let spans = Spans::index("a: { d: 1 }\nb: { c: 1, c: 2 }\na: { d: 2 }\n");
        let duplicates: Vec<_> = spans.duplicates().cloned().collect();
        let path = |parts: &[&str]| owned(parts);
        assert_eq!(
            duplicates,
            [(path(&["b", "c"]), 23..24), (path(&["a"]), 30..31)]
        );
    }

    #[test]
    fn an_alias_has_its_own_place() {
        check("a: &x [1]\nb: *x\n", &["b"], "b", "*x");
        check("a: &x [1]\nb: *x\n", &["b", "0"], "b", "*x");
    }

    #[test]
    fn broken_text_is_read_as_far_as_possible() {
        check("a: 1\nb: [\n", &["a"], "a", "1");
    }
}
