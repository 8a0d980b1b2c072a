//! Guest library: tasks and app schedulers for mesosgot in Rust.
