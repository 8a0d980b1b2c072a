//! The two channels of a task.
//!
//! Nothing is decided here: the host, or in tests [`testing`](mesosgot_sdk::testing), keeps the
//! order and the bounds.

use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

use crate::error::{RecvTimeoutError, SendError, TryRecvError, TrySendError};
use crate::{select, sys};

/// The largest message that a channel carries: 16 MiB, a bound of the host.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The `in` channel of a task: from the app scheduler to this task.
///
/// It closes when the task is told to exit: the task was killed, the app scheduler has returned,
/// or the job is being shut down. Messages sent before the close come first.
pub struct Receiver {
    sys: sys::Receiver,
}

impl Receiver {
    pub(crate) fn from_sys(sys: sys::Receiver) -> Self {
        Self { sys }
    }

    /// Waits for a message. `None`: the channel is closed.
    pub fn recv(&self) -> Option<Vec<u8>> {
        self.sys.recv()
    }

    /// A message that is there already.
    ///
    /// # Errors
    ///
    /// `Empty` when nothing is there yet, `Closed` when nothing will come any more.
    pub fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        self.sys.try_recv()
    }

    /// Waits for a message, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` when nothing came in time, `Closed` when nothing will come any more.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        self.sys.recv_timeout(timeout)
    }

    /// Waits for a message and takes up to `max` that are there, oldest first, and fewer if
    /// together they would be larger than [`MESSAGE_BYTES_MAX`]. Empty: the channel is closed. A
    /// `max` of 0 counts as 1.
    pub fn recv_many(&self, max: usize) -> Vec<Vec<u8>> {
        self.sys.recv_many(max.max(1))
    }

    /// The messages up to the close, waiting for each.
    pub fn iter(&self) -> ReceiverIter<'_> {
        ReceiverIter { inbox: self }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl select::Sealed for Receiver {
    fn readiness(&self) -> select::Readiness {
        select::Readiness(self.sys.subscribe())
    }
}

/// Ready when a message is there or the channel is closed.
impl select::Selectable for Receiver {}

impl<'a> IntoIterator for &'a Receiver {
    type Item = Vec<u8>;
    type IntoIter = ReceiverIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The messages of a [`Receiver`] up to the close.
#[derive(Debug)]
pub struct ReceiverIter<'a> {
    inbox: &'a Receiver,
}

impl Iterator for ReceiverIter<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        self.inbox.recv()
    }
}

impl FusedIterator for ReceiverIter<'_> {}

/// The `out` channel of a task: from this task to the app scheduler.
pub struct Sender {
    sys: sys::Sender,
}

impl Sender {
    pub(crate) fn from_sys(sys: sys::Sender) -> Self {
        Self { sys }
    }

    /// Sends a message; waits while the channel is full.
    ///
    /// # Errors
    ///
    /// `Closed` when the app scheduler is gone, `TooLarge` above [`MESSAGE_BYTES_MAX`].
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sys.send(message.as_ref())
    }

    /// Sends a message unless the channel is full.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and `Full`: nothing was sent.
    pub fn try_send(&self, message: impl AsRef<[u8]>) -> Result<(), TrySendError> {
        self.sys.try_send(message.as_ref())
    }

    /// Sends messages in order; waits while the channel is full. Cheaper than one
    /// [`send`](Self::send) each.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), for the first message that could not be sent; those before it were.
    pub fn send_many(&self, messages: &[Vec<u8>]) -> Result<(), SendError> {
        self.sys.send_many(messages)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl select::Sealed for Sender {
    fn readiness(&self) -> select::Readiness {
        select::Readiness(self.sys.subscribe())
    }
}

/// Ready when the channel is not full or is closed.
impl select::Selectable for Sender {}
