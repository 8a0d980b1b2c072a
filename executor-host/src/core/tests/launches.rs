//! Launches, the start barrier, and how long an executor waits for tasks.

use super::*;

#[test]
fn a_task_runs_when_the_barrier_is_lifted_and_the_executor_exits_after_its_end() {
    check(
        "subscribed
         launch a 5s
         ready a
         ack a
         barrier
         advance 60s
         ended a ok
         ack a
         advance 10s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            ack a
            barrier
              0s Run(a)
            advance 60s
            ended a ok
              60s Update(a TASK_FINISHED -)
            ack a
              60s Forget(a)
            advance 10s
              60.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_task_launched_after_the_barrier_begins_when_it_is_ready() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
        "#]],
    );
}

#[test]
fn without_a_launch_the_executor_waits_as_long_as_one_may_come() {
    check(
        "advance 3600s
         subscribed
         advance 59s
         disconnected
         advance 3600s
         subscribed
         advance 61s",
        expect![[r#"
            advance 3600s
            subscribed
            advance 59s
            disconnected
            advance 3600s
            subscribed
            advance 61s
              7319s Exit(Done)
        "#]],
    );
}

#[test]
fn a_launch_during_the_linger_keeps_the_executor() {
    check(
        "subscribed
         launch a 5s
         ended a ok
         ack a
         advance 0.4s
         launch b 5s
         launch a 5s
         advance 60s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a ok
              0s Update(a TASK_FINISHED -)
            ack a
              0s Forget(a)
            advance 0.4s
            launch b 5s
              0.4s Prepare(b)
            launch a 5s
            advance 60s
        "#]],
    );
}

#[test]
fn a_second_launch_of_a_task_and_a_kill_of_a_stranger_change_nothing() {
    check(
        "subscribed
         launch a 5s
         launch a 5s
         ready a
         ready a
         kill z",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            launch a 5s
            ready a
              0s Update(a TASK_RUNNING -)
            ready a
            kill z
        "#]],
    );
}

#[test]
fn a_launch_beyond_the_bound_is_refused() {
    let mut run = Script::new();
    run.core.handle(
        run.now,
        Input::Subscribed {
            killing_state: KillingState::Unknown,
        },
    );
    for index in 0..TASKS_MAX {
        let kill_grace = Duration::ZERO;
        run.core.handle(
            run.now,
            Input::Launch {
                task: id(&index.to_string()),
                kill_grace,
            },
        );
    }
    while run.core.poll_output().is_some() {}
    run.line("launch one-more 1s");
    expect![[r#"
        launch one-more 1s
          0s Update(one-more TASK_FAILED the executor holds 20000 tasks already)
    "#]]
    .assert_eq(&run.transcript);
}
