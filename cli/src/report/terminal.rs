//! The terminal that stderr is: its size, whose it is, and whether it echoes what is typed.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

use super::live::Size;
use super::screen::ERASE_AREA;

/// What is assumed of a terminal that does not know its size.
const SIZE_UNKNOWN: Size = Size {
    columns: 80,
    rows: 24,
};

/// A terminal on which an area can be drawn.
#[derive(Debug)]
pub(super) struct Terminal {
    /// It does not echo what is typed, because of us.
    is_hushed: AtomicBool,
}

impl Terminal {
    /// The terminal that stderr is, if it is one that can do more than print lines.
    pub(super) fn of_stderr() -> Option<Self> {
        let kind = std::env::var_os("TERM").unwrap_or_default();
        let is_able = !kind.is_empty() && kind != "dumb";
        (is_able && io::stderr().is_terminal()).then(|| Self {
            is_hushed: AtomicBool::new(false),
        })
    }

    /// How large it is at the moment.
    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => SIZE_UNKNOWN,
        }
    }

    /// Whether we are in its foreground: else a shell waits there for a command, or another program
    /// has it. A terminal that nobody controls is anybody's.
    pub(super) fn is_ours(&self) -> bool {
        tcgetpgrp(io::stderr()).map_or(true, |foreground| foreground == getpgrp())
    }

    /// Has it no longer echo what is typed, which would go into the area. What is typed is still
    /// there for whoever reads it, and Ctrl-C and the like do what they do.
    pub(super) fn hush(&self) {
        // Whoever is not in the foreground would be stopped for that.
        if self.is_hushed.load(Ordering::Relaxed) || !self.is_ours() {
            return;
        }
        let Ok(mut modes) = tcgetattr(io::stderr()) else {
            return;
        };
        if modes.local_modes.contains(LocalModes::ECHO) {
            modes.local_modes.remove(LocalModes::ECHO);
            let is_done = tcsetattr(io::stderr(), OptionalActions::Now, &modes).is_ok();
            self.is_hushed.store(is_done, Ordering::Relaxed);
        }
    }

    /// Has it echo again, if it did before; whatever else was changed meanwhile stays.
    pub(super) fn restore(&self) {
        if !self.is_hushed.load(Ordering::Relaxed) || !self.is_ours() {
            return;
        }
        self.is_hushed.store(false, Ordering::Relaxed);
        if let Ok(mut modes) = tcgetattr(io::stderr()) {
            modes.local_modes.insert(LocalModes::ECHO);
            // There is nobody to tell, and nothing else to try.
            let _ = tcsetattr(io::stderr(), OptionalActions::Now, &modes);
        }
    }

    /// Leaves the terminal as it was before a panic is told: nobody may be left to do it then.
    pub(super) fn restore_on_panic(self: &Arc<Self>) {
        let terminal = Arc::clone(self);
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // The cursor is at the beginning of the area, if there is one.
            if terminal.is_hushed.load(Ordering::Relaxed) {
                terminal.restore();
                drop(terminal.write(ERASE_AREA));
            }
            tell(info);
        }));
    }

    /// Writes all of it in one go, so that nobody sees half of it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn write(&self, bytes: &str) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        stderr.write_all(bytes.as_bytes())?;
        stderr.flush()
    }
}
