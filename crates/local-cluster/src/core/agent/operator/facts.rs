//! What an agent says of itself: its flags and its counters.

use std::time::Instant;

use mesos::resources::{Resources, Scalar};
use mesos::v1::value::Type;
use mesos::v1::{self, TaskState};

use super::COMPLETED_EXECUTORS_MAX;
use crate::core::agent::executor::{Executor, Life};
use crate::core::agent::{Agent, Phase, duration};
use crate::core::facts::{flag, metric};
use crate::core::wire::is_terminal;

impl Agent {
    /// The flags of Mesos that are true of this agent.
    pub(super) fn flags(&self) -> Vec<v1::Flag> {
        let config = &self.config;
        let mut flags = vec![
            flag("attributes", attributes(&config.info.attributes)),
            flag("containerizers", "mesos"),
            flag("default_role", "*"),
            flag(
                "executor_registration_timeout",
                duration::to_text(config.registration_timeout),
            ),
            flag(
                "executor_reregistration_timeout",
                duration::to_text(config.reregistration_timeout),
            ),
            flag(
                "executor_shutdown_grace_period",
                duration::to_text(config.shutdown_grace),
            ),
            flag("frameworks_home", ""),
            flag("help", "false"),
            flag("hostname", config.info.hostname.as_str()),
            flag("hostname_lookup", "false"),
            flag("http_command_executor", "false"),
            flag("ip", config.ip.to_string()),
            flag("isolation", "posix/cpu,posix/mem"),
            flag("launcher", "posix"),
            flag("logging_level", "INFO"),
            flag(
                "max_completed_executors_per_framework",
                COMPLETED_EXECUTORS_MAX.to_string(),
            ),
            flag("memory_profiling", "false"),
            flag("port", config.info.port().to_string()),
            flag("quiet", "false"),
            flag("recover", "reconnect"),
            flag("registration_backoff_factor", "1secs"),
            flag("resources", resources(&config.info.resources)),
            flag("version", "false"),
            flag("work_dir", config.work_dir.to_string_lossy()),
        ];
        flags.sort_by(|one, other| one.name.cmp(&other.name));
        flags
    }

    /// The counters of Mesos that this agent has, sorted by name.
    pub(super) fn metrics(&self, now: Instant) -> Vec<v1::Metric> {
        let uptime = now.saturating_duration_since(self.began);
        let is_registered = self.phase == Phase::Registered;
        let mut metrics = vec![
            metric("slave/uptime_secs", uptime.as_secs_f64()),
            count("slave/registered", u64::from(is_registered)),
            count("slave/frameworks_active", self.frameworks.len() as u64),
            count("slave/executors_terminated", self.past.executors_ended),
        ];
        metrics.extend(self.executor_metrics());
        metrics.extend(self.task_metrics());
        metrics.extend(self.resource_metrics());
        metrics.sort_by(|one, other| one.name.cmp(&other.name));
        metrics
    }

    fn executors(&self) -> impl Iterator<Item = &Executor> {
        let frameworks = self.frameworks.values();
        frameworks.flat_map(|framework| framework.executors.values())
    }

    /// Executors by how far they are.
    fn executor_metrics(&self) -> [v1::Metric; 3] {
        let (mut registering, mut running, mut terminating) = (0, 0, 0);
        for executor in self.executors() {
            match executor.life {
                Life::Registering { .. } | Life::Recovered => registering += 1,
                Life::Running { .. } | Life::Command { .. } => running += 1,
                Life::Terminating { .. } => terminating += 1,
                Life::Terminated => {}
            }
        }
        [
            count("slave/executors_registering", registering),
            count("slave/executors_running", running),
            count("slave/executors_terminating", terminating),
        ]
    }

    /// Tasks by state: those that there are, and how many have ever ended.
    fn task_metrics(&self) -> Vec<v1::Metric> {
        let states = [
            TaskState::TaskStaging,
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskKilling,
            TaskState::TaskFinished,
            TaskState::TaskFailed,
            TaskState::TaskKilled,
            TaskState::TaskLost,
            TaskState::TaskGone,
        ];
        let tasks = || self.executors().flat_map(Executor::tasks);
        let metrics = states.map(|state| {
            let number = if is_terminal(state) {
                let ended = self.past.ended.get(state.as_str_name());
                ended.copied().unwrap_or_default()
            } else {
                tasks().filter(|(_, known)| *known == state).count() as u64
            };
            let name = state.as_str_name().to_ascii_lowercase();
            count(
                &format!("slave/{}", name.replacen("task_", "tasks_", 1)),
                number,
            )
        });
        metrics.into()
    }

    /// How much of each resource there is, and how much of it is used.
    fn resource_metrics(&self) -> Vec<v1::Metric> {
        let total = Resources::from_wire(&self.config.info.resources).unwrap_or_default();
        let used: Vec<Resources> = self
            .executors()
            .filter(|executor| executor.life != Life::Terminated)
            .map(|executor| executor.view().resources())
            .collect();
        let mut metrics = Vec::new();
        for name in ["cpus", "mem", "disk", "gpus"] {
            let total = total.scalar(name);
            let used: Scalar = used.iter().map(|resources| resources.scalar(name)).sum();
            let share = if total.is_zero() {
                0.0
            } else {
                used.to_f64() / total.to_f64()
            };
            metrics.extend([
                metric(format!("slave/{name}_total"), total.to_f64()),
                metric(format!("slave/{name}_used"), used.to_f64()),
                metric(format!("slave/{name}_percent"), share),
            ]);
        }
        metrics
    }
}

/// The flag that gives an agent these resources.
fn resources(resources: &[v1::Resource]) -> String {
    let resources = Resources::from_wire(resources).unwrap_or_default();
    resources.to_string().replace("; ", ";")
}

/// The flag that gives an agent these attributes.
fn attributes(attributes: &[v1::Attribute]) -> String {
    let texts = attributes.iter().map(|attribute| {
        let value = match attribute.r#type() {
            Type::Scalar => attribute.scalar.map(|it| it.value.to_string()),
            Type::Text => attribute.text.as_ref().map(|it| it.value.clone()),
            Type::Ranges => attribute.ranges.as_ref().map(|ranges| {
                let ranges = ranges.range.iter();
                let ranges = ranges.map(|range| format!("{}-{}", range.begin, range.end));
                format!("[{}]", ranges.collect::<Vec<_>>().join(","))
            }),
            Type::Set => {
                let set = attribute.set.as_ref();
                set.map(|set| format!("{{{}}}", set.item.join(",")))
            }
        };
        format!("{}:{}", attribute.name, value.unwrap_or_default())
    });
    texts.collect::<Vec<_>>().join(";")
}

/// A number of things as a metric.
fn count(name: &str, number: u64) -> v1::Metric {
    metric(name, number as f64)
}
