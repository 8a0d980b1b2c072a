//! `mesosgot schema`: prints the JSON Schema of job files.

use crate::exit::Exit;
use crate::report::Reporter;

/// Prints the schema.
pub(super) fn run(reporter: &Reporter) -> Exit {
    reporter.file(&format!("{:#}", job::schema()));
    Exit::Success
}
