//! A car of the elevator job: fetches riders as the dispatcher says, and reports where it is.
//!
//! The decisions are [`car`]'s; this is the way to them and back.

pub mod car;

use elevator_messages::{Clock, Order, Position, Report, Role, UnexpectedOrder};
use mesosgot_sdk::{
    Args, Env, Error, Receiver, RecvTimeoutError, Sender, TypedError, TypedReceiver, TypedSender,
};

use crate::car::Car;

/// The task of a car.
///
/// # Errors
///
/// When an order is not what a car expects, or the dispatcher is gone.
#[mesosgot_sdk::task]
pub fn elevator(inbox: Receiver, outbox: Sender, args: Args, _env: Env) -> Result<(), Error> {
    args.finish()?;
    let inbox = TypedReceiver::<Order>::new(inbox);
    let outbox = TypedSender::<Report>::new(outbox);

    outbox.send(&Report::Hello(Role::Car))?;
    let config = match inbox.recv()? {
        Some(Order::StartCar(config)) => config,
        Some(Order::Stop) => return Ok(outbox.send(&Report::Goodbye { floor_moves: 0 })?),
        Some(order) => return Err(UnexpectedOrder::of(&order).into()),
        None => return Ok(()),
    };

    let clock = Clock::start(config.speed);
    let mut car = Car::new(config);
    loop {
        while let Some(report) = car.poll_output() {
            log(&report);
            outbox.send(&report)?;
        }
        let order = match car.poll_timeout() {
            None => inbox.recv()?.ok_or(RecvTimeoutError::Closed),
            Some(due) => match inbox.recv_timeout(clock.until(due)) {
                Ok(order) => Ok(order),
                Err(TypedError::Channel(error)) => Err(error),
                Err(error) => return Err(error.into()),
            },
        };
        car.handle_timeout(clock.now());
        match order {
            Ok(Order::Stop) => break,
            Ok(order) => car.handle(clock.now(), &order)?,
            Err(RecvTimeoutError::Timeout) => {}
            // Told to exit without a stop: nobody listens to a goodbye.
            Err(RecvTimeoutError::Closed) => return Ok(()),
        }
    }
    outbox.send(&Report::Goodbye {
        floor_moves: car.floor_moves(),
    })?;
    Ok(())
}

/// What a reader of the log wants to know; where a car passes is the dispatcher's to know.
#[expect(clippy::print_stdout, reason = "a task's stdout is its log")]
fn log(report: &Report) {
    match report {
        Report::Boarded { rider, at } => println!("{:.1} s: rider {rider} in", at.as_secs_f64()),
        Report::Arrived { rider, at } => println!("{:.1} s: rider {rider} out", at.as_secs_f64()),
        // `tasks/view.html` reads these.
        Report::Position(Position { floor, next, since }) => {
            let since = since.as_secs_f64();
            match next {
                Some(next) => println!("{since:.1} s: floor {floor}, on to {next}"),
                None => println!("{since:.1} s: rests on floor {floor}"),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
