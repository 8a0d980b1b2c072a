//! Reads what executors print, from the sandboxes of an embedded cluster.
//!
//! One thread polls the files `stdout` and `stderr` of every sandbox below the work directory; it
//! reads each to its end before it stops, so no line is lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use crate::report::Stream;

/// How long a line may wait for being seen: short enough to feel live, long enough to cost nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A line without an end is cut here, so that it cannot fill our memory.
const LINE_BYTES_MAX: usize = 1 << 20;

/// How deep sandboxes lie below the work directory:
/// `<agent>/slaves/<id>/frameworks/<id>/executors/<id>/runs/<id>/stdout`.
const DEPTH_MAX: usize = 12;

/// The thread that reads; [`Tail::stop`] ends it.
#[derive(Debug)]
pub(crate) struct Tail {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Tail {
    /// Reads every sandbox below `work_dir` from now on, and gives each line to `sink`.
    pub(crate) fn start(work_dir: PathBuf, sink: impl Fn(Stream, &[u8]) + Send + 'static) -> Self {
        let (stop, stopped) = channel();
        let thread = spawn(move || {
            let mut files = Files::default();
            loop {
                let last = !matches!(
                    stopped.recv_timeout(POLL_INTERVAL),
                    Err(RecvTimeoutError::Timeout)
                );
                files.poll(&work_dir, &sink);
                if last {
                    files.finish(&sink);
                    return;
                }
            }
        });
        Self { stop, thread }
    }

    /// Reads every file to its end and stops. Call it when no executor is left that could print.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the reader of executors' output has panicked");
        }
    }
}

/// The files found so far.
#[derive(Debug, Default)]
struct Files {
    open: BTreeMap<PathBuf, OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    stream: Stream,
    lines: LineSplitter,
}

impl Files {
    fn poll(&mut self, work_dir: &Path, sink: &impl Fn(Stream, &[u8])) {
        if let Err(error) = self.find(work_dir, 0) {
            tracing::debug!(%error, "failed to look for sandboxes");
        }
        for (path, open) in &mut self.open {
            if let Err(error) = open.read(sink) {
                tracing::warn!(path = %path.display(), %error, "failed to read output");
            }
        }
    }

    fn finish(self, sink: &impl Fn(Stream, &[u8])) {
        for mut open in self.open.into_values() {
            if let Some(line) = open.lines.finish() {
                sink(open.stream, &line);
            }
        }
    }

    /// Opens the `stdout` and `stderr` of sandboxes that are new. Links (`runs/latest`) are passed
    /// over.
    fn find(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let is_runs = folder
            .parent()
            .is_some_and(|parent| parent.ends_with("runs"));
        if is_runs {
            self.open(folder, "stdout", Stream::Stdout);
            self.open(folder, "stderr", Stream::Stderr);
            return Ok(());
        }
        if depth == DEPTH_MAX {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.find(&entry.path(), depth + 1)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, sandbox: &Path, name: &str, stream: Stream) {
        let path = sandbox.join(name);
        if self.open.contains_key(&path) {
            return;
        }
        // Not there yet is the normal case; the next poll tries again.
        if let Ok(file) = File::open(&path) {
            self.open.insert(
                path,
                OpenFile {
                    file,
                    stream,
                    lines: LineSplitter::default(),
                },
            );
        }
    }
}

impl OpenFile {
    fn read(&mut self, sink: &impl Fn(Stream, &[u8])) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.lines
                .push(&buffer[..read], |line| sink(self.stream, line));
        }
    }
}

/// Takes bytes apart into lines, in whatever pieces they come.
#[derive(Debug, Default)]
struct LineSplitter {
    partial: Vec<u8>,
}

impl LineSplitter {
    fn push(&mut self, mut piece: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&piece[..end]);
            line(&self.partial);
            self.partial.clear();
            piece = &piece[end + 1..];
        }
        self.partial.extend_from_slice(piece);
        if self.partial.len() > LINE_BYTES_MAX {
            line(&self.partial);
            self.partial.clear();
        }
    }

    fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.partial.is_empty()).then(|| std::mem::take(&mut self.partial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, |line| {
                lines.push(String::from_utf8_lossy(line).into_owned())
            });
        }
        lines.extend(
            splitter
                .finish()
                .map(|line| String::from_utf8_lossy(&line).into_owned()),
        );
        lines
    }

    #[test]
    fn lines_come_whole_whatever_the_pieces() {
        assert_eq!(split(&[b"a", b"b\nc", b"\n\nd"]), ["ab", "c", "", "d"]);
        assert_eq!(split(&[b"a\n", b"b\n"]), ["a", "b"]);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let piece = vec![b'x'; LINE_BYTES_MAX + 1];
        let lines = split(&[&piece, b"y\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "y");
    }

    #[test]
    fn lines_that_are_written_last_are_read_before_the_end() {
        let work_dir = tempfile::tempdir().expect("a temporary directory can be made");
        let sandbox = work_dir.path().join("executors/e/runs/c");
        std::fs::create_dir_all(&sandbox).expect("the sandbox can be made");
        let (sink, lines) = channel();
        let tail = Tail::start(work_dir.path().to_owned(), move |stream, line| {
            sink.send((stream, line.to_vec()))
                .expect("the test listens");
        });
        std::fs::write(sandbox.join("stdout"), "one\ntwo").expect("the file can be written");
        std::fs::write(sandbox.join("stderr"), "oops\n").expect("the file can be written");
        tail.stop();
        let mut lines: Vec<_> = lines.iter().collect();
        lines.sort_by_key(|(stream, line)| (*stream == Stream::Stderr, line.clone()));
        let expected = [
            (Stream::Stdout, b"one".to_vec()),
            (Stream::Stdout, b"two".to_vec()),
            (Stream::Stderr, b"oops".to_vec()),
        ];
        assert_eq!(lines, expected);
    }
}
