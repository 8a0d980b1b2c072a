//! How the older endpoints write resources, attributes, tasks and what else masters and agents both
//! show.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mesos::v1;
use mesos::v1::value::Type;

use super::state::message;
use crate::codec::{Object, array, quoted};

/// The scalars that are written even where there is nothing of them, in the order of Mesos.
const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

/// Amounts by name, whoever they are for.
pub(super) fn resources<'a>(resources: impl IntoIterator<Item = &'a v1::Resource>) -> String {
    let mut scalars: BTreeMap<&str, f64> = BTreeMap::new();
    let mut ranges: BTreeMap<&str, Vec<v1::value::Range>> = BTreeMap::new();
    let mut sets: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for resource in resources {
        let name = resource.name.as_str();
        if let Some(scalar) = &resource.scalar {
            *scalars.entry(name).or_default() += scalar.value;
        }
        if let Some(found) = &resource.ranges {
            ranges.entry(name).or_default().extend(&found.range);
        }
        if let Some(set) = &resource.set {
            sets.entry(name).or_default().extend(set.item.clone());
        }
    }
    let mut object = Object::new();
    for name in ALWAYS {
        object = object.number(name, thousandths(scalars.remove(name).unwrap_or_default()));
    }
    for (name, amount) in scalars {
        object = object.number(name, thousandths(amount));
    }
    for (name, mut ranges) in ranges {
        ranges.sort_by_key(|range| range.begin);
        object = object.text(name, &ranges_text(&ranges));
    }
    for (name, set) in sets {
        object = object.text(name, &format!("{{{}}}", set.join(", ")));
    }
    object.finish()
}

/// A sum without what adding doubles leaves behind: amounts have three decimals.
fn thousandths(amount: f64) -> f64 {
    (amount * 1000.0).round() / 1000.0
}

fn ranges_text(ranges: &[v1::value::Range]) -> String {
    let mut text = String::new();
    for range in ranges {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{}-{}", range.begin, range.end);
    }
    format!("[{text}]")
}

/// What is reserved, by role.
pub(super) fn reserved(all: &[v1::Resource]) -> String {
    let mut by_role: BTreeMap<&str, Vec<&v1::Resource>> = BTreeMap::new();
    for resource in all {
        if let Some(reservation) = resource.reservations.last() {
            by_role
                .entry(reservation.role())
                .or_default()
                .push(resource);
        }
    }
    let object = by_role
        .into_iter()
        .fold(Object::new(), |object, (role, held)| {
            object.json(role, resources(held))
        });
    object.finish()
}

/// What is not reserved.
pub(super) fn unreserved(all: &[v1::Resource]) -> String {
    let free = all.iter().filter(|it| it.reservations.is_empty());
    resources(free)
}

/// To whom the first of some resources is allocated, if to anybody.
pub(super) fn role(resources: &[v1::Resource]) -> Option<String> {
    let allocation = resources.first()?.allocation_info.as_ref()?;
    Some(quoted(allocation.role()))
}

/// The roles of a framework, or its one role.
pub(super) fn roles(object: Object, info: &v1::FrameworkInfo) -> Object {
    use v1::framework_info::capability::Type;
    let of_many =
        |capability: &v1::framework_info::Capability| capability.r#type() == Type::MultiRole;
    if info.capabilities.iter().any(of_many) {
        object.array("roles", info.roles.iter().map(|role| quoted(role)))
    } else {
        object.text("role", info.role())
    }
}

pub(super) fn capabilities(info: &v1::FrameworkInfo) -> impl Iterator<Item = String> {
    let capabilities = info.capabilities.iter();
    capabilities.map(|capability| quoted(capability.r#type().as_str_name()))
}

pub(super) fn attributes(attributes: &[v1::Attribute]) -> String {
    let object = attributes.iter().fold(Object::new(), |object, attribute| {
        let name = &attribute.name;
        match attribute.r#type() {
            Type::Scalar => {
                let value = attribute.scalar.as_ref().map_or(0.0, |it| it.value);
                object.number(name, value)
            }
            Type::Text => {
                let text = attribute.text.as_ref();
                object.text(name, text.map_or("", |it| &it.value))
            }
            Type::Ranges => {
                let ranges = attribute.ranges.clone().unwrap_or_default();
                object.text(name, &ranges_text(&ranges.range))
            }
            Type::Set => {
                let set = attribute.set.clone().unwrap_or_default();
                object.text(name, &format!("{{{}}}", set.item.join(", ")))
            }
        }
    });
    object.finish()
}

pub(super) fn labels(labels: &v1::Labels) -> String {
    array(labels.labels.iter().map(|label| {
        let value = label.value.as_deref().map(quoted);
        let object = Object::new().text("key", &label.key);
        object.optional("value", value).finish()
    }))
}

pub(super) fn command(command: &v1::CommandInfo) -> String {
    let uris = command.uris.iter().map(|uri| {
        Object::new()
            .flag("executable", uri.executable())
            .text("value", &uri.value)
            .finish()
    });
    Object::new()
        .flag("shell", command.shell())
        .optional("value", command.value.as_deref().map(quoted))
        .array("argv", command.arguments.iter().map(|it| quoted(it)))
        .optional("environment", command.environment.as_ref().map(message))
        .array("uris", uris)
        .finish()
}

pub(super) fn task(task: &v1::Task) -> String {
    let executor = task.executor_id.as_ref();
    Object::new()
        .text("id", &task.task_id.value)
        .text("name", &task.name)
        .text("framework_id", &task.framework_id.value)
        .text("executor_id", executor.map_or("", |id| &id.value))
        .text("slave_id", &task.agent_id.value)
        .text("state", task.state().as_str_name())
        .json("resources", resources(&task.resources))
        .optional("role", role(&task.resources))
        .array("statuses", task.statuses.iter().map(status))
        .optional("user", task.user.as_deref().map(quoted))
        .optional("labels", task.labels.as_ref().map(labels))
        .optional("discovery", task.discovery.as_ref().map(message))
        .optional("container", task.container.as_ref().map(message))
        .finish()
}

fn status(status: &v1::TaskStatus) -> String {
    let container = status.container_status.as_ref().map(|container| {
        message(&v1::ContainerStatus {
            executor_pid: None,
            ..container.clone()
        })
    });
    let healthy = status.healthy.map(|healthy| healthy.to_string());
    Object::new()
        .text("state", status.state().as_str_name())
        .number("timestamp", status.timestamp())
        .optional("labels", status.labels.as_ref().map(labels))
        .optional("container_status", container)
        .optional("healthy", healthy)
        .finish()
}

/// Seconds since the Unix epoch, 0 where there is no time.
pub(super) fn seconds(time: Option<&v1::TimeInfo>) -> f64 {
    let nanoseconds = time.map_or(0, |time| time.nanoseconds);
    (nanoseconds / 1000) as f64 / 1e6
}

/// The same, as JSON.
pub(super) fn time(time: &v1::TimeInfo) -> String {
    crate::codec::double(seconds(Some(time)))
}
