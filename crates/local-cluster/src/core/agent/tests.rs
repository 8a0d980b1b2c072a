//! The agent by scripts in virtual time: what comes in, and what it wants done.

mod property;
mod script;

use expect_test::expect;
use script::{check, run};

/// Registered, with one running executor `ex` in container c1 that has the task t1.
const RUNNING: &str = "
    register
    launch ex t1
    started c1 77
    subscribe ex
";

#[test]
fn a_task_lives_and_dies_as_in_the_ordinary_recording() {
    check(
        "
        register
        launch ex t1
        join ex t2
        started c1 77
        subscribe ex
        update ex t1 TASK_RUNNING #a
        ack t1 #a
        update ex t1 TASK_FINISHED #b
        ack t1 #b
        update ex t2 TASK_KILLED #c
        ack t2 #c
        exit c1 0
        say ex hello
        ",
        expect![[r#"
                master register localhost
            > register
            > launch ex t1
                launch c1 ex, grace 5s
            > join ex t2
            > started c1 77
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH t1
                stream r1 LAUNCH t2
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > ack t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r3 Accepted
                master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #b
            > ack t1 #b
            > update ex t2 TASK_KILLED #c
                answer r4 Accepted
                master UPDATE t2 TASK_KILLED #c in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #c
            > ack t2 #c
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
            > say ex hello
                answer r5 UnknownFramework
        "#]],
    );
}

#[test]
fn one_update_of_a_task_is_in_flight_and_repeated_after_10_20_40_seconds() {
    check(
        &format!(
            "{RUNNING}
            join ex t2
            quiet
            update ex t1 TASK_RUNNING #a
            update ex t1 TASK_FINISHED #b
            update ex t2 TASK_RUNNING #c
            ack t2 #c
            wait 75s
            ack t1 #a
            wait 12s
            ack t1 #b
            wait 1h
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r3 Accepted
                stream r1 ACKNOWLEDGED t1 #b
            > update ex t2 TASK_RUNNING #c
                answer r4 Accepted
                master UPDATE t2 TASK_RUNNING #c in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #c
            > ack t2 #c
            > wait 75s
                after 10s: master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1, latest TASK_FINISHED
                after 30s: master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1, latest TASK_FINISHED
                after 70s: master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1, latest TASK_FINISHED
            > ack t1 #a
                master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
            > wait 12s
                after 85s: master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
            > ack t1 #b
            > wait 1h
                after 1800s: stream r1 HEARTBEAT
                after 3600s: stream r1 HEARTBEAT
        "#]],
    );
}

#[test]
fn the_wait_for_an_acknowledgement_doubles_up_to_ten_minutes() {
    let transcript = run(&format!(
        "{RUNNING} quiet\n update ex t1 TASK_RUNNING #a\n wait 40m"
    ));
    let times: Vec<&str> = transcript
        .lines()
        .filter_map(|line| line.trim().strip_prefix("after ")?.split(':').next())
        .collect();
    assert_eq!(
        times,
        [
            "10s", "30s", "70s", "150s", "310s", "630s", "1230s", "1800s", "1830s"
        ],
        "1800s is the heartbeat"
    );
}

#[test]
fn foreign_and_repeated_acknowledgements_have_no_effect() {
    check(
        &format!(
            "{RUNNING} quiet
            update ex t1 TASK_RUNNING #a
            update ex t1 TASK_FINISHED #b
            ack t1 #z
            ack nope #a
            ack t1 #a
            ack t1 #a
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r3 Accepted
                stream r1 ACKNOWLEDGED t1 #b
            > ack t1 #z
            > ack nope #a
            > ack t1 #a
                master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
            > ack t1 #a
        "#]],
    );
}

#[test]
fn repeated_late_and_unknown_updates_are_treated_as_recorded() {
    check(
        &format!(
            "{RUNNING} quiet
            update ex t1 TASK_RUNNING #a
            update ex t1 TASK_RUNNING #a
            ack t1 #a
            update ex t1 TASK_RUNNING #a
            update ex t1 TASK_FINISHED #b
            update ex t1 TASK_RUNNING #c
            ack t1 #b
            update ex t1 TASK_RUNNING #d
            update ex never TASK_RUNNING #e
            update ex t1 TASK_RUNNING #f agent=foreign
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > update ex t1 TASK_RUNNING #a
                answer r3 Accepted
                stream r1 ACKNOWLEDGED t1 #a
            > ack t1 #a
            > update ex t1 TASK_RUNNING #a
                answer r4 Accepted
                stream r1 ACKNOWLEDGED t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r5 Accepted
                master UPDATE t1 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #b
            > update ex t1 TASK_RUNNING #c
                answer r6 Accepted
                stream r1 ACKNOWLEDGED t1 #c
            > ack t1 #b
            > update ex t1 TASK_RUNNING #d
                answer r7 Accepted
                master UPDATE t1 TASK_RUNNING #d
            > update ex never TASK_RUNNING #e
                answer r8 Accepted
                master UPDATE never TASK_RUNNING #e
            > update ex t1 TASK_RUNNING #f agent=foreign
                answer r9 Accepted
        "#]],
    );
}

#[test]
fn an_executor_that_dies_takes_its_tasks_with_it() {
    check(
        &format!(
            "{RUNNING}
            quiet
            join ex t2
            join ex t3
            update ex t2 TASK_RUNNING #a
            update ex t3 TASK_FINISHED #b
            exit c1 9
            "
        ),
        expect![[r#"
            > join ex t2
                stream r1 LAUNCH t2
            > join ex t3
                stream r1 LAUNCH t3
            > update ex t2 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t2 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #a
            > update ex t3 TASK_FINISHED #b
                answer r3 Accepted
                master UPDATE t3 TASK_FINISHED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t3 #b
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
        "#]],
    );
}

#[test]
fn an_executor_is_forgotten_when_all_its_ends_are_acknowledged() {
    check(
        &format!(
            "{RUNNING}
            quiet
            update ex t1 TASK_FINISHED #a
            exit c1 768
            subscribe ex
            say ex still
            launch ex t2
            join ex t3
            ack t1 #a
            say ex gone
            launch ex t4
            "
        ),
        expect![[r#"
            > update ex t1 TASK_FINISHED #a
                answer r2 Accepted
                master UPDATE t1 TASK_FINISHED #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > exit c1 768
                stream r1 ends
                master executor ex exited with 768
            > subscribe ex
                answer r3 Stream
                stream r3 SHUTDOWN
                stream r3 ends
            > say ex still
                answer r4 Accepted
                master MESSAGE of ex: still
            > launch ex t2
                master executor ex exited with -1
                master UPDATE t2 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Master wants to launch executor, but one already exists`
            > join ex t3
                master UPDATE t3 TASK_DROPPED #own2 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
            > ack t1 #a
            > say ex gone
                answer r5 UnknownFramework
            > launch ex t4
                launch c2 ex, grace 5s
        "#]],
    );
}

#[test]
fn an_executor_that_never_subscribes_is_destroyed_after_a_minute() {
    check(
        "
        register
        launch ex t1
        join ex t2
        quiet
        started c1 77
        say ex early
        update ex t1 TASK_RUNNING #a
        message ex early
        wait 2m
        subscribe ex
        exit c1 9
        ",
        expect![[r#"
            > started c1 77
            > say ex early
                answer r1 NotSubscribed
            > update ex t1 TASK_RUNNING #a
                answer r2 NotSubscribed
            > message ex early
            > wait 2m
                after 60s: destroy c1
            > subscribe ex
                answer r3 Stream
                stream r3 SHUTDOWN
                stream r3 ends
            > exit c1 9
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT `Executor did not register within 1mins`
                master UPDATE t2 TASK_FAILED #own2 executor ex SOURCE_AGENT REASON_EXECUTOR_REGISTRATION_TIMEOUT `Executor did not register within 1mins`
        "#]],
    );
}

#[test]
fn a_container_that_cannot_be_launched_fails_its_tasks() {
    check(
        "
        register
        launch ex t1
        quiet
        failed c1 Failed to fetch all URIs for container 'c1': exited with status 1
        ",
        expect![[r#"
            > failed c1 Failed to fetch all URIs for container 'c1': exited with status 1
                master executor ex exited with 256
                master UPDATE t1 TASK_FAILED #own1 executor ex SOURCE_AGENT REASON_CONTAINER_LAUNCH_FAILED `Failed to launch container: Failed to fetch all URIs for container 'c1': exited with status 1`
        "#]],
    );
}

#[test]
fn a_task_killed_before_delivery_never_reaches_its_executor() {
    check(
        "
        register
        launch ex t1
        join ex t2
        started c1 77
        quiet
        kill t1
        subscribe ex
        kill t2
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH t2
            > kill t2
                stream r1 KILL t2
        "#]],
    );
}

#[test]
fn an_executor_all_of_whose_tasks_were_killed_gets_shutdown_for_subscribed() {
    check(
        "
        register
        launch ex t1
        started c1 77
        quiet
        kill t1
        subscribe ex
        wait 5s
        exit c1 9
        ",
        expect![[r#"
            > kill t1
                master UPDATE t1 TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SHUTDOWN
            > wait 5s
                after 5s: destroy c1
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
        "#]],
    );
}

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
fn a_group_is_delivered_and_killed_as_a_whole() {
    check(
        "
        register
        launch ex a b group
        join ex c d group
        join ex e
        started c1 77
        quiet
        kill a
        subscribe ex
        join ex f g group
        ",
        expect![[r#"
            > kill a
                master UPDATE a TASK_KILLED #own1 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
                master UPDATE b TASK_KILLED #own2 executor ex SOURCE_AGENT REASON_TASK_KILLED_DURING_LAUNCH `Killed before delivery to the executor`
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH e
                stream r1 LAUNCH_GROUP c d
            > join ex f g group
                stream r1 LAUNCH_GROUP f g
        "#]],
    );
}

#[test]
fn shutdown_ignored_ends_in_destruction_but_updates_still_count() {
    check(
        &format!(
            "{RUNNING}
            quiet
            join ex t2
            shutdown ex
            shutdown ex
            kill t1
            message ex late
            join ex t3
            update ex t2 TASK_KILLED #a
            say ex still here
            wait 4s
            subscribe ex
            wait 4s
            exit c1 9
            "
        ),
        expect![[r#"
            > join ex t2
                stream r1 LAUNCH t2
            > shutdown ex
                stream r1 SHUTDOWN
            > shutdown ex
            > kill t1
            > message ex late
            > join ex t3
                master UPDATE t3 TASK_DROPPED #own1 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminating`
            > update ex t2 TASK_KILLED #a
                answer r2 Accepted
                master UPDATE t2 TASK_KILLED #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #a
            > say ex still here
                answer r3 Accepted
                master MESSAGE of ex: still here
            > wait 4s
            > subscribe ex
                answer r4 Stream
                stream r4 SHUTDOWN
                stream r4 ends
            > wait 4s
                after 5s: destroy c1
            > exit c1 9
                stream r1 ends
                master executor ex exited with 9
                master UPDATE t1 TASK_FAILED #own2 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Executor terminated`
        "#]],
    );
}

#[test]
fn an_executor_has_the_grace_that_its_info_says() {
    check(
        "
        register
        launch ex t1 grace=1s
        quiet
        shutdown ex
        subscribe ex
        wait 10s
        ",
        expect![[r#"
            > shutdown ex
            > subscribe ex
                answer r1 Stream
                stream r1 SHUTDOWN
                stream r1 ends
            > wait 10s
                after 1s: destroy c1
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
fn a_terminal_update_that_was_lost_twice_is_forwarded_but_not_acknowledged() {
    check(
        &format!(
            "{RUNNING}
            quiet
            update ex t1 TASK_FINISHED #a
            ack t1 #a
            subscribe ex updates=t1:TASK_FINISHED#a
            "
        ),
        expect![[r#"
            > update ex t1 TASK_FINISHED #a
                answer r2 Accepted
                master UPDATE t1 TASK_FINISHED #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > ack t1 #a
            > subscribe ex updates=t1:TASK_FINISHED#a
                answer r3 Stream
                stream r1 ends
                stream r3 SUBSCRIBED f ex on m-S0 in c1
                master UPDATE t1 TASK_FINISHED #a
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
fn the_end_of_a_framework_shuts_its_executors_down_and_silences_them() {
    check(
        &format!(
            "{RUNNING}
            launch slow t2
            quiet
            update ex t1 TASK_RUNNING #a
            teardown
            update ex t1 TASK_KILLED #b
            say ex too late
            subscribe slow
            wait 4s
            exit c1 0
            wait 6s
            exit c2 9
            say ex gone
            wait 1h
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > teardown
                stream r1 SHUTDOWN
            > update ex t1 TASK_KILLED #b
                answer r3 Accepted
            > say ex too late
                answer r4 Accepted
            > subscribe slow
                answer r5 Stream
                stream r5 SHUTDOWN
                stream r5 ends
            > wait 4s
            > exit c1 0
                stream r1 ends
                master executor ex exited with 0
            > wait 6s
                after 5s: destroy c2
            > exit c2 9
                master executor slow exited with 9
            > say ex gone
                answer r6 UnknownFramework
            > wait 1h
        "#]],
    );
}

#[test]
fn a_framework_that_subscribes_again_gets_its_pending_updates_at_once() {
    check(
        &format!(
            "{RUNNING}
            quiet
            update ex t1 TASK_RUNNING #a
            wait 4s
            resubscribed
            wait 9s
            wait 1s
            "
        ),
        expect![[r#"
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > wait 4s
            > resubscribed
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
            > wait 9s
            > wait 1s
                after 14s: master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
        "#]],
    );
}

#[test]
fn master_and_agent_that_disagree_about_an_executor_lose_the_task_only() {
    check(
        &format!(
            "{RUNNING}
            quiet
            launch ex t2
            join other t3
            kill t9
            "
        ),
        expect![[r#"
            > launch ex t2
                master executor ex exited with -1
                master UPDATE t2 TASK_DROPPED #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Master wants to launch executor, but one already exists`
            > join other t3
                master UPDATE t3 TASK_DROPPED #own2 executor other SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > kill t9
                master UPDATE t9 TASK_DROPPED #own3 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Cannot find executor`
        "#]],
    );
}

#[test]
fn who_does_not_know_dropped_is_told_lost() {
    check(
        "
        legacy
        register
        join ex t1
        launch ex t2
        kill t3
        ",
        expect![[r#"
                master register localhost
            > register
            > join ex t1
                master UPDATE t1 TASK_LOST #own1 executor ex SOURCE_AGENT REASON_EXECUTOR_TERMINATED `No executor is expected to launch and there is none running`
            > launch ex t2
                launch c1 ex, grace 5s
            > kill t3
                master UPDATE t3 TASK_LOST #own2 SOURCE_AGENT REASON_EXECUTOR_TERMINATED `Cannot find executor`
        "#]],
    );
}

#[test]
fn an_executor_may_report_for_a_task_of_another() {
    check(
        &format!(
            "{RUNNING}
            launch two t2
            started c2 78
            subscribe two
            quiet
            update two t1 TASK_RUNNING #a
            "
        ),
        expect![[r#"
            > update two t1 TASK_RUNNING #a
                answer r3 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
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

#[test]
fn nothing_is_done_before_the_registration() {
    check(
        "
        launch ex t1
        kill t1
        teardown
        register
        ",
        expect![[r#"
                master register localhost
            > launch ex t1
            > kill t1
            > teardown
            > register
        "#]],
    );
}

#[test]
fn updates_beyond_the_bound_are_dropped_and_not_acknowledged() {
    let mut lines = format!("{RUNNING} quiet\n");
    for number in 0..1002 {
        lines.push_str(&format!("update ex t1 TASK_RUNNING #{number}\n"));
    }
    lines.push_str("update ex t1 TASK_FINISHED #end\n");
    let transcript = run(&lines);
    assert_eq!(transcript.matches("ACKNOWLEDGED t1").count(), 1002);
    assert!(transcript.contains("ACKNOWLEDGED t1 #1000\n"));
    assert!(!transcript.contains("ACKNOWLEDGED t1 #1001\n"));
    assert!(
        transcript.contains("ACKNOWLEDGED t1 #end\n"),
        "an end always has a place"
    );
}

#[test]
fn a_group_of_which_one_task_has_ended_early_is_delivered_without_it() {
    check(
        "
        register
        launch ex a b c group
        started c1 77
        quiet
        subscribe ex updates=b:TASK_FAILED#b
        ",
        expect![[r#"
            > subscribe ex updates=b:TASK_FAILED#b
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                master UPDATE b TASK_FAILED #b in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED b #b
                stream r1 LAUNCH_GROUP a c
        "#]],
    );
}
