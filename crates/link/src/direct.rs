//! The direct path: frames on a connection that an executor makes to its scheduler.
//!
//! ```text
//!   executor                                      scheduler
//!      │ ◄──── ControlKind::Direct (messages) ──────── │ announces address, secret, certificate
//!      │ ───── TLS, if a certificate was announced ──► │
//!      │ ───── hello: link, executor, secret ────────► │ finds the link, compares
//!      │ ◄──── welcome ─────────────────────────────── │ or closes
//!      │ ◄═══▶ length, frame, length, frame … ◄══════▶ │ until one end closes
//! ```
//!
//! Generic over the stream, so that all of it can be tested in memory. Nothing is opened here: who
//! dials and listens, how often and for how long, is decided by the shells.

mod batch;
mod carry;
mod handshake;
mod socket;
pub mod tls;

use std::time::Duration;

pub use carry::{Ended, carry};
pub use handshake::{AdmitError, DialError, Hello, Secret, admit, greet};
pub use socket::tune;

/// For how long a handshake may take, that of TLS and ours each.
///
/// It is a round trip or two, and a secret that a crowded machine compares late; whoever holds a
/// connection open without saying who they are loses it soon.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(5);
