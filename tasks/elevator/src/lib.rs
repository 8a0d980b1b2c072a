//! The elevator of the elevator job.
