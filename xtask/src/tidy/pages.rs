//! Pages: that each link leads somewhere, that the book has every page, and that blocks say their
//! language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::repository::{File, Finding, Report, Repository};

/// The folder of the book.
const BOOK: &str = "docs";

/// Its table of contents.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Checks all pages.
pub(super) fn check(repository: &Repository, report: &mut Report) {
    let top = repository.metadata.workspace_root.as_std_path();
    let exists = |path: &str| top.join(path).exists();
    let pages: Vec<&File> = repository
        .files
        .iter()
        .filter(|file| file.path.ends_with(".md"))
        .collect();
    report.findings.extend(check_pages(&pages, &exists));
}

fn check_pages(pages: &[&File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let anchors: BTreeMap<&str, BTreeSet<String>> = pages
        .iter()
        .map(|page| (page.path.as_str(), anchors(&page.text)))
        .collect();
    let mut findings = Vec::new();
    for page in pages {
        for (line, target) in links(&page.text) {
            if let Err(text) = check_link(page, &target, &anchors, exists) {
                findings.push(page.finding(line, text));
            }
        }
        for line in blocks_without_language(&page.text) {
            let text = "a block without a language: `sh`, `console`, `text`, `yaml` or another";
            findings.push(page.finding(line, text));
        }
    }
    findings.extend(check_summary(pages));
    findings
}

/// Checks that a link leads to what is there, and in the book to what the book has.
fn check_link(
    page: &File,
    target: &str,
    anchors: &BTreeMap<&str, BTreeSet<String>>,
    exists: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match path {
        "" => page.path.clone(),
        path => resolved(&page.path, path)
            .ok_or_else(|| format!("the link `{target}` leads out of the repository"))?,
    };
    if !exists(&path) {
        return Err(format!("the link `{target}` leads nowhere"));
    }
    if is_in_book(&page.path) && !is_in_book(&path) {
        let text = "is none in the book, which has only what is in `docs`";
        return Err(format!("the link `{target}` {text}"));
    }
    let is_known = match anchors.get(path.as_str()) {
        Some(anchors) => anchor.is_empty() || anchors.contains(anchor),
        None => anchor.is_empty(),
    };
    if is_known {
        Ok(())
    } else {
        Err(format!("`{path}` has no heading for the link `{target}`"))
    }
}

fn is_in_book(path: &str) -> bool {
    path.split('/').next() == Some(BOOK)
}

/// The path from the top of what is named in a file; nothing above the top.
fn resolved(from: &str, to: &str) -> Option<String> {
    let mut path: PathBuf = Path::new(from).parent()?.to_owned();
    for component in Path::new(to).components() {
        match component {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path.to_string_lossy().into_owned())
}

/// Checks that the table of contents names each page of the book once.
fn check_summary(pages: &[&File]) -> Vec<Finding> {
    let Some(summary) = pages.iter().find(|page| page.path == SUMMARY) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut named = BTreeSet::new();
    for (line, text) in lines_that_are_no_chapters(&summary.text) {
        let text = format!("mdbook makes nothing of `{text}`: a heading, or a link in a list");
        findings.push(summary.finding(line, text));
    }
    for (line, target) in links(&summary.text) {
        if !named.insert(resolved(SUMMARY, &target)) {
            findings.push(summary.finding(line, format!("`{target}` is here already")));
        }
    }
    for page in pages {
        let is_page = is_in_book(&page.path) && page.path != SUMMARY;
        if is_page && !named.contains(&Some(page.path.clone())) {
            findings.push(summary.finding(None, format!("does not name `{}`", page.path)));
        }
    }
    findings
}

/// The lines of a table of contents that are neither headings, nor links by themselves or in a list.
/// mdbook refuses such a book, or leaves them out.
fn lines_that_are_no_chapters(text: &str) -> Vec<(usize, &str)> {
    let is_known = |line: &str| {
        let link = line.trim_start().trim_start_matches("- ");
        line.is_empty() || line.starts_with("# ") || (link.starts_with('[') && link.ends_with(')'))
    };
    let lines = (1..).zip(text.lines());
    lines.filter(|(_, line)| !is_known(line)).collect()
}

/// The lines that are no part of a block, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_block = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_fence && !is_block
    })
}

