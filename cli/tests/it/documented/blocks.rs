//! The commands of a page, and what it says that they print.

use std::path::Path;

use crate::redact::redact;

/// In place of a folder that is to be taken out: pages name none.
const NO_FOLDER: &str = "/no/folder";

/// A command and what comes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The line of the page.
    pub(super) line: usize,
    pub(super) command: String,
    /// Lines that it prints, if the page shows any.
    pub(super) output: Vec<String>,
}

/// The commands of all blocks of a shell, in their order.
///
/// What follows a command of a `console` is its output; what stands in the first block of `text`
/// after one of `sh`, in the same section, is the output of its last command. A comment
/// `<!-- $ COMMAND -->` names the command of the block of `text` or `json` below it, where readers
/// need not see it.
pub(super) fn commands(page: &str) -> Vec<Shown> {
    read(page).commands
}

/// The blocks of `text` and `json` that are output of no command: their first lines and texts.
pub(super) fn loose_blocks(page: &str) -> Vec<(usize, String)> {
    read(page).loose
}

/// What a page shows.
#[derive(Debug, Default)]
struct Read {
    commands: Vec<Shown>,
    loose: Vec<(usize, String)>,
}

fn read(page: &str) -> Read {
    let mut read = Read::default();
    let mut language = None;
    // The languages of blocks that would be output of the last command.
    let mut awaited: &[&str] = &[];
    for (line, text) in (1..).zip(page.lines()) {
        if let Some(fence) = text.trim_start().strip_prefix("```") {
            if matches!(language.take(), Some("text" | "json")) {
                awaited = &[];
            } else if !fence.is_empty() {
                language = Some(fence);
                if matches!(fence, "text" | "json") && !awaited.contains(&fence) {
                    read.loose.push((line + 1, String::new()));
                }
            }
            continue;
        }
        match language {
            None if text.starts_with('#') => awaited = &[],
            None => {
                let hidden = text.strip_prefix("<!-- $ ");
                if let Some(text) = hidden.and_then(|text| text.strip_suffix(" -->")) {
                    awaited = &["text", "json"];
                    read.commands.extend(command(line, text));
                }
            }
            Some("sh" | "bash" | "shell") => {
                awaited = &["text"];
                read.commands.extend(command(line, text));
            }
            Some("console") => match text.strip_prefix("$ ") {
                Some(text) => read.commands.extend(command(line, text)),
                None => output(&mut read.commands, text),
            },
            Some(language) if awaited.contains(&language) => output(&mut read.commands, text),
            Some("text" | "json") => {
                if let Some((_, block)) = read.loose.last_mut() {
                    block.push_str(text);
                    block.push('\n');
                }
            }
            _ => {}
        }
    }
    read
}

/// Lines of text that are indented as code: whether they are commands nobody can tell for sure.
pub(super) fn indented_commands(page: &str) -> Vec<usize> {
    let is_command = |text: &str| {
        let text = text.strip_prefix("    ").unwrap_or_default();
        ["mesosgot ", "cargo ", "$ "]
            .iter()
            .any(|it| text.starts_with(it))
    };
    let mut is_block = false;
    let mut lines = Vec::new();
    for (line, text) in (1..).zip(page.lines()) {
        is_block ^= text.trim_start().starts_with("```");
        if !is_block && is_command(text) {
            lines.push(line);
        }
    }
    lines
}

/// A command without the remark behind it.
fn command(line: usize, text: &str) -> Option<Shown> {
    let text = text.split(" # ").next().unwrap_or_default().trim();
    (!text.is_empty() && !text.starts_with('#')).then(|| Shown {
        line,
        command: text.to_owned(),
        output: Vec::new(),
    })
}

fn output(commands: &mut [Shown], text: &str) {
    if let Some(last) = commands.last_mut() {
        last.output.push(text.to_owned());
    }
}

/// Whether what was printed has these lines, each as often as it is shown and in whatever order:
/// tasks print when they will. Numbers and ids may be others, `…` stands for anything, and there may
/// be more lines.
///
/// # Errors
/// The first line that is missing.
pub(super) fn compare(shown: &[String], printed: &[&str]) -> Result<(), String> {
    let printed = printed.iter().flat_map(|text| text.lines());
    let mut printed: Vec<String> = printed.map(masked).collect();
    for line in shown {
        let wanted = masked(line);
        if wanted.is_empty() || wanted == "…" {
            continue;
        }
        let found = printed.iter().position(|line| matches(&wanted, line));
        printed.swap_remove(found.ok_or_else(|| line.clone())?);
    }
    Ok(())
}

/// The line with `0` for each number, and for each run of letters and digits that has both.
pub(crate) fn masked(line: &str) -> String {
    let is_word = |char: char| char.is_alphanumeric();
    let line = redact(line, Path::new(NO_FOLDER));
    let mut masked = String::new();
    let mut rest = line.trim();
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|char| !is_word(char)).unwrap_or(from.len()));
        // The parts of a number with a point, or of an id with hyphens, are one.
        let joins = matches!(before, "." | "-") && masked.ends_with('0');
        let is_varied = word.contains(|char: char| char.is_ascii_digit());
        if !(joins && is_varied) {
            masked += before;
            masked += if is_varied { "0" } else { word };
        }
        rest = after;
    }
    masked + rest
}

/// Whether the line is what is wanted, where `…` stands for anything.
fn matches(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let Some((last, between)) = parts
        .collect::<Vec<_>>()
        .split_last()
        .map(|(last, between)| (*last, between.to_vec()))
    else {
        return rest.is_empty();
    };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn commands_have_the_output_that_is_shown_with_them() {
    let page = "\
# A
```sh
a 1  # why
# only a remark
b
```
says
```text
b says
```
```console
$ c
c says
```
# B
```text
nobody says
```
<!-- $ d '# x' -->
```json
d says
```
";
    let shown: Vec<_> = commands(page)
        .into_iter()
        .map(|shown| (shown.line, shown.command, shown.output.join("|")))
        .collect();
    let expected = [
        (3, "a 1", ""),
        (5, "b", "b says"),
        (12, "c", "c says"),
        (19, "d '# x'", "d says"),
    ];
    assert_eq!(
        shown,
        expected.map(|(line, a, b)| (line, a.to_owned(), b.to_owned()))
    );
    assert_eq!(loose_blocks(page), [(17, "nobody says\n".to_owned())]);
}

#[test]
fn lines_are_found_whatever_their_numbers_and_their_order() {
    let printed = [
        "floor-5 | 0.0 s: rider 5.0 in\nend\n",
        "on 127.0.0.1:38145 as 1b25a0a6-29b3-4a38-8f3b-8a5ac01e1cf5-0000\n",
    ];
    let compare = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        compare(&lines, &printed)
    };
    let rider = "floor-1 | 12.5 s: rider 7.1 in";
    let id = "on 127.0.0.1:9 as abcdefab-cdef-abcd-efab-cdefabcdefab-0001";
    assert_eq!(compare(&["e…", "…", rider, id]), Ok(()));
    assert_eq!(compare(&[rider, rider]), Err(rider.to_owned()));
    let other = "floor-1 | 12.5 s: rider 7.1 out";
    assert_eq!(compare(&[other]), Err(other.to_owned()));
}
