//! How channels are, as shown at either end.

use mesosgot_link::{Direction, Inbox};
use tokio::task::yield_now;

use crate::pair::{Pair, WINDOW, message, soon, stays_pending};

/// Lets everything that is under way come to rest.
async fn settle() {
    assert!(stays_pending(std::future::pending::<()>()).await);
}

fn waiting(messages: usize) -> Direction {
    Direction {
        messages: messages as u64,
        ..Direction::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_for_room_is_told_from_a_channel_that_is_only_full() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let to_task = pair.scheduler.open_into("a", &inbox).unwrap();
    let (_sender, receiver) = pair.executor.open("a").unwrap();
    settle().await;
    assert_eq!(to_task.state().outgoing, waiting(0));
    assert_eq!(to_task.state().window.messages as usize, WINDOW);
    soon(to_task.send_many(vec![message(1); WINDOW]))
        .await
        .unwrap();
    let full = Direction {
        is_full: true,
        ..waiting(WINDOW)
    };
    assert_eq!(to_task.state().outgoing, full);
    let sending = tokio::spawn({
        let to_task = to_task.clone();
        async move { to_task.send(message(2)).await }
    });
    settle().await;
    let blocked = Direction {
        is_waited_for: true,
        ..full
    };
    assert_eq!(to_task.state().outgoing, blocked);
    // Room is told when half of the window is free.
    soon(receiver.recv_many(WINDOW / 2)).await;
    soon(sending).await.unwrap().unwrap();
    assert_eq!(to_task.state().outgoing, waiting(WINDOW / 2 + 1));
    to_task.close();
    assert!(to_task.state().outgoing.is_closed);
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_and_who_waits_for_it_is_told_at_both_ends() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let app = pair.scheduler.open_into("a", &inbox).unwrap();
    let other = pair.scheduler.open_into("b", &inbox).unwrap();
    let (task, receiver) = pair.executor.open("a").unwrap();
    // Of a task.
    let reading = tokio::spawn(async move { (receiver.recv().await, receiver) });
    settle().await;
    assert!(task.state().incoming.is_waited_for);
    app.send_many(vec![message(1), message(20)]).await.unwrap();
    let (_, receiver) = soon(reading).await.unwrap();
    settle().await;
    assert_eq!(task.state().incoming, waiting(1));
    assert_eq!((task.received().messages, task.received().bytes), (1, 1));
    receiver.try_recv().unwrap();
    assert_eq!((task.received().messages, task.received().bytes), (2, 3));
    // Of an app scheduler, for which one reader waits for all.
    soon(task.send_many(vec![message(3); WINDOW]))
        .await
        .unwrap();
    settle().await;
    let full = Direction {
        is_full: true,
        ..waiting(WINDOW)
    };
    assert_eq!(app.state().incoming, full);
    soon(inbox.recv()).await.unwrap();
    soon(inbox.recv_many(2)).await;
    assert_eq!(app.state().incoming, waiting(WINDOW - 3));
    inbox.try_recv().unwrap();
    let reading = inbox.clone();
    let reading = tokio::spawn(async move { reading.recv().await });
    yield_now().await;
    assert!(app.state().incoming.is_waited_for && other.state().incoming.is_waited_for);
    reading.abort();
    settle().await;
    assert!(!app.state().incoming.is_waited_for);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_over_still_tells_what_waits_to_be_received() {
    let pair = Pair::new();
    let inbox = Inbox::new();
    let app = pair.scheduler.open_into("a", &inbox).unwrap();
    let (task, receiver) = pair.executor.open("a").unwrap();
    soon(task.send(message(1))).await.unwrap();
    drop((task, receiver));
    app.close();
    settle().await;
    let over = app.state();
    assert_eq!(
        over.incoming,
        Direction {
            is_closed: true,
            ..waiting(1)
        }
    );
    assert_eq!(
        over.outgoing,
        Direction {
            is_closed: true,
            ..waiting(0)
        }
    );
    assert_eq!(over.counters.messages_received, 1);
    soon(inbox.recv()).await.unwrap();
    assert_eq!(app.state().incoming.messages, 0);
    pair.scheduler.shut();
    assert!(app.state().outgoing.is_closed);
}
