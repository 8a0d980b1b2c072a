//! What operators see of an agent.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use expect_test::expect;
use mesos::v1;
use mesos::v1::agent::call;
use mesos::v1::value::{Range, Ranges, Scalar, Type};

use super::RUNNING;
use super::script::{check, config};
use crate::core::agent::operator::{Description, ExecutorView, Scope};
use crate::core::agent::{Agent, Config};

/// A description as scripts have it.
pub(super) fn text(agent: &Description) -> String {
    let mut text = String::new();
    for framework in agent.frameworks.iter().chain(&agent.completed_frameworks) {
        let executors = framework.executors.iter().map(|it| (it, ""));
        let completed = framework.completed_executors.iter();
        for (executor, end) in executors.chain(completed.map(|it| (it, ", completed"))) {
            write_executor(&mut text, executor, end);
        }
    }
    let containers = agent.containers();
    let pids = containers.iter().map(|container| {
        let status = container.container_status.as_ref();
        status.and_then(|status| status.executor_pid)
    });
    writeln!(text, "    containers {:?}", pids.collect::<Vec<_>>()).unwrap();
    let metrics = agent.metrics.iter().filter(|metric| metric.value() != 0.0);
    for metric in metrics.filter(|metric| metric.name != "slave/uptime_secs") {
        writeln!(text, "    {} {}", metric.name, metric.value()).unwrap();
    }
    text
}

fn write_executor(text: &mut String, executor: &ExecutorView, end: &str) {
    let id = &executor.info.executor_id.value;
    writeln!(text, "    executor {id}{end}").unwrap();
    let tasks = &executor.tasks;
    let lists = [
        ("queued", &tasks.queued),
        ("launched", &tasks.launched),
        ("terminated", &tasks.terminated),
        ("completed", &tasks.completed),
    ];
    for (name, task) in lists
        .into_iter()
        .flat_map(|(name, tasks)| tasks.iter().map(move |task| (name, task)))
    {
        let states = task.statuses.iter().map(|it| it.state().as_str_name());
        let states: Vec<_> = states.collect();
        writeln!(
            text,
            "      {name} {} {}, heard {}, sent {}",
            task.task_id.value,
            task.state().as_str_name(),
            states.join(" "),
            task.status_update_state
                .map_or("nothing", |_| task.status_update_state().as_str_name())
        )
        .unwrap();
    }
}

