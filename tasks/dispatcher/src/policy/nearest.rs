//! At every request: the car that loses the least by it.
//!
//! The way of each car is known, since it keeps its direction and then turns. So for each car, the
//! times at which all its riders arrive are added up, with and without the new rider; the car with
//! the smallest difference gets them. What the others lose counts as much as what the rider waits.
//!
//! So what it minimises, one request at a time, is the mean journey: from request to arrival, not
//! the wait for the car alone, and not the longest of either.

use std::time::Duration;

use elevator_messages::{Floor, Rider};

use super::{Decision, Policy};
use crate::house::{Car, House};

/// The least added time.
#[derive(Clone, Copy, Debug)]
pub struct Nearest;

impl Policy for Nearest {
    fn period(&self) -> Option<Duration> {
        None
    }

    fn decide(&mut self, now: Duration, house: &House) -> Vec<Decision> {
        let mut cars: Vec<(u16, Car)> = house
            .cars()
            .map(|(number, car)| (number, car.clone()))
            .collect();
        let mut decisions = Vec::new();
        for rider in house.unassigned() {
            let best = cars
                .iter_mut()
                .min_by_key(|(number, car)| (added_time(car, rider, now, house.travel()), *number));
            let Some((number, car)) = best else {
                return Vec::new();
            };
            car.waiting.push(*rider);
            decisions.push(Decision::Carry {
                rider: rider.id,
                car: *number,
            });
        }
        decisions
    }
}

/// What it costs all riders of a car together if it carries this one as well.
fn added_time(car: &Car, rider: &Rider, now: Duration, travel: Duration) -> Duration {
    let mut with = car.clone();
    with.waiting.push(*rider);
    // A rider on the way can make a car turn later but never earlier, so this is never negative.
    total_time(with, now, travel).saturating_sub(total_time(car.clone(), now, travel))
}

/// The times from now to the arrivals of all riders of a car, added up.
fn total_time(mut car: Car, now: Duration, travel: Duration) -> Duration {
    let position = car.position;
    // Who waits where the car still is enters at once.
    car.aboard.extend(
        car.waiting
            .extract_if(.., |rider| rider.from() == position.floor),
    );
    let (mut floor, mut time) = match position.next {
        Some(next) => (next, (position.since + travel).saturating_sub(now)),
        None => (position.floor, Duration::ZERO),
    };
    let mut comes_down = floor < position.floor;
    let mut total = Duration::ZERO;
    loop {
        total += car
            .aboard
            .extract_if(.., |rider| rider.to == floor)
            .map(|_| time)
            .sum::<Duration>();
        car.aboard
            .extend(car.waiting.extract_if(.., |rider| rider.from() == floor));
        let wanted = |such: &dyn Fn(Floor) -> bool| {
            car.waiting.iter().any(|rider| such(rider.from()))
                || car.aboard.iter().any(|rider| such(rider.to))
        };
        let (above, below) = (
            wanted(&|other| other > floor),
            wanted(&|other| other < floor),
        );
        comes_down = below && (comes_down || !above);
        match (comes_down, above) {
            (true, _) => floor -= 1,
            (false, true) => floor += 1,
            (false, false) => return total,
        }
        time += travel;
    }
}

#[cfg(test)]
mod tests {
    use elevator_messages::{Position, RiderId};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rider(number: u32, from: Floor, to: Floor) -> Rider {
        Rider {
            id: RiderId {
                floor: from,
                number,
            },
            to,
            requested: Duration::ZERO,
        }
    }

    fn car(floor: Floor, next: Option<Floor>) -> Car {
        let position = Position {
            floor,
            next,
            since: SECOND,
        };
        Car {
            position,
            waiting: Vec::new(),
            aboard: Vec::new(),
            visit: None,
        }
    }

    #[test]
    fn the_time_of_a_resting_car_is_the_way_there_and_the_way_on() {
        assert_eq!(
            added_time(&car(2, None), &rider(0, 5, 3), SECOND, SECOND),
            SECOND * 5
        );
    }

    #[test]
    fn a_car_under_way_is_where_it_will_be_next() {
        let up = car(2, Some(3));
        let now = SECOND * 3 / 2;
        assert_eq!(
            added_time(&up, &rider(0, 3, 4), now, SECOND),
            SECOND * 3 / 2
        );
        let mut busy = up.clone();
        busy.aboard.push(rider(0, 1, 4));
        // To 4 and back to 2, and then to 1.
        assert_eq!(
            added_time(&busy, &rider(0, 2, 1), now, SECOND),
            SECOND * 9 / 2
        );
    }

    #[test]
    fn what_others_lose_counts() {
        let mut busy = car(0, None);
        busy.aboard
            .extend([rider(0, 0, 1), rider(1, 0, 7), rider(2, 0, 7)]);
        let mut house = House::new(8, 2, SECOND);
        house.request(rider(0, 3, 2)).expect("they can ask");
        let alone = Nearest.decide(SECOND, &house);
        let id = RiderId {
            floor: 3,
            number: 0,
        };
        assert_eq!(alone, [Decision::Carry { rider: id, car: 0 }]);
        assert_eq!(
            added_time(&busy, &rider(0, 3, 2), SECOND, SECOND),
            SECOND * 12
        );
        assert_eq!(
            added_time(&car(0, None), &rider(0, 3, 2), SECOND, SECOND),
            SECOND * 4
        );
    }

    #[test]
    fn riders_of_one_moment_are_decided_one_after_the_other() {
        let mut house = House::new(8, 2, SECOND);
        house.request(rider(0, 7, 0)).expect("they can ask");
        house.request(rider(0, 0, 1)).expect("they can ask");
        let cars: Vec<u16> = Nearest
            .decide(SECOND, &house)
            .into_iter()
            .filter_map(|decision| match decision {
                Decision::Carry { car, .. } => Some(car),
                Decision::Visit { .. } => None,
            })
            .collect();
        assert_eq!(cars, [0, 0]);
    }
}
