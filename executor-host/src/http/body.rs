//! The body of an answer: what comes, as long as it keeps coming.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep},
};
use wasmtime_wasi_http::Error;

/// The body of an answer.
pub(super) struct AnswerBody {
    incoming: Incoming,
    /// The longest wait for the next part.
    wait: Duration,
    /// Runs while somebody waits.
    timer: Option<Pin<Box<Sleep>>>,
    /// The place of its connection, until it was read or dropped.
    _place: Arc<OwnedSemaphorePermit>,
}

impl AnswerBody {
    pub(super) fn new(
        incoming: Incoming,
        wait: Duration,
        place: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            incoming,
            wait,
            timer: None,
            _place: place,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        let wait = self.wait;
        // A time that the clock does not know never comes.
        if Instant::now().checked_add(wait).is_none() {
            return Poll::Pending;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Error::ConnectionReadTimeout))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
