//! Whole clusters, seen as a framework sees them: over HTTP, with executors that are processes.

mod bad_input;
mod cluster;
mod commands;
mod executors;
mod failover;
mod fault_endpoint;
mod faults;
mod masters;
mod restart;
mod scheduler;
mod simulated;
