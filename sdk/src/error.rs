//! Why a task failed, and why a channel did not do what was asked.

use std::error::Error as StdError;
use std::fmt;

use thiserror::Error as ThisError;

/// Why a task or an app scheduler failed.
///
/// It is made by `?` or `into` from any error and from texts. Its `Display` is the text that the
/// task's `TASK_FAILED` carries: the error and all its causes, separated by `: `.
///
/// ```
/// use mesosgot_sdk::Error;
///
/// fn floors(text: &str) -> Result<u16, Error> {
///     let floors = text.parse().map_err(|error| Error::from(error).context("no number of floors"))?;
///     if floors < 2 {
///         return Err(Error::msg("a house without floors needs no elevator"));
///     }
///     Ok(floors)
/// }
///
/// let text = floors("many").unwrap_err().to_string();
/// assert_eq!(text, "no number of floors: invalid digit found in string");
/// ```
// It is no `std::error::Error` itself: that would forbid the conversion from all of those.
pub struct Error {
    contexts: Vec<String>,
    cause: Box<dyn StdError + Send + Sync>,
}

impl Error {
    /// An error with this text.
    pub fn msg(text: impl fmt::Display) -> Self {
        Self::from(text.to_string())
    }

    /// This error as the cause of another with this text.
    #[must_use]
    pub fn context(mut self, text: impl fmt::Display) -> Self {
        self.contexts.push(text.to_string());
        self
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    fn from(cause: E) -> Self {
        Self {
            contexts: Vec::new(),
            cause: cause.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.contexts.iter().rev() {
            write!(f, "{context}: ")?;
        }
        write!(f, "{}", self.cause)?;
        let mut cause = self.cause.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

/// The same text as `Display`, so that `unwrap` in a test is readable.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why nothing was received at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum TryRecvError {
    /// Nothing is there yet.
    #[error("nothing is there yet")]
    Empty,
    /// The channel is closed and everything sent before has been received.
    #[error("the channel is closed")]
    Closed,
}

/// Why nothing was received in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum RecvTimeoutError {
    /// The time has passed.
    #[error("nothing came in time")]
    Timeout,
    /// The channel is closed and everything sent before has been received.
    #[error("the channel is closed")]
    Closed,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum SendError {
    /// The other end is gone, or the channel was closed.
    #[error("the channel is closed")]
    Closed,
    /// The message is larger than [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX).
    #[error("the message is larger than a channel carries")]
    TooLarge,
    /// No task has that name. Only app schedulers see it.
    #[error("no task has that name")]
    UnknownTask,
}

/// Why a message was not sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum TrySendError {
    /// The channel is full.
    #[error("the channel is full")]
    Full,
    /// The other end is gone, or the channel was closed.
    #[error("the channel is closed")]
    Closed,
    /// The message is larger than [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX).
    #[error("the message is larger than a channel carries")]
    TooLarge,
    /// No task has that name. Only app schedulers see it.
    #[error("no task has that name")]
    UnknownTask,
}

/// Why a request about the job was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum RequestError {
    /// No task or group has that name.
    #[error("no task or group has that name")]
    Unknown,
    /// The job is being shut down.
    #[error("the job is being shut down")]
    ShuttingDown,
    /// Not all tasks were up within `gang.timeout`: they had no place, or did not start.
    #[error("the tasks had no place in time")]
    NoPlace,
    /// One of the tasks failed before all of them were up.
    #[error("one of the tasks failed before all were up")]
    Failed,
    /// The job would have more tasks than it may, those that have ended among them.
    #[error("the job would have too many tasks")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, ThisError)]
    #[error("the door is stuck")]
    struct Stuck(#[source] std::num::ParseIntError);

    fn fails(text: &str) -> Result<u8, Error> {
        Ok(text.parse::<u8>().map_err(Stuck)?)
    }

    #[test]
    fn an_error_is_told_with_all_its_causes() {
        let error = fails("x").expect_err("`x` is no number").context("floor 3");
        assert_eq!(
            error.to_string(),
            "floor 3: the door is stuck: invalid digit found in string"
        );
        assert_eq!(format!("{error:?}"), error.to_string());
    }

    #[test]
    fn texts_become_errors_with_a_question_mark() {
        fn from_str() -> Result<(), Error> {
            Err("no riders")?
        }
        fn from_string() -> Result<(), Error> {
            Err(format!("no riders on floor {}", 3))?
        }
        assert_eq!(
            from_str().map_err(|error| error.to_string()),
            Err("no riders".to_owned())
        );
        assert_eq!(
            from_string().map_err(|error| error.to_string()),
            Err("no riders on floor 3".to_owned())
        );
    }
}
