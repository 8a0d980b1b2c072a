//! The floor of the elevator job.
