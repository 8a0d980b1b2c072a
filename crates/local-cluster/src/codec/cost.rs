//! How much memory a message takes once it is read, told from its bytes before that is done.
//!
//! Two bytes on the wire can be an empty message with room for a kilobyte of fields, so the length
//! of a body says little. The estimates here are upper bounds for what prost makes of a body;
//! a vector that has just grown has room for twice what is in it.

use super::DecodeError;
use super::schema::{Field, Kind, Label, MessageSchema, SCHEMA};
use super::wire::{DEPTH_MAX, Fields, Raw};

/// The most that one message may take: 512 MiB, twice the largest body that is read. An ACCEPT
/// that launches 10,000 tasks takes some 50 MiB.
pub(super) const MESSAGE_BYTES_MAX: usize = 512 << 20;

/// A vector, a string or a map, without what it holds; an optional one has the same size.
const CONTAINER_BYTES: usize = 48;

/// A number or an enum, with the mark that an optional one is set.
const SCALAR_BYTES: usize = 16;

/// What the heap adds to a piece of memory, as rounding.
const ALLOCATION_BYTES: usize = 32;

/// Messages that hold others of their own kind have them in boxes, so this is deeper than any is
/// that lies in its parent.
const INLINE_DEPTH_MAX: usize = 12;

/// What the fields of a message take in the struct that prost makes of it.
pub(super) fn struct_bytes(messages: &[MessageSchema], message: &MessageSchema) -> usize {
    inline_bytes(messages, message, 0)
}

fn inline_bytes(messages: &[MessageSchema], message: &MessageSchema, depth: usize) -> usize {
    let of_field = |field: &Field| match (field.label, field.kind) {
        (Label::Repeated, _) | (_, Kind::String | Kind::Bytes) => CONTAINER_BYTES,
        (_, Kind::Message(inner)) if depth < INLINE_DEPTH_MAX => {
            SCALAR_BYTES + inline_bytes(messages, &messages[inner], depth + 1)
        }
        _ => SCALAR_BYTES,
    };
    message.fields.iter().map(of_field).sum()
}

/// What a message takes in memory, at most.
///
/// # Errors
/// When the bytes are not protobuf, or it takes more than [`MESSAGE_BYTES_MAX`].
pub(super) fn message_bytes(message: &MessageSchema, bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut sum = message.struct_bytes;
    add(message, bytes, 0, &mut sum)?;
    Ok(sum)
}

/// Adds what a message has on the heap.
fn add(
    message: &MessageSchema,
    bytes: &[u8],
    depth: usize,
    sum: &mut usize,
) -> Result<(), DecodeError> {
    if depth > DEPTH_MAX {
        return Err(DecodeError::Protobuf);
    }
    for field in Fields::new(bytes) {
        let (number, raw) = field?;
        let Some((_, field)) = message.field(number) else {
            continue;
        };
        let inner = match field.kind {
            Kind::Message(inner) => Some(SCHEMA.message(inner)),
            _ => None,
        };
        if field.label == Label::Repeated {
            // Twice, for a vector that has grown; the old one is let go.
            *sum += 2 * inner.map_or(CONTAINER_BYTES, |inner| inner.struct_bytes);
        }
        if let Raw::Bytes(payload) = raw {
            match inner {
                Some(inner) => add(inner, payload, depth + 1, sum)?,
                // Numbers may come packed, a byte each.
                None if field.label == Label::Repeated => *sum += SCALAR_BYTES * payload.len(),
                None => *sum += ALLOCATION_BYTES + payload.len(),
            }
        }
        if *sum > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLarge);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mesos::v1;

    use super::*;

    #[track_caller]
    fn check_struct<T>(name: &str) {
        let estimate = SCHEMA.body(name).struct_bytes;
        let bytes = size_of::<T>();
        assert!(estimate >= bytes, "{name}: {estimate} of {bytes}");
        assert!(estimate <= 6 * bytes, "{name}: {estimate} of {bytes}");
    }

    #[test]
    fn no_struct_is_larger_than_it_is_estimated() {
        check_struct::<v1::scheduler::Call>("mesos.v1.scheduler.Call");
        check_struct::<v1::executor::Call>("mesos.v1.executor.Call");
        check_struct::<v1::offer::Operation>("mesos.v1.Offer.Operation");
        check_struct::<v1::TaskInfo>("mesos.v1.TaskInfo");
        check_struct::<v1::ExecutorInfo>("mesos.v1.ExecutorInfo");
        check_struct::<v1::ContainerInfo>("mesos.v1.ContainerInfo");
        check_struct::<v1::TaskStatus>("mesos.v1.TaskStatus");
        check_struct::<v1::Resource>("mesos.v1.Resource");
        check_struct::<v1::TaskId>("mesos.v1.TaskID");
    }
}
