//! What the older endpoints show of a master: `/state`, `/version` and `/metrics/snapshot`.
//!
//! It is what the operator API answers in another shape, so all of it is made from those answers.

use mesos::v1;
use mesos::v1::master::response::{GetMaster, GetState, get_agents, get_executors, get_frameworks};

use super::model::{
    attributes, capabilities, command, labels, reserved, resources, role, seconds, task, time,
    unreserved,
};
use crate::codec::{self, Encoding, Object, quoted};

/// `/version`, with its fields in the order of their names.
pub(crate) fn version(version: &v1::VersionInfo) -> String {
    Object::new()
        .text("build_date", version.build_date())
        .number("build_time", version.build_time())
        .text("build_user", version.build_user())
        .text("git_branch", version.git_branch())
        .text("git_sha", version.git_sha())
        .text("version", &version.version)
        .finish()
}

/// `/metrics/snapshot`.
pub(crate) fn metrics(metrics: &[v1::Metric]) -> String {
    let object = metrics.iter().fold(Object::new(), |object, metric| {
        object.number(&metric.name, metric.value())
    });
    object.finish()
}

/// What `/state` of masters and agents begins with.
pub(super) fn beginning(version: &v1::VersionInfo) -> Object {
    Object::new()
        .text("version", &version.version)
        .text("git_sha", version.git_sha())
        .text("git_branch", version.git_branch())
        .text("build_date", version.build_date())
        .number("build_time", version.build_time())
        .text("build_user", version.build_user())
}

/// The flags as one object.
pub(super) fn flags(flags: &[v1::Flag]) -> String {
    let object = flags.iter().fold(Object::new(), |object, flag| {
        object.text(&flag.name, flag.value())
    });
    object.finish()
}

/// The counter of agents that do not answer.
const UNREACHABLE: &str = "master/slaves_unreachable";

