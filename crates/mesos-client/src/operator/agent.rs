//! The operator API of agents.

use mesos::v1;

use super::macros::{actions, queries, questions};
use super::post::Poster;
use super::{OperatorConfig, OperatorError, PATH};
use crate::core::endpoint::{Endpoint, InvalidEndpoint};
use crate::error::StartError;
use crate::scheduler::Place;

/// The port of an agent that is given without one.
const DEFAULT_PORT: u16 = 5051;

/// Asks one agent.
#[derive(Debug)]
pub struct AgentOperator {
    pub(super) poster: Poster,
}

impl AgentOperator {
    /// For an agent at `host:port`, or `https://host:port`. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none, or the configuration cannot be used.
    pub fn new(agent: &str, config: OperatorConfig) -> Result<Self, AgentAddressError> {
        let endpoint = Endpoint::parse(agent, DEFAULT_PORT, PATH)?;
        let place = Place::Addresses(vec![endpoint]);
        Ok(Self {
            poster: Poster::new(place, &config)?,
        })
    }

    /// For an agent with this pid, `slave(1)@ip:port`, as a master tells it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn at_pid(pid: &str, config: OperatorConfig) -> Result<Self, AgentAddressError> {
        let address = pid.rsplit_once('@').map_or(pid, |(_, address)| address);
        Self::new(address, config)
    }

    queries! { agent:
        /// Whether the agent answers.
        get_health -> GetHealth;
        /// The flags that it was started with.
        get_flags -> GetFlags;
        /// What it was built from.
        get_version -> GetVersion;
        /// How much it logs.
        get_logging_level -> GetLoggingLevel;
        /// Tasks, executors and frameworks, all of one moment.
        get_state -> GetState;
        /// The frameworks that have, or had, executors here.
        get_frameworks -> GetFrameworks;
        /// The executors.
        get_executors -> GetExecutors;
        /// The operations on resources that give feedback.
        get_operations -> GetOperations;
        /// The tasks.
        get_tasks -> GetTasks;
        /// The agent itself, and how it is drained.
        get_agent -> GetAgent;
        /// Who brings resources to it.
        get_resource_providers -> GetResourceProviders;
    }

    questions! { agent:
        /// What the agent counts. It gives up on counters that take longer than `timeout`.
        get_metrics(timeout: Option<v1::DurationInfo>) -> GetMetrics;
        /// The containers, and what they use.
        get_containers(
            show_nested: Option<bool>, show_standalone: Option<bool>
        ) -> GetContainers;
        /// The files in a folder of a sandbox, such as
        /// `/frameworks/ID/executors/ID/runs/latest`. One that does not exist is rejected with
        /// status 404.
        list_files(path: String) -> ListFiles;
        /// A piece of a file, of at most 64 KiB whatever `length` says, and the size of all of it:
        /// who follows a file asks again from where the last piece ended.
        read_file(path: String, offset: u64, length: Option<u64>) -> ReadFile;
    }

    actions! { agent:
        /// Logs more or less for some time.
        set_logging_level(level: u32, duration: v1::DurationInfo) = SetLoggingLevel;
        /// Starts a container below another, or one of its own.
        launch_container(
            container_id: v1::ContainerId,
            command: Option<v1::CommandInfo>,
            resources: Vec<v1::Resource>,
            container: Option<v1::ContainerInfo>,
            limits: std::collections::BTreeMap<String, v1::value::Scalar>
        ) = LaunchContainer;
        /// Sends a signal to a container; SIGKILL if none is given.
        kill_container(container_id: v1::ContainerId, signal: Option<i32>) = KillContainer;
        /// Removes what a container that has ended has left.
        remove_container(container_id: v1::ContainerId) = RemoveContainer;
        /// [`launch_container`](Self::launch_container) has taken its place.
        launch_nested_container(
            container_id: v1::ContainerId,
            command: Option<v1::CommandInfo>,
            container: Option<v1::ContainerInfo>
        ) = LaunchNestedContainer;
        /// [`kill_container`](Self::kill_container) has taken its place.
        kill_nested_container(
            container_id: v1::ContainerId, signal: Option<i32>
        ) = KillNestedContainer;
        /// [`remove_container`](Self::remove_container) has taken its place.
        remove_nested_container(container_id: v1::ContainerId) = RemoveNestedContainer;
        /// Configures somebody who brings resources.
        add_resource_provider_config(
            info: v1::ResourceProviderInfo
        ) = AddResourceProviderConfig;
        /// Configures them anew.
        update_resource_provider_config(
            info: v1::ResourceProviderInfo
        ) = UpdateResourceProviderConfig;
        /// Configures them no more.
        remove_resource_provider_config(
            r#type: String, name: String
        ) = RemoveResourceProviderConfig;
        /// Says that they will never come back.
        mark_resource_provider_gone(
            resource_provider_id: v1::ResourceProviderId
        ) = MarkResourceProviderGone;
        /// Removes images that no container uses, but not these.
        prune_images(excluded_images: Vec<v1::Image>) = PruneImages;
    }
}

/// Why an agent cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentAddressError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] InvalidEndpoint),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] StartError),
}
