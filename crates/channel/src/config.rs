//! What can be chosen about a link, and the bounds that both ends hold each other to.

/// The largest message: 16 MiB. A larger one is refused when it is sent.
///
/// It is what the guest contract names (`sdk/wit/task.wit`).
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The largest frame that is taken from a peer: 1 MiB.
///
/// Above about that size a framework message holds up the heartbeats behind it (PROTOCOL §10).
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// The smallest limit for frames that can be chosen: 1 KiB, room for the header, one record with
/// the longest name and some data.
pub const FRAME_BYTES_MIN: usize = 1 << 10;

/// The most frames that a peer may have sent without an acknowledgement.
///
/// It is the width of the map of held frames ([`wire::Frame::held`](crate::wire::Frame::held)).
pub const FRAMES_IN_FLIGHT_MAX: usize = 64;

/// The most channels of a link, the control channel among them.
///
/// An executor hosts up to 10,000 tasks; this leaves room for as many that are just ending. It
/// bounds what a peer can make us remember by opening channels.
pub const CHANNELS_MAX: usize = 32_768;

/// The longest name of a channel, in bytes: that of a Mesos id.
pub const NAME_BYTES_MAX: usize = 255;

/// The longest notice, in bytes: an address with the longest host name, a secret and a digest, or
/// a sentence for people. With the header it fits into the smallest frame.
pub const NOTICE_BYTES_MAX: usize = 512;

/// Which end of a link this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The end that waits to be greeted: before its executor runs, a frame would only be dropped.
    Scheduler,
    /// The end that greets.
    Executor,
}

/// The way that frames take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// Framework messages: always there, shared by a whole cluster, may lose frames.
    Messages,
    /// A connection of the two ends' own.
    Direct,
}

/// How much of one direction of a channel may be on its way: sent, and not yet taken by the
/// application at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// So many messages. At least 1.
    pub messages: u32,
    /// So many bytes. At least 1.
    ///
    /// A message is taken while there are fewer bytes than this. So there are never more than the
    /// window and one message, and a message larger than the window can pass.
    pub bytes: u64,
}

/// What can be chosen about a link.
///
/// Values out of bounds are moved to the nearest bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How much of each channel this end is ready to hold, to send as well as received. The
    /// smaller window of the two ends holds. Default: 256 messages and 4 MiB.
    pub window: Window,
    /// The largest frame this end makes, in bytes. Default: 256 KiB, which a real Mesos carries
    /// as easily as 20 bytes. From [`FRAME_BYTES_MIN`] to [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: usize,
    /// The most frames sent without an acknowledgement on [`Path::Messages`]. Default: 32; each is
    /// one call to a master or agent, and more of them than some tens gain nothing. From 1 to
    /// [`FRAMES_IN_FLIGHT_MAX`], which holds on [`Path::Direct`]. Together with `frame_bytes_max`
    /// it bounds what is kept for resending: 8 MiB by default, 16 MiB on [`Path::Direct`].
    pub frames_in_flight_max: usize,
    /// On [`Path::Messages`] no numbered frame is sent, neither for the first time nor again; so
    /// no channel is carried there, the control channel and what was in flight when a direct path
    /// broke included. All of it waits, in order and within the windows, for [`Path::Direct`].
    /// Greetings, acknowledgements and notices, which have no numbers, go on either path.
    /// Default: false.
    pub direct_only: bool,
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            window: Window {
                messages: 256,
                bytes: 4 << 20,
            },
            frame_bytes_max: 256 << 10,
            frames_in_flight_max: 32,
            direct_only: false,
        }
    }

    pub(crate) fn within_bounds(self) -> Self {
        Self {
            window: Window {
                messages: self.window.messages.max(1),
                bytes: self.window.bytes.max(1),
            },
            frame_bytes_max: self.frame_bytes_max.clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX),
            frames_in_flight_max: self.frames_in_flight_max.clamp(1, FRAMES_IN_FLIGHT_MAX),
            direct_only: self.direct_only,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
