//! Rust source taken apart: code without comments and texts, attributes, uses.
//!
//! This is no parser. It knows enough of the grammar not to take a word in a comment or in a text
//! for code, and a lifetime for a character.

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The code, with blanks in place of comments and texts, line by line as in the file.
    code: String,
    /// How many lines stand before the tests, which come last; all of them, if there are none.
    lines_before_tests: usize,
}

/// What stands in a line that was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Counted from 1.
    pub line: usize,
    /// As it is compared: an attribute or a path, without blanks.
    pub text: String,
}

impl Source {
    /// Takes `text` apart.
    pub fn new(text: &str) -> Self {
        let code = blank_out(text);
        let lines_before_tests = code
            .lines()
            .position(|line| line.trim_start().starts_with("#[cfg(test)]"))
            .unwrap_or_else(|| code.lines().count());
        Self {
            code,
            lines_before_tests,
        }
    }

    /// The lines of code before the tests, each with its number.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines().take(self.lines_before_tests))
    }

    /// How many lines stand before the tests, comments and empty lines included.
    pub fn length(&self) -> usize {
        self.lines_before_tests
    }

    /// All attributes, tests included: what stands between `#[` or `#![` and its bracket.
    pub fn attributes(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for (start, _) in self.code.match_indices('#') {
            let rest = &self.code[start + 1..];
            let rest = rest.strip_prefix('!').unwrap_or(rest);
            let Some(inside) = rest.strip_prefix('[') else {
                continue;
            };
            let mut depth = 1;
            let end = inside.find(|character| {
                match character {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            found.push(Found {
                line: self.line_of(start),
                text: without_blanks(&inside[..end.unwrap_or(inside.len())]),
            });
        }
        found
    }

    /// What is named by `use` before the tests, groups taken apart: `use a::{b, c::d}` names `a::b`
    /// and `a::c::d`.
    pub fn uses(&self) -> Vec<Found> {
        let mut found = Vec::new();
        let starts = self.code.match_indices("use ").filter(|(start, _)| {
            let before = self.code[..*start].trim_end_matches(' ');
            before.is_empty() || before.ends_with(['\n', ';', '{', '}', ')', ']', 'b'])
        });
        for (start, word) in starts {
            let line = self.line_of(start);
            let rest = &self.code[start + word.len()..];
            if line > self.lines_before_tests {
                break;
            }
            if let Some(end) = rest.find(';') {
                let mut paths = Vec::new();
                flatten("", &without_blanks_but_as(&rest[..end]), &mut paths);
                found.extend(paths.into_iter().map(|text| Found { line, text }));
            }
        }
        found
    }

    /// Whether there is a test in it.
    pub fn has_tests(&self) -> bool {
        self.attributes()
            .iter()
            .any(|attribute| attribute.text == "test" || attribute.text.starts_with("tokio::test"))
    }

    /// Whether `text` stands in the code, tests included.
    pub fn mentions(&self, text: &str) -> bool {
        self.code.contains(text)
    }

    fn line_of(&self, position: usize) -> usize {
        1 + self.code[..position].matches('\n').count()
    }
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Drops blanks and the new names of `use a as b`.
fn without_blanks_but_as(text: &str) -> String {
    let mut words = text.split_whitespace().peekable();
    let mut kept = String::new();
    while let Some(word) = words.next() {
        if word == "as" {
            // The new name may have the comma or the bracket that follows glued to it.
            let name = words.next().unwrap_or_default();
            let is_name = |character: char| character.is_alphanumeric() || character == '_';
            kept += name.trim_start_matches(is_name);
        } else {
            kept += word;
        }
    }
    kept
}

/// Takes a use tree without blanks apart.
fn flatten(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let Some(open) = tree.find('{') else {
        paths.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inside = tree[open + 1..].strip_suffix('}').unwrap_or("");
    let mut depth = 0;
    let parts = inside.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0 && character == ','
    });
    for part in parts.filter(|part| !part.is_empty()) {
        flatten(&prefix, part, paths);
    }
}

/// Replaces comments and texts by blanks; lines stay lines.
fn blank_out(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let not_code = match character {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' if !ends_in_name(&code) => raw_string(rest).unwrap_or(0),
            '\'' => character_literal(rest),
            _ => 0,
        };
        let (blanks, after) = rest.split_at(not_code);
        code.extend(blanks.chars().map(|character| match character {
            '\n' => '\n',
            _ => ' ',
        }));
        rest = after;
        if not_code == 0 {
            code.push(character);
            rest = &after[character.len_utf8()..];
        }
    }
    code
}

fn ends_in_name(code: &str) -> bool {
    code.ends_with(|character: char| character.is_alphanumeric() || character == '_')
}

/// The length of a block comment, with those inside it.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while position < text.len() {
        let rest = &text[position..];
        if rest.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a text in quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (position, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return position + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw text, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..]
        .chars()
        .take_while(|character| *character == '#')
        .count();
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inside.len();
    Some(
        inside
            .find(&end)
            .map_or(text.len(), |position| start + position + end.len()),
    )
}

/// The length of a character in quotes; 1 for the mark of a lifetime.
fn character_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            let end = characters.find(|(_, character)| *character == '\'');
            end.map_or(1, |(position, _)| position + 1)
        }
        Some(_) => match characters.next() {
            Some((position, '\'')) => position + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Vec<Found>) -> Vec<String> {
        found
            .into_iter()
            .map(|Found { line, text }| format!("{line} {text}"))
            .collect()
    }

    #[test]
    fn comments_and_texts_are_blanked_out_and_lines_stay() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b\n/* c */ */ d", "a     \n           d"),
            (r#"a "b" c"#, "a     c"),
            (r#"a "\"b" c"#, "a       c"),
            (r###"a r#"b"c"# d"###, "a          d"),
            ("letter\"b\"", "letter   "),
            ("\"a\nb\" c", "  \n   c"),
        ];
        for (text, expected) in cases {
            assert_eq!(blank_out(text), expected, "{text}");
        }
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(blank_out("&'a T, 'b', d"), "& a T,    , d");
        assert_eq!(blank_out(r#"'\'' a '"' b"#), "     a     b");
    }

    #[test]
    fn attributes_are_found_wherever_they_are_written() {
        let source = Source::new(
            "#![allow(a)]\n// #[no]\n#[expect(\n    b,\n    reason = \"c ]\"\n)]\nfn d() { \"#[no]\"; }\n#[cfg(test)]\n#[test]",
        );
        assert_eq!(
            texts(source.attributes()),
            ["1 allow(a)", "3 expect(b,reason=)", "8 cfg(test)", "9 test"]
        );
        assert!(source.has_tests());
        assert_eq!(source.length(), 7);
    }

    #[test]
    fn uses_are_taken_apart() {
        let source = Source::new(
            "use a;\npub(crate) use b::{self, c::{D as E, f}, g as _};\n// use h;\nfn because() { use i::j; }\nlet reuse = 1;\n#[cfg(test)]\nuse k;",
        );
        assert_eq!(
            texts(source.uses()),
            [
                "1 a",
                "2 b::self",
                "2 b::c::D",
                "2 b::c::f",
                "2 b::g",
                "4 i::j"
            ]
        );
    }

    #[test]
    fn what_is_cut_off_does_not_panic() {
        for text in [
            "\"",
            "'",
            "'\\",
            "r#\"",
            "/*",
            "#[",
            "use a::{b",
            "use ",
            "r",
            "'é",
        ] {
            let source = Source::new(text);
            let _ = (source.uses(), source.attributes());
        }
    }
}
