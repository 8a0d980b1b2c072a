//! Runs of seeds, and what is told of one that breaks a promise.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::net::Happened;
use crate::profile::{Fault, Profile};
use crate::violation::Violation;
use crate::world::World;

/// A seed that breaks a promise.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What happened in it.
    pub profile: Profile,
    /// When, in virtual time.
    pub at: Duration,
    /// The promise.
    pub violation: Violation,
    /// What happened last, line by line.
    pub transcript: Vec<String>,
}

/// Plays a seed. `start` is where virtual time begins; nothing depends on it.
///
/// # Errors
/// When a promise was broken.
pub fn run(seed: u64, profile: &Profile, start: Instant) -> Result<Happened, Box<Failure>> {
    let mut world = World::new(seed, profile, start, false);
    if let Ok(Ok(happened)) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        return Ok(happened);
    }
    // Once more, and somebody writes along: what has happened once happens again.
    let mut world = World::new(seed, profile, start, true);
    let violation = match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(Ok(happened)) => return Ok(happened),
        Ok(Err(violation)) => violation,
        Err(panic) => Violation::Panic(panic_text(&*panic).to_owned()),
    };
    Err(Box::new(Failure {
        seed,
        profile: profile.clone(),
        at: world.net.now - world.net.start,
        violation,
        transcript: world.net.take_transcript(),
    }))
}

/// The same failure with as few faults as it needs: one after the other is left out.
pub fn shrink(failure: &Failure, start: Instant) -> Failure {
    let mut least = failure.clone();
    for fault in Fault::ALL {
        let fewer = least.profile.without(fault);
        if let Err(still) = run(failure.seed, &fewer, start)
            && std::mem::discriminant(&still.violation)
                == std::mem::discriminant(&failure.violation)
        {
            least = *still;
        }
    }
    least
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.transcript {
            writeln!(f, "{line}")?;
        }
        let Self {
            seed,
            profile,
            at,
            violation,
            ..
        } = self;
        write!(
            f,
            "seed {seed} of profile {}, {:.3} s: {violation}",
            profile.name(),
            at.as_secs_f64()
        )
    }
}
