//! An embedded cluster in a task of its own, where it can misbehave while others wait.

use std::net::SocketAddr;
use std::sync::Arc;

use local_cluster::{Chaos, ClusterConfig, LocalCluster, StartError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::report::{Event, Reporter};

/// A running cluster. Dropped, it stops, and nobody waits for it.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) addresses: Addresses,
    stop: oneshot::Sender<()>,
    kept: JoinHandle<()>,
}

/// Where a cluster serves.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Of the master that led when the cluster was started.
    pub(crate) master: String,
    /// Of all masters.
    pub(crate) masters: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) work_dir: String,
}

impl Keeper {
    /// Starts a cluster, and tells of its faults.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(
        config: ClusterConfig,
        chaos: Option<Chaos>,
        reporter: &Arc<Reporter>,
    ) -> Result<Self, StartError> {
        let agents = config.agents.len();
        let mut cluster = LocalCluster::start(config).await?;
        let shown = |addresses: Vec<SocketAddr>| {
            let addresses = addresses.iter().map(ToString::to_string);
            addresses.collect::<Vec<_>>()
        };
        let addresses = Addresses {
            master: cluster.master_address().to_string(),
            masters: shown(cluster.master_addresses()),
            agents: shown(cluster.agent_addresses()),
            work_dir: cluster.work_dir().display().to_string(),
        };
        reporter.event(&Event::ClusterStarted {
            master: addresses.master.clone(),
            masters: addresses.masters.len(),
            agents,
        });
        let (stop, stopped) = oneshot::channel();
        let reporter = Arc::clone(reporter);
        let kept = tokio::spawn(async move {
            let stopped = async {
                // That nobody is left to say so is as good.
                let _ = stopped.await;
            };
            let tell = |happening: &_| reporter.event(&Event::fault(happening));
            cluster.misbehave(chaos, stopped, tell).await;
            cluster.stop().await;
        });
        Ok(Self {
            addresses,
            stop,
            kept,
        })
    }

    /// Stops the cluster: when this returns, no process of it is left.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.kept.await {
            tracing::error!(%error, "the embedded cluster has panicked");
        }
    }
}
