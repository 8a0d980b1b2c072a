//! Many channels in one queue.

use std::collections::BTreeMap;

use bytes::Bytes;
use mesosgot_link::{Inbox, MESSAGE_BYTES_MAX, Message, SendError, TryRecvError, Window};
use tokio::task::JoinSet;

use crate::pair::{Pair, WINDOW, message, soon, stays_pending};

#[tokio::test(start_paused = true)]
async fn messages_of_many_links_come_with_their_task_and_in_its_order() {
    let inbox = Inbox::new();
    let pairs: Vec<_> = (0..3).map(|_| Pair::with_loss(0.1)).collect();
    let mut tasks = JoinSet::new();
    let mut senders = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        for number in 0..5 {
            let name = format!("task-{index}-{number}");
            senders.push(pair.scheduler.open_into(&name, &inbox).unwrap());
            let (sender, receiver) = pair.executor.open(&name).unwrap();
            tasks.spawn(async move {
                for number in 0..50 {
                    sender.send(message(number)).await.unwrap();
                }
                drop((sender, receiver));
            });
        }
    }
    inbox.seal();
    let mut received: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while let Some(Message { task, data }) = soon(inbox.recv()).await {
        received.entry(task).or_default().push(data);
    }
    assert_eq!(received.len(), 15);
    let expected: Vec<_> = (0..50).map(message).collect();
    assert!(received.values().all(|messages| *messages == expected));
    soon(tasks.join_all()).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_floods_the_inbox_has_no_more_than_its_window_in_it() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let _senders = ["flood", "quiet"].map(|name| pair.scheduler.open_into(name, &inbox).unwrap());
    let (flood, _f) = pair.executor.open("flood").unwrap();
    let (quiet, _q) = pair.executor.open("quiet").unwrap();
    let flooding = tokio::spawn(async move { flood.send_many(vec![message(1); 1000]).await });
    assert!(stays_pending(std::future::pending::<()>()).await);
    soon(quiet.send(message(2))).await.unwrap();
    let mut before = 0;
    while &*soon(inbox.recv()).await.unwrap().task == "flood" {
        before += 1;
    }
    assert!(
        (WINDOW..=2 * WINDOW).contains(&before),
        "{before} came before"
    );
    flooding.abort();
}

#[tokio::test(start_paused = true)]
async fn many_messages_are_taken_at_once() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let (one, _r) = pair.executor.open("one").unwrap();
    soon(one.send_many(vec![message(1); WINDOW])).await.unwrap();
    let _sender = pair.scheduler.open_into("one", &inbox).unwrap();
    assert!(stays_pending(one.writable()).await);
    assert_eq!(soon(inbox.recv_many(WINDOW - 1)).await.len(), WINDOW - 1);
    assert_eq!(soon(inbox.recv_many(9)).await.len(), 1);
    assert_eq!(inbox.recv_many(0).await, []);
    soon(one.writable()).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_bytes_are_taken_at_once_than_one_message_may_have() {
    let large = Bytes::from(vec![0; MESSAGE_BYTES_MAX / 2]);
    let messages = || vec![large.clone(), large.clone(), message(1), large.clone()];
    let counts = [2, 2];

    let window = Window {
        messages: 8,
        bytes: 4 * MESSAGE_BYTES_MAX as u64,
    };
    let pair = Pair::with(window, 0.0);
    let inbox = Inbox::new();
    let _sender = pair.scheduler.open_into("a", &inbox).unwrap();
    let (sender, _r) = pair.executor.open("a").unwrap();
    soon(sender.send_many(messages())).await.unwrap();
    assert!(stays_pending(std::future::pending::<()>()).await);
    for count in counts {
        assert_eq!(soon(inbox.recv_many(8)).await.len(), count);
    }

    let (sender, _r) = pair.scheduler.open("b").unwrap();
    let (_s, receiver) = pair.executor.open("b").unwrap();
    soon(sender.send_many(messages())).await.unwrap();
    assert!(stays_pending(std::future::pending::<()>()).await);
    for count in counts {
        assert_eq!(soon(receiver.recv_many(8)).await.len(), count);
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrived_and_ended_before_the_opening_is_in_the_inbox() {
    let pair = Pair::new();
    let (sender, receiver) = pair.executor.open("gone").unwrap();
    soon(sender.send(message(1))).await.unwrap();
    drop((sender, receiver));
    assert!(stays_pending(std::future::pending::<()>()).await);
    let inbox = Inbox::new();
    let sender = pair.scheduler.open_into("gone", &inbox).unwrap();
    inbox.seal();
    assert!(sender.is_peer_closed());
    let expected = Message {
        task: "gone".into(),
        data: message(1),
    };
    assert_eq!(inbox.try_recv(), Ok(expected));
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_sealed_inbox_ends_with_its_last_channel_or_link() {
    let (one, other) = (Pair::new(), Pair::new());
    let inbox = Inbox::new();
    let _senders = [
        one.scheduler.open_into("a", &inbox).unwrap(),
        other.scheduler.open_into("b", &inbox).unwrap(),
    ];
    inbox.seal();
    one.scheduler.shut();
    assert_eq!(inbox.try_recv(), Err(TryRecvError::Empty));
    assert!(stays_pending(inbox.recv()).await);
    let waiting = tokio::spawn({
        let inbox = inbox.clone();
        async move { inbox.recv().await }
    });
    tokio::task::yield_now().await;
    other.scheduler.shut();
    assert_eq!(soon(waiting).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_closed_inbox_gives_what_arrived_and_refuses_the_tasks() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let _sender = pair.scheduler.open_into("a", &inbox).unwrap();
    let (sender, _r) = pair.executor.open("a").unwrap();
    soon(sender.send_many(vec![message(1); WINDOW]))
        .await
        .unwrap();
    soon(inbox.readable()).await;
    let blocked = tokio::spawn(async move { sender.send(message(2)).await });
    inbox.close();
    assert_eq!(soon(blocked).await.unwrap(), Err(SendError::Closed));
    assert_eq!(soon(inbox.recv_many(100)).await.len(), WINDOW);
    assert_eq!(soon(inbox.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_inbox_refuses_the_tasks() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let _senders = ["full", "idle"].map(|name| pair.scheduler.open_into(name, &inbox).unwrap());
    let (full, _f) = pair.executor.open("full").unwrap();
    let (idle, _i) = pair.executor.open("idle").unwrap();
    soon(full.send_many(vec![message(1); WINDOW]))
        .await
        .unwrap();
    assert!(stays_pending(full.writable()).await);
    drop(inbox);
    assert_eq!(soon(full.send(message(2))).await, Err(SendError::Closed));
    // An idle channel learns of it by its next message.
    soon(idle.send(message(3))).await.unwrap();
    assert!(stays_pending(std::future::pending::<()>()).await);
    assert_eq!(soon(idle.send(message(4))).await, Err(SendError::Closed));
}
