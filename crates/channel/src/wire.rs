//! The wire format: a frame is one protobuf message.
//!
//! Its field numbers are fixed for [`VERSION`]; anything that an older end would misunderstand
//! needs a new version. Each end numbers the channels on which it sends: `Open`, `Data`, `Piece`
//! and `Close` name a channel by the number of the end that sent the frame, `Credit` and `Stop`
//! by the number of the end that gets it. So both ends can open a channel at once. The channel
//! [`CONTROL`] exists from the start.
//!
//! Nothing here decides anything: what a frame means is said in [`LinkEnd`](crate::LinkEnd).

use bytes::Bytes;
use prost::{Message, Oneof};

/// The version of this format.
pub const VERSION: u32 = 2;

/// The number of the control channel, at both ends.
pub const CONTROL: u32 = 0;

/// What the transport carries.
///
/// A frame without `to` is a greeting. A frame with the sequence number 0 has no records; it
/// acknowledges, and may carry a notice; the others are numbered from 1, arrive in any order, and take effect in theirs.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    /// [`VERSION`].
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The incarnation of the end that sent it.
    #[prost(fixed64, tag = "2")]
    pub from: u64,
    /// The incarnation of the end that it is for, once known.
    #[prost(fixed64, optional, tag = "3")]
    pub to: Option<u64>,
    /// The window of each channel that the sender of the frame is ready for, in messages. The
    /// smaller one of both ends' holds. Constant.
    #[prost(uint32, tag = "4")]
    pub window_messages: u32,
    /// The same in bytes. Constant.
    #[prost(uint64, tag = "5")]
    pub window_bytes: u64,
    /// All frames up to this one have arrived.
    #[prost(uint64, tag = "6")]
    pub acknowledged: u64,
    /// Bit `i` (the least is 0): the frame `acknowledged + 2 + i` has arrived too.
    #[prost(fixed64, tag = "7")]
    pub held: u64,
    /// How long the acknowledgement was held back since the newest frame arrived, in microseconds.
    #[prost(uint32, tag = "8")]
    pub ack_delay_us: u32,
    /// The number of this frame, or 0.
    #[prost(uint64, tag = "9")]
    pub sequence: u64,
    /// The sender is running out of frames in flight: acknowledge at once.
    #[prost(bool, tag = "10")]
    pub ack_wanted: bool,
    /// What it carries, in order.
    #[prost(message, repeated, tag = "11")]
    pub records: Vec<Record>,
    /// The newest notice of the sender, as long as it does not know that it was seen. Frames with
    /// a number leave it out.
    #[prost(message, optional, tag = "12")]
    pub notice: Option<Notice>,
    /// The number of the newest notice that the sender has seen, or 0.
    #[prost(uint64, tag = "13")]
    pub notice_seen: u64,
}

/// What one end tells the other outside the order of frames. It replaces all earlier ones, takes
/// effect whatever is missing, and is told until it is seen.
#[derive(Clone, PartialEq, Message)]
pub struct Notice {
    /// Counts the notices of an end, from 1.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// What it says.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
}

/// One thing that a frame carries.
#[derive(Clone, PartialEq, Message)]
pub struct Record {
    /// What it is; none is an error.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// The kinds of records.
#[derive(Clone, PartialEq, Oneof)]
pub enum Kind {
    /// A channel gets its number.
    #[prost(message, tag = "1")]
    Open(Open),
    /// Whole messages of a channel.
    #[prost(message, tag = "2")]
    Data(Data),
    /// A part of a large message.
    #[prost(message, tag = "3")]
    Piece(Piece),
    /// Nothing more is sent on a channel.
    #[prost(message, tag = "4")]
    Close(Close),
    /// The application took messages; their room is free again.
    #[prost(message, tag = "5")]
    Credit(Credit),
    /// The application takes nothing more; the answer is a `Close`.
    #[prost(message, tag = "6")]
    Stop(Stop),
}

/// A channel gets its number. It comes before anything else about that number.
#[derive(Clone, PartialEq, Message)]
pub struct Open {
    /// The number, never used before.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
    /// The name by which both ends know the channel.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Whole messages of a channel.
#[derive(Clone, PartialEq, Message)]
pub struct Data {
    /// The channel.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
    /// The messages, in order.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub messages: Vec<Bytes>,
}

/// A part of a message that is larger than a frame.
#[derive(Clone, PartialEq, Message)]
pub struct Piece {
    /// The channel.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
    /// In the first piece the length of the message, in the others 0.
    #[prost(uint64, tag = "2")]
    pub total_bytes: u64,
    /// The bytes, at least one.
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
}

/// Nothing more is sent on a channel.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Close {
    /// The channel.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
}

/// How much of a channel the application has taken since the channel was opened.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Credit {
    /// The channel.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
    /// Messages taken.
    #[prost(uint64, tag = "2")]
    pub messages: u64,
    /// Bytes taken.
    #[prost(uint64, tag = "3")]
    pub bytes: u64,
}

/// The application takes nothing more of a channel.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Stop {
    /// The channel.
    #[prost(uint32, tag = "1")]
    pub channel: u32,
    /// Messages taken until then.
    #[prost(uint64, tag = "2")]
    pub messages: u64,
}

impl From<Kind> for Record {
    fn from(kind: Kind) -> Self {
        Self { kind: Some(kind) }
    }
}
