//! What the dispatcher knows: where the cars are, and how far every rider has got.

use std::collections::BTreeMap;
use std::time::Duration;

use elevator_messages::{Floor, Position, Rider, RiderId};

/// Cars and riders as the last reports tell.
#[derive(Clone, Debug)]
pub struct House {
    floors: Floor,
    travel: Duration,
    cars: Vec<Car>,
    /// No car has been told of them yet, in the order of their requests.
    unassigned: Vec<Rider>,
    journeys: BTreeMap<RiderId, Journey>,
}

/// A car as the dispatcher knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Car {
    /// Its last report.
    pub position: Position,
    /// Assigned to it, not entered yet.
    pub waiting: Vec<Rider>,
    /// In it.
    pub aboard: Vec<Rider>,
    /// Where it was sent without a rider.
    pub visit: Option<Floor>,
}

impl Car {
    /// Whether it rests and was told nothing that would change that.
    pub fn is_idle(&self) -> bool {
        self.position.next.is_none()
            && self.waiting.is_empty()
            && self.aboard.is_empty()
            && self.visit.is_none()
    }
}

/// A rider and how far they have got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Who, from where, to where, since when.
    pub rider: Rider,
    /// How far.
    pub progress: Progress,
}

/// How far a rider has got, with the times of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Asked for a car.
    Requested,
    /// A car was told.
    Assigned {
        /// Which.
        car: u16,
        /// When.
        assigned: Duration,
    },
    /// In the car.
    Aboard {
        /// Which.
        car: u16,
        /// When the car was told.
        assigned: Duration,
        /// When the rider entered.
        boarded: Duration,
    },
    /// There.
    Delivered {
        /// By which.
        car: u16,
        /// When the car was told.
        assigned: Duration,
        /// When the rider entered.
        boarded: Duration,
        /// When the rider left it.
        arrived: Duration,
    },
}

/// A report that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrue;

impl House {
    /// A house whose cars all rest on the lowest floor.
    pub fn new(floors: Floor, cars: u16, travel: Duration) -> Self {
        let position = Position {
            floor: 0,
            next: None,
            since: Duration::ZERO,
        };
        let car = Car {
            position,
            waiting: Vec::new(),
            aboard: Vec::new(),
            visit: None,
        };
        Self {
            floors,
            travel,
            cars: vec![car; usize::from(cars)],
            unassigned: Vec::new(),
            journeys: BTreeMap::new(),
        }
    }

    /// How many floors it has.
    pub fn floors(&self) -> Floor {
        self.floors
    }

    /// How long a car takes from one floor to the next.
    pub fn travel(&self) -> Duration {
        self.travel
    }

    /// The cars with their numbers.
    pub fn cars(&self) -> impl Iterator<Item = (u16, &Car)> {
        (0..).zip(&self.cars)
    }

    /// The riders of whom no car has been told, in the order of their requests.
    pub fn unassigned(&self) -> &[Rider] {
        &self.unassigned
    }

    /// All riders there have been.
    pub fn journeys(&self) -> impl Iterator<Item = &Journey> {
        self.journeys.values()
    }

    /// Who is not where they want to go, as a sentence.
    pub fn told_undelivered(&self) -> String {
        let late: Vec<&Journey> = self
            .journeys()
            .filter(|journey| !matches!(journey.progress, Progress::Delivered { .. }))
            .collect();
        let first = late.first().map(|Journey { rider, progress }| {
            format!(", the first of them {rider}: {progress:?}")
        });
        format!(
            "{} of {} riders were not delivered in time{}",
            late.len(),
            self.journeys.len(),
            first.unwrap_or_default()
        )
    }

    /// Somebody asks for a car.
    pub(crate) fn request(&mut self, rider: Rider) -> Result<(), Untrue> {
        let exists = rider.from() < self.floors && rider.to < self.floors;
        if !exists || rider.from() == rider.to || self.journeys.contains_key(&rider.id) {
            return Err(Untrue);
        }
        self.journeys.insert(
            rider.id,
            Journey {
                rider,
                progress: Progress::Requested,
            },
        );
        self.unassigned.push(rider);
        Ok(())
    }

    /// Gives a rider to a car. `None`: nobody of that name waits for a car, or there is none.
    pub(crate) fn assign(&mut self, now: Duration, id: RiderId, number: u16) -> Option<Rider> {
        let position = self.unassigned.iter().position(|rider| rider.id == id)?;
        let car = self.cars.get_mut(usize::from(number))?;
        let rider = self.unassigned.remove(position);
        car.waiting.push(rider);
        let progress = Progress::Assigned {
            car: number,
            assigned: now,
        };
        self.journeys.insert(id, Journey { rider, progress });
        Some(rider)
    }

    /// Sends a car somewhere. `None`: there is no such car or floor.
    pub(crate) fn visit(&mut self, car: u16, floor: Floor) -> Option<()> {
        let car = self
            .cars
            .get_mut(usize::from(car))
            .filter(|_| floor < self.floors)?;
        car.visit = Some(floor);
        Some(())
    }

    pub(crate) fn position(&mut self, car: u16, position: Position) -> Result<(), Untrue> {
        let car = self.cars.get_mut(usize::from(car)).ok_or(Untrue)?;
        if car.visit == Some(position.floor) {
            car.visit = None;
        }
        car.position = position;
        Ok(())
    }

    pub(crate) fn boarded(&mut self, by: u16, id: RiderId, at: Duration) -> Result<(), Untrue> {
        let journey = self.journeys.get_mut(&id).ok_or(Untrue)?;
        let Progress::Assigned { car, assigned } = journey.progress else {
            return Err(Untrue);
        };
        if car != by {
            return Err(Untrue);
        }
        journey.progress = Progress::Aboard {
            car,
            assigned,
            boarded: at,
        };
        let car = &mut self.cars[usize::from(car)];
        car.waiting.retain(|rider| rider.id != id);
        car.aboard.push(journey.rider);
        Ok(())
    }

    pub(crate) fn arrived(&mut self, by: u16, id: RiderId, at: Duration) -> Result<(), Untrue> {
        let journey = self.journeys.get_mut(&id).ok_or(Untrue)?;
        let Progress::Aboard {
            car,
            assigned,
            boarded,
        } = journey.progress
        else {
            return Err(Untrue);
        };
        if car != by {
            return Err(Untrue);
        }
        journey.progress = Progress::Delivered {
            car,
            assigned,
            boarded,
            arrived: at,
        };
        self.cars[usize::from(car)]
            .aboard
            .retain(|rider| rider.id != id);
        Ok(())
    }
}
