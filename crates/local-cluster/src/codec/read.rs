//! JSON values to the protobuf wire format, as lenient and as strict as Mesos (PROTOCOL §2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding;

use super::json::{self, Json};
use super::schema::{Field, Kind, Label, MessageSchema, SCHEMA};

/// The wire form of the message that `json` stands for, fields in the order of their numbers.
///
/// # Errors
/// The text after `Failed to convert JSON into Call protobuf: `.
pub(super) fn to_wire(message: &MessageSchema, json: &Json) -> Result<Vec<u8>, String> {
    let Json::Object(members) = json else {
        return Err("Expecting a JSON object".to_owned());
    };
    let mut parts = Vec::new();
    for (name, value) in members {
        // Unknown fields are ignored.
        let Some(field) = message.field_by_name(name) else {
            continue;
        };
        let mut part = Vec::new();
        if let (Json::Array(elements), Label::Repeated) = (value, field.label) {
            for element in elements {
                write_field(field, element, &mut part)?;
            }
        } else {
            // A bare value where a list is expected is a list of one.
            write_field(field, value, &mut part)?;
        }
        parts.push((field.number, part));
    }
    parts.sort_by_key(|(number, _)| *number);
    Ok(parts.into_iter().flat_map(|(_, part)| part).collect())
}

fn write_field(field: &Field, json: &Json, out: &mut Vec<u8>) -> Result<(), String> {
    match json {
        Json::Null => Ok(()),
        Json::Object(members) => match field.kind {
            Kind::Message(inner) if SCHEMA.message(inner).is_map_entry => {
                for (key, value) in members {
                    let entry = entry_to_wire(SCHEMA.message(inner), key, value)?;
                    write_bytes(field, &entry, out);
                }
                Ok(())
            }
            Kind::Message(inner) => {
                let bytes = to_wire(SCHEMA.message(inner), json)?;
                write_bytes(field, &bytes, out);
                Ok(())
            }
            _ => Err(not_expecting("object", field)),
        },
        Json::String(text) => write_text(field, text, out),
        Json::Integer(_) | Json::Unsigned(_) | Json::Number(_) => {
            if write_number(field, json, out) {
                Ok(())
            } else {
                Err(not_expecting("number", field))
            }
        }
        Json::Bool(value) => match field.kind {
            Kind::Bool => {
                encoding::bool::encode(field.number, value, out);
                Ok(())
            }
            _ => Err(not_expecting("boolean", field)),
        },
        Json::Array(_) => Err(not_expecting("array", field)),
    }
}

/// One entry of a map: its key, field 1, is a member's name.
fn entry_to_wire(entry: &MessageSchema, key: &str, value: &Json) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for field in &entry.fields {
        match field.number {
            1 => write_text(field, key, &mut bytes)?,
            _ => write_field(field, value, &mut bytes)?,
        }
    }
    Ok(bytes)
}

/// A JSON string can stand for anything but a message.
fn write_text(field: &Field, text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let name = &field.name;
    match field.kind {
        Kind::String => write_bytes(field, text.as_bytes(), out),
        Kind::Bytes => {
            let bytes = decode_base64(text).map_err(|character| {
                format!(
                    "Failed to base64 decode bytes field '{name}': Invalid character '{character}'"
                )
            })?;
            write_bytes(field, &bytes, out);
        }
        Kind::Enum(index) => match SCHEMA.enum_number(index, text) {
            Some(number) => encoding::int32::encode(field.number, &number, out),
            None if field.label == Label::Required => {
                return Err(format!("Failed to find enum for '{text}'"));
            }
            // A value that only others know leaves the field unset.
            None => {}
        },
        Kind::Bool => match text {
            "true" => encoding::bool::encode(field.number, &true, out),
            "false" => encoding::bool::encode(field.number, &false, out),
            _ => {
                return Err(format!(
                    "Failed to parse '{text}' as a JSON boolean for field '{name}'"
                ));
            }
        },
        Kind::Message(_) => return Err(not_expecting("string", field)),
        _ => {
            let number = match (text, field.kind) {
                ("Infinity", Kind::Double | Kind::Float) => Json::Number(f64::INFINITY),
                ("-Infinity", Kind::Double | Kind::Float) => Json::Number(f64::NEG_INFINITY),
                _ => json::parse(text.as_bytes()).map_err(|error| {
                    format!("Failed to parse '{text}' as a JSON number for field '{name}': {error}")
                })?,
            };
            if !write_number(field, &number, out) {
                return Err(format!(
                    "Failed to parse '{text}' as a JSON number for field '{name}'"
                ));
            }
        }
    }
    Ok(())
}

/// Writes a number, if `json` is one and the field takes one. Fractions of integers are cut off.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "Mesos converts numbers as C++ does; ours saturate where C++ leaves it open"
)]
fn write_number(field: &Field, json: &Json, out: &mut Vec<u8>) -> bool {
    let (integer, double) = match json {
        Json::Integer(value) => (*value, *value as f64),
        Json::Unsigned(value) => (i64::MAX, *value as f64),
        Json::Number(value) => (*value as i64, *value),
        _ => return false,
    };
    let unsigned = match json {
        Json::Unsigned(value) => *value,
        Json::Number(value) if *value > 0.0 => *value as u64,
        _ => integer as u64,
    };
    let number = field.number;
    match field.kind {
        Kind::Int32 => encoding::int32::encode(number, &(integer as i32), out),
        Kind::Int64 => encoding::int64::encode(number, &integer, out),
        Kind::Uint32 => encoding::uint32::encode(number, &(integer as u32), out),
        Kind::Uint64 => encoding::uint64::encode(number, &unsigned, out),
        Kind::Double => encoding::double::encode(number, &double, out),
        Kind::Float => encoding::float::encode(number, &(double as f32), out),
        _ => return false,
    }
    true
}

fn write_bytes(field: &Field, bytes: &[u8], out: &mut Vec<u8>) {
    encoding::encode_key(field.number, encoding::WireType::LengthDelimited, out);
    encoding::encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn not_expecting(what: &str, field: &Field) -> String {
    format!("Not expecting a JSON {what} for field '{}'", field.name)
}

/// The standard alphabet, with or without padding, ended by the first padding.
///
/// # Errors
/// The first character that is not of the alphabet.
fn decode_base64(text: &str) -> Result<Vec<u8>, char> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let text = text.split('=').next().unwrap_or_default();
    let is_of_alphabet = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if let Some(character) = text.chars().find(|c| !is_of_alphabet(*c)) {
        return Err(character);
    }
    // One character alone has no whole byte in it.
    let whole = if text.len() % 4 == 1 {
        &text[..text.len() - 1]
    } else {
        text
    };
    Ok(ENGINE
        .decode(whole)
        .expect("only characters of the alphabet, and no single one"))
}
