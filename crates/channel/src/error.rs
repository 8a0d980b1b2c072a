//! What can go wrong, by operation.

use prost::DecodeError;
use thiserror::Error;

use crate::config::{
    CHANNELS_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NOTICE_BYTES_MAX,
};
use crate::wire;

/// Why a channel was not opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The name is empty or too long.
    #[error("channel name has {bytes} bytes, expected 1 to {NAME_BYTES_MAX}")]
    Name {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A channel of that name is open and has not ended.
    #[error("channel `{0}` is already open")]
    AlreadyOpen(String),
    /// The link has as many channels as it may.
    #[error("link already has {CHANNELS_MAX} channels")]
    TooMany,
    /// The link has been shut.
    #[error("link is shut")]
    Shut,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The channel holds its window; [`Output::Writable`](crate::Output::Writable) follows.
    #[error("channel is full")]
    Full,
    /// The channel was closed here, is not received there, or the link is shut.
    #[error("channel is closed")]
    Closed,
    /// The message is too large for any channel.
    #[error("message is larger than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
}

/// Why a notice was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TellError {
    /// The notice is too large.
    #[error("notice has {bytes} bytes, expected at most {NOTICE_BYTES_MAX}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The link has been shut.
    #[error("link is shut")]
    Shut,
}

/// Why a frame was not taken.
///
/// After [`OtherIncarnation`](Self::OtherIncarnation) and [`Shut`](Self::Shut) there is nothing to
/// do: such a frame is late, and the link is as it was. After the others the peer is not one of
/// ours, or is broken: the link should be shut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The frame is not a protobuf message of the right form.
    #[error("frame is malformed")]
    Malformed(#[source] DecodeError),
    /// The frame is too large.
    #[error("frame has {bytes} bytes, expected at most {FRAME_BYTES_MAX}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The frame is of another version of the wire format.
    #[error("frame has the version {found}, expected {}", wire::VERSION)]
    Version {
        /// Its version.
        found: u32,
    },
    /// The frame comes from another life of the peer, or is for another life of this end.
    #[error("frame is of the incarnation {found:#x}, expected {expected:#x}")]
    OtherIncarnation {
        /// The incarnation in the frame.
        found: u64,
        /// The one of this link.
        expected: u64,
    },
    /// The peer broke a rule. The link is of no use any more: every further frame gets this error.
    #[error("peer broke a rule of the link")]
    Violation(#[source] Violation),
    /// The link has been shut.
    #[error("link is shut")]
    Shut,
}

/// A rule that a peer broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// A window is 0, so nothing could ever be sent.
    #[error("window is zero")]
    ZeroWindow,
    /// A greeting carries data.
    #[error("greeting has the sequence number {0}")]
    SequencedGreeting(u64),
    /// A frame is further ahead of the missing ones than frames may be in flight.
    #[error("frame {found} is too far ahead of frame {missing}")]
    TooFarAhead {
        /// Its sequence number.
        found: u64,
        /// The first that has not arrived.
        missing: u64,
    },
    /// It acknowledges a frame that was never sent.
    #[error("frame {found} is acknowledged, the last one sent is {last}")]
    AcknowledgedUnsent {
        /// The one acknowledged.
        found: u64,
        /// The last one sent.
        last: u64,
    },
    /// It has seen a notice that was never told.
    #[error("notice {found} is seen, the last one told is {last}")]
    SawUntold {
        /// The one seen.
        found: u64,
        /// The last one told.
        last: u64,
    },
    /// A notice is too large.
    #[error("notice has {bytes} bytes, expected at most {NOTICE_BYTES_MAX}")]
    NoticeTooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A record has no kind that this version knows.
    #[error("record is of no known kind")]
    UnknownRecord,
    /// A record names a channel that is not open.
    #[error("channel {0} is not open")]
    UnknownChannel(u32),
    /// A channel number is opened a second time.
    #[error("channel {0} is opened twice")]
    OpenedTwice(u32),
    /// A channel's name is empty or too long.
    #[error("channel name has {bytes} bytes, expected 1 to {NAME_BYTES_MAX}")]
    Name {
        /// Its length in bytes.
        bytes: usize,
    },
    /// More channels are opened than a link may have.
    #[error("more than {CHANNELS_MAX} channels are opened")]
    TooManyChannels,
    /// More is sent on a channel than its window allows.
    #[error("window of channel {0} is exceeded")]
    WindowExceeded(u32),
    /// A message is larger than any may be.
    #[error("message of {bytes} bytes on channel {channel}, expected at most {MESSAGE_BYTES_MAX}")]
    MessageTooLarge {
        /// The channel, by the peer's number.
        channel: u32,
        /// The length of the message.
        bytes: u64,
    },
    /// The pieces of a message do not fit together, or something came between them.
    #[error("pieces of a message on channel {0} do not fit together")]
    Pieces(u32),
    /// Credit is given for more than was sent.
    #[error("credit for channel {0} exceeds what was sent")]
    CreditUnsent(u32),
}
