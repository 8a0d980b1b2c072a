//! What the user sees: results on stdout, talk on stderr.
//!
//! Everything that can be said is an [`Event`]; [`text`] turns one into words, and with
//! `--output json` it is printed as it is. One [`Reporter`] is the only writer, logs included.
//!
//! On a terminal there is a [`live`] area at the bottom, which the lane of stderr draws.
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

mod area;
mod entry_text;
mod event;
mod lane;
mod live;
mod names;
mod printer;
mod screen;
mod status_text;
mod table;
mod terminal;
mod text;
mod width;

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use executor_host::output::{readable, spelled_out};
use framework::Traffic;
use rustix::termios::tcgetwinsize;
use tokio::sync::watch;

use self::area::{Area, LOOK_EVERY, Subject};
pub(crate) use self::event::{Ended, Event, Outcome, Stream};
use self::lane::{Item, Lane};
use self::names::Names;
use self::printer::Printer;
pub(crate) use self::status_text::Shape;
use self::terminal::Terminal;
use crate::args::OutputFormat;
use crate::colour;
use crate::running::RunningJob;
use crate::signals::Urgency;
use crate::tally::Tally;

/// For how long an interrupted job waits for a reader that does not read: as long as people wait
/// before they press Ctrl-C again.
const PATIENCE_INTERRUPTED: Duration = Duration::from_secs(2);

/// The same after a second interrupt: a reader that reads needs less for a line.
const PATIENCE_AT_ONCE: Duration = Duration::from_millis(100);

/// How long a terminal may take until we are stopped, which the user waits for.
const SUSPEND_TIME_MAX: Duration = Duration::from_millis(500);

/// What is assumed of a terminal that does not know its size.
const COLUMNS_UNKNOWN: usize = 80;

/// Prints what happens, in the form that the user asked for.
#[derive(Debug)]
pub(crate) struct Reporter {
    format: OutputFormat,
    quiet: bool,
    /// Where there is an area at the bottom that shows what is going on.
    live: Option<LiveArea>,
    /// So that the lines of all tasks start in one column.
    names: Mutex<Names>,
    stdout: Arc<Lane>,
    /// The same as that of stdout, if both go to the same place.
    stderr: Arc<Lane>,
    stdout_closed: watch::Receiver<bool>,
    /// Remembers what is said for those who look from elsewhere.
    witness: OnceLock<Arc<RunningJob>>,
    /// Stdout is for the messages of tasks.
    has_messages: AtomicBool,
}

/// The live area as the reporter knows it.
#[derive(Debug)]
struct LiveArea {
    terminal: Arc<Terminal>,
    subject: Subject,
}

impl Reporter {
    /// A reporter for this process's stdout and stderr.
    pub(crate) fn new(format: OutputFormat, quiet: bool) -> Self {
        let is_one_place = printer::is_one_place();
        // Lines of another lane would go into the area.
        let is_wanted =
            format == OutputFormat::Text && !quiet && (is_one_place || !io::stdout().is_terminal());
        let live = is_wanted.then(LiveArea::of_stderr).flatten();
        let (closed, stdout_closed) = watch::channel(false);
        let lane = |live: Option<&LiveArea>| {
            let mut printer = Printer::new(live.map(LiveArea::area), closed.clone());
            let tick = live.map(|_| LOOK_EVERY);
            Arc::new(Lane::start(tick, move |step| printer.act(step)))
        };
        let stderr = lane(live.as_ref());
        let stdout = match is_one_place {
            true => Arc::clone(&stderr),
            false => lane(None),
        };
        Self {
            format,
            quiet,
            live,
            names: Mutex::new(Names::of_process()),
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

    /// How wide the terminal is that stdout is, if it is one: tables have to fit it then.
    pub(crate) fn stdout_columns(&self) -> Option<usize> {
        let stdout = io::stdout();
        let is_for_people = !self.is_json() && stdout.is_terminal();
        is_for_people.then(|| match tcgetwinsize(stdout) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => COLUMNS_UNKNOWN,
        })
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
        self.names().align(names);
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what is being done before there is a gang, what matters most first, where there is a
    /// live area.
    pub(crate) fn note(&self, words: impl FnOnce() -> Vec<String>) {
        if let Some(live) = &self.live {
            live.subject.set_note(words());
        }
    }

    /// That is done.
    pub(crate) fn end_note(&self) {
        if let Some(live) = &self.live {
            live.subject.set_note(Vec::new());
            self.stderr.push(Item::Redraw);
        }
    }

    /// Shows how this job is doing, where there is a live area, from now to the end of it.
    pub(crate) fn watch(&self, job: &str, tally: &Arc<Mutex<Tally>>, traffic: &Traffic) {
        if let Some(live) = &self.live {
            live.subject.set_gang(job, tally, traffic);
            self.stderr.push(Item::Redraw);
        }
    }

    /// Takes the live area away, for good.
    pub(crate) fn end_live(&self) {
        self.stderr.push(Item::EndLive);
    }

    /// Whether there may be a live area, which must be suspended before the process is.
    pub(crate) fn has_live_area(&self) -> bool {
        self.live.is_some()
    }

    /// Takes the live area away until it is resumed; waits for that, but not for a terminal that
    /// takes nothing.
    pub(crate) fn suspend(&self) {
        self.stderr.push(Item::Suspend);
        self.stderr.settle_within(SUSPEND_TIME_MAX);
        if let Some(live) = &self.live {
            live.terminal.restore();
        }
    }

    /// Has the live area come back.
    pub(crate) fn resume(&self) {
        self.stderr.push(Item::Resume);
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

    /// Says one of many things that are told one after the other; waits while too much waits to be
    /// read.
    pub(crate) fn event_in_turn(&self, event: &Event<'_>) {
        let Some((lane, item)) = self.item(event) else {
            return;
        };
        in_turn(lane, item);
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

    /// Passes on a line of another program for people; waits while too much waits to be read.
    pub(crate) fn talk_in_turn(&self, line: String) {
        in_turn(&self.stderr, Item::Talk(line));
    }

    /// Waits until all talk is printed, so that another program can say something on stderr. There
    /// must be no live area.
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
        if let Some(live) = &self.live {
            live.terminal.restore();
        }
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
        let names = *self.names();
        let is_printed = matches!(event, Event::Output { .. });
        match text::render(event, names) {
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

/// Has an item printed; waits while too much waits to be read.
fn in_turn(lane: &Lane, item: Item) {
    if let Err(item) = lane.try_push(item) {
        // Whoever prints does so on a thread of the runtime, which goes on elsewhere.
        tokio::task::block_in_place(|| lane.push_in_turn(item));
    }
}

impl LiveArea {
    /// An area on the terminal that stderr is, if it is one.
    fn of_stderr() -> Option<Self> {
        let terminal = Arc::new(Terminal::of_stderr()?);
        terminal.restore_on_panic();
        Some(Self {
            terminal,
            subject: Subject::default(),
        })
    }

    /// What draws it.
    fn area(&self) -> Area {
        Area::new(
            Arc::clone(&self.terminal),
            colour::stderr(),
            self.subject.clone(),
        )
    }
}
