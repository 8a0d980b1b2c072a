//! The `mesosgot-executor` program.
fn main() {}
