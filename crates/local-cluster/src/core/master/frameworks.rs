//! How frameworks come, come again, change and go (PROTOCOL §4).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesos::v1::scheduler::{Call, OfferConstraints, call};
use mesos::{FrameworkId, v1};

use super::framework::{Connection, Framework, roles};
use super::roles::{validate_framework, validate_suppressed};
use super::{
    COMPLETED_FRAMEWORKS_MAX, HEARTBEAT_INTERVAL, Master, Output, Rejection, Reply, RequestIndex,
    StreamIndex, events,
};
use crate::core::wire::{AgentIndex, ToAgent};

impl Master {
    /// Answers with a stream in any case; a refusal is the only event on it.
    pub(super) fn subscribe(&mut self, now: Instant, request: RequestIndex, call: Call) {
        let stream = StreamIndex(self.counters.streams);
        self.counters.streams += 1;
        let stream_id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes());
        let stream_id = stream_id.into_uuid().to_string();
        let reply = Reply::Stream {
            stream,
            stream_id: stream_id.clone(),
        };
        self.outputs.push_back(Output::Reply { request, reply });

        let subscribe = call.subscribe.unwrap_or_default();
        if let Err(message) = self.check_subscribe(&subscribe) {
            let event = Box::new(events::error(message));
            self.outputs.push_back(Output::Event { stream, event });
            self.outputs.push_back(Output::EndStream { stream });
            return;
        }
        let info = subscribe.framework_info;
        let suppressed: BTreeSet<_> = subscribe.suppressed_roles.into_iter().collect();
        let connection = Connection::Connected {
            stream,
            stream_id,
            heartbeat_due: now + HEARTBEAT_INTERVAL,
        };
        let id = match info.id.as_ref().map(|id| id.value.as_str()) {
            None | Some("") => self.new_framework_id(),
            Some(id) => FrameworkId::from(id),
        };
        // A framework that was there all along is offered resources at the next run only.
        let was_connected = self.connect(&id, info, suppressed, connection);
        self.watch_framework(&id);
        self.publish_framework(&id);
        let subscribed = events::subscribed(&id, &self.config.info);
        self.send(&id, subscribed);
        self.send(&id, events::heartbeat());
        tracing::info!(framework = %id, "framework subscribed");
        if !was_connected {
            self.allocate(now);
        }
    }

    fn check_subscribe(&self, subscribe: &call::Subscribe) -> Result<(), String> {
        let info = &subscribe.framework_info;
        validate_framework(info)?;
        validate_suppressed(&subscribe.suppressed_roles, &roles(info))?;
        validate_constraints(subscribe.offer_constraints.as_ref())?;
        let Some(id) = info
            .id
            .as_ref()
            .map(|id| FrameworkId::from(id.value.as_str()))
        else {
            return Ok(());
        };
        if self.completed.contains(&id) {
            return Err("Framework has been removed".to_owned());
        }
        match self.frameworks.get(&id) {
            Some(known) if known.info.principal != info.principal => {
                Err("Changing framework's principal is not allowed.".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn new_framework_id(&mut self) -> FrameworkId {
        let id = format!("{}-{:04}", self.config.info.id, self.counters.frameworks);
        self.counters.frameworks += 1;
        FrameworkId::from(id)
    }

    /// Puts the framework on its new stream; whether it had one before.
    fn connect(
        &mut self,
        id: &FrameworkId,
        info: v1::FrameworkInfo,
        suppressed: BTreeSet<String>,
        connection: Connection,
    ) -> bool {
        let Some(framework) = self.frameworks.get_mut(id) else {
            let framework = Framework::new(id, info, suppressed, connection);
            self.frameworks.insert(id.clone(), framework);
            return false;
        };
        framework.replace_info(info);
        let revived: Vec<_> = framework
            .suppressed
            .difference(&suppressed)
            .cloned()
            .collect();
        framework.suppressed = suppressed;
        let old = std::mem::replace(&mut framework.connection, connection);
        let info = framework.info.clone();
        self.filters.clear_roles(id, &revived);
        let Connection::Connected { stream, .. } = old else {
            self.update_framework_on_agents(&info);
            return false;
        };
        let event = Box::new(events::error("Framework failed over"));
        self.outputs.push_back(Output::Event { stream, event });
        self.outputs.push_back(Output::EndStream { stream });
        // The new stream is not told: it never saw these offers.
        self.discard_offers(id);
        self.update_framework_on_agents(&info);
        true
    }

    /// Makes every agent send again what is not acknowledged.
    fn update_framework_on_agents(&mut self, info: &v1::FrameworkInfo) {
        let agents: Vec<AgentIndex> = self.agents.keys().copied().collect();
        for agent in agents {
            self.send_to_agent(
                agent,
                ToAgent::UpdateFramework {
                    framework: info.clone(),
                },
            );
        }
    }

    /// A stream that a framework has left behind means nothing any more.
    pub(super) fn handle_stream_closed(&mut self, now: Instant, stream: StreamIndex) {
        let found = self.frameworks.iter_mut().find(|(_, framework)| {
            framework
                .stream()
                .is_some_and(|(current, _)| current == stream)
        });
        let Some((id, framework)) = found else { return };
        let id = id.clone();
        let timeout = framework.info.failover_timeout.unwrap_or_default().max(0.0);
        // Subscribing has checked that it fits; what does not fit in an `Instant` is for ever.
        let removal_due = Duration::try_from_secs_f64(timeout)
            .ok()
            .and_then(|timeout| now.checked_add(timeout))
            .unwrap_or(now + FOR_EVER);
        framework.connection = Connection::Disconnected { removal_due };
        self.watch_framework(&id);
        tracing::info!(framework = %id, "framework disconnected");
        self.discard_offers(&id);
        self.filters.clear(&id);
        self.remove_overdue_frameworks(now);
    }

    /// Breaks the streams of all frameworks, as when the network does.
    pub(super) fn cut_streams(&mut self, now: Instant) {
        let streams: Vec<_> = self
            .frameworks
            .values()
            .filter_map(|framework| framework.stream().map(|(stream, _)| stream))
            .collect();
        for stream in streams {
            self.outputs.push_back(Output::CutStream { stream });
            self.handle_stream_closed(now, stream);
        }
    }

    pub(super) fn remove_overdue_frameworks(&mut self, now: Instant) {
        for id in self.framework_deadlines.due(now) {
            let connection = self.frameworks.get(&id).map(|it| &it.connection);
            if matches!(connection, Some(Connection::Disconnected { .. })) {
                self.remove_framework(&id);
            }
        }
    }

    pub(super) fn send_heartbeats(&mut self, now: Instant) {
        for id in self.framework_deadlines.due(now) {
            let framework = self.frameworks.get_mut(&id);
            if let Some(Connection::Connected {
                stream,
                heartbeat_due,
                ..
            }) = framework.map(|framework| &mut framework.connection)
            {
                *heartbeat_due = now + HEARTBEAT_INTERVAL;
                let event = Box::new(events::heartbeat());
                self.outputs.push_back(Output::Event {
                    stream: *stream,
                    event,
                });
                self.watch_framework(&id);
            }
        }
    }

    /// Ends a framework for good: by TEARDOWN, or because nobody came back for it.
    ///
    /// What its tasks and executors held is free at once, although the agents still have to end
    /// them; Mesos does the same.
    pub(super) fn remove_framework(&mut self, id: &FrameworkId) {
        self.discard_offers(id);
        self.filters.clear(id);
        let Some(framework) = self.frameworks.remove(id) else {
            return;
        };
        self.watch_framework(id);
        self.operations.remove_framework(id);
        self.publish_framework_removed(id, &framework);
        if let Some((stream, _)) = framework.stream() {
            self.outputs.push_back(Output::EndStream { stream });
        }
        for task in framework.tasks.values() {
            if let Some(agent) = self.agents.get_mut(&task.agent()) {
                agent.release(&task.resources);
            }
        }
        let agents: Vec<AgentIndex> = self.agents.keys().copied().collect();
        for agent in agents {
            if let Some(agent) = self.agents.get_mut(&agent) {
                agent.remove_executors_of(id);
            }
            self.send_to_agent(
                agent,
                ToAgent::ShutdownFramework {
                    framework_id: id.clone(),
                },
            );
        }
        self.completed.push_back(id.clone());
        if self.completed.len() > COMPLETED_FRAMEWORKS_MAX {
            self.completed.pop_front();
        }
        tracing::info!(framework = %id, "framework removed");
    }

    /// UPDATE_FRAMEWORK: all of it or nothing.
    pub(super) fn update_framework(
        &mut self,
        id: &FrameworkId,
        update: call::UpdateFramework,
    ) -> Reply {
        if let Err(text) = self.check_update(id, &update) {
            return Reply::Refused(Rejection::new(400, text));
        }
        let Some(framework) = self.frameworks.get_mut(id) else {
            return Reply::Ok;
        };
        framework.replace_info(update.framework_info);
        let suppressed: BTreeSet<_> = update.suppressed_roles.into_iter().collect();
        let revived: Vec<_> = framework
            .suppressed
            .difference(&suppressed)
            .cloned()
            .collect();
        framework.suppressed = suppressed;
        let (info, roles) = (framework.info.clone(), framework.roles.clone());
        self.filters.clear_roles(id, &revived);
        for offer_id in self.offers.of(id) {
            let offer = self.offers.get(&offer_id);
            if offer.is_some_and(|offer| !roles.contains(&offer.role)) {
                self.rescind(&offer_id);
            }
        }
        self.publish_framework_updated(id);
        self.update_framework_on_agents(&info);
        Reply::Ok
    }

    fn check_update(&self, id: &FrameworkId, update: &call::UpdateFramework) -> Result<(), String> {
        let info = &update.framework_info;
        validate_framework(info)
            .map_err(|detail| format!("Supplied FrameworkInfo is not valid: {detail}"))?;
        if let Some(framework) = self.frameworks.get(id) {
            let known = &framework.info;
            let unchangeable = [
                (
                    "principal",
                    known.principal().to_owned(),
                    info.principal().to_owned(),
                ),
                ("user", known.user.clone(), info.user.clone()),
                (
                    "checkpoint",
                    known.checkpoint().to_string(),
                    info.checkpoint().to_string(),
                ),
            ];
            for (field, from, to) in unchangeable {
                if from != to {
                    return Err(format!(
                        "FrameworkInfo update is not valid: Updating 'FrameworkInfo.{field}' is \
                         unsupported; attempted to update from '{from}' to '{to}'"
                    ));
                }
            }
        }
        validate_suppressed(&update.suppressed_roles, &roles(info))
            .and_then(|()| validate_constraints(update.offer_constraints.as_ref()))
            .map_err(|detail| format!("'UpdateFramework' call is not valid: {detail}"))
    }
}

/// A framework that has set constraints relies on them; offers that ignore them would mislead it.
fn validate_constraints(constraints: Option<&OfferConstraints>) -> Result<(), String> {
    match constraints {
        Some(constraints) if !constraints.role_constraints.is_empty() => {
            Err("The embedded cluster does not support 'offer_constraints'".to_owned())
        }
        _ => Ok(()),
    }
}

/// Longer than any cluster of one machine lives.
pub(super) const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
