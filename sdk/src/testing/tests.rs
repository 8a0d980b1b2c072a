//! The rules of channels, as guests may rely on them.

use std::thread;

use super::*;
use crate::{EventKind, MESSAGE_BYTES_MAX, RequestError, Selectable, TaskMessage, Timer, select};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn messages_come_in_order_and_before_the_close() {
    let (inbox, _outbox, handle) = task();
    for text in ["a", "b", "c"] {
        handle.send(text).expect("the task lives");
    }
    handle.close();
    assert_eq!(inbox.iter().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(inbox.recv_timeout(LONG), Err(RecvTimeoutError::Closed));
    assert_eq!(inbox.recv_many(5), Vec::<Vec<u8>>::new());
}

#[test]
fn receiving_does_not_wait_longer_than_asked() {
    let (inbox, _outbox, handle) = task();
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(inbox.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert_eq!(
        inbox.recv_timeout(Duration::ZERO),
        Err(RecvTimeoutError::Timeout)
    );
    handle.send("now").expect("the task lives");
    assert_eq!(inbox.recv_timeout(LONG), Ok(b"now".to_vec()));
}

#[test]
fn a_full_channel_refuses_or_holds_its_sender() {
    let (_inbox, outbox, handle) = task_with_window(2);
    outbox
        .send_many(&[b"1".to_vec(), b"2".to_vec()])
        .expect("there is room for two");
    assert_eq!(outbox.try_send("3"), Err(TrySendError::Full));
    let sender = thread::spawn(move || outbox.send("3"));
    let received: Vec<_> = (0..3).map(|_| handle.recv_timeout(LONG)).collect();
    assert_eq!(
        received,
        [Ok(b"1".to_vec()), Ok(b"2".to_vec()), Ok(b"3".to_vec())]
    );
    assert_eq!(sender.join().expect("it does not panic"), Ok(()));
    assert_eq!(handle.recv(), None);
}

#[test]
fn a_sender_hears_that_the_other_end_is_gone() {
    let (inbox, outbox, handle) = task();
    drop(inbox);
    assert_eq!(handle.send("x"), Err(SendError::Closed));
    drop(handle);
    assert_eq!(outbox.send("x"), Err(SendError::Closed));
    assert_eq!(outbox.try_send("x"), Err(TrySendError::Closed));
}

#[test]
fn a_held_sender_is_freed_when_the_other_end_goes() {
    let (_inbox, outbox, handle) = task_with_window(1);
    outbox.send("1").expect("there is room for one");
    let sender = thread::spawn(move || outbox.send("2"));
    drop(handle);
    assert_eq!(
        sender.join().expect("it does not panic"),
        Err(SendError::Closed)
    );
}

#[test]
fn a_message_above_the_bound_is_refused() {
    let (_inbox, outbox, _handle) = task();
    let message = vec![0; MESSAGE_BYTES_MAX + 1];
    assert_eq!(outbox.send(&message), Err(SendError::TooLarge));
    assert_eq!(outbox.send(&message[1..]), Ok(()));
}

#[test]
fn a_slow_task_does_not_hold_the_others_up() {
    let (_inbox, outbox, _events, job) = scheduler_with_window(1);
    let (slow, quick) = (job.add_task("floor"), job.add_task("floor"));
    assert_eq!(outbox.try_send("floor-0", "1"), Ok(()));
    assert_eq!(outbox.try_send("floor-0", "2"), Err(TrySendError::Full));
    assert_eq!(outbox.try_send("floor-1", "1"), Ok(()));
    assert_eq!(quick.inbox.try_recv(), Ok(b"1".to_vec()));
    assert_eq!(slow.inbox.try_recv(), Ok(b"1".to_vec()));
}

#[test]
fn the_app_scheduler_hears_who_speaks_until_no_task_is_left() {
    let (inbox, outbox, _events, job) = scheduler();
    let (car, floor) = (job.add_task("car"), job.add_task("floor"));
    floor.outbox.send("up").expect("the app scheduler lives");
    car.outbox.send("here").expect("the app scheduler lives");
    drop((car, floor));
    let message = |task: &str, data: &str| TaskMessage {
        task: task.into(),
        data: data.into(),
    };
    assert_eq!(
        inbox.iter().collect::<Vec<_>>(),
        [message("floor-0", "up"), message("car-0", "here")]
    );
    assert_eq!(outbox.send("floor-0", "x"), Err(SendError::Closed));
    assert_eq!(outbox.send("floor-7", "x"), Err(SendError::UnknownTask));
    assert_eq!(outbox.close("floor-0"), Ok(()), "a task that is gone");
    assert_eq!(outbox.close("floor-7"), Err(SendError::UnknownTask));
}

#[test]
fn every_in_closes_when_the_app_scheduler_has_returned() {
    let (inbox, outbox, events, job) = scheduler();
    let task = job.add_task("floor");
    outbox.send("floor-0", "last").expect("the task lives");
    drop((inbox, outbox, events));
    assert_eq!(task.inbox.recv(), Some(b"last".to_vec()));
    assert_eq!(task.inbox.recv(), None);
}

#[test]
fn events_come_in_order_and_end() {
    let (_inbox, _outbox, events, job) = scheduler();
    assert_eq!(events.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    let lost = Event::of_task(EventKind::TaskLost, "floor-1");
    job.push_event(Event::new(EventKind::Registered));
    job.push_event(lost.clone());
    job.end_events();
    assert_eq!(events.recv(), Some(Event::new(EventKind::Registered)));
    assert_eq!(events.try_recv(), Ok(lost));
    assert_eq!(events.recv(), None);
}

#[test]
fn tasks_are_listed_killed_and_spawned() {
    let (_inbox, _outbox, events, job) = scheduler();
    let first = job.add_task("floor");
    let control = events.control();
    assert_eq!(control.spawn("roof", 1), Err(RequestError::Unknown));
    assert_eq!(
        control.spawn("floor", 2),
        Ok(vec!["floor-1".to_owned(), "floor-2".to_owned()])
    );
    let spawned: Vec<_> = job
        .take_spawned()
        .into_iter()
        .map(|ends| ends.name)
        .collect();
    assert_eq!(spawned, ["floor-1", "floor-2"]);

    job.refuse_spawns(RequestError::NoPlace);
    assert_eq!(control.spawn("floor", 1), Err(RequestError::NoPlace));
    job.refuse_spawns(None);
    assert_eq!(control.spawn("floor", 0), Ok(Vec::new()));

    assert_eq!(control.kill("roof-0"), Err(RequestError::Unknown));
    assert_eq!(control.kill("floor-0"), Ok(()));
    assert_eq!(first.inbox.recv(), None);
    assert_eq!(job.killed(), ["floor-0"]);
    drop(first);
    let states: Vec<_> = control
        .list_tasks()
        .into_iter()
        .map(|task| task.state)
        .collect();
    assert_eq!(states, ["TASK_KILLED", "TASK_FINISHED", "TASK_FINISHED"]);

    job.shut_down();
    assert_eq!(control.spawn("floor", 1), Err(RequestError::ShuttingDown));
    assert_eq!(control.kill("floor-1"), Err(RequestError::ShuttingDown));
    assert_eq!(job.killed(), ["floor-0"]);
}

#[test]
fn select_wakes_by_whatever_comes_first() {
    let (inbox, outbox, events, job) = scheduler_with_window(1);
    let task = job.add_task("floor");
    let timer = Timer::after(LONG);
    let room = outbox.writable("floor-0");
    outbox.send("floor-0", "x").expect("there is room for one");
    let sources: [&dyn Selectable; 4] = [&inbox, &events, &timer, &room];
    assert!(select(&sources, Some(Duration::ZERO)).timed_out());

    job.push_event(Event::new(EventKind::Registered));
    assert_eq!(select(&sources, None).indices(), [1]);
    assert!(events.try_recv().is_ok());

    let task = thread::spawn(move || {
        task.outbox.send("y").expect("the app scheduler lives");
        task
    });
    assert_eq!(select(&sources, None).indices(), [0]);
    let task = task.join().expect("it does not panic");
    assert!(inbox.try_recv().is_ok() && task.inbox.try_recv().is_ok());
    assert_eq!(select(&sources, None).indices(), [3]);
}

#[test]
fn select_of_a_task_tells_its_messages_its_room_and_its_end() {
    let (inbox, outbox, handle) = task_with_window(1);
    let soon = Timer::after(SHORT);
    assert_eq!(select(&[&inbox, &soon], None).indices(), [1]);
    assert_eq!(select(&[&inbox, &outbox], None).indices(), [1]);
    outbox.send("x").expect("there is room for one");
    handle.close();
    assert_eq!(select(&[&inbox, &outbox], None).indices(), [0]);
}
