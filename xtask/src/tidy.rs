//! Rules of this repository that no compiler and no lint knows.
//!
//! Each rule is a function from files (or packages) to findings, in a module of its own.

use crate::repository::{Report, Repository};

mod attributes;
mod cores;
mod guests;
mod messages;
mod pages;
mod text;

/// Applies every rule.
pub fn check(repository: &Repository) -> Report {
    let mut report = Report::default();
    for file in &repository.files {
        text::check(file, &mut report);
        attributes::check(file, &mut report.findings);
        cores::check_file(file, &mut report.findings);
    }
    cores::check_packages(&repository.metadata, &mut report.findings);
    guests::check(repository, &mut report.findings);
    pages::check(repository, &mut report);
    messages::check(repository, &mut report);
    text::check_architecture(repository, &mut report);
    report
}
