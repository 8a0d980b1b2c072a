//! The dispatcher's decisions over time: reports in, orders to the cars out.
//!
//! The policy is asked at every request, or at each of its ticks if it has some, as long as
//! somebody waits for an assignment.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use elevator_messages::{Order, Report, Rider, Role};

use crate::desk::Task;
use crate::house::{House, Untrue};
use crate::policy::{Decision, Policy};

/// The dispatcher. After each `handle` and `handle_timeout`, [`poll_output`](Self::poll_output)
/// until nothing is left.
#[derive(Debug)]
pub struct Dispatch {
    house: House,
    policy: Box<dyn Policy>,
    /// Floors without further riders.
    finished: Vec<u16>,
    delivered: usize,
    next_tick: Option<Duration>,
    outputs: VecDeque<(u16, Order)>,
}

impl Dispatch {
    /// A dispatcher at the start.
    pub fn new(house: House, policy: Box<dyn Policy>) -> Self {
        Self {
            house,
            next_tick: policy.period(),
            policy,
            finished: Vec::new(),
            delivered: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes a report.
    ///
    /// # Errors
    ///
    /// When the task cannot have that to report.
    pub fn handle(&mut self, now: Duration, from: Task, report: Report) -> Result<(), WrongReport> {
        let number = from.number;
        let taken = match (from.role, report) {
            (Role::Floor, Report::Request(rider)) if rider.from() == number => {
                self.house.request(rider)
            }
            (Role::Floor, Report::NoMoreRiders { riders }) => self.finish(number, riders),
            (Role::Car, Report::Position(position)) => self.house.position(number, position),
            (Role::Car, Report::Boarded { rider, at }) => self.house.boarded(number, rider, at),
            (Role::Car, Report::Arrived { rider, at }) => {
                self.delivered += 1;
                self.house.arrived(number, rider, at)
            }
            _ => Err(Untrue),
        };
        taken.map_err(|Untrue| WrongReport { from, report })?;
        if self.next_tick.is_none() {
            self.decide(now);
        }
        Ok(())
    }

    /// Lets the policy's ticks happen that are due.
    pub fn handle_timeout(&mut self, now: Duration) {
        let (Some(due), Some(period)) = (self.next_tick, self.policy.period()) else {
            return;
        };
        if due <= now {
            // Ticks that were missed are left out.
            let missed = (now - due).as_nanos() / period.as_nanos();
            let ticks = u32::try_from(missed + 1).unwrap_or(u32::MAX);
            self.next_tick = Some(due + period.saturating_mul(ticks));
            self.decide(now);
        }
    }

    /// When the policy has its next tick.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next_tick
    }

    /// What to tell which car next.
    pub fn poll_output(&mut self) -> Option<(u16, Order)> {
        self.outputs.pop_front()
    }

    /// Whether no floor has riders any more and everybody is where they want to be.
    pub fn is_done(&self) -> bool {
        self.finished.len() == usize::from(self.house.floors())
            && self.delivered == self.house.journeys().count()
    }

    /// What is known of cars and riders.
    pub fn house(&self) -> &House {
        &self.house
    }

    /// A floor is done when as many riders have asked as it says.
    fn finish(&mut self, floor: u16, riders: u32) -> Result<(), Untrue> {
        let asked = self
            .house
            .journeys()
            .filter(|journey| journey.rider.from() == floor)
            .count();
        if u32::try_from(asked) != Ok(riders) || self.finished.contains(&floor) {
            return Err(Untrue);
        }
        self.finished.push(floor);
        Ok(())
    }

    fn decide(&mut self, now: Duration) {
        if self.house.unassigned().is_empty() {
            return;
        }
        let mut carried: BTreeMap<u16, Vec<Rider>> = BTreeMap::new();
        for decision in self.policy.decide(now, &self.house) {
            // What a policy cannot decide about has no effect.
            match decision {
                Decision::Carry { rider, car } => {
                    carried
                        .entry(car)
                        .or_default()
                        .extend(self.house.assign(now, rider, car));
                }
                Decision::Visit { car, floor } => {
                    let sent = self.house.visit(car, floor);
                    self.outputs
                        .extend(sent.map(|()| (car, Order::Visit(floor))));
                }
            }
        }
        let carried = carried.into_iter().filter(|(_, riders)| !riders.is_empty());
        self.outputs
            .extend(carried.map(|(car, riders)| (car, Order::Carry(riders))));
    }
}

/// A task reported what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongReport {
    /// Which task.
    pub from: Task,
    /// What it reported.
    pub report: Report,
}

