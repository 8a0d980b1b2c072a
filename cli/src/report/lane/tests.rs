//! Lanes whose reader the test plays.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// A lane whose reader takes a line only when the test does.
fn lane() -> (Lane, Receiver<Item>) {
    let (sender, receiver): (SyncSender<_>, _) = sync_channel(0);
    let lane = Lane::start(None, move |step| {
        if let Step::Print(item) = step {
            // The test that has seen enough goes.
            let _ = sender.send(item);
        }
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
fn what_is_to_be_redrawn_is_redrawn_once() {
    let (lane, reader) = lane();
    lane.push(line("stuck"));
    for _ in 0..100 {
        lane.push(Item::Redraw);
    }
    lane.push(Item::EndLive);
    drop(lane);
    let printed: Vec<_> = reader.iter().collect();
    // The thread may have taken the first before the others came.
    assert!(printed.ends_with(&[Item::Redraw, Item::EndLive]));
    assert!(printed.len() <= 4, "{printed:?}");
}

#[test]
fn what_is_printed_is_flushed_before_the_lane_settles() {
    let (sender, steps) = std::sync::mpsc::channel();
    let lane = Lane::start(None, move |step| {
        let _ = sender.send(step);
    });
    for _ in 0..100 {
        lane.push(line("one of many"));
    }
    assert_eq!(lane.settle(), 0);
    let steps: Vec<_> = steps.try_iter().collect();
    assert_eq!(steps.last(), Some(&Step::Flush));
    let printed = steps.iter().filter(|step| matches!(step, Step::Print(_)));
    assert_eq!(printed.count(), 100);
}

#[test]
fn ticks_come_while_nothing_does_and_while_a_flood_does() {
    let (sender, ticks) = sync_channel(0);
    let lane = Lane::start(Some(Duration::from_millis(1)), move |step| {
        if step == Step::Tick {
            let _ = sender.send(());
        }
    });
    assert_eq!(ticks.recv(), Ok(()));
    for _ in 0..1000 {
        lane.push(line("flood"));
    }
    assert_eq!(ticks.recv(), Ok(()));
    drop(ticks);
    assert_eq!(lane.settle(), 0);
}

#[test]
fn a_lane_that_is_held_up_is_not_waited_for_for_ever() {
    let (lane, reader) = lane();
    lane.push(line("stuck"));
    lane.settle_within(Duration::from_millis(1));
    assert_eq!(reader.recv(), Ok(line("stuck")));
    assert_eq!(lane.settle(), 0);
}
