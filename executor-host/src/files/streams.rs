//! Streams of files, which are read and written in turns.

use std::{
    fs::File,
    io::{self, IoSlice},
    mem,
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use wasmtime_wasi::{
    async_trait,
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult},
    runtime::{AbortOnDropJoinHandle, poll_noop, spawn},
};

use super::StreamTurns;

/// What one read or write carries at most, and a stream keeps of the host's memory.
const PART_BYTES: usize = 64 * 1024;

/// What is read for a guest that waits until it can read, and has not said how much.
const READ_AHEAD_BYTES: usize = 4096;

/// Reads a file from some place on.
pub(super) struct FileReader {
    file: Arc<File>,
    position: u64,
    turns: StreamTurns,
    state: Reading,
}

enum Reading {
    Idle,
    Pending(AbortOnDropJoinHandle<io::Result<Bytes>>),
    Here(Bytes),
    Failed(io::Error),
    Over,
}

/// Writes a file.
pub(super) struct FileWriter {
    file: Arc<File>,
    at: Begin,
    turns: StreamTurns,
    state: Writing,
}

/// Where a stream writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    At(u64),
    AtEnd,
}

enum Writing {
    Idle,
    Pending(AbortOnDropJoinHandle<io::Result<usize>>),
    Failed(io::Error),
    Over,
}

impl FileReader {
    pub(super) fn new(file: Arc<File>, position: u64, turns: StreamTurns) -> Self {
        Self {
            file,
            position,
            turns,
            state: Reading::Idle,
        }
    }

    /// One read, in its turn.
    fn reading(&self, bytes: usize) -> impl Future<Output = io::Result<Bytes>> + Send + use<> {
        let (file, position) = (Arc::clone(&self.file), self.position);
        self.turns.clone().run(move || {
            let mut part = BytesMut::zeroed(bytes.min(PART_BYTES));
            let read = uninterrupted(|| file.read_at(&mut part, position))?;
            part.truncate(read);
            Ok(part.freeze())
        })
    }

    fn has_read(&mut self, read: io::Result<Bytes>) {
        self.state = match read {
            Ok(part) if part.is_empty() => Reading::Over,
            Ok(part) => Reading::Here(part),
            Err(error) => Reading::Failed(error),
        };
    }

    /// Waits for what was begun.
    async fn end(&mut self) {
        if let Reading::Pending(reading) = &mut self.state {
            let read = reading.await;
            self.has_read(read);
        }
    }
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if let Reading::Pending(reading) = &mut self.state
            && let Some(read) = poll_noop(Pin::new(reading))
        {
            self.has_read(read);
        }
        match &mut self.state {
            Reading::Idle if size > 0 => {
                self.state = Reading::Pending(spawn(self.reading(size)));
                Ok(Bytes::new())
            }
            Reading::Idle | Reading::Pending(_) => Ok(Bytes::new()),
            Reading::Here(part) => {
                let taken = part.split_to(part.len().min(size));
                if part.is_empty() {
                    self.state = Reading::Idle;
                }
                self.position += taken.len() as u64;
                Ok(taken)
            }
            Reading::Failed(_) | Reading::Over => {
                match mem::replace(&mut self.state, Reading::Over) {
                    Reading::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                    _ => Err(StreamError::Closed),
                }
            }
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.end().await;
        if size > 0 && matches!(self.state, Reading::Idle) {
            let read = self.reading(size).await;
            self.has_read(read);
        }
        self.read(size)
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {
        if matches!(self.state, Reading::Idle) {
            self.state = Reading::Pending(spawn(self.reading(READ_AHEAD_BYTES)));
        }
        self.end().await;
    }
}

impl FileWriter {
    pub(super) fn new(file: Arc<File>, at: Begin, turns: StreamTurns) -> Self {
        Self {
            file,
            at,
            turns,
            state: Writing::Idle,
        }
    }

    /// One write, in its turn.
    fn writing(&self, part: Bytes) -> impl Future<Output = io::Result<usize>> + Send + use<> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        self.turns.clone().run(move || {
            match at {
                Begin::At(position) => file.write_all_at(&part, position)?,
                Begin::AtEnd => append(&file, &part)?,
            }
            Ok(part.len())
        })
    }

    fn has_written(&mut self, written: io::Result<usize>) {
        self.state = match written {
            Ok(bytes) => {
                if let Begin::At(position) = &mut self.at {
                    *position += bytes as u64;
                }
                Writing::Idle
            }
            Err(error) => Writing::Failed(error),
        };
    }

    /// Whether something can be written, or why not.
    fn state(&mut self) -> StreamResult<bool> {
        if let Writing::Pending(writing) = &mut self.state
            && let Some(written) = poll_noop(Pin::new(writing))
        {
            self.has_written(written);
        }
        match &self.state {
            Writing::Idle => Ok(true),
            Writing::Pending(_) => Ok(false),
            Writing::Failed(_) | Writing::Over => {
                match mem::replace(&mut self.state, Writing::Over) {
                    Writing::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                    _ => Err(StreamError::Closed),
                }
            }
        }
    }
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, part: Bytes) -> StreamResult<()> {
        if !self.state()? || part.len() > PART_BYTES {
            let text = "a file was written without asking how much it takes";
            return Err(StreamError::trap(text));
        }
        self.state = Writing::Pending(spawn(self.writing(part)));
        Ok(())
    }

    async fn blocking_write_and_flush(&mut self, part: Bytes) -> StreamResult<()> {
        self.ready().await;
        self.state()?;
        let written = self.writing(part).await;
        self.has_written(written);
        self.state().map(drop)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.state().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.state()? { PART_BYTES } else { 0 })
    }

    /// What was written is not lost: a stream that is let go of waits until it is in the file.
    async fn cancel(&mut self) {
        if let Writing::Pending(writing) = mem::replace(&mut self.state, Writing::Over) {
            let _ = writing.await;
        }
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {
        if let Writing::Pending(writing) = &mut self.state {
            let written = writing.await;
            self.has_written(written);
        }
    }
}

/// Writes to the end of a file that was not opened for that.
fn append(file: &File, mut part: &[u8]) -> io::Result<()> {
    while !part.is_empty() {
        let written = match pwritev2(file, &[IoSlice::new(part)], 0, ReadWriteFlags::APPEND) {
            // Some file systems cannot; only this guest is known to write there.
            Err(Errno::NOSYS | Errno::NOTSUP) => file.write_at(part, file.metadata()?.len())?,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(written) => written,
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        part = &part[written..];
    }
    Ok(())
}

/// Tries again what a signal has interrupted.
fn uninterrupted<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
