//! The protobuf wire format, as far as it can be read without knowing the message, and the search
//! for required fields that are missing, which prost does not do.

use std::fmt;

use super::DecodeError;
use super::schema::{Field, Kind, Label, MessageSchema, SCHEMA};

/// The value of one field on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// The fields of one message, in the order of the wire.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn read(&mut self) -> Option<(u32, Raw<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok()?;
        let raw = match key & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(self.take(8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Raw::Bytes(self.take(length)?)
            }
            5 => Raw::Fixed32(self.take(4)?.try_into().ok()?),
            // Groups (3, 4) went out of use before Mesos began.
            _ => return None,
        };
        Some((number, raw))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Raw<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or(DecodeError::Protobuf))
    }
}

/// The paths of the first required fields that are missing, as protobuf names them:
/// `accept.operations[0].launch.task_infos[0].name`.
///
/// # Errors
/// When the bytes are not protobuf.
pub(super) fn missing(message: &MessageSchema, bytes: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut found = Vec::new();
    find_missing(message, bytes, None, 0, &mut found)?;
    Ok(found)
}

/// How many missing fields are told. Mesos tells all, but an element that lacks five can be two
/// bytes long, and its five paths a thousand times that.
const MISSING_MAX: usize = 1000;

/// Messages within messages that are looked into: what protobuf itself allows.
pub(super) const DEPTH_MAX: usize = 100;

fn find_missing(
    message: &MessageSchema,
    bytes: &[u8],
    path: Option<&Path<'_>>,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX {
        return Err(DecodeError::Protobuf);
    }
    let (mut seen, mut seen_again) = (0_u64, 0_u64);
    for field in Fields::new(bytes) {
        if let Some((index, _)) = message.field(field?.0) {
            seen_again |= seen & (1 << index);
            seen |= 1 << index;
        }
    }
    for (index, field) in message.fields.iter().enumerate() {
        let is_missing = field.label == Label::Required && seen & (1 << index) == 0;
        if is_missing && found.len() < MISSING_MAX {
            found.push(
                Path {
                    parent: path,
                    field,
                    element: None,
                }
                .to_string(),
            );
        }
    }
    let mut elements = [0_usize; 64];
    for field in Fields::new(bytes) {
        let (number, Raw::Bytes(payload)) = field? else {
            continue;
        };
        let Some((index, field)) = message.field(number) else {
            continue;
        };
        let Kind::Message(inner) = field.kind else {
            continue;
        };
        let inner = SCHEMA.message(inner);
        if !inner.has_required {
            continue;
        }
        let element =
            (field.label == Label::Repeated && !inner.is_map_entry).then_some(elements[index]);
        elements[index] += 1;
        let path = Path {
            parent: path,
            field,
            element,
        };
        if field.label != Label::Repeated && seen_again & (1 << index) != 0 {
            // A message that comes in parts is the sum of them; protobuf adds by concatenation.
            if elements[index] == 1 {
                let whole = concatenated(bytes, number)?;
                find_missing(inner, &whole, Some(&path), depth + 1, found)?;
            }
            continue;
        }
        find_missing(inner, payload, Some(&path), depth + 1, found)?;
    }
    Ok(())
}

fn concatenated(bytes: &[u8], number: u32) -> Result<Vec<u8>, DecodeError> {
    let mut whole = Vec::new();
    for field in Fields::new(bytes) {
        match field? {
            (found, Raw::Bytes(payload)) if found == number => whole.extend_from_slice(payload),
            _ => {}
        }
    }
    Ok(whole)
}

/// The way to a field, kept on the stack: most messages lack nothing and need no text.
struct Path<'a> {
    parent: Option<&'a Self>,
    field: &'a Field,
    element: Option<usize>,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(&self.field.name)?;
        if let Some(element) = self.element {
            write!(f, "[{element}]")?;
        }
        Ok(())
    }
}
