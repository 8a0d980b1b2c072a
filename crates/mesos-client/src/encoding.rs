//! How messages are written: one place for both forms that Mesos takes.

use bytes::Bytes;
use http::HeaderValue;
use mesos::v1;
use prost::Message;

#[cfg(feature = "json")]
mod json;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

#[cfg(feature = "json")]
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How messages are written, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// `application/x-protobuf`: small and fast. The default.
    #[default]
    Protobuf,
    /// `application/json`: can be read by people who look at the connection.
    #[cfg(feature = "json")]
    Json,
}

impl Encoding {
    /// The media type, which Mesos compares as a text (PROTOCOL §1).
    pub(crate) fn media(self) -> HeaderValue {
        match self {
            Self::Protobuf => PROTOBUF,
            #[cfg(feature = "json")]
            Self::Json => JSON,
        }
    }

    pub(crate) fn encode<M: Root>(self, message: &M) -> Bytes {
        match self {
            Self::Protobuf => message.encode_to_vec().into(),
            #[cfg(feature = "json")]
            Self::Json => json::encode(message).into(),
        }
    }

    /// Reads a message; the error says what is wrong with it.
    pub(crate) fn decode<M: Root>(self, bytes: Bytes) -> Result<M, String> {
        match self {
            Self::Protobuf => M::decode(bytes).map_err(|error| error.to_string()),
            #[cfg(feature = "json")]
            Self::Json => json::decode(&bytes),
        }
    }

    /// What is wrong with an answer of the type `found`, if anything is.
    pub(crate) fn mismatch(self, found: Option<&HeaderValue>) -> Option<String> {
        let wanted = self.media();
        if found == Some(&wanted) {
            return None;
        }
        let found = found.map_or("none", |found| found.to_str().unwrap_or("garbage"));
        let wanted = wanted.to_str().unwrap_or_default();
        Some(format!(
            "the type of what it sends is `{found}`, not `{wanted}`"
        ))
    }
}

/// A message that is written on its own, by the name that it is declared with.
pub(crate) trait Root: Message + Default {
    #[cfg(feature = "json")]
    const NAME: &'static str;
}

macro_rules! root {
    ($($kind:ty = $name:literal)*) => {
        $(impl Root for $kind {
            #[cfg(feature = "json")]
            const NAME: &'static str = $name;
        })*
    };
}

root! {
    v1::scheduler::Call = "mesos.v1.scheduler.Call"
    v1::scheduler::Event = "mesos.v1.scheduler.Event"
    v1::executor::Call = "mesos.v1.executor.Call"
    v1::executor::Event = "mesos.v1.executor.Event"
    v1::master::Call = "mesos.v1.master.Call"
    v1::master::Response = "mesos.v1.master.Response"
    v1::master::Event = "mesos.v1.master.Event"
    v1::agent::Call = "mesos.v1.agent.Call"
    v1::agent::Response = "mesos.v1.agent.Response"
    v1::agent::ProcessIo = "mesos.v1.agent.ProcessIO"
}
