//! Notices: what the two ends tell each other beside the channels, outside the order of frames.
//!
//! ```text
//!         tell                   seen by the peer
//!   Idle ──────► Telling (n) ─────────────────────► Idle
//!                 │ ▲    │ ▲
//!                 └─┘    └─┘ tell: n + 1 takes its place
//!          again, ever more rarely; at once after a move
//! ```
//!
//! A notice is how things are, not one of a series: a newer one replaces an older one that the
//! peer has not seen, and of two that arrive in the wrong order only the newer counts. So it
//! needs no place among the numbered frames, and passes where those wait for another path.

use std::time::Instant;

use bytes::Bytes;

use crate::config::NOTICE_BYTES_MAX;
use crate::error::Violation;
use crate::rtt::RoundTrip;
use crate::wire::Notice;

/// The newest notice of either end.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Notices {
    /// The number of our newest; 0: there was none.
    told: u64,
    /// The number of the peer's newest; 0: there was none.
    seen: u64,
    telling: Option<Telling>,
}

/// Our newest notice, until the peer has seen it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Telling {
    data: Bytes,
    /// `None`: now.
    next_at: Option<Instant>,
    backoff: RoundTrip,
}

impl Telling {
    fn new(data: Bytes) -> Self {
        Self {
            data,
            next_at: None,
            backoff: RoundTrip::new(),
        }
    }
}

impl Notices {
    /// The peer is to see this, and nothing earlier.
    pub(crate) fn tell(&mut self, data: Bytes) {
        self.told += 1;
        self.telling = Some(Telling::new(data));
    }

    /// Another path.
    pub(crate) fn start_anew(&mut self) {
        self.telling = self.telling.take().map(|it| Telling::new(it.data));
    }

    /// Whether one is to go, whatever the time is.
    pub(crate) fn is_due_now(&self) -> bool {
        self.telling.as_ref().is_some_and(|it| it.next_at.is_none())
    }

    /// The one to go now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Notice> {
        let telling = self.telling.as_mut()?;
        if telling.next_at.is_some_and(|next_at| now < next_at) {
            return None;
        }
        telling.next_at = Some(now + telling.backoff.resend_after());
        telling.backoff.back_off();
        Some(Notice {
            number: self.told,
            data: telling.data.clone(),
        })
    }

    /// When one is to go again unless the peer has seen it before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.telling.as_ref()?.next_at
    }

    /// The number of the peer's newest, to be told to the peer.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The peer has seen our notices up to this one.
    pub(crate) fn handle_seen(&mut self, found: u64) -> Result<(), Violation> {
        let last = self.told;
        if found > last {
            return Err(Violation::SawUntold { found, last });
        }
        if found == last {
            self.telling = None;
        }
        Ok(())
    }

    /// Takes in one of the peer's; answers it if it is news.
    pub(crate) fn handle(&mut self, notice: Notice) -> Result<Option<Bytes>, Violation> {
        let bytes = notice.data.len();
        if bytes > NOTICE_BYTES_MAX {
            return Err(Violation::NoticeTooLarge { bytes });
        }
        if notice.number <= self.seen {
            return Ok(None);
        }
        self.seen = notice.number;
        Ok(Some(notice.data))
    }
}

/// Without times.
#[cfg(test)]
impl std::hash::Hash for Notices {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self {
            told,
            seen,
            telling,
        } = self;
        (told, seen).hash(state);
        if let Some(telling) = telling {
            (&telling.data, telling.next_at.is_some()).hash(state);
        }
    }
}
