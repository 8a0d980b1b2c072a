//! Reliable channels over an unreliable transport, as a deterministic machine.
//!
//! A *link* joins a scheduler and one executor. A [`LinkEnd`] is one end of it: it takes messages
//! of many channels and gives frames for the transport, takes the frames that arrive and gives the
//! messages. The transport may lose, double, delay and reorder frames, as Mesos framework messages
//! can be (PROTOCOL §10). Between two living ends every channel keeps this promise:
//!
//! - messages come in order, none lost, none twice;
//! - a channel holds at most its window (in messages and in bytes), and a full channel blocks its
//!   own sender only;
//! - a close comes after the data that was sent before it;
//! - what a dead peer's application did not take is counted, channel by channel, never too little.
//!
//! Frames take one of two [paths](Path), and can be moved from one to the other at any time: the
//! numbers of frames span both, so nothing is lost or doubled by a move. A link can be told to
//! carry its channels on one path only ([`Config::direct_only`]); what the ends must tell each
//! other meanwhile goes as a notice ([`LinkEnd::tell`]), which no channel holds up.
//!
//! What is refused here: sockets, clocks, threads, randomness, and every decision about when a
//! peer counts as dead. Time comes in as an argument.

mod arrivals;
mod channel;
mod config;
mod counters;
mod end;
mod error;
mod flight;
mod notices;
mod pace;
mod rtt;
mod table;
pub mod wire;

pub use config::{
    CHANNELS_MAX, Config, FRAME_BYTES_MAX, FRAME_BYTES_MIN, FRAMES_IN_FLIGHT_MAX,
    MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NOTICE_BYTES_MAX, Path, Role, Window,
};
pub use counters::{ChannelCounters, ChannelState, Counters};
pub use end::{ChannelId, LinkEnd, Output, Undelivered};
pub use error::{FrameError, OpenError, SendError, TellError, Violation};

#[cfg(test)]
mod tests;
