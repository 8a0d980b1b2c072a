//! The executor and its agent: updates that do not arrive, launches that do not come, and when the
//! executor exits.

use super::*;

#[test]
fn an_end_that_the_agent_cannot_take_yet_is_kept_for_as_long_as_it_takes() {
    let mut run = Script::new();
    for line in ["agent recovers", "subscribed", "launch a 5s", "ended a ok"] {
        run.line(line);
    }
    run.advance(Duration::from_secs(600));
    run.transcript.clear();
    run.line("agent ready");
    run.line("advance 1s");
    run.line("ack a");
    run.line("advance 1s");
    expect![[r#"
        agent ready
        advance 1s
          601s Update(a TASK_FINISHED -)
        ack a
          601s Forget(a)
        advance 1s
          601.5s Exit(Done)
    "#]]
    .assert_eq(&run.transcript);
}

#[test]
fn an_end_that_is_refused_is_told_once_more_without_its_message() {
    check(
        "subscribed
         launch a 5s
         launch b 5s
         ready b
         ended a broken
         refuse a
         ack b
         refuse a
         ended b ok
         refuse b
         advance 1s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready b
              0s Update(b TASK_RUNNING -)
            ended a broken
              0s Update(a TASK_FAILED broken)
            refuse a
              0s Update(a TASK_FAILED -)
            ack b
            refuse a
              0s Forget(a)
            ended b ok
              0s Update(b TASK_FINISHED -)
            refuse b
              0s Forget(b)
            advance 1s
              0.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_task_is_not_acknowledged_by_the_refusal_of_an_update() {
    check(
        "subscribed
         launch a 5s
         ready a
         refuse a
         disconnected
         subscribed",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            refuse a
            disconnected
            subscribed
              with tasks [a]
        "#]],
    );
}

#[test]
fn what_went_with_a_subscription_is_not_sent_beside_it() {
    check(
        "subscribed
         launch a 5s
         ready a
         disconnected
         ended a broken
         subscribed
         ack a
         advance 0.5s
         ack a
         advance 1s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            disconnected
            ended a broken
            subscribed
              with tasks [a]
              with Update(a TASK_RUNNING -)
              with Update(a TASK_FAILED broken)
            ack a
            advance 0.5s
            ack a
              0.5s Forget(a)
            advance 1s
              1s Exit(Done)
        "#]],
    );
}

#[test]
fn an_agent_that_knows_the_task_no_more_does_not_keep_the_executor() {
    check(
        "subscribed
         launch a 5s
         ready a
         disconnected
         ended a broken
         subscribed
         advance 600s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            disconnected
            ended a broken
            subscribed
              with tasks [a]
              with Update(a TASK_RUNNING -)
              with Update(a TASK_FAILED broken)
            advance 600s
              2s Update(a TASK_RUNNING -)
              7s Update(a TASK_FAILED broken)
              9s Update(a TASK_FAILED broken)
              13s Update(a TASK_FAILED broken)
              21s Update(a TASK_FAILED broken)
              37s Update(a TASK_FAILED broken)
              67s Update(a TASK_FAILED broken)
              97s Update(a TASK_FAILED broken)
              127s Update(a TASK_FAILED broken)
              157s Forget(a)
              157.5s Exit(Done)
        "#]],
    );
}

#[test]
fn an_acknowledgement_that_comes_twice_or_late_changes_nothing() {
    check(
        "subscribed
         launch a 5s
         ready a
         ack a
         ack-again a
         ended a broken
         ack-again a
         ack a
         ack-again a
         advance 1s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            ack a
            ack-again a
            ended a broken
              0s Update(a TASK_FAILED broken)
            ack-again a
            ack a
              0s Forget(a)
            ack-again a
            advance 1s
              0.5s Exit(Done)
        "#]],
    );
}

#[test]
fn an_executor_that_has_had_all_its_tasks_exits_with_the_last() {
    check(
        "expects 2
         subscribed
         launch a 5s
         ended a broken
         ack a
         advance 30s
         launch b 5s
         ended b ok
         ack b",
        expect![[r#"
            expects 2
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a broken
              0s Update(a TASK_FAILED broken)
            ack a
              0s Forget(a)
            advance 30s
            launch b 5s
              30s Prepare(b)
            ended b ok
              30s Update(b TASK_FINISHED -)
            ack b
              30s Forget(b)
              30s Exit(Done)
        "#]],
    );
}

#[test]
fn launches_that_never_come_are_waited_for_while_they_could() {
    check(
        "expects 2
         subscribed
         launch a 5s
         ended a broken
         ack a
         advance 50s
         disconnected
         advance 3600s
         subscribed
         advance 70s",
        expect![[r#"
            expects 2
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a broken
              0s Update(a TASK_FAILED broken)
            ack a
              0s Forget(a)
            advance 50s
            disconnected
            advance 3600s
            subscribed
            advance 70s
              3710s Exit(Done)
        "#]],
    );
}

#[test]
fn an_executor_without_its_agent_does_not_wait_for_a_task_that_cannot_be_stopped() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a
         ack a
         disconnected
         agent-lost
         agent-lost
         subscribed
         disconnected
         advance 60s",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            disconnected
            agent-lost
              0s CloseInbox(a) at 0.5s
            agent-lost
            subscribed
            disconnected
            advance 60s
              5s Stop(a)
              10s Exit(AgentLost)
        "#]],
    );
}

#[test]
fn a_shutdown_gives_no_more_time_when_the_agent_goes() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         shutdown 5s
         disconnected
         agent-lost
         advance 60s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            shutdown 5s
              0s CloseInbox(a) at 0.5s
            disconnected
            agent-lost
            advance 60s
              4s Stop(a)
              5s Exit(AgentLost)
        "#]],
    );
}

/// Each has a deadline of its own, and one that passes is not paid for by the others.
#[test]
fn ten_thousand_updates_without_an_acknowledgement_are_each_sent_at_their_own_time() {
    let mut run = Script::new();
    run.line("subscribed");
    for index in 0..10_000 {
        run.line(&format!("launch {index} 1s"));
        run.line(&format!("ready {index}"));
        run.now += Duration::from_micros(10);
    }
    assert_eq!(run.seen.len(), 10_000);
    run.transcript.clear();
    run.advance(Duration::from_millis(950));
    let again = run.transcript.matches("TASK_RUNNING").count();
    // Those of the first 50 ms.
    assert!((4900..=5100).contains(&again), "{again}");
    assert_eq!(run.seen.len(), 10_000);
}