impl fmt::Display for WrongReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot have reported {:?} now",
            self.from, self.report
        )
    }
}

impl std::error::Error for WrongReport {}

#[cfg(test)]
mod tests {
    use elevator_messages::{Position, RiderId};

    use super::*;
    use crate::TRAVEL;
    use crate::policy::PolicyName;

    const CAR: Task = Task {
        role: Role::Car,
        number: 0,
    };
    const FLOOR: Task = Task {
        role: Role::Floor,
        number: 1,
    };
    const ID: RiderId = RiderId {
        floor: 1,
        number: 0,
    };
    const RIDER: Rider = Rider {
        id: ID,
        to: 0,
        requested: Duration::ZERO,
    };

    fn dispatch(policy: PolicyName) -> Dispatch {
        Dispatch::new(House::new(2, 1, TRAVEL), policy.make())
    }

    fn report(dispatch: &mut Dispatch, from: Task, report: Report) -> Result<(), String> {
        let now = Duration::from_millis(1500);
        dispatch
            .handle(now, from, report)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_rider_goes_from_request_to_arrival() {
        let mut dispatch = dispatch(PolicyName::Nearest);
        let at = Duration::from_secs(2);
        let empty = Task { number: 0, ..FLOOR };
        assert_eq!(report(&mut dispatch, FLOOR, Report::Request(RIDER)), Ok(()));
        assert_eq!(dispatch.poll_output(), Some((0, Order::Carry(vec![RIDER]))));
        assert_eq!(
            report(&mut dispatch, FLOOR, Report::NoMoreRiders { riders: 1 }),
            Ok(())
        );
        assert_eq!(
            report(&mut dispatch, empty, Report::NoMoreRiders { riders: 0 }),
            Ok(())
        );
        assert_eq!(
            report(&mut dispatch, CAR, Report::Boarded { rider: ID, at }),
            Ok(())
        );
        assert!(!dispatch.is_done());
        assert_eq!(
            report(&mut dispatch, CAR, Report::Arrived { rider: ID, at }),
            Ok(())
        );
        assert!(dispatch.is_done());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut dispatch = dispatch(PolicyName::Nearest);
        let at = Duration::from_secs(2);
        let position = Position {
            floor: 0,
            next: None,
            since: at,
        };
        let elsewhere = Rider {
            id: RiderId {
                floor: 0,
                number: 0,
            },
            to: 1,
            requested: at,
        };
        for (from, wrong) in [
            (FLOOR, Report::Request(elsewhere)),
            (FLOOR, Report::Request(Rider { to: 2, ..RIDER })),
            (FLOOR, Report::Request(Rider { to: 1, ..RIDER })),
            (FLOOR, Report::NoMoreRiders { riders: 1 }),
            (FLOOR, Report::Position(position)),
            (CAR, Report::Request(RIDER)),
            (CAR, Report::Boarded { rider: ID, at }),
            (CAR, Report::Arrived { rider: ID, at }),
            (Task { number: 1, ..CAR }, Report::Position(position)),
            (CAR, Report::Hello(Role::Car)),
        ] {
            let refused = dispatch.handle(at, from, wrong);
            assert_eq!(
                refused,
                Err(WrongReport {
                    from,
                    report: wrong
                })
            );
        }
        assert_eq!(report(&mut dispatch, FLOOR, Report::Request(RIDER)), Ok(()));
        assert_eq!(
            report(&mut dispatch, FLOOR, Report::NoMoreRiders { riders: 0 }),
            Err("`floor-1` cannot have reported NoMoreRiders { riders: 0 } now".to_owned())
        );
    }

    #[test]
    fn ticks_keep_their_beat_and_missed_ones_are_left_out() {
        let mut dispatch = dispatch(PolicyName::Scan);
        assert_eq!(dispatch.poll_timeout(), Some(Duration::from_secs(1)));
        dispatch.handle_timeout(Duration::from_millis(3500));
        assert_eq!(dispatch.poll_timeout(), Some(Duration::from_secs(4)));
    }
}
