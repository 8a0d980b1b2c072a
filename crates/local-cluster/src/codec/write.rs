//! The protobuf wire format to JSON, as Mesos writes it (PROTOCOL §2): compact, every set field,
//! and the defaults of unset ones that have one.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::schema::{Field, Kind, Label, MessageSchema, SCHEMA};
use super::wire::{Fields, Raw};

/// The JSON for a message that prost has written.
pub(super) fn from_wire(message: &MessageSchema, bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len() + 64);
    write_message(message, bytes, &mut out);
    out
}

/// A double: the shortest digits that read back the same, and `.0` when it is integral.
pub(crate) fn double_json(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return format!("{value:e}");
    }
    let mut text = format!("{value}");
    if !text.contains('.') && !value.is_nan() {
        text.push_str(".0");
    }
    text
}

fn write_message(message: &MessageSchema, bytes: &[u8], out: &mut String) {
    let mut values: Vec<(usize, Raw<'_>)> = Fields::new(bytes)
        .map_while(Result::ok)
        .filter_map(|(number, raw)| Some((message.field(number)?.0, raw)))
        .collect();
    values.sort_by_key(|(index, _)| *index);
    let mut rest = values.as_slice();
    out.push('{');
    let mut separator = "";
    for (index, field) in message.fields.iter().enumerate() {
        let count = rest.iter().take_while(|(of, _)| *of == index).count();
        let (own, others) = rest.split_at(count);
        rest = others;
        let is_shown = field.default_json.is_some() || field.shows_empty;
        if own.is_empty() && !is_shown {
            continue;
        }
        let _ = write!(out, "{separator}\"{}\":", field.name);
        separator = ",";
        write_field(field, own, out);
    }
    out.push('}');
}

fn write_field(field: &Field, values: &[(usize, Raw<'_>)], out: &mut String) {
    match (values, &field.default_json) {
        ([], default) => out.push_str(default.as_deref().unwrap_or("[]")),
        (values, _) if field.label == Label::Repeated => match field.kind {
            Kind::Message(inner) if SCHEMA.message(inner).is_map_entry => {
                write_map(SCHEMA.message(inner), values, out);
            }
            _ => {
                out.push('[');
                for (position, (_, raw)) in values.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_value(field.kind, *raw, out);
                }
                out.push(']');
            }
        },
        ([.., (_, raw)], _) => write_value(field.kind, *raw, out),
    }
}

fn write_map(entry: &MessageSchema, entries: &[(usize, Raw<'_>)], out: &mut String) {
    out.push('{');
    for (position, (_, raw)) in entries.iter().enumerate() {
        let Raw::Bytes(bytes) = raw else { continue };
        if position > 0 {
            out.push(',');
        }
        let (mut key, mut value) = (Raw::Bytes(b""), Raw::Bytes(b""));
        for (number, raw) in Fields::new(bytes).map_while(Result::ok) {
            match number {
                1 => key = raw,
                _ => value = raw,
            }
        }
        let kind = |number| {
            entry
                .field(number)
                .map_or(Kind::String, |(_, field)| field.kind)
        };
        let mut name = String::new();
        write_value(kind(1), key, &mut name);
        if name.starts_with('"') {
            out.push_str(&name);
        } else {
            let _ = write!(out, "\"{name}\"");
        }
        out.push(':');
        write_value(kind(2), value, out);
    }
    out.push('}');
}

fn write_value(kind: Kind, raw: Raw<'_>, out: &mut String) {
    match (kind, raw) {
        (Kind::Message(inner), Raw::Bytes(bytes)) => {
            write_message(SCHEMA.message(inner), bytes, out);
        }
        (Kind::Bytes, Raw::Bytes(bytes)) => {
            out.push('"');
            BASE64.encode_string(bytes, out);
            out.push('"');
        }
        (_, Raw::Bytes(bytes)) => write_string(&String::from_utf8_lossy(bytes), out),
        (_, Raw::Fixed64(bytes)) => out.push_str(&double_json(f64::from_le_bytes(bytes))),
        (_, Raw::Fixed32(bytes)) => {
            out.push_str(&double_json(f64::from(f32::from_le_bytes(bytes))));
        }
        (kind, Raw::Varint(value)) => write_varint(kind, value, out),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a negative int32 is sign-extended on the wire; cutting it off restores it"
)]
pub(super) fn write_varint(kind: Kind, value: u64, out: &mut String) {
    let _ = match kind {
        Kind::Bool => write!(out, "{}", value != 0),
        Kind::Enum(index) => match SCHEMA.enum_name(index, value as i32) {
            Some(name) => write!(out, "\"{name}\""),
            None => write!(out, "{}", value as i32),
        },
        Kind::Int32 => write!(out, "{}", value as i32),
        Kind::Int64 => write!(out, "{}", value as i64),
        _ => write!(out, "{value}"),
    };
}

pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let _ = match character {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\u{8}' => out.write_str("\\b"),
            '\u{c}' => out.write_str("\\f"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\0'..' ' => write!(out, "\\u{:04X}", u32::from(character)),
            _ => out.write_char(character),
        };
    }
    out.push('"');
}
