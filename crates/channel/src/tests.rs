//! Tests that look inside the machine.

pub(crate) mod explore;
