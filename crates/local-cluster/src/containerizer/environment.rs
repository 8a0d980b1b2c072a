//! The environment of an executor: all of it, for the agent's own is not inherited
//! (PROTOCOL §9.2).

use std::collections::BTreeMap;
use std::path::Path;

use super::Settings;
use crate::authentication::token;
use crate::core::agent::{Launch, duration};

/// What an executor gets when its command sets no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables of an executor; those of its command win over the agent's.
pub(super) fn of(launch: &Launch, settings: &Settings, sandbox: &Path) -> BTreeMap<String, String> {
    let endpoint = settings.endpoint;
    let sandbox = sandbox.to_string_lossy().into_owned();
    let checkpoint = if launch.checkpoint { "1" } else { "0" };
    let mut variables = settings.environment.clone();
    let own: [(&str, String); 12] = [
        ("LIBPROCESS_IP", endpoint.ip().to_string()),
        ("LIBPROCESS_PORT", "0".to_owned()),
        ("MESOS_AGENT_ENDPOINT", endpoint.to_string()),
        ("MESOS_CHECKPOINT", checkpoint.to_owned()),
        ("MESOS_DIRECTORY", sandbox.clone()),
        (
            "MESOS_EXECUTOR_ID",
            launch.executor.executor_id.value.clone(),
        ),
        (
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
            duration::to_text(launch.shutdown_grace),
        ),
        ("MESOS_FRAMEWORK_ID", launch.framework_id.to_string()),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0".to_owned()),
        ("MESOS_SANDBOX", sandbox),
        ("MESOS_SLAVE_ID", launch.agent_id.to_string()),
        ("MESOS_SLAVE_PID", format!("slave(1)@{endpoint}")),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if launch.checkpoint {
        let recovery = duration::to_text(settings.recovery_timeout);
        variables.insert("MESOS_RECOVERY_TIMEOUT".to_owned(), recovery);
        let backoff = duration::to_text(settings.subscription_backoff_max);
        variables.insert("MESOS_SUBSCRIPTION_BACKOFF_MAX".to_owned(), backoff);
    }
    if let Some(path) = &settings.domain_socket {
        let path = path.to_string_lossy().into_owned();
        variables.insert("MESOS_DOMAIN_SOCKET".to_owned(), path);
    }
    // A token is for executors alone: it opens the agent's API, and the executor of a command task
    // would take it out of the environment of the task (PROTOCOL §11.4).
    if let Some(key) = settings
        .executor_key
        .as_ref()
        .filter(|_| !launch.is_command)
    {
        let name = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN".to_owned();
        variables.insert(name, token::of(launch, key));
    }
    let command = launch.executor.command.as_ref();
    for variable in command
        .and_then(|command| command.environment.as_ref())
        .map_or(&[][..], |environment| &environment.variables)
    {
        // A secret has no value here: there is nothing that could resolve it.
        if let Some(value) = &variable.value {
            variables.insert(variable.name.clone(), value.clone());
        }
    }
    variables
        .entry("PATH".to_owned())
        .or_insert_with(|| DEFAULT_PATH.to_owned());
    variables
}
