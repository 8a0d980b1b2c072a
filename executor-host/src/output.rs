//! What guests print, line by line, each marked with the task's name.
//!
//! Every line of a guest becomes one line of the executor's stdout or stderr (the files `stdout`
//! and `stderr` of the sandbox), written whole in one write: lines of different tasks never mix.
//!
//! ```text
//! [elevator-0] doors open
//! ```
//!
//! [`format_line`] makes such a line and [`parse_line`] takes it apart; the executor's own log
//! lines do not begin with `[`. A write happens on the thread that runs the guest, so a guest that
//! prints faster than the file takes it waits for the file.

mod line;

use std::{
    fmt,
    io::{self, Write},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use self::line::{Lines, PanicText};
pub use self::line::{format_line, parse_line};

/// Where the guests of a process print to. Clones share it.
#[derive(Clone)]
pub struct Output {
    stdout: Sink,
    stderr: Sink,
}

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

impl Output {
    /// Output to two writers. Each line is one `write_all` and a `flush`.
    pub fn new(stdout: impl Write + Send + 'static, stderr: impl Write + Send + 'static) -> Self {
        Self {
            stdout: Arc::new(Mutex::new(Box::new(stdout))),
            stderr: Arc::new(Mutex::new(Box::new(stderr))),
        }
    }

    /// Output to the process's own stdout and stderr.
    pub fn inherit() -> Self {
        Self::new(io::stdout(), io::stderr())
    }

    /// The streams of the guest of that name.
    pub(crate) fn guest(&self, name: &str) -> GuestOutput {
        GuestOutput {
            stdout: LineStream::new(name, &self.stdout),
            stderr: LineStream::new(name, &self.stderr),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
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
    name: String,
    lines: Lines,
    panic: PanicText,
    sink: Sink,
}

/// What a guest may write at once. WASI's own streams permit as much.
const WRITE_BYTES_MAX: usize = 64 * 1024;

impl LineStream {
    fn new(name: &str, sink: &Sink) -> Self {
        let (lines, panic) = (Lines::default(), PanicText::default());
        Self(Arc::new(Mutex::new(Printer {
            name: name.to_owned(),
            lines,
            panic,
            sink: sink.clone(),
        })))
    }

    /// What the last panic of a Rust guest said on this stream, if it had one.
    pub(crate) fn panic_text(&self) -> Option<String> {
        self.printer(|printer| printer.panic.text())
    }

    fn print(&self, bytes: &[u8]) {
        self.printer(|printer| printer.print(bytes));
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
        self.lines.push(bytes);
        while let Some(text) = self.lines.next_line() {
            self.print_line(&text);
        }
    }

    fn print_line(&mut self, text: &str) {
        self.panic.observe(text);
        let line = format_line(&self.name, text);
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk or a closed pipe is no reason to end a task that happens to print.
        let _ = sink.write_all(line.as_bytes()).and_then(|()| sink.flush());
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        if let Some(text) = self.lines.finish() {
            self.print_line(&text);
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
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A writer that keeps each write apart.
    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<String>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_is_one_write_however_the_guest_cut_it() {
        let writes = Writes::default();
        let guest = Output::new(writes.clone(), io::sink()).guest("floor-3");
        for piece in ["do", "ors op", "en\nliftoff", "\n\nlast"] {
            guest.stdout.print(piece.as_bytes());
        }
        drop(guest);
        let expected = [
            "[floor-3] doors open\n",
            "[floor-3] liftoff\n",
            "[floor-3] \n",
            "[floor-3] last\n",
        ];
        assert_eq!(*writes.0.lock().unwrap(), expected);
    }

    #[test]
    fn lines_of_guests_that_print_at_once_stay_whole() {
        let writes = Writes::default();
        let output = Output::new(writes.clone(), io::sink());
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let guest = output.guest(name);
                scope.spawn(move || (0..200).for_each(|_| guest.stdout.print(b"one\ntwo\n")));
            }
        });
        let writes = writes.0.lock().unwrap();
        assert_eq!(writes.len(), 3 * 400);
        for line in writes.iter() {
            let (name, text) = parse_line(line.trim_end_matches('\n')).unwrap();
            assert!(
                ["a", "b", "c"].contains(&name) && ["one", "two"].contains(&text),
                "{line}"
            );
        }
    }

    #[test]
    fn the_text_of_a_panic_is_remembered() {
        let guest = Output::new(io::sink(), io::sink()).guest("a");
        assert_eq!(guest.stderr.panic_text(), None);
        guest.stderr.print(
            b"fine\n\nthread '<unnamed>' panicked at src/lib.rs:4:5:\nno lift\nnote: run with x\nafter\n",
        );
        assert_eq!(
            guest.stderr.panic_text().unwrap(),
            "panicked at src/lib.rs:4:5:\nno lift"
        );
    }

    #[test]
    fn a_writer_that_fails_does_not_fail_the_guest() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut guest = Output::new(Full, Full).guest("a");
        assert!(guest.stdout.write(Bytes::from_static(b"lost\n")).is_ok());
    }
}
