//! The recordings of a real master and agent, through our decoders.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use prost::Message;
use prost_reflect::{DynamicMessage, MapKey, Value};
use serde_json::{Map, json};

use crate::declared;
use crate::mesos::recordio::{Decoder, encode};
use crate::mesos::v1;

/// One line of a recording that has a body.
struct Happening {
    place: String,
    actor: String,
    kind: String,
    /// Which operator API it belongs to, if to any.
    server: &'static str,
    body: Vec<u8>,
    is_text: bool,
    decoded: Option<serde_json::Value>,
}

/// All happenings with a whole body: those which were cut for the recording are left out.
fn happenings(test: &str) -> Option<Vec<Happening>> {
    let folder = testkit::facts::find(test, "transcripts")?;
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let mut servers = BTreeMap::new();
        for (index, line) in text.lines().enumerate().skip(1) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            // The ports of masters and agents, the same in all recordings.
            match line["port"].as_u64() {
                Some(5051 | 5052) => drop(servers.insert(text("conn"), "agent")),
                Some(_) => drop(servers.insert(text("conn"), "master")),
                None => {}
            }
            let body = match (line["body"].as_str(), line["body_b64"].as_str()) {
                (Some(body), _) => body.as_bytes().to_vec(),
                (None, Some(body)) => match BASE64_STANDARD.decode(body) {
                    Ok(body) => body,
                    // Cut, with dots in the place of the rest.
                    Err(_) => continue,
                },
                (None, None) => continue,
            };
            let size = line["size"].as_u64();
            if line.get("body_length").is_some()
                || size.is_some_and(|size| size != body.len() as u64)
            {
                continue;
            }
            all.push(Happening {
                place: format!("{}:{}", path.display(), index + 1),
                actor: text("actor"),
                kind: text("kind"),
                server: servers.get(&text("conn")).copied().unwrap_or_default(),
                is_text: line["body"].is_string(),
                body,
                decoded: line.get("decoded").cloned(),
            });
        }
    }
    Some(all)
}

/// Decodes a stream that comes in pieces of `piece_bytes`.
fn records(stream: &[u8], piece_bytes: usize) -> Vec<Bytes> {
    let mut decoder = Decoder::default();
    let mut records = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        decoder.push(piece);
        while let Some(record) = decoder.next().unwrap() {
            records.push(record);
        }
    }
    assert!(decoder.is_at_boundary());
    records
}

#[test]
fn every_recorded_chunk_is_one_record_however_it_is_cut() {
    let test = "every_recorded_chunk_is_one_record_however_it_is_cut";
    let Some(happenings) = happenings(test) else {
        return;
    };
    let chunks: Vec<_> = happenings.iter().filter(|it| it.kind == "chunk").collect();
    assert!(chunks.len() > 1000, "{} chunks", chunks.len());
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for chunk in &chunks {
        let whole = records(&chunk.body, chunk.body.len());
        let [record] = whole.as_slice() else {
            panic!("{}: {} records", chunk.place, whole.len());
        };
        let mut encoded = Vec::new();
        encode(record, &mut encoded);
        assert_eq!(encoded, chunk.body, "{}", chunk.place);
        stream.extend_from_slice(&chunk.body);
        expected.push(record.clone());
    }
    for piece_bytes in [1, 3, 7, 1021, 65_521] {
        let decoded = records(&stream, piece_bytes);
        assert!(decoded == expected, "in pieces of {piece_bytes} bytes");
    }
}

#[test]
fn every_recorded_protobuf_message_is_decoded_and_encoded_as_it_was() {
    let test = "every_recorded_protobuf_message_is_decoded_and_encoded_as_it_was";
    let Some(happenings) = happenings(test) else {
        return;
    };
    let mut checked = 0;
    for happening in &happenings {
        if happening.is_text {
            continue;
        }
        let api = match happening.actor.as_str() {
            "operator" => happening.server,
            actor => actor,
        };
        let check = match (api, happening.kind.as_str()) {
            ("scheduler", "chunk") => check::<v1::scheduler::Event>,
            ("scheduler", "request") => check::<v1::scheduler::Call>,
            ("executor", "chunk") => check::<v1::executor::Event>,
            ("executor", "request") => check::<v1::executor::Call>,
            ("master", "chunk") => check::<v1::master::Event>,
            ("master", "request") => check::<v1::master::Call>,
            ("master", "response-head") => check::<v1::master::Response>,
            ("agent", "request") => check::<v1::agent::Call>,
            ("agent", "response-head") => check::<v1::agent::Response>,
            // ZooKeeper frames are no messages.
            _ => continue,
        };
        let (message, name) = match happening.kind.as_str() {
            "chunk" => (records(&happening.body, 5).remove(0), "Event"),
            "request" => (happening.body.clone().into(), "Call"),
            _ => (happening.body.clone().into(), "Response"),
        };
        // A few requests are meant to be no messages; they have no `decoded`. Neither have answers
        // that are compressed.
        if happening.kind != "chunk" && happening.decoded.is_none() {
            continue;
        }
        let name = format!("mesos.v1.{api}.{name}");
        check(happening, &name, message);
        checked += 1;
    }
    assert!(checked >= 150, "only {checked} messages");
}

fn check<M: Message + Default>(happening: &Happening, name: &str, message: Bytes) {
    let place = &happening.place;
    let typed = M::decode(message.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    let descriptor = declared().get_message_by_name(name).unwrap();
    let dynamic = DynamicMessage::decode(descriptor, message.clone()).unwrap();
    // Requests may be wrong on purpose, and required fields that they lack would be written. And
    // AgentInfo comes with a field that this version of the API does not know: typed messages skip
    // it, and `decoded` is without it.
    let is_ours_to_repeat = happening.kind == "chunk"
        && happening.actor != "operator"
        && !dynamic.has_field_by_name("subscribed");
    if is_ours_to_repeat || name == "mesos.v1.scheduler.Event" {
        assert!(
            typed.encode_to_vec() == *message,
            "{place}: encoded again it is different"
        );
    }
    if let Some(decoded) = &happening.decoded {
        assert_eq!(normal(&message_json(&dynamic)), normal(decoded), "{place}");
    }
}

/// A message as the recordings show it: proto names, only what is set, bytes in base64.
fn message_json(message: &DynamicMessage) -> serde_json::Value {
    let fields = message
        .fields()
        .map(|(field, value)| (field.name().to_owned(), value_json(&field.kind(), value)))
        // A number that no value of the enum has, sent on purpose, counts as not set.
        .filter(|(_, value)| !value.is_null());
    serde_json::Value::Object(fields.collect::<Map<_, _>>())
}

fn value_json(kind: &prost_reflect::Kind, value: &Value) -> serde_json::Value {
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
        Value::EnumNumber(number) => {
            let item = kind.as_enum().unwrap();
            item.get_value(*number)
                .map_or(serde_json::Value::Null, |value| json!(value.name()))
        }
        Value::Message(message) => message_json(message),
        Value::List(values) => values.iter().map(|value| value_json(kind, value)).collect(),
        Value::Map(entries) => {
            let entry = kind.as_message().unwrap().map_entry_value_field();
            let entries = entries.iter().map(|(key, value)| {
                let MapKey::String(key) = key else {
                    panic!("all maps of Mesos have text as keys")
                };
                (key.clone(), value_json(&entry.kind(), value))
            });
            serde_json::Value::Object(entries.collect())
        }
    }
}

/// Numbers as doubles, since 1 and 1.0 are the same.
fn normal(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => json!(number.as_f64()),
        serde_json::Value::Array(values) => values.iter().map(normal).collect(),
        serde_json::Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)));
            serde_json::Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}
