//! The operator API of masters.

use mesos::v1;
use v1::master::event::Type as EventType;

use super::macros::{actions, queries, questions};
use super::post::{Poster, Records};
use super::{OperatorConfig, OperatorError, PATH};
use crate::core::endpoint::Endpoint;
use crate::error::{DisconnectReason, StartError};
use crate::scheduler::{Masters, Place};

/// Asks the leading master, wherever that is: redirects are followed, and of several masters the
/// next is tried when one cannot be reached.
///
/// ```no_run
/// use mesos_client::{MasterOperator, OperatorConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let master = MasterOperator::new("10.0.0.1:5050".parse()?, OperatorConfig::default())?;
/// for agent in master.get_agents().await?.agents {
///     println!("{}: {:?}", agent.agent_info.hostname, agent.total_resources);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MasterOperator {
    poster: Poster,
}

impl MasterOperator {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(masters: Masters, config: OperatorConfig) -> Result<Self, StartError> {
        let place = match masters.0 {
            Place::Addresses(endpoints) => {
                let of_operators = |endpoint: Endpoint| endpoint.with_path(PATH);
                Place::Addresses(endpoints.into_iter().map(of_operators).collect())
            }
            place @ Place::ZooKeeper(_) => place,
        };
        Ok(Self {
            poster: Poster::new(place, &config)?,
        })
    }

    queries! { master:
        /// Whether the master answers.
        get_health -> GetHealth;
        /// The flags that it was started with.
        get_flags -> GetFlags;
        /// What it was built from.
        get_version -> GetVersion;
        /// How much it logs.
        get_logging_level -> GetLoggingLevel;
        /// Tasks, executors, frameworks and agents, all of one moment.
        get_state -> GetState;
        /// The agents. The pid of each, `slave(1)@ip:port`, is what [`AgentOperator::at_pid`] takes.
        ///
        /// [`AgentOperator::at_pid`]: crate::AgentOperator::at_pid
        get_agents -> GetAgents;
        /// The frameworks, and those which have ended.
        get_frameworks -> GetFrameworks;
        /// The executors.
        get_executors -> GetExecutors;
        /// The operations on resources that give feedback.
        get_operations -> GetOperations;
        /// The tasks.
        get_tasks -> GetTasks;
        /// The roles that are in use.
        get_roles -> GetRoles;
        /// The master itself, and since when it leads.
        get_master -> GetMaster;
        /// Machines that are about to go down, and those that are.
        get_maintenance_status -> GetMaintenanceStatus;
        /// When machines are taken down.
        get_maintenance_schedule -> GetMaintenanceSchedule;
        /// The quota of all roles.
        get_quota -> GetQuota;
    }

    questions! { master:
        /// What the master counts. It gives up on counters that take longer than `timeout`.
        get_metrics(timeout: Option<v1::DurationInfo>) -> GetMetrics;
        /// The files in a folder of the master, such as `/master`. One that does not exist is
        /// rejected with status 404.
        list_files(path: String) -> ListFiles;
        /// A piece of a file, of at most 64 KiB whatever `length` says, and the size of all of it.
        read_file(path: String, offset: u64, length: Option<u64>) -> ReadFile;
    }

