//! Reads a tree into what it is to be, up to its first fault, whose path it knows.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::tree::{Content, Key, Node};

/// The key by which YAML 1.1 merges mappings.
pub(crate) const MERGE_KEY: &str = "<<";

/// Why a tree is not what it is to be.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Where, from the inside to the outside.
    reversed: Vec<String>,
    pub(crate) kind: FaultKind,
}

/// What is wrong there.
#[derive(Debug)]
pub(crate) enum FaultKind {
    /// A mapping has a key that is not known there.
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    /// A mapping has the key that would merge another into it.
    MergeKey,
    /// Something else is wanted there; if that is a mapping, with these keys.
    Shape {
        expected: String,
        keys: Option<&'static [&'static str]>,
    },
    /// Anything else, which no type here has.
    Other,
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self {
            reversed: Vec::new(),
            kind,
        }
    }

    fn below(mut self, key: impl Into<String>) -> Self {
        self.reversed.push(key.into());
        self
    }

    /// Where it is, from the outside to the inside.
    pub(crate) fn path(&self) -> Vec<String> {
        self.reversed.iter().rev().cloned().collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::new(FaultKind::Other)
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::Shape {
            expected: expected.to_string(),
            keys: None,
        })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let key = key.to_owned();
        Self::new(FaultKind::UnknownKey { key, known })
    }
}

/// The value in a word that errors take; they look at what is there themselves.
const ANYTHING: Unexpected<'_> = Unexpected::Other("");

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.content {
            Content::List(_) => self.deserialize_seq(visitor),
            Content::Mapping(_) => self.deserialize_map(visitor),
            Content::Scalar { .. } if self.is_nothing() => visitor.visit_unit(),
            Content::Scalar { text, .. } => visitor.visit_str(text),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.content {
            Content::Scalar { text, .. } => visitor.visit_str(text),
            _ => Err(de::Error::invalid_type(ANYTHING, &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.is_nothing() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.content {
            Content::List(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Content::Scalar { .. } if self.is_left_out() => {
                visitor.visit_seq(Items([].iter().enumerate()))
            }
            _ => Err(de::Error::invalid_type(ANYTHING, &visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let entries = match &self.content {
            Content::Mapping(entries) => entries.as_slice(),
            Content::Scalar { .. } if self.is_left_out() => &[],
            _ => return Err(de::Error::invalid_type(ANYTHING, &visitor)),
        };
        visitor.visit_map(Entries {
            entries: entries.iter(),
            value: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let of_this = |mut fault: Fault| {
            if let FaultKind::Shape { keys, .. } = &mut fault.kind
                && fault.reversed.is_empty()
            {
                *keys = Some(known);
            }
            fault
        };
        self.deserialize_map(visitor).map_err(of_this)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}

impl Node {
    /// Whether nothing is written where a value could be.
    fn is_left_out(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, is_plain: true } if text.is_empty())
    }

    /// Whether there is no value, as YAML writes it.
    pub(crate) fn is_nothing(&self) -> bool {
        match &self.content {
            Content::Scalar {
                text,
                is_plain: true,
            } => matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }
}

struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, Node>>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, node)) = self.0.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(node);
        item.map(Some)
            .map_err(|fault| fault.below(index.to_string()))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.entries.next() else {
            return Ok(None);
        };
        if key.text == MERGE_KEY {
            return Err(Fault::new(FaultKind::MergeKey));
        }
        self.value = Some((&key.text, node));
        seed.deserialize(StrDeserializer::new(&key.text)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a value comes after its key"))?;
        seed.deserialize(node).map_err(|fault| fault.below(key))
    }
}
