//! Calls: their order, and what becomes of each.

use super::*;

/// A REVIVE that can be told from others by its role.
fn numbered(number: usize) -> v1::scheduler::Call {
    v1::scheduler::Call {
        revive: Some(v1::scheduler::call::Revive {
            roles: vec![number.to_string()],
        }),
        ..call(CallType::Revive)
    }
}

#[tokio::test]
async fn calls_keep_their_order_on_a_connection_of_their_own() {
    // More than the queue holds.
    const CALLS: usize = 100;
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let request = master.next().await;
    let stream_port = request.peer_port;
    let stream = request.stream(Some("stream-7"));
    stream.event(&subscribed(15.0)).await;
    next(&mut notices).await;

    let calls = join_all((0..CALLS).map(|number| handle.call(numbered(number))));
    let server = async {
        for number in 0..CALLS {
            let request = master.next().await;
            let sent = request.scheduler_call();
            assert_eq!(sent.revive, numbered(number).revive);
            assert_eq!(sent.framework_id.unwrap().value, "f-0000");
            assert_eq!(request.header("mesos-stream-id"), Some("stream-7"));
            assert_ne!(request.peer_port, stream_port);
            tokio::task::yield_now().await;
            assert!(master.is_idle(), "one at a time");
            request.answer(202, "");
        }
    };
    let (outcomes, ()) = tokio::join!(calls, server);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn a_refused_call_has_its_class_and_leaves_the_subscription_alone() {
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let stream = subscribe(&mut master, &mut notices).await;
    let answers = [
        (400, "Failed to validate scheduler::Call: Not a valid UUID"),
        (401, "401 Unauthorized."),
        (403, "Framework is not connected via HTTP"),
        (415, "Expecting 'Content-Type' of application/json"),
        (500, ""),
    ];
    for (status, text) in answers {
        let (outcome, ()) = tokio::join!(handle.call(call(CallType::Acknowledge)), async {
            master.next().await.answer(status, text);
        });
        let text = text.to_owned();
        assert_eq!(outcome, Err(CallError::Rejected { status, text }));
    }
    let cut = |request: Request| request.cut();
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Accept)), async {
        cut(master.next().await);
    });
    assert!(
        matches!(outcome, Err(CallError::Transport(_))),
        "{outcome:?}"
    );
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Decline)), async {
        let request = master.next().await;
        assert_eq!(
            request.scheduler_call().r#type(),
            CallType::Decline,
            "an ACCEPT is not repeated"
        );
        request.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));

    stream.event(&message("still there")).await;
    assert_eq!(
        next(&mut notices).await,
        Some(SchedulerNotice::Event(message("still there")))
    );
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let _stream = subscribe(&mut master, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        master.next().await.answer(400, &"x".repeat(100_000));
    });
    let text = "x".repeat(4096);
    assert_eq!(outcome, Err(CallError::Rejected { status: 400, text }));
}

#[tokio::test]
async fn a_call_without_an_answer_ends_in_time_with_an_unknown_outcome() {
    let mut master = Fake::start().await;
    let mut config = config(&master.address);
    config.call_timeout = Duration::from_millis(20);
    let (handle, mut notices) = SchedulerClient::start(config).unwrap();
    let _stream = subscribe(&mut master, &mut notices).await;
    let outcome = soon(handle.call(call(CallType::Kill))).await;
    assert_eq!(
        outcome,
        Err(CallError::Transport("no answer in time".to_owned()))
    );
}

#[tokio::test]
async fn a_call_that_finds_no_subscription_leads_to_a_new_one() {
    let texts = [
        (403, "Framework is not subscribed"),
        (400, "Framework cannot be found"),
        (
            400,
            "The stream ID 'stream-1' included in this request didn't match",
        ),
        (503, "Master has not finished recovery"),
        (307, ""),
    ];
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let mut stream = subscribe(&mut master, &mut notices).await;
    for (status, text) in texts {
        let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
            master.next().await.answer(status, text);
        });
        assert_eq!(outcome, Err(CallError::NotSubscribed), "{status} {text}");
        assert_eq!(
            disconnected(&mut notices).await,
            DisconnectReason::NotSubscribed
        );
        stream.closed().await;
        stream = subscribe(&mut master, &mut notices).await;
    }
}

#[tokio::test]
async fn without_a_subscription_no_call_is_sent() {
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let pending = master.next().await;
    assert_eq!(
        soon(handle.call(call(CallType::Revive))).await,
        Err(CallError::NotSubscribed)
    );
    pending.answer(503, "No leader elected");
    attempt_failed(&mut notices).await;
    subscribe(&mut master, &mut notices).await;
}

#[tokio::test]
async fn an_owner_that_does_not_listen_stops_the_stream_and_not_the_calls() {
    // More than the queue of notices, the decoder's chunk and the socket's buffers hold.
    const EVENTS: usize = 400;
    let text = "x".repeat(64 << 10);
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let stream = subscribe(&mut master, &mut notices).await;
    for _ in 0..EVENTS {
        stream.event(&message(&text)).await;
    }
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        master.next().await.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));
    for _ in 0..EVENTS {
        assert!(notices.len() <= notices.max_capacity());
        let notice = next(&mut notices).await;
        assert_eq!(notice, Some(SchedulerNotice::Event(message(&text))));
    }
}
