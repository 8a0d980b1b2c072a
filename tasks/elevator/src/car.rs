//! The car: where it goes next, and who enters and leaves.
//!
//! It keeps its direction as long as somebody wants to go there or waits there, then turns, then
//! rests. It has room for everybody. The doors stay open while it is at a floor, and it is there
//! until it is at the next one: who comes meanwhile still enters.
//!
//! ```text
//!            a rider or a visit                     nothing left to do
//! resting ────────────────────────► moving{to} ───────────────────────► resting
//!                                     │    ▲
//!                                     └────┘ at a floor, and more to do
//! ```
//!
//! A stop exists only because of a rider who waits there or wants to go there, or of a visit. So
//! no floor is gone to in vain, and nobody's destination comes before their boarding.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use elevator_messages::{CarConfig, Floor, Order, Position, Report, Rider, UnexpectedOrder};

/// A car. After each `handle` and `handle_timeout`, [`poll_output`](Self::poll_output) until
/// nothing is left.
#[derive(Debug)]
pub struct Car {
    config: CarConfig,
    floor: Floor,
    motion: Motion,
    /// Assigned, not entered yet.
    waiting: Vec<Rider>,
    aboard: Vec<Rider>,
    visits: BTreeSet<Floor>,
    floor_moves: u64,
    outputs: VecDeque<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motion {
    Resting,
    Up { arrives: Duration },
    Down { arrives: Duration },
}

impl Car {
    /// A car that rests on the lowest floor.
    pub fn new(config: CarConfig) -> Self {
        Self {
            config,
            floor: 0,
            motion: Motion::Resting,
            waiting: Vec::new(),
            aboard: Vec::new(),
            visits: BTreeSet::new(),
            floor_moves: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes an order to carry or to visit.
    ///
    /// # Errors
    ///
    /// When there is no such floor, when the rider is there already, or for any other order.
    pub fn handle(&mut self, now: Duration, order: &Order) -> Result<(), UnexpectedOrder> {
        match order {
            Order::Carry(riders) => {
                riders
                    .iter()
                    .try_for_each(|rider| self.check_rider(rider))?;
                self.waiting.extend(riders);
            }
            Order::Visit(floor) => {
                self.check(*floor)?;
                self.visits.insert(*floor);
            }
            order => return Err(UnexpectedOrder::of(order)),
        }
        match self.motion {
            Motion::Resting => self.serve(now, Motion::Resting),
            Motion::Up { .. } | Motion::Down { .. } => self.board(now),
        }
        Ok(())
    }

    /// Arrives wherever the car has arrived by now.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Motion::Up { arrives } | Motion::Down { arrives } = self.motion
            && arrives <= now
        {
            match self.motion {
                Motion::Up { .. } => self.floor += 1,
                Motion::Down { .. } => self.floor -= 1,
                Motion::Resting => {}
            }
            self.floor_moves += 1;
            // Its own time, not `now`: a late timer does not make the car slower.
            self.serve(arrives, self.motion);
        }
    }

    /// When the car arrives at the next floor. `None`: it rests.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.motion {
            Motion::Resting => None,
            Motion::Up { arrives } | Motion::Down { arrives } => Some(arrives),
        }
    }

    /// What to report next.
    pub fn poll_output(&mut self) -> Option<Report> {
        self.outputs.pop_front()
    }

    /// How many times it has gone from one floor to the next.
    pub fn floor_moves(&self) -> u64 {
        self.floor_moves
    }

    fn check(&self, floor: Floor) -> Result<(), UnexpectedOrder> {
        if floor < self.config.floors {
            return Ok(());
        }
        let floors = self.config.floors;
        Err(UnexpectedOrder {
            why: format!("there is no floor {floor}, the house has {floors}"),
        })
    }

    fn check_rider(&self, rider: &Rider) -> Result<(), UnexpectedOrder> {
        self.check(rider.from())?;
        self.check(rider.to)?;
        if rider.from() == rider.to {
            return Err(UnexpectedOrder {
                why: format!("{rider} is there already"),
            });
        }
        Ok(())
    }

    /// Lets riders out and in at this floor, and goes on.
    fn serve(&mut self, now: Duration, came: Motion) {
        let here = self.floor;
        for rider in self.aboard.extract_if(.., |rider| rider.to == here) {
            self.outputs.push_back(Report::Arrived {
                rider: rider.id,
                at: now,
            });
        }
        for rider in self.waiting.extract_if(.., |rider| rider.from() == here) {
            self.outputs.push_back(Report::Boarded {
                rider: rider.id,
                at: now,
            });
            self.aboard.push(rider);
        }
        self.visits.remove(&here);

        let arrives = now + self.config.travel;
        let (above, below) = (
            self.wanted(|floor| floor > here),
            self.wanted(|floor| floor < here),
        );
        self.motion = match came {
            Motion::Down { .. } if below => Motion::Down { arrives },
            _ if above => Motion::Up { arrives },
            _ if below => Motion::Down { arrives },
            _ => Motion::Resting,
        };
        let next = match self.motion {
            Motion::Resting => None,
            Motion::Up { .. } => Some(here + 1),
            Motion::Down { .. } => Some(here - 1),
        };
        self.outputs.push_back(Report::Position(Position {
            floor: here,
            next,
            since: now,
        }));
    }

