//! Reads the sandboxes of an embedded cluster where they lie.
//!
//! One thread looks into every sandbox below the work directory; it reads each file to its end
//! before it stops, so no line is lost.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use super::follow::{Follower, Found, Part, Seen, Wanted};
use super::show;
use crate::report::{Event, Reporter, Stream};

/// How long a line may wait for being seen: short enough to feel live, long enough to cost nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How much is read at once.
const READ_BYTES: u64 = 64 * 1024;

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
    /// Shows what is printed in every sandbox below `work_dir` from now on.
    pub(crate) fn start(work_dir: PathBuf, reporter: Arc<Reporter>) -> Self {
        Self::start_with(work_dir, move |stream, found| match found {
            Found::Line(line) => show(&reporter, stream, &line),
            Found::Missed(parts) => reporter.event(&Event::Lost {
                message: &format!("{parts} parts of an executor's output were gone unread"),
            }),
        })
    }

    fn start_with(work_dir: PathBuf, sink: impl Fn(Stream, Found) + Send + 'static) -> Self {
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
    followed: BTreeMap<PathBuf, (Stream, Follower)>,
}

impl Files {
    fn poll(&mut self, work_dir: &Path, sink: &impl Fn(Stream, Found)) {
        if let Err(error) = self.find(work_dir, 0) {
            tracing::debug!(%error, "failed to look for sandboxes");
        }
        for (path, (stream, follower)) in &mut self.followed {
            if let Err(error) = read(path, follower, |found| sink(*stream, found)) {
                tracing::warn!(path = %path.display(), %error, "failed to read output");
            }
        }
    }

    fn finish(self, sink: &impl Fn(Stream, Found)) {
        for (stream, mut follower) in self.followed.into_values() {
            if let Some(line) = follower.finish() {
                sink(stream, Found::Line(line));
            }
        }
    }

    /// Begins to follow the `stdout` and `stderr` of sandboxes that are new. Links (`runs/latest`)
    /// are passed over.
    fn find(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let is_runs = folder
            .parent()
            .is_some_and(|parent| parent.ends_with("runs"));
        if is_runs {
            for (name, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
                let followed = self.followed.entry(folder.join(name));
                followed.or_insert_with(|| (stream, Follower::new()));
            }
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
}

/// Reads all that there is of a stream.
fn read(path: &Path, follower: &mut Follower, sink: impl Fn(Found)) -> io::Result<()> {
    let old = PathBuf::from(format!("{}.1", path.display()));
    follower.look(Seen {
        size: metadata(path)?.map(|file| file.len()),
        old: metadata(&old)?.map(|file| (file.len(), written(&file))),
    });
    while let Some(wanted) = follower.wanted() {
        let path = match wanted.part {
            Part::Current => path,
            Part::Old => old.as_path(),
        };
        let (data, size) = read_piece(path, wanted)?;
        follower.got(&data, size, &sink);
    }
    Ok(())
}

/// Not there yet is the normal case; the next look tries again.
fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// When a file was written to, in nanoseconds.
fn written(file: &Metadata) -> u64 {
    let nanoseconds = file.mtime().saturating_mul(1_000_000_000);
    nanoseconds.saturating_add(file.mtime_nsec()).unsigned_abs()
}

fn read_piece(path: &Path, wanted: Wanted) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(wanted.offset))?;
    let length = wanted.length.unwrap_or(READ_BYTES);
    let mut data = Vec::new();
    file.by_ref().take(length).read_to_end(&mut data)?;
    Ok((data, file.metadata()?.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_written_last_are_read_before_the_end() {
        let work_dir = tempfile::tempdir().expect("a temporary directory can be made");
        let sandbox = work_dir.path().join("executors/e/runs/c");
        std::fs::create_dir_all(&sandbox).expect("the sandbox can be made");
        let (sink, lines) = channel();
        let tail = Tail::start_with(work_dir.path().to_owned(), move |stream, found| {
            let Found::Line(line) = found else {
                panic!("{found:?}");
            };
            sink.send((stream, line)).expect("the test listens");
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
