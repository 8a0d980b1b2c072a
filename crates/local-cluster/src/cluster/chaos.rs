//! A cluster that misbehaves while it lives, by a plan or as it is asked to.

use std::time::{Duration, Instant};

use super::LocalCluster;
use crate::core::chaos::{Chaos, ChaosPlan, PlannedFault};
use crate::core::faults::Fault;
use crate::http::faults::{FaultRequest, FaultRequests};

/// A fault that is about to happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// Since the cluster began to misbehave: as planned.
    pub at: Duration,
    /// What was planned from; `None` when somebody has asked for it.
    pub chaos: Option<Chaos>,
    /// What goes wrong.
    pub fault: Fault,
}

/// What makes a fault happen next.
enum Cause {
    Planned(PlannedFault),
    Asked(FaultRequest),
}

impl LocalCluster {
    /// Makes one fault happen now. Those that last end by themselves; those that find nothing to
    /// break do nothing.
    pub async fn make(&mut self, fault: Fault) {
        let made = match fault {
            Fault::StopAgent { agent } => {
                self.stop_agent(agent).await;
                Ok(())
            }
            Fault::StartAgent { agent } => {
                self.start_agent(agent).await.map_err(|it| it.to_string())
            }
            Fault::LoseAgent { agent } => {
                self.remove_agent(agent).await;
                Ok(())
            }
            // An election may take long; it is not part of the fault.
            Fault::FailOverMaster => self.restart_leader().await.map_err(|it| it.to_string()),
            other => {
                self.trouble().make(other).await;
                Ok(())
            }
        };
        if let Err(error) = made {
            tracing::warn!(%error, "what was to come back stays away");
        }
    }

    /// Lets go wrong what `chaos` plans, and what is asked for where there is a fault endpoint
    /// ([`ClusterConfig::fault_endpoint`](super::ClusterConfig::fault_endpoint)), and says so each
    /// time before, until `until` is done. A fault that has begun is made to its end before that is
    /// looked at.
    pub async fn misbehave(
        &mut self,
        chaos: impl Into<Option<Chaos>>,
        until: impl Future<Output = ()>,
        mut tell: impl FnMut(&Happening),
    ) {
        let start = Instant::now();
        let chaos = chaos.into();
        let mut until = std::pin::pin!(until);
        let mut plan = chaos.map(|chaos| ChaosPlan::new(chaos, self.agents.len()));
        let mut planned = plan.as_mut().and_then(Iterator::next);
        loop {
            let next = async {
                let Some(next) = planned else {
                    return std::future::pending().await;
                };
                tokio::time::sleep_until((start + next.at).into()).await;
                next
            };
            let cause = tokio::select! {
                biased;
                () = &mut until => return,
                next = next => Cause::Planned(next),
                request = asked(&mut self.fault_requests) => Cause::Asked(request),
            };
            match cause {
                Cause::Planned(PlannedFault { at, fault }) => {
                    tell(&Happening { at, chaos, fault });
                    self.make(fault).await;
                    planned = plan.as_mut().and_then(Iterator::next);
                }
                Cause::Asked(request) => self.answer(request, start, &mut tell).await,
            }
        }
    }

    /// Makes a fault that somebody has asked for.
    async fn answer(
        &mut self,
        request: FaultRequest,
        start: Instant,
        tell: &mut impl FnMut(&Happening),
    ) {
        let fault = request.fault;
        if let Some(agent) = fault.agent()
            && agent >= self.agents.len()
        {
            return request.refuse(agent, self.agents.len());
        }
        tell(&Happening {
            at: start.elapsed(),
            chaos: None,
            fault,
        });
        match fault {
            // The master that brings the answer ends.
            Fault::FailOverMaster => {
                request.begin().await;
                self.make(fault).await;
            }
            fault => {
                self.make(fault).await;
                request.done();
            }
        }
    }
}

/// The next fault that somebody asks for; without an endpoint nobody ever does.
async fn asked(requests: &mut Option<FaultRequests>) -> FaultRequest {
    match requests {
        Some(requests) => requests.next().await,
        None => std::future::pending().await,
    }
}
