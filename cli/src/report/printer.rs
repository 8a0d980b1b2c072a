//! What lanes print with: stdout, stderr, and the live area on a terminal.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;

use tokio::sync::watch;

use super::area::Area;
use super::lane::{Item, Step};

/// Prints items, one after the other, and waits for whoever reads them.
#[derive(Debug)]
pub(super) struct Printer {
    area: Option<Area>,
    /// The terminal of the area is that of stdout as well.
    is_for_stdout: bool,
    stdout_closed: watch::Sender<bool>,
}

impl Printer {
    /// A printer for lines, above `area` if there is one: then it is for the terminal of stderr,
    /// and for stdout only where that is the same. `stdout_closed` becomes true when nobody reads
    /// stdout any more; nothing is written to it then.
    pub(super) fn new(area: Option<Area>, stdout_closed: watch::Sender<bool>) -> Self {
        Self {
            area,
            is_for_stdout: false,
            stdout_closed,
        }
    }

    pub(super) fn act(&mut self, step: Step) {
        let Some(area) = &mut self.area else {
            match step {
                Step::Print(Item::Result(line)) => self.print_result(&line),
                Step::Print(Item::Talk(text)) => talk(&text),
                Step::Print(_) | Step::Flush | Step::Tick => {}
            }
            return;
        };
        let written = match step {
            Step::Print(Item::Result(line)) => {
                self.is_for_stdout = true;
                area.print(&line)
            }
            Step::Print(Item::Talk(text)) => area.print(&text),
            Step::Print(Item::Redraw) | Step::Tick => area.redraw(),
            Step::Print(Item::Suspend) => area.suspend(),
            Step::Print(Item::Resume) => area.resume(),
            Step::Print(Item::EndLive) => area.end(),
            Step::Flush => area.flush(),
        };
        // There is nobody left to tell why.
        if written.is_err() && self.is_for_stdout {
            self.stdout_closed.send_replace(true);
        }
    }

    fn print_result(&self, line: &str) {
        if *self.stdout_closed.borrow() {
            return;
        }
        let mut stdout = anstream::stdout().lock();
        let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        let Err(error) = written else {
            return;
        };
        self.stdout_closed.send_replace(true);
        // A reader that has gone, such as `head`, has seen enough and wants no explanation.
        if error.kind() != io::ErrorKind::BrokenPipe {
            talk(&format!("error: failed to write to stdout: {error}"));
        }
    }
}

fn talk(text: &str) {
    // Nobody is left to tell when stderr is closed.
    drop(writeln!(anstream::stderr().lock(), "{text}"));
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
