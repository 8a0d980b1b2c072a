//! Lines of stdin, read by a thread of its own, one ahead of those who take them: it cannot be
//! told to stop, and ends with the process if nobody ends stdin.

use std::io::{self, BufRead, Read as _};
use std::thread;

use link::MESSAGE_BYTES_MAX;
use thiserror::Error;
use tokio::sync::mpsc;

/// The longest line: the largest message, and more than any name in front of it.
const LINE_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 1024;

/// How many lines wait at most: one, so that a task which takes no messages holds up whoever writes
/// to stdin.
const LINES_MAX: usize = 1;

/// A line of stdin.
#[derive(Debug)]
pub(super) struct Input {
    /// From 1.
    pub(super) number: u64,
    /// What it has, without its end.
    pub(super) line: Result<Vec<u8>, InputError>,
}

/// Why there is no line.
#[derive(Debug, Error)]
pub(super) enum InputError {
    /// No message is so long.
    #[error("it is longer than a message can be, {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// Nothing more is read.
    #[error("failed to read it, and what may follow: {0}")]
    Read(io::Error),
}

/// The lines that come.
#[derive(Debug)]
pub(super) struct Inputs(mpsc::Receiver<Input>);

impl Inputs {
    /// Those of stdin, from now on.
    pub(super) fn of_stdin() -> Self {
        let (lines, receiver) = mpsc::channel(LINES_MAX);
        thread::spawn(move || {
            read_all(io::stdin().lock(), |input| {
                lines.blocking_send(input).is_ok()
            })
        });
        Self(receiver)
    }

    /// Waits for a line; `None`: stdin has ended. Cancellation safe.
    pub(super) async fn next(&mut self) -> Option<Input> {
        self.0.recv().await
    }
}

/// Gives all lines to `take`, until it wants no more.
fn read_all(mut from: impl BufRead, mut take: impl FnMut(Input) -> bool) {
    for number in 1.. {
        let line = match read_line(&mut from) {
            Ok(Some(line)) => Ok(line),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_last = matches!(line, Err(InputError::Read(_)));
        if !take(Input { number, line }) || is_last {
            return;
        }
    }
}

/// The next line; none at the end. One that is too long is read over.
fn read_line(from: &mut impl BufRead) -> Result<Option<Vec<u8>>, InputError> {
    let mut line = Vec::new();
    let mut limited = from.by_ref().take(LINE_BYTES_MAX as u64 + 1);
    limited
        .read_until(b'\n', &mut line)
        .map_err(InputError::Read)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() || line.len() <= LINE_BYTES_MAX {
        return Ok(Some(line));
    }
    from.skip_until(b'\n').map_err(InputError::Read)?;
    Err(InputError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &[u8]) -> Vec<Result<Vec<u8>, String>> {
        let mut lines = Vec::new();
        read_all(text, |input| {
            assert_eq!(input.number, lines.len() as u64 + 1);
            lines.push(input.line.map_err(|error| error.to_string()));
            true
        });
        lines
    }

    #[test]
    fn lines_end_with_a_newline_or_with_everything() {
        assert_eq!(read(b""), []);
        let lines = read(b"one\n\n\xff\r\nlast");
        let expected = [&b"one"[..], b"", b"\xff\r", b"last"];
        assert_eq!(lines, expected.map(|line| Ok(line.to_vec())));
    }

    #[test]
    fn a_line_that_is_too_long_is_read_over() {
        let longest = vec![b'x'; LINE_BYTES_MAX];
        let mut text = longest.clone();
        text.extend_from_slice(b"\nx");
        text.extend_from_slice(&longest);
        text.extend_from_slice(b"xx\nnext\n");
        let lines = read(&text);
        assert_eq!(lines[0].as_deref(), Ok(&longest[..]));
        assert!(
            lines[1]
                .as_ref()
                .unwrap_err()
                .starts_with("it is longer than")
        );
        assert_eq!(lines[2].as_deref(), Ok(&b"next"[..]));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn nothing_is_read_after_a_fault() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let mut faults = Vec::new();
        read_all(io::BufReader::new(Broken), |input| {
            faults.push(input.line.unwrap_err().to_string());
            true
        });
        assert_eq!(
            faults,
            ["failed to read it, and what may follow: unplugged"]
        );
    }
}
