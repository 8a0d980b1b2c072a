//! The `mesosgot` command.
fn main() {}