/// `/state` of a master.
pub(crate) fn master(
    state: &GetState,
    master: &GetMaster,
    version: &v1::VersionInfo,
    set_flags: &[v1::Flag],
    metrics: &[v1::Metric],
) -> String {
    let info = master.master_info.clone().unwrap_or_default();
    let agents = state.get_agents.as_ref();
    let agents = agents.map_or(&[][..], |it| &it.agents);
    let active = agents.iter().filter(|agent| agent.active).count();
    let unreachable = metrics.iter().find(|it| it.name == UNREACHABLE);
    let unreachable = unreachable.map_or(0.0, v1::Metric::value);
    let names = info.capabilities.iter();
    let names = names.map(|capability| quoted(capability.r#type().as_str_name()));
    let leader = Object::new()
        .text("id", &info.id)
        .text("pid", info.pid())
        .integer("port", info.port.into())
        .text("hostname", info.hostname());
    let none = || Vec::<String>::new();
    let frameworks = state.get_frameworks.clone().unwrap_or_default();
    let all = |frameworks: &[get_frameworks::Framework]| -> Vec<String> {
        let shown = frameworks.iter().map(|it| framework(it, state));
        shown.collect()
    };
    beginning(version)
        .number("start_time", master.start_time())
        .number("elected_time", master.elected_time())
        .text("id", &info.id)
        .text("pid", info.pid())
        .text("hostname", info.hostname())
        .array("capabilities", names)
        .number("activated_slaves", active as f64)
        .number("deactivated_slaves", (agents.len() - active) as f64)
        .number("unreachable_slaves", unreachable)
        .text("leader", info.pid())
        .json("leader_info", leader.finish())
        .json("flags", flags(set_flags))
        .array("slaves", agents.iter().map(agent))
        .array("recovered_slaves", none())
        .array("frameworks", all(&frameworks.frameworks))
        .array(
            "completed_frameworks",
            all(&frameworks.completed_frameworks),
        )
        .array("orphan_tasks", none())
        .array("unregistered_frameworks", none())
        .finish()
}

fn agent(agent: &get_agents::Agent) -> String {
    let info = &agent.agent_info;
    let reregistered = agent.reregistered_time.as_ref();
    let names = agent.capabilities.iter();
    let names = names.map(|capability| quoted(capability.r#type().as_str_name()));
    let id = info.id.as_ref().map_or("", |id| id.value.as_str());
    Object::new()
        .text("id", id)
        .text("hostname", &info.hostname)
        .integer("port", info.port().into())
        .json("attributes", attributes(&info.attributes))
        .text("pid", agent.pid())
        .number("registered_time", seconds(agent.registered_time.as_ref()))
        .optional("reregistered_time", reregistered.map(time))
        .json("resources", resources(&agent.total_resources))
        .json("used_resources", resources(&agent.allocated_resources))
        .json("offered_resources", resources(&agent.offered_resources))
        .json("reserved_resources", reserved(&agent.total_resources))
        .json("unreserved_resources", unreserved(&agent.total_resources))
        .flag("active", agent.active)
        .flag("deactivated", agent.deactivated())
        .text("version", &agent.version)
        .array("capabilities", names)
        .finish()
}

fn framework(framework: &get_frameworks::Framework, state: &GetState) -> String {
    let info = &framework.framework_info;
    let id = info.id.as_ref().map_or("", |id| id.value.as_str());
    let tasks = state.get_tasks.clone().unwrap_or_default();
    let own = |tasks: &[v1::Task]| -> Vec<String> {
        let own = tasks.iter().filter(|task| task.framework_id.value == id);
        own.map(task).collect()
    };
    let executors = state.get_executors.iter().flat_map(|it| &it.executors);
    let is_own = |executor: &&get_executors::Executor| {
        let framework = executor.executor_info.framework_id.as_ref();
        framework.is_some_and(|framework| framework.value == id)
    };
    let held = [&framework.allocated_resources, &framework.offered_resources];
    let held: Vec<_> = held.into_iter().flatten().cloned().collect();
    let object = Object::new()
        .text("id", id)
        .text("name", &info.name)
        .json("used_resources", resources(&framework.allocated_resources))
        .json("offered_resources", resources(&framework.offered_resources))
        .array("capabilities", capabilities(info))
        .text("hostname", info.hostname())
        .text("webui_url", info.webui_url())
        .flag("active", framework.active)
        .flag("connected", framework.connected)
        .flag("recovered", framework.recovered)
        .text("user", &info.user)
        .number("failover_timeout", info.failover_timeout())
        .flag("checkpoint", info.checkpoint())
        .number(
            "registered_time",
            seconds(framework.registered_time.as_ref()),
        )
        .number(
            "unregistered_time",
            seconds(framework.unregistered_time.as_ref()),
        )
        .optional("principal", info.principal.as_deref().map(quoted))
        .json("resources", resources(&held));
    let came_again = framework.reregistered_time.as_ref();
    let came_again =
        came_again.filter(|_| framework.reregistered_time != framework.registered_time);
    let object = object.optional("reregistered_time", came_again.map(time));
    super::model::roles(object, info)
        .array("tasks", own(&tasks.tasks))
        .array("unreachable_tasks", own(&tasks.unreachable_tasks))
        .array("completed_tasks", own(&tasks.completed_tasks))
        .array("offers", framework.offers.iter().map(offer))
        .array("executors", executors.filter(is_own).map(executor))
        .optional("labels", info.labels.as_ref().map(labels))
        .json("offer_constraints", "{}")
        .finish()
}

fn offer(offer: &v1::Offer) -> String {
    let allocation = offer.allocation_info.clone().unwrap_or_default();
    let allocation = Object::new().text("role", allocation.role());
    Object::new()
        .text("id", &offer.id.value)
        .text("framework_id", &offer.framework_id.value)
        .json("allocation_info", allocation.finish())
        .text("slave_id", &offer.agent_id.value)
        .json("resources", resources(&offer.resources))
        .finish()
}

fn executor(executor: &get_executors::Executor) -> String {
    let info = &executor.executor_info;
    let framework = info.framework_id.as_ref();
    let container = info.container.as_ref();
    Object::new()
        .text("executor_id", &info.executor_id.value)
        .text("name", info.name())
        .text("framework_id", framework.map_or("", |id| &id.value))
        .optional("command", info.command.as_ref().map(command))
        .json("resources", resources(&info.resources))
        .optional("role", role(&info.resources))
        .optional("labels", info.labels.as_ref().map(labels))
        .text("type", info.r#type().as_str_name())
        .optional("container", container.map(message))
        .text("slave_id", &executor.agent_id.value)
        .finish()
}

/// A message inside of what is no message.
pub(super) fn message<T: codec::Body>(message: &T) -> String {
    String::from_utf8_lossy(&codec::encode(Encoding::Json, message)).into_owned()
}
