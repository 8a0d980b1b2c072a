//! All that is wrong with the shape of a file, not the first fault only.
//!
//! The tree of the file is read until that ends with a fault, which is told; what is at fault is
//! then taken out of the tree, or replaced by something that does, and it is read again.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::reading::{FaultKind, MERGE_KEY};
use crate::tree::{Content, Key, Node};
use crate::yaml;

/// So many faults are told. Each costs a reading of the whole file, and nobody repairs more at once.
const FAULTS_MAX: usize = 50;

/// What the shape of a file has come to.
pub(crate) struct Mended<T> {
    /// The file in spite of its faults, unless it is no job at all or has too many of them.
    pub(crate) read: Option<Read<T>>,
    pub(crate) faults: Vec<Diagnostic>,
}

/// A file whose faults are replaced.
pub(crate) struct Read<T> {
    pub(crate) file: T,
    /// What it was read from.
    pub(crate) tree: Node,
    /// Where something was replaced: what is found there later says nothing.
    pub(crate) replaced: Vec<Range<usize>>,
}

/// Reads what can be read of `text`, and tells what is wrong with the shape of the rest.
///
/// Nothing if there is no tree of it.
pub(crate) fn mend<T: DeserializeOwned>(text: &str) -> Option<Mended<T>> {
    let mut tree = Node::read(text)?;
    let mut mending = Mending {
        text,
        faults: Vec::new(),
        replaced: Vec::new(),
    };
    while mending.faults.len() < FAULTS_MAX {
        let fault = match T::deserialize(&tree) {
            Ok(file) => {
                return Some(Mended {
                    read: Some(Read {
                        file,
                        tree,
                        replaced: mending.replaced,
                    }),
                    faults: mending.faults,
                });
            }
            Err(fault) => fault,
        };
        let path = fault.path();
        match fault.kind {
            FaultKind::UnknownKey { key, known } => {
                mending.unknown_key(tree.at_mut(&path)?, &key, known);
            }
            FaultKind::MergeKey => mending.merge_key(tree.at_mut(&path)?),
            FaultKind::Shape { expected, keys } => {
                let node = tree.at_mut(&path)?;
                if !mending.replaced.contains(&node.place) {
                    mending.tell_shape(node, &expected, keys);
                }
                let Some((key, parent)) = path.split_last() else {
                    break;
                };
                mending.replace(tree.at_mut(parent)?, key, &expected)?;
            }
            FaultKind::Other => return None,
        }
    }
    Some(Mended {
        read: None,
        faults: mending.faults,
    })
}

struct Mending<'a> {
    text: &'a str,
    faults: Vec<Diagnostic>,
    replaced: Vec<Range<usize>>,
}

