//! The protobuf wire format to protobuf's text format, in which Mesos quotes messages in errors.

use std::fmt::Write as _;

use super::schema::{Kind, MessageSchema, SCHEMA};
use super::wire::{Fields, Raw};

/// One line for each field, messages in braces and indented.
pub(super) fn from_wire(message: &MessageSchema, bytes: &[u8]) -> String {
    let mut out = String::new();
    write_message(message, bytes, 0, &mut out);
    out
}

fn write_message(message: &MessageSchema, bytes: &[u8], indent: usize, out: &mut String) {
    for (number, raw) in Fields::new(bytes).map_while(Result::ok) {
        let Some((_, field)) = message.field(number) else {
            continue;
        };
        let name = &field.name;
        let _ = write!(out, "{:indent$}{name}", "");
        if let (Kind::Message(inner), Raw::Bytes(bytes)) = (field.kind, raw) {
            out.push_str(" {\n");
            write_message(SCHEMA.message(inner), bytes, indent + 2, out);
            let _ = writeln!(out, "{:indent$}}}", "");
        } else {
            out.push_str(": ");
            write_value(field.kind, raw, out);
            out.push('\n');
        }
    }
}

fn write_value(kind: Kind, raw: Raw<'_>, out: &mut String) {
    match raw {
        Raw::Bytes(bytes) => {
            out.push('"');
            write_escaped(bytes, out);
            out.push('"');
        }
        Raw::Fixed64(bytes) => {
            let _ = write!(out, "{}", f64::from_le_bytes(bytes));
        }
        Raw::Fixed32(bytes) => {
            let _ = write!(out, "{}", f32::from_le_bytes(bytes));
        }
        Raw::Varint(value) => {
            let mut text = String::new();
            super::write::write_varint(kind, value, &mut text);
            // Only JSON quotes the values of enums.
            out.push_str(text.trim_matches('"'));
        }
    }
}

/// As in C: what is not printable ASCII is octal.
fn write_escaped(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\'' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
}
