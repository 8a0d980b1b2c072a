//! Fact tables and recordings of a real Mesos, which lie beside the repository where they exist.

use std::io::{self, Write as _};
use std::path::PathBuf;

/// The path of a file or folder of facts about Mesos, `../shared/mesos/<name>` as seen from the
/// top of the repository.
///
/// `None`, with a line on stderr that `test` was skipped, when it is not there. The line is
/// written past the capture of the test runner: a skipped test must not look like a passed one.
pub fn find(test: &str, name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/mesos")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    // A closed stderr is no reason to fail.
    let _ = writeln!(
        io::stderr(),
        "\nSKIPPED: {test}: {} is not there",
        path.display()
    );
    None
}