/// What stands before and behind the target of a link or an image.
const TARGETS: [(&str, char); 4] = [
    ("](", ')'),
    ("src=\"", '"'),
    ("srcset=\"", '"'),
    ("href=\"", '"'),
];

/// The targets of all links and images, those written in HTML among them.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        for (before, behind) in TARGETS {
            for after in line.split(before).skip(1) {
                let target = after.split_once(behind).map(|(target, _)| target);
                links.extend(target.map(|target| (number, target.to_owned())));
            }
        }
    }
    links
}

/// The line without what is between backticks.
fn without_code(line: &str) -> String {
    // Spans that hold backticks have two around them.
    let mut kept = String::new();
    for (index, outer) in line.split("``").enumerate() {
        if index % 2 == 0 {
            kept.extend(outer.split('`').step_by(2));
        }
    }
    kept
}

/// What links can lead to in a page: its headings, as GitHub and mdbook make anchors of them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|char| match char {
            ' ' => Some('-'),
            '-' | '_' => Some(char),
            _ => char.is_alphanumeric().then_some(char),
        });
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        // The second of a name has a number.
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(again);
        anchors.extend(names.find(|name| !anchors.contains(name)));
    }
    anchors
}

fn blocks_without_language(text: &str) -> Vec<usize> {
    let mut is_block = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            is_block = !is_block;
            if is_block && language.is_empty() {
                lines.push(number);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pages: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<File> = pages
            .iter()
            .map(|(path, text)| File::new(*path, *text))
            .collect();
        let files: Vec<&File> = files.iter().collect();
        let exists = |path: &str| path == "a.png" || files.iter().any(|file| file.path == path);
        let findings = check_pages(&files, &exists);
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(findings, expected);
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let page = "# A `b`-c: d!\n[x](#a-b-c-d) [y](docs/b.md#two-1) ![z](a.png) [w](https://w)\n";
        let other = "## Two\n## Two\n[up](#two)\n";
        check(&[("README.md", page), ("docs/b.md", other)], &[]);
    }

    #[test]
    fn images_in_html_are_there() {
        let page = "<img src=\"a.png\">\n<source srcset=\"b.png\"> [c](c.md) <a href=\"#d\">\n";
        check(
            &[("README.md", page)],
            &[
                "README.md:2: the link `c.md` leads nowhere",
                "README.md:2: the link `b.png` leads nowhere",
                "README.md:2: `README.md` has no heading for the link `#d`",
            ],
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        check(
            &[
                ("README.md", "# A\n\n[x](#b) [y](b.md)\n"),
                (
                    "docs/b.md",
                    "[up](../README.md) [out](../../x.md) `[code](x)`\n",
                ),
            ],
            &[
                "README.md:3: `README.md` has no heading for the link `#b`",
                "README.md:3: the link `b.md` leads nowhere",
                "docs/b.md:1: the link `../README.md` is none in the book, which has only what is in `docs`",
                "docs/b.md:1: the link `../../x.md` leads out of the repository",
            ],
        );
    }

    #[test]
    fn what_is_in_a_block_is_neither_link_nor_heading() {
        let page = "```sh\n# a\n[x](y)\n```\n[z](#a)\n";
        check(
            &[("a.md", page)],
            &["a.md:5: `a.md` has no heading for the link `#a`"],
        );
    }

    #[test]
    fn the_table_of_contents_has_each_page_once() {
        check(
            &[
                (
                    "docs/SUMMARY.md",
                    "# Contents\n\n- [A](a.md)\n- [A](a.md)\n- [B](b.md#b)\nand more\n",
                ),
                ("docs/a.md", ""),
                ("docs/c.md", ""),
            ],
            &[
                "docs/SUMMARY.md:5: the link `b.md#b` leads nowhere",
                "docs/SUMMARY.md:6: mdbook makes nothing of `and more`: a heading, or a link in a list",
                "docs/SUMMARY.md:4: `a.md` is here already",
                "docs/SUMMARY.md: does not name `docs/c.md`",
            ],
        );
    }

    #[test]
    fn a_block_says_its_language() {
        check(
            &[("a.md", "```\na\n```\n\n```text\nb\n```\n")],
            &["a.md:1: a block without a language: `sh`, `console`, `text`, `yaml` or another"],
        );
    }
}
