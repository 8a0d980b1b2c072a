//! HTTP clients of the Mesos v1 scheduler and executor APIs.
