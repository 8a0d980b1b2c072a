//! The `mesosgot-executor` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    executor_host::program()
}
