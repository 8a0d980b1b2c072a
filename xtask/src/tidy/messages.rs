//! Messages that the page on troubleshooting quotes: that somebody still says them, and that each
//! has one row.

use std::collections::BTreeMap;

use crate::repository::{File, Finding, Report, Repository};

/// The page.
const PAGE: &str = "docs/troubleshooting.md";

/// How tables of our messages begin; others quote systems.
const HEADER: &str = "| what is said |";

/// Stands for what is filled in.
const BLANK: char = '…';

/// Folders whose texts no user sees.
const INTERNAL: [&str; 4] = [
    "crates/conformance/",
    "crates/simulation/",
    "crates/testkit/",
    "xtask/",
];

/// Checks the page.
pub(super) fn check(repository: &Repository, report: &mut Report) {
    let Some(page) = repository.files.iter().find(|file| file.path == PAGE) else {
        return;
    };
    let is_internal = |path: &str| INTERNAL.iter().any(|folder| path.starts_with(folder));
    let sources = repository
        .files
        .iter()
        .filter(|file| file.rust.is_some() && !file.is_test() && !is_internal(&file.path));
    let texts: Vec<String> = sources.map(|file| said(&file.text)).collect();
    report.findings.extend(check_page(page, &texts));
}

fn check_page(page: &File, texts: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_ours = false;
    let mut rows = BTreeMap::new();
    for (line, text) in (1..).zip(page.text.lines()) {
        if !text.starts_with('|') {
            is_ours = false;
        } else if text.starts_with(HEADER) {
            is_ours = true;
        } else if is_ours && !text.starts_with("|--") {
            let messages = quoted(text);
            if let Some(before) = rows.insert(messages.clone(), line) {
                let text = format!("the same messages as in line {before}");
                findings.push(page.finding(line, text));
            }
            for message in messages {
                if !texts.iter().any(|text| text.contains(&message)) {
                    let text = format!("nobody says `{message}`");
                    findings.push(page.finding(line, text));
                }
            }
        }
    }
    findings
}

/// The source as users see its texts: in one line, with blanks for what is filled in.
fn said(source: &str) -> String {
    // Tests quote what they expect.
    let source = source.split("\nmod tests {").next().unwrap_or_default();
    let mut said = String::new();
    let mut chars = source.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' if chars.next_if_eq(&'\n').is_some() => {
                while chars.next_if(|char| char.is_whitespace()).is_some() {}
            }
            // What stands behind it in a text: a quote or another backslash.
            '\\' => said.extend(chars.next()),
            '{' if chars.next_if_eq(&'{').is_some() => said.push('{'),
            '}' if chars.next_if_eq(&'}').is_some() => said.push('}'),
            '{' => blank(&mut said, &mut chars),
            char => said.push(char),
        }
    }
    said
}

/// Writes a blank for a placeholder whose brace has been read; what is none is no part of a text.
fn blank(said: &mut String, chars: &mut impl Iterator<Item = char>) {
    if !said.ends_with(BLANK) {
        said.push(BLANK);
    }
    let mut skipped = String::new();
    for char in chars {
        match char {
            '}' => return,
            // A block of code.
            '\n' | '{' | '"' => {
                skipped.push(char);
                break;
            }
            char => skipped.push(char),
        }
    }
    said.push_str(&skipped);
}

/// The messages in the first cell of a row.
fn quoted(row: &str) -> Vec<String> {
    let cell = row.trim_start_matches("| ");
    let cell = cell.split(" | ").next().unwrap_or_default();
    let mut messages = Vec::new();
    let mut rest = cell;
    while let Some(start) = rest.find('`') {
        // As many backticks end it as have begun it.
        let inner = rest[start..].trim_start_matches('`');
        let fence = &rest[start..rest.len() - inner.len()];
        let Some((message, after)) = inner.split_once(fence) else {
            break;
        };
        // At the ends a blank says nothing.
        let is_edge = |char: char| char == BLANK || char == ' ';
        messages.push(message.trim_matches(is_edge).to_owned());
        rest = after;
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
#[error("cannot reach `{endpoint}`: \
         {detail}")]
fn say() { write!(f, "gave {found} bytes, {} were \"expected\" {{here}}", self.x) }
mod tests {
    const TEXT: &str = "only tests say this";
"#;

    #[track_caller]
    fn check(row: &str, expected: &[&str]) {
        let page =
            format!("| what is said | why |\n|---|---|\n{row}\n\n| other |\n|---|\n| `x` |\n");
        let findings = check_page(&File::new(PAGE, page), &[said(SOURCE)]);
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_message_is_found_with_its_blanks() {
        check("| ``cannot reach `…`: …`` | `x` |", &[]);
        check("| `gave … bytes, … were \"expected\" {here}` | x |", &[]);
    }

    #[test]
    fn a_message_with_two_rows_is_found() {
        check(
            "| `cannot reach` | x |\n| ``gave … bytes`` | x |\n| ``cannot reach`` | y |",
            &["docs/troubleshooting.md:5: the same messages as in line 3"],
        );
    }

    #[test]
    fn a_message_that_nobody_says_is_found() {
        check(
            "| `cannot reach`, `only tests say this` | x |",
            &["docs/troubleshooting.md:3: nobody says `only tests say this`"],
        );
    }
}
