//! Files that are no jobs, and what is said about them.

mod grants;
mod keys;
mod modules;
mod placement;
mod sections;
mod text;
mod values;

use std::fmt::Write as _;

use expect_test::Expect;
use mesosgot_job::Diagnostics;

use crate::{minimal, read};

/// Draws the diagnostics with the marked piece of the source line, as plainly as can be.
fn drawn(diagnostics: &Diagnostics) -> String {
    let mut drawing = String::new();
    for diagnostic in &diagnostics.list {
        let line = diagnostics
            .text
            .lines()
            .nth(diagnostic.line - 1)
            .unwrap_or_default();
        let marked = diagnostics.text[diagnostic.span.clone()]
            .chars()
            .count()
            .max(1);
        let label = diagnostic.label.as_deref().unwrap_or_default();
        writeln!(
            drawing,
            "{}:{}: {}",
            diagnostic.line, diagnostic.column, diagnostic.message
        )
        .unwrap();
        writeln!(drawing, "| {line}").unwrap();
        let marks = format!(
            "{}{} {label}",
            " ".repeat(diagnostic.column - 1),
            "^".repeat(marked)
        );
        writeln!(drawing, "| {}", marks.trim_end()).unwrap();
        if let Some(help) = &diagnostic.help {
            writeln!(drawing, "= {help}").unwrap();
        }
    }
    drawing
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&drawn(&read(text).unwrap_err()));
}

/// A job that is right but for its tasks.
#[track_caller]
fn check_tasks(tasks: &str, expected: Expect) {
    check(&minimal(&format!("tasks:\n{tasks}")), expected);
}

/// A job that is right but for a section before its tasks.
#[track_caller]
fn check_section(section: &str, expected: Expect) {
    check(
        &minimal(&format!(
            "{section}\ntasks: {{ a: {{ module: floor.wasm }} }}"
        )),
        expected,
    );
}
