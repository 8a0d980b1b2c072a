//! What the user sees: results on stdout, talk on stderr.
//!
//! Everything that can be said is an [`Event`]; [`text`] turns one into words, and with
//! `--output json` it is printed as it is. One [`Reporter`] is the only writer, logs included.
//!
//! Each stream has a [`lane`] of its own, so that a reader of stdout that does not read holds up
//! neither the job, nor a signal, nor what is said on stderr. Where both are the same terminal,
//! file or pipe they share a lane, and with it one order.
//!
//! - A slow reader is waited for, at the end too, as by any program. Only those who pass on what
//!   guests print wait earlier.
//! - Once the user has interrupted, a reader that reads nothing for [`PATIENCE_INTERRUPTED`] is
//!   given up, and what it did not read is counted.
//! - A reader that has gone, such as `head`, has seen enough: nothing more is printed, and the job
//!   ends as if it had been interrupted, because it must not leave its tasks behind.

mod event;
mod lane;
mod printer;
mod status_text;
mod text;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use executor_host::output::{readable, spelled_out};
use tokio::sync::watch;

pub(crate) use self::event::{Event, Outcome, Stream};
use self::lane::{Item, Lane};
use self::printer::{LiveLine, Printer};
use crate::args::OutputFormat;
use crate::running::RunningJob;
use crate::signals::Urgency;

/// For how long an interrupted job waits for a reader that does not read: as long as people wait
/// before they press Ctrl-C again.
const PATIENCE_INTERRUPTED: Duration = Duration::from_secs(2);

/// The same after a second interrupt: a reader that reads needs less for a line.
const PATIENCE_AT_ONCE: Duration = Duration::from_millis(100);

/// Prints what happens, in the form that the user asked for.
#[derive(Debug)]
pub(crate) struct Reporter {
    format: OutputFormat,
    quiet: bool,
    /// On a terminal there is a line at the bottom that shows what is going on.
    has_live_line: bool,
    /// The widest task name, so that the lines of all tasks start in one column.
    name_width: Mutex<usize>,
    stdout: Arc<Lane>,
    /// The same as that of stdout, if both go to the same place.
    stderr: Arc<Lane>,
    stdout_closed: watch::Receiver<bool>,
    /// Remembers what is said for those who look from elsewhere.
    witness: OnceLock<Arc<RunningJob>>,
    /// Stdout is for the messages of tasks.
    has_messages: AtomicBool,
}

impl Reporter {
    /// A reporter for this process's stdout and stderr.
    pub(crate) fn new(format: OutputFormat, quiet: bool) -> Self {
        let has_live_line = format == OutputFormat::Text && !quiet && io::stderr().is_terminal();
        let live = has_live_line.then(LiveLine::new);
        let (closed, stdout_closed) = watch::channel(false);
        let lane = |live| {
            let mut printer = Printer::new(live, closed.clone());
            Arc::new(Lane::start(move |item| printer.print(item)))
        };
        let stderr = lane(live);
        let stdout = match printer::is_one_place() {
            true => Arc::clone(&stderr),
            false => lane(None),
        };
        Self {
            format,
            quiet,
            has_live_line,
            name_width: Mutex::new(0),
            stdout,
            stderr,
            stdout_closed,
            witness: OnceLock::new(),
            has_messages: AtomicBool::new(false),
        }
    }

    /// Whether nothing but results and errors is printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether everything is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Becomes true when nobody reads stdout any more.
    pub(crate) fn stdout_closed(&self) -> watch::Receiver<bool> {
        self.stdout_closed.clone()
    }

    /// From now on the job remembers what is said, for those who look from elsewhere. Once only.
    pub(crate) fn witnessed_by(&self, job: &Arc<RunningJob>) {
        let _ = self.witness.set(Arc::clone(job));
    }

