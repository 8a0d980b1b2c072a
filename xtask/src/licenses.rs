//! The licences and the origins of everything in the lock file.
//!
//! What is allowed stands in `deny.toml`, once, for this check and for `cargo deny`. An expression
//! is satisfied when one of its `OR` sides is, and `AND` binds closer; `WITH` belongs to the
//! licence before it.

use std::collections::BTreeSet;

use cargo_metadata::Metadata;

use crate::repository::{Finding, Report, Repository};

/// Where the allowed licences stand.
const DENY: &str = "deny.toml";

/// The one registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package that is not ours.
pub fn check(repository: &Repository) -> Report {
    let mut report = Report::default();
    let deny = repository.files.iter().find(|file| file.path == DENY);
    let allowed = deny.map(|file| allowed(&file.text)).unwrap_or_default();
    if allowed.is_empty() {
        report.findings.push(Finding {
            place: DENY.to_owned(),
            line: None,
            text: "it allows no licence: expected `allow = [...]` below `[licenses]`".to_owned(),
        });
        return report;
    }
    let used = check_packages(&repository.metadata, &allowed, &mut report);
    for license in allowed.difference(&used) {
        report.findings.push(Finding {
            place: DENY.to_owned(),
            line: None,
            text: format!("nothing needs `{license}` to be allowed"),
        });
    }
    report
}

/// Answers the licences that were needed.
fn check_packages(
    metadata: &Metadata,
    allowed: &BTreeSet<String>,
    report: &mut Report,
) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut count = 0;
    for package in &metadata.packages {
        let Some(source) = &package.source else {
            continue;
        };
        count += 1;
        let mut refuse = |text: String| {
            report.findings.push(Finding {
                place: format!("{} {}", package.name, package.version),
                line: None,
                text,
            });
        };
        if source.repr != REGISTRY {
            refuse(format!("comes from `{source}`, not from crates.io"));
        }
        match &package.license {
            None => refuse("names no licence".to_owned()),
            Some(license) => match satisfy(license, allowed) {
                Some(needed) => used.extend(needed),
                None => refuse(format!("its licence `{license}` is not allowed")),
            },
        }
    }
    report.notes.push(format!("{count} packages looked at"));
    used
}

/// The texts of `allow = [...]` below `[licenses]`.
fn allowed(deny: &str) -> BTreeSet<String> {
    let section = deny.split_once("\n[licenses]\n");
    let list = section.and_then(|(_, section)| section.split_once("\nallow = ["));
    let Some((list, _)) = list.and_then(|(_, list)| list.split_once("\n]")) else {
        return BTreeSet::new();
    };
    let entries = list.lines().filter_map(|line| {
        let (entry, _) = line.trim().strip_prefix('"')?.split_once('"')?;
        Some(entry.to_owned())
    });
    entries.collect()
}

/// The licences by which an expression is satisfied, the fewest sides first; `None` if it is not.
fn satisfy(expression: &str, allowed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    // Packages older than the present syntax separate by a slash.
    let expression = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = expression.split_whitespace().peekable();
    let satisfied = any(&mut words, allowed);
    match words.next() {
        None => satisfied,
        Some(_) => None,
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let mut satisfied = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        let other = all(words, allowed);
        satisfied = satisfied.or(other);
    }
    satisfied
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let mut satisfied = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        let other = one(words, allowed);
        satisfied = satisfied.zip(other).map(|(mut all, other)| {
            all.extend(other);
            all
        });
    }
    satisfied
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let word = words.next()?;
    if word == "(" {
        let satisfied = any(words, allowed);
        return words.next_if_eq(&")").and(satisfied);
    }
    let mut license = word.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        license = format!("{license} WITH {}", words.next()?);
    }
    allowed
        .contains(&license)
        .then(|| BTreeSet::from([license]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY_TEXT: &str = "[bans]\nallow = [\n    \"no\",\n]\n\n[licenses]\n# Why.\nallow = [\n    \"MIT\", # because\n    \"Apache-2.0\",\n    \"Apache-2.0 WITH LLVM-exception\",\n]\n";

    #[track_caller]
    fn check_expression(expression: &str, expected: Option<&[&str]>) {
        let satisfied = satisfy(expression, &allowed(DENY_TEXT));
        let expected = expected.map(|licenses| licenses.iter().map(ToString::to_string).collect());
        assert_eq!(satisfied, expected, "{expression}");
    }

    #[test]
    fn the_list_is_read_from_its_section() {
        let expected = ["Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT"];
        assert!(allowed(DENY_TEXT).iter().eq(expected.iter()));
        assert!(allowed("[bans]\nallow = [\n\"no\",\n]\n").is_empty());
    }

    #[test]
    fn one_side_of_an_or_and_both_of_an_and_are_needed() {
        check_expression("MIT", Some(&["MIT"]));
        check_expression("GPL-3.0 OR MIT", Some(&["MIT"]));
        check_expression("Unlicense/MIT", Some(&["MIT"]));
        check_expression("GPL-3.0", None);
        check_expression("MIT AND GPL-3.0", None);
        check_expression("MIT AND Apache-2.0", Some(&["Apache-2.0", "MIT"]));
        check_expression(
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            Some(&["Apache-2.0", "MIT"]),
        );
        check_expression("GPL-3.0 AND MIT OR Apache-2.0", Some(&["Apache-2.0"]));
        check_expression(
            "Apache-2.0 WITH LLVM-exception",
            Some(&["Apache-2.0 WITH LLVM-exception"]),
        );
        check_expression("MIT WITH LLVM-exception", None);
    }

    #[test]
    fn what_is_no_expression_satisfies_nothing() {
        for expression in [
            "", "(MIT", "MIT)", "MIT MIT", "MIT OR", "AND MIT", "MIT WITH",
        ] {
            let satisfied = satisfy(expression, &allowed(DENY_TEXT));
            // `MIT OR` lacks a side, and the other is enough.
            let lenient = expression == "MIT OR";
            assert_eq!(satisfied.is_some(), lenient, "{expression}");
        }
    }
}
