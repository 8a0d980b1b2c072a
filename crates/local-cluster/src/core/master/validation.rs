//! Whether a task or a group can be launched, check by check in the order of Mesos, and the words
//! for what is wrong (PROTOCOL §7).

use std::collections::BTreeSet;

use mesos::resources::Resources;
use mesos::v1::offer::operation::LaunchGroup;
use mesos::v1::{environment, executor_info};
use mesos::{ExecutorId, FrameworkId, TaskId, ids, v1};

use super::agents::Agent;
use super::framework::Framework;
use crate::codec;

/// Where something is to be launched, and with what. All resources are in the newer format and
/// allocated.
pub(super) struct Launch<'a> {
    pub(super) framework_id: &'a FrameworkId,
    pub(super) framework: &'a Framework,
    pub(super) agent: &'a Agent,
    pub(super) available: &'a Resources,
}

/// The least that an executor of a group may have, and below which others are warned of.
const EXECUTOR_CPUS_MIN: f64 = 0.01;
const EXECUTOR_MEM_MIN: f64 = 32.0;

/// Checks one task of a LAUNCH.
///
/// # Errors
/// What is wrong with it; else what it takes of the offers, its executor included if that is new.
pub(super) fn validate_task(launch: &Launch<'_>, task: &v1::TaskInfo) -> Result<Resources, String> {
    validate_task_alone(launch, task)?;
    let executor = match (&task.executor, &task.command) {
        (Some(executor), None) => executor,
        // The agent brings an executor for it, which nobody counts.
        (None, Some(_)) => return fits(launch, resources(&task.resources)),
        _ => {
            return Err(
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo \
                 present"
                    .to_owned(),
            );
        }
    };
    validate_executor(launch, executor)?;
    if !matches!(executor.r#type, None | Some(CUSTOM)) {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
    }
    validate_same_executor(launch, executor)?;
    let mut needed = resources(&task.resources);
    if is_new(launch, executor) {
        needed += resources(&executor.resources);
    }
    fits(launch, needed)
}

/// What a task needs, if the offers have it.
fn fits(launch: &Launch<'_>, needed: Resources) -> Result<Resources, String> {
    if launch.available.contains(&needed) {
        return Ok(needed);
    }
    let available = launch.available;
    Err(format!(
        "Total resources {needed} required by task and its executor is more than available \
         {available}"
    ))
}

/// Checks a LAUNCH_GROUP: all of it can be launched, or nothing is.
///
/// # Errors
/// What is wrong with it; else what it takes of the offers.
pub(super) fn validate_group(
    launch: &Launch<'_>,
    group: &LaunchGroup,
) -> Result<Resources, String> {
    let mut needed = Resources::new();
    let mut seen = BTreeSet::new();
    for task in &group.task_group.tasks {
        let id = &task.task_id.value;
        let checked = validate_task_alone(launch, task).and_then(|()| {
            let is_new = seen.insert(id);
            is_new
                .then_some(())
                .ok_or_else(|| format!("Task has duplicate ID: {id}"))
        });
        checked.map_err(|detail| format!("Task '{id}' is invalid: {detail}"))?;
        needed += resources(&task.resources);
    }
    let executor = &group.executor;
    let executor_id = &executor.executor_id.value;
    if executor.r#type.is_none() {
        return Err("'ExecutorInfo.type' must be set".to_owned());
    }
    validate_executor(launch, executor)?;
    validate_group_executor_resources(executor)?;
    for task in &group.task_group.tasks {
        if task
            .executor
            .as_ref()
            .is_some_and(|own| !is_same_executor(own, executor))
        {
            let id = &task.task_id.value;
            return Err(format!(
                "The `ExecutorInfo` of task '{id}' is different from executor '{executor_id}'"
            ));
        }
    }
    validate_same_executor(launch, executor)?;
    if is_new(launch, executor) {
        needed += resources(&executor.resources);
    }
    if launch.available.contains(&needed) {
        return Ok(needed);
    }
    let available = launch.available;
    Err(format!(
        "Total resources {needed} required by task group and its executor are more than available \
         {available}"
    ))
}

