//! Draws the live area, and what is printed above it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framework::Traffic;

use super::live::rates::{Messages, Rates};
use super::live::{self, Known, Size};
use super::screen::Screen;
use super::terminal::Terminal;
use crate::tally::Tally;

/// How often is looked for changes: ten times a second is seen as at once.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So much may be printed in one go while more lines come: as much as a terminal takes at once.
const BATCH_BYTES_MAX: usize = 16 * 1024;

/// What the area is about, shared by whoever knows it and whoever draws it.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject(Arc<Mutex<About>>);

#[derive(Debug, Default)]
struct About {
    note: Vec<String>,
    gang: Option<Gang>,
}

/// A job that runs.
#[derive(Debug, Clone)]
struct Gang {
    job: String,
    tally: Arc<Mutex<Tally>>,
    traffic: Traffic,
}

impl Subject {
    /// What is done before there is a gang.
    pub(super) fn set_note(&self, note: Vec<String>) {
        self.lock().note = note;
    }

    /// From now on it is about this job.
    pub(super) fn set_gang(&self, job: &str, tally: &Arc<Mutex<Tally>>, traffic: &Traffic) {
        self.lock().gang = Some(Gang {
            job: job.to_owned(),
            tally: Arc::clone(tally),
            traffic: traffic.clone(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, About> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The area on its terminal.
#[derive(Debug)]
pub(super) struct Area {
    terminal: Arc<Terminal>,
    is_coloured: bool,
    subject: Subject,
    began: Instant,
    rates: Rates,
    screen: Screen,
    shows: Shows,
    /// What the area shows, made for a terminal of this size.
    lines: Vec<String>,
    size: Option<Size>,
    /// Lines that are not printed yet.
    text: String,
}

/// Whether there is something to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Yes,
    /// Not at the moment: we are about to be stopped.
    Suspended,
    Ended,
}

impl Area {
    pub(super) fn new(terminal: Arc<Terminal>, is_coloured: bool, subject: Subject) -> Self {
        Self {
            terminal,
            is_coloured,
            subject,
            began: Instant::now(),
            rates: Rates::default(),
            screen: Screen::default(),
            shows: Shows::Yes,
            lines: Vec::new(),
            size: None,
            text: String::new(),
        }
    }

    /// Prints a line above the area, now or soon.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn print(&mut self, line: &str) -> io::Result<()> {
        match self.is_coloured {
            true => self.text.push_str(line),
            false => self.text.extend(anstream::adapter::strip_str(line)),
        }
        self.text.push('\n');
        match self.text.len() >= BATCH_BYTES_MAX {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Prints what was not printed so far.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        // What was made for another size would be wrapped.
        if self.size.is_some_and(|size| size != self.terminal.size()) {
            self.compose();
        }
        self.draw()
    }

    /// Shows what is known by now.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.compose();
        self.draw()
    }

    /// Takes the area away, until it is resumed.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.show(Shows::Suspended)
    }

    /// Has the area come back.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        self.show(Shows::Yes)
    }

    /// Takes the area away for good.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.show(Shows::Ended)
    }

    fn show(&mut self, shows: Shows) -> io::Result<()> {
        if self.shows != Shows::Ended {
            self.shows = shows;
        }
        self.redraw()
    }

    fn compose(&mut self) {
        let size = self.terminal.size();
        let has_changed = self.size.replace(size).is_some_and(|old| old != size);
        if !self.terminal.is_ours() {
            // What is below the cursor is another's.
            self.screen.forget();
            return self.lines.clear();
        }
        if has_changed {
            self.screen.resize();
        }
        self.lines = match self.shows {
            Shows::Yes => self.made(size),
            Shows::Suspended | Shows::Ended => Vec::new(),
        };
    }

    fn made(&mut self, size: Size) -> Vec<String> {
        let elapsed = self.began.elapsed();
        let about = self.subject.lock();
        let (note, gang) = (about.note.clone(), about.gang.clone());
        // Not held while anything else is.
        drop(about);
        if let Some(Gang { traffic, .. }) = &gang
            && self.rates.is_due(elapsed)
        {
            let total = traffic.total();
            let messages = Messages {
                sent: total.messages_sent,
                received: total.messages_received,
            };
            self.rates.sample(elapsed, messages);
        }
        let tally = gang.as_ref().map(|gang| {
            let tally = gang.tally.lock().unwrap_or_else(PoisonError::into_inner);
            (gang.job.as_str(), tally)
        });
        let known = Known {
            elapsed,
            note: &note,
            gang: tally.as_ref().map(|(job, tally)| (*job, &**tally)),
            rate: self.rates.rate(),
        };
        let lines = live::area(&known, size);
        let painted = lines.iter().map(|line| line.painted(self.is_coloured));
        painted.collect()
    }

    fn draw(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.text);
        if !self.lines.is_empty() {
            self.terminal.hush();
        }
        let bytes = self.screen.update(&text, &self.lines);
        let written = match bytes.is_empty() {
            true => Ok(()),
            false => self.terminal.write(&bytes),
        };
        if !self.screen.has_area() {
            self.terminal.restore();
        }
        written
    }
}
