//! Messages as JSON, and back: by their descriptors, for everything that Mesos declares.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MapKey, Value};
use serde_json::{Map, json};

use crate::mapping::Mapping;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(mesos::DESCRIPTORS).expect("made by our own build"));

/// Decodes a message of this full name; `None` when the bytes are none.
pub fn decode(name: &str, bytes: &[u8]) -> Option<DynamicMessage> {
    let descriptor = POOL.get_message_by_name(name)?;
    DynamicMessage::decode(descriptor, bytes).ok()
}

/// A message as recordings show it: names of the .proto, only what is set, bytes in base64.
pub fn to_json(message: &DynamicMessage) -> serde_json::Value {
    let fields = message
        .fields()
        .map(|(field, value)| (field.name().to_owned(), value_json(&field.kind(), value)))
        .filter(|(_, value)| !value.is_null());
    serde_json::Value::Object(fields.collect::<Map<_, _>>())
}

/// A JSON value with all numbers as doubles: what protobuf decodes has no other kind of number to
/// be told by.
pub fn with_doubles(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => json!(number.as_f64()),
        serde_json::Value::Array(values) => values.iter().map(with_doubles).collect(),
        serde_json::Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), with_doubles(value)));
            serde_json::Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// The same message with our ids in the place of the recorded ones.
pub fn here(name: &str, bytes: &[u8], mapping: &mut Mapping) -> Option<Vec<u8>> {
    let mut message = decode(name, bytes)?;
    map_message(&mut message, mapping);
    Some(message.encode_to_vec())
}

fn map_message(message: &mut DynamicMessage, mapping: &mut Mapping) {
    for (field, value) in message.fields_mut() {
        let is_uuid = field.name() == "uuid";
        map_value(is_uuid, value, mapping);
    }
}

fn map_value(is_uuid: bool, value: &mut Value, mapping: &mut Mapping) {
    match value {
        Value::String(text) => *text = mapping.here(text),
        Value::Bytes(bytes) if is_uuid => {
            let uuid = mapping.uuid_here(&BASE64_STANDARD.encode(&*bytes));
            if let Ok(uuid) = BASE64_STANDARD.decode(uuid) {
                *bytes = uuid.into();
            }
        }
        Value::Message(message) => map_message(message, mapping),
        Value::List(values) => {
            for value in values {
                map_value(is_uuid, value, mapping);
            }
        }
        Value::Map(entries) => {
            for value in entries.values_mut() {
                map_value(is_uuid, value, mapping);
            }
        }
        _ => {}
    }
}

fn value_json(kind: &Kind, value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => json!(value),
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F32(value) => json!(value),
        Value::F64(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Bytes(value) => json!(BASE64_STANDARD.encode(value)),
        Value::EnumNumber(number) => kind
            .as_enum()
            .and_then(|item| item.get_value(*number))
            .map_or(serde_json::Value::Null, |value| json!(value.name())),
        Value::Message(message) => to_json(message),
        Value::List(values) => values.iter().map(|value| value_json(kind, value)).collect(),
        Value::Map(entries) => {
            let entry = kind
                .as_message()
                .map(|message| message.map_entry_value_field());
            let entries = entries.iter().filter_map(|(key, value)| {
                let MapKey::String(key) = key else {
                    return None;
                };
                Some((key.clone(), value_json(&entry.as_ref()?.kind(), value)))
            });
            serde_json::Value::Object(entries.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_sent_with_our_ids() {
        const THEN: &str = "339cae45-2ab7-4adb-8363-78e2e8989976-0000";
        const NOW: &str = "00000000-1111-2222-3333-444444444444-0012";
        let mut mapping = Mapping::default();
        assert!(mapping.unify(THEN, NOW));
        let mut sent = vec![10, 43, 10, 41];
        sent.extend_from_slice(THEN.as_bytes());
        let name = "mesos.v1.scheduler.Call";
        let ours = here(name, &sent, &mut mapping).expect("a call");
        let ours = to_json(&decode(name, &ours).expect("a call"));
        assert_eq!(ours, json!({"framework_id": {"value": NOW}}));
    }

    #[test]
    fn bytes_that_are_no_message_have_no_counterpart() {
        let mut mapping = Mapping::default();
        assert_eq!(here("mesos.v1.scheduler.Call", b"\xff", &mut mapping), None);
        assert_eq!(here("mesos.v1.NoSuchMessage", b"", &mut mapping), None);
    }
}
