//! Close, stop and shut: how channels and links end.

use std::future::Future as _;

use bytes::Bytes;
use mesosgot_link::{
    ChannelCounters, FrameError, Inbox, Link, LinkConfig, OpenError, Role, SendError, TryRecvError,
    spec,
};

use crate::pair::{Pair, WINDOW, message, soon, stays_pending};

#[tokio::test(start_paused = true)]
async fn a_close_comes_after_the_data() {
    let pair = Pair::with_loss(0.3);
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let (there, receiver) = pair.scheduler.open("a").unwrap();
    soon(sender.send_many(vec![message(1), message(2)]))
        .await
        .unwrap();
    sender.close();
    assert_eq!(soon(sender.send(message(3))).await, Err(SendError::Closed));
    assert!(sender.is_closed());
    soon(there.peer_closed()).await;
    assert_eq!(receiver.try_recv(), Ok(message(1)));
    assert_eq!(soon(receiver.recv_many(10)).await, [message(2)]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(soon(receiver.recv_many(10)).await, Vec::<Bytes>::new());
    soon(receiver.readable()).await;
    // The other direction is open still.
    soon(there.send(message(4))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_wakes_a_sender_that_waits() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    soon(sender.send_many(vec![message(1); WINDOW]))
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(message(2)).await }
    });
    assert!(stays_pending(sender.writable()).await);
    sender.close();
    assert_eq!(soon(waiting).await.unwrap(), Err(SendError::Closed));
    soon(sender.writable()).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_receiver_closes_the_channel_and_counts_what_it_left() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    soon(sender.send_many((0..WINDOW).map(message).collect()))
        .await
        .unwrap();
    assert_eq!(soon(receiver.recv()).await, Some(message(0)));
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(message(9)).await }
    });
    assert!(stays_pending(sender.writable()).await);
    drop(receiver);
    assert_eq!(soon(waiting).await.unwrap(), Err(SendError::Closed));
    assert_eq!(sender.untaken(), WINDOW as u64 - 1);
}

