//! The promises of a link under any schedule: what the applications do, what the network does,
//! when ends move and restart, comes from a seed.
//!
//! `MESOSGOT_SEED=n` replays one seed, `MESOSGOT_SEEDS=n` runs so many.

mod model;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::world::World;

/// How many schedules the normal test run tries.
const SEEDS: u64 = 10_000;

#[test]
fn each_message_comes_once_and_in_order_whatever_happens_to_frames_paths_and_ends() {
    let number = |name| setting(name).map(|text| text.parse::<u64>().expect("it is a number"));
    if let Some(seed) = number("MESOSGOT_SEED") {
        World::new(seed).run();
        return;
    }
    let seeds = number("MESOSGOT_SEEDS").unwrap_or(SEEDS);
    let run = |seed| {
        let run = catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
        run.unwrap_or_else(|_| panic!("see above; replay it with MESOSGOT_SEED={seed}"))
    };
    // Two threads: what the smallest machines have.
    let halves = std::thread::scope(|scope| {
        let half = |first: u64| scope.spawn(move || (first..seeds).step_by(2).map(run).sum());
        [0, 1].map(half).map(|half| half.join().unwrap())
    });
    let happened: Happened = halves.into_iter().sum();
    // That nothing went wrong means nothing if nothing happened.
    let each = |count: u64| count / seeds;
    assert!(each(happened.received) >= 10, "{happened:?}");
    assert!(each(happened.resent) >= 10, "{happened:?}");
    assert!(each(happened.moves) >= 3, "{happened:?}");
    assert!(each(happened.told) >= 3, "{happened:?}");
    assert!(happened.undelivered >= seeds / 4, "{happened:?}");
    assert!(happened.restarts >= seeds / 4, "{happened:?}");
}

/// What happened in some runs.
#[derive(Debug, Clone, Copy, Default)]
struct Happened {
    received: u64,
    resent: u64,
    moves: u64,
    restarts: u64,
    undelivered: u64,
    told: u64,
}

impl std::iter::Sum for Happened {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, it| Self {
            received: sum.received + it.received,
            resent: sum.resent + it.resent,
            moves: sum.moves + it.moves,
            restarts: sum.restarts + it.restarts,
            undelivered: sum.undelivered + it.undelivered,
            told: sum.told + it.told,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is asked for more seeds")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
