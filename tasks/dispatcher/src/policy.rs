//! Who is carried by which car: the part that differs from dispatcher to dispatcher.
//!
//! A policy sees the [`House`] and decides; it changes nothing.

mod nearest;
mod scan;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use elevator_messages::{Floor, RiderId};

pub use nearest::Nearest;
pub use scan::Scan;

use crate::house::House;

/// Decides which car carries whom.
pub trait Policy: fmt::Debug {
    /// How often it wants to decide. `None`: at every report.
    fn period(&self) -> Option<Duration>;

    /// What to do now. It is asked only when somebody is unassigned, and may leave them so.
    fn decide(&mut self, now: Duration, house: &House) -> Vec<Decision>;
}

/// A decision of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This car fetches and brings this rider, who is unassigned.
    Carry {
        /// Who.
        rider: RiderId,
        /// By which car.
        car: u16,
    },
    /// This car goes to this floor.
    Visit {
        /// Which car.
        car: u16,
        /// Where to.
        floor: Floor,
    },
}

/// The policies by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyName {
    /// [`Scan`].
    Scan,
    /// [`Nearest`].
    Nearest,
}

impl PolicyName {
    /// The policy of this name.
    pub fn make(self) -> Box<dyn Policy> {
        match self {
            Self::Scan => Box::new(Scan),
            Self::Nearest => Box::new(Nearest),
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scan => "scan",
            Self::Nearest => "nearest",
        })
    }
}

impl FromStr for PolicyName {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "scan" => Ok(Self::Scan),
            "nearest" => Ok(Self::Nearest),
            _ => Err("expected `scan` or `nearest`"),
        }
    }
}
