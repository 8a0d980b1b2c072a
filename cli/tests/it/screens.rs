//! A terminal that remembers: what it shows, and every line that has scrolled out of it.

/// From the first to the second a terminal cuts lines instead of wrapping them. `vt100` does not
/// know them, so it is done here.
const WRAP_OFF: &[u8] = b"\x1b[?7l";
const WRAP_ON: &[u8] = b"\x1b[?7h";

/// More lines than any session has.
const SCROLLBACK_LINES: usize = 100_000;

/// The terminal.
pub(crate) struct Screens {
    parser: vt100::Parser,
    /// What came and may be half of something.
    pending: Vec<u8>,
}

impl Screens {
    /// A terminal of this size, in characters.
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let (columns, rows) = (columns.try_into(), rows.try_into());
        let (columns, rows) = (columns.expect("it is not 0"), rows.expect("it is not 0"));
        Self {
            parser: vt100::Parser::new(rows, columns, SCROLLBACK_LINES),
            pending: Vec::new(),
        }
    }

    /// Gives it another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.try_into(), rows.try_into());
        let (columns, rows) = (columns.expect("it is not 0"), rows.expect("it is not 0"));
        self.parser.set_size(rows, columns);
    }

    /// Shows what a program has sent.
    pub(crate) fn process(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        loop {
            let Some(off) = find(&self.pending, WRAP_OFF) else {
                let whole = self.pending.len() - half_of(&self.pending, WRAP_OFF);
                let whole: Vec<u8> = self.pending.drain(..whole).collect();
                return self.parser.process(&whole);
            };
            let Some(on) = find(&self.pending[off..], WRAP_ON) else {
                return;
            };
            let mut whole: Vec<u8> = self.pending.drain(..off + on + WRAP_ON.len()).collect();
            let unwrapped = whole.split_off(off);
            self.parser.process(&whole);
            let columns = self.parser.screen().size().1.get();
            let unwrapped = cut(&String::from_utf8_lossy(&unwrapped), columns.into());
            self.parser.process(unwrapped.as_bytes());
        }
    }

    /// What it shows, row by row.
    pub(crate) fn rows(&self) -> Vec<String> {
        let screen = self.parser.screen();
        screen.rows(0, screen.size().1.get()).collect()
    }

    /// All lines there ever were, whole again where they were wrapped, without empty ones at the
    /// end.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let screen = self.parser.screen_mut();
        let (rows, columns) = screen.size();
        let mut lines: Vec<String> = Vec::new();
        let mut wraps = Wraps::No;
        let mut push = |screen: &vt100::Screen, row: u16| {
            let text = screen.rows(0, columns.get()).nth(row.into());
            let text = text.expect("there is a row");
            let begins_wide = screen.cell(row, 0).is_some_and(vt100::Cell::is_wide);
            match lines.last_mut() {
                Some(last) if wraps == Wraps::Yes || (wraps == Wraps::IfWide && begins_wide) => {
                    last.push_str(&text);
                }
                _ => lines.push(text),
            }
            wraps = wrapped(screen, row);
        };
        for back in (1..=screen.scrollback_len()).rev() {
            screen.set_scrollback(back);
            push(screen, 0);
        }
        screen.set_scrollback(0);
        for row in 0..rows.get() {
            push(screen, row);
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Row and column of the cursor.
    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.parser.screen().cursor_position()
    }

    /// The screen itself.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }
}

/// Whether the row after a row is of the same line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wraps {
    Yes,
    No,
    /// If it begins with a wide character, for which the last column was not enough: that `vt100`
    /// does not remember.
    IfWide,
}

fn wrapped(screen: &vt100::Screen, row: u16) -> Wraps {
    let columns = screen.size().1.get();
    let is_filled = |column: u16| {
        let cell = screen.cell(row, column);
        cell.is_some_and(|cell| cell.has_contents() || cell.is_wide_continuation())
    };
    match screen.row_wrapped(row) {
        true => Wraps::Yes,
        false if columns > 2 && !is_filled(columns - 1) && is_filled(columns - 2) => Wraps::IfWide,
        false => Wraps::No,
    }
}

/// Each line without what does not fit.
fn cut(text: &str, columns: usize) -> String {
    let mut kept = String::new();
    let (mut column, mut is_escape) = (0, false);
    for char in text.chars() {
        match char {
            '\x1b' => is_escape = true,
            '\r' | '\n' => column = 0,
            _ if is_escape => is_escape = !char.is_ascii_alphabetic(),
            _ => column += 1,
        }
        if column <= columns {
            kept.push(char);
        }
    }
    kept
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

/// How many bytes at the end may be the beginning of this.
fn half_of(bytes: &[u8], wanted: &[u8]) -> usize {
    let longest = (wanted.len() - 1).min(bytes.len());
    let mut lengths = (1..=longest).rev();
    lengths
        .find(|length| bytes.ends_with(&wanted[..*length]))
        .unwrap_or(0)
}
