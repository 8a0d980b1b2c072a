//! What reconciliation takes in memory. A binary of its own, because it counts all allocations.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails its test")]
#![expect(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]

use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{AgentId, TaskId};
use mesosgot_scheduler::{
    Barrier, Call, Group, Input, Job, Offer, OnFailure, Output, Reason, Scheduler, Source,
    StatusUpdate, Strategy, TaskState, Timing,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One job has at most 32,000 tasks, so it takes some to have a hundred thousand.
const JOBS: usize = 4;

const TASKS: u32 = 25_000;

const AGENTS: u32 = 50;

/// What all machines together may hold while they ask about 100,000 tasks, the tasks themselves
/// and the questions included.
const BYTES_MAX: usize = 100_000_000;

#[test]
fn a_hundred_thousand_tasks_are_asked_about_in_less_than_a_hundred_megabytes() {
    let before = ALLOCATOR.current_usage();
    let now = Instant::now();
    let mut jobs: Vec<Scheduler> = (0..JOBS).map(|_| running(now)).collect();
    let launched = ALLOCATOR.current_usage() - before;
    ALLOCATOR.reset_peak_usage();
    let lost = || Input::Disconnected {
        reason: "broken pipe".to_owned(),
    };
    let questions: Vec<_> = jobs
        .iter_mut()
        .map(|scheduler| {
            said(scheduler, now, lost());
            let said = said(scheduler, now, Input::Subscribed("framework".into()));
            said.into_iter().find_map(question).unwrap()
        })
        .collect();
    for (scheduler, tasks) in jobs.iter_mut().zip(&questions) {
        assert_eq!(tasks.len(), TASKS as usize);
        for task in tasks {
            said(scheduler, now, answer(task));
        }
        // Everything is known: nothing is asked again.
        let later = now + Duration::from_secs(60);
        assert_eq!(said(scheduler, later, Input::Tick), []);
    }
    let peak = ALLOCATOR.peak_usage() - before;
    assert!(
        peak < BYTES_MAX,
        "{peak} bytes, of them {launched} for the tasks"
    );
}

/// A machine whose tasks all run.
fn running(now: Instant) -> Scheduler {
    let group = Group {
        name: "task".to_owned(),
        count: TASKS,
        resources: Resources::parse("cpus:0.01").unwrap(),
        constraints: Vec::new(),
        colocate: false,
        on_failure: OnFailure::Shutdown,
        kill_grace: Duration::ZERO,
    };
    let job = Job {
        name: "memory".to_owned(),
        run: "r".to_owned(),
        groups: vec![group],
        executor: Resources::parse("cpus:0.1").unwrap(),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    };
    let mut scheduler = Scheduler::new(job, now, 1).unwrap();
    said(&mut scheduler, now, Input::Subscribed("framework".into()));
    let offers = (0..AGENTS).map(|number| Offer {
        id: format!("offer-{number}").as_str().into(),
        agent: format!("agent-{number}").as_str().into(),
        hostname: format!("host-{number}"),
        attributes: Vec::new(),
        role: "*".to_owned(),
        resources: Resources::parse("cpus:6").unwrap(),
    });
    for output in said(&mut scheduler, now, Input::Offers(offers.collect())) {
        if let Output::Accept {
            executor, tasks, ..
        } = output
        {
            for task in tasks {
                let place = (task.id, executor.agent.clone());
                said(&mut scheduler, now, answer(&place));
            }
        }
    }
    let mut tasks = scheduler.tasks();
    assert!(tasks.all(|task| task.state == Some(TaskState::Running)));
    drop(tasks);
    scheduler
}

fn said(scheduler: &mut Scheduler, now: Instant, input: Input) -> Vec<Output> {
    scheduler.handle(now, input);
    std::iter::from_fn(|| scheduler.poll_output()).collect()
}

fn question(output: Output) -> Option<Vec<(TaskId, AgentId)>> {
    match output {
        Output::Call(Call::Reconcile(tasks)) => Some(tasks),
        _ => None,
    }
}

fn answer((task, agent): &(TaskId, AgentId)) -> Input {
    Input::Update(StatusUpdate {
        task: task.clone(),
        state: TaskState::Running,
        agent: Some(agent.clone()),
        source: Source::Master,
        reason: Some(Reason::RECONCILIATION),
        message: None,
        uuid: None,
    })
}
