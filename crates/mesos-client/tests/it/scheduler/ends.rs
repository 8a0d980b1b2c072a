//! How a client ends.

use super::*;

#[tokio::test]
async fn stop_and_drop_of_either_end_close_the_stream() {
    for end in ["stop", "handles", "receiver"] {
        let mut master = Fake::start().await;
        let (handle, mut notices) = start(&master.address);
        let stream = subscribe(&mut master, &mut notices).await;
        match end {
            "stop" => {
                handle.stop();
                assert_eq!(next(&mut notices).await, None);
            }
            "handles" => {
                drop(handle.clone());
                drop(handle);
                assert_eq!(next(&mut notices).await, None);
            }
            _ => drop(notices),
        }
        stream.closed().await;
    }
}

#[tokio::test]
async fn stop_ends_a_client_that_waits() {
    let mut config = config(&nobody().await);
    config.backoff_first = Duration::from_secs(3600);
    config.backoff_max = config.backoff_first;
    let (handle, mut notices) = SchedulerClient::start(config).unwrap();
    attempt_failed(&mut notices).await;
    handle.stop();
    assert_eq!(next(&mut notices).await, None);
}

#[tokio::test]
async fn after_a_teardown_nothing_subscribes_again() {
    let mut master = Fake::start().await;
    let (handle, mut notices) = start(&master.address);
    let stream = subscribe(&mut master, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Teardown)), async {
        master.next().await.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(next(&mut notices).await, None);
    stream.closed().await;
}

#[tokio::test]
async fn while_a_teardown_is_on_its_way_nothing_subscribes_again() {
    let mut master = Fake::start().await;
    let mut config = config(&master.address);
    config.backoff_max = Duration::ZERO;
    let (handle, mut notices) = SchedulerClient::start(config).unwrap();
    let stream = subscribe(&mut master, &mut notices).await;
    let (outcome, pending) = tokio::join!(handle.call(call(CallType::Teardown)), async {
        let teardown = master.next().await;
        drop(stream);
        assert_eq!(disconnected(&mut notices).await, DisconnectReason::Closed);
        // Others have all the time to subscribe, and this framework is never among them.
        for _ in 0..20 {
            let (_other, _notices) = start(&master.address);
            let other = master.next().await;
            assert_eq!(other.scheduler_call().framework_id, None);
        }
        teardown.answer(400, "no");
        master.next().await
    });
    assert!(
        matches!(outcome, Err(CallError::Rejected { .. })),
        "{outcome:?}"
    );
    assert_eq!(
        pending.scheduler_call().framework_id.unwrap().value,
        "f-0000",
        "once the TEARDOWN has failed"
    );
}
