//! The task from the dispatcher's side.

use std::time::Duration;

use elevator_messages::FloorConfig;
use mesosgot_sdk::testing::{self, TaskHandle};
use mesosgot_sdk::{Codec, Postcard};

use super::*;

const CONFIG: FloorConfig = FloorConfig {
    floor: 2,
    floors: 8,
    seed: 7,
    until: Duration::from_secs(30),
    pause_max: Duration::from_secs(3),
    speed: Clock::SPEED_MAX,
};

fn told(handle: &TaskHandle, order: &Order) {
    let message = Postcard::encode(order).expect("orders are plain");
    handle.send(message).expect("the floor lives");
}

fn reports(handle: &TaskHandle) -> Vec<Report> {
    std::iter::from_fn(|| handle.recv())
        .map(|message| Postcard::decode(&message).expect("floors send reports"))
        .collect()
}

#[test]
fn all_its_riders_ask_and_then_it_says_so() {
    let (inbox, outbox, handle) = testing::task();
    let floor = std::thread::spawn(|| floor(inbox, outbox, Args::default(), Env::default()));
    told(&handle, &Order::StartFloor(CONFIG));
    let mut before_the_end = Vec::new();
    loop {
        let message = handle.recv().expect("the floor lives");
        let report: Report = Postcard::decode(&message).expect("floors send reports");
        before_the_end.push(report);
        if matches!(report, Report::NoMoreRiders { .. }) {
            break;
        }
    }
    told(&handle, &Order::Stop);
    assert_eq!(reports(&handle), [Report::Goodbye { floor_moves: 0 }]);
    floor
        .join()
        .expect("it does not panic")
        .expect("it is no failure");

    let riders: Vec<Report> = Arrivals::new(CONFIG).map(Report::Request).collect();
    let count = u32::try_from(riders.len()).expect("a few");
    assert!(count > 5);
    let mut wanted = vec![Report::Hello(Role::Floor)];
    wanted.extend(riders);
    wanted.push(Report::NoMoreRiders { riders: count });
    assert_eq!(before_the_end, wanted);
}

#[test]
fn it_can_be_stopped_before_its_riders_have_asked() {
    let (inbox, outbox, handle) = testing::task();
    told(
        &handle,
        &Order::StartFloor(FloorConfig {
            speed: 1.0,
            ..CONFIG
        }),
    );
    told(&handle, &Order::Stop);
    floor(inbox, outbox, Args::default(), Env::default()).expect("it is no failure");
    assert_eq!(
        reports(&handle).last(),
        Some(&Report::Goodbye { floor_moves: 0 })
    );
}

#[test]
fn it_leaves_when_it_is_told_to_exit() {
    let (inbox, outbox, handle) = testing::task();
    told(
        &handle,
        &Order::StartFloor(FloorConfig {
            speed: 1.0,
            ..CONFIG
        }),
    );
    handle.close();
    floor(inbox, outbox, Args::default(), Env::default()).expect("it is no failure");
}

#[test]
fn it_refuses_orders_for_cars() {
    let (inbox, outbox, handle) = testing::task();
    told(&handle, &Order::StartFloor(CONFIG));
    told(&handle, &Order::Visit(3));
    let outcome = floor(inbox, outbox, Args::default(), Env::default());
    assert_eq!(
        outcome.expect_err("floors do not move").to_string(),
        "unexpected order: this task cannot follow Visit(3) now"
    );
}
