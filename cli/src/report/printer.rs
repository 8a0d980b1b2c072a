//! What lanes print with: stdout, stderr, and the live line on a terminal.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::lane::Item;

/// How often the live line moves, so that a waiting job is seen to be alive.
const LIVE_LINE_TICK: Duration = Duration::from_millis(120);

/// Prints items, one after the other, and waits for whoever reads them.
#[derive(Debug)]
pub(super) struct Printer {
    live: Option<LiveLine>,
    stdout_closed: watch::Sender<bool>,
}

/// A line at the bottom of a terminal.
#[derive(Debug)]
pub(super) struct LiveLine(ProgressBar);

impl Printer {
    /// A printer for lines above `live`. `stdout_closed` becomes true when nobody reads stdout any
    /// more; nothing is written to it then.
    pub(super) fn new(live: Option<LiveLine>, stdout_closed: watch::Sender<bool>) -> Self {
        Self {
            live,
            stdout_closed,
        }
    }

    pub(super) fn print(&mut self, item: Item) {
        match (item, &self.live) {
            (Item::Result(line), _) => self.print_result(&line),
            (Item::Talk(text), _) => self.talk(&text),
            (Item::Live(message), Some(live)) => live.show(message),
            (Item::EndLive, Some(live)) => live.0.finish_and_clear(),
            (Item::Live(_) | Item::EndLive, None) => {}
        }
    }

    fn print_result(&self, line: &str) {
        if *self.stdout_closed.borrow() {
            return;
        }
        let write = || {
            let mut stdout = anstream::stdout().lock();
            writeln!(stdout, "{line}").and_then(|()| stdout.flush())
        };
        let Err(error) = self.suspended(write) else {
            return;
        };
        self.stdout_closed.send_replace(true);
        // A reader that has gone, such as `head`, has seen enough and wants no explanation.
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.talk(&format!("error: failed to write to stdout: {error}"));
        }
    }

    fn talk(&self, text: &str) {
        // Nobody is left to tell when stderr is closed.
        self.suspended(|| drop(writeln!(anstream::stderr().lock(), "{text}")));
    }

    fn suspended<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.live {
            Some(live) => live.0.suspend(print),
            None => print(),
        }
    }
}

impl LiveLine {
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}")
            .expect("the template is a constant")
            .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ");
        Self(ProgressBar::new_spinner().with_style(style))
    }

    fn show(&self, message: String) {
        self.0.set_message(message);
        self.0.enable_steady_tick(LIVE_LINE_TICK);
    }
}

/// Whether stdout and stderr are the same terminal, file or pipe. If that cannot be known, they are
/// taken for two.
pub(super) fn is_one_place() -> bool {
    let place = |stream: &dyn AsFd| -> io::Result<(u64, u64)> {
        let metadata = File::from(stream.as_fd().try_clone_to_owned()?).metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    };
    let (stdout, stderr) = (place(&io::stdout()), place(&io::stderr()));
    matches!((stdout, stderr), (Ok(stdout), Ok(stderr)) if stdout == stderr)
}
