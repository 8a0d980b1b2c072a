//! What the user sees: results on stdout, talk on stderr.
//!
//! Everything that can be said is an [`Event`]; [`text`] turns one into words, and with
//! `--output json` it is printed as it is. One [`Reporter`] is the only writer.

mod event;
mod text;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

pub(crate) use self::event::{Event, Outcome, Stream};
use crate::args::OutputFormat;

/// How often the live line moves, so that a waiting job is seen to be alive.
const LIVE_LINE_TICK: Duration = Duration::from_millis(120);

/// Prints what happens, in the form that the user asked for.
#[derive(Debug)]
pub(crate) struct Reporter {
    format: OutputFormat,
    quiet: bool,
    /// On a terminal: a line at the bottom that shows what is going on.
    live: Option<ProgressBar>,
    /// The widest task name, so that the lines of all tasks start in one column.
    name_width: Mutex<usize>,
    stdout_closed: watch::Sender<bool>,
}

impl Reporter {
    /// A reporter for this process's stdout and stderr.
    pub(crate) fn new(format: OutputFormat, quiet: bool) -> Self {
        let wants_live = format == OutputFormat::Text && !quiet && io::stderr().is_terminal();
        let live = wants_live.then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}")
                .expect("the template is a constant")
                .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ");
            ProgressBar::new_spinner().with_style(style)
        });
        let (stdout_closed, _) = watch::channel(false);
        Self {
            format,
            quiet,
            live,
            name_width: Mutex::new(0),
            stdout_closed,
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
        self.stdout_closed.subscribe()
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
        if let Some(bar) = &self.live {
            bar.set_message(message());
            bar.enable_steady_tick(LIVE_LINE_TICK);
        }
    }

    /// Takes the live line away, for good.
    pub(crate) fn end_live(&self) {
        if let Some(bar) = &self.live {
            bar.finish_and_clear();
        }
    }

    /// Says what has happened.
    pub(crate) fn event(&self, event: &Event<'_>) {
        match self.format {
            OutputFormat::Json => {
                let line = serde_json::to_string(event).expect("events are plain data");
                self.print(&line);
            }
            OutputFormat::Text => {
                let width = *self
                    .name_width
                    .lock()
                    .expect("no holder of this lock panics");
                match text::render(event, width) {
                    text::Rendered::Result(line) => self.print(&line),
                    text::Rendered::Error(line) => self.talk(&line),
                    text::Rendered::Talk(line) if !self.quiet => self.talk(&line),
                    text::Rendered::Talk(_) | text::Rendered::Nothing => {}
                }
            }
        }
    }

    /// Prints text for people as it is, such as a rendered diagnostic.
    pub(crate) fn talk(&self, text: &str) {
        // Nobody is left to tell when stderr is closed.
        self.suspended(|| drop(writeln!(anstream::stderr().lock(), "{text}")));
    }

    fn print(&self, line: &str) {
        self.suspended(|| {
            let mut stdout = anstream::stdout().lock();
            let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            let Err(error) = written else { return };
            let is_first = !self.stdout_closed.send_replace(true);
            // A reader that has gone, such as `head`, has seen enough and wants no explanation.
            if is_first && error.kind() != io::ErrorKind::BrokenPipe {
                let _ = writeln!(
                    anstream::stderr(),
                    "error: failed to write to stdout: {error}"
                );
            }
        });
    }

    fn suspended(&self, print: impl FnOnce()) {
        match &self.live {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}
