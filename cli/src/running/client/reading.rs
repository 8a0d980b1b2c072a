//! What a job answers, made fit to be shown: terminal escapes and other control characters go from
//! all texts, and nothing grows beyond its bound.

use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Bytes;
use executor_host::output::clean;
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{HELP_VERSION, JobClient};
use crate::commands::Failure;
use crate::exit::Exit;

/// The longest line: far more than a task can print in one, and than a reason takes.
const LINE_BYTES_MAX: usize = 8 << 20;

/// So many bytes of an answer are read ahead. All that a job remembers fits, so that it need not
/// wait with its end for whoever reads the lines slowly.
const BYTES_AHEAD_MAX: u32 = 64 << 20;

/// Why there is no whole answer.
#[derive(Debug)]
pub(super) enum NotWhole {
    Broken(reqwest::Error),
    TooLarge,
}

/// The whole of an answer.
///
/// # Errors
/// When it breaks off, or is too large.
pub(super) async fn whole(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, NotWhole> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(NotWhole::Broken)? {
        if bytes.len() + piece.len() > bytes_max {
            return Err(NotWhole::TooLarge);
        }
        bytes.extend(piece);
    }
    Ok(bytes)
}

/// What a JSON text says, fit to be shown.
///
/// # Errors
/// When it is none, or says something else.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> anyhow::Result<T> {
    let value: Value = serde_json::from_slice(text)?;
    Ok(serde_json::from_value(fit(value))?)
}

/// The same with texts that are fit to be shown.
fn fit(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(fit_text(&text)),
        Value::Array(values) => values.into_iter().map(fit).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| (fit_text(&name), fit(value)));
            Value::Object(fields.collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

fn fit_text(text: &str) -> String {
    // The words on both sides stay apart.
    match text.contains('\n') {
        true => clean(text.replace('\n', " ").as_bytes()),
        false => clean(text.as_bytes()),
    }
}

/// Lines of an answer that come one after the other.
#[derive(Debug)]
pub(crate) struct Lines {
    client: JobClient,
    /// Each with its share of what may be read ahead.
    pieces: mpsc::UnboundedReceiver<(reqwest::Result<Bytes>, OwnedSemaphorePermit)>,
    unread: Unread,
}

impl Lines {
    /// Reads ahead on a task of its own.
    pub(super) fn of(mut response: Response, client: JobClient) -> Self {
        let (sender, pieces) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(BYTES_AHEAD_MAX as usize));
        tokio::spawn(async move {
            while let Some(piece) = response.chunk().await.transpose() {
                let bytes = piece.as_ref().map_or(0, Bytes::len);
                let share =
                    u32::try_from(bytes).map_or(BYTES_AHEAD_MAX, |it| it.min(BYTES_AHEAD_MAX));
                let room = tokio::select! {
                    room = Arc::clone(&room).acquire_many_owned(share) => room,
                    () = sender.closed() => return,
                };
                let Ok(room) = room else { return };
                if sender.send((piece, room)).is_err() {
                    return;
                }
            }
        });
        Self {
            client,
            pieces,
            unread: Unread::default(),
        }
    }

    /// The next one; nothing at the end. Cancellation safe.
    ///
    /// # Errors
    /// When the answer breaks off, or a line is not understood.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        loop {
            if let Some(line) = self.unread.line() {
                let told = parse(&line).with_context(|| {
                    format!("{} says what this version does not know", self.client.shown)
                });
                return told
                    .map(Some)
                    .map_err(|error| Failure::new(Exit::Failure, error).with_help(HELP_VERSION));
            }
            match self.pieces.recv().await {
                None => return Ok(None),
                Some((Err(error), _)) => return Err(self.client.broken(error)),
                Some((Ok(piece), _)) if self.unread.has_room(piece.len()) => {
                    self.unread.push(&piece);
                }
                Some((Ok(_), _)) => {
                    return Err(self.client.too_much("a line", LINE_BYTES_MAX));
                }
            }
        }
    }
}

/// Bytes of which lines are taken.
#[derive(Debug, Default)]
struct Unread {
    bytes: Vec<u8>,
    /// Those before are taken already.
    begin: usize,
    /// There is no end of a line before.
    searched: usize,
}

impl Unread {
    fn has_room(&self, bytes: usize) -> bool {
        self.bytes.len() - self.begin + bytes <= LINE_BYTES_MAX
    }

    fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.bytes.extend(piece);
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.searched..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + length;
        let line = self.bytes[self.begin..end].to_owned();
        self.begin = end + 1;
        self.searched = self.begin;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_lose_what_moves_a_cursor_and_keep_what_they_say() {
        let text = r#"{"a\u001b[2J":["x\u001b]0;title\u0007y", 7, null, {"b": "one\ntwo"}]}"#;
        let value: Value = parse(text.as_bytes()).unwrap();
        assert_eq!(value, json!({"a": ["xy", 7, null, {"b": "one two"}]}));
    }

    #[test]
    fn lines_are_the_same_however_their_bytes_come() {
        let text = b"one\n\ntwo\nthree\nrest";
        for size in 1..=text.len() {
            let mut unread = Unread::default();
            let mut lines = Vec::new();
            for piece in text.chunks(size) {
                unread.push(piece);
                while let Some(line) = unread.line() {
                    lines.push(String::from_utf8(line).unwrap());
                }
            }
            assert_eq!(lines, ["one", "", "two", "three"], "{size}");
        }
    }
}
