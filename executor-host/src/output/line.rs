//! Lines: cut from a stream of bytes, cleaned, marked with a name, and taken apart again.

/// A line of output as it is written: the name in brackets, a space, the text, a line feed.
///
/// Characters of the name that could end the mark early become `?`.
pub fn format_line(name: &str, text: &str) -> String {
    let mut line = String::with_capacity(name.len() + text.len() + 4);
    line.push('[');
    line.extend(
        name.chars()
            .map(|c| if c == ']' || c.is_control() { '?' } else { c }),
    );
    line.push_str("] ");
    line.push_str(text);
    line.push('\n');
    line
}

/// Name and text of a line that [`format_line`] made, without its line feed.
///
/// `None`: the line is not a guest's, such as one of the executor's own log.
pub fn parse_line(line: &str) -> Option<(&str, &str)> {
    let (name, text) = line.strip_prefix('[')?.split_once(']')?;
    Some((name, text.strip_prefix(' ')?))
}

/// The bytes of a line, before cleaning. A longer one is split: a guest that never ends its line
/// must not grow the executor.
pub(super) const LINE_BYTES_MAX: usize = 8 * 1024;

/// Cuts bytes into lines of clean text.
///
/// Push, then take lines until there are none, then push again.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Bytes before it have been taken; they go with the next push, so that a flood of short
    /// lines is not moved once for each.
    taken: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, or a piece of one that is too long.
    pub(super) fn next_line(&mut self) -> Option<String> {
        let rest = &self.bytes[self.taken..];
        let window = &rest[..rest.len().min(LINE_BYTES_MAX)];
        let (text, consumed) = match window.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end, end + 1),
            None if rest.len() >= LINE_BYTES_MAX => {
                let end = whole_characters(window);
                (end, end)
            }
            None => return None,
        };
        let line = clean(&window[..text]);
        self.taken += consumed;
        Some(line)
    }

    /// What is left when the stream ends: a line without its end.
    pub(super) fn finish(&mut self) -> Option<String> {
        let rest = &self.bytes[self.taken..];
        let line = (!rest.is_empty()).then(|| clean(rest));
        *self = Self::default();
        line
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

/// Text fit to be shown: invalid UTF-8 becomes `U+FFFD`, terminal escapes and control characters
/// go, tabs stay. A guest's output must not move a reader's cursor or rename a window.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            // The 8-bit forms of the introducers below.
            '\u{9b}' => skip_until_final(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\t' => cleaned.push(c),
            _ if c.is_control() => {}
            _ => cleaned.push(c),
        }
    }
    cleaned
}

/// What follows an escape character (ECMA-48).
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    let mut ahead = chars.clone();
    match ahead.next() {
        Some('[') => {
            *chars = ahead;
            skip_until_final(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            *chars = ahead;
            skip_string(chars);
        }
        // Intermediate characters, then one that ends it.
        Some(' '..='/') => {
            *chars = ahead;
            let mut ahead = chars.clone();
            while let Some(c) = ahead.next() {
                match c {
                    ' '..='/' => *chars = ahead.clone(),
                    '0'..='~' => return *chars = ahead,
                    _ => return,
                }
            }
        }
        Some('0'..='~') => *chars = ahead,
        _ => {}
    }
}

/// A control sequence: parameters, then a final character. Anything else ends it unseen.
fn skip_until_final(chars: &mut std::str::Chars<'_>) {
    let mut ahead = chars.clone();
    while let Some(c) = ahead.next() {
        match c {
            ' '..='?' => *chars = ahead.clone(),
            '@'..='~' => return *chars = ahead,
            _ => return,
        }
    }
}

/// A control string, such as a window title: up to its terminator or the end of the line.
fn skip_string(chars: &mut std::str::Chars<'_>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                let mut ahead = chars.clone();
                if ahead.next() == Some('\\') {
                    *chars = ahead;
                }
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece);
            while let Some(line) = lines.next_line() {
                found.push(line);
            }
        }
        found.extend(lines.finish());
        found
    }

    #[test]
    fn a_line_survives_formatting_and_parsing() {
        for text in ["", "doors open", "[nested] text", "] odd", "  spaces"] {
            let line = format_line("elevator-0", text);
            assert_eq!(
                parse_line(line.trim_end_matches('\n')),
                Some(("elevator-0", text))
            );
        }
    }

    #[test]
    fn a_name_cannot_end_its_mark_early() {
        assert_eq!(format_line("a] b\n", "text"), "[a? b?] text\n");
    }

    #[test]
    fn lines_of_others_are_not_a_guests() {
        for line in [
            "",
            "2026-11-21T02:00:00Z  INFO launched",
            "[unfinished",
            "[a]no space",
        ] {
            assert_eq!(parse_line(line), None, "{line}");
        }
    }

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_were_cut() {
        let text = "one\nzwei \u{1f6d7} Türen\r\n\nlast".as_bytes();
        let expected = ["one", "zwei \u{1f6d7} Türen", "", "last"];
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
        assert_eq!(pieces[0].len(), LINE_BYTES_MAX - 1);
        assert!(pieces.iter().all(|piece| piece.len() <= LINE_BYTES_MAX));
        assert_eq!(pieces.concat(), format!("x{text}"));
    }

    #[test]
    fn a_flood_of_broken_bytes_is_split_too() {
        let pieces = lines(&[&vec![0xff; 3 * LINE_BYTES_MAX]]);
        assert_eq!(pieces.len(), 3);
        assert!(
            pieces
                .iter()
                .all(|piece| piece.chars().all(|c| c == '\u{fffd}'))
        );
    }

    #[test]
    fn terminal_escapes_and_control_characters_are_removed() {
        let cases: [(&[u8], &str); 9] = [
            (b"\x1b[1;31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b(Bplain\x1b=", "plain"),
            (b"a\x08b\x00c\td", "abc\td"),
            (b"\x1b[", ""),
            (b"\x1b]never ended", ""),
            ("\u{9b}31mred \u{9d}title\u{9c}ok".as_bytes(), "red ok"),
            (b"bad \xff\xfe bytes", "bad \u{fffd}\u{fffd} bytes"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(clean(bytes), expected, "{bytes:?}");
        }
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
}
