//! Records made fit to be shown. What peers and guests have said is in them, and whoever writes a
//! record need not think of that.

use executor_host::output::spelled_out;

/// A record as text: one line, in which nothing but colours is left of what terminals obey. What
/// else there is of that is written as `\xNN`.
pub(super) fn fit(record: &str) -> String {
    let mut text = String::with_capacity(record.len());
    let mut rest = record;
    while let Some(start) = rest.find('\x1b') {
        let (before, after) = rest.split_at(start);
        text.push_str(&spelled_out(before.as_bytes()));
        let length = colour_length(after);
        // One byte of any other sequence, whose rest is plain text then.
        let (sequence, after) = after.split_at(length.unwrap_or(1));
        match length {
            Some(_) => text.push_str(sequence),
            None => text.push_str(&spelled_out(sequence.as_bytes())),
        }
        rest = after;
    }
    text.push_str(&spelled_out(rest.as_bytes()));
    text
}

/// How many bytes the sequence takes at the beginning that sets colours, if it is one.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|char: char| !(char.is_ascii_digit() || char == ';'))?;
    parameters[end..]
        .starts_with('m')
        .then_some("\x1b[".len() + end + "m".len())
}

/// A record as JSON: the same, with characters that terminals obey or that mislead readers escaped.
/// They are in texts only.
pub(super) fn fit_json(record: &str) -> String {
    if record.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return record.to_owned();
    }
    let mut text = String::with_capacity(record.len());
    for char in record.chars() {
        let plain = char.encode_utf8(&mut [0; 4]).to_owned();
        if spelled_out(plain.as_bytes()) == plain {
            text.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_nothing_else_that_a_terminal_obeys() {
        for (record, shown) in [
            ("\x1b[2mWARN\x1b[0m \x1b[38;5;1mx\x1b[m", None),
            ("plain\tä", None),
            ("a\nb\rc", Some(r"a\x0ab\x0dc")),
            ("\x1b[2J\x1b]0;t\x07", Some(r"\x1b[2J\x1b]0;t\x07")),
            ("\x1b[31", Some(r"\x1b[31")),
            ("\x1b", Some(r"\x1b")),
            ("\x1b[\x1b[1m", Some("\\x1b[\x1b[1m")),
            ("\u{202e}\u{9b}m", Some(r"\xe2\x80\xae\xc2\x9bm")),
        ] {
            assert_eq!(fit(record), shown.unwrap_or(record), "{record:?}");
        }
    }
}
