//! Two links joined in memory, with the clock of the runtime paused.

mod app;
mod channels;
mod direct;
mod ends;
mod inbox;
mod notices;
mod pair;
mod state;
