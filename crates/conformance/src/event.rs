//! Records of a stream: what they are about, and which orders Mesos keeps.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::cut::{BEGIN_BYTES, Cut};
use crate::protobuf;

/// A record that came over a stream.
#[derive(Debug, Clone)]
pub struct Event {
    /// Of JSON as it was; of protobuf as recordings show it, with all numbers as doubles.
    pub value: Value,
    /// What it is about.
    pub subject: Subject,
}

/// What an event is about: enough to say which order it has to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `UPDATE`, `OFFERS` and so on.
    pub kind: String,
    /// What tells events of one kind apart: the task with its state, the data of a message.
    pub detail: String,
    /// The task, where there is one.
    pub task: String,
}

impl Event {
    /// Reads one chunk, which is one record of a stream of messages called `message`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(chunk: &[u8], message: &str, is_protobuf: bool) -> Result<Self, String> {
        let record = record(chunk)?;
        if chunk.len() > LARGE_BYTES {
            return Ok(Self::large(chunk));
        }
        if is_protobuf {
            let message = protobuf::decode(message, record).ok_or("a record is no message")?;
            return Ok(Self::new(protobuf::with_doubles(&protobuf::to_json(
                &message,
            ))));
        }
        serde_json::from_slice(record)
            .map(Self::new)
            .map_err(|error| format!("a record is no JSON: {error}"))
    }

    /// Only the length and the begin of a record: so large ones were cut for the file.
    fn large(chunk: &[u8]) -> Self {
        let begin = BASE64_STANDARD.encode(&chunk[..BEGIN_BYTES.min(chunk.len())]);
        Self::new(json!({"type": LARGE, "length": chunk.len(), "begin": begin}))
    }

    /// The length and the begin of a large record.
    pub fn cut(&self) -> Option<Cut> {
        let length = self.value["length"].as_u64()?;
        let begin = BASE64_STANDARD.decode(self.value["begin"].as_str()?);
        (self.subject.kind == LARGE).then_some(Cut {
            begin: begin.ok()?,
            length: length as usize,
        })
    }

    /// The ids of the offers in it, each with that of its agent.
    pub fn offers(&self) -> Vec<(String, String)> {
        let offers = self.value["offers"]["offers"].as_array();
        let offers = offers.map_or(&[][..], Vec::as_slice).iter();
        let text = |id: &Value| id["value"].as_str().map(str::to_owned);
        offers
            .filter_map(|offer| Some((text(&offer["id"])?, text(&offer["agent_id"])?)))
            .collect()
    }

    /// An event of which the value is known.
    pub fn new(value: Value) -> Self {
        let subject = Subject::of(&value);
        Self { value, subject }
    }
}

/// The kind of records of which only length and begin are looked at, and from how many bytes on that
/// is so.
const LARGE: &str = "LARGE";
const LARGE_BYTES: usize = 1 << 19;

/// The record in a chunk, which must be just one.
fn record(chunk: &[u8]) -> Result<&[u8], String> {
    let end = chunk.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or("a chunk without a length")?;
    let (length, record) = (&chunk[..end], &chunk[end + 1..]);
    let length = std::str::from_utf8(length).ok();
    let length: Option<usize> = length.and_then(|length| length.parse().ok());
    if length == Some(record.len()) {
        Ok(record)
    } else {
        Err(format!(
            "a chunk that is not one record: {} bytes",
            record.len()
        ))
    }
}

impl Subject {
    fn of(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = text(&value["type"]);
        let content = &value[kind.to_lowercase()];
        let (task, detail) = match kind.as_str() {
            "UPDATE" => {
                let status = &content["status"];
                (text(&status["task_id"]["value"]), text(&status["state"]))
            }
            "MESSAGE" => (String::new(), text(&content["data"])),
            "LAUNCH" => (text(&content["task"]["task_id"]["value"]), String::new()),
            "KILL" | "ACKNOWLEDGED" => (text(&content["task_id"]["value"]), String::new()),
            "TASK_UPDATED" => {
                let status = &content["status"];
                (text(&status["task_id"]["value"]), text(&content["state"]))
            }
            _ => (String::new(), String::new()),
        };
        Self { kind, detail, task }
    }

    /// Whether Mesos sends these two in the one order or the other as it happens.
    pub fn may_swap_with(&self, other: &Self) -> bool {
        let either = |kind: &str| self.kind == kind || other.kind == kind;
        if either("HEARTBEAT") || either("ACKNOWLEDGED") {
            return self != other;
        }
        // The allocator has a timer of its own.
        if either("OFFERS") || either("RESCIND") {
            return self.kind != other.kind;
        }
        // Messages go another way through the agent.
        if either("MESSAGE") {
            return self.kind != other.kind;
        }
        self.kind == "UPDATE" && other.kind == "UPDATE" && self.task != other.task
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chunk_is_one_record() {
        let read = |chunk: &[u8]| Event::read(chunk, "", false).map(|event| event.subject.kind);
        assert_eq!(
            read(b"20\n{\"type\":\"HEARTBEAT\"}").as_deref(),
            Ok("HEARTBEAT")
        );
        assert!(read(b"21\n{\"type\":\"HEARTBEAT\"}").is_err());
        assert!(read(b"{}").is_err());
        assert!(read(b"2\n{x").is_err());
    }

    #[test]
    fn updates_of_one_task_keep_their_order_and_those_of_two_do_not() {
        let update = |task: &str, state: &str| {
            let status = json!({"task_id": {"value": task}, "state": state});
            Event::new(json!({"type": "UPDATE", "update": {"status": status}})).subject
        };
        let running = update("a", "TASK_RUNNING");
        assert!(!running.may_swap_with(&update("a", "TASK_FINISHED")));
        assert!(running.may_swap_with(&update("b", "TASK_FINISHED")));
        let failure = Event::new(json!({"type": "FAILURE"})).subject;
        assert!(!running.may_swap_with(&failure));
        let offers = Event::new(json!({"type": "OFFERS"})).subject;
        assert!(running.may_swap_with(&offers));
        assert!(!offers.may_swap_with(&offers.clone()));
    }
}
