//! Messages as JSON, written as Mesos writes them: names of the declarations, only what is set,
//! bytes in base64. It goes by the descriptors, since the generated types know nothing of JSON.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};

use super::Root;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(mesos::DESCRIPTORS).expect("they were written by the build")
});

fn descriptor<M: Root>() -> MessageDescriptor {
    let found = POOL.get_message_by_name(M::NAME);
    found.expect("the types are made of the descriptors")
}

pub(super) fn encode<M: Root>(message: &M) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor::<M>(), bytes.as_slice())
        .expect("it was written by the type of this descriptor");
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    dynamic
        .serialize_with_options(&mut serializer, &options)
        .expect("a vector takes all, and all of a message can be JSON");
    text
}

pub(super) fn decode<M: Root>(text: &[u8]) -> Result<M, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let dynamic =
        DynamicMessage::deserialize_with_options(descriptor::<M>(), &mut deserializer, &options);
    let dynamic = dynamic.map_err(|error| error.to_string())?;
    M::decode(dynamic.encode_to_vec().as_slice()).map_err(|error| error.to_string())
}
