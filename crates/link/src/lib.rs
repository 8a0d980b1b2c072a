//! The async ends of a link: queues for guests and app schedulers over the channel machine.
//!
//! A [`Link`] joins a scheduler and one executor; there is one at each end. It carries channels,
//! which both ends open by a task's name, over frames that someone else transports:
//!
//! - a task has a [`Sender`] and a [`Receiver`] of its own;
//! - an app scheduler has one [`Inbox`] for the messages of all tasks on all links, and an
//!   [`app::Outbox`] with the senders to them;
//! - the two ends themselves talk through [`Control`], and about their direct path with
//!   [`Link::tell`] and [`Link::told`].
//!
//! [`spec`] has the small records that framework and executor give each other, [`app`] what an
//! app scheduler holds.
//!
//! [`direct`] carries frames over a connection of the two ends' own, if they have one.
//!
//! Every decision about frames is the `channel` crate's; here are only queues, wakers and the
//! clock. No socket is opened here, and no decision is made about when a peer is dead.

mod alarm;
pub mod app;
mod control;
pub mod direct;
mod error;
mod inbox;
mod link;
mod notices;
mod receiver;
mod sender;
pub mod spec;
mod state;

pub use alarm::Alarm;
pub use channel::{
    ChannelCounters, Config as LinkConfig, Counters, FrameError, MESSAGE_BYTES_MAX, OpenError,
    Path, Role, TellError, Violation, Window,
};
pub use control::Control;
pub use error::{SendError, TryRecvError, TrySendError};
pub use inbox::{Inbox, Message};
pub use link::{DirectPath, Link, Undelivered};
pub use receiver::Receiver;
pub use sender::Sender;
pub use state::{ChannelState, Direction, Received};
