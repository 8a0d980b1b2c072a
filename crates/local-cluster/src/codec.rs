//! Both encodings of the Mesos v1 APIs, chosen independently for a request and its answer:
//! protobuf, and Mesos' own JSON (PROTOCOL §2).
//!
//! Owns what a body means and what is said about one that cannot be read (PROTOCOL §1). Refuses
//! what Mesos refuses, so a message that lacks a required field is no message, in either encoding.
//! Knows nothing of HTTP.

mod json;
mod read;
mod schema;
mod text;
mod wire;
mod write;

use bytes::Bytes;
use mesos::v1;
use prost::Message;
use thiserror::Error;

use schema::SCHEMA;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

impl Encoding {
    /// The media type, exactly as Mesos compares and sends it.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}

/// A message that is a body or a record by itself.
pub(crate) trait Body: Message + Default {
    /// Its full name in the descriptors.
    const NAME: &'static str;
}

impl Body for v1::scheduler::Call {
    const NAME: &'static str = "mesos.v1.scheduler.Call";
}

impl Body for v1::scheduler::Event {
    const NAME: &'static str = "mesos.v1.scheduler.Event";
}

impl Body for v1::executor::Call {
    const NAME: &'static str = "mesos.v1.executor.Call";
}

impl Body for v1::executor::Event {
    const NAME: &'static str = "mesos.v1.executor.Event";
}

impl Body for v1::ExecutorInfo {
    const NAME: &'static str = "mesos.v1.ExecutorInfo";
}

/// Why a body is not a call. Its text is the body of the 400, word for word (PROTOCOL §1).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DecodeError {
    /// Not protobuf, or a required field is missing.
    #[error("Failed to parse body into Call protobuf")]
    Protobuf,
    /// Not JSON.
    #[error("Failed to parse body into JSON: {0}")]
    Syntax(String),
    /// JSON that is not this message.
    #[error("Failed to convert JSON into Call protobuf: {0}")]
    Convert(String),
}

/// Reads one message.
///
/// # Errors
/// When the body is not in the encoding, or not this message with all its required fields.
pub(crate) fn decode<T: Body>(encoding: Encoding, body: Bytes) -> Result<T, DecodeError> {
    let message = SCHEMA.body(T::NAME);
    match encoding {
        Encoding::Protobuf => {
            if !wire::missing(message, &body)?.is_empty() {
                return Err(DecodeError::Protobuf);
            }
            T::decode(body).map_err(|_| DecodeError::Protobuf)
        }
        Encoding::Json => {
            let json = json::parse(&body).map_err(DecodeError::Syntax)?;
            let bytes = read::to_wire(message, &json).map_err(DecodeError::Convert)?;
            let missing = wire::missing(message, &bytes)?;
            if !missing.is_empty() {
                return Err(DecodeError::Convert(format!(
                    "Missing required fields: {}",
                    missing.join(", ")
                )));
            }
            T::decode(bytes.as_slice()).map_err(|_| DecodeError::Protobuf)
        }
    }
}

/// Writes one message.
pub(crate) fn encode<T: Body>(encoding: Encoding, message: &T) -> Bytes {
    let bytes = message.encode_to_vec();
    match encoding {
        Encoding::Protobuf => bytes.into(),
        Encoding::Json => write::from_wire(SCHEMA.body(T::NAME), &bytes).into(),
    }
}

/// Writes one message as protobuf text, as it stands in error texts.
pub(crate) fn to_text<T: Body>(message: &T) -> String {
    text::from_wire(SCHEMA.body(T::NAME), &message.encode_to_vec())
}

#[cfg(test)]
mod tests;
