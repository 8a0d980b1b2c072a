//! The loop's end of the client, and the wait for the first subscription.

use std::fmt;

use mesos::v1;
use mesos_client::{ExecutorHandle, ExecutorNotice, Unacknowledged};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};
use v1::executor::event::Type as EventType;

use crate::core::Exit;

/// The loop's end of the client.
pub(super) struct AgentEnd {
    pub(super) client: ExecutorHandle,
    pub(super) notices: mpsc::Receiver<ExecutorNotice>,
    /// The client has ended, and its receiver would answer so for ever.
    pub(super) is_over: bool,
    /// What a subscription must carry is asked for here.
    pub(super) questions: mpsc::Receiver<oneshot::Sender<Unacknowledged>>,
    /// Whose executor this is, since the first subscription.
    pub(super) identity: Option<Identity>,
}

/// An agent and a framework, as they call themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    agent: Option<String>,
    framework: Option<String>,
}

/// Somebody else answers where the agent was.
#[derive(Debug, thiserror::Error)]
#[error("it was {known} and is {found}")]
pub(super) struct Stranger {
    known: Identity,
    found: Identity,
}

impl AgentEnd {
    /// Waits for the first subscription, before which there is nothing to be done.
    pub(super) async fn first_subscription(
        &mut self,
    ) -> Result<(v1::ExecutorInfo, v1::FrameworkInfo), Exit> {
        loop {
            let notice = tokio::select! {
                Some(reply) = self.questions.recv() => {
                    let _ = reply.send(Unacknowledged::default());
                    continue;
                }
                notice = self.notices.recv() => notice,
            };
            match notice {
                Some(ExecutorNotice::Subscribed {
                    executor_info,
                    framework_info,
                    agent_info,
                    ..
                }) => {
                    self.identity = Some(Identity::of(&framework_info, &agent_info));
                    return Ok((executor_info, framework_info));
                }
                Some(ExecutorNotice::Event(event)) if event.r#type() == EventType::Shutdown => {
                    return Err(Exit::Shutdown);
                }
                Some(ExecutorNotice::GaveUp { reason }) => {
                    error!(%reason, "there was no subscription");
                    return Err(Exit::AgentLost);
                }
                Some(notice) => debug!(?notice, "before the first subscription"),
                None => return Err(Exit::AgentLost),
            }
        }
    }

    /// Looks who has taken a later subscription.
    ///
    /// # Errors
    ///
    /// When it is another agent, or for another framework: what it says is not about our tasks, and
    /// it would drop their updates without a word (PROTOCOL §9.4).
    pub(super) fn identify(
        &self,
        framework_info: &v1::FrameworkInfo,
        agent_info: &v1::AgentInfo,
    ) -> Result<(), Stranger> {
        let found = Identity::of(framework_info, agent_info);
        match &self.identity {
            Some(known) if *known != found => Err(Stranger {
                known: known.clone(),
                found,
            }),
            _ => Ok(()),
        }
    }
}

impl Identity {
    fn of(framework_info: &v1::FrameworkInfo, agent_info: &v1::AgentInfo) -> Self {
        Self {
            agent: agent_info.id.as_ref().map(|id| id.value.clone()),
            framework: framework_info.id.as_ref().map(|id| id.value.clone()),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |id: &Option<String>| id.clone().unwrap_or_else(|| "without id".to_owned());
        let (agent, framework) = (or_none(&self.agent), or_none(&self.framework));
        write!(f, "agent `{agent}` with framework `{framework}`")
    }
}
