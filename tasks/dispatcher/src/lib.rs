//! The dispatcher of the elevator job.
