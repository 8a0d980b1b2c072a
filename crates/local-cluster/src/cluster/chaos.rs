//! A cluster that misbehaves while it lives, by a plan.

use std::time::{Duration, Instant};

use super::LocalCluster;
use crate::core::chaos::{Chaos, ChaosPlan};
use crate::core::faults::Fault;

/// A fault that is about to happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// Since the cluster began to misbehave: as planned.
    pub at: Duration,
    /// What was planned from.
    pub chaos: Chaos,
    /// What goes wrong.
    pub fault: Fault,
}

impl LocalCluster {
    /// Makes one fault happen now. Those that last end by themselves; those that find nothing to
    /// break do nothing.
    pub async fn make(&mut self, fault: Fault) {
        match fault {
            Fault::StopAgent { agent } => self.stop_agent(agent).await,
            Fault::StartAgent { agent } => {
                if let Err(error) = self.start_agent(agent).await {
                    tracing::warn!(%error, "an agent stays away");
                }
            }
            Fault::LoseAgent { agent } => self.remove_agent(agent).await,
            Fault::FailOverMaster => {
                // An election may take long; it is not part of the fault.
                if let Err(error) = self.restart_leader().await {
                    tracing::warn!(%error, "a master stays away");
                }
            }
            other => self.trouble().make(other).await,
        }
    }

    /// Lets go wrong what `chaos` plans, and says so each time before, until `until` is done. A
    /// fault that has begun is made to its end before that is looked at.
    pub async fn misbehave(
        &mut self,
        chaos: Chaos,
        until: impl Future<Output = ()>,
        mut tell: impl FnMut(&Happening),
    ) {
        let start = Instant::now();
        let mut until = std::pin::pin!(until);
        for planned in ChaosPlan::new(chaos, self.agents.len()) {
            tokio::select! {
                biased;
                () = &mut until => return,
                () = tokio::time::sleep_until((start + planned.at).into()) => {}
            }
            tell(&Happening {
                at: planned.at,
                chaos,
                fault: planned.fault,
            });
            self.make(planned.fault).await;
        }
    }
}
