//! Calls of operators: what each must have, and what it does (PROTOCOL §12).

use std::time::Instant;

use mesos::v1::master::response::{
    GetFlags, GetHealth, GetLoggingLevel, GetMaintenanceSchedule, GetMaintenanceStatus, GetMaster,
    GetMetrics, GetOperations, GetQuota, GetVersion,
};
use mesos::v1::master::{Call, Response, call, response};
use mesos::v1::task_status::Reason;
use mesos::{AgentId, FrameworkId, v1};

use super::OperatorReply;
use crate::core::facts;
use crate::core::master::agents::{Loss, nanoseconds};
use crate::core::master::{Master, Output, RegistryChange, Rejection, RequestIndex};
use crate::core::wire::{AgentIndex, ToAgent};

impl Master {
    /// The checks in the order of Mesos, then the call itself.
    pub(in crate::core::master) fn handle_operator(
        &mut self,
        now: Instant,
        request: RequestIndex,
        call: Call,
        accepts_nothing: bool,
    ) {
        let checked = validate(&call).and_then(|call_type| {
            if accepts_nothing {
                return Err(Rejection::new(
                    406,
                    "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
                ));
            }
            Ok(call_type)
        });
        let reply = match checked {
            // The reply is made there: events must come after it.
            Ok(call::Type::Subscribe) => return self.subscribe_operator(now, request),
            Ok(call_type) => self
                .answer(now, call_type)
                .map(|answer| Ok(OperatorReply::Answer(Box::new(answer))))
                .unwrap_or_else(|| self.act(now, call_type, call)),
            Err(rejection) => Err(rejection),
        };
        let reply = reply.unwrap_or_else(OperatorReply::Refused);
        self.outputs
            .push_back(Output::OperatorReply { request, reply });
    }

    /// The answer, if the call is a query.
    fn answer(&self, now: Instant, call_type: call::Type) -> Option<Response> {
        use call::Type;
        let of = |kind: response::Type| Response {
            r#type: Some(kind.into()),
            ..Response::default()
        };
        macro_rules! answer {
            ($kind:ident, $field:ident, $value:expr) => {
                Response {
                    $field: Some($value),
                    ..of(response::Type::$kind)
                }
            };
        }
        Some(match call_type {
            Type::GetHealth => answer!(GetHealth, get_health, GetHealth { healthy: true }),
            Type::GetFlags => answer!(
                GetFlags,
                get_flags,
                GetFlags {
                    flags: self.flags()
                }
            ),
            Type::GetVersion => {
                let version_info = facts::version();
                answer!(GetVersion, get_version, GetVersion { version_info })
            }
            Type::GetMetrics => {
                let metrics = self.metrics(now);
                answer!(GetMetrics, get_metrics, GetMetrics { metrics })
            }
            Type::GetLoggingLevel => {
                let level = self.operators.logging.level(now);
                let level = GetLoggingLevel { level };
                answer!(GetLoggingLevel, get_logging_level, level)
            }
            Type::GetState => answer!(GetState, get_state, self.state()),
            Type::GetAgents => answer!(GetAgents, get_agents, self.get_agents()),
            Type::GetFrameworks => answer!(GetFrameworks, get_frameworks, self.get_frameworks()),
            Type::GetExecutors => answer!(GetExecutors, get_executors, self.get_executors()),
            Type::GetTasks => answer!(GetTasks, get_tasks, self.get_tasks()),
            Type::GetRoles => answer!(GetRoles, get_roles, self.get_roles()),
            Type::GetOperations => {
                answer!(
                    GetOperations,
                    get_operations,
                    GetOperations {
                        operations: self.operations.describe(),
                    }
                )
            }
            // Without weights there is not even an empty body.
            Type::GetWeights => of(response::Type::GetWeights),
            Type::GetMaster => {
                let started = self.config.epoch.1;
                let master = GetMaster {
                    master_info: Some(self.config.info.clone()),
                    start_time: Some(started),
                    elected_time: Some(started),
                };
                answer!(GetMaster, get_master, master)
            }
            Type::GetMaintenanceStatus => {
                let status = GetMaintenanceStatus::default();
                answer!(GetMaintenanceStatus, get_maintenance_status, status)
            }
            Type::GetMaintenanceSchedule => {
                let schedule = GetMaintenanceSchedule::default();
                answer!(GetMaintenanceSchedule, get_maintenance_schedule, schedule)
            }
            Type::GetQuota => answer!(GetQuota, get_quota, GetQuota::default()),
            _ => return None,
        })
    }

