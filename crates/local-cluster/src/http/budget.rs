//! What all requests of a server may take in memory together.
//!
//! Mesos has no such bound: it grows with what its clients send, and dies of it. Here each request
//! reserves what it needs before it takes it, and gives it back when it has been answered; when
//! nothing is left, a request is refused with a 503, which says that another try may succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that bodies and the calls in them take in one server: 1 GiB, two calls of the largest
/// size or some ten of 64 MiB.
const BYTES_MAX: usize = 1 << 30;

/// What is left of the memory for requests; shared by its clones.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    reserved: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// A part of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    bytes: usize,
}

/// Nothing is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// A whole budget of 1 GiB.
    pub(crate) fn new() -> Self {
        Self::with_bytes(BYTES_MAX)
    }

    /// A whole budget.
    pub(crate) fn with_bytes(bytes_max: usize) -> Self {
        Self {
            reserved: Arc::default(),
            bytes_max,
        }
    }

    /// A reservation of nothing, which can grow.
    pub(crate) fn reserve(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl Reservation {
    /// Reserves so much more.
    ///
    /// # Errors
    /// When it is not left; then nothing has changed.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let bytes_max = self.budget.bytes_max;
        let grown = |reserved: usize| reserved.checked_add(bytes).filter(|sum| *sum <= bytes_max);
        let reserved = &self.budget.reserved;
        reserved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| Exhausted)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let reserved = &self.budget.reserved;
        reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_reserved_than_there_is_and_what_was_comes_back() {
        let budget = Budget::with_bytes(100);
        let (mut one, mut other) = (budget.reserve(), budget.reserve());
        assert_eq!(one.grow(60), Ok(()));
        assert_eq!(other.grow(40), Ok(()));
        assert_eq!(other.grow(1), Err(Exhausted));
        assert_eq!(other.grow(usize::MAX), Err(Exhausted));
        drop(one);
        assert_eq!(other.grow(60), Ok(()));
        assert_eq!(other.grow(1), Err(Exhausted));
    }
}
