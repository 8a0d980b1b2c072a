//! What to read next of `stdout` or `stderr` of a sandbox, and the lines in it.
//!
//! The executor copies a file that has become too large to `stdout.1` and empties it. Whoever follows
//! it sees by that older part that it did:
//!
//! ```text
//!            another older part
//!   Current ────────────────────► Head ──► Old ──┐ its end
//!      ▲                   its number: ours?     │
//!      └─────────────────────────────────────────┘
//! ```
//!
//! It does no I/O: [`Follower::look`] is told what there is, [`Follower::wanted`] answers what to
//! read of it, [`Follower::got`] takes that.

use executor_host::output::PART_MARK;

/// A line without an end is cut here, so that it cannot fill our memory. Executors cut lines sooner.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// How much of a part is read to know its number.
const HEAD_BYTES: u64 = 64;

/// What there is of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seen {
    /// The size of the file.
    pub(super) size: Option<u64>,
    /// What tells its older part from others: its size and when it was written.
    pub(super) old: Option<(u64, u64)>,
}

/// Which file is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The file itself.
    Current,
    /// Its older part, whose name ends in `.1`.
    Old,
}

/// A piece of a file that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) part: Part,
    pub(super) offset: u64,
    /// No more than this is of use.
    pub(super) length: Option<u64>,
}

/// What is found in what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A line.
    Line(Vec<u8>),
    /// So many parts were gone before they could be read, one of them perhaps in its middle.
    Missed(u64),
}

/// Follows one stream of one sandbox.
#[derive(Debug)]
pub(super) struct Follower {
    stage: Stage,
    seen: Seen,
    /// The part that is being read, counted from 1, and how far.
    part: u64,
    offset: u64,
    /// The file was found shorter than it was, and no older part.
    is_emptied: bool,
    /// What was seen is not so any more.
    is_stale: bool,
    lines: LineSplitter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Current,
    Head,
    Old,
}

impl Follower {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Current,
            seen: Seen::default(),
            part: 1,
            offset: 0,
            is_emptied: false,
            is_stale: false,
            lines: LineSplitter::default(),
        }
    }

    /// Tells what there is now. Only when nothing is wanted any more.
    pub(super) fn look(&mut self, seen: Seen) {
        let size = seen.size.unwrap_or(0);
        if seen.old != self.seen.old && seen.old.is_some() {
            self.stage = Stage::Head;
            self.is_emptied = false;
        } else if self.stage == Stage::Current && size < self.offset {
            // The older part comes in a moment; if it does not, somebody else has emptied the file.
            if std::mem::replace(&mut self.is_emptied, true) {
                self.offset = 0;
                self.is_emptied = false;
            }
        }
        self.is_stale = false;
        self.seen = seen;
    }

    /// What to read.
    pub(super) fn wanted(&mut self) -> Option<Wanted> {
        if self.is_stale {
            return None;
        }
        let old_size = self.seen.old.map_or(0, |(size, _)| size);
        if self.stage == Stage::Old && self.offset >= old_size {
            self.stage = Stage::Current;
            self.part = self.part.saturating_add(1);
            self.offset = 0;
        }
        let (part, offset, length) = match self.stage {
            Stage::Head => (Part::Old, 0, Some(HEAD_BYTES)),
            Stage::Old => (Part::Old, self.offset, None),
            Stage::Current if self.offset < self.seen.size.unwrap_or(0) => {
                (Part::Current, self.offset, None)
            }
            Stage::Current => return None,
        };
        Some(Wanted {
            part,
            offset,
            length,
        })
    }

    /// Takes what was read as wanted, of a file that has this size now.
    pub(super) fn got(&mut self, data: &[u8], size: u64, mut found: impl FnMut(Found)) {
        let is_same = match self.stage {
            Stage::Current => size >= self.seen.size.unwrap_or(0),
            Stage::Head | Stage::Old => Some(size) == self.seen.old.map(|(size, _)| size),
        };
        // It was rotated after the look: this is of another part.
        if !is_same || data.is_empty() {
            self.is_stale = true;
            return;
        }
        if self.stage == Stage::Head {
            let part = number(data);
            let missed = part.saturating_sub(self.part);
            if missed > 0 {
                found(Found::Missed(missed));
                self.lines = LineSplitter::default();
                self.part = part;
                self.offset = 0;
            }
            self.stage = match part == self.part {
                true => Stage::Old,
                // Older than what was read already.
                false => Stage::Current,
            };
            return;
        }
        self.offset = self.offset.saturating_add(data.len() as u64);
        self.lines
            .push(data, |line| found(Found::Line(line.to_vec())));
    }

    /// The last line, if it has no end.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        self.lines.finish()
    }
}

/// The number of the part that begins so. The first has no mark.
fn number(head: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(head);
    let digits = text.strip_prefix(PART_MARK).and_then(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    });
    // Whoever writes zero there does not count as we do.
    digits.unwrap_or(1).max(1)
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
mod tests;
