//! The scheduler's client.

mod calls;
mod ends;

use std::time::Duration;

use futures_util::future::join_all;
use mesos::v1;
use mesos::v1::scheduler::call::Type as CallType;
use mesos::v1::scheduler::event::Type as EventType;
use mesos_client::{
    CallError, Credentials, DisconnectReason, RefusedError, SchedulerClient, SchedulerConfig,
    SchedulerHandle, SchedulerNotice, Secret, StartError, Tls,
};
use prost::Message as _;
use tokio::sync::mpsc;

use crate::fake::{Fake, Request, Stream, next, nobody, record, soon};

pub(crate) type Notices = mpsc::Receiver<SchedulerNotice>;

/// A client that does not wait for long.
pub(crate) fn config(masters: &str) -> SchedulerConfig {
    let framework_info = v1::FrameworkInfo {
        user: "nobody".to_owned(),
        name: "test".to_owned(),
        ..v1::FrameworkInfo::default()
    };
    SchedulerConfig {
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..SchedulerConfig::new(masters.parse().unwrap(), framework_info)
    }
}

fn start(masters: &str) -> (SchedulerHandle, Notices) {
    SchedulerClient::start(config(masters)).unwrap()
}

fn event(kind: EventType) -> v1::scheduler::Event {
    v1::scheduler::Event {
        r#type: Some(kind.into()),
        ..v1::scheduler::Event::default()
    }
}

pub(crate) fn subscribed(heartbeat_seconds: f64) -> v1::scheduler::Event {
    v1::scheduler::Event {
        subscribed: Some(v1::scheduler::event::Subscribed {
            framework_id: v1::FrameworkId {
                value: "f-0000".to_owned(),
            },
            heartbeat_interval_seconds: Some(heartbeat_seconds),
            master_info: None,
        }),
        ..event(EventType::Subscribed)
    }
}

fn error(message: &str) -> v1::scheduler::Event {
    v1::scheduler::Event {
        error: Some(v1::scheduler::event::Error {
            message: message.to_owned(),
        }),
        ..event(EventType::Error)
    }
}

fn message(text: &str) -> v1::scheduler::Event {
    v1::scheduler::Event {
        message: Some(v1::scheduler::event::Message {
            agent_id: v1::AgentId {
                value: "a".to_owned(),
            },
            executor_id: v1::ExecutorId {
                value: "e".to_owned(),
            },
            data: text.to_owned().into(),
        }),
        ..event(EventType::Message)
    }
}

pub(crate) fn call(kind: CallType) -> v1::scheduler::Call {
    v1::scheduler::Call {
        r#type: Some(kind.into()),
        ..v1::scheduler::Call::default()
    }
}

/// Accepts the next SUBSCRIBE, and sees the client say so.
pub(crate) async fn subscribe(master: &mut Fake, notices: &mut Notices) -> Stream {
    let request = master.next().await;
    assert_eq!(request.scheduler_call().r#type(), CallType::Subscribe);
    let stream = request.stream(Some("stream-1"));
    stream.event(&subscribed(15.0)).await;
    let notice = next(notices).await;
    assert!(
        matches!(notice, Some(SchedulerNotice::Subscribed { .. })),
        "{notice:?}"
    );
    stream
}

/// The next notice, which is of an attempt that failed.
pub(crate) async fn attempt_failed(notices: &mut Notices) -> DisconnectReason {
    match next(notices).await {
        Some(SchedulerNotice::AttemptFailed { reason, .. }) => reason,
        other => panic!("not a failed attempt: {other:?}"),
    }
}

pub(crate) async fn disconnected(notices: &mut Notices) -> DisconnectReason {
    match next(notices).await {
        Some(SchedulerNotice::Disconnected { reason }) => reason,
        other => panic!("not a loss: {other:?}"),
    }
}

#[tokio::test]
async fn subscribe_is_protobuf_alone_and_the_first_answer_names_the_framework() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let request = master.next().await;
    assert_eq!(request.uri.path(), "/api/v1/scheduler");
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.header("accept"), Some("application/x-protobuf"));
    assert_eq!(request.header("mesos-stream-id"), None);
    assert_eq!(request.header("authorization"), None);
    let sent = request.scheduler_call();
    assert_eq!(sent.framework_id, None);
    assert_eq!(sent.subscribe.unwrap().framework_info.name, "test");

    let stream = request.stream(Some("stream-1"));
    stream.event(&subscribed(15.0)).await;
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Subscribed {
            framework_id: "f-0000".into(),
            master_info: None,
            first: true,
        })
    );
}

