//! Chaos with a plan: what goes wrong when, drawn from a seed.
//!
//! A plan has no end and knows no clock; whoever carries it out does so until the cluster stops.
//! The same seed and profile on as many agents give the same faults at the same times, whatever
//! they meet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::faults::{Fault, MessageFaults};

/// Which faults to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// From where everything is drawn.
    pub seed: u64,
    /// Which kinds of faults.
    pub profile: Profile,
}

/// Kinds of faults that belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// What every framework has to live through: lost, doubled and late messages and updates, cut
    /// streams, 503, late offers, agents that offer less, masters that fail over.
    #[default]
    Disturb,
    /// What kills tasks: executors that die, agents that are stopped or lost.
    Kill,
    /// Both.
    All,
}

/// Why a text is no [`Chaos`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseChaosError {
    /// It does not begin with a number.
    #[error("`{0}` is no seed: a whole number up to {max}", max = u64::MAX)]
    Seed(String),
    /// There is no such profile.
    #[error("no profile is called `{0}`, only `disturb`, `kill` and `all`")]
    Profile(String),
}

impl Profile {
    const NAMES: [(&'static str, Self); 3] = [
        ("disturb", Self::Disturb),
        ("kill", Self::Kill),
        ("all", Self::All),
    ];
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disturb => "disturb",
            Self::Kill => "kill",
            Self::All => "all",
        })
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seed, self.profile)
    }
}

impl FromStr for Chaos {
    type Err = ParseChaosError;

    /// Reads `SEED` or `SEED:PROFILE`.
    fn from_str(text: &str) -> Result<Self, ParseChaosError> {
        let (seed, profile) = match text.split_once(':') {
            None => (text, None),
            Some((seed, profile)) => (seed, Some(profile)),
        };
        let wrong_seed = |_| ParseChaosError::Seed(seed.to_owned());
        let profile = match profile {
            None => Profile::default(),
            Some(name) => Profile::NAMES
                .into_iter()
                .find_map(|(known, profile)| (known == name).then_some(profile))
                .ok_or_else(|| ParseChaosError::Profile(name.to_owned()))?,
        };
        Ok(Self {
            seed: seed.parse().map_err(wrong_seed)?,
            profile,
        })
    }
}

/// A fault and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedFault {
    /// Since the cluster began.
    pub at: Duration,
    /// What goes wrong.
    pub fault: Fault,
}

/// The faults of a [`Chaos`] in the order of their times, without end.
#[derive(Debug, Clone)]
pub struct ChaosPlan {
    rng: fastrand::Rng,
    /// When the next disturbance and the next death are drawn; `None` where the profile has none.
    disturb_at: Option<Duration>,
    kill_at: Option<Duration>,
    agents: Agents,
    /// What follows from earlier faults, by time.
    pending: BTreeMap<Duration, Fault>,
}

/// What the plan has done to agents so far.
#[derive(Debug, Clone)]
struct Agents {
    count: usize,
    /// Those that are stopped or lost.
    down: BTreeSet<usize>,
}

/// Between two disturbances, in milliseconds: so that several meet the launch of a gang, which takes
/// about a second, and work is done between them.
const DISTURB_EVERY_MS: [u64; 2] = [200, 1200];

/// Between two deaths, in milliseconds: so that most jobs get as far as running.
const KILL_EVERY_MS: [u64; 2] = [1500, 5000];

/// For how long an agent is down, in milliseconds.
const DOWN_MS: [u64; 2] = [300, 2000];

impl ChaosPlan {
    /// The plan for a cluster of so many agents.
    pub fn new(chaos: Chaos, agents: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(chaos.seed);
        let mut first = |is_wanted: bool, range| is_wanted.then(|| milliseconds(&mut rng, range));
        let disturb_at = first(chaos.profile != Profile::Kill, DISTURB_EVERY_MS);
        let kill_at = first(chaos.profile != Profile::Disturb, KILL_EVERY_MS);
        Self {
            rng,
            disturb_at,
            kill_at,
            agents: Agents {
                count: agents,
                down: BTreeSet::new(),
            },
            pending: BTreeMap::new(),
        }
    }

