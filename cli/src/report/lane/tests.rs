//! Lanes whose reader the test plays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// A lane whose reader takes a line only when the test does.
fn lane() -> (Lane, Receiver<Item>) {
    let (sender, receiver): (SyncSender<_>, _) = sync_channel(0);
    let lane = Lane::start(move |item| {
        // The test that has seen enough goes.
        let _ = sender.send(item);
    });
    (lane, receiver)
}

fn line(text: &str) -> Item {
    Item::Result(text.to_owned())
}

fn large() -> Item {
    Item::Result("x".repeat(ROOM_BYTES))
}

#[test]
fn everything_is_printed_in_order_before_the_lane_settles() {
    let (lane, reader) = lane();
    let items = [line("a"), Item::Talk("b".to_owned()), Item::EndLive];
    for item in items.clone() {
        lane.push(item);
    }
    let reading = thread::spawn(move || reader.iter().take(3).collect::<Vec<_>>());
    assert_eq!(lane.settle(), 0);
    assert_eq!(reading.join().unwrap(), items);
}

#[test]
fn while_nobody_reads_guests_wait_and_others_do_not() {
    let (lane, reader) = lane();
    let lane = Arc::new(lane);
    lane.push(large());
    lane.push(large());
    assert_eq!(lane.try_push(line("guest")), Err(line("guest")));
    lane.push(line("ours"));
    let guest = thread::spawn({
        let lane = Arc::clone(&lane);
        move || lane.push_in_turn(line("guest"))
    });
    assert_eq!([reader.recv(), reader.recv()], [Ok(large()), Ok(large())]);
    guest.join().unwrap();
    assert_eq!(reader.recv(), Ok(line("ours")));
    assert_eq!(reader.recv(), Ok(line("guest")));
}

#[test]
fn what_goes_beyond_all_bounds_is_counted() {
    let (lane, reader) = lane();
    let fitting = QUEUE_BYTES_MAX / large().bytes();
    for _ in 0..fitting + 5 {
        lane.push(large());
    }
    drop(reader);
    // One more may fit: the thread may have had one in hand from the start.
    assert!((4..=5).contains(&lane.settle()));
}

#[test]
fn without_patience_what_nobody_reads_is_given_up_and_counted() {
    let (lane, reader) = lane();
    lane.push(line("stuck"));
    lane.push(large());
    lane.push(large());
    lane.set_patience(Duration::from_millis(10));
    lane.push_in_turn(line("guest"));
    assert_eq!(lane.settle(), 4);
    lane.push(line("late"));
    assert_eq!(lane.settle(), 5);
    drop(reader);
}

#[test]
fn of_live_lines_only_the_newest_waits() {
    let (lane, reader) = lane();
    lane.push(line("stuck"));
    for number in 0..100 {
        lane.push(Item::Live(number.to_string()));
    }
    lane.push(Item::EndLive);
    drop(lane);
    let printed: Vec<_> = reader.iter().collect();
    assert_eq!(printed.last(), Some(&Item::EndLive));
    assert_eq!(printed[printed.len() - 2], Item::Live("99".to_owned()));
    // The thread may have taken one before the others came.
    assert!(printed.len() <= 5, "{printed:?}");
}
