//! The typed messages of the elevator job.
