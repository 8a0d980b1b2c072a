//! Guests: each has a test that runs on the host, so none is only compiled.

use std::path::Path;

use cargo_metadata::{CrateType, Package};

use crate::repository::{File, Finding, Repository};

/// Where guests lie.
const FOLDERS: [&str; 2] = ["tasks", "examples"];

/// Checks every guest.
pub(super) fn check(repository: &Repository, findings: &mut Vec<Finding>) {
    let top = repository.metadata.workspace_root.as_std_path();
    for package in repository.metadata.workspace_packages() {
        let folder = package.manifest_path.as_std_path().parent();
        let folder = folder.and_then(|folder| folder.strip_prefix(top).ok());
        let Some(folder) = folder.filter(|folder| is_guest(folder, package)) else {
            continue;
        };
        if !is_tested(folder, &package.name.replace('-', "_"), &repository.files) {
            findings.push(Finding {
                place: folder.display().to_string(),
                line: None,
                text: "no test runs this guest on the host".to_owned(),
            });
        }
    }
}

/// A guest is what becomes a wasm module; other crates beside it are libraries of theirs.
fn is_guest(folder: &Path, package: &Package) -> bool {
    let mut kinds = package
        .targets
        .iter()
        .flat_map(|target| &target.crate_types);
    FOLDERS.iter().any(|above| folder.starts_with(above))
        && kinds.any(|kind| *kind == CrateType::CDyLib)
}

/// Whether there is a test in the guest, or a test elsewhere that names it.
fn is_tested(folder: &Path, name: &str, files: &[File]) -> bool {
    files.iter().any(|file| {
        let Some(rust) = file.rust.as_ref().filter(|rust| rust.has_tests()) else {
            return false;
        };
        Path::new(&file.path).starts_with(folder) || rust.mentions(&format!("{name}::"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_floor_tested(path: &str, text: &str) -> bool {
        let files = [File::new(path, text)];
        is_tested(Path::new("tasks/floor"), "elevator_floor", &files)
    }

    #[test]
    fn a_test_of_its_own_or_one_that_names_it_will_do() {
        let test = "#[test]\nfn a() {}";
        assert!(is_floor_tested("tasks/floor/src/lib.rs", test));
        assert!(!is_floor_tested("tasks/floors/src/lib.rs", test));
        assert!(!is_floor_tested("tasks/floor/src/lib.rs", "fn a() {}"));
        let names = "use elevator_floor::floor;\n#[tokio::test]\nasync fn a() {}";
        assert!(is_floor_tested("tasks/dispatcher/tests/it/main.rs", names));
        let only_names = "use elevator_floor::floor;";
        assert!(!is_floor_tested("tasks/dispatcher/src/lib.rs", only_names));
    }
}
