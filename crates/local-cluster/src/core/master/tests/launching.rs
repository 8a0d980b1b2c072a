//! ACCEPT: what is launched, and in which words what is not.

use expect_test::expect;
use serde_json::{Value, json};

use super::{check, task_json};

/// Launches a task that was changed, from the first offer of an agent with 4 cpus and 1024 MB.
#[track_caller]
fn check_task(change: impl FnOnce(&mut Value), expected: expect_test::Expect) {
    let mut task = task_json("t1", "cpus:1;mem:64", "ex1");
    change(&mut task);
    check_operation(
        &json!({"type": "LAUNCH", "launch": {"task_infos": [task]}}),
        expected,
    );
}

#[track_caller]
fn check_operation(operation: &Value, expected: expect_test::Expect) {
    let accept = json!({"type": "ACCEPT", "accept": {
        "offer_ids": [{"value": "M-O0"}], "operations": [operation],
    }});
    check(
        &format!("agent 0 cpus:4;mem:1024;disk:100\nsubscribe a\n---\na {accept}"),
        expected,
    );
}

#[test]
fn a_second_task_joins_the_executor_and_the_rest_is_offered_again() {
    check(
        "agent 0 cpus:4;mem:1024
         subscribe a
         a launch O0 t1 cpus:1;mem:64 ex1
         advance 1
         a launch O1 t2 cpus:1;mem:64 ex1
         advance 1",
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with ex1
            > a launch O1 t2 cpus:1;mem:64 ex1
            1.0 agent 0 < RunTasks t2 on ex1
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):1.9; mem(allocated: rec):864 with ex1
        "#]],
    );
}

#[test]
fn bad_offers_fail_every_task_and_give_the_good_ones_back() {
    check(
        r#"agent 0 cpus:4;mem:1024
           agent 1 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           a launch O0 stale cpus:1;mem:64 ex1
           a launch O1,O0 mixed cpus:1;mem:64 ex1
           advance 1
           a launch O3,O3 twice cpus:1;mem:64 ex1
           a {"type": "ACCEPT", "accept": {}}
           advance 1
           a launch O2,O4 agents cpus:1;mem:64 ex1
           a launch O4 late cpus:1;mem:64 ex1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > agent 1 cpus:4;mem:1024
            0.0 agent 1 < Registered M-S1
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024 | M-O1 of M-S1: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > a launch O0 stale cpus:1;mem:64 ex1
            0.0 a < stale TASK_DROPPED SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Offer M-O0 is no longer valid"
            0.0 202
            > a launch O1,O0 mixed cpus:1;mem:64 ex1
            0.0 a < mixed TASK_DROPPED SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Offer M-O0 is no longer valid"
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec):2.9; mem(allocated: rec):928 with ex1 | M-O3 of M-S1: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O3,O3 twice cpus:1;mem:64 ex1
            1.0 a < twice TASK_DROPPED SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Duplicate offer M-O3 in offer list"
            1.0 202
            > a {"type": "ACCEPT", "accept": {}}
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O4 of M-S1: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O2,O4 agents cpus:1;mem:64 ex1
            2.0 a < agents TASK_DROPPED SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer M-O4 uses agent M-S1 and agent M-S0"
            2.0 202
            > a launch O4 late cpus:1;mem:64 ex1
            2.0 a < late TASK_DROPPED SOURCE_MASTER REASON_INVALID_OFFERS "Task launched with invalid offers: Offer M-O4 is no longer valid"
            2.0 202
        "#]],
    );
}

