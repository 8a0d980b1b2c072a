//! Updates, until the agent has acknowledged them.

use super::*;

#[test]
fn the_executor_stays_until_the_end_is_acknowledged() {
    check(
        "subscribed
         launch a 5s
         ready a
         ended a broken
         ack a
         advance 5s
         ack a
         advance 1s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            ended a broken
            ack a
              0s Update(a TASK_FAILED broken)
            advance 5s
              1s Update(a TASK_FAILED broken)
              3s Update(a TASK_FAILED broken)
            ack a
              5s Forget(a)
            advance 1s
              5.5s Exit(Done)
        "#]],
    );
}

#[test]
fn updates_of_a_task_go_one_at_a_time_and_again_until_acknowledged() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a
         ended a broken
         advance 4s
         ack a
         ack a",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ended a broken
            advance 4s
              1s Update(a TASK_RUNNING -)
              3s Update(a TASK_RUNNING -)
            ack a
              4s Update(a TASK_FAILED broken)
            ack a
              4s Forget(a)
        "#]],
    );
}

#[test]
fn a_subscription_carries_what_is_unacknowledged() {
    check(
        "subscribed
         barrier
         launch a 5s
         launch b 5s
         ready a
         ack a
         disconnected
         ready b
         ended a broken
         advance 60s
         subscribed
         ack a
         ack b
         disconnected
         subscribed",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            disconnected
            ready b
              0s Run(b)
            ended a broken
            advance 60s
            subscribed
              with tasks [b]
              with Update(a TASK_FAILED broken)
              with Update(b TASK_RUNNING -)
            ack a
              60s Forget(a)
            ack b
            disconnected
            subscribed
        "#]],
    );
}

#[test]
fn an_end_that_is_never_acknowledged_is_dropped_after_some_tries() {
    check(
        "subscribed
         launch a 5s
         ended a broken
         advance 600s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a broken
              0s Update(a TASK_FAILED broken)
            advance 600s
              1s Update(a TASK_FAILED broken)
              3s Update(a TASK_FAILED broken)
              7s Update(a TASK_FAILED broken)
              15s Update(a TASK_FAILED broken)
              31s Update(a TASK_FAILED broken)
              61s Update(a TASK_FAILED broken)
              91s Update(a TASK_FAILED broken)
              121s Update(a TASK_FAILED broken)
              151s Forget(a)
              151.5s Exit(Done)
        "#]],
    );
}

#[test]
fn ids_of_updates_are_random_uuids_of_version_4() {
    let mut random = fastrand::Rng::with_seed(1);
    let (one, two) = (Uuid::random(&mut random), Uuid::random(&mut random));
    assert_ne!(one, two);
    for uuid in [one, two] {
        let uuid = uuid::Uuid::from_bytes(*uuid.as_bytes());
        assert_eq!(uuid.get_version(), Some(uuid::Version::Random));
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }
}
