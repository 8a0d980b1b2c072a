//! What the older endpoints show of an agent: `/state` and `/containers`.

use mesos::resources::Resources;
use mesos::v1;
use mesos::v1::agent::response::get_containers::Container;

use super::model::{attributes, labels, reserved, resources, role, roles, task, unreserved};
use super::state::{beginning, flags, message};
use crate::codec::{Object, array, quoted};
use crate::core::agent::operator::{Description, ExecutorView, FrameworkView};
use crate::core::facts;
use crate::sandbox::{self, Owner};

/// `/state`.
pub(super) fn agent(agent: &Description) -> String {
    let info = &agent.info;
    let total = Resources::from_wire(&info.resources).unwrap_or_default();
    let shown = facts::shown(&total);
    let names = facts::agent_capabilities();
    let names = names.iter();
    let names = names.map(|capability| quoted(capability.r#type().as_str_name()));
    let executors = agent.frameworks.iter().flat_map(|it| &it.executors);
    let used: Vec<v1::Resource> = executors.flat_map(|it| it.resources().to_wire()).collect();
    let used = facts::shown(&Resources::from_wire(&used).unwrap_or_default());
    let frameworks = |frameworks: &[FrameworkView]| -> Vec<String> {
        let shown = frameworks.iter();
        shown.map(|it| framework(agent, it)).collect()
    };
    let place = format!("{}:{}", agent.ip, info.port());
    beginning(&facts::version())
        .number("start_time", agent.start_time)
        .text("id", agent.id().as_str())
        .text("pid", &format!("slave(1)@{place}"))
        .text("hostname", &info.hostname)
        .array("capabilities", names)
        .json("resources", resources(&shown))
        .json("reserved_resources", reserved(&shown))
        .json("unreserved_resources", unreserved(&shown))
        .json("reserved_resources_full", reserved_full(&shown))
        .array(
            "unreserved_resources_full",
            shown.iter().filter(|it| !is_reserved(it)).map(message),
        )
        .json("reserved_resources_allocated", reserved(&used))
        .json("unreserved_resources_allocated", unreserved(&used))
        .array("resource_providers", Vec::new())
        .json("attributes", attributes(&info.attributes))
        .text("master_hostname", facts::MASTER_HOSTNAME)
        .json("flags", flags(&agent.flags))
        .array("frameworks", frameworks(&agent.frameworks))
        .array(
            "completed_frameworks",
            frameworks(&agent.completed_frameworks),
        )
        .finish()
}

fn is_reserved(resource: &v1::Resource) -> bool {
    !resource.reservations.is_empty()
}

/// What is reserved, by role, as messages.
fn reserved_full(all: &[v1::Resource]) -> String {
    let role = |resource: &v1::Resource| {
        let reservation = resource.reservations.last();
        reservation.map(|reservation| reservation.role().to_owned())
    };
    let mut names: Vec<String> = all.iter().filter_map(role).collect();
    names.sort();
    names.dedup();
    let object = names.iter().fold(Object::new(), |object, name| {
        let own = all.iter().filter(|it| role(it).as_ref() == Some(name));
        object.array(name, own.map(message))
    });
    object.finish()
}

fn framework(agent: &Description, framework: &FrameworkView) -> String {
    let info = &framework.info;
    let id = info.id.as_ref().map_or("", |id| id.value.as_str());
    let all = |executors: &[ExecutorView]| -> Vec<String> {
        let shown = executors.iter();
        shown.map(|it| executor(agent, id, it)).collect()
    };
    let object = Object::new()
        .text("id", id)
        .text("name", &info.name)
        .text("user", &info.user)
        .number("failover_timeout", info.failover_timeout())
        .flag("checkpoint", info.checkpoint())
        .text("hostname", info.hostname())
        .optional("principal", info.principal.as_deref().map(quoted));
    roles(object, info)
        .array("executors", all(&framework.executors))
        .array("completed_executors", all(&framework.completed_executors))
        .finish()
}

fn executor(agent: &Description, framework_id: &str, executor: &ExecutorView) -> String {
    let info = &executor.info;
    let owner = Owner {
        agent_id: &agent.id(),
        framework_id: &framework_id.into(),
        executor_id: &(&info.executor_id).into(),
        container_id: &executor.container_id,
    };
    // Without a directory for it there was no executor.
    let directory = sandbox::path(&agent.work_dir, owner).unwrap_or_default();
    let tasks = &executor.tasks;
    let ended = tasks.completed.iter().chain(&tasks.terminated);
    Object::new()
        .text("id", &info.executor_id.value)
        .text("name", info.name())
        .text("source", info.source())
        .text("container", executor.container_id.as_str())
        .text("directory", &directory.to_string_lossy())
        .json("resources", resources(&executor.resources().to_wire()))
        .optional("role", role(&info.resources))
        .optional("labels", info.labels.as_ref().map(labels))
        .text("type", info.r#type().as_str_name())
        .array("tasks", tasks.launched.iter().map(task))
        .array("queued_tasks", tasks.queued.iter().map(task))
        .array("completed_tasks", ended.map(task))
        .finish()
}

/// `/containers`.
pub(super) fn containers(agent: &Description, containers: &[Container]) -> String {
    let executors = || agent.frameworks.iter().flat_map(|it| &it.executors);
    array(containers.iter().map(|container| {
        let id = container.container_id.value.as_str();
        let executor = executors().find(|it| it.container_id.as_str() == id);
        let framework = container.framework_id.as_ref();
        let name = container.executor_id.as_ref();
        let status = container.container_status.as_ref();
        let statistics = container.resource_statistics.as_ref();
        Object::new()
            .text("container_id", id)
            .text("executor_id", name.map_or("", |id| &id.value))
            .text("executor_name", container.executor_name())
            .text("framework_id", framework.map_or("", |id| &id.value))
            .text("source", executor.map_or("", |it| it.info.source()))
            .optional("statistics", statistics.map(message))
            .optional("status", status.map(message))
            .finish()
    }))
}
