//! The values of a YAML text, each with its place.
//!
//! What is right is read by `serde_yaml`, which ends at the first fault. This is for telling all
//! others as well: from a tree, what is at fault can be taken out, and the rest read on.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The most values that a tree may have. A job file of a megabyte has fewer, unless its aliases
/// stand for each other.
const NODES_MAX: usize = 300_000;

/// How deep a tree may be. A job file has half a dozen levels.
const DEPTH_MAX: usize = 64;

/// A value and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Range<usize>,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A single value as it was written; one in quotes is not plain.
    Scalar { text: String, is_plain: bool },
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, each key once.
    Mapping(Vec<(Key, Node)>),
}

/// A key and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) place: Range<usize>,
}

impl Node {
    /// The only document of `text`; of keys that come twice, the first one.
    ///
    /// Nothing if that is no YAML, has another document or a key that is no text, or is larger or
    /// deeper than any job file.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut builder = Builder {
            offsets: text
                .char_indices()
                .map(|(offset, _)| offset)
                .chain([text.len()])
                .collect(),
            open: Vec::new(),
            anchors: Vec::new(),
            content_end: 0,
            nodes: 0,
            document: None,
        };
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            documents += usize::from(matches!(event, Event::DocumentStart(_)));
            if documents > 1 {
                return None;
            }
            builder.handle_event(&event, span)?;
        }
        builder.document
    }

    /// Whether `text` is YAML with nothing in it.
    pub(crate) fn is_none(text: &str) -> bool {
        Parser::new_from_str(text)
            .all(|event| matches!(event, Ok((Event::StreamStart | Event::StreamEnd, _))))
    }

    /// The value at `path`.
    pub(crate) fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let next = match &mut self.content {
            Content::Scalar { .. } => None,
            Content::List(items) => items.get_mut(first.parse::<usize>().ok()?),
            Content::Mapping(entries) => entries
                .iter_mut()
                .find(|(key, _)| key.text == *first)
                .map(|(_, node)| node),
        };
        next?.at_mut(rest)
    }

    /// The same with another place for all of it.
    fn moved(&self, place: &Range<usize>) -> Self {
        let content = match &self.content {
            scalar @ Content::Scalar { .. } => scalar.clone(),
            Content::List(items) => {
                Content::List(items.iter().map(|item| item.moved(place)).collect())
            }
            Content::Mapping(entries) => {
                let entries = entries.iter().map(|(key, node)| {
                    let key = Key {
                        text: key.text.clone(),
                        place: place.clone(),
                    };
                    (key, node.moved(place))
                });
                Content::Mapping(entries.collect())
            }
        };
        Self {
            place: place.clone(),
            content,
        }
    }

    /// How many values this is.
    fn count(&self) -> usize {
        1 + match &self.content {
            Content::Scalar { .. } => 0,
            Content::List(items) => items.iter().map(Self::count).sum(),
            Content::Mapping(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        }
    }
}

/// The state between events: the collections that are open, the outermost first.
struct Builder {
    /// Byte offset of each character, for the parser counts characters.
    offsets: Vec<usize>,
    open: Vec<Open>,
    /// Values by the number of their anchor.
    anchors: Vec<(usize, Node)>,
    /// Where the last scalar or closing bracket ended.
    content_end: usize,
    nodes: usize,
    document: Option<Node>,
}

/// A collection that has begun.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Key>,
}

impl Builder {
    /// Nothing if it is too much, or a key is no text.
    fn handle_event(&mut self, event: &Event<'_>, span: Span) -> Option<()> {
        let place = self.range(span);
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.content_end = place.end;
                let content = Content::Scalar {
                    text: text.to_string(),
                    is_plain: *style == ScalarStyle::Plain,
                };
                self.nodes += 1;
                self.put(Node { place, content }, *anchor)
            }
            Event::Alias(anchor) => {
                self.content_end = place.end;
                let (_, meant) = self.anchors.iter().rfind(|(number, _)| number == anchor)?;
                self.nodes += meant.count();
                if self.nodes > NODES_MAX {
                    return None;
                }
                let node = meant.moved(&place);
                self.put(node, 0)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Content::List(Vec::new()), place, *anchor)
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Content::Mapping(Vec::new()), place, *anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open {
                    mut node, anchor, ..
                } = self.open.pop()?;
                // A collection without a bracket ends with the last thing in it.
                if !place.is_empty() {
                    self.content_end = place.end;
                }
                node.place.end = self.content_end.max(node.place.start);
                self.put(node, anchor)
            }
            _ => Some(()),
        }
    }

    fn begin(&mut self, content: Content, place: Range<usize>, anchor: usize) -> Option<()> {
        self.nodes += 1;
        self.open.push(Open {
            node: Node { place, content },
            anchor,
            key: None,
        });
        (self.open.len() <= DEPTH_MAX && self.nodes <= NODES_MAX).then_some(())
    }

    /// Takes a value that is complete to where it belongs.
    fn put(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
            self.nodes += node.count();
        }
        let Some(parent) = self.open.last_mut() else {
            self.document = Some(node);
            return Some(());
        };
        match (&mut parent.node.content, parent.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Mapping(_), None) => {
                let Content::Scalar { text, .. } = node.content else {
                    return None;
                };
                let place = node.place;
                parent.key = Some(Key { text, place });
            }
            (Content::Mapping(entries), Some(key)) => {
                if entries.iter().all(|(known, _)| known.text != key.text) {
                    entries.push((key, node));
                }
            }
            (Content::Scalar { .. }, _) => return None,
        }
        Some(())
    }

    fn range(&self, span: Span) -> Range<usize> {
        let end = self.offsets.last().copied().unwrap_or_default();
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(end);
        offset(span.start.index())..offset(span.end.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_what_it_stands_for_at_its_own_place() {
        let text = "a: &x [1, b]\nc: *x\n";
        let mut node = Node::read(text).expect("it is YAML");
        let path = ["c".to_owned(), "1".to_owned()];
        let item = node.at_mut(&path).expect("it is there");
        assert_eq!(&text[item.place.clone()], "*x");
        assert!(matches!(&item.content, Content::Scalar { text, .. } if text == "b"));
    }

    #[test]
    fn what_is_no_single_document_of_a_bounded_size_is_not_read() {
        assert!(Node::read("a: [").is_none());
        assert!(Node::read("a: 1\n---\nb: 2\n").is_none());
        assert!(Node::read("? [a]\n: b\n").is_none());
        assert!(Node::read(&"- ".repeat(DEPTH_MAX + 1)).is_none());
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            laughs += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert!(Node::read(&laughs).is_none());
    }
}
