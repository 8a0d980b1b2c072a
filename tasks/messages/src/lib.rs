//! The typed messages of the elevator job: what the dispatcher tells cars and floors, and what
//! they report.
//!
//! Times are in simulated time since the start; [`Clock`] tells it from the real one.
//!
//! ```text
//! car    Hello ─► … StartCar ─► { Carry | Visit ─► Position, Boarded, Arrived }* … Stop ─► Goodbye
//! floor  Hello ─► … StartFloor ─► { Request }* NoMoreRiders … Stop ─► Goodbye
//! ```

mod clock;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use clock::Clock;

/// A floor of the house, from 0.
pub type Floor = u16;

/// The group of the cars' tasks; the number in a task's name is the car's.
pub const CARS: &str = "elevator";

/// The group of the floors' tasks; the number in a task's name is the floor's.
pub const FLOORS: &str = "floor";

/// What a rider is called: the floor of the request and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RiderId {
    /// Where the rider asked for a car.
    pub floor: Floor,
    /// Counts the riders of that floor, from 0.
    pub number: u32,
}

impl fmt::Display for RiderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.floor, self.number)
    }
}

/// Somebody who wants to go to another floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rider {
    /// Which rider it is; the floor in it is where the rider waits.
    pub id: RiderId,
    /// Where the rider wants to go: another floor.
    pub to: Floor,
    /// When the rider asked for a car.
    pub requested: Duration,
}

impl Rider {
    /// Where the rider waits.
    pub fn from(&self) -> Floor {
        self.id.floor
    }

    /// Whether the rider goes up.
    pub fn goes_up(&self) -> bool {
        self.to > self.from()
    }
}

impl fmt::Display for Rider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rider {} to floor {}", self.id, self.to)
    }
}

/// Which of the two kinds of tasks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// An elevator car.
    Car,
    /// A floor with riders.
    Floor,
}

/// What a car must know.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarConfig {
    /// How many floors the house has.
    pub floors: Floor,
    /// How long a car takes from one floor to the next.
    pub travel: Duration,
    /// How many simulated seconds a real one has.
    pub speed: f64,
}

/// What a floor must know.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorConfig {
    /// Which floor it is.
    pub floor: Floor,
    /// How many floors the house has.
    pub floors: Floor,
    /// What the riders are drawn from; the floor's number makes them differ from floor to floor.
    pub seed: u64,
    /// No rider asks at this time or later.
    pub until: Duration,
    /// Between two draws of a rider lies a time from 0 to this, both included.
    pub pause_max: Duration,
    /// How many simulated seconds a real one has.
    pub speed: f64,
}

/// What the dispatcher tells a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// To a car: begin.
    StartCar(CarConfig),
    /// To a floor: begin.
    StartFloor(FloorConfig),
    /// To a car: fetch these riders and take them where they want to go. They are told together,
    /// because a resting car leaves as soon as it knows of one.
    Carry(Vec<Rider>),
    /// To a car: go to this floor and wait there.
    Visit(Floor),
    /// Say goodbye and end.
    Stop,
}

/// What a task reports to the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The first of every task: it is there.
    Hello(Role),
    /// Of a floor: somebody asks for a car.
    Request(Rider),
    /// Of a floor: so many riders have asked, and no other will.
    NoMoreRiders {
        /// The riders of this floor.
        riders: u32,
    },
    /// Of a car: where it is, each time it leaves a floor or comes to rest.
    Position(Position),
    /// Of a car: a rider has entered.
    Boarded {
        /// Who.
        rider: RiderId,
        /// When.
        at: Duration,
    },
    /// Of a car: a rider is where they wanted to go.
    Arrived {
        /// Who.
        rider: RiderId,
        /// When.
        at: Duration,
    },
    /// The last of every task.
    Goodbye {
        /// Of a car: how many times it has gone from one floor to the next.
        floor_moves: u64,
    },
}

/// Where a car is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The floor where it is, until it is at the next one.
    pub floor: Floor,
    /// The next floor it will be at. `None`: it rests.
    pub next: Option<Floor>,
    /// Since when that is so.
    pub since: Duration,
}

/// A task was told what it cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnexpectedOrder {
    /// What is wrong, as a sentence part.
    pub why: String,
}

impl UnexpectedOrder {
    /// An order that makes no sense for this task now.
    pub fn of(order: &Order) -> Self {
        Self {
            why: format!("this task cannot follow {order:?} now"),
        }
    }
}

impl fmt::Display for UnexpectedOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unexpected order: {}", self.why)
    }
}

impl std::error::Error for UnexpectedOrder {}
