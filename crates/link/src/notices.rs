//! What framework and executor tell each other beside the channels: how things are with their
//! direct path, which must be told although no channel may be carried without it.

use bytes::Bytes;
use channel::TellError;
use prost::Message as _;
use tracing::warn;

use crate::link::{Link, Shared};
use crate::spec;

impl Link {
    /// Tells the peer how things are; it replaces what was told before. No channel holds it up,
    /// and it takes whatever path there is, until the peer has seen it.
    ///
    /// # Errors
    /// When it is too large, or the link is shut.
    pub fn tell(&self, notice: &spec::Notice) -> Result<(), TellError> {
        let notice = notice.encode_to_vec().into();
        self.shared.with(|state| state.end.tell(notice))
    }

    /// Waits for the peer to tell something; `None`: the link is shut. What was told meanwhile and
    /// replaced is left out. Cancellation safe; one at a time should wait.
    ///
    /// What is not a notice is left out with a warning: the peer is of another version then.
    pub async fn told(&self) -> Option<spec::Notice> {
        loop {
            match spec::Notice::decode(self.shared.told().await?) {
                Ok(notice) => return Some(notice),
                Err(error) => warn!(%error, "left out a notice that is malformed"),
            }
        }
    }
}

impl Shared {
    async fn told(&self) -> Option<Bytes> {
        loop {
            let news = self.news.notified();
            {
                let mut state = self.lock();
                if state.end.is_shut() {
                    return None;
                }
                let notice = state.notice.take();
                if notice.is_some() {
                    return notice;
                }
            }
            news.await;
        }
    }
}
