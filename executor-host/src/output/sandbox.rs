//! Where the lines of an executor's guests go in its sandbox, and how much of them.
//!
//! ```text
//! stdout, stderr      the lines of all tasks with time and name; of each task its share
//! output/NAME.log     all lines of one task with time and stream
//! ```
//!
//! A task that prints more than its share is left out of `stdout` and `stderr` until that is over,
//! so that the lines of others can be found there; how much was left out is told in a line of the
//! executor.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use super::{
    files::{FileBounds, TaskFiles},
    line::{push_line, push_time},
    rate::{LeftOut, Rate, Share, Verdict},
    shared::SharedStream,
    spool::{Batch, Stream},
};

/// The folder of the tasks' files in a sandbox.
pub const OUTPUT_FOLDER: &str = "output";

/// What the output of an executor may take of a disk, and each task of `stdout` and `stderr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputBounds {
    /// `stdout` and `stderr` each have two parts of this size. Default: 8 MiB.
    pub stream_bytes_max: u64,
    /// What a task may print to both at once. Default: 2 MiB, a quarter of a part: others keep room.
    pub burst_bytes: u64,
    /// What a task may print there for longer. Default: 128 KiB, more than anyone reads, so that
    /// the lines of others stay for a minute.
    pub bytes_per_second: u64,
    /// The file of a task has two parts of this size. Default: 2 MiB.
    pub task_bytes_max: u64,
    /// The files of all tasks together. Default: 128 MiB: with the two streams, an executor's output
    /// takes 160 MiB at most.
    pub tasks_bytes_max: u64,
}

impl Default for OutputBounds {
    fn default() -> Self {
        Self {
            stream_bytes_max: 8 << 20,
            burst_bytes: 2 << 20,
            bytes_per_second: 128 << 10,
            task_bytes_max: 2 << 20,
            tasks_bytes_max: 128 << 20,
        }
    }
}

/// What is kept for a write to `stdout` or `stderr`: few writes for many lines.
const CHUNK_BYTES: usize = 64 * 1024;

/// The files of one executor.
pub(super) struct Sandbox {
    stdout: SharedStream,
    stderr: SharedStream,
    files: TaskFiles,
    share: Share,
    /// For guests that have printed, until they end.
    rates: HashMap<u64, Rate>,
    /// Lines for the two streams that are not written yet.
    out: String,
    err: String,
    /// A task's file cannot be written to: so many lines are lost.
    lost: u64,
    /// Files of tasks had to go, which is told once.
    has_removed: bool,
}

impl Sandbox {
    /// The files of the sandbox at `folder`, of which `stdout` and `stderr` are open already.
    pub(super) fn new(
        folder: &Path,
        stdout: impl AsFd,
        stderr: impl AsFd,
        bounds: OutputBounds,
    ) -> io::Result<Self> {
        let stream = |open: &dyn AsFd, name: &str| -> io::Result<SharedStream> {
            let file = File::from(open.as_fd().try_clone_to_owned()?);
            let path: PathBuf = folder.join(name);
            Ok(SharedStream::new(file, path, bounds.stream_bytes_max))
        };
        let files = FileBounds {
            part_bytes_max: bounds.task_bytes_max,
            total_bytes_max: bounds.tasks_bytes_max,
        };
        Ok(Self {
            stdout: stream(&stdout, "stdout")?,
            stderr: stream(&stderr, "stderr")?,
            files: TaskFiles::new(folder.join(OUTPUT_FOLDER), files),
            share: Share {
                burst_bytes: bounds.burst_bytes,
                bytes_per_second: bounds.bytes_per_second,
            },
            rates: HashMap::new(),
            out: String::new(),
            err: String::new(),
            lost: 0,
            has_removed: false,
        })
    }