#[tokio::test]
async fn events_come_whole_whatever_the_chunks_and_heartbeats_are_not_told() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let stream = subscribe(&mut master, &mut notices).await;
    let mut bytes = record(&event(EventType::Heartbeat));
    bytes.extend(record(&message("one")));
    bytes.extend(record(&message("two")));
    for byte in bytes {
        stream.chunk(vec![byte]).await;
    }
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Event(message("one")))
    );
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Event(message("two")))
    );
}

#[tokio::test]
async fn an_event_of_an_unknown_type_is_passed_over() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let stream = subscribe(&mut master, &mut notices).await;
    let unknown = v1::scheduler::Event {
        r#type: Some(999),
        ..v1::scheduler::Event::default()
    };
    stream.event(&unknown).await;
    stream.event(&message("after")).await;
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Event(message("after")))
    );
}

#[tokio::test]
async fn a_redirect_is_followed_and_calls_go_to_the_leader() {
    let mut follower = Fake::start().await;
    let mut leader = Fake::start().await;
    let (handle, mut notices) = start(&follower.address);
    let location = format!("//{}/master/api/v1/scheduler", leader.address);
    follower.next().await.redirect(&location);
    let _stream = subscribe(&mut leader, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        let request = leader.next().await;
        assert_eq!(request.uri.path(), "/master/api/v1/scheduler");
        request.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));
    assert!(follower.is_idle());
}

#[tokio::test]
async fn a_master_that_recovers_is_asked_again() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let text = "Master has not finished recovery";
    master.next().await.answer(503, text);
    assert_eq!(
        attempt_failed(&mut notices).await,
        DisconnectReason::Unavailable {
            endpoint: format!("http://{}/api/v1/scheduler", master.address),
            status: 503,
            text: text.to_owned()
        }
    );
    subscribe(&mut master, &mut notices).await;
}

#[tokio::test]
async fn a_master_that_is_down_is_passed_over() {
    let mut master = Fake::start().await;
    let down = nobody().await;
    let (_handle, mut notices) = start(&format!("{down},{}", master.address));
    let reason = attempt_failed(&mut notices).await;
    assert_eq!(
        reason.to_string(),
        format!("cannot reach `http://{down}/api/v1/scheduler`: Connection refused (os error 111)")
    );
    subscribe(&mut master, &mut notices).await;
}

#[tokio::test]
async fn an_error_event_is_the_end() {
    for (text, expected) in [
        ("Framework has been removed", RefusedError::Removed),
        ("Framework failed over", RefusedError::FailedOver),
        (
            "Invalid role '.'",
            RefusedError::Invalid("Invalid role '.'".to_owned()),
        ),
    ] {
        let mut master = Fake::start().await;
        let (handle, mut notices) = start(&master.address);
        let stream = master.next().await.stream(Some("stream-1"));
        stream.event(&error(text)).await;
        drop(stream);
        assert_eq!(
            next(&mut notices).await,
            Some(SchedulerNotice::Refused(expected))
        );
        assert_eq!(next(&mut notices).await, None);
        assert_eq!(
            handle.call(call(CallType::Revive)).await,
            Err(CallError::NotSubscribed)
        );
    }
}

#[tokio::test]
async fn refused_credentials_are_the_end() {
    let mut master = Fake::start().await;
    let mut config = config(&master.address);
    config.credentials = Some(Credentials::Basic {
        principal: "prin".to_owned(),
        secret: Secret::new("secret"),
    });
    let (_handle, mut notices) = SchedulerClient::start(config).unwrap();
    let request = master.next().await;
    assert_eq!(
        request.header("authorization"),
        Some("Basic cHJpbjpzZWNyZXQ=")
    );
    request.answer(401, "401 Unauthorized.");
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Refused(RefusedError::Unauthorized {
            status: 401,
            text: "401 Unauthorized.".to_owned(),
        }))
    );
    assert_eq!(next(&mut notices).await, None);
}

