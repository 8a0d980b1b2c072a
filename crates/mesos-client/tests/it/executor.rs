//! The executor's client.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos::v1;
use mesos::v1::executor::call::Type as CallType;
use mesos::v1::executor::event::Type as EventType;
use mesos_client::{
    CallError, Checkpoint, DisconnectReason, ExecutorClient, ExecutorConfig, ExecutorHandle,
    ExecutorNotice, GaveUpReason, Secret, UPDATES_UNDER_WAY_MAX, Unacknowledged,
};
use tokio::sync::mpsc;

use crate::fake::{Fake, Stream, next, nobody, soon};

type Notices = mpsc::Receiver<ExecutorNotice>;

fn config(agent: &str) -> ExecutorConfig {
    ExecutorConfig::new(agent, "f-0000".into(), "ex1".into()).unwrap()
}

/// The agent is away for no time worth waiting for in a test.
fn with_checkpoint(agent: &str) -> ExecutorConfig {
    ExecutorConfig {
        checkpoint: Some(Checkpoint {
            subscription_backoff_max: Duration::from_millis(20),
            ..Checkpoint::default()
        }),
        ..config(agent)
    }
}

fn start(config: ExecutorConfig) -> (ExecutorHandle, Notices) {
    ExecutorClient::start(config, || ready(Unacknowledged::default())).unwrap()
}

fn event(kind: EventType) -> v1::executor::Event {
    v1::executor::Event {
        r#type: Some(kind.into()),
        ..v1::executor::Event::default()
    }
}

fn subscribed() -> v1::executor::Event {
    v1::executor::Event {
        subscribed: Some(v1::executor::event::Subscribed::default()),
        ..event(EventType::Subscribed)
    }
}

fn task(name: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: name.to_owned(),
        task_id: v1::TaskId {
            value: name.to_owned(),
        },
        ..v1::TaskInfo::default()
    }
}

fn launch(name: &str) -> v1::executor::Event {
    v1::executor::Event {
        launch: Some(v1::executor::event::Launch { task: task(name) }),
        ..event(EventType::Launch)
    }
}

fn update(name: &str) -> v1::executor::Call {
    v1::executor::Call {
        r#type: Some(CallType::Update.into()),
        update: Some(v1::executor::call::Update {
            status: v1::TaskStatus {
                task_id: v1::TaskId {
                    value: name.to_owned(),
                },
                ..v1::TaskStatus::default()
            },
        }),
        ..v1::executor::Call::default()
    }
}

fn message() -> v1::executor::Call {
    v1::executor::Call {
        r#type: Some(CallType::Message.into()),
        message: Some(v1::executor::call::Message { data: "hi".into() }),
        ..v1::executor::Call::default()
    }
}

