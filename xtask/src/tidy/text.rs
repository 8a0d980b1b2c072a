//! Text: what every file begins with, what none contains, how long it may be, and the map of the
//! crates.

use std::path::Path;

use crate::repository::{File, Report, Repository};

/// From this length on a file is worth a look for a second concept (tests apart).
const LINES_NOTED: usize = 600;

/// No file is longer (tests apart).
const LINES_MAX: usize = 1000;

/// Words that say that something is not done. Put together here, so that this file has none.
const BANNED_WORDS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Where the crates are explained.
const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Checks one file.
pub(super) fn check(file: &File, report: &mut Report) {
    for (line, text) in (1..).zip(file.text.lines()) {
        // What a test expects may have both.
        if text.ends_with([' ', '\t']) && !file.is_test() {
            let text = "blanks at the end of the line";
            report.findings.push(file.finding(line, text));
        }
        if text.contains('\t') && !file.is_test() {
            report.findings.push(file.finding(line, "a tab"));
        }
        let is_name = |character: char| character.is_alphanumeric() || character == '_';
        let mut words = text.split(|character| !is_name(character));
        if let Some(word) = words.find(|word| BANNED_WORDS.contains(word)) {
            let text = format!("`{word}`: do it, or write an issue");
            report.findings.push(file.finding(line, text));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        report
            .findings
            .push(file.finding(None, "no newline at the end"));
    }
    let Some(rust) = &file.rust else { return };
    if !file.text.starts_with("//!") {
        let text = "does not begin with `//!`: say what the module owns, and what it refuses";
        report.findings.push(file.finding(1, text));
    }
    let length = if file.is_test() { 0 } else { rust.length() };
    match length {
        ..=LINES_NOTED => {}
        length @ ..=LINES_MAX => report
            .notes
            .push(format!("{}: {length} lines before its tests", file.path)),
        length => {
            let text = format!("{length} lines before its tests, at most {LINES_MAX}: split it");
            report.findings.push(file.finding(None, text));
        }
    }
}

/// Checks that the folder of every crate is in the map.
pub(super) fn check_architecture(repository: &Repository, report: &mut Report) {
    let Some(file) = repository
        .files
        .iter()
        .find(|file| file.path == ARCHITECTURE)
    else {
        report.notes.push(format!(
            "there is no {ARCHITECTURE} yet: its map is not checked"
        ));
        return;
    };
    let top = repository.metadata.workspace_root.as_std_path();
    let folders = repository.metadata.workspace_packages();
    let folders = folders.iter().filter_map(|package| {
        let folder = package.manifest_path.as_std_path().parent()?;
        folder.strip_prefix(top).ok()
    });
    for folder in folders.filter(|folder| !is_named(&file.text, folder)) {
        let text = format!("does not name `{}`", folder.display());
        report.findings.push(file.finding(None, text));
    }
}

/// Whether a folder, or one above it that stands for all of its crates, is named in backticks.
fn is_named(text: &str, folder: &Path) -> bool {
    let name = |folder: &Path| folder.display().to_string();
    let alone = [
        format!("`{}`", name(folder)),
        format!("`{}/`", name(folder)),
    ];
    let mut above = folder
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
        .map(|above| format!("`{}/*`", name(above)));
    alone.iter().any(|name| text.contains(name)) || above.any(|name| text.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut report = Report::default();
        check(&File::new(path, text), &mut report);
        report.findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_module_begins_with_its_doc() {
        assert_eq!(findings("a.rs", "//! It.\n"), [""; 0]);
        assert_eq!(findings("a.md", "It.\n"), [""; 0]);
        assert_eq!(
            findings("a.rs", "use b;\n"),
            ["a.rs:1: does not begin with `//!`: say what the module owns, and what it refuses"]
        );
    }

    #[test]
    fn what_is_not_done_is_found_as_a_word() {
        let word = BANNED_WORDS[0];
        let text = format!("# It\n{word}(me): later\n{word}S and {word}_LIST\n");
        assert_eq!(
            findings("a.md", &text),
            [format!("a.md:2: `{word}`: do it, or write an issue")]
        );
    }

    #[test]
    fn blanks_and_tabs_and_missing_newlines_are_found() {
        assert_eq!(
            findings("a.toml", "a = 1 \nb\t= 2"),
            [
                "a.toml:1: blanks at the end of the line",
                "a.toml:2: a tab",
                "a.toml: no newline at the end"
            ]
        );
    }

    #[test]
    fn a_file_may_be_long_and_its_tests_longer() {
        let lines = |count| format!("//! It.\n{}", "a();\n".repeat(count));
        assert_eq!(findings("a.rs", &lines(LINES_MAX - 1)), [""; 0]);
        let tests = format!("{}#[cfg(test)]\n{}", lines(10), lines(2000));
        assert_eq!(findings("a.rs", &tests), [""; 0]);
        assert_eq!(findings("a/tests.rs", &lines(2000)), [""; 0]);
        assert_eq!(
            findings("a.rs", &lines(LINES_MAX)),
            ["a.rs: 1001 lines before its tests, at most 1000: split it"]
        );
        let mut report = Report::default();
        check(&File::new("a.rs", lines(LINES_NOTED)), &mut report);
        assert_eq!(report.notes, ["a.rs: 601 lines before its tests"]);
    }

    #[test]
    fn a_crate_is_named_by_its_folder_or_with_its_siblings() {
        let text = "`crates/mesos` is, `tasks/*` are";
        assert!(is_named(text, Path::new("crates/mesos")));
        assert!(is_named(text, Path::new("tasks/floor")));
        assert!(!is_named(text, Path::new("crates/mesos-client")));
        assert!(!is_named(text, Path::new("cli")));
    }
}
