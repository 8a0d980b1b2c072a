//! What a master says of itself: its flags and its counters.

use std::time::Instant;

use mesos::resources::Scalar;
use mesos::v1;

use crate::core::agent::duration;
use crate::core::facts::{flag, metric};
use crate::core::master::{COMPLETED_FRAMEWORKS_MAX, Master};

impl Master {
    /// The flags of Mesos that are true of this master.
    pub(super) fn flags(&self) -> Vec<v1::Flag> {
        let info = &self.config.info;
        let address = info.address.as_ref();
        vec![
            flag("agent_ping_timeout", "15secs"),
            flag(
                "allocation_interval",
                duration::to_text(self.config.allocation_interval),
            ),
            flag("allocator", "hierarchical"),
            flag("authenticate_agents", "false"),
            flag("filter_gpu_resources", "true"),
            flag("framework_sorter", "drf"),
            flag("hostname", info.hostname()),
            flag("hostname_lookup", "false"),
            flag("ip", address.map_or("", v1::Address::ip)),
            flag("logging_level", "INFO"),
            flag("max_agent_ping_timeouts", "5"),
            flag(
                "max_completed_frameworks",
                COMPLETED_FRAMEWORKS_MAX.to_string(),
            ),
            flag(
                "max_completed_tasks_per_framework",
                super::TASKS_KEPT_MAX.to_string(),
            ),
            flag(
                "max_operator_event_stream_subscribers",
                super::SUBSCRIBERS_MAX.to_string(),
            ),
            flag(
                "max_unreachable_tasks_per_framework",
                super::TASKS_KEPT_MAX.to_string(),
            ),
            flag("min_allocatable_resources", "cpus:0.01|mem:32"),
            flag("port", info.port.to_string()),
            flag("registry", "in_memory"),
            flag("role_sorter", "drf"),
            flag("root_submissions", "true"),
            flag("version", "false"),
        ]
    }

    /// The counters of Mesos that this master has, sorted by name.
    pub(super) fn metrics(&self, now: Instant) -> Vec<v1::Metric> {
        let uptime = now.saturating_duration_since(self.config.epoch.0);
        let connected = self.agents.values().filter(|it| it.is_connected()).count();
        let active = self
            .agents
            .values()
            .filter(|agent| agent.is_connected() && !agent.is_deactivated())
            .count();
        let listening = self
            .frameworks
            .values()
            .filter(|framework| framework.stream().is_some())
            .count();
        let (agents, frameworks) = (self.agents.len(), self.frameworks.len());
        let mut metrics = vec![
            metric("master/elected", 1.0),
            metric("master/uptime_secs", uptime.as_secs_f64()),
            count("master/slaves_connected", connected),
            count("master/slaves_disconnected", agents - connected),
            count("master/slaves_active", active),
            count("master/slaves_inactive", agents - active),
            count(
                "master/slaves_unreachable",
                self.registry.unreachable_count(),
            ),
            count("master/frameworks_connected", listening),
            count("master/frameworks_disconnected", frameworks - listening),
            count("master/frameworks_active", listening),
            count("master/frameworks_inactive", frameworks - listening),
            count("master/outstanding_offers", self.offers.len()),
            count(
                "master/operator_event_stream_subscribers",
                self.operators.subscribers.len(),
            ),
        ];
        metrics.extend(self.task_metrics());
        metrics.extend(self.resource_metrics());
        metrics.sort_by(|one, other| one.name.cmp(&other.name));
        metrics
    }

    /// Tasks by state: those that there are, and how many have ever ended.
    fn task_metrics(&self) -> Vec<v1::Metric> {
        use v1::TaskState;
        let living = [
            TaskState::TaskStaging,
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskKilling,
            TaskState::TaskUnreachable,
        ];
        let ended = [
            TaskState::TaskFinished,
            TaskState::TaskFailed,
            TaskState::TaskKilled,
            TaskState::TaskLost,
            TaskState::TaskError,
            TaskState::TaskDropped,
            TaskState::TaskGone,
            TaskState::TaskGoneByOperator,
        ];
        let name = |state: TaskState| {
            let name = state.as_str_name().to_ascii_lowercase();
            format!("master/{}", name.replacen("task_", "tasks_", 1))
        };
        let records = self.operators.frameworks.values();
        let unreachable = records.map(|record| record.unreachable.len()).sum();
        let living = living.map(|state| {
            let tasks = self.frameworks.values().flat_map(|it| it.tasks.values());
            let found = match state {
                TaskState::TaskUnreachable => unreachable,
                state => tasks.filter(|task| task.state == state).count(),
            };
            count(&name(state), found)
        });
        let ended = ended.map(|state| {
            let ended = self.operators.ended.get(state.as_str_name());
            metric(name(state), ended.map_or(0.0, |ended| *ended as f64))
        });
        living.into_iter().chain(ended).collect()
    }

    /// How much of each resource there is, and how much of it is used.
    fn resource_metrics(&self) -> Vec<v1::Metric> {
        let mut metrics = Vec::new();
        for name in ["cpus", "mem", "disk", "gpus"] {
            let total: Scalar = self
                .agents
                .values()
                .map(|agent| agent.total().scalar(name))
                .sum();
            let used: Scalar = self
                .allocations()
                .map(|(_, _, resources)| resources.scalar(name))
                .sum();
            let share = if total.is_zero() {
                0.0
            } else {
                used.to_f64() / total.to_f64()
            };
            metrics.extend([
                metric(format!("master/{name}_total"), total.to_f64()),
                metric(format!("master/{name}_used"), used.to_f64()),
                metric(format!("master/{name}_percent"), share),
            ]);
        }
        metrics
    }
}

/// A number of things as a metric.
fn count(name: &str, number: usize) -> v1::Metric {
    metric(name, number as f64)
}