async fn subscribe(agent: &mut Fake, notices: &mut Notices) -> Stream {
    let request = agent.next().await;
    assert_eq!(request.executor_call().r#type(), CallType::Subscribe);
    let stream = request.stream(None);
    stream.event(&subscribed()).await;
    let notice = next(notices).await;
    assert!(
        matches!(notice, Some(ExecutorNotice::Subscribed { .. })),
        "{notice:?}"
    );
    stream
}

#[tokio::test]
async fn subscribe_names_the_executor_and_shows_the_token() {
    let mut agent = Fake::start().await;
    let mut config = config(&agent.address);
    config.token = Some(Secret::new("sesame"));
    let (_handle, mut notices) = start(config);
    let request = agent.next().await;
    assert_eq!(request.uri.path(), "/api/v1/executor");
    assert_eq!(request.header("authorization"), Some("Bearer sesame"));
    assert_eq!(request.header("accept"), Some("application/x-protobuf"));
    let sent = request.executor_call();
    assert_eq!(sent.framework_id.value, "f-0000");
    assert_eq!(sent.executor_id.value, "ex1");
    assert!(sent.subscribe.is_some(), "present, though empty");
    let stream = request.stream(None);
    stream.event(&subscribed()).await;
    stream.event(&launch("t")).await;
    assert!(matches!(
        next(&mut notices).await,
        Some(ExecutorNotice::Subscribed { .. })
    ));
    assert_eq!(
        next(&mut notices).await,
        Some(ExecutorNotice::Event(launch("t")))
    );
}

#[tokio::test]
async fn the_owner_is_asked_for_the_unacknowledged_after_it_has_had_every_event() {
    let mut agent = Fake::start().await;
    let had = Arc::new(Mutex::new(Vec::new()));
    let known = Arc::clone(&had);
    let (_handle, mut notices) =
        ExecutorClient::start(with_checkpoint(&agent.address), move || {
            let tasks: Vec<v1::TaskInfo> = known.lock().unwrap().clone();
            let updates = tasks.iter().filter_map(|task| update(&task.name).update);
            ready(Unacknowledged {
                updates: updates.collect(),
                tasks,
            })
        })
        .unwrap();
    let stream = subscribe(&mut agent, &mut notices).await;
    for name in ["a", "b", "c"] {
        stream.event(&launch(name)).await;
    }
    drop(stream);
    loop {
        let mut had = had.lock().unwrap();
        match notices.try_recv() {
            Ok(ExecutorNotice::Event(event)) => had.extend(event.launch.map(|launch| launch.task)),
            Ok(ExecutorNotice::Disconnected { reason }) => {
                assert_eq!(reason, DisconnectReason::Closed);
                break;
            }
            Ok(other) => panic!("unexpected {other:?}"),
            Err(_) => {
                drop(had);
                assert!(agent.is_idle(), "it waits for the owner");
                tokio::task::yield_now().await;
            }
        }
    }
    let sent = agent.next().await.executor_call().subscribe.unwrap();
    assert_eq!(sent.unacknowledged_tasks, ["a", "b", "c"].map(task));
    assert_eq!(sent.unacknowledged_updates.len(), 3);
}

#[tokio::test]
async fn an_update_is_repeated_until_the_agent_takes_it_and_a_message_is_not() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(config(&agent.address));
    let _stream = subscribe(&mut agent, &mut notices).await;
    let (updated, ()) = tokio::join!(handle.call(update("a")), async {
        for attempt in 0..3 {
            let request = agent.next().await;
            assert_eq!(request.executor_call().r#type(), CallType::Update);
            assert_eq!(request.executor_call().executor_id.value, "ex1");
            match attempt {
                0 => request.answer(503, "Agent has not finished recovery"),
                1 => request.cut(),
                _ => request.answer(202, ""),
            }
        }
    });
    assert_eq!(updated, Ok(()));
    let (sent, ()) = tokio::join!(handle.call(message()), async {
        let request = agent.next().await;
        assert_eq!(request.executor_call().r#type(), CallType::Message);
        request.answer(503, "Agent has not finished recovery");
    });
    assert_eq!(
        sent,
        Err(CallError::Transport(
            "status 503: Agent has not finished recovery".to_owned()
        ))
    );
    assert!(agent.is_idle());
}

#[tokio::test]
async fn so_many_updates_are_under_way_at_once_and_hold_up_nothing_else() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(config(&agent.address));
    let _stream = subscribe(&mut agent, &mut notices).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..UPDATES_UNDER_WAY_MAX + 1 {
        let handle = handle.clone();
        calls.spawn(async move { handle.call(update(&number.to_string())).await });
    }
    let mut under_way = Vec::new();
    for _ in 0..UPDATES_UNDER_WAY_MAX {
        let request = agent.next().await;
        assert_eq!(request.executor_call().r#type(), CallType::Update);
        under_way.push(request);
    }
    let (sent, ()) = tokio::join!(handle.call(message()), async {
        let request = agent.next().await;
        assert_eq!(request.executor_call().r#type(), CallType::Message);
        request.answer(202, "");
    });
    assert_eq!(sent, Ok(()));
    assert!(agent.is_idle(), "the last update waits for another");
    under_way.remove(0).answer(202, "");
    let last = agent.next().await;
    assert_eq!(last.executor_call().r#type(), CallType::Update);
    under_way.push(last);
    for request in under_way {
        request.answer(202, "");
    }
    while let Some(outcome) = calls.join_next().await {
        assert_eq!(outcome.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn a_token_that_counts_no_more_ends_the_client() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(with_checkpoint(&agent.address));
    let stream = subscribe(&mut agent, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(update("a")), async {
        agent.next().await.answer(401, "401 Unauthorized.");
    });
    assert_eq!(
        outcome,
        Err(CallError::NotSubscribed),
        "it may yet be taken"
    );
    stream.closed().await;
    next(&mut notices).await;
    agent.next().await.answer(401, "401 Unauthorized.");
    assert_eq!(
        next(&mut notices).await,
        Some(ExecutorNotice::GaveUp {
            reason: GaveUpReason::Rejected {
                status: 401,
                text: "401 Unauthorized.".to_owned(),
            }
        })
    );
}

/// That the system then does what it is told cannot be seen on loopback, where nobody vanishes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_is_told_to_ask_whether_a_silent_agent_is_still_there() {
    let mut agent = Fake::start().await;
    let (_handle, mut notices) = start(config(&agent.address));
    let _stream = subscribe(&mut agent, &mut notices).await;
    let port = agent.address.rsplit_once(':').unwrap().1;
    let remote = format!("0100007F:{:04X}", port.parse::<u16>().unwrap());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let connections = table.lines().map(|line| line.split_whitespace().collect());
    let connections: Vec<Vec<_>> = connections
        .filter(|fields: &Vec<_>| fields.get(2) == Some(&remote.as_str()))
        .collect();
    // Local, remote, state, queues, then the kind of timer, of which 2 is keep-alive, and the
    // hundredths of a second that are left.
    let timers: Vec<_> = connections.iter().map(|fields| fields[5]).collect();
    assert!(!timers.is_empty(), "there is a connection to {remote}");
    for timer in timers {
        let (kind, left) = timer.split_once(':').unwrap();
        let left = u64::from_str_radix(left, 16).unwrap();
        assert!(kind == "02" && left <= 1500, "{connections:?}");
    }
}

#[tokio::test]
async fn an_update_is_given_back_when_the_stream_is_lost() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(with_checkpoint(&agent.address));
    let stream = subscribe(&mut agent, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(update("a")), async {
        let text = "Agent has not finished recovery";
        agent.next().await.answer(503, text);
        drop(stream);
        // One more attempt may be on its way before the client has seen the end of the stream.
        loop {
            tokio::select! {
                request = agent.next() => request.answer(503, text),
                notice = next(&mut notices) => {
                    let reason = DisconnectReason::Closed;
                    assert_eq!(notice, Some(ExecutorNotice::Disconnected { reason }));
                    break;
                }
            }
        }
    });
    assert_eq!(outcome, Err(CallError::NotSubscribed));
}

#[tokio::test]
async fn an_agent_without_checkpointing_that_goes_is_given_up() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(config(&agent.address));
    drop(subscribe(&mut agent, &mut notices).await);
    assert_eq!(
        next(&mut notices).await,
        Some(ExecutorNotice::Disconnected {
            reason: DisconnectReason::Closed
        })
    );
    let last = loop {
        tokio::select! {
            request = agent.next() => request.answer(503, "Agent has not finished recovery"),
            notice = next(&mut notices) => match notice {
                Some(ExecutorNotice::AttemptFailed { .. }) => {}
                other => break other,
            },
        }
    };
    assert!(
        matches!(
            last,
            Some(ExecutorNotice::GaveUp {
                reason: GaveUpReason::AgentLost(DisconnectReason::Unavailable { status: 503, .. })
            })
        ),
        "{last:?}"
    );
    assert_eq!(next(&mut notices).await, None);
    assert_eq!(handle.call(message()).await, Err(CallError::NotSubscribed));
}

#[tokio::test]
async fn an_agent_with_checkpointing_is_waited_for() {
    let mut agent = Fake::start().await;
    let (_handle, mut notices) = start(with_checkpoint(&agent.address));
    drop(subscribe(&mut agent, &mut notices).await);
    next(&mut notices).await;
    for _ in 0..20 {
        agent
            .next()
            .await
            .answer(503, "Agent has not finished recovery");
        assert!(matches!(
            next(&mut notices).await,
            Some(ExecutorNotice::AttemptFailed { .. })
        ));
    }
    subscribe(&mut agent, &mut notices).await;
}

#[tokio::test]
async fn an_agent_that_does_not_know_us_is_given_up_at_once() {
    let mut agent = Fake::start().await;
    let (_handle, mut notices) = start(with_checkpoint(&agent.address));
    let stream = subscribe(&mut agent, &mut notices).await;
    drop(stream);
    next(&mut notices).await;
    agent.next().await.answer(400, "Executor cannot be found");
    assert_eq!(
        next(&mut notices).await,
        Some(ExecutorNotice::GaveUp {
            reason: GaveUpReason::Rejected {
                status: 400,
                text: "Executor cannot be found".to_owned(),
            }
        })
    );
    assert_eq!(next(&mut notices).await, None);
}

#[tokio::test]
async fn a_call_of_an_executor_that_is_not_subscribed_leads_to_a_new_subscription() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(config(&agent.address));
    let stream = subscribe(&mut agent, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(message()), async {
        agent.next().await.answer(403, "Executor is not subscribed");
    });
    assert_eq!(outcome, Err(CallError::NotSubscribed));
    stream.closed().await;
    next(&mut notices).await;
    subscribe(&mut agent, &mut notices).await;
}

#[tokio::test]
async fn a_shutdown_in_place_of_subscribed_is_told() {
    let mut agent = Fake::start().await;
    let (handle, mut notices) = start(config(&agent.address));
    let stream = agent.next().await.stream(None);
    stream.event(&event(EventType::Shutdown)).await;
    assert_eq!(
        next(&mut notices).await,
        Some(ExecutorNotice::Event(event(EventType::Shutdown)))
    );
    handle.stop();
    assert_eq!(next(&mut notices).await, None);
    stream.closed().await;
}

#[tokio::test]
async fn before_the_subscription_no_call_is_sent() {
    let (handle, mut notices) = start(config(&nobody().await));
    assert!(matches!(
        next(&mut notices).await,
        Some(ExecutorNotice::AttemptFailed { .. })
    ));
    assert_eq!(
        soon(handle.call(update("a"))).await,
        Err(CallError::NotSubscribed)
    );
}

#[tokio::test]
async fn an_agent_is_reached_by_its_domain_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let mut agent = Fake::start_unix(&path);
    let variables = [
        ("MESOS_AGENT_ENDPOINT", "192.0.2.1:5051".to_owned()),
        ("MESOS_FRAMEWORK_ID", "f-0000".to_owned()),
        ("MESOS_EXECUTOR_ID", "ex1".to_owned()),
        ("MESOS_SLAVE_PID", "slave(1)@192.0.2.1:5051".to_owned()),
        ("MESOS_DOMAIN_SOCKET", path.to_str().unwrap().to_owned()),
    ];
    let config = ExecutorConfig::from_env(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    });
    let (_handle, mut notices) = start(config.unwrap());
    let request = agent.next().await;
    assert_eq!(request.uri.path(), "/slave(1)/api/v1/executor");
    let stream = request.stream(None);
    stream.event(&subscribed()).await;
    assert!(matches!(
        next(&mut notices).await,
        Some(ExecutorNotice::Subscribed { .. })
    ));
}

#[tokio::test]
async fn an_executor_that_has_nothing_to_say_sends_heartbeats() {
    let mut agent = Fake::start().await;
    let mut config = config(&agent.address);
    config.heartbeat_interval = Duration::from_millis(5);
    let (handle, mut notices) = start(config);
    // None before there is a subscription: the next request is SUBSCRIBE.
    let _stream = subscribe(&mut agent, &mut notices).await;
    for _ in 0..2 {
        let request = agent.next().await;
        assert_eq!(request.executor_call().r#type(), CallType::Heartbeat);
        assert_eq!(request.executor_call().executor_id.value, "ex1");
        request.answer(202, "");
    }
    // They do not keep the client alive.
    drop(handle);
    while next(&mut notices).await.is_some() {}
}
