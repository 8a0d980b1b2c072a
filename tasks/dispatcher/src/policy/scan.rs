//! Once a second: cars under way take who stands before them and goes their way, and resting cars
//! take the rest.
//!
//! It is the dispatching of a simple elevator without a plan: it knows directions, not distances.

use std::collections::BTreeMap;
use std::time::Duration;

use elevator_messages::{Floor, Rider};

use super::{Decision, Policy};
use crate::house::{Car, House};

/// Directions only.
#[derive(Clone, Copy, Debug)]
pub struct Scan;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

impl Policy for Scan {
    fn period(&self) -> Option<Duration> {
        Some(PERIOD)
    }

    fn decide(&mut self, _now: Duration, house: &House) -> Vec<Decision> {
        let mut round = Round {
            house,
            idle: house
                .cars()
                .filter(|(_, car)| car.is_idle())
                .map(|(number, _)| number)
                .collect(),
            decisions: Vec::new(),
        };
        let (up, down) = house.unassigned().iter().partition(|rider| rider.goes_up());
        let up = round.assign(up, Direction::Up);
        let down = round.assign(down, Direction::Down);
        round.fetch(&up, &down);
        round.decisions
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    /// Whether `floor` is where a car at `from` comes when it goes this way.
    fn leads(self, from: Floor, floor: Floor) -> bool {
        match self {
            Self::Up => from <= floor,
            Self::Down => from >= floor,
        }
    }

    /// Whether a car goes this way.
    fn is_of(self, car: &Car) -> bool {
        car.position.next.is_some_and(|next| match self {
            Self::Up => next > car.position.floor,
            Self::Down => next < car.position.floor,
        })
    }
}

/// One look at the house.
struct Round<'a> {
    house: &'a House,
    /// Resting cars that this round has given nothing to do.
    idle: Vec<u16>,
    decisions: Vec<Decision>,
}

impl Round<'_> {
    /// Gives riders of one direction to cars, and answers those for whom there is none.
    fn assign(&mut self, riders: Vec<Rider>, direction: Direction) -> Vec<Rider> {
        let left = self.assign_under_way(riders, direction);
        self.assign_idle(left, direction)
    }

    /// The first car that goes their way and has not passed them yet.
    fn assign_under_way(&mut self, mut riders: Vec<Rider>, direction: Direction) -> Vec<Rider> {
        for (number, car) in self.house.cars().filter(|(_, car)| direction.is_of(car)) {
            let here = car.position.floor;
            for rider in riders.extract_if(.., |rider| direction.leads(here, rider.from())) {
                self.decisions.push(Decision::Carry {
                    rider: rider.id,
                    car: number,
                });
            }
        }
        riders
    }

    /// Floors with riders are dealt among the resting cars, so that not the first gets them all.
    fn assign_idle(&mut self, riders: Vec<Rider>, direction: Direction) -> Vec<Rider> {
        let mut floors: BTreeMap<Floor, Vec<Rider>> = BTreeMap::new();
        for rider in riders {
            floors.entry(rider.from()).or_default().push(rider);
        }
        let mut floors: Vec<(Floor, Vec<Rider>)> = floors.into_iter().collect();
        if direction == Direction::Down {
            floors.reverse();
        }
        let mut left = Vec::new();
        let mut hands = self.idle.clone();
        for (floor, riders) in floors {
            let hand = hands
                .iter()
                .position(|car| direction.leads(self.floor_of(*car), floor));
            let Some(hand) = hand else {
                left.extend(riders);
                continue;
            };
            // Whoever was dealt goes to the end of the row.
            let car = hands.remove(hand);
            hands.push(car);
            self.idle.retain(|idle| *idle != car);
            self.decisions
                .extend(riders.iter().map(|rider| Decision::Carry {
                    rider: rider.id,
                    car,
                }));
        }
        left
    }

    /// Sends resting cars to the ends where riders are left: from there they can take them all.
    fn fetch(&mut self, up: &[Rider], down: &[Rider]) {
        let oldest = |riders: &[Rider]| riders.iter().map(|rider| rider.requested).min();
        let lowest = up
            .iter()
            .map(Rider::from)
            .min()
            .map(|floor| (oldest(up), floor));
        let highest = down
            .iter()
            .map(Rider::from)
            .max()
            .map(|floor| (oldest(down), floor));
        let mut ends: Vec<_> = lowest.into_iter().chain(highest).collect();
        // With fewer cars than ends, who has waited longest comes first.
        ends.sort_unstable();
        for (_, floor) in ends {
            let on_the_way = self.house.cars().any(|(_, car)| car.visit == Some(floor));
            if !on_the_way && !self.idle.is_empty() {
                self.decisions.push(Decision::Visit {
                    car: self.idle.remove(0),
                    floor,
                });
            }
        }
    }

    fn floor_of(&self, number: u16) -> Floor {
        let car = self.house.cars().find(|(other, _)| *other == number);
        car.map_or(0, |(_, car)| car.position.floor)
    }
}

#[cfg(test)]
mod tests {
    use elevator_messages::{Position, RiderId};

    use super::*;

    /// A house with the cars at these positions and these riders, from and to.
    fn decide(cars: &[(Floor, Option<Floor>)], riders: &[(Floor, Floor)]) -> Vec<String> {
        let count = u16::try_from(cars.len()).expect("a few");
        let mut house = House::new(8, count, Duration::from_secs(1));
        for (number, (floor, next)) in (0..).zip(cars) {
            let position = Position {
                floor: *floor,
                next: *next,
                since: Duration::ZERO,
            };
            house
                .position(number, position)
                .expect("there is such a car");
        }
        for (number, (from, to)) in (0..).zip(riders) {
            let id = RiderId {
                floor: *from,
                number,
            };
            let requested = Duration::from_millis(number.into());
            house
                .request(Rider {
                    id,
                    to: *to,
                    requested,
                })
                .expect("they can ask");
        }
        let decisions = Scan.decide(Duration::ZERO, &house);
        decisions
            .into_iter()
            .map(|decision| match decision {
                Decision::Carry { rider, car } => format!("{car} carries {}", rider.number),
                Decision::Visit { car, floor } => format!("{car} visits {floor}"),
            })
            .collect()
    }

    #[test]
    fn a_car_under_way_takes_who_stands_before_it_and_goes_its_way() {
        let riders = [(1, 5), (3, 5), (5, 3), (6, 7)];
        assert_eq!(
            decide(&[(2, Some(3))], &riders),
            ["0 carries 1", "0 carries 3"]
        );
    }

    #[test]
    fn resting_cars_share_the_floors() {
        let cars = [(0, None), (0, None)];
        let riders = [(1, 2), (3, 4), (5, 6)];
        assert_eq!(
            decide(&cars, &riders),
            ["0 carries 0", "1 carries 1", "0 carries 2"]
        );
    }

    #[test]
    fn a_single_resting_car_is_sent_to_riders_above_who_go_down() {
        assert_eq!(decide(&[(0, None)], &[(3, 1), (6, 2)]), ["0 visits 6"]);
    }

    #[test]
    fn a_single_resting_car_goes_where_somebody_has_waited_longest() {
        assert_eq!(decide(&[(3, None)], &[(6, 2), (1, 2)]), ["0 visits 6"]);
        assert_eq!(decide(&[(3, None)], &[(1, 2), (6, 2)]), ["0 visits 1"]);
    }

    #[test]
    fn nobody_is_given_to_a_car_that_goes_away() {
        assert_eq!(
            decide(&[(4, Some(3))], &[(2, 5), (6, 1)]),
            Vec::<String>::new()
        );
    }
}