/// The checks that do not look at the executor.
fn validate_task_alone(launch: &Launch<'_>, task: &v1::TaskInfo) -> Result<(), String> {
    let id = task.task_id.value.as_str();
    ids::check(id).map_err(|invalid| invalid.to_string())?;
    if launch.framework.tasks.contains(&TaskId::from(id)) {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if launch.framework.is_unreachable(&TaskId::from(id)) {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    let (agent, expected) = (&task.agent_id.value, launch.agent.id());
    if agent != expected.as_str() {
        return Err(format!(
            "Task uses invalid agent {agent} while agent {expected} is expected"
        ));
    }
    let grace_period = task
        .kill_policy
        .as_ref()
        .and_then(|policy| policy.grace_period);
    if is_negative(grace_period) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_owned());
    }
    if is_negative(task.max_completion_time) {
        return Err("Task's `max_completion_time` must be non-negative".to_owned());
    }
    if let Some(check) = &task.check {
        validate_check(check).map_err(|detail| format!("Task uses invalid check: {detail}"))?;
    }
    if let Some(check) = &task.health_check {
        validate_health_check(check)
            .map_err(|detail| format!("Task uses invalid health check: {detail}"))?;
    }
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    if let Some(command) = &task.command {
        validate_command(command)
            .map_err(|detail| format!("Task's `CommandInfo` is invalid: {detail}"))?;
    }
    validate_limits(task)
}

fn validate_check(check: &v1::CheckInfo) -> Result<(), String> {
    use v1::check_info::Type;
    let expected = match check.r#type.and_then(|number| Type::try_from(number).ok()) {
        None => return Err("CheckInfo must specify 'type'".to_owned()),
        Some(Type::Unknown) => return Err("'UNKNOWN' is not a valid check type".to_owned()),
        Some(Type::Command) if check.command.is_none() => ("command", "COMMAND"),
        Some(Type::Http) if check.http.is_none() => ("http", "HTTP"),
        Some(Type::Tcp) if check.tcp.is_none() => ("tcp", "TCP"),
        Some(Type::Command | Type::Http | Type::Tcp) => return Ok(()),
    };
    Err(format!(
        "Expecting '{}' to be set for {} check",
        expected.0, expected.1
    ))
}

fn validate_health_check(check: &v1::HealthCheck) -> Result<(), String> {
    use v1::health_check::Type;
    let expected = match check.r#type.and_then(|number| Type::try_from(number).ok()) {
        None => return Err("HealthCheck must specify 'type'".to_owned()),
        Some(Type::Unknown) => return Err("'UNKNOWN' is not a valid health check type".to_owned()),
        Some(Type::Command) if check.command.is_none() => ("command", "COMMAND"),
        Some(Type::Http) if check.http.is_none() => ("http", "HTTP"),
        Some(Type::Tcp) if check.tcp.is_none() => ("tcp", "TCP"),
        Some(Type::Command | Type::Http | Type::Tcp) => return Ok(()),
    };
    Err(format!(
        "Expecting '{}' to be set for {} health check",
        expected.0, expected.1
    ))
}

fn validate_limits(task: &v1::TaskInfo) -> Result<(), String> {
    let requested = resources(&task.resources);
    for (name, limit) in &task.limits {
        let word = match name.as_str() {
            "cpus" => "cpu",
            "mem" => "memory",
            _ => {
                return Err(
                    "Only cpus and mem may be included in a task's resource limits".to_owned(),
                );
            }
        };
        if limit.value < requested.scalar(name).to_f64() {
            return Err(format!(
                "The {word} limit must be greater than or equal to the {word} request"
            ));
        }
    }
    Ok(())
}

/// The checks of an executor by itself, for tasks and groups.
fn validate_executor(launch: &Launch<'_>, executor: &v1::ExecutorInfo) -> Result<(), String> {
    match (executor.r#type, &executor.command) {
        (Some(DEFAULT), Some(_)) => {
            return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_owned());
        }
        (None | Some(CUSTOM), None) => {
            return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
        }
        _ => {}
    }
    ids::check(&executor.executor_id.value).map_err(|invalid| invalid.to_string())?;
    let expected = launch.framework_id;
    if let Some(actual) = &executor.framework_id
        && actual.value != expected.as_str()
    {
        let actual = &actual.value;
        return Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {actual} vs Expected: {expected})"
        ));
    }
    if is_negative(executor.shutdown_grace_period) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_owned());
    }
    if let Some(command) = &executor.command {
        validate_command(command)
            .map_err(|detail| format!("Executor's `CommandInfo` is invalid: {detail}"))?;
    }
    let own = resources(&executor.resources);
    let id = &executor.executor_id.value;
    if own.scalar("cpus").to_f64() < EXECUTOR_CPUS_MIN
        || own.scalar("mem").to_f64() < EXECUTOR_MEM_MIN
    {
        tracing::warn!(executor = id, resources = %own, "executor with very little");
    }
    Ok(())
}

