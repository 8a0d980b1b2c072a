//! Every schedule of a small link, up to a bound.
//!
//! A breadth-first search over the states of two ends and the network between them. In each state
//! everything that can happen next is tried: an application sends, takes or closes, an end tells a
//! notice or makes a frame, its time comes, it moves to another path, a frame arrives, the executor restarts, the
//! scheduler notices. The network keeps the newest frames to each end and may deliver any of them
//! at any time, again and again: so frames are doubled, overtake each other, and are lost by never
//! being chosen.
//!
//! In every state safety is checked, see [`world`], and that a fair continuation (nothing more is
//! lost, everybody takes) delivers all.
//!
//! The machine itself is explored, and not a model of it as one would write for `stateright`: a
//! core without a clock or threads can be cloned and compared, so there is no second description
//! that could be right where the machine is wrong. States that differ in times only are taken for
//! one: which deadlines there are counts, not when. So with times some schedules are left out, but
//! none is tried that cannot be.
//!
//! `MESOSGOT_STATES=n` explores up to `n` states of each scenario.

mod scenario;
mod world;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use bytes::Bytes;
use prost::Message as _;

use self::scenario::{Action, Scenario};
use self::world::World;
use crate::wire::{Frame, Record};

/// So many states of each scenario the normal test run explores: some seconds without
/// optimization.
const STATES: usize = 12_000;

/// The way to a state, last step first.
struct Step {
    action: Action,
    before: Option<Rc<Self>>,
}

#[derive(Clone)]
struct Reached {
    world: World,
    way: Option<Rc<Step>>,
}

/// Explores the states of a scenario, nearest first.
fn explore(scenario: Scenario) {
    let states_max = states_max();
    let world = World::new(scenario);
    let mut seen = HashSet::from([fingerprint(&world)]);
    let mut settled = HashSet::new();
    let mut level = vec![Reached { world, way: None }];
    let mut depth = 0;
    while !level.is_empty() && seen.len() < states_max {
        let mut next_level = Vec::new();
        for reached in &level {
            for action in reached.world.actions() {
                let mut world = reached.world.clone();
                let way = Some(Rc::new(Step {
                    action,
                    before: reached.way.clone(),
                }));
                let mut is_new = false;
                let run = catch_unwind(AssertUnwindSafe(|| {
                    world.act(action);
                    is_new = seen.insert(fingerprint(&world));
                    if is_new {
                        world.settle(&mut settled);
                    }
                }));
                if let Err(panic) = run {
                    tell(way);
                    std::panic::resume_unwind(panic);
                }
                if is_new && seen.len() < states_max {
                    next_level.push(Reached { world, way });
                }
            }
        }
        level = next_level;
        depth += 1;
    }
    assert!(seen.len() >= states_max || level.is_empty());
    assert!(depth >= 5, "only {depth} steps deep");
}

#[expect(clippy::print_stderr, reason = "how a failing test came to its state")]
fn tell(mut way: Option<Rc<Step>>) {
    let mut actions = Vec::new();
    while let Some(step) = way {
        actions.push(step.action);
        way = step.before.clone();
    }
    actions.reverse();
    eprintln!("after {actions:?}:");
}

#[expect(clippy::disallowed_methods, reason = "a test is asked for more states")]
fn states_max() -> usize {
    let asked = std::env::var("MESOSGOT_STATES").ok();
    asked.map_or(STATES, |text| text.parse().expect("it is a number"))
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The records of a frame, without what else it says.
pub(crate) fn records(frame: &Bytes) -> Vec<u8> {
    let frame = Frame::decode(frame.clone()).expect("it is one of ours");
    encode(&frame.records)
}

pub(crate) fn encode(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(Record::encode_to_vec).collect()
}

#[test]
fn every_schedule_of_a_channel_that_is_opened_filled_and_closed_keeps_the_promise() {
    explore(Scenario {
        messages: [2, 1],
        window: 1,
        ..Scenario::SMALLEST
    });
}

#[test]
fn every_schedule_of_an_open_channel_keeps_the_promise() {
    explore(Scenario {
        messages: [3, 0],
        window: 2,
        is_open: true,
        ..Scenario::SMALLEST
    });
    explore(Scenario {
        messages: [2, 1],
        window: 1,
        is_open: true,
        frames: 3,
        ..Scenario::SMALLEST
    });
}

#[test]
fn every_schedule_with_moves_of_each_end_keeps_the_promise() {
    for is_open in [false, true] {
        explore(Scenario {
            messages: [2, 1],
            window: 2,
            moves: 2,
            is_open,
            ..Scenario::SMALLEST
        });
    }
}

#[test]
fn every_schedule_of_two_channels_keeps_the_promise() {
    explore(Scenario {
        messages: [2, 1],
        channels: 2,
        is_open: true,
        ..Scenario::SMALLEST
    });
}

#[test]
fn every_schedule_with_a_restart_counts_what_was_not_delivered() {
    for is_open in [false, true] {
        explore(Scenario {
            messages: [2, 1],
            window: 2,
            moves: 1,
            restarts: 1,
            is_open,
            ..Scenario::SMALLEST
        });
    }
}

#[test]
fn every_schedule_with_notices_tells_the_newest() {
    explore(Scenario {
        notices: 2,
        moves: 1,
        frames: 3,
        ..Scenario::SMALLEST
    });
}

#[test]
fn every_schedule_over_direct_paths_only_keeps_the_promise_and_channels_off_messages() {
    for is_open in [false, true] {
        explore(Scenario {
            messages: [2, 1],
            window: 2,
            moves: 3,
            notices: 1,
            direct_only: true,
            is_open,
            ..Scenario::SMALLEST
        });
    }
}
