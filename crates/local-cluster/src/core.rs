//! The machines of the embedded cluster: what a master and an agent decide.
//!
//! No I/O, no clock, no threads below this module; the shells around it own those.

pub(crate) mod agent;
pub(crate) mod chaos;
pub(crate) mod election;
pub(crate) mod facts;
pub(crate) mod faults;
mod history;
pub(crate) mod logging;
pub(crate) mod master;
pub(crate) mod principal;
pub(crate) mod simulated;
pub(crate) mod wire;
