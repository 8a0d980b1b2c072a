//! Status updates: one of a task on its way, until it is acknowledged.

use expect_test::expect;

use super::RUNNING;
use super::script::{check, run};

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
