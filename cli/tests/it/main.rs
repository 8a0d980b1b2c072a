//! Whole jobs through the program: exit codes, what is printed, and that nothing is left behind.

mod bad_jobs;
mod channels;
mod cluster;
mod commands;
mod deploying;
mod direct;
mod elections;
mod failures;
mod fake_master;
mod gangs;
mod grants;
mod interrupts;
mod jobs;
mod life;
mod logs;
mod masters;
mod modules;
mod output;
mod plan;
mod policies;
mod proxy;
mod redact;
mod rig;
mod running;
mod support;
mod tool;