#[test]
fn a_task_id_that_is_known_is_refused_until_its_end_is_acknowledged() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a launch O0 t1 cpus:1;mem:64 ex1
           update 0 a t1 TASK_FINISHED
           advance 1
           a launch O1 t1 cpus:1;mem:64 ex1
           a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"value": "M-S0"}, "task_id": {"value": "t1"}, "uuid": "VEFTS19GSU5JU0hFRA=="}}
           a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"value": "M-S0"}, "task_id": {"value": "t1"}, "uuid": "AYwuXgAAQAAAAAAAAACrzQ=="}}"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a launch O0 t1 cpus:1;mem:64 ex1
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
            > update 0 a t1 TASK_FINISHED
            0.0 a < t1 TASK_FINISHED [uuid]
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):3.9; mem(allocated: rec):992 with ex1
            > a launch O1 t1 cpus:1;mem:64 ex1
            1.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task has duplicate ID: t1"
            1.0 202
            > a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"valu…
            1.0 400 Failed to validate scheduler::Call: Not a valid UUID
            > a {"type": "ACKNOWLEDGE", "acknowledge": {"agent_id": {"valu…
            1.0 agent 0 < AcknowledgeUpdate t1
            1.0 202
        "#]],
    );
}

#[test]
fn more_than_was_offered_is_an_error() {
    check_task(
        |task| task["resources"][0]["scalar"]["value"] = json!(3.95),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Total resources cpus(allocated: rec):4.05; mem(allocated: rec):96 required by task and its executor is more than available cpus(allocated: rec):4; mem(allocated: rec):1024; disk(allocated: rec):100"
            0.0 202
        "#]],
    );
}

#[test]
fn bad_tasks_are_refused_in_the_words_of_mesos() {
    check_task(
        |task| task["task_id"] = json!({"value": "a/b"}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < a/b TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "'a/b' contains invalid characters"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["agent_id"] = json!({"value": "nope"}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task uses invalid agent nope while agent M-S0 is expected"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["resources"] = json!([]),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task uses no resources"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["resources"][0]["scalar"]["value"] = json!(-1),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["executor"] = Value::Null,
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["command"] = json!({"value": "x"}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["executor"]["type"] = json!("DEFAULT"),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["executor"]["command"] = Value::Null,
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["executor"]["framework_id"] = json!({"value": "nope"}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "ExecutorInfo has an invalid FrameworkID (Actual: nope vs Expected: M-0000)"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["check"] = json!({}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task uses invalid check: CheckInfo must specify 'type'"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["limits"] = json!({"cpus": {"value": 0.5}}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "The cpu limit must be greater than or equal to the cpu request"
            0.0 202
        "#]],
    );
    check_task(
        |task| task["kill_policy"] = json!({"grace_period": {"nanoseconds": -1}}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "Task's 'kill_policy.grace_period' must be non-negative"
            0.0 202
        "#]],
    );
}

#[test]
fn cpus_of_nothing_are_passed_on() {
    check_task(
        |task| task["resources"][0]["scalar"]["value"] = json!(0),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 202
        "#]],
    );
}

#[test]
fn another_executor_info_under_a_known_id_is_refused_and_both_are_shown() {
    let mut other = task_json("t2", "cpus:1;mem:64", "ex1");
    other["executor"]["command"]["value"] = json!("else");
    let tasks = [task_json("t1", "cpus:1;mem:64", "ex1"), other];
    check_operation(
        &json!({"type": "LAUNCH", "launch": {"task_infos": tasks}}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 a < t2 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n------------------------------------------------------------\nExisting ExecutorInfo:\nexecutor_id {\n  value: \"ex1\"\n}\nresources {\n  name: \"cpus\"\n  type: SCALAR\n  scalar {\n    value: 0.1\n  }\n  allocation_info {\n    role: \"rec\"\n  }\n}\nresources {\n  name: \"mem\"\n  type: SCALAR\n  scalar {\n    value: 32\n  }\n  allocation_info {\n    role: \"rec\"\n  }\n}\ncommand {\n  value: \"run\"\n}\nframework_id {\n  value: \"M-0000\"\n}\ntype: CUSTOM\n\n------------------------------------------------------------\nExecutorInfo:\nexecutor_id {\n  value: \"ex1\"\n}\nresources {\n  name: \"cpus\"\n  type: SCALAR\n  scalar {\n    value: 0.1\n  }\n  allocation_info {\n    role: \"rec\"\n  }\n}\nresources {\n  name: \"mem\"\n  type: SCALAR\n  scalar {\n    value: 32\n  }\n  allocation_info {\n    role: \"rec\"\n  }\n}\ncommand {\n  value: \"else\"\n}\nframework_id {\n  value: \"M-0000\"\n}\ntype: CUSTOM\n\n------------------------------------------------------------\n"
            0.0 202
        "#]],
    );
}

#[test]
fn labels_and_grace_period_make_no_other_executor() {
    let mut other = task_json("t2", "cpus:1;mem:64", "ex1");
    other["executor"]["labels"] = json!({"labels": [{"key": "k"}]});
    other["executor"]["shutdown_grace_period"] = json!({"nanoseconds": 1});
    let tasks = [task_json("t1", "cpus:1;mem:64", "ex1"), other];
    check_operation(
        &json!({"type": "LAUNCH", "launch": {"task_infos": tasks}}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 agent 0 < RunTasks t1 on new ex1
            0.0 agent 0 < RunTasks t2 on ex1
            0.0 202
        "#]],
    );
}

fn group(change: impl FnOnce(&mut Value)) -> Value {
    let mut tasks = [1, 2].map(|n| task_json(&format!("g{n}"), "cpus:1;mem:64", "ex1"));
    let mut executor = tasks[0]["executor"].take();
    tasks[1]["executor"].take();
    let disk = json!({"name": "disk", "type": "SCALAR", "scalar": {"value": 10}});
    executor["resources"]
        .as_array_mut()
        .expect("a list")
        .push(disk);
    let mut operation = json!({"type": "LAUNCH_GROUP", "launch_group": {
        "executor": executor, "task_group": {"tasks": tasks},
    }});
    change(&mut operation["launch_group"]);
    operation
}

#[test]
fn a_group_is_launched_together() {
    check_operation(
        &group(|_| {}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 agent 0 < RunTasks group g1 g2 on new ex1
            0.0 202
        "#]],
    );
}

#[test]
fn a_group_with_a_fault_is_not_launched_at_all() {
    check_operation(
        &group(|group| {
            group["executor"]["resources"]
                .as_array_mut()
                .expect("a list")
                .pop();
        }),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < g1 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Executor 'ex1' uses no disk"
            0.0 a < g2 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Executor 'ex1' uses no disk"
            0.0 202
        "#]],
    );
    check_operation(
        &group(|group| group["executor"]["type"] = Value::Null),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < g1 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "'ExecutorInfo.type' must be set"
            0.0 a < g2 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "'ExecutorInfo.type' must be set"
            0.0 202
        "#]],
    );
    check_operation(
        &group(|group| {
            group["task_group"]["tasks"][1]["resources"][0]["scalar"]["value"] = json!(50);
        }),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < g1 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Total resources cpus(allocated: rec):51.1; mem(allocated: rec):160; disk(allocated: rec):10 required by task group and its executor are more than available cpus(allocated: rec):4; mem(allocated: rec):1024; disk(allocated: rec):100"
            0.0 a < g2 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Total resources cpus(allocated: rec):51.1; mem(allocated: rec):160; disk(allocated: rec):10 required by task group and its executor are more than available cpus(allocated: rec):4; mem(allocated: rec):1024; disk(allocated: rec):100"
            0.0 202
        "#]],
    );
    check_operation(
        &group(|group| group["task_group"]["tasks"][1]["task_id"] = json!({"value": "g1"})),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < g1 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Task 'g1' is invalid: Task has duplicate ID: g1"
            0.0 a < g1 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Task 'g1' is invalid: Task has duplicate ID: g1"
            0.0 202
        "#]],
    );
}

#[test]
fn operations_that_are_not_built_say_so() {
    let reserve = json!({"type": "RESERVE", "id": {"value": "op"}, "reserve": {}});
    check_operation(
        &reserve,
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 agent 0 < Checkpoint cpus:4; mem:1024; disk:100
            0.0 a < UPDATE_OPERATION_STATUS op OPERATION_FINISHED # 
            0.0 202
        "#]],
    );
    let with_id = json!({"type": "LAUNCH", "id": {"value": "op"}, "launch": {
        "task_infos": [task_json("t1", "cpus:1;mem:64", "ex1")],
    }});
    check_operation(
        &with_id,
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t1 TASK_ERROR SOURCE_MASTER REASON_TASK_INVALID "The `id` field cannot be set on LAUNCH operations"
            0.0 202
        "#]],
    );
    check_operation(
        &json!({"type": "LAUNCH"}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 202
        "#]],
    );
}

#[test]
fn a_body_that_the_type_does_not_name_means_nothing() {
    let launch = json!({"task_infos": [task_json("t1", "cpus:0", "ex1")]});
    let executor = &task_json("t2", "cpus:1", "ex2")["executor"];
    let group = json!({"executor": executor, "task_group": {
        "tasks": [task_json("t2", "cpus:-1", "ex2")],
    }});
    check_operation(
        &json!({"type": "LAUNCH_GROUP", "launch": launch, "launch_group": group}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 a < t2 TASK_ERROR SOURCE_MASTER REASON_TASK_GROUP_INVALID "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"
            0.0 202
        "#]],
    );
    check_operation(
        &json!({"type": "LAUNCH", "launch_group": group}),
        expect![[r#"
            > a {"accept":{"offer_ids":[{"value":"M-O0"}],"operations":[{"…
            0.0 202
        "#]],
    );
}
