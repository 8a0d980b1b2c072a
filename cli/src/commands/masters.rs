//! The masters of a command's job: what flags and job file say, and the embedded one if it is that.

use std::path::Path;
use std::sync::Arc;

use job::Job;

use local_cluster::StartError;

use super::Failure;
use crate::args::{ChaosArgs, ClusterArgs};
use crate::exit::Exit;
use crate::local::LocalRun;
use crate::report::Reporter;
use crate::settings::{self, Cluster, MastersPlace, SettingsError};

/// The cluster, and the user as whom executors run there.
pub(super) fn cluster_and_user(
    args: &ClusterArgs,
    chaos: &ChaosArgs,
    job: &Job,
    folder: &Path,
) -> Result<(Cluster, String), Failure> {
    let cluster = settings::cluster(args, chaos, job, folder).map_err(wrong)?;
    let is_embedded = matches!(cluster, Cluster::Embedded(_));
    let user = settings::user(job, is_embedded).map_err(wrong)?;
    Ok((cluster, user))
}

/// Flags that cannot be understood, or contradict each other.
pub(super) fn wrong(error: SettingsError) -> Failure {
    let help = error.help();
    Failure::new(Exit::Usage, error).with_help(help)
}

/// An embedded cluster that did not start.
pub(super) fn not_started(error: anyhow::Error) -> Failure {
    let help = match error.downcast_ref() {
        Some(StartError::Election { .. }) => Some("start a ZooKeeper there, or leave `--zk` out"),
        Some(StartError::NoPort { .. }) => Some("give a lower `--port`"),
        Some(StartError::Master { port: 1.., .. }) => Some("give another `--port`, or none"),
        _ => None,
    };
    let failure = Failure::new(Exit::Failure, error);
    match help {
        Some(help) => failure.with_help(help.to_owned()),
        None => failure,
    }
}

/// The masters of a cluster; of an embedded one, which is started and is the caller's to stop.
pub(super) async fn masters_of(
    cluster: Cluster,
    reporter: &Arc<Reporter>,
) -> Result<(MastersPlace, Option<LocalRun>), Failure> {
    match cluster {
        Cluster::Mesos { masters } => Ok((*masters, None)),
        Cluster::Embedded(embedded) => {
            let local = LocalRun::start(&embedded, reporter)
                .await
                .map_err(not_started)?;
            let masters = MastersPlace::embedded(local.masters(), embedded.zk.as_ref());
            Ok((masters, Some(local)))
        }
    }
}