    /// Writes what one guest has printed.
    pub(super) fn write(&mut self, guest: u64, name: &str, batch: &Batch) {
        let mut own = String::new();
        for (stream, at, text) in batch.lines() {
            if stream == Stream::Log {
                self.err.push_str(text);
                continue;
            }
            push_time(&mut own, at);
            own.push_str(match stream {
                Stream::Stdout => " stdout ",
                Stream::Stderr | Stream::Log => " stderr ",
            });
            own.push_str(text);
            own.push('\n');
            if self.may_show(guest, name, text) {
                let shown = match stream {
                    Stream::Stdout => &mut self.out,
                    Stream::Stderr | Stream::Log => &mut self.err,
                };
                push_line(shown, at, name, text);
            }
            if self.out.len().max(self.err.len()) >= CHUNK_BYTES {
                self.end_round();
            }
        }
        if batch.left_out > 0 {
            let lines = batch.left_out;
            self.tell("WARN", &format!("{lines} lines of this log are left out"));
        }
        self.keep(name, &own);
        if batch.is_last {
            self.files.close(name);
            if let Some(left_out) = self.rates.remove(&guest).and_then(Rate::finish) {
                self.tell_left_out(name, left_out);
            }
        }
    }

    /// Writes what is not written yet.
    pub(super) fn end_round(&mut self) {
        let (out, err) = (std::mem::take(&mut self.out), std::mem::take(&mut self.err));
        let lost = [self.stdout.write(&out), self.stderr.write(&err)];
        for (lost, name) in lost.into_iter().zip(["stdout", "stderr"]) {
            if let Some(lost) = lost {
                let text = format!("{lost} lines of `{name}` could not be written");
                self.tell("WARN", &text);
                let told = std::mem::take(&mut self.err);
                let _ = self.stderr.write(&told);
            }
        }
    }

    /// Whether a line of the task goes to `stdout` or `stderr`.
    fn may_show(&mut self, guest: u64, name: &str, text: &str) -> bool {
        let now = Instant::now();
        let share = self.share;
        let rate = self.rates.entry(guest);
        let rate = rate.or_insert_with(|| Rate::new(share, now));
        match rate.judge(now, (text.len() + MARK_BYTES + name.len()) as u64) {
            Verdict::Shown => true,
            Verdict::ShownAgain(left_out) => {
                self.tell_left_out(name, left_out);
                true
            }
            Verdict::HiddenFirst => {
                let share = self.share.bytes_per_second / 1024;
                let file = file(name);
                let text = format!(
                    "task `{name}` prints more than {share} KiB a second: what it prints goes to \
                     `{file}` only"
                );
                self.tell("WARN", &text);
                false
            }
            Verdict::Hidden => false,
        }
    }

    fn tell_left_out(&mut self, name: &str, left_out: LeftOut) {
        let LeftOut { lines, bytes } = left_out;
        let file = file(name);
        let text = format!("{lines} lines ({bytes} bytes) of task `{name}` went to `{file}` only");
        self.tell("WARN", &text);
    }

    /// Keeps lines in the task's own file.
    fn keep(&mut self, name: &str, lines: &str) {
        if lines.is_empty() {
            return;
        }
        match self.files.append(name, lines.as_bytes()) {
            Ok(removed) => {
                if self.lost > 0 {
                    let lost = std::mem::take(&mut self.lost);
                    let text = format!("{lost} lines could not be written to the files of tasks");
                    self.tell("WARN", &text);
                }
                if removed > 0 && !std::mem::replace(&mut self.has_removed, true) {
                    let text = "the files of tasks take too much: what was written longest ago is \
                                removed";
                    self.tell("WARN", text);
                }
            }
            Err(error) => {
                if self.lost == 0 {
                    let text = format!("cannot write to `{}`: {error}", file(name));
                    self.tell("ERROR", &text);
                }
                self.files.close(name);
                self.lost += lines.matches('\n').count() as u64;
            }
        }
    }

    /// Says something in the form of the executor's own log.
    fn tell(&mut self, level: &str, text: &str) {
        push_time(&mut self.err, SystemTime::now());
        self.err.push_str(&format!(" {level:>5} output: {text}\n"));
    }
}

/// What the mark of a line takes beside the name.
const MARK_BYTES: usize = 28;

/// The file of a task, as it is told.
fn file(task: &str) -> String {
    format!("{OUTPUT_FOLDER}/{}", TaskFiles::name(task))
}
