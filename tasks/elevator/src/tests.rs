//! The task from the dispatcher's side.

use std::thread;
use std::time::Duration;

use elevator_messages::{CarConfig, Clock, Rider, RiderId};
use mesosgot_sdk::testing::{self, TaskHandle};
use mesosgot_sdk::{Codec, Postcard};

use super::*;

const CONFIG: CarConfig = CarConfig {
    floors: 8,
    travel: Duration::from_secs(1),
    speed: Clock::SPEED_MAX,
};

fn told(handle: &TaskHandle, order: &Order) {
    let message = Postcard::encode(order).expect("orders are plain");
    handle.send(message).expect("the car lives");
}

fn report(handle: &TaskHandle) -> Option<Report> {
    handle
        .recv()
        .map(|message| Postcard::decode(&message).expect("cars send reports"))
}

#[test]
fn it_says_hello_carries_a_rider_and_says_goodbye() {
    let (inbox, outbox, handle) = testing::task();
    let car = thread::spawn(|| elevator(inbox, outbox, Args::default(), Env::default()));
    assert_eq!(report(&handle), Some(Report::Hello(Role::Car)));
    told(&handle, &Order::StartCar(CONFIG));
    let id = RiderId {
        floor: 2,
        number: 0,
    };
    told(
        &handle,
        &Order::Carry(vec![Rider {
            id,
            to: 0,
            requested: Duration::ZERO,
        }]),
    );
    loop {
        match report(&handle).expect("the car lives") {
            Report::Arrived { rider, .. } => break assert_eq!(rider, id),
            Report::Position(_) | Report::Boarded { .. } => {}
            other => panic!("{other:?} is not expected here"),
        }
    }
    told(&handle, &Order::Stop);
    let last = std::iter::from_fn(|| report(&handle)).last();
    assert_eq!(last, Some(Report::Goodbye { floor_moves: 4 }));
    car.join()
        .expect("it does not panic")
        .expect("it is no failure");
}

#[test]
fn it_leaves_when_it_is_told_to_exit() {
    let (inbox, outbox, handle) = testing::task();
    told(&handle, &Order::StartCar(CONFIG));
    handle.close();
    elevator(inbox, outbox, Args::default(), Env::default()).expect("it is no failure");
}

#[test]
fn it_refuses_orders_that_it_does_not_understand() {
    let (inbox, outbox, handle) = testing::task();
    told(&handle, &Order::Visit(3));
    let outcome = elevator(inbox, outbox, Args::default(), Env::default());
    assert_eq!(
        outcome.expect_err("it was not started").to_string(),
        "unexpected order: this task cannot follow Visit(3) now"
    );
}
