//! The job file: parsing, defaults, validation and diagnostics.
