//! The embedded cluster of one run, and the output of the executors on it.

mod keeper;
mod place;

use std::sync::Arc;
use std::thread::available_parallelism;

use executor_host::modules::{CACHE_VARIABLE, cache_folder};
use local_cluster::{AgentConfig, ClusterConfig};
use mesos::resources::Resources;
use tempfile::TempDir;

pub(crate) use self::keeper::Keeper;
pub(crate) use self::place::{Place, PlaceError};
use crate::report::Reporter;
use crate::settings::Embedded;
use crate::tail::folders::Tail;

/// The least that an embedded agent offers, whatever the machine has. Tasks mostly wait, so a small
/// machine can try a job that asks for more; a real agent would not offer what it has not got.
const AGENT_CPUS_MIN: usize = 8;

/// What else an embedded agent offers unless told otherwise: room for the examples with space
/// above, and the ports that Mesos offers by default (PROTOCOL §13.1).
const AGENT_OTHER_RESOURCES: &str = "mem:16384;disk:16384;ports:[31000-32000]";

/// What an embedded agent offers unless told otherwise.
pub(crate) fn default_resources() -> Resources {
    let cpus =
        available_parallelism().map_or(AGENT_CPUS_MIN, |cores| cores.get().max(AGENT_CPUS_MIN));
    Resources::parse(&format!("cpus:{cpus};{AGENT_OTHER_RESOURCES}"))
        .expect("the text is made of constants")
}

/// What such a cluster is made of, in a temporary directory. Agents are at its places in turn; with
/// none they have no attributes.
pub(crate) fn config(embedded: &Embedded) -> ClusterConfig {
    let nowhere = [Place::default()];
    let places = match &embedded.places[..] {
        [] => &nowhere,
        places => places,
    };
    let in_turn = places.iter().cycle();
    let agents = (0..embedded.agents).zip(in_turn);
    // Their executors have no home; they keep what they compile where this program does. A folder
    // that is no text is not used by them, which is slower and nothing else.
    let cache = cache_folder(|name| std::env::var_os(name)).unwrap_or_default();
    let cache = cache.into_os_string().into_string().unwrap_or_default();
    let agents = agents.map(|(number, place)| AgentConfig {
        executor_environment_variables: [(CACHE_VARIABLE.to_owned(), cache.clone())].into(),
        hostname: format!("agent-{number}"),
        attributes: place.attributes.clone(),
        domain: place.domain.clone(),
        ..AgentConfig::new(embedded.resources.clone())
    });
    let config = ClusterConfig {
        masters: embedded.masters.into(),
        zk: embedded.zk.clone(),
        ..ClusterConfig::new(agents.collect())
    };
    match embedded.chaos {
        None => config,
        // So that all that is drawn can be drawn again.
        Some(chaos) => ClusterConfig {
            seed: chaos.seed,
            ..config
        },
    }
}

/// A running embedded cluster whose executors' output is printed.
pub(crate) struct LocalRun {
    keeper: Keeper,
    tail: Tail,
    work_dir: TempDir,
}

impl LocalRun {
    /// Starts a cluster in a temporary directory.
    ///
    /// # Errors
    /// When there is no place for sandboxes or no port.
    pub(crate) async fn start(
        embedded: &Embedded,
        reporter: &Arc<Reporter>,
    ) -> anyhow::Result<Self> {
        let work_dir = tempfile::Builder::new().prefix("mesosgot-").tempdir()?;
        let config = ClusterConfig {
            work_dir: Some(work_dir.path().to_owned()),
            ..config(embedded)
        };
        let keeper = Keeper::start(config, embedded.chaos, reporter).await?;
        let tail = Tail::start(work_dir.path().to_owned(), Arc::clone(reporter));
        Ok(Self {
            keeper,
            tail,
            work_dir,
        })
    }

    /// The addresses of all masters.
    pub(crate) fn masters(&self) -> &[String] {
        &self.keeper.addresses.masters
    }

    /// Ends all executors, prints what they have printed, and removes the work directory.
    pub(crate) async fn stop(self) {
        let Self {
            keeper,
            tail,
            work_dir,
        } = self;
        // Executors first, then what they printed last, then the files.
        keeper.stop().await;
        tail.stop();
        if let Err(error) = work_dir.close() {
            tracing::warn!(%error, "failed to remove the work directory");
        }
    }
}
