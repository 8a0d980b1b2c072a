//! A whole framework: launches five tasks, handles their updates, reconciles after each
//! subscription, ends with the tasks. `cargo run --example framework -- 10.0.0.1:5050 'sleep 10'`
#![expect(clippy::print_stdout, reason = "it is what this program does")]

use std::collections::BTreeMap;
use std::error::Error;

use mesos::resources::Resources;
use mesos::{AgentId, TaskId, v1, v1::TaskInfo};
use mesos_client::{SchedulerClient, SchedulerConfig, SchedulerEvent, SchedulerNotice};
use v1::TaskState::{self, TaskKilling, TaskRunning, TaskStaging, TaskStarting};
use v1::offer::operation::{Launch, Type as OperationType};

/// A framework that is not PARTITION_AWARE is never told `TASK_UNREACHABLE`.
const ALIVE: [TaskState; 4] = [TaskStaging, TaskStarting, TaskRunning, TaskKilling];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: framework MASTERS COMMAND");
    let (masters, mut task) = (next()?, TaskInfo::default());
    task.command.get_or_insert_default().value = Some(next()?);
    println!("{:?}", run(&masters, &task).await?);
    Ok(())
}

/// Runs such tasks, and answers how each has ended.
pub(crate) async fn run(masters: &str, task: &TaskInfo) -> Result<Vec<TaskState>, Box<dyn Error>> {
    let framework_info = v1::FrameworkInfo {
        user: std::env::var("USER").unwrap_or_else(|_| "nobody".to_owned()),
        name: "example".to_owned(),
        failover_timeout: Some(60.0), // for so long the tasks outlive a loss of the connection
        ..v1::FrameworkInfo::default()
    };
    let config = SchedulerConfig::new(masters.parse()?, framework_info);
    let (handle, mut notices) = SchedulerClient::start(config)?;
    let mut waiting: Vec<TaskId> = (0..5).map(|n| format!("task-{n}").into()).collect();
    let mut launched: BTreeMap<TaskId, Option<AgentId>> = BTreeMap::new();
    let mut ended = Vec::new();
    while let Some(notice) = notices.recv().await {
        // A call that is not taken is no reason to end: there will be other offers, updates that
        // are not acknowledged come again, and each subscription reconciles.
        let _ = match notice {
            SchedulerNotice::Subscribed { .. } => handle.reconcile(launched.clone()).await,
            SchedulerNotice::Event(event) => match SchedulerEvent::read(event) {
                Some(SchedulerEvent::Offers(offers)) => {
                    for offer in offers {
                        let tasks = fill(&offer, &mut waiting, task)?;
                        let ids = tasks.iter().map(|task| task.task_id.clone().into());
                        launched.extend(ids.map(|id| (id, Some(offer.agent_id.clone().into()))));
                        let mut launch = v1::offer::Operation::default();
                        launch.set_type(OperationType::Launch);
                        launch.launch = Some(Launch { task_infos: tasks });
                        let (offer, filters) = ([offer.id.into()], v1::Filters::default());
                        let _ = handle.accept(offer, vec![launch], filters).await;
                    }
                    Ok(())
                }
                Some(SchedulerEvent::Update(status)) => {
                    let is_alive = ALIVE.contains(&status.state());
                    if !is_alive && launched.remove(&status.task_id.clone().into()).is_some() {
                        ended.push(status.state());
                    }
                    handle.acknowledge(&status).await
                }
                _ => Ok(()),
            },
            SchedulerNotice::Refused(error) => return Err(error.into()),
            _ => Ok(()), // the client goes on by itself
        };
        if waiting.is_empty() && launched.is_empty() && handle.teardown().await.is_ok() {
            return Ok(ended);
        }
    }
    Err("the client has ended".into())
}

/// As many of the tasks that wait as the offer has room for.
fn fill(
    offer: &v1::Offer,
    waiting: &mut Vec<TaskId>,
    task: &TaskInfo,
) -> Result<Vec<TaskInfo>, Box<dyn Error>> {
    let mut room = Resources::from_wire(&offer.resources)?;
    let mut tasks = Vec::new();
    while let Some(found) = room.find(&Resources::parse("cpus:0.1;mem:32")?)
        && let Some(id) = waiting.pop()
    {
        room = room.checked_sub(&found).unwrap_or_default();
        tasks.push(TaskInfo {
            name: id.to_string(),
            task_id: id.into(),
            agent_id: offer.agent_id.clone(),
            resources: found.to_wire(),
            ..task.clone()
        });
    }
    Ok(tasks)
}
