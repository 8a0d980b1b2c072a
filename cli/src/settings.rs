//! What the command line means, together with the job file: the only place that knows which of
//! them wins.

use job::{Job, Master, MasterError};
use mesos::resources::Resources;
use thiserror::Error;

use crate::args::ClusterArgs;
use crate::{local, login};

/// Where the job runs.
#[derive(Debug, Clone)]
pub(crate) enum Cluster {
    /// On an embedded cluster.
    Embedded {
        /// How many agents.
        agents: u16,
        /// What each offers.
        resources: Resources,
    },
    /// On a Mesos cluster.
    Mesos {
        /// The masters, any of which may lead.
        masters: Vec<String>,
    },
}

/// Why flags do not go together.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error("`--master` is not understood")]
    Master(#[source] MasterError),
    #[error("`--resources {text}` is not understood")]
    Resources {
        text: String,
        source: mesos::resources::ParseResourcesError,
    },
    #[error("the user who runs this has no name")]
    User,
    #[error("`{flag}` is about the embedded cluster, but the job runs on `{master}`")]
    NotEmbedded { flag: &'static str, master: String },
}

impl SettingsError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Master(_) => MasterError::HELP.to_owned(),
            Self::Resources { .. } => "write it like `cpus:4;mem:8192` (mem in MiB)".to_owned(),
            Self::User => "name a user of the agents in `cluster.user`".to_owned(),
            Self::NotEmbedded { flag, .. } => {
                format!("leave `{flag}` out, or add `--master local`")
            }
        }
    }
}

/// Where the job runs: the flag (or `MESOS_MASTER`) before the job file.
///
/// # Errors
/// When flags contradict each other or cannot be understood.
pub(crate) fn cluster(args: &ClusterArgs, job: &Job) -> Result<Cluster, SettingsError> {
    // A variable that is set to nothing is as good as unset.
    let given = args.master.as_deref().filter(|text| !text.is_empty());
    let master = match given {
        Some(text) => text.parse().map_err(SettingsError::Master)?,
        None => job.cluster.master.clone(),
    };
    let masters = match master {
        Master::Local => return embedded(args),
        Master::Addresses(masters) => masters,
    };
    let flags = [
        ("--agents", args.agents.is_some()),
        ("--resources", args.resources.is_some()),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(SettingsError::NotEmbedded {
            flag,
            master: masters.join(","),
        });
    }
    Ok(Cluster::Mesos { masters })
}

/// The user as whom executors run: the one of the job file, or who runs this program. The embedded
/// cluster runs everything as the latter, whatever it is told.
///
/// # Errors
/// When the cluster must be told and there is nobody to tell.
pub(crate) fn user(job: &Job, is_embedded: bool) -> Result<String, SettingsError> {
    let given = job.cluster.user.clone();
    match given.or_else(login::name) {
        Some(user) => Ok(user),
        None if is_embedded => Ok(login::NOBODY.to_owned()),
        None => Err(SettingsError::User),
    }
}

fn embedded(args: &ClusterArgs) -> Result<Cluster, SettingsError> {
    let resources = match &args.resources {
        Some(text) => Resources::parse(text).map_err(|source| SettingsError::Resources {
            text: text.clone(),
            source,
        })?,
        None => local::default_resources(),
    };
    Ok(Cluster::Embedded {
        agents: args.agents.unwrap_or(1),
        resources,
    })
}
