//! What an app scheduler holds.

use bytes::Bytes;
use mesosgot_link::app::{
    App, AppSendError, AppTrySendError, EVENTS_MAX, Event, EventKind, Life, Request, RequestError,
    TaskSummary,
};
use mesosgot_link::{MESSAGE_BYTES_MAX, TryRecvError};

use crate::pair::{Pair, WINDOW, message, soon, stays_pending};

#[tokio::test(start_paused = true)]
async fn an_app_scheduler_talks_to_each_task_by_its_name() {
    let pair = Pair::new();
    let (app, driver) = App::new();
    let sender = pair.scheduler.open_into("a-0", driver.inbox()).unwrap();
    driver.add_task("a-0", sender, Life::Once);
    let (task_sender, task_receiver) = pair.executor.open("a-0").unwrap();

    soon(app.outbox.send("a-0", message(1))).await.unwrap();
    assert_eq!(soon(task_receiver.recv()).await, Some(message(1)));
    soon(task_sender.send(message(2))).await.unwrap();
    let received = soon(app.inbox.recv()).await.unwrap();
    assert_eq!((&*received.task, received.data), ("a-0", message(2)));

    // One message has been taken, but so little room is not yet told.
    let batch = (1..WINDOW).map(message).collect();
    soon(app.outbox.send_many("a-0", batch)).await.unwrap();
    let full = app.outbox.try_send("a-0", message(9));
    assert_eq!(full, Err(AppTrySendError::Full));
    assert!(stays_pending(app.outbox.writable("a-0")).await);
    let large = Bytes::from(vec![0; MESSAGE_BYTES_MAX + 1]);
    let too_large = app.outbox.try_send("a-0", large);
    assert_eq!(too_large, Err(AppTrySendError::TooLarge));

    app.outbox.close("a-0").unwrap();
    let closed = soon(app.outbox.send("a-0", message(9))).await;
    assert_eq!(closed, Err(AppSendError::Closed));
    soon(app.outbox.writable("a-0")).await;
    assert_eq!(soon(task_receiver.recv_many(100)).await.len(), WINDOW - 1);
    assert_eq!(soon(task_receiver.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_exist_is_unknown() {
    let pair = Pair::new();
    let (app, driver) = App::new();
    let unknown = soon(app.outbox.send("a", message(1))).await;
    assert_eq!(unknown, Err(AppSendError::UnknownTask));
    let unknown = app.outbox.try_send("a", message(1));
    assert_eq!(unknown, Err(AppTrySendError::UnknownTask));
    let unknown = soon(app.outbox.send_many("a", vec![message(1)])).await;
    assert_eq!(unknown, Err(AppSendError::UnknownTask));
    assert_eq!(app.outbox.close("a"), Err(AppSendError::UnknownTask));
    soon(app.outbox.writable("a")).await;

    let sender = pair.scheduler.open_into("a", driver.inbox()).unwrap();
    driver.add_task("a", sender, Life::Once);
    app.outbox.try_send("a", message(1)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_the_driver_is_gone_everything_ends() {
    let pair = Pair::new();
    let (app, driver) = App::new();
    let sender = pair.scheduler.open_into("a", driver.inbox()).unwrap();
    driver.add_task("a", sender, Life::Once);
    driver.push_event(Event::new(EventKind::Registered));
    drop(driver);
    assert_eq!(
        soon(app.events.next()).await,
        Some(Event::new(EventKind::Registered))
    );
    assert_eq!(soon(app.events.next()).await, None);
    assert_eq!(soon(app.inbox.recv()).await, None);
    let closed = soon(app.outbox.send("a", message(1))).await;
    assert_eq!(closed, Err(AppSendError::Closed));
    assert_eq!(soon(app.control.list_tasks()).await, []);
    let refused = soon(app.control.kill("a")).await;
    assert_eq!(refused, Err(RequestError::ShuttingDown));
}

#[tokio::test(start_paused = true)]
async fn events_are_heard_in_order_and_end_after_the_last() {
    let (app, driver) = App::new();
    assert_eq!(app.events.try_next(), Err(TryRecvError::Empty));
    assert!(stays_pending(app.events.readable()).await);
    let waiting = tokio::spawn({
        let events = app.events.clone();
        async move { events.next().await }
    });
    tokio::task::yield_now().await;
    let launched = Event {
        task: Some("a-0".to_owned()),
        state: Some("TASK_STAGING".to_owned()),
        ..Event::new(EventKind::TaskLaunched)
    };
    driver.push_event(launched.clone());
    assert_eq!(soon(waiting).await.unwrap(), Some(launched));
    driver.push_event(Event::new(EventKind::TaskRunning));
    driver.push_event(Event::new(EventKind::Shutdown));
    driver.close_events();
    driver.push_event(Event::new(EventKind::Error));
    soon(app.events.readable()).await;
    assert_eq!(
        app.events.try_next(),
        Ok(Event::new(EventKind::TaskRunning))
    );
    assert_eq!(app.events.try_next(), Ok(Event::new(EventKind::Shutdown)));
    assert_eq!(app.events.try_next(), Err(TryRecvError::Closed));
    assert_eq!(soon(app.events.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_hears_push_out_the_oldest_and_that_is_told() {
    let (app, driver) = App::new();
    for number in 0..EVENTS_MAX + 3 {
        driver.push_event(Event {
            task: Some(number.to_string()),
            ..Event::new(EventKind::TaskRunning)
        });
    }
    let told = app.events.try_next().unwrap();
    assert_eq!(told.kind, EventKind::Error);
    let text = "3 events were not heard in time and are lost";
    assert_eq!(told.message.as_deref(), Some(text));
    let oldest = app.events.try_next().unwrap();
    assert_eq!(oldest.task.as_deref(), Some("3"));
    let left = std::iter::from_fn(|| app.events.try_next().ok()).count();
    assert_eq!(left, EVENTS_MAX - 1);
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_by_the_driver() {
    let (app, mut driver) = App::new();
    let summary = TaskSummary {
        name: "a-0".to_owned(),
        group: "a".to_owned(),
        state: "TASK_RUNNING".to_owned(),
        agent: None,
    };
    let list = vec![summary];
    let answering = tokio::spawn({
        let list = list.clone();
        async move {
            while let Some(request) = driver.next_request().await {
                match request {
                    Request::ListTasks { reply } => reply.send(list.clone()).unwrap(),
                    Request::Kill { task, reply } => reply
                        .send(match task.as_str() {
                            "a-0" => Ok(()),
                            _ => Err(RequestError::Unknown),
                        })
                        .unwrap(),
                    Request::Spawn { reply, .. } => drop(reply),
                }
            }
        }
    });
    assert_eq!(soon(app.control.list_tasks()).await, list);
    assert_eq!(soon(app.control.kill("a-0")).await, Ok(()));
    assert_eq!(
        soon(app.control.kill("b")).await,
        Err(RequestError::Unknown)
    );
    let dropped = soon(app.control.spawn("a", 2)).await;
    assert_eq!(dropped, Err(RequestError::ShuttingDown));
    drop(app);
    soon(answering).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_task_that_waits_for_its_restart_waits_for_its_next_channel() {
    let (first, next) = (Pair::new(), Pair::new());
    let (app, driver) = App::new();
    let sender = first.scheduler.open_into("a", driver.inbox()).unwrap();
    driver.add_task("a", sender, Life::Restarted);
    first.scheduler.shut();
    let full = app.outbox.try_send("a", message(1));
    assert_eq!(full, Err(AppTrySendError::Full));
    assert!(stays_pending(app.outbox.writable("a")).await);
    let sending = tokio::spawn({
        let outbox = app.outbox.clone();
        async move {
            outbox.send_many("a", vec![message(1), message(2)]).await?;
            outbox.send("a", message(3)).await
        }
    });

    let sender = next.scheduler.open_into("a", driver.inbox()).unwrap();
    let (_task_sender, task_receiver) = next.executor.open("a").unwrap();
    driver.add_task("a", sender, Life::Restarted);
    soon(app.outbox.writable("a")).await;
    soon(sending).await.unwrap().unwrap();
    for number in 1..4 {
        assert_eq!(soon(task_receiver.recv()).await, Some(message(number)));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_restart_that_does_not_come_is_refused() {
    let pair = Pair::new();
    let (app, driver) = App::new();
    let sender = pair.scheduler.open_into("a", driver.inbox()).unwrap();
    driver.add_task("a", sender, Life::Restarted);
    pair.scheduler.shut();
    let sending = tokio::spawn({
        let outbox = app.outbox.clone();
        async move { outbox.send("a", message(1)).await }
    });
    assert!(stays_pending(app.outbox.writable("a")).await);
    driver.end_task("a");
    assert_eq!(soon(sending).await.unwrap(), Err(AppSendError::Closed));
    soon(app.outbox.writable("a")).await;
    let closed = app.outbox.try_send("a", message(1));
    assert_eq!(closed, Err(AppTrySendError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_channel_was_closed_is_told_to_exit_again_after_a_restart() {
    let (first, next) = (Pair::new(), Pair::new());
    let (app, driver) = App::new();
    let sender = first.scheduler.open_into("a", driver.inbox()).unwrap();
    driver.add_task("a", sender, Life::Restarted);
    app.outbox.close("a").unwrap();
    let closed = soon(app.outbox.send("a", message(1))).await;
    assert_eq!(closed, Err(AppSendError::Closed));

    let sender = next.scheduler.open_into("a", driver.inbox()).unwrap();
    let (_task_sender, task_receiver) = next.executor.open("a").unwrap();
    driver.add_task("a", sender, Life::Restarted);
    assert_eq!(soon(task_receiver.recv()).await, None);
}