    actions! { master:
        /// Logs more or less for some time.
        set_logging_level(level: u32, duration: v1::DurationInfo) = SetLoggingLevel;
        /// Changes the weights of roles.
        update_weights(weight_infos: Vec<v1::WeightInfo>) = UpdateWeights;
        /// Keeps resources of an agent for a role; `source` is what they are reserved for now.
        reserve_resources(
            agent_id: v1::AgentId, resources: Vec<v1::Resource>, source: Vec<v1::Resource>
        ) = ReserveResources;
        /// Keeps them no more.
        unreserve_resources(
            agent_id: v1::AgentId, resources: Vec<v1::Resource>
        ) = UnreserveResources;
        /// Makes persistent volumes of reserved disk.
        create_volumes(agent_id: v1::AgentId, volumes: Vec<v1::Resource>) = CreateVolumes;
        /// Removes volumes with what is in them.
        destroy_volumes(agent_id: v1::AgentId, volumes: Vec<v1::Resource>) = DestroyVolumes;
        /// Makes a volume larger.
        grow_volume(
            agent_id: Option<v1::AgentId>, volume: v1::Resource, addition: v1::Resource
        ) = GrowVolume;
        /// Makes a volume smaller.
        shrink_volume(
            agent_id: Option<v1::AgentId>, volume: v1::Resource, subtract: v1::value::Scalar
        ) = ShrinkVolume;
        /// Replaces the schedule by which machines are taken down.
        update_maintenance_schedule(
            schedule: v1::maintenance::Schedule
        ) = UpdateMaintenanceSchedule;
        /// Takes machines of the schedule down: their agents are shut down, with all tasks.
        start_maintenance(machines: Vec<v1::MachineId>) = StartMaintenance;
        /// Machines are back.
        stop_maintenance(machines: Vec<v1::MachineId>) = StopMaintenance;
        /// Kills the tasks of an agent, each with its grace but none longer than
        /// `max_grace_period`, and offers nothing of it any more. With `mark_gone` it is marked as
        /// gone at the end.
        drain_agent(
            agent_id: v1::AgentId,
            max_grace_period: Option<mesos::protobuf::Duration>,
            mark_gone: Option<bool>
        ) = DrainAgent;
        /// Offers nothing of an agent any more; its tasks go on.
        deactivate_agent(agent_id: v1::AgentId) = DeactivateAgent;
        /// Takes back that an agent was drained or deactivated.
        reactivate_agent(agent_id: v1::AgentId) = ReactivateAgent;
        /// Changes guarantees and limits of roles; with `force` even if they exceed what there is.
        update_quota(
            force: Option<bool>, quota_configs: Vec<v1::quota::QuotaConfig>
        ) = UpdateQuota;
        /// Guarantees something to one role; [`update_quota`](Self::update_quota) has taken its
        /// place.
        set_quota(quota_request: v1::quota::QuotaRequest) = SetQuota;
        /// Guarantees nothing to a role any more; likewise.
        remove_quota(role: String) = RemoveQuota;
        /// Ends a framework and all its tasks.
        teardown(framework_id: v1::FrameworkId) = Teardown;
        /// Says that an agent will never come back: its tasks are gone by operator.
        mark_agent_gone(agent_id: v1::AgentId) = MarkAgentGone;
    }

    /// The weights of roles. A master without any answers without a body.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn get_weights(&self) -> Result<v1::master::response::GetWeights, OperatorError> {
        let response: v1::master::Response = self
            .poster
            .ask(&v1::master::Call {
                r#type: Some(v1::master::call::Type::GetWeights.into()),
                ..v1::master::Call::default()
            })
            .await?;
        Ok(response.get_weights.unwrap_or_default())
    }

    /// SUBSCRIBE: what changes from now on, after all that there is.
    ///
    /// # Errors
    /// By class, see [`OperatorError`].
    pub async fn subscribe(&self) -> Result<MasterEvents, OperatorError> {
        let call = v1::master::Call {
            r#type: Some(v1::master::call::Type::Subscribe.into()),
            ..v1::master::Call::default()
        };
        let records = self.poster.stream(&call).await?;
        Ok(MasterEvents { records })
    }
}

/// The events of a master. Dropping it ends the stream.
#[derive(Debug)]
pub struct MasterEvents {
    records: Records,
}

impl MasterEvents {
    /// The next event other than HEARTBEAT: SUBSCRIBED first. Heartbeats come every 15 s, so who
    /// must know soon that a master has vanished waits for this with a time limit, and subscribes
    /// again: nothing is repeated, but SUBSCRIBED has it all. Loses nothing when dropped.
    ///
    /// # Errors
    /// How the stream ended.
    pub async fn next(&mut self) -> Result<v1::master::Event, DisconnectReason> {
        loop {
            let event: v1::master::Event = self.records.next().await?;
            if !matches!(event.r#type(), EventType::Heartbeat | EventType::Unknown) {
                return Ok(event);
            }
        }
    }
}
