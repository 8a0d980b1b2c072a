//! Order, full channels, and who wakes whom.

use bytes::Bytes;
use mesosgot_link::{MESSAGE_BYTES_MAX, OpenError, SendError, TryRecvError, TrySendError};
use tokio::task::JoinSet;

use crate::pair::{Pair, WINDOW, message, soon, stays_pending};

#[tokio::test(start_paused = true)]
async fn messages_come_in_order_though_frames_are_lost() {
    let pair = Pair::with_loss(0.3);
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    let sending = tokio::spawn(async move {
        for number in 0..200 {
            sender.send(message(number)).await.unwrap();
        }
    });
    for number in 0..200 {
        assert_eq!(soon(receiver.recv()).await, Some(message(number)));
    }
    assert_eq!(soon(receiver.recv()).await, None, "closed by the drop");
    sending.await.unwrap();
    assert!(
        pair.scheduler.counters().frames_resent > 0,
        "nothing was lost"
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_blocks_its_sender_until_a_message_is_received() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    for number in 0..WINDOW {
        soon(sender.send(message(number))).await.unwrap();
    }
    assert!(stays_pending(sender.send(message(99))).await);
    assert!(stays_pending(sender.writable()).await);
    assert_eq!(sender.try_send(message(99)), Err(TrySendError::Full));
    // Room is told when half a window is free.
    assert_eq!(soon(receiver.recv_many(WINDOW / 2)).await.len(), WINDOW / 2);
    soon(sender.writable()).await;
    assert_eq!(sender.try_send(message(4)), Ok(()));
    for number in WINDOW / 2..=WINDOW {
        assert_eq!(soon(receiver.recv()).await, Some(message(number)));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_room_that_it_did_not_find_has_stalled_once() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    for number in 0..WINDOW {
        soon(sender.send(message(number))).await.unwrap();
    }
    assert_eq!(sender.counters().stalls, 0);
    assert_eq!(sender.try_send(message(99)), Err(TrySendError::Full));
    let waiting = sender.clone();
    let waiting = tokio::spawn(async move { waiting.send_in_turn(message(99)).await });
    assert_eq!(soon(receiver.recv_many(WINDOW)).await.len(), WINDOW);
    soon(waiting).await.unwrap().unwrap();
    assert_eq!(soon(receiver.recv()).await, Some(message(99)));
    assert_eq!(sender.counters().stalls, 1);
    sender.close();
    let closed = soon(sender.send_in_turn(message(0))).await;
    assert_eq!(closed, Err(SendError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_does_not_delay_its_neighbour() {
    let pair = Pair::new();
    let (slow, _slow_receiver) = pair.scheduler.open("slow").unwrap();
    let (quick, _quick_receiver) = pair.scheduler.open("quick").unwrap();
    let (_s, _slow_there) = pair.executor.open("slow").unwrap();
    let (_q, quick_there) = pair.executor.open("quick").unwrap();
    let blocked = tokio::spawn(async move { slow.send_many(vec![message(0); 100]).await });
    for number in 0..100 {
        soon(quick.send(message(number))).await.unwrap();
        assert_eq!(soon(quick_there.recv()).await, Some(message(number)));
    }
    assert!(!blocked.is_finished());
    blocked.abort();
}

#[tokio::test(start_paused = true)]
async fn senders_that_wait_are_served_in_the_order_in_which_they_came() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let sender = sender.clone();
        tasks.spawn(async move { sender.send(message(number)).await });
    }
    for number in 0..50 {
        assert_eq!(soon(receiver.recv()).await, Some(message(number)));
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn who_only_tries_does_not_overtake_who_waits() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    let waiting = sender.clone();
    let batch = (0..3 * WINDOW).map(message).collect();
    let waiting = tokio::spawn(async move { waiting.send_many(batch).await });
    let mut received = Vec::new();
    while !waiting.is_finished() {
        soon(receiver.readable()).await;
        assert_eq!(sender.try_send(message(99)), Err(TrySendError::Full));
        received.push(receiver.try_recv().unwrap());
        tokio::task::yield_now().await;
    }
    waiting.await.unwrap().unwrap();
    let last = tokio::spawn(async move { sender.send(message(99)).await });
    while received.last() != Some(&message(99)) {
        received.push(soon(receiver.recv()).await.unwrap());
    }
    assert_eq!(received.len(), 3 * WINDOW + 1);
    last.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_gives_up_lets_the_next_one_go() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.scheduler.open("a").unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    soon(sender.send_many(vec![message(0); WINDOW]))
        .await
        .unwrap();
    let mut first = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(message(1)).await }
    });
    assert!(stays_pending(&mut first).await);
    let second = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(message(2)).await }
    });
    first.abort();
    assert_eq!(soon(receiver.recv_many(WINDOW)).await.len(), WINDOW);
    soon(second).await.unwrap().unwrap();
    assert_eq!(soon(receiver.recv()).await, Some(message(2)));
    // With nobody in the queue, room is seen by those who only look.
    soon(sender.writable()).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_message_arrives_whole_and_a_larger_one_is_refused() {
    let pair = Pair::with_loss(0.1);
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let (_sender, receiver) = pair.scheduler.open("a").unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let large: Vec<u8> = (0..MESSAGE_BYTES_MAX).map(|_| rng.u8(..)).collect();
    let large = Bytes::from(large);
    soon(sender.send(large.clone())).await.unwrap();
    assert!(soon(receiver.recv()).await == Some(large));
    let larger = Bytes::from(vec![0; MESSAGE_BYTES_MAX + 1]);
    assert_eq!(sender.try_send(larger.clone()), Err(TrySendError::TooLarge));
    assert_eq!(soon(sender.send(larger)).await, Err(SendError::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_channels_have_each_their_own_messages() {
    let pair = Pair::with_loss(0.05);
    let mut tasks = JoinSet::new();
    for number in 0..1000 {
        let name = format!("task-{number}");
        let (sender, receiver) = pair.scheduler.open(&name).unwrap();
        let (echo_sender, echo_receiver) = pair.executor.open(&name).unwrap();
        tasks.spawn(async move {
            while let Some(message) = echo_receiver.recv().await {
                echo_sender.send(message).await.unwrap();
            }
        });
        tasks.spawn(async move {
            for round in 0..10 {
                let message = Bytes::from(format!("{number}-{round}"));
                sender.send(message.clone()).await.unwrap();
                assert_eq!(receiver.recv().await, Some(message));
            }
        });
    }
    soon(tasks.join_all()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_before_the_other_end_opens_the_channel_is_kept() {
    let pair = Pair::new();
    let (sender, _receiver) = pair.executor.open("early").unwrap();
    soon(sender.send(message(1))).await.unwrap();
    sender.close();
    let (_s, other) = pair.executor.open("other").unwrap();
    let (other_sender, _r) = pair.scheduler.open("other").unwrap();
    soon(other_sender.send(message(2))).await.unwrap();
    assert_eq!(
        soon(other.recv()).await,
        Some(message(2)),
        "frames have passed"
    );
    let (_sender, receiver) = pair.scheduler.open("early").unwrap();
    assert_eq!(soon(receiver.recv()).await, Some(message(1)));
    assert_eq!(soon(receiver.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_again_when_its_channel_is_closed() {
    let pair = Pair::new();
    for round in 0..10 {
        let (sender, receiver) = pair.executor.open("again").unwrap();
        let error = pair.executor.open("again").unwrap_err();
        assert_eq!(error, OpenError::AlreadyOpen("again".to_owned()));
        soon(sender.send(message(round))).await.unwrap();
        let (_there, receiver_there) = pair.scheduler.open("again").unwrap();
        assert_eq!(soon(receiver_there.recv()).await, Some(message(round)));
        drop((sender, receiver));
        assert_eq!(soon(receiver_there.recv()).await, None);
    }
}
