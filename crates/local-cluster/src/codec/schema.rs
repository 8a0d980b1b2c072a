//! What the codec must know of each message, taken from the descriptors once.
//!
//! The descriptors themselves answer through reference counts and maps; every body is read and
//! written with this, so it is laid out flat.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, MessageDescriptor};

use super::cost;

/// All messages of [`mesos::DESCRIPTORS`].
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(mesos::DESCRIPTORS)
        .expect("the build of `mesos` makes a valid descriptor set");
    Schema::new(&pool)
});

/// All messages and enums, referred to by index.
#[derive(Debug)]
pub(super) struct Schema {
    messages: Vec<MessageSchema>,
    enums: Vec<Vec<(String, i32)>>,
    by_name: HashMap<String, usize>,
}

/// One message.
#[derive(Debug)]
pub(super) struct MessageSchema {
    /// In the order of the .proto file, which is the order in JSON.
    pub(super) fields: Vec<Field>,
    /// Whether a required field can be missing in it, at any depth.
    pub(super) has_required: bool,
    /// Whether it is the entry of a map: key, then value.
    pub(super) is_map_entry: bool,
    /// What it takes in memory when nothing in it is set, at most.
    pub(super) struct_bytes: usize,
}

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) label: Label,
    pub(super) kind: Kind,
    /// What JSON says of the field when it is unset, if it says anything (PROTOCOL §2).
    pub(super) default_json: Option<String>,
    /// Whether JSON has it as `[]` when it is empty: the lists of some answers to operators
    /// (PROTOCOL §2).
    pub(super) shows_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Optional,
    Required,
    Repeated,
}

/// The type of a field, with the index of its message or enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Double,
    Float,
    String,
    Bytes,
    Enum(usize),
    Message(usize),
}

impl Schema {
    fn new(pool: &DescriptorPool) -> Self {
        let by_name: HashMap<_, _> = pool
            .all_messages()
            .enumerate()
            .map(|(index, message)| (message.full_name().to_owned(), index))
            .collect();
        let enum_index: HashMap<_, _> = pool
            .all_enums()
            .enumerate()
            .map(|(index, descriptor)| (descriptor.full_name().to_owned(), index))
            .collect();
        let enums = pool
            .all_enums()
            .map(|descriptor| {
                descriptor
                    .values()
                    .map(|value| (value.name().to_owned(), value.number()))
                    .collect()
            })
            .collect();
        let mut messages: Vec<_> = pool
            .all_messages()
            .map(|message| MessageSchema::new(&message, &by_name, &enum_index))
            .collect();
        spread_required(&mut messages);
        for index in 0..messages.len() {
            messages[index].struct_bytes = cost::struct_bytes(&messages, &messages[index]);
        }
        Self {
            messages,
            enums,
            by_name,
        }
    }

    /// The message with this full name.
    pub(super) fn body(&self, name: &str) -> &MessageSchema {
        let index = self.by_name.get(name);
        &self.messages[*index.expect("every `Body` names a message of the descriptors")]
    }

    pub(super) fn message(&self, index: usize) -> &MessageSchema {
        &self.messages[index]
    }

    pub(super) fn enum_number(&self, index: usize, name: &str) -> Option<i32> {
        let values = &self.enums[index];
        values
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, number)| *number)
    }

    pub(super) fn enum_name(&self, index: usize, number: i32) -> Option<&str> {
        let values = &self.enums[index];
        values
            .iter()
            .find(|(_, known)| *known == number)
            .map(|(name, _)| name.as_str())
    }
}

impl MessageSchema {
    fn new(
        message: &MessageDescriptor,
        messages: &HashMap<String, usize>,
        enums: &HashMap<String, usize>,
    ) -> Self {
        let fields: Vec<_> = message
            .descriptor_proto()
            .field
            .iter()
            .map(|field| {
                let number = u32::try_from(field.number()).expect("field numbers are positive");
                let field = message
                    .get_field(number)
                    .expect("it is listed in its message");
                Field::new(&field, messages, enums)
            })
            .collect();
        assert!(
            fields.len() <= FIELDS_MAX,
            "`{}` has too many fields",
            message.full_name()
        );
        Self {
            has_required: fields.iter().any(|field| field.label == Label::Required),
            is_map_entry: message.is_map_entry(),
            struct_bytes: 0,
            fields,
        }
    }