#[tokio::test]
async fn after_the_end_of_a_stream_the_same_framework_subscribes_again() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    drop(subscribe(&mut master, &mut notices).await);
    assert_eq!(disconnected(&mut notices).await, DisconnectReason::Closed);

    let request = master.next().await;
    let sent = request.scheduler_call();
    let id = Some(v1::FrameworkId {
        value: "f-0000".to_owned(),
    });
    assert_eq!(sent.framework_id, id);
    assert_eq!(sent.subscribe.unwrap().framework_info.id, id);
    let stream = request.stream(Some("stream-2"));
    stream.event(&subscribed(15.0)).await;
    let notice = next(&mut notices).await;
    assert!(
        matches!(
            notice,
            Some(SchedulerNotice::Subscribed { first: false, .. })
        ),
        "{notice:?}"
    );
}

#[tokio::test]
async fn a_stream_that_makes_no_sense_is_left_and_replaced() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);

    let stream = subscribe(&mut master, &mut notices).await;
    stream.chunk("garbage").await;
    let reason = disconnected(&mut notices).await;
    assert!(matches!(reason, DisconnectReason::Malformed(_)), "{reason}");
    stream.closed().await;

    let stream = subscribe(&mut master, &mut notices).await;
    stream.chunk("3\n\u{1}\u{1}\u{1}").await;
    let reason = disconnected(&mut notices).await;
    assert!(matches!(reason, DisconnectReason::Malformed(_)), "{reason}");

    let stream = subscribe(&mut master, &mut notices).await;
    stream.chunk("999999999999999\n").await;
    let reason = disconnected(&mut notices).await;
    assert!(matches!(reason, DisconnectReason::Malformed(_)), "{reason}");

    let stream = subscribe(&mut master, &mut notices).await;
    stream.chunk("10\nhalf").await;
    drop(stream);
    assert_eq!(
        disconnected(&mut notices).await,
        DisconnectReason::Broken("it ended within a record".to_owned())
    );

    let stream = subscribe(&mut master, &mut notices).await;
    stream.cut().await;
    let reason = disconnected(&mut notices).await;
    assert!(matches!(reason, DisconnectReason::Broken(_)), "{reason}");
    subscribe(&mut master, &mut notices).await;
}

#[tokio::test]
async fn an_answer_that_is_no_event_stream_is_a_failure() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let request = master.next().await;
    let _html = request.stream_with(&[("content-type", "text/html")]);
    let reason = attempt_failed(&mut notices).await;
    assert!(reason.to_string().contains("text/html"), "{reason}");

    let _nameless = master.next().await.stream(None);
    let reason = attempt_failed(&mut notices).await;
    assert!(reason.to_string().contains("`mesos-stream-id`"), "{reason}");
}

#[tokio::test]
async fn a_silent_stream_is_left() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = start(&master.address);
    let stream = master.next().await.stream(Some("stream-1"));
    stream.event(&subscribed(0.01)).await;
    next(&mut notices).await;
    assert_eq!(
        disconnected(&mut notices).await,
        DisconnectReason::Silent(Duration::from_millis(50))
    );
    stream.closed().await;
    subscribe(&mut master, &mut notices).await;
}

#[tokio::test]
async fn a_framework_id_of_before_is_taken_over() {
    let mut master = Fake::start().await;
    let mut config = config(&master.address);
    config.framework_info.id = Some(v1::FrameworkId {
        value: "old".to_owned(),
    });
    config.suppressed_roles = vec!["r".to_owned()];
    let (_handle, _notices) = SchedulerClient::start(config).unwrap();
    let request = master.next().await;
    let sent = request.scheduler_call();
    assert_eq!(sent.framework_id.unwrap().value, "old");
    assert_eq!(sent.subscribe.unwrap().suppressed_roles, ["r"]);
    assert_eq!(request.scheduler_call().encode_to_vec(), request.body);
}

#[tokio::test]
async fn authorities_and_identities_that_are_none_are_refused_at_the_start() {
    for tls in [
        Tls {
            authorities: vec![b"garbage".to_vec()],
            ..Tls::default()
        },
        Tls {
            identity: Some(Secret::new("garbage")),
            ..Tls::default()
        },
    ] {
        let mut config = config("https://localhost");
        config.tls = tls;
        let error = SchedulerClient::start(config).map(|_| ()).unwrap_err();
        assert!(matches!(error, StartError::Tls(_)), "{error}");
    }
}
