//! The chores find nothing in this repository: `cargo test` is where it shows.

use xtask::repository::{Report, Repository};
use xtask::{licenses, tidy};

#[track_caller]
fn check(chore: fn(&Repository) -> Report) {
    let repository = Repository::open().expect("the repository can be read");
    let findings = chore(&repository).findings;
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn the_repository_is_tidy() {
    check(tidy::check);
}

#[test]
fn every_licence_is_allowed_and_every_package_comes_from_the_registry() {
    check(licenses::check);
}
