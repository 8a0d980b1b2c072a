//! A line of stdin: to whom, and what.

use thiserror::Error;

/// A message and the name before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// A task, a group, or `*`.
    pub(super) to: String,
    /// Everything behind the colon but one space.
    pub(super) message: Vec<u8>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum LineError {
    /// It does not say to whom.
    #[error("it does not say to whom; write `TASK: MESSAGE`")]
    NoName,
    /// A name is text.
    #[error("what stands before the colon is no name; write `TASK: MESSAGE`")]
    NotAName,
}

/// Reads a line, without its end; nothing if it is blank.
pub(super) fn parse(line: &[u8]) -> Result<Option<Line>, LineError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, message) = line.split_at(colon.ok_or(LineError::NoName)?);
    let name = std::str::from_utf8(name.trim_ascii()).map_err(|_| LineError::NotAName)?;
    if name.is_empty() {
        return Err(LineError::NoName);
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(LineError::NotAName);
    }
    let message = message.strip_prefix(b":").unwrap_or(message);
    let message = message.strip_prefix(b" ").unwrap_or(message);
    Ok(Some(Line {
        to: name.to_owned(),
        message: message.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[u8], to: &str, message: &[u8]) {
        let line = parse(line).unwrap().unwrap();
        assert_eq!((line.to.as_str(), &line.message[..]), (to, message));
    }

    #[test]
    fn the_first_colon_ends_the_name_and_one_space_behind_it_is_no_message() {
        check(b"echo-0: hello", "echo-0", b"hello");
        check(b"echo-0:hello", "echo-0", b"hello");
        check(b"  echo-0 :  two: spaces ", "echo-0", b" two: spaces ");
        check(b"*:", "*", b"");
        check(b"a: \xff\x00\r", "a", b"\xff\x00\r");
    }

    #[test]
    fn blank_lines_are_nothing_and_others_have_a_name() {
        assert_eq!(parse(b""), Ok(None));
        assert_eq!(parse(b" \t\r"), Ok(None));
        assert_eq!(parse(b"hello"), Err(LineError::NoName));
        assert_eq!(parse(b": hello"), Err(LineError::NoName));
        assert_eq!(parse(b"\xff: hello"), Err(LineError::NotAName));
        assert_eq!(parse(b"see here: hello"), Err(LineError::NotAName));
    }
}
