//! Both encodings of the Mesos v1 APIs, chosen independently for a request and its answer:
//! protobuf, and Mesos' own JSON (PROTOCOL §2).
//!
//! Owns what a body means and what is said about one that cannot be read (PROTOCOL §1). Refuses
//! what Mesos refuses, so a message that lacks a required field is no message, in either encoding.
//! Knows nothing of HTTP.

#[cfg(any(test, fuzzing))]
pub(crate) mod check;
mod cost;
mod json;
mod object;
mod read;
mod schema;
mod text;
mod wire;
mod write;

use std::collections::BTreeMap;

use bytes::Bytes;
use mesos::v1;
use prost::Message;
use thiserror::Error;

pub(crate) use json::Json;
pub(crate) use object::{Object, array, quoted};
use schema::{MessageSchema, SCHEMA};
pub(crate) use write::double_json as double;

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

impl Body for v1::MasterInfo {
    const NAME: &'static str = "mesos.v1.MasterInfo";
}

impl Body for v1::master::Call {
    const NAME: &'static str = "mesos.v1.master.Call";
}

impl Body for v1::master::Event {
    const NAME: &'static str = "mesos.v1.master.Event";
}

impl Body for v1::master::Response {
    const NAME: &'static str = "mesos.v1.master.Response";
}

impl Body for v1::agent::Call {
    const NAME: &'static str = "mesos.v1.agent.Call";
}

impl Body for v1::agent::Response {
    const NAME: &'static str = "mesos.v1.agent.Response";
}

impl Body for v1::ContainerInfo {
    const NAME: &'static str = "mesos.v1.ContainerInfo";
}

impl Body for v1::ContainerStatus {
    const NAME: &'static str = "mesos.v1.ContainerStatus";
}

impl Body for v1::DiscoveryInfo {
    const NAME: &'static str = "mesos.v1.DiscoveryInfo";
}

impl Body for v1::Environment {
    const NAME: &'static str = "mesos.v1.Environment";
}

impl Body for v1::Labels {
    const NAME: &'static str = "mesos.v1.Labels";
}

impl Body for v1::ResourceStatistics {
    const NAME: &'static str = "mesos.v1.ResourceStatistics";
}

impl Body for v1::Resource {
    const NAME: &'static str = "mesos.v1.Resource";
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
    /// It would take too much memory. Mesos knows no such bound.
    #[error("The body has too many fields")]
    TooLarge,
}

/// A message, and what it takes in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoded<T> {
    pub(crate) message: T,
    /// An upper bound.
    pub(crate) bytes: usize,
}

/// Reads one message, and tells what it takes.
///
/// # Errors
/// When the body is not in the encoding, or not this message with all its required fields; or when
/// what there is in it would take too much memory.
pub(crate) fn decode_sized<T: Body>(
    encoding: Encoding,
    body: Bytes,
) -> Result<Decoded<T>, DecodeError> {
    let schema = SCHEMA.body(T::NAME);
    match encoding {
        Encoding::Protobuf => {
            if !wire::missing(schema, &body)?.is_empty() {
                return Err(DecodeError::Protobuf);
            }
            from_wire(schema, body)
        }
        Encoding::Json => {
            let json = json::parse(&body).map_err(|error| match error {
                json::ParseError::Syntax(text) => DecodeError::Syntax(text),
                json::ParseError::TooLarge => DecodeError::TooLarge,
            })?;
            let bytes = read::to_wire(schema, &json).map_err(DecodeError::Convert)?;
            drop(json);
            let missing = wire::missing(schema, &bytes)?;
            if !missing.is_empty() {
                return Err(DecodeError::Convert(format!(
                    "Missing required fields: {}",
                    missing.join(", ")
                )));
            }
            from_wire(schema, bytes.into())
        }
    }
}

fn from_wire<T: Body>(schema: &MessageSchema, wire: Bytes) -> Result<Decoded<T>, DecodeError> {
    let bytes = cost::message_bytes(schema, &wire)?;
    let message = T::decode(wire).map_err(|_| DecodeError::Protobuf)?;
    Ok(Decoded { message, bytes })
}

/// Reads one message; as [`decode_sized`].
#[cfg(test)]
pub(crate) fn decode<T: Body>(encoding: Encoding, body: Bytes) -> Result<T, DecodeError> {
    decode_sized(encoding, body).map(|decoded| decoded.message)
}

/// The members of a JSON object whose values are numbers and texts, all of them as text.
///
/// # Errors
/// When it is something else; with what is wrong.
pub(crate) fn members(body: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let value = json::parse(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let Json::Object(members) = value else {
        return Err("the body is no JSON object".to_owned());
    };
    let members = members.into_iter().map(|(name, value)| match value {
        Json::String(text) => Ok((name, text)),
        Json::Integer(number) => Ok((name, number.to_string())),
        Json::Unsigned(number) => Ok((name, number.to_string())),
        Json::Number(number) => Ok((name, number.to_string())),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            Err(format!("`{name}` is neither a number nor a text"))
        }
    });
    members.collect()
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
