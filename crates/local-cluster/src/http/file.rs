//! The body of a download: a file, read as it is sent.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead as _, ReadBuf};

/// A file of which so many bytes are sent. One that has become shorter breaks the connection, which
/// is how HTTP says so.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: tokio::fs::File,
    remaining: u64,
}

/// How much is read at once: what a socket takes, roughly.
const BLOCK_BYTES: usize = 64 << 10;

impl FileBody {
    pub(crate) fn new(file: File, size: u64) -> Self {
        Self {
            file: tokio::fs::File::from_std(file),
            remaining: size,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.remaining == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(this.remaining).unwrap_or(usize::MAX);
        let mut block = vec![0; wanted.min(BLOCK_BYTES)];
        let mut buffer = ReadBuf::new(&mut block);
        if let Err(error) = ready!(Pin::new(&mut this.file).poll_read(context, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let length = buffer.filled().len();
        if length == 0 {
            return Poll::Ready(None);
        }
        block.truncate(length);
        this.remaining -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(block.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
