//! A whole cluster, from outside: a scheduler in plain HTTP on one side, the executor of
//! `examples/` on the other.

mod executors;
mod scheduler;
