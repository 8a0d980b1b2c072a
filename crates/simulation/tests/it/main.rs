//! Ten thousand runs of jobs while everything goes wrong.
//!
//! `MESOSGOT_SEED=n` replays one seed, `MESOSGOT_SEEDS=n` runs so many; `cargo run -p xtask --
//! simulate` does more of both.

use std::time::Instant;

use mesosgot_simulation::{Happened, Profile, run, shrink};

/// How many seeds of a profile the normal test run tries.
const SEEDS: u64 = 10_000;

#[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
fn beginning() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a test is asked for more seeds")]
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("it is a number"))
}

/// Plays the seeds of a profile, and panics with all that is known about the first that fails.
fn play(name: &str, seeds: u64) -> Happened {
    let profile = Profile::named(name).expect("there is such a profile");
    let start = beginning();
    let (first, seeds) = match setting("MESOSGOT_SEED") {
        Some(seed) => (seed, 1),
        None => (0, setting("MESOSGOT_SEEDS").unwrap_or(seeds)),
    };
    let play = |seed| {
        run(seed, &profile, start).unwrap_or_else(|failure| {
            let least = shrink(&failure, start);
            let without = least.profile.left_out();
            panic!("\n{least}\nreplay it with MESOSGOT_SEED={seed}; it happens without {without:?} as well");
        })
    };
    // Two threads: what the smallest machines have.
    let halves = std::thread::scope(|scope| {
        let half = |offset: u64| {
            let seeds = (first + offset..first + seeds).step_by(2);
            scope.spawn(move || seeds.map(play).sum::<Happened>())
        };
        [0, 1].map(half).map(|half| {
            let played = half.join();
            played.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    halves.into_iter().sum()
}

#[test]
fn no_promise_is_broken_whatever_goes_wrong() {
    let happened = play("usual", SEEDS);
    // That nothing went wrong means nothing if nothing happened.
    let each = |count: u64| count as f64 / happened.runs as f64;
    assert!(each(happened.strikes) >= 2.0, "{happened:?}");
    assert!(each(happened.mishaps) >= 1.0, "{happened:?}");
    assert!(each(happened.messages) >= 10.0, "{happened:?}");
    assert!(each(happened.relaunches) >= 0.05, "{happened:?}");
    assert!(each(happened.starts) >= 0.6, "{happened:?}");
    assert!(each(happened.spawned) >= 0.02, "{happened:?}");
    assert!(each(happened.not_spawned) >= 0.02, "{happened:?}");
    assert!(each(happened.restarts_asked) >= 0.05, "{happened:?}");
    assert!(each(happened.succeeded) >= 0.3, "{happened:?}");
    assert!(each(happened.failed) >= 0.1, "{happened:?}");
    assert!(each(happened.never_placed) >= 0.03, "{happened:?}");
    assert!(each(happened.not_torn_down) >= 0.002, "{happened:?}");
}

#[test]
fn no_promise_is_broken_when_everything_goes_wrong_at_once() {
    let happened = play("rough", SEEDS / 10);
    assert!(happened.strikes >= 3 * happened.runs, "{happened:?}");
}

#[test]
fn jobs_do_what_they_should_when_nothing_goes_wrong() {
    let happened = play("calm", SEEDS / 10);
    assert_eq!((happened.strikes, happened.mishaps), (0, 0));
    assert_eq!((happened.failed, happened.not_torn_down), (0, 0));
    assert!(happened.succeeded >= happened.runs / 2, "{happened:?}");
}

#[test]
fn a_seed_is_played_the_same_way_every_time() {
    let rough = Profile::named("rough").unwrap();
    let start = beginning();
    for seed in 0..20 {
        let [first, second] = [0, 1].map(|_| run(seed, &rough, start).unwrap());
        assert_eq!(first, second, "seed {seed}");
    }
}
