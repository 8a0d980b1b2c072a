//! Lines: cut from a stream of bytes, marked with time and name, and taken apart again.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use super::clean::clean;

/// A line of output as it is written: when it was printed (RFC 3339, UTC), the name in brackets,
/// the text, a line feed.
///
/// Characters of the name that could end the mark early become `?`.
pub fn format_line(at: SystemTime, name: &str, text: &str) -> String {
    let mut line = String::with_capacity(TIME_LENGTH + name.len() + text.len() + 5);
    push_line(&mut line, at, name, text);
    line
}

/// Appends such a line.
pub(super) fn push_line(lines: &mut String, at: SystemTime, name: &str, text: &str) {
    push_time(lines, at);
    lines.push_str(" [");
    let harmless = |c: char| match c == ']' || c.is_control() {
        true => '?',
        false => c,
    };
    lines.extend(name.chars().map(harmless));
    lines.push_str("] ");
    lines.push_str(text);
    lines.push('\n');
}

/// A line that [`format_line`] made, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was printed, as text.
    pub time: &'a str,
    /// Who has printed it.
    pub name: &'a str,
    /// What.
    pub text: &'a str,
}

/// Takes a line apart that [`format_line`] made, without its line feed.
///
/// `None`: the line is not a guest's, such as one of the executor's own log.
pub fn parse_line(line: &str) -> Option<Line<'_>> {
    let (time, rest) = line.split_at_checked(TIME_LENGTH)?;
    let (name, text) = rest.strip_prefix(" [")?.split_once("] ")?;
    (is_time(time) && !name.contains(']')).then_some(Line { time, name, text })
}

/// How a time looks; digits stand for any.
const TIME_SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
const TIME_LENGTH: usize = TIME_SHAPE.len();

/// The year 9999: more digits would not fit.
const SECONDS_MAX: u64 = 253_402_300_799;

/// A time as lines have it: RFC 3339, UTC, to milliseconds. Texts of times are in their order.
pub fn format_time(at: SystemTime) -> String {
    let mut text = String::with_capacity(TIME_LENGTH);
    push_time(&mut text, at);
    text
}

/// Appends a time in UTC, to milliseconds.
pub(super) fn push_time(text: &mut String, at: SystemTime) {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO);
    let seconds = since.as_secs().min(SECONDS_MAX);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
    );
}

/// Year, month and day of a day since 1970, in the Gregorian calendar. Years are counted from March,
/// so that a leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year;
    match month < 10 {
        true => (year, month + 3, day),
        false => (year + 1, month - 9, day),
    }
}

fn is_time(text: &str) -> bool {
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        exact => byte == *exact,
    };
    text.len() == TIME_LENGTH && text.bytes().zip(TIME_SHAPE).all(fits)
}

/// The bytes of a line, before cleaning. A longer one is split: a guest that never ends its line
/// must not grow the executor.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

/// Where a line was split: at the end of a piece and at the begin of the next.
const SPLIT: char = '\u{2026}';

/// Cuts bytes into lines of clean text.
///
/// A carriage return ends a line as well: what a guest prints over its own line is seen too.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// A line without its end.
    partial: Vec<u8>,
    /// Pieces of it have gone already.
    is_split: bool,
    /// The line feed of a CR LF is no line of its own.
    after_return: bool,
}

impl Lines {
    /// Gives each line that ends in these bytes to `line`.
    pub(super) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let window = &rest[..rest.len().min(LINE_BYTES_MAX - self.partial.len())];
            let end = window.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match end {
                Some(end) => {
                    self.after_return = window[end] == b'\r';
                    line(self.whole(&window[..end]));
                    rest = &rest[end + 1..];
                }
                None => {
                    self.partial.extend_from_slice(window);
                    rest = &rest[window.len()..];
                    // What ends right at the bound is not split.
                    let goes_on = rest
                        .first()
                        .is_none_or(|byte| !matches!(byte, b'\n' | b'\r'));
                    if self.partial.len() == LINE_BYTES_MAX && goes_on {
                        line(self.piece());
                    } else if self.partial.len() == LINE_BYTES_MAX {
                        self.after_return = rest.first() == Some(&b'\r');
                        rest = &rest[1..];
                        line(self.whole(&[]));
                    }
                }
            }
        }
    }

    /// What is left when the stream ends: a line without its end.
    pub(super) fn finish(&mut self) -> Option<String> {
        let line = (!self.partial.is_empty()).then(|| self.whole(&[]));
        *self = Self::default();
        line
    }

    /// The line that ends with these bytes.
    fn whole(&mut self, end: &[u8]) -> String {
        let partial = std::mem::take(&mut self.partial);
        let text = match partial.is_empty() {
            true => clean(end),
            false => clean(&[&partial, end].concat()),
        };
        match std::mem::take(&mut self.is_split) {
            true => format!("{SPLIT}{text}"),
            false => text,
        }
    }

    /// As much of an overlong line as is whole characters.
    fn piece(&mut self) -> String {
        let next = self.partial.split_off(whole_characters(&self.partial));
        let mut text = self.whole(&[]);
        text.push(SPLIT);
        self.partial = next;
        self.is_split = true;
        text
    }
}

