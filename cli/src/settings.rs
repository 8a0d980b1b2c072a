//! What the command line means, together with the job file: the only place that knows which of
//! them wins.

use std::path::Path;

use framework::{InvalidEndpoint, Masters};
use job::{Job, Master, MasterError};
use local_cluster::Chaos;
use mesos::master::{InvalidZooKeeperUrl, ZooKeeperUrl};
use mesos::resources::Resources;
use thiserror::Error;

use crate::access::{self, Access, AccessError};
use crate::args::{AGENTS_MAX, AccessArgs, ChaosArgs, ClusterArgs, EmbeddedArgs, ServeArgs};
use crate::local::{self, Place, PlaceError};
use crate::login;

/// Where the job runs.
#[derive(Debug, Clone)]
pub(crate) enum Cluster {
    /// On an embedded cluster.
    Embedded(Embedded),
    /// On a Mesos cluster.
    Mesos {
        /// Where its masters are.
        masters: Box<MastersPlace>,
    },
}

/// An embedded cluster.
#[derive(Debug, Clone)]
pub(crate) struct Embedded {
    /// How many agents.
    pub(crate) agents: u16,
    /// What each offers.
    pub(crate) resources: Resources,
    /// Where they are, in turn.
    pub(crate) places: Vec<Place>,
    /// How many masters.
    pub(crate) masters: u16,
    /// Where they elect their leader.
    pub(crate) zk: Option<ZooKeeperUrl>,
    /// What goes wrong.
    pub(crate) chaos: Option<Chaos>,
}

/// Where masters are, for each of those who want to know.
#[derive(Debug, Clone)]
pub(crate) struct MastersPlace {
    /// For the client.
    pub(crate) masters: Masters,
    /// For people: as it was given, without secrets.
    pub(crate) shown: String,
    /// `host:port` or `https://host:port` of machines on the way there.
    pub(crate) hosts: Vec<String>,
    /// What they are shown.
    pub(crate) access: Access,
}

impl MastersPlace {
    /// Where the masters are that a flag or a job file names.
    fn new(address: &str, shown: String, hosts: Vec<String>) -> Result<Self, SettingsError> {
        Ok(Self {
            masters: address.parse().map_err(SettingsError::Address)?,
            shown,
            hosts,
            access: Access::default(),
        })
    }

    /// Whether ZooKeeper says who leads.
    pub(crate) fn is_zookeeper(&self) -> bool {
        self.shown.starts_with(ZooKeeperUrl::SCHEME)
    }

    /// The masters of an embedded cluster, at these addresses or where they register.
    pub(crate) fn embedded(addresses: &[String], zk: Option<&ZooKeeperUrl>) -> Self {
        let hosts = addresses.to_vec();
        let place = match zk {
            Some(url) => Self::new(&url.expose(), url.to_string(), hosts),
            None => Self::new(&addresses.join(","), addresses.join(","), hosts),
        };
        place.expect("the addresses of sockets are `host:port`, and the other was understood")
    }
}

