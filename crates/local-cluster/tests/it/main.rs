//! Whole clusters, seen as a framework sees them: over HTTP, with executors that are processes.

mod cluster;
mod commands;
mod executors;
mod failover;
mod faults;
mod restart;
mod scheduler;
