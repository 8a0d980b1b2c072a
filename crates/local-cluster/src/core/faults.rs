//! What goes wrong on command, and how often: as seldom or often as told, drawn from a seed.
//!
//! A new fault is a field of [`Faults`] where it is about chance. Where it happens at a moment (a
//! stream is cut), it is a variant of [`Fault`] and an input of a machine.

mod fault;

use std::time::Duration;

pub use self::fault::{Fault, FaultField, FaultKind, ParseFaultError};

/// What goes wrong by chance. By default nothing does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// What befalls framework messages from schedulers to executors.
    pub messages_down: MessageFaults,
    /// What befalls framework messages from executors to schedulers.
    pub messages_up: MessageFaults,
    /// What befalls status updates from agents to schedulers. Of those that are dropped, agents
    /// send another copy after 10 s (PROTOCOL §8.2).
    pub updates: MessageFaults,
}

/// What befalls framework messages of one direction, or status updates. Of each message one thing
/// at most: where the probabilities add up to more than 1, the first ones count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MessageFaults {
    /// The probability that a message is dropped, as at any of the places where Mesos does so
    /// without a word (PROTOCOL §10).
    pub drop: f64,
    /// The probability that a message is delivered twice. Mesos never does that; a client does
    /// that repeats a call of which it has not seen the answer.
    pub duplicate: f64,
    /// The probability that a message is held back, so that later ones overtake it.
    pub delay: f64,
    /// For how long it is held back at most.
    pub delay_max: Duration,
}

impl Faults {
    /// Drops each framework message of both directions with this probability.
    pub fn drop_messages(probability: f64) -> Self {
        let faults = MessageFaults {
            drop: probability,
            ..MessageFaults::default()
        };
        Self {
            messages_down: faults,
            messages_up: faults,
            ..Self::default()
        }
    }
}

/// How many framework messages have come to the master, and what befell them. What was dropped
/// because nobody was there to hear it is not told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// From schedulers: their MESSAGE calls.
    pub down: u64,
    /// From executors: their MESSAGE calls.
    pub up: u64,
    /// The bytes that all of them carry.
    pub bytes: u64,
    /// Dropped on command.
    pub dropped: u64,
    /// Delivered twice on command.
    pub duplicated: u64,
    /// Held back on command.
    pub delayed: u64,
    /// The same of status updates.
    pub updates: UpdateCounts,
}

/// How many status updates of agents have come to the master, copies among them, and what befell
/// them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpdateCounts {
    /// From agents.
    pub seen: u64,
    /// Dropped on command.
    pub dropped: u64,
    /// Delivered twice on command.
    pub duplicated: u64,
    /// Held back on command.
    pub delayed: u64,
}

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Dropped,
    Duplicated,
    Delayed(Duration),
}

impl MessageFaults {
    /// Draws the fate of one message. Where nothing can happen nothing is drawn.
    pub(crate) fn draw(&self, rng: &mut fastrand::Rng) -> Fate {
        if self.drop <= 0.0 && self.duplicate <= 0.0 && self.delay <= 0.0 {
            return Fate::Delivered;
        }
        let drawn = rng.f64();
        if drawn < self.drop {
            Fate::Dropped
        } else if drawn < self.drop + self.duplicate {
            Fate::Duplicated
        } else if drawn < self.drop + self.duplicate + self.delay {
            Fate::Delayed(self.delay_max.mul_f64(rng.f64()))
        } else {
            Fate::Delivered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of ten thousand messages are dropped, duplicated and delayed.
    fn fates(faults: MessageFaults) -> [u32; 3] {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            match faults.draw(&mut rng) {
                Fate::Delivered => {}
                Fate::Dropped => counts[0] += 1,
                Fate::Duplicated => counts[1] += 1,
                Fate::Delayed(time) => {
                    assert!(time <= faults.delay_max);
                    counts[2] += 1;
                }
            }
        }
        counts
    }

    #[test]
    fn each_fate_is_as_frequent_as_told() {
        let faults = MessageFaults {
            drop: 0.2,
            duplicate: 0.1,
            delay: 0.3,
            delay_max: Duration::from_millis(5),
        };
        for (count, expected) in fates(faults).into_iter().zip([2000, 1000, 3000]) {
            assert!(
                u32::abs_diff(count, expected) < 200,
                "{count} of {expected}"
            );
        }
        assert_eq!(fates(MessageFaults::default()), [0, 0, 0]);
        assert_eq!(
            fates(Faults::drop_messages(1.0).messages_up),
            [10_000, 0, 0]
        );
    }

    #[test]
    fn where_nothing_can_happen_nothing_is_drawn() {
        let mut rng = fastrand::Rng::with_seed(1);
        let fate = MessageFaults::default().draw(&mut rng);
        assert_eq!(fate, Fate::Delivered);
        assert_eq!(rng.u64(..), fastrand::Rng::with_seed(1).u64(..));
    }
}
