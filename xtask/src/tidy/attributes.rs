//! Attributes: tests that do not run, tests that want a panic, exceptions without a reason.

use crate::repository::{File, Finding};

/// Attributes that no test has, and what to do instead.
const BANNED: [(&str, &str); 2] = [
    (
        "ignore",
        "a test that does not run is none: fix it or remove it",
    ),
    (
        "should_panic",
        "assert on the error, or catch the panic where it happens",
    ),
];

/// The attributes that make an exception from a lint.
const EXCEPTIONS: [&str; 2] = ["allow", "expect"];

/// Checks one file, tests included.
pub(super) fn check(file: &File, findings: &mut Vec<Finding>) {
    let Some(rust) = &file.rust else { return };
    for attribute in rust.attributes() {
        let text = attribute.text.as_str();
        let name_length = text.find(['(', '=']).unwrap_or(text.len());
        let name = &text[..name_length];
        if let Some((_, advice)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            findings.push(file.finding(attribute.line, format!("`#[{name}]`: {advice}")));
        }
        let is_exception = |name: &str| EXCEPTIONS.contains(&name);
        // `cfg_attr(condition, allow(...))` makes one too.
        let conditional = EXCEPTIONS
            .iter()
            .find(|name| text.contains(&format!(",{name}(")));
        let exception = match name {
            "cfg_attr" => conditional.copied(),
            name => is_exception(name).then_some(name),
        };
        if let Some(exception) = exception
            && !text.contains("reason=")
        {
            let text = format!("`{exception}(...)` has no `reason = \"...\"`");
            findings.push(file.finding(attribute.line, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&File::new("a.rs", text), &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_exception_has_a_reason() {
        assert_eq!(findings("#[expect(a, reason = \"b\")]\nfn c() {}"), [""; 0]);
        assert_eq!(
            findings("#![allow(a)]\n#[expect(\n    b\n)]\n#[cfg_attr(c, allow(d))]"),
            [
                "a.rs:1: `allow(...)` has no `reason = \"...\"`",
                "a.rs:2: `expect(...)` has no `reason = \"...\"`",
                "a.rs:5: `allow(...)` has no `reason = \"...\"`"
            ]
        );
    }

    #[test]
    fn tests_run_and_do_not_want_panics() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[should_panic(expected = \"b\")]\nfn c() {}\n// #[ignore]\n";
        assert_eq!(
            findings(text),
            [
                "a.rs:2: `#[ignore]`: a test that does not run is none: fix it or remove it",
                "a.rs:4: `#[should_panic]`: assert on the error, or catch the panic where it happens"
            ]
        );
    }
}