/// The text of a Rust guest's last panic, told from what it prints.
///
/// A panic in wasm is an `unreachable` trap; only stderr says what it was about.
#[derive(Debug, Default)]
pub(super) struct PanicText {
    text: String,
    within: bool,
}

/// A message with its place fits; what is longer is a dump.
const PANIC_BYTES_MAX: usize = 2 * 1024;

impl PanicText {
    /// Sees one line of the guest's stderr.
    pub(super) fn observe(&mut self, line: &str) {
        if let Some(start) = line.find("panicked at ") {
            self.text = line[start..].to_owned();
            self.within = true;
        } else if line.starts_with("note: run with ") {
            self.within = false;
        } else if self.within && self.text.len() + line.len() < PANIC_BYTES_MAX {
            self.text.push('\n');
            self.text.push_str(line);
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.trim_end().to_owned())
    }
}

/// The length of `bytes` without a character that is cut at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    // A UTF-8 character has at most four bytes: look for the start of one that is not complete.
    let tail = bytes.len().saturating_sub(3);
    let start = bytes[tail..].iter().rposition(|&byte| byte >= 0xc0);
    let Some(start) = start.map(|index| tail + index) else {
        return bytes.len();
    };
    match std::str::from_utf8(&bytes[start..]) {
        Err(error) if error.error_len().is_none() => start,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| found.push(line));
        }
        found.extend(lines.finish());
        found
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_line_survives_formatting_and_parsing() {
        let time = "2026-11-21T18:34:08.000Z";
        let when = at(1_795_286_048);
        for text in ["", "doors open", "[nested] text", "] odd", "  spaces"] {
            let line = format_line(when, "elevator-0", text);
            let name = "elevator-0";
            assert_eq!(
                parse_line(line.trim_end_matches('\n')),
                Some(Line { time, name, text })
            );
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000Z"),
            (u64::MAX >> 2, "9999-12-31T23:59:59.000Z"),
        ];
        for (seconds, expected) in cases {
            let Some(when) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
            else {
                continue;
            };
            let mut text = String::new();
            push_time(&mut text, when);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_name_cannot_end_its_mark_early() {
        assert_eq!(
            format_line(at(0), "a] b\n", "text"),
            "1970-01-01T00:00:00.000Z [a? b?] text\n"
        );
    }

    #[test]
    fn lines_of_others_are_not_a_guests() {
        for line in [
            "",
            "[a] text",
            "2026-11-21T02:00:00.000000Z  INFO launched",
            "2026-11-21T02:00:00.000Z [unfinished",
            "2026-11-21T02:00:00.000Z [a]no space",
            "2026-11-21 02:00:00.000Z [a] text",
            "0123456789012345678901\u{e9}89 [a] text",
        ] {
            assert_eq!(parse_line(line), None, "{line}");
        }
    }

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_were_cut() {
        let text = "one\nzwei \u{1f6d7} Türen\r\n\n10%\r20%\r\nlast".as_bytes();
        let expected = ["one", "zwei \u{1f6d7} Türen", "", "10%", "20%", "last"];
        for size in 1..text.len() {
            let pieces: Vec<_> = text.chunks(size).collect();
            assert_eq!(lines(&pieces), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_split_at_the_bound_between_characters() {
        let text = "ü".repeat(LINE_BYTES_MAX);
        let mut odd = b"x".to_vec();
        odd.extend_from_slice(text.as_bytes());
        let pieces = lines(&[&odd]);
        assert_eq!(pieces[0].len(), LINE_BYTES_MAX - 1 + SPLIT.len_utf8());
        assert!(pieces[0].ends_with(SPLIT) && pieces[1].starts_with(SPLIT));
        assert_eq!(pieces.concat().replace(SPLIT, ""), format!("x{text}"));
    }

    #[test]
    fn a_line_that_just_fits_is_not_split() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "x".repeat(LINE_BYTES_MAX);
            let line = format!("{text}{end}y");
            assert_eq!(lines(&[line.as_bytes()]), [&text, "y"]);
        }
    }

    #[test]
    fn a_flood_of_broken_bytes_is_split_too() {
        let pieces = lines(&[&vec![0xff; 3 * LINE_BYTES_MAX]]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.contains("\\xff")));
    }

    #[test]
    fn the_text_of_a_panic_is_bounded() {
        let mut panic = PanicText::default();
        panic.observe("thread 'main' panicked at src/lib.rs:1:1:");
        for _ in 0..1000 {
            panic.observe("a line of forty characters, more or less");
        }
        assert!(panic.text().unwrap().len() <= PANIC_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn whatever_is_printed_becomes_lines_that_can_be_told_apart(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..8),
            name in ".{0,20}",
        ) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            for text in lines(&pieces) {
                let line = format_line(at(1), &name, &text);
                let (line, rest) = line.split_once('\n').expect("it ends");
                prop_assert_eq!(rest, "");
                let parsed = parse_line(line).expect("it is one of ours");
                prop_assert_eq!(parsed.text, text);
            }
        }

        #[test]
        fn no_line_is_held_that_is_longer_than_the_bound(
            pieces in proptest::collection::vec(0..3 * LINE_BYTES_MAX, 0..6),
        ) {
            let mut lines = Lines::default();
            for length in pieces {
                lines.push(&vec![b'x'; length], |_| {});
                prop_assert!(lines.partial.len() <= LINE_BYTES_MAX);
            }
        }
    }
}