    /// The field with this number, and its index.
    pub(super) fn field(&self, number: u32) -> Option<(usize, &Field)> {
        self.fields
            .iter()
            .enumerate()
            .find(|(_, field)| field.number == number)
    }

    /// The field of this name.
    pub(super) fn field_by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// The most fields of one message: so many bits has the set of those seen in [`super::wire`].
const FIELDS_MAX: usize = 64;

impl Field {
    fn new(
        field: &FieldDescriptor,
        messages: &HashMap<String, usize>,
        enums: &HashMap<String, usize>,
    ) -> Self {
        let label = match field.cardinality() {
            Cardinality::Optional => Label::Optional,
            Cardinality::Required => Label::Required,
            Cardinality::Repeated => Label::Repeated,
        };
        let kind = match field.kind() {
            prost_reflect::Kind::Bool => Kind::Bool,
            prost_reflect::Kind::Int32 => Kind::Int32,
            prost_reflect::Kind::Int64 => Kind::Int64,
            prost_reflect::Kind::Uint32 => Kind::Uint32,
            prost_reflect::Kind::Uint64 => Kind::Uint64,
            prost_reflect::Kind::Double => Kind::Double,
            prost_reflect::Kind::Float => Kind::Float,
            prost_reflect::Kind::String => Kind::String,
            prost_reflect::Kind::Bytes => Kind::Bytes,
            prost_reflect::Kind::Enum(descriptor) => Kind::Enum(enums[descriptor.full_name()]),
            prost_reflect::Kind::Message(descriptor) => {
                Kind::Message(messages[descriptor.full_name()])
            }
            other => unreachable!("no message of Mesos has a field of the type {other:?}"),
        };
        let proto = field.field_descriptor_proto();
        let deprecated = proto
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated());
        let default_json = proto
            .default_value
            .as_deref()
            .filter(|_| label == Label::Optional && !deprecated)
            .map(|text| default_json(kind, text));
        let message = field.parent_message();
        let shows_empty =
            label == Label::Repeated && !deprecated && SHOW_EMPTY.contains(&message.full_name());
        Self {
            name: field.name().to_owned(),
            number: field.number(),
            label,
            kind,
            default_json,
            shows_empty,
        }
    }
}

/// Answers in which Mesos writes even empty lists.
const SHOW_EMPTY: [&str; 7] = [
    "mesos.v1.master.Response.GetAgents",
    "mesos.v1.master.Response.GetExecutors",
    "mesos.v1.master.Response.GetFrameworks",
    "mesos.v1.master.Response.GetTasks",
    "mesos.v1.agent.Response.GetExecutors",
    "mesos.v1.agent.Response.GetFrameworks",
    "mesos.v1.agent.Response.GetTasks",
];

/// The JSON for a default that a descriptor gives as text.
fn default_json(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Double | Kind::Float => {
            super::write::double_json(text.parse().expect("protoc writes doubles as Rust reads"))
        }
        Kind::String | Kind::Bytes | Kind::Enum(_) => format!("\"{text}\""),
        _ => text.to_owned(),
    }
}

/// Marks the messages in which a required field can be missing further down, until none is added.
fn spread_required(messages: &mut [MessageSchema]) {
    loop {
        let added: Vec<_> = messages
            .iter()
            .enumerate()
            .filter(|(_, message)| !message.has_required)
            .filter(|(_, message)| {
                message.fields.iter().any(|field| match field.kind {
                    Kind::Message(inner) => messages[inner].has_required,
                    _ => false,
                })
            })
            .map(|(index, _)| index)
            .collect();
        if added.is_empty() {
            return;
        }
        for index in added {
            messages[index].has_required = true;
        }
    }
}
