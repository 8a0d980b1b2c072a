//! Streams of executors: who may subscribe, and what breaks with them.

use expect_test::expect;

use super::RUNNING;
use super::script::{check, run};

#[test]
fn a_subscribe_waits_for_the_news_of_its_process() {
    check(
        "
        register
        launch ex t1
        launch two t2
        quiet
        subscribe ex
        subscribe ex
        started c1 77
        subscribe two
        shutdown two
        ",
        expect![[r#"
            > subscribe ex
            > subscribe ex
                answer r1 Stream
                stream r1 ends
            > started c1 77
                answer r2 Stream
                stream r2 SUBSCRIBED f ex on m-S0 in c1
                stream r2 LAUNCH t1
            > subscribe two
            > shutdown two
                answer r3 Stream
                stream r3 SHUTDOWN
                stream r3 ends
        "#]],
    );
}

#[test]
fn what_was_sent_into_a_broken_stream_is_lost_and_told_at_the_next_subscribe() {
    check(
        &format!(
            "{RUNNING}
            quiet
            update ex t1 TASK_RUNNING #a
            ack t1 #a
            join ex t2
            join ex t3
            subscribe ex tasks=t2
            subscribe ex tasks=t2 updates=t2:TASK_RUNNING#b,t1:TASK_FINISHED#c
            subscribe ex
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > ack t1 #a
            > join ex t2
                stream r1 LAUNCH t2
            > join ex t3
                stream r1 LAUNCH t3
            > subscribe ex tasks=t2
                answer r3 Stream
                stream r1 ends
                stream r3 SUBSCRIBED f ex on m-S0 in c1
                master UPDATE t3 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_AGENT_RESTARTED `Task launched during agent restart`
            > subscribe ex tasks=t2 updates=t2:TASK_RUNNING#b,t1:TASK_FINISHED#c
                answer r4 Stream
                stream r3 ends
                stream r4 SUBSCRIBED f ex on m-S0 in c1
                master UPDATE t2 TASK_RUNNING #b in c1 pid 77 at 127.0.0.1
                stream r4 ACKNOWLEDGED t2 #b
                master UPDATE t1 TASK_FINISHED #c in c1 pid 77 at 127.0.0.1
                stream r4 ACKNOWLEDGED t1 #c
            > subscribe ex
                answer r5 Stream
                stream r4 ends
                stream r5 SUBSCRIBED f ex on m-S0 in c1
        "#]],
    );
}

#[test]
fn an_executor_whose_stream_is_cut_can_come_back() {
    check(
        &format!(
            "{RUNNING}
            quiet
            cut
            subscribe ex tasks=t1
            message ex hello
            "
        ),
        expect![[r#"
            > cut
                stream r1 is cut
            > subscribe ex tasks=t1
                answer r2 Stream
                stream r1 ends
                stream r2 SUBSCRIBED f ex on m-S0 in c1
            > message ex hello
                stream r2 MESSAGE hello
        "#]],
    );
}

#[test]
fn messages_reach_only_an_executor_that_has_subscribed() {
    check(
        &format!(
            "{RUNNING}
            quiet
            message ex now
            message nope x
            shutdown ex
            message ex late
            "
        ),
        expect![[r#"
            > message ex now
                stream r1 MESSAGE now
            > message nope x
            > shutdown ex
                stream r1 SHUTDOWN
            > message ex late
        "#]],
    );
}

#[test]
fn calls_of_unknown_frameworks_and_executors_are_refused_but_heartbeats_are_not() {
    check(
        "
        register
        subscribe ex
        heartbeat ex
        launch ex t1
        quiet
        subscribe nope
        say nope x
        heartbeat nope
        ",
        expect![[r#"
            > subscribe nope
                answer r3 UnknownExecutor
            > say nope x
                answer r4 UnknownExecutor
            > heartbeat nope
                answer r5 Accepted
        "#]],
    );
}

#[test]
fn executors_get_a_heartbeat_every_thirty_minutes() {
    let transcript = run(&format!("{RUNNING} quiet\n wait 100m"));
    let beats: Vec<&str> = transcript
        .lines()
        .filter(|line| line.contains("HEARTBEAT"))
        .map(str::trim)
        .collect();
    assert_eq!(
        beats,
        [
            "after 1800s: stream r1 HEARTBEAT",
            "after 3600s: stream r1 HEARTBEAT",
            "after 5400s: stream r1 HEARTBEAT"
        ]
    );
}
