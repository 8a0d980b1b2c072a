//! Frames on a stream: a length of 4 bytes, then the frame, as often as there are any.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use channel::{FRAME_BYTES_MAX, FrameError};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tracing::debug;

use super::batch::{Batch, LENGTH_BYTES};
use crate::alarm::Alarm;
use crate::link::{DirectPath, LookAgain};

/// Why a direct path has ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Ended {
    /// The peer closed it.
    #[error("the other end closed it")]
    Closed,
    /// A newer connection has taken over.
    #[error("a newer connection has taken over")]
    Replaced,
    /// The link is shut.
    #[error("the link is shut")]
    Shut,
    /// It broke.
    #[error("it broke: {0}")]
    Broken(io::ErrorKind),
    /// The peer announced a frame that is too large.
    #[error("a frame of {bytes} bytes was announced, at most {FRAME_BYTES_MAX} are taken")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The peer does not keep to the rules of the link: [`shut`](crate::Link::shut) it.
    #[error("the other end breaks the rules of the link")]
    Frame(#[source] FrameError),
}

/// Carries the frames of a link over a stream, in both directions, until one of them ends; then
/// the link is back on framework messages. Both peers have said who they are before.
///
/// To drop the future ends the connection.
pub async fn carry(path: DirectPath, stream: impl AsyncRead + AsyncWrite) -> Ended {
    keep_freed_memory();
    let (reader, mut writer) = tokio::io::split(stream);
    let again = LookAgain::default();
    // One task for both: a frame that arrives and its answer need no other task between them.
    // Reading comes first: what it brings is looked for in the same poll.
    let ended = tokio::select! {
        biased;
        Err(ended) = read(&path, reader, &again) => ended,
        Err(ended) = write(&path, &mut writer, &again) => ended,
    };
    // A link that was shut has no more frames, whatever is lost on the way; and nobody is kept
    // waiting by a peer that does not read.
    let _ = timeout(CLOSE_WAIT, writer.shutdown()).await;
    ended
}

/// Lets the allocator keep what frames have freed for the next ones.
///
/// The one of glibc gives memory back to the system when twice the largest block that it ever
/// took back is free, which at first is less than two frames; to get it again takes more time than
/// all else that is done with a frame: 64 KiB messages pass twice as fast with this. A block that
/// is never touched costs nothing, and other allocators do not mind.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(
        KEPT_BYTES / 2,
    )));
}

async fn write(
    path: &DirectPath,
    writer: &mut (impl AsyncWrite + Unpin),
    again: &LookAgain,
) -> Result<Infallible, Ended> {
    let (mut alarm, mut batch) = (Alarm::new(), Batch::default());
    loop {
        let push = |frame| batch.push(frame);
        let filled = path.fill(&mut alarm, again, push, BATCH_BYTES_ENOUGH);
        if filled.await.is_none() {
            return Err(match path.is_replaced() {
                true => Ended::Replaced,
                false => Ended::Shut,
            });
        }
        batch.seal();
        let broken = |error: io::Error| Ended::Broken(error.kind());
        writer.write_all_buf(&mut batch).await.map_err(broken)?;
        writer.flush().await.map_err(broken)?;
    }
}

async fn read(
    path: &DirectPath,
    mut reader: impl AsyncRead + Unpin,
    again: &LookAgain,
) -> Result<Infallible, Ended> {
    let mut buffer = BytesMut::new();
    let mut ahead = AHEAD_BYTES_MIN;
    loop {
        let missing = loop {
            match cut(&mut buffer)? {
                Cut::Frame(frame) => {
                    ahead = (2 * frame.len()).clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
                    handle(path, frame, again)?;
                }
                Cut::Missing(bytes) => break bytes,
            }
        };
        let free = buffer.capacity() - buffer.len();
        if free < missing.max(FREE_BYTES_MIN) {
            buffer.reserve(missing.max(ahead));
        }
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return Err(Ended::Closed),
            Ok(_) => {}
            Err(error) => return Err(Ended::Broken(error.kind())),
        }
    }
}

enum Cut {
    Frame(Bytes),
    /// At least so many bytes are needed for the next frame.
    Missing(usize),
}

/// Takes the first frame out of what was read.
fn cut(buffer: &mut BytesMut) -> Result<Cut, Ended> {
    let Some(length) = buffer.first_chunk::<LENGTH_BYTES>() else {
        return Ok(Cut::Missing(LENGTH_BYTES - buffer.len()));
    };
    let bytes = u32::from_be_bytes(*length) as usize;
    if bytes > FRAME_BYTES_MAX {
        return Err(Ended::TooLarge { bytes });
    }
    if buffer.len() < LENGTH_BYTES + bytes {
        return Ok(Cut::Missing(LENGTH_BYTES + bytes - buffer.len()));
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Cut::Frame(match bytes <= COPIED_BYTES_MAX {
        true => {
            let frame = Bytes::copy_from_slice(&buffer[..bytes]);
            buffer.advance(bytes);
            frame
        }
        false => buffer.split_to(bytes).freeze(),
    }))
}

fn handle(path: &DirectPath, frame: Bytes, again: &LookAgain) -> Result<(), Ended> {
    match path.handle_frame(frame, again) {
        Ok(()) => Ok(()),
        Err(FrameError::Shut) => Err(Ended::Shut),
        Err(error @ FrameError::OtherIncarnation { .. }) => {
            debug!(%error, "left out a frame");
            Ok(())
        }
        Err(error) => Err(Ended::Frame(error)),
    }
}

/// When frames that are ready have so many bytes, they are written: a full frame of the default
/// size, beyond which a call costs nothing beside the copying.
const BATCH_BYTES_ENOUGH: usize = 256 << 10;

/// A frame up to this size is copied out of the read buffer, so that a message that waits in a
/// queue does not keep a buffer in memory that is much larger.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// The smallest read buffer: some thousand small messages with one call.
const AHEAD_BYTES_MIN: usize = 64 << 10;

/// The largest read buffer, for frames of half its size; a larger frame gets just its room.
///
/// A buffer holds two frames, so what a message can keep in memory is bounded by the frames.
const AHEAD_BYTES_MAX: usize = 1 << 20;

/// The least room for which reading is worth a call.
const FREE_BYTES_MIN: usize = 16 << 10;

/// So much freed memory a process keeps: what a link has in flight at most, 64 frames of 256 KiB.
const KEPT_BYTES: usize = 16 << 20;

/// How long the last bytes may take. All that matters has been acknowledged before.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
