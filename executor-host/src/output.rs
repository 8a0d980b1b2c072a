//! What guests print, line by line, each marked with its time and the task's name.
//!
//! Every line of a guest becomes one line of the executor's stdout or stderr (the files `stdout`
//! and `stderr` of the sandbox), and one of the task's own file:
//!
//! ```text
//! stdout                    2026-11-21T18:34:08.123Z [elevator-0] doors open
//! output/elevator-0.log     2026-11-21T18:34:08.123Z stdout doors open
//! ```
//!
//! [`format_line`] makes the first and [`parse_line`] takes it apart; the executor's own log lines
//! have no name in brackets. Lines are cut and cleaned on the guest's thread, as part of its turn;
//! they are written by a thread of their own (`spool`), which holds up a guest that prints faster
//! than that, and no other.
//!
//! In `mesosgot` itself, where the app scheduler runs, lines go to two writers as they come: behind
//! these there is a queue already.

mod clean;
mod files;
mod line;
mod rate;
mod sandbox;
mod shared;
mod spool;

use std::{
    fmt,
    future::Future,
    io::{self, Write},
    os::fd::AsFd,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

pub use self::clean::{clean, readable, spelled_out};
pub use self::line::{Line, format_line, format_time, parse_line};
use self::line::{Lines, PanicText};
pub use self::sandbox::{OUTPUT_FOLDER, OutputBounds};
pub use self::shared::PART_MARK;
use self::{
    sandbox::Sandbox,
    spool::{Queue, Spool, Stream, WRITE_BYTES_MAX},
};

/// Where the guests of a process print to. Clones share it.
#[derive(Clone)]
pub struct Output(Kind);

#[derive(Clone)]
enum Kind {
    Writers { stdout: Sink, stderr: Sink },
    Spooled(Arc<Spool>),
}

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

impl Output {
    /// Output to two writers. Each line is one `write_all` and a `flush`, on the guest's thread.
    pub fn new(stdout: impl Write + Send + 'static, stderr: impl Write + Send + 'static) -> Self {
        Self(Kind::Writers {
            stdout: Arc::new(Mutex::new(Box::new(stdout))),
            stderr: Arc::new(Mutex::new(Box::new(stderr))),
        })
    }

    /// Output into the sandbox at `folder`, whose files `stdout` and `stderr` are open already, and
    /// to a file for each task there.
    ///
    /// # Errors
    ///
    /// When the two cannot be shared with the thread that writes, or there is no such thread.
    pub fn sandbox(
        folder: &Path,
        stdout: impl AsFd,
        stderr: impl AsFd,
        bounds: OutputBounds,
    ) -> io::Result<Self> {
        let sandbox = Sandbox::new(folder, stdout, stderr, bounds)?;
        Ok(Self(Kind::Spooled(Arc::new(Spool::start(sandbox)?))))
    }

    /// The streams of the guest of that name.
    pub(crate) fn guest(&self, name: &str) -> GuestOutput {
        let name: Arc<str> = name.into();
        let (stdout, stderr) = match &self.0 {
            Kind::Writers { stdout, stderr } => (
                Target::Writer(Arc::clone(stdout)),
                Target::Writer(Arc::clone(stderr)),
            ),
            Kind::Spooled(spool) => {
                let guest = Arc::new(OpenQueue(spool.queue(Arc::clone(&name))));
                let to = |stream| Target::Queue(Arc::clone(&guest), stream);
                (to(Stream::Stdout), to(Stream::Stderr))
            }
        };
        GuestOutput {
            stdout: LineStream::new(Arc::clone(&name), stdout),
            stderr: LineStream::new(name, stderr),
        }
    }

    /// Waits until all that was printed before is written.
    pub(crate) async fn flushed(&self) {
        if let Kind::Spooled(spool) = &self.0 {
            spool.flushed().await;
        }
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_flushed(&self) -> bool {
        match &self.0 {
            Kind::Writers { .. } => true,
            Kind::Spooled(spool) => spool.is_flushed(),
        }
    }

    /// Has all that was printed written, for as long as that may take; what is printed later goes
    /// nowhere.
    pub fn close(&self, within: Duration) {
        if let Kind::Spooled(spool) = &self.0 {
            spool.close(within);
        }
    }

    /// Where the executor logs to: whole lines, marked already. Nobody who logs waits.
    pub(crate) fn log(&self) -> Log {
        match &self.0 {
            Kind::Writers { stderr, .. } => Log(Target::Writer(Arc::clone(stderr))),
            Kind::Spooled(spool) => {
                let queue = Arc::new(OpenQueue(spool.queue("".into())));
                Log(Target::Queue(queue, Stream::Log))
            }
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

/// Where one stream goes.
#[derive(Clone)]
enum Target {
    Writer(Sink),
    Queue(Arc<OpenQueue>, Stream),
}

/// A queue that is closed when no stream of its guest is left.
struct OpenQueue(Arc<Queue>);

impl Drop for OpenQueue {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The executor's own log. Clones share its queue.
#[derive(Clone)]
pub(crate) struct Log(Target);

impl Write for Log {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Target::Writer(sink) => write_line(sink, lines),
            Target::Queue(queue, _) => queue.0.push_log(&String::from_utf8_lossy(lines)),
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The two streams of one guest.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput {
    pub(crate) stdout: LineStream,
    pub(crate) stderr: LineStream,
}

/// One stream of one guest. Clones are the same stream; the last one to go ends the last line.
#[derive(Clone)]
pub(crate) struct LineStream(Arc<Mutex<Printer>>);

struct Printer {
    name: Arc<str>,
    lines: Lines,
    panic: PanicText,
    target: Target,
}

impl LineStream {
    fn new(name: Arc<str>, target: Target) -> Self {
        Self(Arc::new(Mutex::new(Printer {
            name,
            lines: Lines::default(),
            panic: PanicText::default(),
            target,
        })))
    }

    /// What the last panic of a Rust guest said on this stream, if it had one.
    pub(crate) fn panic_text(&self) -> Option<String> {
        self.printer(|printer| printer.panic.text())
    }

    fn print(&self, bytes: &[u8]) {
        self.printer(|printer| printer.print(bytes));
    }

    /// How much may be printed now.
    fn permitted(&self) -> usize {
        self.printer(|printer| match &printer.target {
            Target::Writer(_) => WRITE_BYTES_MAX,
            Target::Queue(queue, _) => queue.0.permitted(),
        })
    }

    /// Refuses what was not permitted: the guest does not ask, and would fill our memory.
    fn check(&self, bytes: usize) -> StreamResult<()> {
        let is_overfull = self.printer(|printer| match &printer.target {
            Target::Writer(_) => false,
            Target::Queue(queue, _) => queue.0.is_overfull(),
        });
        match bytes > WRITE_BYTES_MAX || is_overfull {
            true => Err(StreamError::trap("more is printed than the stream permits")),
            false => Ok(()),
        }
    }

    /// Waits until something may be printed.
    async fn room(&self) {
        let queue = self.printer(|printer| match &printer.target {
            Target::Writer(_) => None,
            Target::Queue(queue, _) => Some(Arc::clone(queue)),
        });
        if let Some(queue) = queue {
            queue.0.room().await;
        }
    }

    fn printer<T>(&self, act: impl FnOnce(&mut Printer) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for LineStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineStream").finish_non_exhaustive()
    }
}

impl Printer {
    fn print(&mut self, bytes: &[u8]) {
        let Self {
            name,
            lines,
            panic,
            target,
        } = self;
        let now = SystemTime::now();
        lines.push(bytes, |text| print_line(name, panic, target, now, &text));
    }
}

fn print_line(name: &str, panic: &mut PanicText, target: &Target, at: SystemTime, text: &str) {
    panic.observe(text);
    match target {
        Target::Writer(sink) => write_line(sink, format_line(at, name, text).as_bytes()),
        Target::Queue(queue, stream) => queue.0.push(*stream, at, text),
    }
}

fn write_line(sink: &Sink, line: &[u8]) {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    // A full disk or a closed pipe is no reason to end a task that happens to print.
    let _ = sink.write_all(line).and_then(|()| sink.flush());
}

impl Drop for Printer {
    fn drop(&mut self) {
        if let Some(text) = self.lines.finish() {
            let now = SystemTime::now();
            print_line(&self.name, &mut self.panic, &self.target, now, &text);
        }
    }
}

impl IsTerminal for LineStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(AsyncLines {
            stream: self.clone(),
            waiting: Mutex::new(None),
        })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {
        self.room().await;
    }
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check(bytes.len())?;
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.permitted())
    }
}

/// A stream as the runtime's own traits have it.
struct AsyncLines {
    stream: LineStream,
    waiting: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl AsyncWrite for AsyncLines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.stream.clone();
        let waiting = self.waiting.get_mut();
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        loop {
            let permitted = stream.permitted().min(bytes.len());
            if permitted > 0 || bytes.is_empty() {
                *waiting = None;
                stream.print(&bytes[..permitted]);
                return Poll::Ready(Ok(permitted));
            }
            let room = waiting.get_or_insert_with(|| {
                let stream = stream.clone();
                Box::pin(async move { stream.room().await })
            });
            ready!(room.as_mut().poll(context));
            *waiting = None;
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