/// The executor of a group must have enough to live.
fn validate_group_executor_resources(executor: &v1::ExecutorInfo) -> Result<(), String> {
    let id = &executor.executor_id.value;
    let own = resources(&executor.resources);
    let (cpus, mem) = (own.scalar("cpus").to_f64(), own.scalar("mem").to_f64());
    let lack = |what| Err(format!("Executor '{id}' uses no {what}"));
    let too_little = |what, has: String, min: String| {
        Err(format!(
            "Executor '{id}' uses less {what} ({has}) than the minimum required ({min})"
        ))
    };
    if cpus == 0.0 {
        lack("CPUs")
    } else if cpus < EXECUTOR_CPUS_MIN {
        too_little("CPUs", cpus.to_string(), EXECUTOR_CPUS_MIN.to_string())
    } else if mem == 0.0 {
        lack("memory")
    } else if mem < EXECUTOR_MEM_MIN {
        too_little(
            "memory",
            format!("{mem}MB"),
            format!("{EXECUTOR_MEM_MIN}MB"),
        )
    } else if own.scalar("disk").to_f64() == 0.0 {
        lack("disk")
    } else {
        Ok(())
    }
}

/// An executor id stands for one ExecutorInfo on an agent, as long as the executor lives.
fn validate_same_executor(launch: &Launch<'_>, executor: &v1::ExecutorInfo) -> Result<(), String> {
    let id = ExecutorId::from(executor.executor_id.value.as_str());
    let Some(known) = launch.agent.executor(launch.framework_id, &id) else {
        return Ok(());
    };
    if is_same_executor(&known.info, executor) {
        return Ok(());
    }
    let line = "-".repeat(60);
    let (known, new) = (codec::to_text(&known.info), codec::to_text(executor));
    Err(format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n\
         {line}\nExisting ExecutorInfo:\n{known}\n{line}\nExecutorInfo:\n{new}\n{line}\n"
    ))
}

/// Equal in all that counts: labels and the grace period do not, nor do the order of the
/// environment and of the URIs and whether URIs are cached.
fn is_same_executor(one: &v1::ExecutorInfo, other: &v1::ExecutorInfo) -> bool {
    let essence = |info: &v1::ExecutorInfo| {
        let mut info = v1::ExecutorInfo {
            labels: None,
            shutdown_grace_period: None,
            resources: vec![],
            ..info.clone()
        };
        if let Some(command) = &mut info.command {
            for uri in &mut command.uris {
                uri.cache = None;
            }
            command
                .uris
                .sort_by(|one, other| one.value.cmp(&other.value));
            if let Some(environment) = &mut command.environment {
                environment
                    .variables
                    .sort_by(|one, other| one.name.cmp(&other.name));
            }
        }
        info
    };
    resources(&one.resources) == resources(&other.resources) && essence(one) == essence(other)
}

fn validate_command(command: &v1::CommandInfo) -> Result<(), String> {
    let variables = command
        .environment
        .iter()
        .flat_map(|environment| &environment.variables);
    for variable in variables {
        let name = &variable.name;
        match variable.r#type() {
            environment::variable::Type::Value if variable.value.is_none() => {
                return Err(format!(
                    "Environment variable '{name}' of type 'VALUE' must have a value set"
                ));
            }
            environment::variable::Type::Secret if variable.secret.is_none() => {
                return Err(format!(
                    "Environment variable '{name}' of type 'SECRET' must have a secret set"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

const DEFAULT: i32 = executor_info::Type::Default as i32;
const CUSTOM: i32 = executor_info::Type::Custom as i32;

fn is_new(launch: &Launch<'_>, executor: &v1::ExecutorInfo) -> bool {
    let id = ExecutorId::from(executor.executor_id.value.as_str());
    launch.agent.executor(launch.framework_id, &id).is_none()
}

fn is_negative(duration: Option<v1::DurationInfo>) -> bool {
    duration.is_some_and(|duration| duration.nanoseconds < 0)
}

/// Resources that have been checked when they came in.
fn resources(wire: &[v1::Resource]) -> Resources {
    Resources::from_wire(wire).unwrap_or_default()
}
