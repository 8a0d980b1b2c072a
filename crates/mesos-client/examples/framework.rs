//! A whole framework: launches five tasks, handles their updates, reconciles after each
//! subscription, ends with the tasks. `cargo run --example framework -- 10.0.0.1:5050`
#![expect(clippy::print_stdout, reason = "it is what this program does")]

use std::collections::BTreeMap;
use std::error::Error;

use mesos::resources::Resources;
use mesos::{AgentId, TaskId, v1};
use mesos_client::{SchedulerClient, SchedulerConfig, SchedulerEvent, SchedulerNotice};
use v1::offer::operation::{Launch, Type as OperationType};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let masters = std::env::args().nth(1).ok_or("usage: framework MASTERS")?;
    let partition_aware = v1::framework_info::Capability {
        r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
    };
    let framework_info = v1::FrameworkInfo {
        user: std::env::var("USER").unwrap_or_else(|_| "nobody".to_owned()),
        name: "example".to_owned(),
        capabilities: vec![partition_aware],
        ..v1::FrameworkInfo::default()
    };
    let config = SchedulerConfig::new(masters.parse()?, framework_info);
    let (handle, mut notices) = SchedulerClient::start(config)?;
    let mut waiting: Vec<TaskId> = (0..5).map(|n| format!("sleep-{n}").into()).collect();
    let mut launched: BTreeMap<TaskId, Option<AgentId>> = BTreeMap::new();
    while let Some(notice) = notices.recv().await {
        // A call that is not taken is no reason to end: there will be other offers, updates that
        // are not acknowledged come again, and each subscription reconciles.
        let called = match notice {
            SchedulerNotice::Subscribed { .. } => handle.reconcile(launched.clone()).await,
            SchedulerNotice::Event(event) => match SchedulerEvent::read(event) {
                Some(SchedulerEvent::Offers(offers)) => {
                    let mut called = Ok(());
                    for offer in offers {
                        let tasks = fill(&offer, &mut waiting)?;
                        let agent = AgentId::from(offer.agent_id);
                        let ids = tasks.iter().map(|task| task.task_id.clone().into());
                        launched.extend(ids.map(|id| (id, Some(agent.clone()))));
                        let launch = v1::offer::Operation {
                            r#type: Some(OperationType::Launch.into()),
                            launch: Some(Launch { task_infos: tasks }),
                            ..v1::offer::Operation::default()
                        };
                        let filters = v1::Filters::default();
                        called = handle
                            .accept([offer.id.into()], vec![launch], filters)
                            .await;
                    }
                    called
                }
                Some(SchedulerEvent::Update(status)) => {
                    println!("{}: {}", status.task_id.value, status.state().as_str_name());
                    if !is_alive(status.state()) {
                        launched.remove(&status.task_id.clone().into());
                    }
                    handle.acknowledge(&status).await
                }
                _ => Ok(()),
            },
            SchedulerNotice::Refused(error) => return Err(error.into()),
            _ => Ok(()), // the client goes on by itself
        };
        println!("{called:?}");
        if waiting.is_empty() && launched.is_empty() {
            handle.teardown().await?;
        }
    }
    Ok(())
}

/// As many of the tasks that wait as the offer has room for.
fn fill(offer: &v1::Offer, waiting: &mut Vec<TaskId>) -> Result<Vec<v1::TaskInfo>, Box<dyn Error>> {
    let mut room = Resources::from_wire(&offer.resources)?;
    let mut tasks = Vec::new();
    while let Some(found) = room.find(&Resources::parse("cpus:0.1;mem:32")?)
        && let Some(task) = waiting.pop()
    {
        room = room.checked_sub(&found).unwrap_or_default();
        let mut info = v1::TaskInfo::default();
        info.command.get_or_insert_default().value = Some("sleep 10".to_owned());
        info.name = task.to_string();
        info.task_id = task.into();
        info.agent_id = offer.agent_id.clone();
        info.resources = found.to_wire();
        tasks.push(info);
    }
    Ok(tasks)
}

fn is_alive(state: v1::TaskState) -> bool {
    use v1::TaskState::{TaskKilling, TaskRunning, TaskStaging, TaskStarting, TaskUnreachable};
    matches!(
        state,
        TaskStaging | TaskStarting | TaskRunning | TaskKilling | TaskUnreachable
    )
}
