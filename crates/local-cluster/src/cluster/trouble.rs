//! The handle by which tests, chaos and the fault endpoint make trouble.

use tokio::sync::{mpsc, oneshot};

use crate::agent;
use crate::core::faults::{Fault, Faults, MessageCounts};
use crate::core::master::Disturbance;
use crate::master::Command;
use crate::switchboard::Switchboard;

/// Makes trouble in a running cluster. Clones are the same; when the cluster has ended nothing
/// happens any more.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub(super) switchboard: Switchboard,
    pub(super) agents: Vec<mpsc::UnboundedSender<agent::Command>>,
}

impl Trouble {
    /// Makes one fault happen now. Those that last end by themselves. Agents that stop, start or
    /// are lost, and masters that fail over, are the cluster's own matter, and passed over here.
    pub async fn make(&self, fault: Fault) {
        match fault {
            Fault::CutFrameworks => self.cut_frameworks(),
            Fault::CutExecutors => self.cut_executors(),
            Fault::KillExecutor { pick } => self.kill_executor(pick).await,
            Fault::StopAgent { .. }
            | Fault::StartAgent { .. }
            | Fault::LoseAgent { .. }
            | Fault::FailOverMaster => {}
            Fault::Messages { .. }
            | Fault::Updates { .. }
            | Fault::Unavailable { .. }
            | Fault::DelayOffers { .. }
            | Fault::ShrinkAgent { .. } => {
                let disturbance = Disturbance::of(fault);
                let disturbance = disturbance.expect("these are the master's to make");
                self.switchboard.tell(Command::Disturb(disturbance));
            }
        }
    }

    /// Lets this go wrong from now on, in place of what went wrong before; under later masters too.
    pub fn set_faults(&self, faults: Faults) {
        self.switchboard.set_faults(faults);
    }

    /// Breaks the streams of all frameworks; what was on its way over them is lost. They may
    /// subscribe again at once.
    pub fn cut_frameworks(&self) {
        self.switchboard.tell(Command::CutStreams);
    }

    /// Breaks the streams of all executors; what was on its way over them is lost. They may
    /// subscribe again at once.
    pub fn cut_executors(&self) {
        for agent in &self.agents {
            // One that has been stopped has no executors.
            let _ = agent.send(agent::Command::CutStreams);
        }
    }

    /// How many framework messages and updates there were since the master began that leads now;
    /// `None` when there is none.
    pub async fn message_counts(&self) -> Option<MessageCounts> {
        let (reply, counts) = oneshot::channel();
        self.switchboard.tell(Command::CountMessages(reply));
        counts.await.ok()
    }

    /// Kills one executor of the whole cluster, if any runs.
    async fn kill_executor(&self, pick: u32) {
        let mut running = Vec::new();
        for agent in &self.agents {
            let (reply, count) = oneshot::channel();
            // One that has been stopped has no executors.
            let _ = agent.send(agent::Command::CountExecutors(reply));
            let count = count.await.unwrap_or(0);
            running.extend((0..count).map(|nth| (agent, nth)));
        }
        let picked = (pick as usize).checked_rem(running.len());
        let Some((agent, nth)) = picked.and_then(|index| running.get(index)) else {
            return;
        };
        let pick = u32::try_from(*nth).unwrap_or(u32::MAX);
        let _ = agent.send(agent::Command::KillExecutor { pick });
    }
}
