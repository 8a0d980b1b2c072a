//! A floor of the elevator job: riders ask for a car, each at their time.
//!
//! Who they are is decided by [`arrivals`]; this tells the dispatcher when their time has come.

pub mod arrivals;

use elevator_messages::{Clock, Order, Report, Role, UnexpectedOrder};
use mesosgot_sdk::{
    Args, Env, Error, Receiver, RecvTimeoutError, Sender, TypedError, TypedReceiver, TypedSender,
};

use crate::arrivals::Arrivals;

/// The task of a floor.
///
/// # Errors
///
/// When an order is not what a floor expects, or the dispatcher is gone.
#[mesosgot_sdk::task]
pub fn floor(inbox: Receiver, outbox: Sender, args: Args, _env: Env) -> Result<(), Error> {
    args.finish()?;
    let inbox = TypedReceiver::<Order>::new(inbox);
    let outbox = TypedSender::<Report>::new(outbox);

    outbox.send(&Report::Hello(Role::Floor))?;
    let config = match inbox.recv()? {
        Some(Order::StartFloor(config)) => config,
        Some(Order::Stop) => return Ok(outbox.send(&Report::Goodbye { floor_moves: 0 })?),
        Some(order) => return Err(UnexpectedOrder::of(&order).into()),
        None => return Ok(()),
    };

    let clock = Clock::start(config.speed);
    let mut riders = 0;
    let mut stopped = false;
    for rider in Arrivals::new(config) {
        match inbox.recv_timeout(clock.until(rider.requested)) {
            Err(TypedError::Channel(RecvTimeoutError::Timeout)) => {}
            Err(TypedError::Channel(RecvTimeoutError::Closed)) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(Order::Stop) => {
                stopped = true;
                break;
            }
            Ok(order) => return Err(UnexpectedOrder::of(&order).into()),
        }
        log(&format!(
            "{:.1} s: {rider} asks",
            rider.requested.as_secs_f64()
        ));
        outbox.send(&Report::Request(rider))?;
        riders += 1;
    }
    if !stopped {
        outbox.send(&Report::NoMoreRiders { riders })?;
        match inbox.recv()? {
            Some(Order::Stop) => {}
            Some(order) => return Err(UnexpectedOrder::of(&order).into()),
            None => return Ok(()),
        }
    }
    outbox.send(&Report::Goodbye { floor_moves: 0 })?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a task's stdout is its log")]
fn log(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests;
