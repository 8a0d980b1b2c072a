//! Chance that nobody can guess, for what keeps strangers out.

use std::io;

use rustls::crypto::ring;

/// So many bytes from the system.
///
/// # Errors
/// When the system has no randomness to give.
pub fn unguessable<const BYTES: usize>() -> io::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let random = ring::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system has no randomness"))?;
    Ok(bytes)
}
