//! What comes out of a master, in the words of the transcripts.

use std::fmt::Write as _;

use mesos::resources::Resources;
use mesos::v1;
use mesos::v1::scheduler::Event;
use mesos::v1::task_status::{Reason, Source};

use crate::core::wire::ToAgent;

/// An event of a stream.
pub(super) fn describe_event(event: &Event) -> String {
    use mesos::v1::scheduler::event::Type;
    let name = event.r#type().as_str_name();
    match event.r#type() {
        Type::Subscribed => {
            let id = event
                .subscribed
                .as_ref()
                .map(|subscribed| &subscribed.framework_id.value);
            format!("{name} {}", id.expect("a body"))
        }
        Type::Offers => {
            let offers = event
                .offers
                .as_ref()
                .expect("a body")
                .offers
                .iter()
                .map(describe_offer);
            format!("{name} {}", offers.collect::<Vec<_>>().join(" | "))
        }
        Type::Rescind => {
            format!(
                "{name} {}",
                event.rescind.as_ref().expect("a body").offer_id.value
            )
        }
        Type::Update => describe_status(&event.update.as_ref().expect("a body").status),
        Type::Message => {
            let message = event.message.as_ref().expect("a body");
            format!("{name} {} {:?}", message.executor_id.value, message.data)
        }
        Type::Failure => {
            let failure = event.failure.as_ref().expect("a body");
            let executor = failure.executor_id.as_ref().map(|id| id.value.as_str());
            format!("{name} executor {executor:?} status {:?}", failure.status)
        }
        Type::Error => format!("{name} {}", event.error.as_ref().expect("a body").message),
        Type::UpdateOperationStatus => {
            let update = event.update_operation_status.as_ref().expect("a body");
            let status = &update.status;
            let id = status.operation_id.as_ref().map_or("", |id| &id.value);
            let state = status.state().as_str_name();
            let converted = Resources::from_wire(&status.converted_resources);
            let converted = converted.expect("valid resources").to_string();
            let text = status.message.as_ref().unwrap_or(&converted);
            let uuid = if status.uuid.is_some() { " #" } else { "" };
            format!("{name} {id} {state}{uuid} {text}")
        }
        _ => name.to_owned(),
    }
}

fn describe_offer(offer: &v1::Offer) -> String {
    let resources = Resources::from_wire(&offer.resources).expect("valid resources");
    let mut text = format!(
        "{} of {}: {resources}",
        offer.id.value, offer.agent_id.value
    );
    let executors: Vec<_> = offer
        .executor_ids
        .iter()
        .map(|id| id.value.as_str())
        .collect();
    if !executors.is_empty() {
        let _ = write!(text, " with {}", executors.join(" "));
    }
    text
}

fn describe_status(status: &v1::TaskStatus) -> String {
    let mut text = format!("{} {}", status.task_id.value, status.state().as_str_name());
    if status.source() != Source::Executor {
        let _ = write!(text, " {}", status.source().as_str_name());
    }
    if let Some(reason) = status
        .reason
        .and_then(|reason| Reason::try_from(reason).ok())
    {
        let _ = write!(text, " {}", reason.as_str_name());
    }
    if let Some(message) = &status.message {
        let _ = write!(text, " {message:?}");
    }
    for (what, is_there) in [
        ("no agent", status.agent_id.is_none()),
        ("executor id", status.executor_id.is_some()),
        ("uuid", status.uuid.is_some()),
        ("unreachable time", status.unreachable_time.is_some()),
        ("no timestamp", status.timestamp.is_none()),
    ] {
        if is_there {
            let _ = write!(text, " [{what}]");
        }
    }
    text
}

/// What an agent is told.
pub(super) fn describe_message(message: &ToAgent) -> String {
    match message {
        ToAgent::Registered { agent_id } => format!("Registered {agent_id}"),
        ToAgent::RunTasks {
            executor,
            tasks,
            group,
            launch_executor,
            ..
        } => {
            let ids: Vec<_> = tasks
                .iter()
                .map(|task| task.task_id.value.as_str())
                .collect();
            let kind = if *group { "group " } else { "" };
            let executor_id = executor
                .as_ref()
                .map_or("its own", |executor| &executor.executor_id.value);
            let new = if *launch_executor { "new " } else { "" };
            format!("RunTasks {kind}{} on {new}{executor_id}", ids.join(" "))
        }
        ToAgent::KillTask {
            task_id,
            kill_policy,
            ..
        } => {
            let policy = kill_policy.map_or("", |_| " with a policy");
            format!("KillTask {task_id}{policy}")
        }
        ToAgent::ShutdownExecutor { executor_id, .. } => format!("ShutdownExecutor {executor_id}"),
        ToAgent::ShutdownFramework { framework_id } => format!("ShutdownFramework {framework_id}"),
        ToAgent::FrameworkMessage {
            executor_id, data, ..
        } => {
            format!("FrameworkMessage {executor_id} {data:?}")
        }
        ToAgent::AcknowledgeUpdate { task_id, .. } => format!("AcknowledgeUpdate {task_id}"),
        ToAgent::Shutdown { message } => format!("Shutdown {message}"),
        ToAgent::Checkpoint { resources } => {
            let resources = Resources::from_wire(resources).expect("resources");
            format!("Checkpoint {resources}")
        }
        ToAgent::UpdateFramework { framework } => format!("UpdateFramework {}", framework.name),
    }
}