    /// Calls that are no queries.
    fn act(
        &mut self,
        now: Instant,
        call_type: call::Type,
        call: Call,
    ) -> Result<OperatorReply, Rejection> {
        use call::Type;
        match call_type {
            Type::SetLoggingLevel => {
                let asked = call.set_logging_level.unwrap_or_default();
                let nanoseconds = asked.duration.nanoseconds;
                self.operators.logging.set(now, asked.level, nanoseconds);
            }
            // The master writes no files, so there is none to show.
            Type::ListFiles | Type::ReadFile => return Err(Rejection::new(404, "")),
            Type::Teardown => {
                let id = call.teardown.unwrap_or_default().framework_id.value;
                let id = FrameworkId::from(id);
                if !self.frameworks.contains_key(&id) {
                    let text = "No framework found with specified ID";
                    return Err(Rejection::new(400, text));
                }
                self.remove_framework(&id);
            }
            Type::MarkAgentGone => {
                let id = call.mark_agent_gone.unwrap_or_default().agent_id.value;
                self.mark_agent_gone(now, &AgentId::from(id))?;
            }
            Type::DeactivateAgent => {
                let id = call.deactivate_agent.unwrap_or_default().agent_id.value;
                let agent = self.find_agent(&id)?;
                self.deactivate_agent(agent);
            }
            Type::ReactivateAgent => {
                let id = call.reactivate_agent.unwrap_or_default().agent_id.value;
                let agent = self.find_agent(&id)?;
                self.reactivate_agent(now, agent);
            }
            // What is not there: weights, quota, maintenance, draining, and operations on resources
            // that no framework has asked for.
            _ => return Err(Rejection::new(501, "501 Not Implemented.")),
        }
        Ok(OperatorReply::Ok)
    }

    /// An agent will not come back, says its operator: it is shut down, should it be there after all.
    /// One that is not there now is so too, and shut down when it comes back.
    fn mark_agent_gone(&mut self, now: Instant, id: &AgentId) -> Result<(), Rejection> {
        if self.registry.gone_since(id).is_some() {
            return Ok(());
        }
        let index = self.find_agent(id.as_str());
        let is_away = self.registry.unreachable_since(id).is_some() || self.recovered.contains(id);
        if !is_away {
            index.as_ref().map_err(Rejection::clone)?;
        }
        self.note(RegistryChange::Gone {
            agent_id: id.clone(),
            nanoseconds: nanoseconds(self.timestamp(now)),
        });
        self.recovered.remove(id);
        for framework in self.frameworks.values_mut() {
            framework.forget_unreachable(id);
        }
        let Ok(index) = index else { return Ok(()) };
        let message = "Agent has been marked gone".to_owned();
        self.send_to_agent(index, ToAgent::Shutdown { message });
        self.remove_agent(now, index, |framework| {
            let is_aware = framework.capabilities.partition_aware;
            let reason = if is_aware {
                Reason::AgentRemovedByOperator
            } else {
                Reason::AgentRemoved
            };
            Loss {
                state: framework.lost_or(v1::TaskState::TaskGoneByOperator),
                reason,
                message: "Agent has been marked gone".to_owned(),
                unreachable_time: None,
            }
        });
        Ok(())
    }

    /// From now on nothing of the agent is offered; what runs on it goes on.
    fn deactivate_agent(&mut self, index: AgentIndex) {
        if let Some(agent) = self.agents.get_mut(&index) {
            agent.set_deactivated(true);
            self.rescind_offers_of(index);
        }
    }

    fn reactivate_agent(&mut self, now: Instant, index: AgentIndex) {
        if let Some(agent) = self.agents.get_mut(&index) {
            agent.set_deactivated(false);
            self.allocate(now);
        }
    }

    fn find_agent(&self, id: &str) -> Result<AgentIndex, Rejection> {
        let agent = self.agent_by_id(&AgentId::from(id));
        agent
            .map(|agent| agent.index())
            .ok_or_else(|| Rejection::new(404, format!("Agent '{id}' not found")))
    }
}

/// Checks a call by itself and says of what type it is.
fn validate(call: &Call) -> Result<call::Type, Rejection> {
    use call::Type;
    let invalid = |field: &str| {
        let text = format!("Failed to validate master::Call: Expecting '{field}' to be present");
        Rejection::new(400, text)
    };
    let call_type = call
        .r#type
        .and_then(|number| Type::try_from(number).ok())
        .ok_or_else(|| invalid("type"))?;
    let is_there = match call_type {
        Type::GetMetrics => call.get_metrics.is_some(),
        Type::SetLoggingLevel => call.set_logging_level.is_some(),
        Type::ListFiles => call.list_files.is_some(),
        Type::ReadFile => call.read_file.is_some(),
        Type::UpdateWeights => call.update_weights.is_some(),
        Type::ReserveResources => call.reserve_resources.is_some(),
        Type::UnreserveResources => call.unreserve_resources.is_some(),
        Type::CreateVolumes => call.create_volumes.is_some(),
        Type::DestroyVolumes => call.destroy_volumes.is_some(),
        Type::GrowVolume => call.grow_volume.is_some(),
        Type::ShrinkVolume => call.shrink_volume.is_some(),
        Type::UpdateMaintenanceSchedule => call.update_maintenance_schedule.is_some(),
        Type::StartMaintenance => call.start_maintenance.is_some(),
        Type::StopMaintenance => call.stop_maintenance.is_some(),
        Type::DrainAgent => call.drain_agent.is_some(),
        Type::DeactivateAgent => call.deactivate_agent.is_some(),
        Type::ReactivateAgent => call.reactivate_agent.is_some(),
        Type::UpdateQuota => call.update_quota.is_some(),
        Type::SetQuota => call.set_quota.is_some(),
        Type::RemoveQuota => call.remove_quota.is_some(),
        Type::Teardown => call.teardown.is_some(),
        Type::MarkAgentGone => call.mark_agent_gone.is_some(),
        _ => true,
    };
    if is_there {
        Ok(call_type)
    } else {
        Err(invalid(&call_type.as_str_name().to_ascii_lowercase()))
    }
}
