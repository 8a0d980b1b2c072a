//! The body of a SUBSCRIBE answer: records, each exactly one HTTP chunk (PROTOCOL §1).
//!
//! ```text
//!         send             end                  body dropped: the client has gone
//!   Open ------> Open ------------> Ended                 |
//!     |                                                   v
//!     +---- send beyond the bound --> Cut  ------------> Gone
//!     |                                ^
//!     +------------- cut --------------+
//! ```
//!
//! Whoever sends is never made to wait: Mesos has no back-pressure here, a subscriber that does not
//! read makes it grow. Ours has a bound for all streams of a server together, and the stream that
//! would take more than its share is cut.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use thiserror::Error;

/// The most that waits in all streams of a server: 768 MiB, so that a single client may be 256 MiB
/// behind, some records of the largest size that was seen to pass (65 MiB, PROTOCOL §10). A client
/// that is further behind has stopped reading.
const BACKLOG_BYTES_MAX: usize = 768 << 20;

/// What a waiting record costs besides its bytes, so that empty ones are bounded as well.
const RECORD_OVERHEAD_BYTES: usize = 64;

/// What waits in all streams of a server; shared by its clones.
///
/// A stream may hold half as much as is left. So there is always something left: of `n` clients
/// that do not read each holds at most the `n + 2`nd part of the whole, and where another stops
/// reading, those that are behind the most are cut when the next record comes for them.
#[derive(Debug, Clone)]
pub(crate) struct Backlog {
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Backlog {
    /// Nothing waits, and 768 MiB may.
    pub(crate) fn new() -> Self {
        Self::with_bytes(BACKLOG_BYTES_MAX)
    }

    /// Nothing waits.
    pub(crate) fn with_bytes(bytes_max: usize) -> Self {
        Self {
            bytes: Arc::default(),
            bytes_max,
        }
    }

    /// Makes a stream. `on_gone` is called once, when the connection has let go of the body: its
    /// client went away, or the stream has ended.
    pub(crate) fn stream(
        &self,
        on_gone: impl FnOnce() + Send + 'static,
    ) -> (RecordSender, RecordBody) {
        let shared = Arc::new(Mutex::new(Shared {
            state: State::Open,
            records: VecDeque::new(),
            bytes: 0,
            backlog: self.clone(),
            reader: None,
        }));
        let sender = RecordSender {
            shared: Arc::clone(&shared),
        };
        let body = RecordBody {
            shared,
            on_gone: Some(Box::new(on_gone)),
        };
        (sender, body)
    }

    /// What a stream may hold when so much waits in all.
    fn share(&self, bytes: usize) -> usize {
        self.bytes_max.saturating_sub(bytes) / 2
    }
}

/// The side that makes records. Dropping it ends the stream after what was sent.
#[derive(Debug)]
pub(crate) struct RecordSender {
    shared: Arc<Mutex<Shared>>,
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SendError {
    /// The client has gone away.
    #[error("the client has gone")]
    Gone,
    /// The stream has been cut.
    #[error("{0}")]
    Cut(StreamCut),
}

/// Why a stream was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum StreamCut {
    /// Too much waited for its client, which reads too slowly.
    #[error("the client of the stream is more than {bytes_max} bytes behind")]
    Overflow { bytes_max: usize },
    /// Somebody wanted it so.
    #[error("the stream was cut on command")]
    Command,
}

impl RecordSender {
    /// Sends one record, which is given its RecordIO length here. Never waits.
    ///
    /// # Errors
    /// When the client has gone, or the bound is passed; then the stream is of no use any more.
    pub(crate) fn send(&self, record: &[u8]) -> Result<(), SendError> {
        let mut shared = lock(&self.shared);
        match shared.state {
            State::Open => {}
            State::Cut(cut) => return Err(SendError::Cut(cut)),
            State::Ended | State::Gone => return Err(SendError::Gone),
        }
        let mut chunk = Vec::with_capacity(record.len() + 8);
        mesos::recordio::encode(record, &mut chunk);
        let bytes_max = shared.push(chunk.into());
        if shared.bytes > bytes_max {
            let cut = shared.cut(StreamCut::Overflow { bytes_max });
            return Err(SendError::Cut(cut));
        }
        shared.wake();
        Ok(())
    }

    /// Breaks the connection; records that wait for the client are lost.
    pub(crate) fn cut(self) {
        let mut shared = lock(&self.shared);
        if matches!(shared.state, State::Open) {
            shared.cut(StreamCut::Command);
        }
    }
}

impl Drop for RecordSender {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        if matches!(shared.state, State::Open) {
            shared.leave(State::Ended);
        }
    }
}

/// The side that the connection reads.
pub(crate) struct RecordBody {
    shared: Arc<Mutex<Shared>>,
    on_gone: Option<Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for RecordBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBody")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl Body for RecordBody {
    type Data = Bytes;
    type Error = StreamCut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamCut>>> {
        let mut shared = lock(&self.shared);
        if let Some(chunk) = shared.pop() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match shared.state {
            State::Open => {
                shared.reader = Some(context.waker().clone());
                Poll::Pending
            }
            State::Ended | State::Gone => Poll::Ready(None),
            // An error ends the connection without the last chunk: the client sees a broken
            // stream, not one that has ended well.
            State::Cut(cut) => Poll::Ready(Some(Err(cut))),
        }
    }
}

