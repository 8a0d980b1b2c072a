//! The end of all tasks at once: by a shutdown, or because the agent is gone.

use super::*;

#[test]
fn a_shutdown_stops_all_tasks_within_the_time_it_gives() {
    check(
        "subscribed
         barrier
         launch a 60s
         launch b 1s
         launch c 60s
         ready a
         ready b
         ack a
         ack b
         shutdown 5s
         launch d 1s
         advance 2s
         ended b stopped
         ended c stopped
         advance 2s
         ended a stopped
         advance 1s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            launch b 1s
              0s Prepare(b)
            launch c 60s
              0s Prepare(c)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ready b
              0s Update(b TASK_RUNNING -)
              0s Run(b)
            ack a
            ack b
            shutdown 5s
              0s CloseInbox(a) at 0.5s
              0s CloseInbox(b) at 0.25s
              0s Stop(c)
            launch d 1s
              0s Update(d TASK_KILLED the task was stopped before its function began)
            advance 2s
              1s Stop(b)
              1s Update(d TASK_KILLED the task was stopped before its function began)
            ended b stopped
              2s Update(b TASK_KILLED the task did not end within its grace period and was stopped by force)
            ended c stopped
              2s Update(c TASK_KILLED the task was stopped before its function began)
            advance 2s
              3s Update(b TASK_KILLED the task did not end within its grace period and was stopped by force)
              3s Update(c TASK_KILLED the task was stopped before its function began)
              3s Update(d TASK_KILLED the task was stopped before its function began)
              4s Stop(a)
            ended a stopped
              4s Update(a TASK_KILLED the task did not end within its grace period and was stopped by force)
            advance 1s
              4.5s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_ends_early_when_all_is_told() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         shutdown 5s
         advance 1s
         ended a ok
         ack a",
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
            advance 1s
            ended a ok
              1s Update(a TASK_KILLED the task returned)
            ack a
              1s Forget(a)
              1s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_ends_at_its_time_even_if_a_task_does_not() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         shutdown 5s
         advance 9s",
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
            advance 9s
              4s Stop(a)
              5s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_before_any_launch_exits_at_once() {
    check(
        "subscribed\nshutdown 5s",
        expect![[r#"
        subscribed
        shutdown 5s
          0s Exit(Shutdown)
    "#]],
    );
}

#[test]
fn when_the_agent_is_lost_tasks_get_their_grace_and_nobody_is_told() {
    check(
        "subscribed
         barrier
         launch a 5s
         launch b 5s
         ready a
         ack a
         disconnected
         agent-lost
         ended b stopped
         advance 6s
         ended a stopped",
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
            agent-lost
              0s CloseInbox(a) at 0.5s
              0s Stop(b)
            ended b stopped
            advance 6s
              5s Stop(a)
            ended a stopped
              6s Exit(AgentLost)
        "#]],
    );
}