    /// Something that tasks survive.
    fn disturbance(&mut self) -> Fault {
        let rng = &mut self.rng;
        match rng.u32(0..17) {
            0..4 => Fault::Messages {
                faults: message_faults(rng),
                lasts: milliseconds(rng, [300, 1500]),
            },
            4..6 => Fault::Updates {
                faults: message_faults(rng),
                lasts: milliseconds(rng, [300, 1000]),
            },
            6..8 => Fault::CutFrameworks,
            8..10 => Fault::CutExecutors,
            10..12 => Fault::Unavailable {
                lasts: milliseconds(rng, [100, 1000]),
            },
            12..14 => Fault::DelayOffers {
                lasts: milliseconds(rng, [500, 3000]),
            },
            14 => Fault::FailOverMaster,
            _ => match self.agents.any(rng) {
                Some(agent) => Fault::ShrinkAgent {
                    agent,
                    percent: rng.u8(10..=60),
                    lasts: milliseconds(rng, [1000, 4000]),
                },
                None => Fault::CutFrameworks,
            },
        }
    }

    /// Something that tasks do not survive.
    fn death(&mut self, at: Duration) -> Fault {
        let rng = &mut self.rng;
        let kill = Fault::KillExecutor { pick: rng.u32(..) };
        match rng.u32(0..4) {
            0 => {
                let Some(agent) = self.agents.running(rng) else {
                    return kill;
                };
                self.agents.down.insert(agent);
                let mut back = at + milliseconds(rng, DOWN_MS);
                while self.pending.contains_key(&back) {
                    back += Duration::from_millis(1);
                }
                self.pending.insert(back, Fault::StartAgent { agent });
                Fault::StopAgent { agent }
            }
            // Without agents no job could be launched, nor fail.
            1 if self.agents.down.len() + 1 < self.agents.count => {
                let Some(agent) = self.agents.running(rng) else {
                    return kill;
                };
                self.agents.down.insert(agent);
                Fault::LoseAgent { agent }
            }
            _ => kill,
        }
    }
}

impl Iterator for ChaosPlan {
    type Item = PlannedFault;

    fn next(&mut self) -> Option<PlannedFault> {
        let pending = self.pending.keys().next().copied();
        let due = [pending, self.disturb_at, self.kill_at];
        let at = due.into_iter().flatten().min()?;
        let fault = if pending == Some(at) {
            let (_, fault) = self.pending.pop_first()?;
            if let Fault::StartAgent { agent } = fault {
                self.agents.down.remove(&agent);
            }
            fault
        } else if self.disturb_at == Some(at) {
            self.disturb_at = Some(at + milliseconds(&mut self.rng, DISTURB_EVERY_MS));
            self.disturbance()
        } else {
            self.kill_at = Some(at + milliseconds(&mut self.rng, KILL_EVERY_MS));
            self.death(at)
        };
        Some(PlannedFault { at, fault })
    }
}

impl Agents {
    fn any(&self, rng: &mut fastrand::Rng) -> Option<usize> {
        (self.count > 0).then(|| rng.usize(0..self.count))
    }

    fn running(&self, rng: &mut fastrand::Rng) -> Option<usize> {
        let running: Vec<usize> = (0..self.count)
            .filter(|agent| !self.down.contains(agent))
            .collect();
        rng.choice(running)
    }
}

/// In whole milliseconds, as faults are written.
fn milliseconds(rng: &mut fastrand::Rng, [least, most]: [u64; 2]) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}

/// Some of everything, in steps of a twentieth; three of five messages pass at least.
fn message_faults(rng: &mut fastrand::Rng) -> MessageFaults {
    let mut probability = |twentieths_max: u8| f64::from(rng.u8(0..=twentieths_max)) / 20.0;
    let (drop, duplicate, delay) = (probability(4), probability(2), probability(2));
    MessageFaults {
        drop,
        duplicate,
        delay,
        delay_max: milliseconds(rng, [5, 100]),
    }
}

#[cfg(test)]
mod tests;
