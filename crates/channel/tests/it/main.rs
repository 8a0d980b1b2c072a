//! Two ends of a link in virtual time, joined by a network that loses, doubles, delays and
//! reorders frames by a seed.

mod bounds;
mod pair;
mod promises;
mod transcripts;
