//! Messages that are right by their descriptors and say anything.

use prost_reflect::prost::Message as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};

/// Draws messages from a seed.
pub(crate) struct Random {
    pub(crate) rng: fastrand::Rng,
    pool: DescriptorPool,
    /// What strings and ids are.
    texts: Vec<String>,
}

/// Deeper than this only what is required is set.
const DEPTH_MAX: usize = 6;

impl Random {
    /// Strings are some of these, or nothing that anybody has heard of.
    pub(crate) fn new(seed: u64, known: &[&str]) -> Self {
        let strange = [
            "", "a", "it", "*", "..", "../../a", "a b", "ä\0", "-1", "1e999",
        ];
        let mut texts: Vec<_> = known
            .iter()
            .chain(&strange)
            .map(|&it| it.to_owned())
            .collect();
        texts.push("x".repeat(5000));
        Self {
            rng: fastrand::Rng::with_seed(seed),
            pool: DescriptorPool::decode(mesos::DESCRIPTORS).expect("the build has made it"),
            texts,
        }
    }

    /// The names of the types that calls of this kind have.
    pub(crate) fn types(&self, call: &str) -> Vec<String> {
        let types = self.pool.get_enum_by_name(&format!("{call}.Type"));
        let types = types.expect("a call has a type");
        let names = types.values().map(|value| value.name().to_owned());
        names.collect()
    }

    /// A call of this type, with the body that belongs to it more often than not, and whatever it
    /// says about its framework and executor taken from `ids`.
    pub(crate) fn call(&mut self, call: &str, call_type: &str, ids: &[(&str, &str)]) -> Vec<u8> {
        let descriptor = self.pool.get_message_by_name(call).expect("a call");
        let mut message = DynamicMessage::new(descriptor.clone());
        let field = |name: &str| descriptor.get_field_by_name(name);
        if let Some(field) = field("type")
            && let Kind::Enum(types) = field.kind()
            && let Some(value) = types.get_value_by_name(call_type)
        {
            message.set_field(&field, Value::EnumNumber(value.number()));
        }
        for (name, value) in ids {
            let Some(field) = field(name) else { continue };
            if let Kind::Message(id) = field.kind()
                && let Some(of_value) = id.get_field_by_name("value")
            {
                let mut id = DynamicMessage::new(id);
                id.set_field(&of_value, Value::String((*value).to_owned()));
                message.set_field(&field, Value::Message(id));
            }
        }
        if let Some(field) = field(&call_type.to_lowercase())
            && self.rng.u32(0..10) > 0
        {
            let body = self.value(&field, 0);
            message.set_field(&field, body);
        }
        message.encode_to_vec()
    }

    fn message(&mut self, descriptor: MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let is_set = match field.cardinality() {
                Cardinality::Required => true,
                _ if depth >= DEPTH_MAX => false,
                Cardinality::Optional | Cardinality::Repeated => self.rng.usize(0..depth + 3) == 0,
            };
            if !is_set {
                continue;
            }
            if field.is_list() {
                let count = self.rng.usize(1..4);
                let values = (0..count).map(|_| self.value(&field, depth + 1)).collect();
                message.set_field(&field, Value::List(values));
            } else if !field.is_map() {
                let value = self.value(&field, depth + 1);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let whole = [0, 1, 2, -1, 31_000, i64::MIN, i64::MAX];
        let whole = whole[self.rng.usize(0..whole.len())];
        let fractions = [0.0, 0.1, 1.0, 1.5, -1.0, 1e308, f64::NAN, f64::INFINITY];
        let fraction = fractions[self.rng.usize(0..fractions.len())];
        let text = self.rng.usize(0..self.texts.len());
        // Cut to the type, whatever comes of it.
        match field.kind() {
            Kind::Message(descriptor) => Value::Message(self.message(descriptor, depth)),
            Kind::Enum(descriptor) => {
                let numbers: Vec<_> = descriptor.values().map(|value| value.number()).collect();
                let index = self.rng.usize(0..=numbers.len());
                Value::EnumNumber(numbers.get(index).copied().unwrap_or(77))
            }
            Kind::Bool => Value::Bool(self.rng.bool()),
            Kind::String => Value::String(self.texts[text].clone()),
            Kind::Bytes => {
                let length = [0, 1, 16, 1000][self.rng.usize(0..4)];
                let bytes: Vec<u8> = (0..length).map(|_| self.rng.u8(..)).collect();
                Value::Bytes(bytes.into())
            }
            Kind::Double => Value::F64(fraction),
            Kind::Float => Value::F32(fraction as f32),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(whole as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(whole),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(whole as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(whole as u64),
        }
    }

    /// Breaks some of what is sent: bytes are turned, or the end is cut off.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        match self.rng.u32(0..8) {
            0 => bytes.truncate(self.rng.usize(0..=bytes.len())),
            1 if !bytes.is_empty() => {
                for _ in 0..self.rng.usize(1..4) {
                    let at = self.rng.usize(0..bytes.len());
                    bytes[at] = self.rng.u8(..);
                }
            }
            _ => {}
        }
    }
}
