//! How long a scheduler waits for thousands of simulated tasks: a minimal one, over HTTP on
//! loopback, in the process of the cluster.
//!
//! `cargo bench -p mesosgot-local-cluster --bench scale [-- AGENTS TASKS_EACH]`, by default 1,000
//! and 10. The numbers are kept in `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "it is what a bench does")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::v1::offer::operation::{Launch, Type as OperationType};
use mesos::v1::{self, TaskState};
use mesos::{AgentId, ExecutorId, TaskId};
use mesos_client::{
    CallError, SchedulerClient, SchedulerConfig, SchedulerEvent, SchedulerHandle, SchedulerNotice,
};
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

type AnyError = Box<dyn Error + Send + Sync>;

/// Calls on their way at once: more gain nothing.
const CALLS_MAX: usize = 32;

/// How often it is measured.
const ROUNDS: usize = 5;

/// After so long something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    // Cargo adds flags of its own.
    let numbers: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let agents = numbers.first().copied().unwrap_or(1000);
    let tasks_each = numbers.get(1).copied().unwrap_or(10);
    println!("{agents} agents, {} tasks", agents * tasks_each);
    println!(
        "cluster up | SUBSCRIBED | all offers | all accepted | all TASK_RUNNING | acknowledged"
    );
    for _ in 0..ROUNDS {
        let times = tokio::time::timeout(PATIENCE, round(agents, tasks_each)).await??;
        let shown = times.map(|time| format!("{:.0} ms", time.as_secs_f64() * 1e3));
        println!("{}", shown.join(" | "));
    }
    Ok(())
}

/// The time in which the cluster starts, and from SUBSCRIBE on how long all else takes.
async fn round(agents: usize, tasks_each: usize) -> Result<[Duration; 6], AnyError> {
    let started = Instant::now();
    let agent = AgentConfig::new(Resources::parse("cpus:4;mem:4096")?);
    let cluster = LocalCluster::start(ClusterConfig {
        simulated: true,
        ..ClusterConfig::new(vec![agent; agents])
    })
    .await?;
    let up = started.elapsed();
    let masters = cluster.master_address().to_string();
    let info = v1::FrameworkInfo {
        user: "nobody".to_owned(),
        name: "scale".to_owned(),
        ..v1::FrameworkInfo::default()
    };
    let begun = Instant::now();
    let (handle, mut notices) =
        SchedulerClient::start(SchedulerConfig::new(masters.parse()?, info))?;
    let mut calls = Calls::new(handle);
    let (mut filled, mut running) = (BTreeSet::new(), BTreeSet::new());
    let (mut subscribed, mut offered, mut accepted) = (None, None, None);
    while running.len() < agents * tasks_each {
        let notice = tokio::select! {
            notice = notices.recv() => notice.ok_or("the client has ended")?,
            Some(done) = calls.accepts.join_next() => {
                done??;
                if filled.len() == agents && calls.accepts.is_empty() {
                    accepted.get_or_insert_with(|| begun.elapsed());
                }
                continue;
            }
        };
        match notice {
            SchedulerNotice::Subscribed { .. } => subscribed = Some(begun.elapsed()),
            SchedulerNotice::Event(event) => match SchedulerEvent::read(event) {
                Some(SchedulerEvent::Offers(offers)) => {
                    for offer in offers {
                        if filled.insert(AgentId::from(&offer.agent_id)) {
                            calls.accept(&offer, tasks_each)?;
                        }
                    }
                    if filled.len() == agents {
                        offered.get_or_insert_with(|| begun.elapsed());
                    }
                }
                Some(SchedulerEvent::Update(status)) => {
                    if status.state() != TaskState::TaskRunning {
                        return Err(format!("unexpected: {status:?}").into());
                    }
                    running.insert(TaskId::from(&status.task_id));
                    calls.acknowledge(*status);
                }
                _ => {}
            },
            other => return Err(format!("unexpected: {other:?}").into()),
        }
    }
    let all_running = begun.elapsed();
    for calls in [&mut calls.accepts, &mut calls.acknowledges] {
        while let Some(done) = calls.join_next().await {
            done??;
        }
    }
    let acknowledged = begun.elapsed();
    calls.handle.stop();
    cluster.stop().await;
    let or_now = |time: Option<Duration>| time.unwrap_or(acknowledged);
    let [subscribed, offered, accepted] = [subscribed, offered, accepted].map(or_now);
    Ok([up, subscribed, offered, accepted, all_running, acknowledged])
}

/// Calls that are on their way.
struct Calls {
    handle: SchedulerHandle,
    places: Arc<Semaphore>,
    accepts: JoinSet<Result<(), CallError>>,
    acknowledges: JoinSet<Result<(), CallError>>,
}

impl Calls {
    fn new(handle: SchedulerHandle) -> Self {
        Self {
            handle,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            accepts: JoinSet::new(),
            acknowledges: JoinSet::new(),
        }
    }

    /// Launches so many tasks on one executor.
    fn accept(&mut self, offer: &v1::Offer, tasks: usize) -> Result<(), AnyError> {
        let resources = Resources::parse("cpus:0.1;mem:32")?.to_wire();
        let agent = &offer.agent_id.value;
        let executor = v1::ExecutorInfo {
            r#type: Some(v1::executor_info::Type::Custom.into()),
            executor_id: ExecutorId::from("executor").into(),
            // Nobody runs it.
            command: Some(v1::CommandInfo {
                value: Some("false".to_owned()),
                ..v1::CommandInfo::default()
            }),
            resources: resources.clone(),
            ..v1::ExecutorInfo::default()
        };
        let task_infos = (0..tasks).map(|number| v1::TaskInfo {
            name: "task".to_owned(),
            task_id: TaskId::from(format!("{agent}-{number}")).into(),
            agent_id: offer.agent_id.clone(),
            executor: Some(executor.clone()),
            resources: resources.clone(),
            ..v1::TaskInfo::default()
        });
        let mut launch = v1::offer::Operation {
            launch: Some(Launch {
                task_infos: task_infos.collect(),
            }),
            ..v1::offer::Operation::default()
        };
        launch.set_type(OperationType::Launch);
        let (handle, places) = (self.handle.clone(), Arc::clone(&self.places));
        let offer_id = offer.id.clone().into();
        self.accepts.spawn(async move {
            let _place = places.acquire().await;
            // The rest is not wanted.
            let filters = v1::Filters {
                refuse_seconds: Some(3600.0),
            };
            handle.accept([offer_id], vec![launch], filters).await
        });
        Ok(())
    }

    fn acknowledge(&mut self, status: v1::TaskStatus) {
        let (handle, places) = (self.handle.clone(), Arc::clone(&self.places));
        self.acknowledges.spawn(async move {
            let _place = places.acquire().await;
            handle.acknowledge(&status).await
        });
    }
}
