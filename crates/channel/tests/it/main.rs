//! Two ends of a link in virtual time, joined by a network that loses, doubles, delays and
//! reorders frames by a seed.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails its test")]
#![expect(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]

mod bounds;
mod malformed;
mod notices;
mod pacing;
mod pair;
mod paths;
mod promises;
mod rules;
mod simulation;
mod transcripts;
