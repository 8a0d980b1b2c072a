//! What an executor tells of its tasks while they run.

use link::spec::{self, ControlKind, RunningUsage};
use mesos::v1::TaskState;

use crate::{agent::Agent, running::Executor};

async fn want(agent: &Agent, interval_ms: u64) {
    let want = ControlKind::WantUsage(spec::WantUsage { interval_ms });
    let record = spec::Control { kind: Some(want) };
    agent.link.control().send(&record).await.unwrap();
}

/// The tasks of the next record.
async fn told(agent: &Agent) -> Vec<RunningUsage> {
    match agent.link.control().recv().await.unwrap().kind {
        Some(ControlKind::Usages(usages)) => usages.tasks,
        other => panic!("not asked for: {other:?}"),
    }
}

/// Reads on until each of these tasks was told of in such a way last; answers all that was told
/// until then.
async fn until(
    agent: &Agent,
    tasks: &[&str],
    is_so: impl Fn(&RunningUsage, &spec::TaskUsage) -> bool,
) -> Vec<RunningUsage> {
    let mut all = Vec::new();
    loop {
        all.extend(told(agent).await);
        let mut found = tasks
            .iter()
            .map(|task| all.iter().rfind(|it| it.task_id == *task));
        if found.all(|it| it.is_some_and(|it| is_so(it, &it.usage.unwrap()))) {
            return all;
        }
    }
}

/// An executor with these tasks of the test module, which run.
async fn running(agent: &mut Agent, tasks: &[(&str, &str)]) -> Executor {
    let executor = agent.executor().await;
    agent.begin().await;
    for (name, args) in tasks {
        agent.launch(&agent.task(name, &[args]));
        assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    }
    executor
}

#[tokio::test]
async fn who_wants_to_know_is_told_of_all_tasks_and_then_of_those_that_do_something() {
    let mut agent = Agent::start().await;
    let (outbox, inbox) = agent.link.open("busy").unwrap();
    let (_idle, _) = agent.link.open("idle").unwrap();
    let _executor = running(&mut agent, &[("busy", "echo"), ("idle", "echo")]).await;
    want(&agent, 100).await;
    until(&agent, &["busy", "idle"], |it, usage| {
        assert_eq!((usage.messages_in, usage.messages_out), (0, 0));
        assert!(usage.cpu_time_us > 0 && usage.memory_bytes > 0, "{usage:?}");
        it.is_receiving && !it.is_blocked
    })
    .await;
    for round_trip in 1..=3 {
        outbox.send("hello".into()).await.unwrap();
        inbox.recv().await.unwrap();
        let all = until(&agent, &["busy"], |_, usage| {
            usage.messages_out == round_trip
        })
        .await;
        // Whose turn ended while it was told is told again, with the next ones.
        let is_alone = all.iter().all(|it| it.task_id == "busy");
        assert!(is_alone || round_trip == 1, "{all:?}");
    }
    // Who asks again knows nothing.
    want(&agent, 200).await;
    let told = until(&agent, &["busy", "idle"], |_, _| true).await;
    let sum: u64 = told.iter().map(|it| it.usage.unwrap().messages_in).sum();
    assert_eq!(sum, 3, "{told:?}");
}

#[tokio::test]
async fn a_task_that_waits_for_room_is_told_to_be_blocked() {
    let mut agent = Agent::start().await;
    let (_outbox, inbox) = agent.link.open("talks").unwrap();
    let _executor = running(&mut agent, &[("talks", "chatter")]).await;
    want(&agent, 100).await;
    until(&agent, &["talks"], |it, usage| {
        it.is_blocked && !it.is_receiving && usage.messages_out == 256
    })
    .await;
    assert!(inbox.recv().await.is_some());
}
