//! What an agent answers to calls that it does not take.

use super::fixture::{Fixture, accepted, call, message};

#[tokio::test]
async fn wrong_calls_are_answered_as_recorded() {
    let fixture = Fixture::new().await;
    fixture.run("t1", "sleep 1000", true);
    let mut events = fixture.subscribe_when_launched().await;
    events.next().await;
    assert_eq!(fixture.post(&message()).await, accepted());

    let post = "POST /api/v1/executor HTTP/1.1\r\n";
    let heads = [
        (
            "GET /api/v1/executor HTTP/1.1\r\n".to_owned(),
            405,
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
        ),
        (
            post.to_owned(),
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            format!("{post}Content-Type: application/json; charset=utf-8\r\n"),
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            format!("{post}Content-Type: application/x-protobuf\r\n"),
            400,
            "Failed to parse body into Call protobuf",
        ),
        ("POST /nope HTTP/1.1\r\n".to_owned(), 404, "404 Not Found."),
        (
            "POST /api/v1 HTTP/1.1\r\n".to_owned(),
            400,
            "Expecting 'Content-Type' to be present",
        ),
    ];
    for (head, status, text) in heads {
        assert_eq!(
            fixture.request(&head, &message()).await,
            (status, text.to_owned()),
            "{head}"
        );
    }

    let prefix = "Failed to validate Executor::Call: ";
    let converting = "Failed to convert JSON into Call protobuf: ";
    let update = |status: &str| call("UPDATE", &format!(r#","update":{{"status":{{{status}}}}}"#));
    let running = r#""task_id":{"value":"t1"},"state":"TASK_RUNNING""#;
    let bodies = [
        (
            "garbage".to_owned(),
            400,
            "Failed to parse body into JSON: syntax error at line 1 near: garbage".to_owned(),
        ),
        (
            r#"{"type":"HEARTBEAT"}"#.to_owned(),
            400,
            format!("{converting}Missing required fields: executor_id, framework_id"),
        ),
        (
            call("NOPE", ""),
            400,
            format!("{prefix}Expecting 'type' to be present"),
        ),
        (call("UNKNOWN", ""), 501, "501 Not Implemented.".to_owned()),
        (
            call("SUBSCRIBE", ""),
            400,
            format!("{prefix}Expecting 'subscribe' to be present"),
        ),
        (
            call("MESSAGE", ""),
            400,
            format!("{prefix}Expecting 'message' to be present"),
        ),
        (
            call("MESSAGE", r#","message":{}"#),
            400,
            format!("{converting}Missing required fields: message.data"),
        ),
        (
            call("UPDATE", ""),
            400,
            format!("{prefix}Expecting 'update' to be present"),
        ),
        (
            update(running),
            400,
            format!("{prefix}Expecting 'uuid' to be present"),
        ),
        (
            update(r#""task_id":{"value":"t1"},"state":"TASK_NOPE""#),
            400,
            format!("{converting}Failed to find enum for 'TASK_NOPE'"),
        ),
        (
            update(r#""state":"TASK_RUNNING""#),
            400,
            format!("{converting}Missing required fields: update.status.task_id"),
        ),
        (
            message().replace(r#""f""#, r#""nope""#),
            400,
            "Framework cannot be found".to_owned(),
        ),
        (
            message().replace(r#""ex""#, r#""nope""#),
            400,
            "Executor cannot be found".to_owned(),
        ),
        (
            call("HEARTBEAT", "").replace(r#""ex""#, r#""nope""#),
            202,
            String::new(),
        ),
    ];
    for (body, status, text) in bodies {
        assert_eq!(fixture.post(&body).await, (status, text), "{body}");
    }
    let html = format!("{post}Content-Type: application/json\r\nAccept: text/html\r\n");
    assert_eq!(
        fixture
            .request(&html, &call("SUBSCRIBE", r#","subscribe":{}"#))
            .await,
        (
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'".to_owned()
        )
    );
    assert_eq!(
        fixture.request(&html, &call("HEARTBEAT", "")).await,
        accepted()
    );
    fixture.agent.stop().await;
}
