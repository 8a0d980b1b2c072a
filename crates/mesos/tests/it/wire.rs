//! Every message and enum that we declare is the one of Mesos: numbers, names, types, labels,
//! defaults, oneofs, maps and deprecations.

use std::collections::BTreeMap;
use std::fs;

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};
use serde_json::Value;

use crate::declared;

/// One line for each field or value, by full name of the message or enum.
type Table = BTreeMap<String, Vec<String>>;

#[test]
fn every_declared_message_and_enum_is_the_one_of_mesos() {
    let Some(path) = testkit::facts::find(
        "every_declared_message_and_enum_is_the_one_of_mesos",
        "wire.json",
    ) else {
        return;
    };
    let facts: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let declared = declared_table();
    for name in [
        "mesos.v1.scheduler.Call",
        "mesos.v1.executor.Event.Type",
        "mesos.v1.master.Event",
        "mesos.v1.agent.Response.GetContainers.Container",
    ] {
        assert!(declared.contains_key(name), "{name} is declared");
    }
    let expected: Table = declared
        .keys()
        .map(|name| {
            (
                name.clone(),
                facts.get(name).map(fact_lines).unwrap_or_default(),
            )
        })
        .collect();
    let differing: Vec<_> = declared
        .iter()
        .filter(|(name, lines)| expected[*name] != **lines)
        .map(|(name, lines)| format!("{name}\n  ours {lines:#?}\n  Mesos {:#?}", expected[name]))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn declared_table() -> Table {
    let pool = declared();
    let mut table = Table::new();
    for message in pool.all_messages() {
        let lines = message_lines(message.descriptor_proto());
        table.insert(message.full_name().to_owned(), lines);
    }
    for item in pool.all_enums() {
        let lines = enum_lines(item.enum_descriptor_proto());
        table.insert(item.full_name().to_owned(), lines);
    }
    table
}

fn message_lines(message: &DescriptorProto) -> Vec<String> {
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    fields
        .into_iter()
        .map(|field| field_line(message, field))
        .collect()
}

fn field_line(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Optional => "optional",
        Label::Required => "required",
        Label::Repeated => "repeated",
    };
    let kind = match field.r#type() {
        Type::Message => "message ",
        Type::Enum => "enum ",
        _ => "",
    };
    let oneof = field
        .oneof_index
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?))
        .map(|oneof| oneof.name());
    let deprecated = field
        .options
        .as_ref()
        .is_some_and(|options| options.deprecated());
    let map_entry = || {
        let entry = field.type_name().rsplit('.').next()?;
        let entry = message
            .nested_type
            .iter()
            .find(|nested| nested.name() == entry)?;
        entry.options.as_ref()?.map_entry().then(|| {
            let types = entry.field.iter().map(type_name).collect::<Vec<_>>();
            types.join(",")
        })
    };
    line(
        field.number().into(),
        field.name(),
        label,
        &format!("{kind}{}", type_name(field)),
        [
            ("default", field.default_value.clone()),
            ("oneof", oneof.map(str::to_owned)),
            ("map", map_entry()),
            ("deprecated", deprecated.then(|| "true".to_owned())),
        ],
    )
}

/// `mesos.v1.TaskInfo` or `uint32`.
fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_ascii_lowercase(),
    }
}

fn enum_lines(item: &EnumDescriptorProto) -> Vec<String> {
    item.value
        .iter()
        .map(|value| format!("{} {}", value.number(), value.name()))
        .collect()
}

/// The lines of one message or enum in `wire.json`.
fn fact_lines(fact: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(values) = fact["values"].as_array() {
        return values
            .iter()
            .map(|value| format!("{} {}", value["number"], text(&value["name"])))
            .collect();
    }
    let mut fields: Vec<_> = fact["fields"].as_array().into_iter().flatten().collect();
    fields.sort_by_key(|field| field["number"].as_u64());
    fields
        .into_iter()
        .map(|field| {
            let kind = field["kind"]
                .as_str()
                .map(|kind| format!("{kind} "))
                .unwrap_or_default();
            let map = field["map"]
                .as_array()
                .map(|types| types.iter().map(text).collect::<Vec<_>>().join(","));
            let deprecated = field["deprecated"].as_bool().map(|it| it.to_string());
            line(
                field["number"].as_i64().unwrap_or_default(),
                &text(&field["name"]),
                &text(&field["label"]),
                &format!("{kind}{}", text(&field["type"])),
                [
                    ("default", field["default"].as_str().map(str::to_owned)),
                    ("oneof", field["oneof"].as_str().map(str::to_owned)),
                    ("map", map),
                    ("deprecated", deprecated),
                ],
            )
        })
        .collect()
}

fn line(
    number: i64,
    name: &str,
    label: &str,
    kind: &str,
    options: [(&str, Option<String>); 4],
) -> String {
    let mut line = format!("{number} {name} {label} {kind}");
    for (option, value) in options {
        if let Some(value) = value {
            line += &format!(" {option}={value}");
        }
    }
    line
}
