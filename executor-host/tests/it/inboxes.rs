//! The `in` channel of a task, closed from the executor's side.

use std::time::{Duration, Instant};

use executor_host::inbox::TaskInbox;
use link::{Link, LinkConfig, Role, Sender, TryRecvError};

/// An inbox at which these messages have arrived, and what must stay for it to be open: the
/// scheduler's sender, the executor's end of the link, the scheduler's end.
async fn inbox_with(messages: &[&'static str]) -> (link::Receiver, (Sender, Link, Link)) {
    let here = Link::new(Role::Scheduler, 1, LinkConfig::new());
    let there = Link::new(Role::Executor, 2, LinkConfig::new());
    let (sender, _) = here.open("a").unwrap();
    let (_outbox, receiver) = there.open("a").unwrap();
    for message in messages {
        sender.send((*message).into()).await.unwrap();
    }
    // The greeting, then one frame with all that was sent.
    here.handle_frame(there.next_frame().await.unwrap())
        .unwrap();
    there
        .handle_frame(here.next_frame().await.unwrap())
        .unwrap();
    (receiver, (sender, there, here))
}

#[tokio::test]
async fn a_closed_inbox_yields_what_has_arrived_and_is_closed_then() {
    let (receiver, _open) = inbox_with(&["one", "two", "three", "four"]).await;
    let (mut inbox, closer) = TaskInbox::new(receiver);
    closer.close_at(Instant::now());
    inbox.readable().await;
    assert_eq!(inbox.recv().await.as_deref(), Some(b"one".as_slice()));
    assert_eq!(inbox.try_recv().as_deref(), Ok(b"two".as_slice()));
    assert_eq!(inbox.recv_many(9).await, ["three", "four"]);
    inbox.readable().await;
    assert_eq!(inbox.recv().await, None);
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Closed));
    assert!(inbox.recv_many(9).await.is_empty());
}

#[tokio::test]
async fn what_arrives_after_the_close_is_not_yielded_and_counts_as_not_taken() {
    let (receiver, (sender, there, here)) = inbox_with(&["one", "two"]).await;
    let (mut inbox, closer) = TaskInbox::new(receiver);
    closer.close_at(Instant::now());
    assert_eq!(inbox.recv().await.as_deref(), Some(b"one".as_slice()));
    let late = async || {
        sender.send("late".into()).await.unwrap();
        let frame = here.next_frame().await.unwrap();
        there.handle_frame(frame).unwrap();
    };
    late().await;
    assert_eq!(inbox.try_recv().as_deref(), Ok(b"two".as_slice()));
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Closed));
    late().await;
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Closed));
    inbox.readable().await;
    assert!(inbox.recv_many(9).await.is_empty());
    assert_eq!(inbox.recv().await, None);

    drop(inbox);
    here.handle_frame(there.next_frame().await.unwrap())
        .unwrap();
    assert_eq!(sender.untaken(), 2);
}

#[tokio::test]
async fn an_inbox_whose_closer_goes_with_a_moment_to_come_closes_then() {
    let (receiver, _open) = inbox_with(&[]).await;
    let (mut inbox, closer) = TaskInbox::new(receiver);
    let waiting = tokio::spawn(async move { inbox.recv().await });
    tokio::task::yield_now().await;
    closer.close_at(Instant::now() + Duration::from_millis(10));
    drop(closer);
    assert_eq!(waiting.await.unwrap(), None);
}

#[tokio::test]
async fn an_inbox_to_be_closed_later_is_open_and_an_earlier_moment_counts() {
    let (receiver, _open) = inbox_with(&["one"]).await;
    let (mut inbox, closer) = TaskInbox::new(receiver);
    let later = Instant::now() + Duration::from_secs(3600);
    closer.close_at(later);
    assert!(inbox.try_recv().is_ok());
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Empty));
    closer.close_at(Instant::now());
    closer.close_at(later);
    assert_eq!(inbox.recv().await, None);
}

#[tokio::test]
async fn without_its_closer_an_inbox_is_the_schedulers_to_close() {
    let (receiver, _open) = inbox_with(&["one"]).await;
    let (mut inbox, closer) = TaskInbox::new(receiver);
    drop(closer);
    assert!(inbox.recv().await.is_some());
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Empty));
}
