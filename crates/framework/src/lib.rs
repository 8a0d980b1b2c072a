//! The scheduler shell: drives the scheduler and channel machines against a Mesos master.
