//! What has happened and what was printed, as far back as there is room.
//!
//! Events and lines have rings of their own, so that a task that prints without end does not push
//! out what has happened; one count goes through both, by which they can be put in order and read
//! on from where somebody was.

use std::collections::VecDeque;
use std::mem::size_of;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::status::Forgotten;
use crate::report::Stream;

/// So many bytes of memory are for events: some 50,000 of them, which is all that happens to a gang
/// of 10,000 in its first hours.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// So many bytes of memory are for lines: some 150,000 of them, more of short ones. All of them are
/// in the sandboxes; this is for whoever looks at what is going on.
const LINE_BYTES_MAX: usize = 32 << 20;

/// What an allocator takes beside what was asked for, and to what it rounds up: that of glibc.
const ALLOCATION_EXTRA: usize = 8;
const ALLOCATION_STEP: usize = 16;
const ALLOCATION_MIN: usize = 32;

/// A ring has room for this share more than it holds, so that it need not grow each time; one that
/// doubled would hold up to half of its memory for nothing.
const SPARE_SHARE: usize = 8;

/// It has room for so many entries more in any case.
const SPARE_MIN: usize = 16;

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

/// An [`EventEntry`] as it is kept: as text, which takes a fifth of what its value would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptEvent {
    seq: u64,
    time: String,
    /// An object, as JSON.
    event: String,
}

impl Serialize for KeptEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = EventEntry {
            seq: self.seq,
            time: self.time.clone(),
            event: serde_json::from_str(&self.event).map_err(serde::ser::Error::custom)?,
        };
        entry.serialize(serializer)
    }
}

/// What a ring keeps.
pub(crate) trait Entry {
    /// Its place among all entries.
    fn seq(&self) -> u64;

    /// When it was: RFC 3339, UTC.
    fn time(&self) -> &str;

    /// The bytes of memory that it has beside itself.
    fn heap_bytes(&self) -> usize;

    /// As JSON, quickly: meanwhile the journal is held.
    ///
    /// # Errors
    /// When it cannot be written so.
    fn to_json(&self) -> serde_json::Result<Vec<u8>>;
}

impl Entry for KeptEvent {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn time(&self) -> &str {
        &self.time
    }

    fn heap_bytes(&self) -> usize {
        allocated(&self.time) + allocated(&self.event)
    }

    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let Some(rest) = self.event.strip_prefix('{') else {
            return serde_json::to_vec(self);
        };
        let time = serde_json::to_string(&self.time)?;
        let comma = if rest == "}" { "" } else { "," };
        let text = format!(r#"{{"seq":{},"time":{time}{comma}{rest}"#, self.seq);
        Ok(text.into_bytes())
    }
}

impl Entry for LineEntry {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn time(&self) -> &str {
        &self.time
    }

    fn heap_bytes(&self) -> usize {
        allocated(&self.time) + allocated(&self.task) + allocated(&self.line)
    }

    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// The bytes of memory that a text has beside itself.
fn allocated(text: &String) -> usize {
    match text.capacity() {
        0 => 0,
        bytes => (bytes + ALLOCATION_EXTRA)
            .next_multiple_of(ALLOCATION_STEP)
            .max(ALLOCATION_MIN),
    }
}

/// The newest events and lines.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Of the newest entry.
    seq: u64,
    events: Ring<KeptEvent>,
    lines: Ring<LineEntry>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::bounded(EVENT_BYTES_MAX, LINE_BYTES_MAX)
    }
}

impl Journal {
    /// A journal of so many bytes.
    pub(super) fn bounded(event_bytes_max: usize, line_bytes_max: usize) -> Self {
        Self {
            seq: 0,
            events: Ring::new(event_bytes_max),
            lines: Ring::new(line_bytes_max),
        }
    }

    /// Remembers an event: an object, as JSON.
    pub(crate) fn event(&mut self, mut time: String, mut event: String) {
        self.seq += 1;
        time.shrink_to_fit();
        event.shrink_to_fit();
        self.events.push(KeptEvent {
            seq: self.seq,
            time,
            event,
        });
    }

    /// Remembers a line.
    pub(crate) fn line(&mut self, mut time: String, task: &str, stream: Stream, line: &str) {
        self.seq += 1;
        time.shrink_to_fit();
        self.lines.push(LineEntry {
            seq: self.seq,
            time,
            task: task.to_owned(),
            stream,
            line: line.to_owned(),
        });
    }

    /// The place of the newest entry; 0 if there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.seq
    }

    /// What has happened.
    pub(crate) fn events(&self) -> &Ring<KeptEvent> {
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

/// The newest entries, so many bytes of memory of them.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    entries: VecDeque<T>,
    /// What the entries have beside themselves.
    heap_bytes: usize,
    bytes_max: usize,
    forgotten: u64,
}