#[test]
fn tasks_go_from_list_to_list() {
    check(
        "
        register
        launch ex t1
        join ex t2
        describe
        started c1 77
        subscribe ex
        describe
        update ex t1 TASK_RUNNING #a
        update ex t1 TASK_FINISHED #b
        update ex t2 TASK_FINISHED #c
        ack t2 #c
        describe
        ",
        expect![[r#"
                master register localhost
            > register
            > launch ex t1
                launch c1 ex, grace 5s
            > join ex t2
            > describe
                executor ex
                  queued t1 TASK_STAGING, heard , sent nothing
                  queued t2 TASK_STAGING, heard , sent nothing
                containers [None]
                slave/executors_registering 1
                slave/frameworks_active 1
                slave/registered 1
                slave/tasks_staging 2
            > started c1 77
            > subscribe ex
                answer r1 Stream
                stream r1 SUBSCRIBED f ex on m-S0 in c1
                stream r1 LAUNCH t1
                stream r1 LAUNCH t2
            > describe
                executor ex
                  launched t1 TASK_STAGING, heard , sent nothing
                  launched t2 TASK_STAGING, heard , sent nothing
                containers [Some(77)]
                slave/executors_running 1
                slave/frameworks_active 1
                slave/registered 1
                slave/tasks_staging 2
            > update ex t1 TASK_RUNNING #a
                answer r2 Accepted
                master UPDATE t1 TASK_RUNNING #a in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t1 #a
            > update ex t1 TASK_FINISHED #b
                answer r3 Accepted
                stream r1 ACKNOWLEDGED t1 #b
            > update ex t2 TASK_FINISHED #c
                answer r4 Accepted
                master UPDATE t2 TASK_FINISHED #c in c1 pid 77 at 127.0.0.1
                stream r1 ACKNOWLEDGED t2 #c
            > ack t2 #c
            > describe
                executor ex
                  terminated t1 TASK_FINISHED, heard TASK_RUNNING TASK_FINISHED, sent TASK_RUNNING
                  completed t2 TASK_FINISHED, heard TASK_FINISHED, sent TASK_FINISHED
                containers [Some(77)]
                slave/executors_running 1
                slave/frameworks_active 1
                slave/registered 1
                slave/tasks_finished 2
        "#]],
    );
}

#[test]
fn an_executor_that_is_gone_is_kept_and_comes_back_with_its_framework() {
    check(
        &format!(
            "{RUNNING}
            update ex t1 TASK_FINISHED #a
            exit c1 0
            quiet
            describe
            ack t1 #a
            describe
            launch ex2 t2
            describe
            "
        ),
        expect![[r#"
            > describe
                executor ex
                  terminated t1 TASK_FINISHED, heard TASK_FINISHED, sent TASK_FINISHED
                containers []
                slave/frameworks_active 1
                slave/registered 1
                slave/tasks_finished 1
            > ack t1 #a
            > describe
                executor ex, completed
                  completed t1 TASK_FINISHED, heard TASK_FINISHED, sent TASK_FINISHED
                containers []
                slave/executors_terminated 1
                slave/registered 1
                slave/tasks_finished 1
            > launch ex2 t2
                launch c2 ex2, grace 5s
            > describe
                executor ex2
                  queued t2 TASK_STAGING, heard , sent nothing
                executor ex, completed
                  completed t1 TASK_FINISHED, heard TASK_FINISHED, sent TASK_FINISHED
                containers [None]
                slave/executors_registering 1
                slave/executors_terminated 1
                slave/frameworks_active 1
                slave/registered 1
                slave/tasks_finished 1
                slave/tasks_staging 1
        "#]],
    );
}

#[test]
fn the_next_process_knows_of_frameworks_with_checkpoint_only_and_tells_when_it_has_recovered() {
    check(
        &format!(
            "checkpoint
            {RUNNING}
            update ex t1 TASK_FINISHED #a
            ack t1 #a
            quiet
            restart
            describe
            subscribe ex
            wait 3s
            register
            describe
            "
        ),
        expect![[r#"
            > restart
            > describe
                it recovers
            > subscribe ex
                answer r3 Stream
                stream r3 SUBSCRIBED f ex on m-S0 in c1
            > wait 3s
                after 2s: master register localhost as m-S0, framework f, executor ex
            > register
            > describe
                executor ex
                  completed t1 TASK_FINISHED, heard TASK_FINISHED, sent TASK_FINISHED
                containers [Some(77)]
                slave/executors_running 1
                slave/frameworks_active 1
                slave/registered 1
        "#]],
    );
    check(
        &format!("{RUNNING} \n restart \n register \n quiet \n describe"),
        expect![[r#"
            > describe
                containers []
                slave/registered 1
        "#]],
    );
}

#[test]
fn the_oldest_completed_executors_and_tasks_are_forgotten() {
    let mut script = RUNNING.to_owned();
    for number in 0..300 {
        write!(
            script,
            "join ex n{number}\nupdate ex n{number} TASK_FINISHED #n{number}\nack n{number} #n{number}\n"
        )
        .unwrap();
    }
    script += "quiet\ndescribe";
    let text = super::script::run(&script);
    let completed: Vec<_> = text.lines().filter(|it| it.contains("completed")).collect();
    assert_eq!(completed.len(), 200);
    assert!(completed[0].contains("n100 "), "{}", completed[0]);

    let mut script = "register\nlaunch stays s\n".to_owned();
    for number in 0..200 {
        let container = number + 2;
        write!(script, "launch e{number} t{number}\nstarted c{container} 9\nsubscribe e{number}\nupdate e{number} t{number} TASK_FINISHED #t{number}\nack t{number} #t{number}\nexit c{container} 0\n").unwrap();
    }
    script += "quiet\ndescribe";
    let text = super::script::run(&script);
    let gone = text.lines().filter(|it| it.ends_with(", completed"));
    let gone: Vec<_> = gone.collect();
    assert_eq!(gone.len(), 150);
    assert_eq!(gone[0], "    executor e50, completed");
}

fn agent() -> (Agent, Instant) {
    let started = Instant::now();
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        r#type: Type::Scalar.into(),
        scalar: Some(Scalar { value }),
        ..v1::Resource::default()
    };
    let ports = v1::Resource {
        name: "ports".to_owned(),
        r#type: Type::Ranges.into(),
        ranges: Some(Ranges {
            range: vec![Range { begin: 1, end: 3 }],
        }),
        ..v1::Resource::default()
    };
    let config = config(started);
    let info = v1::AgentInfo {
        resources: vec![scalar("cpus", 1.5), ports],
        attributes: mesos::attributes::parse("rack:r1;n:2.5;at:[1-2]").expect("attributes"),
        ..config.info.clone()
    };
    (Agent::new(Config { info, ..config }), started)
}

#[test]
fn flags_say_what_would_start_such_an_agent() {
    let (agent, now) = agent();
    let described = agent
        .describe(now, Scope::Agent)
        .expect("it does not recover");
    let flag = |name: &str| {
        let flag = described.flags.iter().find(|flag| flag.name == name);
        flag.map(v1::Flag::value).expect(name)
    };
    assert_eq!(flag("resources"), "cpus:1.5;ports:[1-3]");
    assert_eq!(flag("attributes"), "rack:r1;n:2.5;at:[1-2]");
    assert_eq!(flag("executor_registration_timeout"), "1mins");
    assert_eq!(flag("work_dir"), "/work");
    assert!(described.flags.is_sorted_by_key(|flag| &flag.name));
}

#[test]
fn a_level_of_logging_is_remembered_for_its_time() {
    let (mut agent, now) = agent();
    agent.set_logging_level(now, 2, 1_000_000_000);
    let level = |now| agent.describe(now, Scope::Agent).map(|it| it.logging_level);
    assert_eq!(level(now), Ok(2));
    assert_eq!(level(now + Duration::from_secs(1)), Ok(0));
}

#[test]
fn every_query_has_an_answer_of_its_type_and_nothing_else_has() {
    let (agent, now) = agent();
    let described = agent.describe(now, Scope::Everything).expect("all of it");
    for number in 0..40 {
        let Ok(call_type) = call::Type::try_from(number) else {
            continue;
        };
        let name = call_type.as_str_name();
        // Files are not the machine's.
        let is_query = name.starts_with("GET_");
        let answered = described.answer(call_type);
        assert_eq!(answered.is_some(), is_query, "{name}");
        let is_scoped = crate::core::agent::operator::scope(call_type).is_some();
        assert_eq!(is_scoped, is_query, "{name}");
        if let Some(answer) = answered {
            assert_eq!(answer.r#type().as_str_name(), name);
        }
    }
}
