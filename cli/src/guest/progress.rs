//! What cargo says on stderr, taken apart: lines that stay, and how far it is.
//!
//! Asked for its progress, cargo writes it where it writes its lines, and ends it with a carriage
//! return, so that what comes next is written over it:
//!
//! ```text
//!    Compiling demo v0.1.0 (/home/me/demo)⏎
//!     Building [========>          ] 1/3: demo␍
//! warning: unused variable: `x`⏎
//! ```
//!
//! How that looks is nothing that cargo promises. What is not understood is not shown, and no line
//! is lost for it.

/// A line that is longer is told in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What cargo does when it says how far it is, also without a bar. Lines of its own and of other
/// programs begin like that as well.
const VERBS: [&str; 6] = [
    "Building",
    "Cleaning",
    "Downloading",
    "Fetch",
    "Unpacking",
    "Updating",
];

/// Erases the rest of the line: cargo does that with its progress.
const ERASE_LINE: &str = "\x1b[K";

/// A piece of what cargo says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A line, coloured as cargo has it.
    Line(String),
    /// How far it is, what matters most first: `building 1/3`, `demo`.
    Progress(Vec<String>),
}

/// What cargo says, in the pieces in which it comes.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// What has not ended so far.
    pending: Vec<u8>,
    /// It ends with a carriage return, and the next byte tells whether that ends a line.
    is_returned: bool,
}

impl Talk {
    /// Takes the next bytes, and answers what they complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                said.push(self.line());
                continue;
            }
            said.extend(self.progress(Like::Any));
            self.pending.push(byte);
            self.is_returned = byte == b'\r';
            // No line looks like a bar, and the next byte may be long in coming.
            said.extend(self.progress(Like::Bar));
            if self.pending.len() >= LINE_BYTES_MAX {
                said.push(self.line());
            }
        }
        said
    }

    /// The line that has no end, if there is one.
    pub(super) fn end(mut self) -> Option<Said> {
        let progress = self.progress(Like::Any);
        progress.or_else(|| (!self.pending.is_empty()).then(|| self.line()))
    }

    /// What ends with a carriage return, if it says how far cargo is.
    fn progress(&mut self, like: Like) -> Option<Said> {
        if !self.is_returned {
            return None;
        }
        let words = progress(&String::from_utf8_lossy(&self.pending), like)?;
        self.pending.clear();
        self.is_returned = false;
        Some(Said::Progress(words))
    }

    /// What has come so far, as a terminal would show it.
    fn line(&mut self) -> Said {
        self.is_returned = false;
        let line = std::mem::take(&mut self.pending);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        // What is before is written over.
        let shown = line.rsplit('\r').next().unwrap_or_default();
        let shown = shown.strip_prefix(ERASE_LINE).unwrap_or(shown);
        Said::Line(shown.to_owned())
    }
}

/// What is taken for progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Like {
    /// A bar.
    Bar,
    /// That, and text.
    Any,
}

/// `Building [===>   ] 5/13: serde, demo` in words, if it is the like of that.
fn progress(text: &str, like: Like) -> Option<Vec<String>> {
    let text = anstream::adapter::strip_str(text).to_string();
    let (verb, rest) = text.trim().split_once(' ')?;
    if !VERBS.contains(&verb) {
        return None;
    }
    let verb = verb.to_lowercase();
    let Some(bar) = rest.strip_prefix('[') else {
        return (like == Like::Any).then(|| vec![format!("{verb} {rest}")]);
    };
    let (bar, rest) = bar.split_once(']')?;
    if !bar.chars().all(|char| matches!(char, '=' | '>' | ' ')) {
        return None;
    }
    let (amount, now) = rest.split_once(": ").unwrap_or((rest, ""));
    let mut words = vec![format!("{verb} {}", amount.trim())];
    let names = now.split(", ").map(str::trim);
    words.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of bytes, however they are cut.
    #[track_caller]
    fn check(bytes: &str, expected: &[Said]) {
        for length in [1, 2, 7, bytes.len()] {
            let mut talk = Talk::default();
            let chunks = bytes.as_bytes().chunks(length);
            let said: Vec<_> = chunks.flat_map(|chunk| talk.take(chunk)).collect();
            assert_eq!(said, expected, "in pieces of {length}");
            assert!(talk.pending.is_empty());
        }
    }

    fn line(text: &str) -> Said {
        Said::Line(text.to_owned())
    }

    fn words(words: &[&str]) -> Said {
        Said::Progress(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn lines_stay_as_they_are_and_progress_becomes_words() {
        check(
            "\x1b[1m\x1b[92m   Compiling\x1b[0m demo v0.1.0 (/tmp/demo)\n\
             \x1b[1m\x1b[96m    Building\x1b[0m [         ] 0/3: demo(build.rs)      \r\
             \x1b[1m\x1b[96m    Building\x1b[0m [===>     ] 1/3: serde, demo         \r\
             \x1b[K\x1b[1m\x1b[33mwarning\x1b[0m: unused variable: `x`\n\
             \n\
             \x20   Building [======>  ] 2/3\r\
             warning: hello\n",
            &[
                line("\x1b[1m\x1b[92m   Compiling\x1b[0m demo v0.1.0 (/tmp/demo)"),
                words(&["building 0/3", "demo(build.rs)"]),
                words(&["building 1/3", "serde", "demo"]),
                line("\x1b[1m\x1b[33mwarning\x1b[0m: unused variable: `x`"),
                line(""),
                words(&["building 2/3"]),
                line("warning: hello"),
            ],
        );
    }

    #[test]
    fn downloads_are_progress_as_well() {
        check(
            " Downloading 3 crates, remaining bytes: 1.2MiB\r\x1b[K  Downloaded serde v1.0.0\n",
            &[
                words(&["downloading 3 crates, remaining bytes: 1.2MiB"]),
                line("  Downloaded serde v1.0.0"),
            ],
        );
    }

    #[test]
    fn what_is_no_progress_is_shown_as_a_terminal_would() {
        check(
            "one\r\ntwo\r\x1b[Kthree\n[##  ] 4\rfour\n",
            &[line("one"), line("three"), line("four")],
        );
    }

    #[test]
    fn a_line_that_ends_with_a_carriage_return_as_well_is_none_the_less_one() {
        check(
            "Could not find libfoo\r\nUpdating nothing\r\nError [E1] here\r\n",
            &[
                line("Could not find libfoo"),
                line("Updating nothing"),
                line("Error [E1] here"),
            ],
        );
    }

    #[test]
    fn a_line_without_end_is_told_in_pieces_and_the_last_one_at_the_end() {
        let mut talk = Talk::default();
        let said = talk.take(&[b'x'; LINE_BYTES_MAX + 3]);
        assert_eq!(said, [line(&"x".repeat(LINE_BYTES_MAX))]);
        assert_eq!(talk.end(), Some(line("xxx")));
    }
}
