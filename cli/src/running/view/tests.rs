//! What is told of a job, from what is known of it.

use framework::{Progress, Source, TaskReport, TaskState};

use super::*;
use crate::running::status::Phase;
use crate::tally::Tally;

fn running(task: &str) -> Progress {
    Progress::Task(TaskReport {
        task: task.to_owned(),
        state: TaskState::Running,
        source: Source::Executor,
        reason: None,
        message: None,
        agent: Some("a1".into()),
    })
}

/// Twelve floors and two lifts, of which only some were heard of.
fn known() -> Snapshot {
    let mut tally = Tally::of_groups([("lift", 2), ("floor", 12)]);
    let subscribed = Progress::Subscribed {
        framework: "f".into(),
        first: true,
    };
    tally.count("t1", &subscribed);
    for task in ["floor-10", "floor-9", "lift-1", "lift-0"] {
        tally.count("t1", &running(task));
    }
    tally.snapshot()
}

fn usage(task: &str) -> Option<TaskUsage> {
    (task == "lift-1").then(|| TaskUsage {
        memory_bytes: 5,
        ..TaskUsage::default()
    })
}

#[test]
fn a_job_is_told_with_its_groups_and_agents() {
    let figures = Figures {
        id: &JobId::default(),
        started: "t0",
        uptime: Duration::from_secs(3),
        total: TotalTraffic::default(),
        hostnames: [(AgentId::from("a1"), "host-1".to_owned())].into(),
        forgotten: Forgotten::default(),
    };
    let status = head(&known(), figures);
    assert_eq!(status.phase, Phase::Waiting);
    assert_eq!(status.framework_id.as_deref(), Some("f"));
    assert_eq!(
        status.groups[1],
        GroupStatus {
            group: "floor".to_owned(),
            count: 12,
            states: [("TASK_RUNNING".to_owned(), 2)].into(),
        }
    );
    assert_eq!(
        status.agents,
        [AgentStatus {
            agent: "a1".to_owned(),
            hostname: "host-1".to_owned(),
            tasks: 4
        }]
    );
    assert_eq!(status.delivering, None);
}

#[test]
fn tasks_are_in_the_order_of_groups_and_numbers() {
    let tasks = tasks(&known().into_tasks(), &[], usage);
    let names: Vec<&str> = tasks.iter().map(|task| &*task.task).collect();
    assert_eq!(names, ["lift-0", "lift-1", "floor-9", "floor-10"]);
    assert_eq!(tasks[1].memory_bytes, Some(5));
    assert_eq!(tasks[0].memory_bytes, None);
}

#[test]
fn figures_are_those_of_the_tasks_of_a_group() {
    let tasks = known().into_tasks();
    let lift = GroupFigures {
        memory_bytes: 5,
        ..GroupFigures::default()
    };
    let expected = [("floor", GroupFigures::default()), ("lift", lift)];
    assert_eq!(group_figures(&tasks, usage), expected.into());
}