impl<T: Entry> Ring<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            heap_bytes: 0,
            bytes_max,
            forgotten: 0,
        }
    }

    pub(super) fn push(&mut self, entry: T) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.spare());
        }
        self.heap_bytes += entry.heap_bytes();
        self.entries.push_back(entry);
        while self.bytes() > self.bytes_max && self.forget_oldest() {}
    }

    /// Gives up the oldest entry; answers whether there was one.
    pub(super) fn forget_oldest(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else {
            return false;
        };
        self.heap_bytes -= entry.heap_bytes();
        self.forgotten += 1;
        let (len, spare) = (self.entries.len(), self.spare());
        if self.entries.capacity() > len + 2 * spare {
            self.entries.shrink_to(len + spare);
        }
        true
    }

    /// The memory that it takes.
    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<T>() + self.heap_bytes
    }

    /// For how many entries more it has room, when it is made to have some.
    fn spare(&self) -> usize {
        SPARE_MIN + self.entries.len() / SPARE_SHARE
    }

    /// The entries after this place, oldest first.
    pub(crate) fn after(&self, seq: u64) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.range(self.first_after(seq)..)
    }

    /// How many entries there were up to this place, those that are forgotten among them.
    pub(crate) fn count_until(&self, seq: u64) -> u64 {
        self.forgotten + self.first_after(seq) as u64
    }

    /// How many entries there ever were.
    pub(crate) fn count(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    /// How many entries are forgotten: the oldest ones.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn first_after(&self, seq: u64) -> usize {
        self.entries.partition_point(|it| it.seq() <= seq)
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
        journal.event(
            "now".to_owned(),
            json!({"event": "app_started"}).to_string(),
        );
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
        let mut journal = Journal::bounded(4 << 10, 8 << 10);
        journal.event(
            "now".to_owned(),
            json!({"event": "app_started"}).to_string(),
        );
        for number in 0..1000 {
            print(&mut journal, &number.to_string());
        }
        let kept = lines(&journal, 0);
        let newest: Vec<String> = (1000 - kept.len()..1000).map(|it| it.to_string()).collect();
        assert_eq!(kept, newest);
        assert!((10..100).contains(&kept.len()), "{}", kept.len());
        assert_eq!(journal.forgotten().lines, 1000 - kept.len() as u64);
        assert_eq!(journal.lines().count(), 1000);
        assert_eq!(journal.events().after(0).count(), 1);
    }

    #[test]
    fn a_line_that_is_larger_than_all_room_is_forgotten_at_once() {
        let mut journal = Journal::bounded(4 << 10, 4 << 10);
        print(&mut journal, "before");
        print(&mut journal, &"x".repeat(5 << 10));
        assert_eq!(lines(&journal, 0), [""; 0]);
        assert_eq!(journal.forgotten().lines, 2);
        print(&mut journal, "after");
        assert_eq!(lines(&journal, 0), ["after"]);
    }

    /// What the texts of an entry take at the least: whatever the allocator is.
    fn line_bytes(entry: &LineEntry) -> usize {
        let texts = [&entry.time, &entry.task, &entry.line];
        texts.map(String::capacity).iter().sum::<usize>() + size_of::<LineEntry>()
    }

    /// Looks at each of many pushes whether the memory is what the ring says, and in its bounds.
    fn keeps_its_bounds<'a>(lines: impl Iterator<Item = &'a str>) {
        const MAX: usize = 256 << 10;
        let mut journal = Journal::bounded(MAX, MAX);
        for (number, line) in lines.enumerate() {
            print(&mut journal, line);
            let event = json!({"event": "warning", "message": line});
            journal.event("now".to_owned(), event.to_string());
            let (lines, events) = (&journal.lines, &journal.events);
            assert!(lines.bytes() <= MAX && events.bytes() <= MAX);
            if number % 100 == 0 {
                let texts: usize = lines.entries.iter().map(line_bytes).sum();
                let spare = lines.entries.capacity() - lines.entries.len();
                let taken = texts + spare * size_of::<LineEntry>();
                assert!((taken..=2 * taken).contains(&lines.bytes()));
                let heap: usize = events.entries.iter().map(Entry::heap_bytes).sum();
                assert_eq!(heap, events.heap_bytes);
            }
        }
        // What is counted is not far from what is there: none of it is given away.
        for bytes in [journal.lines.bytes(), journal.events.bytes()] {
            assert!(bytes > MAX / 2, "{bytes}");
        }
    }

    #[test]
    fn a_ring_takes_no_more_memory_than_it_may_whatever_lines_are_like() {
        let long = "x".repeat(10_000);
        keeps_its_bounds(std::iter::repeat_n("", 5_000));
        keeps_its_bounds(std::iter::repeat_n("a line as they are", 5_000));
        // The room of many short ones is given up for a few long ones, and the other way round.
        let short = || std::iter::repeat_n("s", 5_000);
        let long = || std::iter::repeat_n(&*long, 500);
        keeps_its_bounds(short().chain(long()));
        keeps_its_bounds(long().chain(short()));
    }

    #[test]
    fn an_event_goes_over_the_wire_beside_its_place_and_time() {
        let mut journal = Journal::default();
        journal.event(
            "then".to_owned(),
            json!({"event": "warning", "message": "m"}).to_string(),
        );
        let kept = journal.events().after(0).next().unwrap();
        let text = serde_json::to_string(kept).unwrap();
        assert_eq!(
            text,
            r#"{"seq":1,"time":"then","event":"warning","message":"m"}"#
        );
        assert_eq!(kept.to_json().unwrap(), text.as_bytes());
        let read: EventEntry = serde_json::from_str(&text).unwrap();
        assert_eq!((read.seq, &*read.time), (1, "then"));
        assert_eq!(read.event, json!({"event": "warning", "message": "m"}));
    }
}
