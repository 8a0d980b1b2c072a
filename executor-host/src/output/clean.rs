//! Text that is fit to be shown, whatever a guest or a peer has written.

use std::str::Chars;

/// Makes text of bytes that anybody may have written: bytes that are not UTF-8 are shown as `\xNN`;
/// terminal escapes and other control characters go, and so do those that reorder or break a
/// line. Tabs stay.
///
/// What is printed by others must not move a reader's cursor, rename a window, pass for another
/// line or hide its own end.
pub fn clean(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return text.to_owned();
    }
    strip(&readable(bytes))
}

/// Makes text of bytes for programs: bytes that are not UTF-8 are shown as `\xNN`, and nothing else
/// is changed.
pub fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Makes one line of bytes of which none may be lost: what [`clean`] takes away is shown as `\xNN`
/// as well, each byte of it.
pub fn spelled_out(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in readable(bytes).chars() {
        if c == '\t' || !(c.is_control() || misleads(c)) {
            text.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

fn strip(text: &str) -> String {
    let mut stripped = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            // The 8-bit forms of the introducers below.
            '\u{9b}' => skip_until_final(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\t' => stripped.push(c),
            _ if c.is_control() || misleads(c) => {}
            _ => stripped.push(c),
        }
    }
    stripped
}

/// Whether it makes a line look like another one: separators of lines and paragraphs, and what
/// overrides or isolates the direction of writing. Letters that are written from right to left
/// need none of them.
fn misleads(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What follows an escape character (ECMA-48).
fn skip_escape(chars: &mut Chars<'_>) {
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
fn skip_until_final(chars: &mut Chars<'_>) {
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
fn skip_string(chars: &mut Chars<'_>) {
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_escapes_and_control_characters_are_removed() {
        let cases: [(&[u8], &str); 13] = [
            (b"\x1b[1;31mred\x1b[0m", "red"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b(Bplain\x1b=", "plain"),
            (b"a\x08b\x00c\td", "abc\td"),
            (b"\x1b[", ""),
            (b"\x1b]never ended", ""),
            (b"over\rwritten", "overwritten"),
            ("\u{9b}31mred \u{9d}title\u{9c}ok".as_bytes(), "red ok"),
            (
                "c\u{85}1 \u{202e}live\u{2066}\u{2069}".as_bytes(),
                "c1 live",
            ),
            ("one\u{2028}line".as_bytes(), "oneline"),
            (b"bad \xff\xfe bytes", "bad \\xff\\xfe bytes"),
            (b"half \xe2\x82", "half \\xe2\\x82"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(clean(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn nothing_is_lost_of_what_is_spelled_out() {
        let cases: [(&[u8], &str); 4] = [
            (b"one\ntwo\r\n", "one\\x0atwo\\x0d\\x0a"),
            (b"\x1b[2Jgone\ttab", "\\x1b[2Jgone\ttab"),
            ("äöü \u{202e}".as_bytes(), "äöü \\xe2\\x80\\xae"),
            (b"\xff", "\\xff"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(spelled_out(bytes), expected);
        }
        assert_eq!(readable(b"one\n\xff"), "one\n\\xff");
    }

    /// Bytes among which there are more beginnings of escapes than chance has.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            any::<u8>(),
            proptest::sample::select(
                b"\x1b\x1b[]P(\\;mA\x07\r\n\0\xc2\x9b\x9d\xe2\x80\xae".to_vec()
            ),
        ];
        proptest::collection::vec(byte, 0..200)
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_a_terminal_obeys(bytes in bytes()) {
            let text = clean(&bytes);
            prop_assert!(text.chars().all(|c| c == '\t' || !(c.is_control() || misleads(c))));
            // Whoever cleans again, as a reader of an agent's files does, changes nothing.
            prop_assert_eq!(clean(text.as_bytes()), text);
        }

        #[test]
        fn text_stays_as_it_is(text in "[ -~\t\u{a1}-\u{2000}\u{1f600}-\u{1f64f}]{0,80}") {
            prop_assert_eq!(clean(text.as_bytes()), text);
        }
    }
}
