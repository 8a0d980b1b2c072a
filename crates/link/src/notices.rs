//! What framework and executor tell each other beside the channels: how things are with their
//! direct path, which must be told although no channel may be carried without it.

use bytes::Bytes;
use channel::TellError;
use prost::Message as _;
use tracing::warn;

use crate::link::{Link, Shared};
use crate::spec;

impl Link {
    /// Tells the peer how things are; each field replaces what was told of it before, and the
    /// others stay as they are. No channel holds it up, and it takes whatever path there is, until
    /// the peer has seen it.
    ///
    /// # Errors
    /// When it is too large, or the link is shut.
    pub fn tell(&self, notice: &spec::Notice) -> Result<(), TellError> {
        self.shared.with(|state| {
            // One message says all: the machine below keeps the newest only.
            let whole = state.told.clone().updated(notice.clone());
            state.end.tell(whole.encode_to_vec().into())?;
            state.told = whole;
            Ok(())
        })
    }

    /// Waits for the peer to tell something new; `None`: the link is shut. What was told meanwhile
    /// and replaced is left out, and what has not changed. Cancellation safe; one at a time should
    /// wait.
    ///
    /// What is not a notice is left out with a warning: the peer is of another version then.
    pub async fn told(&self) -> Option<spec::Notice> {
        loop {
            match spec::Notice::decode(self.shared.told().await?) {
                Ok(notice) => {
                    let mut state = self.shared.lock();
                    let news = notice.news(&state.heard);
                    if news != spec::Notice::default() {
                        state.heard = std::mem::take(&mut state.heard).updated(news.clone());
                        return Some(news);
                    }
                }
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
