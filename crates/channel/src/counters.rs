//! What a link has done so far, for display.

use std::time::Duration;

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