impl Mending<'_> {
    /// Tells of a key of `mapping`, and takes it for the one that was meant, if there is one.
    fn unknown_key(&mut self, mapping: &mut Node, unknown: &str, known: &[&str]) {
        let Content::Mapping(entries) = &mut mapping.content else {
            return;
        };
        let is_free = |name: &str| entries.iter().all(|(key, _)| key.text != name);
        let meant = yaml::meant_key(unknown, known).filter(|meant| is_free(meant));
        let Some(index) = entries.iter().position(|(key, _)| key.text == unknown) else {
            return;
        };
        let place = entries[index].0.place.clone();
        let told = yaml::unknown_key(self.text, place, unknown, known);
        self.faults.push(told);
        match meant {
            Some(meant) => {
                // What is meant is there, so it is not missing either.
                self.replaced.push(entries[index].0.place.clone());
                meant.clone_into(&mut entries[index].0.text);
            }
            None => drop(entries.remove(index)),
        }
    }

    fn merge_key(&mut self, mapping: &mut Node) {
        let Content::Mapping(entries) = &mut mapping.content else {
            return;
        };
        let Some(index) = entries.iter().position(|(key, _)| key.text == MERGE_KEY) else {
            return;
        };
        let (key, merged) = entries.remove(index);
        // What it would have brought is not missing then.
        if let Content::Mapping(merged) = merged.content {
            let is_new = |(new, _): &(Key, Node)| {
                new.text != MERGE_KEY && entries.iter().all(|(key, _)| key.text != new.text)
            };
            let new: Vec<_> = merged.into_iter().filter(is_new).collect();
            entries.extend(new);
        }
        let message = format!("the key `{MERGE_KEY}` does not merge mappings here");
        let help = "write what groups have in common under `defaults`";
        self.faults
            .push(Diagnostic::new(self.text, key.place, message).with_help(Some(help)));
    }

    fn tell_shape(&mut self, node: &Node, expected: &str, keys: Option<&[&str]>) {
        let place = yaml::first_line(self.text, node.place.clone());
        let wanted = yaml::in_words(expected);
        let message = format!("expected {wanted}, found {}", found(node));
        let help = shape_help(node, expected, keys);
        self.faults
            .push(Diagnostic::new(self.text, place, message).with_help(help));
    }

    /// Puts something in the place of a value that does as what was expected; takes it out where
    /// that is simpler, or did not help.
    fn replace(&mut self, parent: &mut Node, key: &str, expected: &str) -> Option<()> {
        let entries = match &mut parent.content {
            Content::List(items) => {
                items.remove(key.parse().ok()?);
                return Some(());
            }
            Content::Mapping(entries) => entries,
            Content::Scalar { .. } => return None,
        };
        let index = entries.iter().position(|(known, _)| known.text == key)?;
        let (key, node) = &mut entries[index];
        if self.replaced.contains(&node.place) {
            entries.remove(index);
            return Some(());
        }
        // The value's own place marks that it was replaced; the whole is what nothing is told of.
        self.replaced.push(node.place.clone());
        self.replaced.push(key.place.start..node.place.end);
        node.content = match expected {
            "a string" => Content::Scalar {
                text: String::new(),
                is_plain: false,
            },
            _ if expected.contains("sequence") || expected.contains("list") => {
                Content::List(Vec::new())
            }
            _ => Content::Mapping(Vec::new()),
        };
        Some(())
    }
}

/// What is there, in words for people who write YAML.
fn found(node: &Node) -> String {
    match &node.content {
        Content::List(_) => "a list".to_owned(),
        Content::Mapping(_) => "a mapping".to_owned(),
        Content::Scalar { .. } if node.is_nothing() => "nothing".to_owned(),
        Content::Scalar { text, .. } => format!("`{}`", shortened(text)),
    }
}

/// So much of a value is shown in a message.
const SHOWN_CHARS_MAX: usize = 60;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How it would be written.
fn shape_help(node: &Node, expected: &str, keys: Option<&[&str]>) -> Option<String> {
    let single = match &node.content {
        Content::Scalar { text, .. } if !node.is_nothing() => Some(shortened(text)),
        _ => None,
    };
    if let Some(keys) = keys {
        return Some(match single {
            Some(text) if keys.contains(&"module") => {
                format!("write `{{ module: {text} }}` if that is the module")
            }
            _ => format!("the keys here are {}", yaml::listed(keys)),
        });
    }
    match (expected, &node.content) {
        ("a sequence", _) => Some(format!("write a list: `[{}]`", single.unwrap_or_default())),
        ("a string", Content::List(items)) => match items.as_slice() {
            [
                Node {
                    content: Content::Scalar { text, .. },
                    ..
                },
            ] => Some(format!(
                "write `{}`, without brackets or `-`",
                shortened(text)
            )),
            _ => None,
        },
        ("a map", _) => Some("write `NAME: VALUE` for each, without `-`".to_owned()),
        ("groups of tasks by name", _) => {
            Some("write each group under its name: `NAME: { module: PATH }`".to_owned())
        }
        _ => None,
    }
}
