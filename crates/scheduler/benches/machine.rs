//! How long the whole machine takes: a large gang from offers to launches, and its status updates.

use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesosgot_scheduler::{
    Barrier, Group, Input, Job, Offer, OnFailure, Output, Scheduler, Source, StatusUpdate,
    Strategy, TaskLaunch, TaskState, Timing, Uuid,
};

const AGENTS: usize = 1000;

fn main() {
    divan::main();
}

/// 10,000 tasks in 20 groups, from the offers of 1,000 agents to the last ACCEPT.
#[divan::bench]
fn ten_thousand_launches(bencher: divan::Bencher<'_, '_>) {
    let start = now();
    bencher
        .with_inputs(|| (subscribed(start), offers()))
        .bench_values(|(mut scheduler, offers)| {
            scheduler.handle(start, Input::Offers(offers));
            let launched = launched(&mut scheduler).len();
            assert_eq!(launched, 10_000);
            scheduler
        });
}

/// TASK_RUNNING of 10,000 tasks, each handled and acknowledged.
#[divan::bench]
fn ten_thousand_status_updates(bencher: divan::Bencher<'_, '_>) {
    let start = now();
    bencher
        .with_inputs(|| {
            let mut scheduler = subscribed(start);
            scheduler.handle(start, Input::Offers(offers()));
            let updates: Vec<StatusUpdate> = launched(&mut scheduler).iter().map(running).collect();
            (scheduler, updates)
        })
        .bench_values(|(mut scheduler, updates)| {
            for update in updates {
                scheduler.handle(start, Input::Update(update));
                while scheduler.poll_output().is_some() {}
            }
            let mut tasks = scheduler.tasks();
            assert!(tasks.all(|task| task.state == Some(TaskState::Running)));
            drop(tasks);
            scheduler
        });
}

#[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
fn now() -> Instant {
    Instant::now()
}

fn subscribed(now: Instant) -> Scheduler {
    let groups = (0..20).map(|number| Group {
        name: format!("group-{number}"),
        count: 500,
        resources: resources(
            0.1 + f64::from(number) * 0.05,
            32.0 + f64::from(number) * 16.0,
        ),
        constraints: Vec::new(),
        colocate: false,
        on_failure: OnFailure::Shutdown,
        kill_grace: Duration::ZERO,
    });
    let job = Job {
        name: "bench".to_owned(),
        run: "r".to_owned(),
        groups: groups.collect(),
        executor: resources(0.1, 64.0),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    };
    let mut scheduler = Scheduler::new(job, now, 1).expect("the job is right");
    scheduler.handle(now, Input::Subscribed("framework".into()));
    while scheduler.poll_output().is_some() {}
    scheduler
}

fn offers() -> Vec<Offer> {
    let offers = (0..AGENTS).map(|number| Offer {
        id: format!("offer-{number}").as_str().into(),
        agent: format!("agent-{number}").as_str().into(),
        hostname: format!("host-{number}"),
        attributes: Vec::new(),
        role: "*".to_owned(),
        resources: Resources::parse("cpus:8;mem:8192;disk:100000;ports:[31000-32000]")
            .expect("it is well formed")
            .allocate("*"),
    });
    offers.collect()
}

fn launched(scheduler: &mut Scheduler) -> Vec<(TaskLaunch, mesos::AgentId)> {
    let mut launched = Vec::new();
    while let Some(output) = scheduler.poll_output() {
        if let Output::Accept {
            executor, tasks, ..
        } = output
        {
            launched.extend(tasks.into_iter().map(|task| (task, executor.agent.clone())));
        }
    }
    launched
}

fn running((task, agent): &(TaskLaunch, mesos::AgentId)) -> StatusUpdate {
    StatusUpdate {
        task: task.id.clone(),
        state: TaskState::Running,
        agent: Some(agent.clone()),
        source: Source::Executor,
        reason: None,
        message: None,
        uuid: Some(Uuid([7; 16])),
    }
}

fn resources(cpus: f64, mem: f64) -> Resources {
    Resources::parse(&format!("cpus:{cpus:.2};mem:{mem}")).expect("it is well formed")
}
