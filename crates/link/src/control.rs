//! The channel of the two ends themselves.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tracing::warn;

use crate::error::{SendError, TrySendError};
use crate::link::Shared;
use crate::receiver::recv_on;
use crate::sender::{send_on, try_send_on};
use crate::spec;

/// The channel on which framework and executor tell each other small records, with the same
/// promise as every channel. It is there from the start and ends when the link is shut.
#[derive(Debug, Clone)]
pub struct Control {
    link: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(link: Arc<Shared>) -> Self {
        Self { link }
    }

    /// Sends a record; waits while the channel is full.
    ///
    /// # Errors
    /// When the link is shut.
    pub async fn send(&self, control: &spec::Control) -> Result<(), SendError> {
        let message = Bytes::from(control.encode_to_vec());
        send_on(&self.link, &self.link.control, message).await
    }

    /// Sends a record unless the channel is full or others wait for room in it.
    ///
    /// # Errors
    /// When it is not sent.
    pub fn try_send(&self, control: &spec::Control) -> Result<(), TrySendError> {
        let message = Bytes::from(control.encode_to_vec());
        try_send_on(&self.link, &self.link.control, message)
    }

    /// Waits for a record; `None`: the link is shut and all was received. Cancellation safe.
    ///
    /// What is not a record is left out with a warning: the peer is of another version then.
    pub async fn recv(&self) -> Option<spec::Control> {
        loop {
            let message = recv_on(&self.link, &self.link.control).await?;
            match spec::Control::decode(message) {
                Ok(control) => return Some(control),
                Err(error) => warn!(%error, "left out a control record that is malformed"),
            }
        }
    }
}
