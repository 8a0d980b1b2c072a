//! `mesosgot cluster`: the embedded cluster by itself.

use std::sync::Arc;

use local_cluster::{Authentication, ClusterConfig};
use tokio::sync::watch;

use super::Failure;
use super::masters::{not_started, wrong};
use crate::access;
use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::local::{self, Keeper};
use crate::report::{Event, Reporter};
use crate::settings;
use crate::signals::{self, Urgency};

/// Starts the cluster, says where it serves, and stops it when the user says so.
pub(super) async fn run(
    args: ServeArgs,
    reporter: &Arc<Reporter>,
    mut urgency: watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let embedded = settings::served(&args).map_err(wrong)?;
    let credentials = args.credentials.as_deref().map(access::read_accepted);
    let credentials = credentials.transpose();
    let credentials = credentials.map_err(|error| wrong(error.into()))?;
    let config = ClusterConfig {
        port: args.port,
        authentication: credentials.map(Authentication::new),
        work_dir: args.work_dir,
        simulated: args.simulated,
        fault_endpoint: args.faults,
        ..local::config(&embedded)
    };
    let keeper = Keeper::start(config, embedded.chaos, reporter).await;
    let keeper = keeper.map_err(|error| not_started(error.into()))?;
    reporter.event(&Event::ClusterServes {
        master: &keeper.addresses.master,
        masters: &keeper.addresses.masters,
        // Simulated agents serve nothing.
        agents: if args.simulated {
            &[]
        } else {
            &keeper.addresses.agents
        },
        work_dir: &keeper.addresses.work_dir,
        faults: args
            .faults
            .then(|| format!("http://{}/faults", keeper.addresses.master)),
    });
    signals::interrupted(&mut urgency).await;
    keeper.stop().await;
    // That is what it was asked for.
    let exit = Exit::Success;
    reporter.event(&Event::ClusterStopped {
        exit_code: exit.code(),
    });
    Ok(exit)
}