/// Why flags do not go together.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error("`--master` is not understood")]
    Master(#[source] MasterError),
    #[error("the address of the master is not understood")]
    Address(#[source] InvalidEndpoint),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("`--resources {text}` is not understood")]
    Resources {
        text: String,
        source: mesos::resources::ParseResourcesError,
    },
    #[error("`--attributes {text}` is not understood")]
    Attributes { text: String, source: PlaceError },
    #[error("{agents} agents with executors are too many for one machine")]
    Agents { agents: u16 },
    #[error("`--zk` is not understood")]
    ZooKeeper(#[source] InvalidZooKeeperUrl),
    #[error("the user who runs this has no name")]
    User,
    #[error("`{flag}` is about the embedded cluster, but the job runs on `{master}`")]
    NotEmbedded { flag: &'static str, master: String },
    #[error("`{flag}` is about masters of a cluster, but the job runs on the embedded one")]
    Embedded { flag: &'static str },
}

impl SettingsError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Master(_) | Self::Address(_) => MasterError::HELP.to_owned(),
            Self::Access(error) => error.help().to_owned(),
            Self::Resources { .. } => "write it like `cpus:4;mem:8192` (mem in MiB)".to_owned(),
            Self::Attributes { .. } => {
                "write it like `rack:r1;level:2` or `@region:eu;@zone:eu-1`".to_owned()
            }
            Self::Agents { .. } => {
                format!("take {AGENTS_MAX} at most; `mesosgot cluster --simulated` takes more")
            }
            Self::ZooKeeper(_) => "write it like `zk://localhost:2181/mesos`".to_owned(),
            Self::User => "name a user of the agents in `cluster.user`".to_owned(),
            Self::NotEmbedded { flag, .. } => {
                format!("leave `{flag}` out, or add `--master local`")
            }
            Self::Embedded { flag } => {
                format!("leave `{flag}` out, or name a master by `--master`")
            }
        }
    }
}

/// Where the job runs: the flag (or `MESOS_MASTER`) before the job file, whose folder is `folder`.
///
/// # Errors
/// When flags contradict each other or cannot be understood.
pub(crate) fn cluster(
    args: &ClusterArgs,
    chaos: &ChaosArgs,
    job: &Job,
    folder: &Path,
) -> Result<Cluster, SettingsError> {
    // A variable that is set to nothing is as good as unset.
    let given = args.master.as_deref().filter(|text| !text.is_empty());
    let master = match given {
        Some(text) => text.parse().map_err(SettingsError::Master)?,
        None => job.cluster.master.clone(),
    };
    let mut masters = match master {
        Master::Local => {
            check_access(&args.access)?;
            return embedded(&args.embedded, chaos).map(Cluster::Embedded);
        }
        Master::Addresses(masters) => {
            let address = masters.join(",");
            MastersPlace::new(&address, address.clone(), masters)?
        }
        Master::ZooKeeper(url) => {
            MastersPlace::new(&url.expose(), url.to_string(), url.servers().to_vec())?
        }
    };
    let embedded = &args.embedded;
    let flags = [
        ("--agents", embedded.agents.is_some()),
        ("--resources", embedded.resources.is_some()),
        ("--attributes", !embedded.attributes.is_empty()),
        ("--masters", embedded.masters.is_some()),
        ("--zk", embedded.zk.is_some()),
        ("--chaos", chaos.chaos.is_some()),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(SettingsError::NotEmbedded {
            flag,
            master: masters.shown,
        });
    }
    let variable = |name: &str| std::env::var(name).ok();
    masters.access = access::read(&args.access, variable, &job.cluster.access, folder)?;
    Ok(Cluster::Mesos {
        masters: Box::new(masters),
    })
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

/// What is shown to masters means nothing to the embedded one.
fn check_access(args: &AccessArgs) -> Result<(), SettingsError> {
    // What the job file says of masters is for other runs of it; a flag is for this one.
    let AccessArgs {
        principal,
        secret_file,
        token_file,
        ca_file,
        certificate_file,
        key_file,
    } = args;
    let flags = [
        ("--principal", principal.is_some()),
        ("--secret-file", secret_file.is_some()),
        ("--token-file", token_file.is_some()),
        ("--ca-file", ca_file.is_some()),
        ("--certificate-file", certificate_file.is_some()),
        ("--key-file", key_file.is_some()),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(SettingsError::Embedded { flag });
    }
    Ok(())
}

/// The embedded cluster that flags ask for.
///
/// # Errors
/// When one cannot be understood.
pub(crate) fn embedded(args: &EmbeddedArgs, chaos: &ChaosArgs) -> Result<Embedded, SettingsError> {
    match args.agents {
        Some(agents) if agents > AGENTS_MAX => Err(SettingsError::Agents { agents }),
        _ => of_any_size(args, chaos),
    }
}

/// The embedded cluster that the flags of one ask for that runs by itself.
///
/// # Errors
/// As of [`embedded`].
pub(crate) fn served(args: &ServeArgs) -> Result<Embedded, SettingsError> {
    if args.simulated {
        of_any_size(&args.embedded, &args.chaos)
    } else {
        embedded(&args.embedded, &args.chaos)
    }
}

fn of_any_size(args: &EmbeddedArgs, chaos: &ChaosArgs) -> Result<Embedded, SettingsError> {
    let resources = match &args.resources {
        Some(text) => Resources::parse(text).map_err(|source| SettingsError::Resources {
            text: text.clone(),
            source,
        })?,
        None => local::default_resources(),
    };
    let places = args.attributes.iter().map(|text| {
        Place::parse(text).map_err(|source| SettingsError::Attributes {
            text: text.clone(),
            source,
        })
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let zk = args.zk.as_deref().map(str::parse).transpose();
    let one_for_each = u16::try_from(places.len()).unwrap_or(AGENTS_MAX);
    let one_for_each = one_for_each.clamp(1, AGENTS_MAX);
    Ok(Embedded {
        agents: args.agents.unwrap_or(one_for_each),
        resources,
        places,
        masters: args.masters.unwrap_or(1),
        zk: zk.map_err(SettingsError::ZooKeeper)?,
        chaos: chaos.chaos,
    })
}
