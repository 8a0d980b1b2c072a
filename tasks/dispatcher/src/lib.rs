//! The app scheduler of the elevator job: tells the cars whom to fetch.
//!
//! ```text
//! gather ─► start ─► run ─► stop ─► summary
//! ```
//!
//! - **gather**: every task of the job has said hello.
//! - **start**: every task gets its configuration; simulated time begins.
//! - **run**: requests become assignments, until no floor has riders any more and all are
//!   delivered. That has a bound.
//! - **stop**: every task says goodbye.
//!
//! [`Dispatch`] and the [policies](policy) decide; [`desk`] listens and speaks.

pub mod desk;
pub mod dispatch;
pub mod house;
pub mod policy;
pub mod settings;
pub mod summary;

use std::time::Duration;

use elevator_messages::{CARS, CarConfig, Clock, FLOORS, FloorConfig, Order, Report, Role};
use mesosgot_sdk::{Args, Env, Error, Events, TaskReceiver, TaskSender};

use crate::desk::{Desk, Happening};
use crate::dispatch::Dispatch;
use crate::house::House;
use crate::settings::Settings;
use crate::summary::Summary;

/// How long a car takes from one floor to the next.
pub const TRAVEL: Duration = Duration::from_secs(1);

/// The longest pause between two draws of a rider on a floor.
pub const PAUSE_MAX: Duration = Duration::from_secs(3);

/// How long, in real time, all tasks together have for their hello or goodbye. They are all up
/// when the app scheduler starts, so it is a matter of moments.
const CEREMONY_MAX: Duration = Duration::from_secs(60);

/// How often a car could go through the whole house after the last request, until who is not
/// delivered by then is given up. A rider needs a way to be fetched and a way to be brought; the
/// rest is room for a policy that lets riders wait.
const GRACE_SWEEPS: u32 = 10;

/// What is added to that in real time, for the messages' way at high speeds.
const GRACE_REAL: Duration = Duration::from_secs(10);

/// The app scheduler.
///
/// # Errors
///
/// When the arguments are wrong or do not agree with the job, when a task is lost or does what it
/// should not, and when riders are not delivered within the grace after the last request.
#[mesosgot_sdk::scheduler]
pub fn dispatcher(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    args: Args,
    _env: Env,
) -> Result<(), Error> {
    let settings = Settings::parse(args)?;
    settings.check_against(&events.control().list_tasks())?;
    let mut desk = Desk::new(inbox, outbox, events, settings.names());

    gather(&mut desk)?;
    log(&format!("{} tasks are here", settings.names().len()));
    let house = House::new(settings.floors, settings.elevators, TRAVEL);
    let mut dispatch = Dispatch::new(house, settings.policy.make());
    let clock = start(&mut desk, &settings)?;
    run(&mut desk, &mut dispatch, &settings, &clock)?;
    let floor_moves = stop(&mut desk)?;
    log(&Summary::new(&settings, dispatch.house(), floor_moves).to_string());
    Ok(())
}

/// Waits for the hello of every task.
fn gather(desk: &mut Desk) -> Result<(), Error> {
    let deadline = Clock::start(1.0).moment(CEREMONY_MAX);
    let mut silent = desk.tasks().to_vec();
    while !silent.is_empty() {
        match desk.next(Some(deadline))? {
            Happening::Report {
                from,
                report: Report::Hello(role),
            } if role == from.role => {
                silent.retain(|task| *task != from);
            }
            Happening::Report { from, report } => {
                return Err(Error::msg(format!(
                    "`{from}` began with {report:?}, not with a hello"
                )));
            }
            Happening::Time => {
                return Err(Error::msg(format!("`{}` did not say hello", silent[0])));
            }
        }
    }
    Ok(())
}

/// Tells every task to begin, and with what.
fn start(desk: &mut Desk, settings: &Settings) -> Result<Clock, Error> {
    for task in desk.tasks().to_vec() {
        let order = match task.role {
            Role::Car => Order::StartCar(CarConfig {
                floors: settings.floors,
                travel: TRAVEL,
                speed: settings.speed,
            }),
            Role::Floor => Order::StartFloor(FloorConfig {
                floor: task.number,
                floors: settings.floors,
                seed: settings.seed,
                until: settings.time,
                pause_max: PAUSE_MAX,
                speed: settings.speed,
            }),
        };
        desk.send(task, &order)?;
    }
    Ok(Clock::start(settings.speed))
}

/// Dispatches until everybody is delivered.
fn run(
    desk: &mut Desk,
    dispatch: &mut Dispatch,
    settings: &Settings,
    clock: &Clock,
) -> Result<(), Error> {
    let grace = TRAVEL * u32::from(settings.floors) * GRACE_SWEEPS;
    let deadline = clock.moment(settings.time + grace) + GRACE_REAL;
    while !dispatch.is_done() {
        while let Some((car, order)) = dispatch.poll_output() {
            desk.send(
                desk::Task {
                    role: Role::Car,
                    number: car,
                },
                &order,
            )?;
        }
        let due = dispatch.poll_timeout().map(|due| clock.moment(due));
        match desk.next(Some(due.map_or(deadline, |due| due.min(deadline))))? {
            Happening::Report { from, report } => dispatch.handle(clock.now(), from, report)?,
            Happening::Time if std::time::Instant::now() >= deadline => {
                return Err(Error::msg(dispatch.house().told_undelivered()));
            }
            Happening::Time => {}
        }
        dispatch.handle_timeout(clock.now());
    }
    Ok(())
}

/// Sends everybody home, and answers how often a car went from one floor to the next.
fn stop(desk: &mut Desk) -> Result<u64, Error> {
    let mut present = desk.tasks().to_vec();
    for task in &present {
        desk.send(*task, &Order::Stop)?;
    }
    let deadline = Clock::start(1.0).moment(CEREMONY_MAX);
    let mut moves = 0;
    while !present.is_empty() {
        match desk.next(Some(deadline))? {
            Happening::Report {
                from,
                report: Report::Goodbye { floor_moves },
            } => {
                present.retain(|task| *task != from);
                moves += floor_moves;
            }
            // A car that comes to rest may say so before it reads that it should stop.
            Happening::Report {
                report: Report::Position(_),
                ..
            } => {}
            Happening::Report { from, report } => {
                return Err(Error::msg(format!(
                    "`{from}` ended with {report:?}, not a goodbye"
                )));
            }
            Happening::Time => {
                return Err(Error::msg(format!("`{}` did not say goodbye", present[0])));
            }
        }
    }
    Ok(moves)
}

#[expect(clippy::print_stdout, reason = "stdout is where the job's user reads")]
fn log(text: &str) {
    println!("{text}");
}

/// The name of a task's group.
fn group(role: Role) -> &'static str {
    match role {
        Role::Car => CARS,
        Role::Floor => FLOORS,
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
