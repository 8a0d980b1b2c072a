//! The generic Mesos executor: hosts a job's tasks as wasm instances.