impl Drop for RecordBody {
    fn drop(&mut self) {
        {
            let mut shared = lock(&self.shared);
            shared.clear();
            shared.state = State::Gone;
        }
        if let Some(on_gone) = self.on_gone.take() {
            on_gone();
        }
    }
}

#[derive(Debug)]
struct Shared {
    state: State,
    records: VecDeque<Bytes>,
    /// The cost of `records`, which is a part of what waits in all streams.
    bytes: usize,
    backlog: Backlog,
    reader: Option<Waker>,
}

impl Shared {
    /// Lets a record wait, and tells what the records of a stream may cost now.
    fn push(&mut self, chunk: Bytes) -> usize {
        let bytes = chunk.len() + RECORD_OVERHEAD_BYTES;
        self.records.push_back(chunk);
        self.bytes += bytes;
        let before = self.backlog.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.backlog.share(before + bytes)
    }

    fn pop(&mut self) -> Option<Bytes> {
        let chunk = self.records.pop_front()?;
        let bytes = chunk.len() + RECORD_OVERHEAD_BYTES;
        self.bytes -= bytes;
        self.backlog.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(chunk)
    }

    fn clear(&mut self) {
        self.records = VecDeque::new();
        let bytes = std::mem::take(&mut self.bytes);
        self.backlog.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn cut(&mut self, cut: StreamCut) -> StreamCut {
        self.clear();
        self.leave(State::Cut(cut));
        cut
    }

    fn leave(&mut self, state: State) {
        self.state = state;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// Nothing follows the records that wait.
    Ended,
    Cut(StreamCut),
    Gone,
}

/// Nothing can panic while the lock is held, and if it did, the queue would still be whole.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn next(body: &mut RecordBody) -> Option<Result<Bytes, StreamCut>> {
        let frame = body.frame().await?;
        Some(frame.map(|frame| frame.into_data().expect("no trailers")))
    }

    #[tokio::test]
    async fn each_record_is_one_frame_with_its_length() {
        let (sender, mut body) = Backlog::new().stream(|| {});
        sender.send(b"one").expect("open");
        sender.send(b"").expect("open");
        drop(sender);
        assert_eq!(
            next(&mut body).await,
            Some(Ok(Bytes::from_static(b"3\none")))
        );
        assert_eq!(next(&mut body).await, Some(Ok(Bytes::from_static(b"0\n"))));
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test]
    async fn a_client_too_far_behind_is_cut_and_its_records_are_let_go() {
        let (sender, mut body) = Backlog::with_bytes(600).stream(|| {});
        sender.send(&[b'x'; 50]).expect("within the bound");
        let overflow = StreamCut::Overflow { bytes_max: 183 };
        assert_eq!(sender.send(&[b'x'; 50]), Err(SendError::Cut(overflow)));
        assert_eq!(sender.send(b""), Err(SendError::Cut(overflow)));
        assert_eq!(next(&mut body).await, Some(Err(overflow)));
    }

    #[tokio::test]
    async fn who_reads_has_room_however_many_do_not_and_all_of_it_comes_back() {
        let backlog = Backlog::with_bytes(100_000);
        let deaf: Vec<_> = (0..20).map(|_| backlog.stream(|| {})).collect();
        for _ in 0..10_000 {
            for (sender, _) in &deaf {
                // Those that are too far behind are cut.
                let _ = sender.send(&[b'x'; 50]);
                assert!(backlog.bytes.load(Ordering::Relaxed) < 100_000);
            }
            let (sender, mut body) = backlog.stream(|| {});
            assert_eq!(sender.send(&[b'x'; 50]), Ok(()));
            assert!(next(&mut body).await.is_some());
        }
        drop(deaf);
        assert_eq!(backlog.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_waits_in_a_stream_that_is_cut_is_lost() {
        let (sender, mut body) = Backlog::new().stream(|| {});
        sender.send(b"one").expect("open");
        sender.cut();
        assert_eq!(next(&mut body).await, Some(Err(StreamCut::Command)));
    }

    #[tokio::test]
    async fn what_was_read_makes_room() {
        let (sender, mut body) = Backlog::with_bytes(600).stream(|| {});
        for _ in 0..100 {
            sender.send(&[b'x'; 50]).expect("within the bound");
            assert!(next(&mut body).await.is_some());
        }
    }

    #[tokio::test]
    async fn a_client_that_goes_is_told_of_once() {
        let told = Arc::new(AtomicUsize::new(0));
        let (sender, body) = Backlog::new().stream({
            let told = Arc::clone(&told);
            move || {
                told.fetch_add(1, Ordering::Relaxed);
            }
        });
        drop(body);
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(sender.send(b"x"), Err(SendError::Gone));
    }
}
