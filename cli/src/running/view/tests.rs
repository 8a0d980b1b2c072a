//! What is known after reports, in plain values.

use framework::Source;

use super::*;

fn view() -> View {
    View {
        id: JobId {
            job: "elevator".to_owned(),
            pid: 7,
        },
        started: "t0".to_owned(),
        phase: Phase::Subscribing,
        waits: BTreeMap::new(),
        stops: None,
        disconnected: None,
        framework_id: None,
        groups: vec![("lift".to_owned(), 2), ("floor".to_owned(), 12)],
        tasks: HashMap::new(),
        delivering: None,
    }
}

fn report(task: &str, state: TaskState) -> TaskReport {
    TaskReport {
        task: task.to_owned(),
        state,
        source: Source::Executor,
        reason: None,
        message: None,
        agent: Some("a1".into()),
    }
}

fn status(view: &View) -> Status {
    view.status(Figures {
        uptime: Duration::from_secs(3),
        total: TotalTraffic::default(),
        links: Vec::new(),
        usage: &|task| {
            (task == "lift-1").then(|| TaskUsage {
                memory_bytes: 5,
                ..TaskUsage::default()
            })
        },
        hostnames: [(AgentId::from("a1"), "host-1".to_owned())].into(),
        forgotten: Forgotten::default(),
    })
}

#[test]
fn a_job_goes_from_phase_to_phase() {
    let mut view = view();
    let mut after = |progress: &Progress| {
        view.handle("t1".to_owned(), progress);
        status(&view).phase
    };
    let subscribed = Progress::Subscribed {
        framework: "f".into(),
        first: true,
    };
    assert_eq!(after(&subscribed), Phase::Waiting);
    let placed = Progress::Placed {
        tasks: vec!["lift-0".to_owned(), "lift-1".to_owned()],
        agents: 1,
    };
    assert_eq!(after(&placed), Phase::Launching);
    assert_eq!(after(&Progress::AppStarted), Phase::Running);
    // A master that fails over changes nothing for the gang, nor do tasks that are placed again.
    assert_eq!(after(&subscribed), Phase::Running);
    assert_eq!(after(&placed), Phase::Running);
    let stopping = Progress::Stopping(scheduler::Outcome::Interrupted);
    assert_eq!(after(&stopping), Phase::Stopping);
}

#[test]
fn a_lost_connection_is_told_until_there_is_another() {
    let mut view = view();
    view.handle(
        "t1".to_owned(),
        &Progress::Disconnected {
            reason: "refused".to_owned(),
        },
    );
    assert_eq!(status(&view).disconnected.as_deref(), Some("refused"));
    view.handle(
        "t2".to_owned(),
        &Progress::Subscribed {
            framework: "f".into(),
            first: true,
        },
    );
    assert_eq!(status(&view).disconnected, None);
}

#[test]
fn tasks_are_in_the_order_of_groups_and_numbers() {
    let mut view = view();
    for task in ["floor-10", "floor-9", "lift-1", "lift-0"] {
        let running = Progress::Task(report(task, TaskState::Running));
        view.handle("t1".to_owned(), &running);
    }
    let status = status(&view);
    let names: Vec<&str> = status.tasks.iter().map(|task| &*task.task).collect();
    assert_eq!(names, ["lift-0", "lift-1", "floor-9", "floor-10"]);
    assert_eq!(status.tasks[1].memory_bytes, Some(5));
    assert_eq!(status.tasks[0].memory_bytes, None);
    assert_eq!(
        status.groups[1].states,
        [("TASK_RUNNING".to_owned(), 2)].into()
    );
    assert_eq!(
        status.agents,
        [AgentStatus {
            agent: "a1".to_owned(),
            hostname: "host-1".to_owned(),
            tasks: 4
        }]
    );
}

#[test]
fn a_task_keeps_the_time_of_its_state_and_counts_its_restarts() {
    let mut view = view();
    let running = Progress::Task(report("lift-0", TaskState::Running));
    view.handle("t1".to_owned(), &running);
    view.handle("t2".to_owned(), &running);
    assert_eq!(status(&view).tasks[0].since, "t1");
    let failed = Progress::Restarting {
        task: report("lift-0", TaskState::Failed),
        number: 1,
        max: 5,
        wait: Duration::ZERO,
    };
    view.handle("t3".to_owned(), &failed);
    view.handle("t4".to_owned(), &running);
    let task = status(&view).tasks.remove(0);
    assert_eq!((&*task.since, task.restarts), ("t4", 1));
}
