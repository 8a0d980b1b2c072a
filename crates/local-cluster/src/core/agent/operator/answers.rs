//! What an agent answers to operators, made of its [`Description`] alone.

use mesos::resources::Resources;
use mesos::v1;
use mesos::v1::agent::response::{
    GetAgent, GetContainers, GetExecutors, GetFlags, GetFrameworks, GetHealth, GetLoggingLevel,
    GetMetrics, GetOperations, GetResourceProviders, GetState, GetTasks, GetVersion,
    get_containers, get_executors, get_frameworks,
};
use mesos::v1::agent::{Response, call, response};

use super::{Description, ExecutorView, FrameworkView, Scope};
use crate::core::facts;

/// How much of an agent a query is about; nothing if the call is no query.
pub(crate) fn scope(call_type: call::Type) -> Option<Scope> {
    use call::Type;
    match call_type {
        Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetLoggingLevel
        | Type::GetOperations
        | Type::GetAgent
        | Type::GetResourceProviders => Some(Scope::Agent),
        Type::GetMetrics
        | Type::GetState
        | Type::GetContainers
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetTasks => Some(Scope::Everything),
        _ => None,
    }
}

impl Description {
    /// The answer, if the call is a query. What containers use is still to be added
    /// ([`containers`](Self::containers)).
    pub(crate) fn answer(&self, call_type: call::Type) -> Option<Response> {
        use call::Type;
        macro_rules! answer {
            ($kind:ident, $field:ident, $value:expr) => {
                Response {
                    r#type: Some(response::Type::$kind.into()),
                    $field: Some($value),
                    ..Response::default()
                }
            };
        }
        Some(match call_type {
            Type::GetHealth => answer!(GetHealth, get_health, GetHealth { healthy: true }),
            Type::GetFlags => {
                let flags = self.flags.clone();
                answer!(GetFlags, get_flags, GetFlags { flags })
            }
            Type::GetVersion => {
                let version_info = facts::version();
                answer!(GetVersion, get_version, GetVersion { version_info })
            }
            Type::GetMetrics => {
                let metrics = self.metrics.clone();
                answer!(GetMetrics, get_metrics, GetMetrics { metrics })
            }
            Type::GetLoggingLevel => {
                let level = self.logging_level;
                answer!(
                    GetLoggingLevel,
                    get_logging_level,
                    GetLoggingLevel { level }
                )
            }
            Type::GetState => answer!(GetState, get_state, self.state()),
            Type::GetContainers => {
                let containers = self.containers();
                answer!(GetContainers, get_containers, GetContainers { containers })
            }
            Type::GetFrameworks => answer!(GetFrameworks, get_frameworks, self.get_frameworks()),
            Type::GetExecutors => answer!(GetExecutors, get_executors, self.get_executors()),
            Type::GetTasks => answer!(GetTasks, get_tasks, self.get_tasks()),
            Type::GetOperations => {
                answer!(GetOperations, get_operations, GetOperations::default())
            }
            Type::GetAgent => {
                let agent = GetAgent {
                    agent_info: Some(self.info.clone()),
                    ..GetAgent::default()
                };
                answer!(GetAgent, get_agent, agent)
            }
            Type::GetResourceProviders => {
                let providers = GetResourceProviders::default();
                answer!(GetResourceProviders, get_resource_providers, providers)
            }
            _ => return None,
        })
    }

    /// The containers that are there, with what they may use and nothing about what they do.
    pub(crate) fn containers(&self) -> Vec<get_containers::Container> {
        let mut containers = Vec::new();
        for framework in &self.frameworks {
            let executors = framework.executors.iter();
            let living = executors.filter(|executor| executor.is_alive);
            containers.extend(living.map(|executor| self.container(framework, executor)));
        }
        containers
    }

    fn container(
        &self,
        framework: &FrameworkView,
        executor: &ExecutorView,
    ) -> get_containers::Container {
        let info = &executor.info;
        get_containers::Container {
            framework_id: framework.info.id.clone(),
            executor_id: Some(info.executor_id.clone()),
            executor_name: Some(info.name().to_owned()),
            container_id: (&executor.container_id).into(),
            container_status: Some(v1::ContainerStatus {
                container_id: Some((&executor.container_id).into()),
                executor_pid: executor.pid,
                ..v1::ContainerStatus::default()
            }),
            resource_statistics: Some(limits(self.time, &executor.resources())),
        }
    }

    fn state(&self) -> GetState {
        GetState {
            get_tasks: Some(self.get_tasks()),
            get_executors: Some(self.get_executors()),
            get_frameworks: Some(self.get_frameworks()),
        }
    }

    fn get_frameworks(&self) -> GetFrameworks {
        let all = |frameworks: &[FrameworkView]| {
            let frameworks = frameworks.iter();
            let shown = frameworks.map(|framework| get_frameworks::Framework {
                framework_info: framework.info.clone(),
            });
            shown.collect()
        };
        GetFrameworks {
            frameworks: all(&self.frameworks),
            completed_frameworks: all(&self.completed_frameworks),
        }
    }

    fn get_executors(&self) -> GetExecutors {
        let frameworks = || self.frameworks.iter().chain(&self.completed_frameworks);
        let shown = |executor: &ExecutorView| get_executors::Executor {
            executor_info: executor.info.clone(),
        };
        let executors = frameworks().flat_map(|framework| &framework.executors);
        let completed = frameworks().flat_map(|framework| &framework.completed_executors);
        GetExecutors {
            executors: executors.map(shown).collect(),
            completed_executors: completed.map(shown).collect(),
        }
    }

    fn get_tasks(&self) -> GetTasks {
        let mut all = GetTasks::default();
        for executor in self.all_executors() {
            let tasks = &executor.tasks;
            all.queued_tasks.extend(tasks.queued.iter().cloned());
            all.launched_tasks.extend(tasks.launched.iter().cloned());
            all.terminated_tasks
                .extend(tasks.terminated.iter().cloned());
            all.completed_tasks.extend(tasks.completed.iter().cloned());
        }
        all
    }
}

/// What a container may use. Nothing holds it to that, which is why Mesos calls its cpus a soft
/// limit; with memory it says both.
fn limits(timestamp: f64, resources: &Resources) -> v1::ResourceStatistics {
    let amount = |name: &str| Some(resources.scalar(name)).filter(|amount| !amount.is_zero());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "amounts are not negative, and fewer than 2^44 megabytes"
    )]
    let bytes = amount("mem").map(|mem| (mem.to_f64() * f64::from(1 << 20)) as u64);
    v1::ResourceStatistics {
        timestamp,
        cpus_soft_limit: amount("cpus").map(|cpus| cpus.to_f64()),
        mem_limit_bytes: bytes,
        mem_soft_limit_bytes: bytes,
        ..v1::ResourceStatistics::default()
    }
}
