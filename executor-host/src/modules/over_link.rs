//! A module over the link, for an executor that can fetch it nowhere.
//!
//! Pieces are asked for one after the other on the control channel, and only a few at a time over
//! all modules, so that neither what the scheduler says nor the tasks' messages wait behind more
//! than a frame of them. What was asked for comes, whatever path the link takes meanwhile: it is
//! the link that loses nothing. When the link is shut, so is this.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use link::{
    Link,
    spec::{self, ControlKind, PIECE_BYTES_MAX},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Digest, FetchError, ModuleRef};

/// Pieces that are asked for at a time: together 256 KiB, as much as one frame. With a round trip of
/// 10 ms, as over framework messages, that is 25 MB/s.
const PIECES_ASKED_MAX: usize = 4;

/// Asks for modules on a link. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct OverLink {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Link,
    asked: Mutex<HashMap<(Digest, u64), oneshot::Sender<spec::Piece>>>,
    may_ask: Arc<Semaphore>,
}

/// A piece that was asked for.
struct Asked {
    offset: u64,
    piece: oneshot::Receiver<spec::Piece>,
    _permit: OwnedSemaphorePermit,
}

impl OverLink {
    pub(crate) fn new(link: Link) -> Self {
        let inner = Inner {
            link,
            asked: Mutex::default(),
            may_ask: Arc::new(Semaphore::new(PIECES_ASKED_MAX)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Takes in an answer of the scheduler. One that nobody waits for is left out.
    pub(crate) fn handle(&self, piece: spec::Piece) {
        let Ok(sha256) = <[u8; 32]>::try_from(piece.sha256.as_slice()) else {
            return;
        };
        let asked = self.asked().remove(&(sha256.into(), piece.offset));
        if let Some(asked) = asked {
            // Whoever asked may have been killed.
            let _ = asked.send(piece);
        }
    }

    /// All bytes of a module, and `progress` with how many there are so far. Its digest is not
    /// looked at.
    pub(super) async fn fetch(
        &self,
        module: &ModuleRef,
        progress: impl Fn(u64),
    ) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        let mut next = 0;
        let mut asked: VecDeque<Asked> = VecDeque::new();
        while (bytes.len() as u64) < module.size {
            while next < module.size {
                let may_ask = Arc::clone(&self.inner.may_ask);
                // To wait for a turn while holding some would be to wait for oneself.
                let permit = match asked.is_empty() {
                    true => may_ask.acquire_owned().await.ok(),
                    false => may_ask.try_acquire_owned().ok(),
                };
                let Some(permit) = permit else { break };
                asked.push_back(self.ask(module.sha256, next, permit).await?);
                next = module.size.min(next + PIECE_BYTES_MAX as u64);
            }
            let Some(first) = asked.pop_front() else {
                break;
            };
            let end = module.size.min(first.offset + PIECE_BYTES_MAX as u64);
            let length = end - first.offset;
            let piece = self.answer(first).await?;
            if piece.is_unknown {
                return Err(FetchError::NotOnLink);
            }
            if piece.data.len() as u64 != length {
                return Err(FetchError::Piece {
                    found: piece.data.len() as u64,
                    expected: length,
                });
            }
            bytes.extend_from_slice(&piece.data);
            progress(bytes.len() as u64);
        }
        Ok(bytes)
    }

    async fn ask(
        &self,
        sha256: Digest,
        offset: u64,
        permit: OwnedSemaphorePermit,
    ) -> Result<Asked, FetchError> {
        let (sender, piece) = oneshot::channel();
        self.asked().insert((sha256, offset), sender);
        let want = spec::WantPiece {
            sha256: sha256.as_bytes().to_vec(),
            offset,
        };
        let record = spec::Control {
            kind: Some(ControlKind::WantPiece(want)),
        };
        let sent = self.inner.link.control().send(&record).await;
        sent.map_err(|_| FetchError::LinkShut)?;
        Ok(Asked {
            offset,
            piece,
            _permit: permit,
        })
    }

    async fn answer(&self, asked: Asked) -> Result<spec::Piece, FetchError> {
        tokio::select! {
            piece = asked.piece => piece.map_err(|_| FetchError::LinkShut),
            () = self.inner.link.ended() => Err(FetchError::LinkShut),
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<(Digest, u64), oneshot::Sender<spec::Piece>>> {
        self.inner
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