#[tokio::test(start_paused = true)]
async fn a_shut_link_gives_what_arrived_and_counts_what_was_not_delivered() {
    let pair = Pair::new();
    let (here, receiver_here) = pair.scheduler.open("a").unwrap();
    let (there, receiver_there) = pair.executor.open("a").unwrap();
    soon(there.send(message(1))).await.unwrap();
    soon(receiver_here.readable()).await;
    soon(here.send(message(2))).await.unwrap();
    soon(receiver_there.readable()).await;
    // Let the acknowledgement return; then the other end falls silent.
    assert!(stays_pending(std::future::pending::<()>()).await);
    pair.executor.shut();
    soon(here.send_many(vec![message(3); WINDOW - 1]))
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let here = here.clone();
        async move { here.send(message(4)).await }
    });
    assert!(stays_pending(here.writable()).await);

    let undelivered = pair.scheduler.shut();
    // What arrived there and was not taken is among them, although it was acknowledged.
    assert_eq!(undelivered.channels, [("a".into(), WINDOW as u64)].into());
    assert_eq!(undelivered.total(), WINDOW as u64);
    assert_eq!(pair.scheduler.shut().total(), 0);
    assert_eq!(soon(waiting).await.unwrap(), Err(SendError::Closed));
    assert_eq!(soon(receiver_here.recv()).await, Some(message(1)));
    assert_eq!(soon(receiver_here.recv()).await, None);
    assert!(here.is_closed() && here.is_peer_closed());
    assert_eq!(soon(pair.scheduler.next_frame()).await, None);
    assert_eq!(
        pair.scheduler.handle_frame(Bytes::new()),
        Err(FrameError::Shut)
    );
    assert_eq!(pair.scheduler.open("b").unwrap_err(), OpenError::Shut);
    // The other end is shut too and has given what arrived.
    assert_eq!(soon(receiver_there.recv()).await, Some(message(2)));
    assert_eq!(soon(receiver_there.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_frame_is_woken_by_the_shut() {
    let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
    let waiting = tokio::spawn({
        let link = link.clone();
        async move { link.next_frame().await }
    });
    tokio::task::yield_now().await;
    link.shut();
    assert_eq!(soon(waiting).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn control_records_pass_both_ways_and_end_with_the_link() {
    let pair = Pair::with_loss(0.3);
    let (here, there) = (pair.scheduler.control(), pair.executor.control());
    for _ in 0..20 {
        soon(here.send(&spec::Control::start())).await.unwrap();
        assert_eq!(soon(there.recv()).await, Some(spec::Control::start()));
        soon(there.send(&spec::Control::start())).await.unwrap();
        assert_eq!(soon(here.recv()).await, Some(spec::Control::start()));
    }
    pair.scheduler.shut();
    assert_eq!(soon(here.recv()).await, None);
    assert_eq!(
        soon(here.send(&spec::Control::start())).await,
        Err(SendError::Closed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_and_its_inbox_leave_nothing_behind() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let there = pair.scheduler.open_into("a", &inbox).unwrap();
    soon(sender.send(message(1))).await.unwrap();
    soon(inbox.readable()).await;
    let watch = Bytes::from(vec![7; 100]);
    there.try_send(watch.clone()).unwrap();
    drop((pair, inbox, sender, _receiver, there));
    // The carriers are told to stop when the pair is dropped, and drop their links soon after.
    soon(async {
        while !watch.is_unique() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_not_one_is_an_error_and_the_link_goes_on() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    let malformed = pair.executor.handle_frame(Bytes::from_static(b"\xff"));
    assert!(matches!(malformed, Err(FrameError::Malformed(_))));
    soon(sender.send(message(1))).await.unwrap();
    assert_eq!(soon(receiver.recv()).await, Some(message(1)));
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_not_lost_with_a_future_that_waited_for_it() {
    let link = Link::new(Role::Executor, 1, LinkConfig::new());
    let greeting = soon(link.next_frame()).await.unwrap();
    let mut waiting = Box::pin(link.next_frame());
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(waiting.as_mut().poll(context).is_ready())
    });
    assert!(!polled.await);
    // Its time comes while it waits, and then it is dropped.
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    drop(waiting);
    assert_eq!(soon(link.next_frame()).await, Some(greeting));
}

#[tokio::test(start_paused = true)]
async fn a_link_is_flushed_once_everything_has_arrived() {
    let pair = Pair::with_loss(0.5);
    soon(pair.executor.flushed()).await;
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let (_sender, there) = pair.scheduler.open("a").unwrap();
    let batch = (0..2 * WINDOW).map(message).collect();
    let sending = tokio::spawn(async move { sender.send_many(batch).await });
    // Half of it fits; then the channel is full.
    assert!(stays_pending(std::future::pending::<()>()).await);
    soon(pair.executor.flushed()).await;
    for number in 0..2 * WINDOW {
        assert_eq!(soon(there.recv()).await, Some(message(number)));
    }
    soon(sending).await.unwrap().unwrap();
    soon(pair.executor.flushed()).await;
    assert_eq!(
        there.try_recv(),
        Err(TryRecvError::Closed),
        "the close has arrived"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_flush_is_woken_by_the_shut() {
    let link = Link::new(Role::Executor, 1, LinkConfig::new());
    let (sender, _receiver) = link.open("a").unwrap();
    sender.try_send(message(1)).unwrap();
    assert!(stays_pending(link.flushed()).await);
    let waiting = tokio::spawn({
        let link = link.clone();
        async move { link.flushed().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(link.shut().total(), 1);
    soon(waiting).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_channel_has_done_is_known_when_it_is_over() {
    let pair = Pair::new();
    let (here, here_receiver) = pair.scheduler.open("a").unwrap();
    let (there, there_receiver) = pair.executor.open("a").unwrap();
    soon(here.send_many(vec![message(10); 3])).await.unwrap();
    soon(there.send(message(7))).await.unwrap();
    assert_eq!(soon(there_receiver.recv_many(9)).await.len(), 3);
    assert!(soon(here_receiver.recv()).await.is_some());
    let done = ChannelCounters {
        messages_sent: 3,
        messages_received: 1,
        bytes_sent: 6,
        bytes_received: 1,
        stalls: 0,
    };
    assert_eq!(here.counters(), done);
    here.close();
    there.close();
    assert_eq!(soon(there_receiver.recv()).await, None);
    assert_eq!(soon(here_receiver.recv()).await, None);
    soon(pair.scheduler.flushed()).await;
    assert_eq!(here.counters(), done);
    // The name is free: the channel has been released.
    let (again, _r) = pair.scheduler.open("a").unwrap();
    assert_eq!(again.counters(), ChannelCounters::default());
    pair.scheduler.shut();
    assert_eq!(here.counters(), done);
}
