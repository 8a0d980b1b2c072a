//! What has happened and what was printed, as far back as there is room.
//!
//! Events and lines have rings of their own, so that a task that prints without end does not push
//! out what has happened; one count goes through both, by which they can be put in order and read
//! on from where somebody was.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::Forgotten;
use crate::report::Stream;

/// So many bytes of events are kept: some 100,000 of them, which is all that happens to a gang of
/// 10,000 in its first hours.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// So many bytes of lines are kept. All of them are in the sandboxes; this is for whoever looks at
/// what is going on.
const LINE_BYTES_MAX: usize = 32 << 20;

/// What an entry takes beside its text.
const ENTRY_BYTES: usize = 96;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventEntry {
    /// Its place among all entries, from 1.
    pub(crate) seq: u64,
    /// When: RFC 3339, UTC.
    pub(crate) time: String,
    /// What, as `--output json` has it.
    #[serde(flatten)]
    pub(crate) event: Value,
}

/// A line that was printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineEntry {
    /// Its place among all entries, from 1.
    pub(crate) seq: u64,
    /// When it was printed: RFC 3339, UTC.
    pub(crate) time: String,
    /// By whom.
    pub(crate) task: String,
    /// Where to.
    pub(crate) stream: Stream,
    /// The text.
    pub(crate) line: String,
}

/// What a ring keeps.
pub(crate) trait Entry {
    /// Its place among all entries.
    fn seq(&self) -> u64;

    /// When it was: RFC 3339, UTC.
    fn time(&self) -> &str;
}

impl Entry for EventEntry {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn time(&self) -> &str {
        &self.time
    }
}

impl Entry for LineEntry {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn time(&self) -> &str {
        &self.time
    }
}

/// The newest events and lines.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Of the newest entry.
    seq: u64,
    events: Ring<EventEntry>,
    lines: Ring<LineEntry>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::bounded(EVENT_BYTES_MAX, LINE_BYTES_MAX)
    }
}

impl Journal {
    /// A journal of so many bytes.
    fn bounded(event_bytes_max: usize, line_bytes_max: usize) -> Self {
        Self {
            seq: 0,
            events: Ring::new(event_bytes_max),
            lines: Ring::new(line_bytes_max),
        }
    }

    /// Remembers an event.
    pub(crate) fn event(&mut self, time: String, event: Value) {
        self.seq += 1;
        // What it takes in memory is near what it takes as text.
        let bytes = ENTRY_BYTES + event.to_string().len();
        let entry = EventEntry {
            seq: self.seq,
            time,
            event,
        };
        self.events.push(entry, bytes);
    }

    /// Remembers a line.
    pub(crate) fn line(&mut self, time: String, task: &str, stream: Stream, line: &str) {
        self.seq += 1;
        let entry = LineEntry {
            seq: self.seq,
            time,
            task: task.to_owned(),
            stream,
            line: line.to_owned(),
        };
        let bytes = ENTRY_BYTES + task.len() + line.len();
        self.lines.push(entry, bytes);
    }

    /// The place of the newest entry; 0 if there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.seq
    }

    /// What has happened.
    pub(crate) fn events(&self) -> &Ring<EventEntry> {
        &self.events
    }

    /// What was printed.
    pub(crate) fn lines(&self) -> &Ring<LineEntry> {
        &self.lines
    }

    /// How many events and lines are not here any more.
    pub(crate) fn forgotten(&self) -> Forgotten {
        Forgotten {
            events: self.events.forgotten,
            lines: self.lines.forgotten,
        }
    }
}

/// The newest entries, so many bytes of them.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    /// With what each takes.
    entries: VecDeque<(T, usize)>,
    bytes: usize,
    bytes_max: usize,
    forgotten: u64,
}

impl<T: Entry> Ring<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max,
            forgotten: 0,
        }
    }

    pub(super) fn push(&mut self, entry: T, bytes: usize) {
        self.entries.push_back((entry, bytes));
        self.bytes += bytes;
        while self.bytes > self.bytes_max {
            let Some((_, bytes)) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= bytes;
            self.forgotten += 1;
        }
    }

    /// The entries after this place, oldest first.
    pub(crate) fn after(&self, seq: u64) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.range(self.first_after(seq)..).map(|it| &it.0)
    }

    /// How many entries there were up to this place, those that are forgotten among them.
    pub(crate) fn count_until(&self, seq: u64) -> u64 {
        self.forgotten + self.first_after(seq) as u64
    }

    /// How many entries are forgotten: the oldest ones.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn first_after(&self, seq: u64) -> usize {
        self.entries.partition_point(|it| it.0.seq() <= seq)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn print(journal: &mut Journal, line: &str) {
        journal.line("now".to_owned(), "echo-0", Stream::Stdout, line);
    }

    fn lines(journal: &Journal, after: u64) -> Vec<&str> {
        let lines = journal.lines().after(after);
        lines.map(|entry| &*entry.line).collect()
    }

    #[test]
    fn whoever_was_somewhere_reads_on_from_there() {
        let mut journal = Journal::default();
        print(&mut journal, "a");
        journal.event("now".to_owned(), json!({"event": "app_started"}));
        let here = journal.newest();
        print(&mut journal, "b");
        assert_eq!(lines(&journal, 0), ["a", "b"]);
        assert_eq!(lines(&journal, here), ["b"]);
        assert_eq!(lines(&journal, journal.newest()), [""; 0]);
        let events: Vec<u64> = journal.events().after(0).map(|entry| entry.seq).collect();
        assert_eq!(events, [2]);
    }

    #[test]
    fn lines_without_end_push_out_old_lines_and_no_events() {
        let mut journal = Journal::bounded(1000, 3 * (ENTRY_BYTES + 20));
        journal.event("now".to_owned(), json!({"event": "app_started"}));
        for number in 0..100 {
            print(&mut journal, &number.to_string());
        }
        assert_eq!(lines(&journal, 0), ["97", "98", "99"]);
        assert_eq!(journal.forgotten().lines, 97);
        assert_eq!(journal.events().after(0).count(), 1);
    }

    #[test]
    fn a_line_that_is_larger_than_all_room_is_forgotten_at_once() {
        let mut journal = Journal::bounded(1000, 100);
        print(&mut journal, &"x".repeat(200));
        assert_eq!(lines(&journal, 0), [""; 0]);
        print(&mut journal, "");
        assert_eq!(journal.forgotten().lines, 2);
    }

    #[test]
    fn an_event_goes_over_the_wire_beside_its_place_and_time() {
        let mut journal = Journal::default();
        journal.event(
            "then".to_owned(),
            json!({"event": "warning", "message": "m"}),
        );
        let entry = journal.events().after(0).next().unwrap();
        let text = serde_json::to_string(entry).unwrap();
        assert_eq!(
            text,
            r#"{"seq":1,"time":"then","event":"warning","message":"m"}"#
        );
        assert_eq!(&serde_json::from_str::<EventEntry>(&text).unwrap(), entry);
    }
}
