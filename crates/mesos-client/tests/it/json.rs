//! Schedulers and executors that write and read JSON.

use std::future::ready;

use mesos_client::{
    DisconnectReason, Encoding, ExecutorClient, ExecutorConfig, ExecutorEvent, ExecutorNotice,
    SchedulerClient, SchedulerConfig, SchedulerEvent, SchedulerNotice, Unacknowledged,
};
use serde_json::{Value, json};

use crate::fake::{Fake, Request, Stream, next};
use crate::scheduler::{attempt_failed, config};

const MEDIA: &str = "application/json";

fn json_config(master: &Fake) -> SchedulerConfig {
    SchedulerConfig {
        encoding: Encoding::Json,
        ..config(&master.address)
    }
}

/// What a request says, which is JSON and wants JSON where it wants anything.
#[track_caller]
fn read(request: &Request) -> Value {
    assert_eq!(request.header("content-type"), Some(MEDIA));
    // No client asks for a form of an answer that has no body; `*/*` is what HTTP takes it for.
    let accept = request.header("accept");
    assert!(matches!(accept, Some(MEDIA | "*/*") | None), "{accept:?}");
    serde_json::from_slice(&request.body).unwrap()
}

async fn send(stream: &Stream, event: Value) {
    let text = event.to_string();
    stream.chunk(format!("{}\n{text}", text.len())).await;
}

#[tokio::test]
async fn a_scheduler_calls_and_hears_in_json() {
    let mut master = Fake::start().await;
    let (handle, mut notices) = SchedulerClient::start(json_config(&master)).unwrap();
    let request = master.next().await;
    assert_eq!(request.header("accept"), Some(MEDIA));
    let framework_info = json!({ "user": "nobody", "name": "test" });
    assert_eq!(
        read(&request),
        json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": framework_info } })
    );
    let stream = request.stream_with(&[("content-type", MEDIA), ("mesos-stream-id", "s")]);
    let subscribed = json!({
        "framework_id": { "value": "f-0000" },
        "heartbeat_interval_seconds": 15.0,
    });
    let subscribed = json!({ "type": "SUBSCRIBED", "subscribed": subscribed });
    send(&stream, subscribed).await;
    let notice = next(&mut notices).await;
    let is_ours = matches!(&notice, Some(SchedulerNotice::Subscribed { framework_id, .. })
        if framework_id.to_string() == "f-0000");
    assert!(is_ours, "{notice:?}");

    // Of a Mesos that knows more than we do.
    send(&stream, json!({ "type": "NEWS", "news": { "x": 1 } })).await;
    let message = json!({
        "agent_id": { "value": "a" },
        "executor_id": { "value": "e" },
        "data": "aGVsbG8=",
    });
    let message = json!({ "type": "MESSAGE", "message": message });
    send(&stream, message.clone()).await;
    let event = match next(&mut notices).await {
        Some(SchedulerNotice::Event(event)) => SchedulerEvent::read(event),
        other => panic!("not an event: {other:?}"),
    };
    let Some(SchedulerEvent::Message {
        executor,
        agent,
        data,
    }) = event
    else {
        panic!("not a message: {event:?}");
    };
    assert_eq!(data, "hello");

    let (outcome, ()) = tokio::join!(handle.message(executor, agent, data), async {
        let request = master.next().await;
        assert_eq!(request.header("mesos-stream-id"), Some("s"));
        let mut expected = message;
        expected["framework_id"] = json!({ "value": "f-0000" });
        assert_eq!(read(&request), expected);
        request.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn a_master_that_answers_in_the_other_form_or_in_broken_json_is_told() {
    let mut master = Fake::start().await;
    let (_handle, mut notices) = SchedulerClient::start(json_config(&master)).unwrap();
    let protobuf = master.next().await.stream(Some("s"));
    let reason = attempt_failed(&mut notices).await.to_string();
    assert!(
        reason.contains("is `application/x-protobuf`, not `application/json`"),
        "{reason}"
    );
    drop(protobuf);

    let headers = [("content-type", MEDIA), ("mesos-stream-id", "s")];
    let stream = master.next().await.stream_with(&headers);
    stream.chunk("7\n{\"type\"").await;
    let reason = attempt_failed(&mut notices).await;
    assert!(
        matches!(reason, DisconnectReason::Malformed(_)),
        "{reason:?}"
    );
}

#[tokio::test]
async fn an_executor_calls_and_hears_in_json() {
    let mut agent = Fake::start().await;
    let mut config = ExecutorConfig::new(&agent.address, "f".into(), "e".into()).unwrap();
    config.encoding = Encoding::Json;
    let source = || ready(Unacknowledged::default());
    let (handle, mut notices) = ExecutorClient::start(config, source).unwrap();
    let request = agent.next().await;
    let (framework_id, executor_id) = (json!({ "value": "f" }), json!({ "value": "e" }));
    let expected = json!({
        "framework_id": framework_id,
        "executor_id": executor_id,
        "type": "SUBSCRIBE",
        "subscribe": {},
    });
    assert_eq!(read(&request), expected);
    let stream = request.stream_with(&[("content-type", MEDIA)]);
    let subscribed = json!({
        "executor_info": { "executor_id": executor_id },
        "framework_info": { "user": "nobody", "name": "test", "id": framework_id },
        "agent_info": { "hostname": "localhost", "id": { "value": "a" } },
    });
    let subscribed = json!({ "type": "SUBSCRIBED", "subscribed": subscribed });
    send(&stream, subscribed).await;
    let notice = next(&mut notices).await;
    let is_ours = matches!(&notice, Some(ExecutorNotice::Subscribed { agent_info, .. })
        if agent_info.hostname == "localhost");
    assert!(is_ours, "{notice:?}");

    let message = json!({ "type": "MESSAGE", "message": { "data": "aGVsbG8=" } });
    send(&stream, message).await;
    let event = match next(&mut notices).await {
        Some(ExecutorNotice::Event(event)) => ExecutorEvent::read(event),
        other => panic!("not an event: {other:?}"),
    };
    assert_eq!(event, Some(ExecutorEvent::Message("hello".into())));

    let (outcome, ()) = tokio::join!(handle.message("world".into()), async {
        let request = agent.next().await;
        let expected = json!({
            "framework_id": framework_id,
            "executor_id": executor_id,
            "type": "MESSAGE",
            "message": { "data": "d29ybGQ=" },
        });
        assert_eq!(read(&request), expected);
        request.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));
}