    /// Lets riders in at this floor.
    fn board(&mut self, now: Duration) {
        let here = self.floor;
        for rider in self.waiting.extract_if(.., |rider| rider.from() == here) {
            self.outputs.push_back(Report::Boarded {
                rider: rider.id,
                at: now,
            });
            self.aboard.push(rider);
        }
    }

    /// Whether the car has to go to such a floor.
    fn wanted(&self, such: impl Fn(Floor) -> bool) -> bool {
        self.waiting.iter().any(|rider| such(rider.from()))
            || self.aboard.iter().any(|rider| such(rider.to))
            || self.visits.iter().any(|floor| such(*floor))
    }
}

#[cfg(test)]
mod tests {
    use elevator_messages::RiderId;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn car() -> Car {
        Car::new(CarConfig {
            floors: 8,
            travel: SECOND,
            speed: 1.0,
        })
    }

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

    /// Lets the car run until it rests: one word per report, with its second.
    fn run(car: &mut Car) -> String {
        let mut words = Vec::new();
        loop {
            while let Some(report) = car.poll_output() {
                words.push(match report {
                    Report::Position(Position {
                        floor,
                        next: Some(_),
                        ..
                    }) => format!("{floor}"),
                    Report::Position(Position {
                        floor, next: None, ..
                    }) => format!("{floor}."),
                    Report::Boarded { rider, at } => format!("+{rider}@{}", at.as_secs()),
                    Report::Arrived { rider, at } => format!("-{rider}@{}", at.as_secs()),
                    other => panic!("{other:?} is none of a car's core"),
                });
            }
            match car.poll_timeout() {
                Some(due) => car.handle_timeout(due),
                None => return words.join(" "),
            }
        }
    }

    fn carry(car: &mut Car, now: Duration, rider: Rider) {
        car.handle(now, &Order::Carry(vec![rider]))
            .expect("the rider can be carried");
    }

    #[test]
    fn a_rider_is_fetched_and_brought_without_a_useless_way_back() {
        let mut car = car();
        carry(&mut car, Duration::ZERO, rider(0, 3, 5));
        assert_eq!(run(&mut car), "0 1 2 +3.0@3 3 4 -3.0@5 5.");
        assert_eq!(car.floor_moves(), 5);
        carry(&mut car, SECOND * 10, rider(1, 5, 4));
        assert_eq!(run(&mut car), "+5.1@10 5 -5.1@11 4.");
    }

    #[test]
    fn a_pickup_that_is_passed_already_comes_before_its_destination() {
        let mut car = car();
        carry(&mut car, Duration::ZERO, rider(0, 0, 4));
        car.handle_timeout(SECOND * 2);
        carry(&mut car, SECOND * 2, rider(0, 1, 3));
        assert_eq!(
            run(&mut car),
            "+0.0@0 0 1 2 3 -0.0@4 4 3 2 +1.0@7 1 2 -1.0@9 3."
        );
    }

    #[test]
    fn a_rider_still_enters_until_the_car_is_at_the_next_floor() {
        let mut car = car();
        carry(&mut car, Duration::ZERO, rider(0, 0, 1));
        carry(&mut car, SECOND / 2, rider(1, 0, 2));
        assert_eq!(run(&mut car), "+0.0@0 0 +0.1@0 -0.0@1 1 -0.1@2 2.");
    }

    #[test]
    fn riders_who_are_told_together_are_not_left_behind() {
        let mut car = car();
        let order = Order::Carry(vec![rider(0, 0, 1), rider(1, 0, 2)]);
        car.handle(Duration::ZERO, &order)
            .expect("they can be carried");
        assert_eq!(run(&mut car), "+0.0@0 +0.1@0 0 -0.0@1 1 -0.1@2 2.");
    }

    #[test]
    fn the_direction_is_kept_to_its_end() {
        let mut car = car();
        carry(&mut car, Duration::ZERO, rider(0, 2, 4));
        carry(&mut car, Duration::ZERO, rider(0, 3, 1));
        assert_eq!(
            run(&mut car),
            "0 1 +2.0@2 2 +3.0@3 3 -2.0@4 4 3 2 -3.0@7 1."
        );
    }

    #[test]
    fn a_late_timer_does_not_slow_the_car_down() {
        let mut car = car();
        car.handle(Duration::ZERO, &Order::Visit(3))
            .expect("there is a third floor");
        car.handle_timeout(SECOND * 2 + SECOND / 2);
        assert_eq!(car.poll_timeout(), Some(SECOND * 3));
    }

    #[test]
    fn a_visit_moves_an_empty_car() {
        let mut car = car();
        car.handle(Duration::ZERO, &Order::Visit(2))
            .expect("there is a second floor");
        assert_eq!(run(&mut car), "0 1 2.");
    }

    #[test]
    fn senseless_orders_are_refused_with_a_reason() {
        let mut car = car();
        let mut why = |order: Order| {
            car.handle(Duration::ZERO, &order)
                .map_err(|UnexpectedOrder { why }| why)
        };
        let missing = Err("there is no floor 8, the house has 8".to_owned());
        assert_eq!(why(Order::Visit(8)), missing);
        assert_eq!(why(Order::Carry(vec![rider(0, 3, 8)])), missing);
        assert_eq!(why(Order::Carry(vec![rider(0, 8, 3)])), missing);
        assert_eq!(
            why(Order::Carry(vec![rider(0, 3, 3)])),
            Err("rider 3.0 to floor 3 is there already".to_owned())
        );
        assert_eq!(
            why(Order::Stop),
            Err("this task cannot follow Stop now".to_owned())
        );
    }
}
