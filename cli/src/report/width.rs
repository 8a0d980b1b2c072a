//! How wide text is on a terminal, and how to make it fit.

/// Characters that take two columns, in blocks rather than one by one: some in them take one. What
/// is taken for too wide is cut too early by a column, what is taken for too narrow breaks a line.
const WIDE: [(char, char); 20] = [
    ('\u{1100}', '\u{115f}'),
    ('\u{17a4}', '\u{17a4}'),
    ('\u{17d8}', '\u{17d8}'),
    ('\u{231a}', '\u{231b}'),
    ('\u{2329}', '\u{232a}'),
    ('\u{23e9}', '\u{23f3}'),
    ('\u{25fd}', '\u{25fe}'),
    ('\u{2600}', '\u{27bf}'),
    ('\u{2b1b}', '\u{2b55}'),
    ('\u{2e80}', '\u{a4cf}'),
    ('\u{a960}', '\u{a97f}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe10}', '\u{fe6f}'),
    ('\u{ff01}', '\u{ff60}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{16fe0}', '\u{1b2ff}'),
    ('\u{1d300}', '\u{1d37f}'),
    ('\u{1f000}', '\u{1faff}'),
    ('\u{20000}', '\u{3ffff}'),
];

/// The commonest characters that are drawn over the one before.
const ZERO: [(char, char); 3] = [
    ('\u{300}', '\u{36f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{fe00}', '\u{fe0f}'),
];

/// What stands for what was cut.
const ELLIPSIS: char = '…';

/// How many columns the text takes at most.
pub(super) fn width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().map(width_of).sum(),
    }
}

/// The text, or as much of its beginning as fits into so many columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = taken(text.chars(), columns.saturating_sub(1));
    if columns > 0 {
        kept.push(ELLIPSIS);
    }
    kept
}

/// The text, or its beginning and its end: names of tasks differ in their ends.
pub(super) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let end = (columns - 1) / 2;
    let begin = columns - 1 - end;
    let end: String = taken(text.chars().rev(), end).chars().rev().collect();
    format!("{}{ELLIPSIS}{end}", taken(text.chars(), begin))
}

/// The text with as many spaces as it lacks.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

fn taken(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|char| {
            let width = width_of(*char);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

fn width_of(char: char) -> usize {
    let is_in = |ranges: &[(char, char)]| {
        let mut ranges = ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&char))
    };
    if is_in(&ZERO) {
        0
    } else if is_in(&WIDE) {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_wider_on_a_terminal_than_it_is_taken_for() {
        let rows = 1.try_into().expect("it is not zero");
        let columns = 8.try_into().expect("it is not zero");
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        let mut narrow = Vec::new();
        // What is beyond has two columns, or is private.
        for char in (' '..'\u{20000}').filter(|char| !char.is_control()) {
            terminal.process(format!("\r{char}").as_bytes());
            let (_, column) = terminal.screen().cursor_position();
            if usize::from(column) > width_of(char) {
                narrow.push(char);
            }
        }
        assert!(narrow.is_empty(), "wider than thought: {narrow:x?}");
        for (text, expected) in [
            ("floor", 5),
            ("é", 1),
            ("階", 2),
            ("e\u{301}", 1),
            ("🛗", 2),
        ] {
            assert_eq!(width(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_fits_and_says_so() {
        assert_eq!(cut("elevator", 8), "elevator");
        assert_eq!(cut("elevator", 7), "elevat…");
        assert_eq!(cut("elevator", 1), "…");
        assert_eq!(cut("elevator", 0), "");
        assert_eq!(cut("階段の名前", 6), "階段…");
        assert_eq!(cut_middle("elevator-control-17", 12), "elevat…ol-17");
        assert_eq!(cut_middle("階段の名前", 6), "階…前");
        assert_eq!(cut_middle("elevator", 1), "…");
        assert_eq!(cut_middle("elevator", 0), "");
        for columns in 0..12 {
            assert!(width(&cut("階段 of e\u{301}levator", columns)) <= columns);
            assert!(width(&cut_middle("階段 of e\u{301}levator", columns)) <= columns);
        }
        assert_eq!(padded("階", 4), "階  ");
    }
}
