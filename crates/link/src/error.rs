//! Why something was not sent or received.

use channel::MESSAGE_BYTES_MAX;
use thiserror::Error;

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The channel was closed here, is not received there any more, or the link is shut.
    #[error("channel is closed")]
    Closed,
    /// The message is larger than a channel carries.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
}

/// Why a message was not sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// The channel is full, or others wait for room in it already.
    #[error("channel is full")]
    Full,
    /// The channel was closed here, is not received there any more, or the link is shut.
    #[error("channel is closed")]
    Closed,
    /// The message is larger than a channel carries.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
}

/// Why nothing was received at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TryRecvError {
    /// Nothing is there yet.
    #[error("nothing is there yet")]
    Empty,
    /// Nothing more will come.
    #[error("channel is closed")]
    Closed,
}

impl From<channel::SendError> for TrySendError {
    fn from(error: channel::SendError) -> Self {
        match error {
            channel::SendError::Full => Self::Full,
            channel::SendError::Closed => Self::Closed,
            channel::SendError::TooLarge => Self::TooLarge,
        }
    }
}
