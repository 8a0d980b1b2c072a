//! Kills, and what follows when a task does not listen.

use super::*;

#[test]
fn a_kill_closes_the_inbox_then_stops_by_force_after_the_grace() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a
         ack a
         kill a
         advance 3s
         kill a
         advance 3s
         kill a
         ended a stopped",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
            advance 3s
            kill a
            advance 3s
              5s Stop(a)
            kill a
            ended a stopped
              6s Update(a TASK_KILLED the task did not end within its grace period and was stopped by force)
        "#]],
    );
}

#[test]
fn a_task_that_returns_within_its_grace_is_killed_all_the_same() {
    check(
        "subscribed killing
         barrier
         launch a 5s
         ready a
         ack a
         kill a
         ack a
         advance 1s
         ended a ok
         ack a
         advance 10s",
        expect![[r#"
            subscribed killing
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
              0s Update(a TASK_KILLING -)
            ack a
            advance 1s
            ended a ok
              1s Update(a TASK_KILLED the task returned)
            ack a
              1s Forget(a)
            advance 10s
              1.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_kill_with_a_shorter_grace_moves_the_force_forward() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         kill a
         advance 1s
         kill a 2s
         advance 5s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
            advance 1s
            kill a 2s
            advance 5s
              3s Stop(a)
        "#]],
    );
}

#[test]
fn a_kill_before_the_function_began_does_not_wait() {
    check(
        "subscribed
         launch a 5s
         launch b 5s
         ready b
         ack b
         kill a
         kill b
         ended a stopped
         ended b stopped
         barrier",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready b
              0s Update(b TASK_RUNNING -)
            ack b
            kill a
              0s Stop(a)
            kill b
              0s Stop(b)
            ended a stopped
              0s Update(a TASK_KILLED the task was stopped before its function began)
            ended b stopped
              0s Update(b TASK_KILLED the task was stopped before its function began)
            barrier
        "#]],
    );
}
