//! What a link has done so far, and how its channels are, for display.

use std::time::Duration;

use crate::config::Window;

/// What a link has done so far. All but the round trip only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages taken from the application here.
    pub messages_sent: u64,
    /// Messages given to the application here.
    pub messages_received: u64,
    /// Bytes of the messages sent.
    pub bytes_sent: u64,
    /// Bytes of the messages received.
    pub bytes_received: u64,
    /// Frames given to the transport, those given again and mere acknowledgements among them.
    pub frames_sent: u64,
    /// Frames given to the transport again.
    pub frames_resent: u64,
    /// Frames that arrived and were understood.
    pub frames_received: u64,
    /// Frames that arrived although they had arrived before.
    pub frames_duplicated: u64,
    /// Times that a message was not taken because its channel was full.
    pub stalls: u64,
    /// Times that frames were moved to another path or to a new connection.
    pub moves: u64,
    /// The smoothed round trip of frames, once one was measured since the last move.
    pub round_trip: Option<Duration>,
}

/// What one channel has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Messages taken from the application here.
    pub messages_sent: u64,
    /// Messages given to the application here.
    pub messages_received: u64,
    /// Bytes of the messages sent.
    pub bytes_sent: u64,
    /// Bytes of the messages received.
    pub bytes_received: u64,
    /// Times that a message was not taken because the channel was full.
    pub stalls: u64,
}

/// How one channel is now, as far as this end knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelState {
    /// The most that each direction holds.
    pub window: Window,
    /// Messages taken from the application here that the peer's application has not taken. The peer
    /// tells that in steps of half a window, so there may be fewer, though never more.
    pub undelivered: u64,
    /// No message is taken from the application here until the peer's has taken some.
    pub is_full: bool,
    /// No message is taken from the application here ever again.
    pub is_closed: bool,
    /// The peer may send nothing more until the application here has taken some.
    pub is_peer_full: bool,
}