    /// Makes room for these names in front of the lines of tasks.
    pub(crate) fn align<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let widest = names
            .into_iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut width = self
            .name_width
            .lock()
            .expect("no holder of this lock panics");
        *width = (*width).max(widest);
    }

    /// Shows what is going on at the moment, where there is a live line.
    ///
    /// It begins with the first call: before, the terminal belongs to cargo, which has a line of
    /// its own.
    pub(crate) fn live(&self, message: impl FnOnce() -> String) {
        if self.has_live_line {
            self.stderr.push(Item::Live(message()));
        }
    }

    /// Takes the live line away, for good.
    pub(crate) fn end_live(&self) {
        self.stderr.push(Item::EndLive);
    }

    /// Says what has happened. Never waits.
    pub(crate) fn event(&self, event: &Event<'_>) {
        if let Some((lane, item)) = self.item(event) {
            lane.push(item);
        }
    }

    /// Passes on what a guest has printed; waits while too much of it waits to be read.
    ///
    /// `time` is when it was printed, if that is known.
    pub(crate) fn output(&self, task: &str, stream: Stream, time: Option<&str>, line: &str) {
        let event = Event::Output {
            task,
            stream,
            time,
            line,
        };
        self.event_in_turn(&event);
    }

    /// Stdout is for messages of tasks from now on, and stdin for those to them: what guests print
    /// for people goes to stderr, and nothing is drawn over what is typed.
    pub(crate) fn begin_messages(&self) {
        self.has_messages.store(true, Ordering::Relaxed);
        if io::stdin().is_terminal() {
            self.end_live();
        }
    }

    /// Passes on what a task has sent; waits while too much waits to be read.
    pub(crate) fn message(&self, task: &str, message: &[u8]) {
        let message = match self.is_json() {
            true => readable(message),
            false => spelled_out(message),
        };
        let message = &message;
        self.event_in_turn(&Event::Message { task, message });
    }

    fn event_in_turn(&self, event: &Event<'_>) {
        let Some((lane, item)) = self.item(event) else {
            return;
        };
        if let Err(item) = lane.try_push(item) {
            // The app scheduler prints on a thread of the runtime, which goes on elsewhere.
            tokio::task::block_in_place(|| lane.push_in_turn(item));
        }
    }

    /// Prints what was asked for as it is, whatever the format: a file for another program.
    pub(crate) fn file(&self, text: &str) {
        let text = text.strip_suffix('\n').unwrap_or(text);
        self.stdout.push(Item::Result(text.to_owned()));
    }

    /// Prints text for people as it is, such as a rendered diagnostic. Never waits.
    pub(crate) fn talk(&self, text: &str) {
        self.stderr.push(Item::Talk(text.to_owned()));
    }

    /// Waits until all talk is printed, so that another program can say something on stderr.
    pub(crate) fn settle(&self) {
        self.stderr.settle();
    }

    /// The last call: waits until everything is printed, and says so if something was not.
    pub(crate) fn finish(&self) {
        self.end_live();
        let left_out = self.stdout.settle();
        if left_out > 0 {
            let lines = if left_out == 1 { "line" } else { "lines" };
            self.talk(&format!(
                "warning: {left_out} {lines} not printed: nobody reads stdout"
            ));
        }
        self.stderr.settle();
    }

    /// Waits less for readers, the more urgently the user wants to stop.
    pub(crate) fn hurry(&self, urgency: Urgency) {
        let patience = match urgency {
            Urgency::None => return,
            Urgency::Graceful => PATIENCE_INTERRUPTED,
            Urgency::Immediate => PATIENCE_AT_ONCE,
        };
        self.stdout.set_patience(patience);
        self.stderr.set_patience(patience);
    }

    /// Where an event is printed, and how.
    fn item(&self, event: &Event<'_>) -> Option<(&Lane, Item)> {
        // Messages are the work of the job and not what happens to it, which they would drive out.
        if let Some(job) = self.witness.get()
            && !matches!(event, Event::Message { .. })
        {
            job.event(event);
        }
        if self.is_json() {
            let line = serde_json::to_string(event).expect("events are plain data");
            return Some((&self.stdout, Item::Result(line)));
        }
        let width = *self
            .name_width
            .lock()
            .expect("no holder of this lock panics");
        let is_printed = matches!(event, Event::Output { .. });
        match text::render(event, width) {
            text::Rendered::Result(line)
                if is_printed && self.has_messages.load(Ordering::Relaxed) =>
            {
                Some((&self.stderr, Item::Talk(line)))
            }
            text::Rendered::Result(line) => Some((&self.stdout, Item::Result(line))),
            text::Rendered::Error(line) => Some((&self.stderr, Item::Talk(line))),
            text::Rendered::Talk(line) if !self.quiet => Some((&self.stderr, Item::Talk(line))),
            text::Rendered::Talk(_) | text::Rendered::Nothing => None,
        }
    }
}
