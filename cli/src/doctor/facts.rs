//! What is known of a job, this machine and the cluster, as plain data.

use std::net::SocketAddr;

use crate::exit::Exit;

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) job: JobFact,
    /// Whether the cluster is the embedded one.
    pub(crate) is_embedded: bool,
    /// `None`: nothing has to be compiled.
    pub(crate) toolchain: Option<Toolchain>,
    pub(crate) modules: Vec<ModuleFact>,
    pub(crate) cache: Cache,
    pub(crate) executor: Result<ExecutorFact, Told>,
    /// `None`: executors run elsewhere.
    pub(crate) limits: Option<Limits>,
    pub(crate) cluster: ClusterFacts,
    /// Where agents and executors must reach us; none if they need not.
    pub(crate) places: Result<Vec<PlaceFact>, Told>,
    /// Folders of agents that tasks are to have, where executors run on this machine, and whether
    /// its operator lists any.
    pub(crate) folders: Option<Folders>,
}

/// The job.
#[derive(Debug, Clone)]
pub(crate) struct JobFact {
    pub(crate) name: String,
    pub(crate) tasks: u32,
    pub(crate) groups: usize,
}

/// Something that somebody else has put in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) help: Option<String>,
}

/// What compiles guests.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// Its version, or why it cannot be run.
    pub(crate) cargo: Result<String, String>,
    /// Whether guests can be compiled for `target`.
    pub(crate) has_target: bool,
    pub(crate) target: &'static str,
    pub(crate) has_rustup: bool,
}

/// A module of the job.
#[derive(Debug, Clone)]
pub(crate) struct ModuleFact {
    pub(crate) name: String,
    pub(crate) state: ModuleState,
}

/// What is known of a module.
#[derive(Debug, Clone)]
pub(crate) enum ModuleState {
    /// It has so many bytes and is what the job takes it for.
    Right(u64),
    /// It is not.
    Wrong(Told),
    /// It is compiled when the job is run.
    Project,
    /// It is fetched then.
    Address,
}

/// Where what guests compile to is kept.
#[derive(Debug, Clone)]
pub(crate) enum Cache {
    /// Nowhere.
    Off,
    /// In a folder that has so many bytes, unless it is so large that nobody counted on.
    Folder {
        path: String,
        bytes: Option<u64>,
        /// Whether files can be made there.
        writable: Result<(), String>,
    },
}

/// What agents start.
#[derive(Debug, Clone)]
pub(crate) enum ExecutorFact {
    /// It is at this path of agents.
    Installed(String),
    /// Agents have it from this address; whether they compare it with a digest.
    Fetched { uri: String, has_digest: bool },
    /// Agents have it from us.
    Served {
        bytes: u64,
        /// Whether it is of the version of this program.
        is_of_this_version: bool,
    },
}

/// What the system gives a process.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The most tasks that would share an executor here.
    pub(crate) tasks: u64,
    /// `vm.max_map_count`.
    pub(crate) maps: Option<u64>,
    /// Open files, as many as a process may give itself.
    pub(crate) handles: Option<u64>,
    /// How many tasks an executor has room for with these.
    pub(crate) room: Option<u64>,
}

/// What is known of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct ClusterFacts {
    /// As the user named it.
    pub(crate) shown: String,
    /// Each master that is named, or each server of ZooKeeper. Empty for the embedded cluster.
    pub(crate) servers: Vec<ServerFact>,
    /// `None`: nobody was there to ask.
    pub(crate) survey: Option<Result<SurveyFact, Refusal>>,
    /// What the leading master tells operators of its agents; `None`: it was not asked.
    pub(crate) agents: Option<Result<Vec<AgentFact>, String>>,
    /// The role that offers are wanted for.
    pub(crate) role: String,
}

/// A machine that is named as the way to the cluster.
#[derive(Debug, Clone)]
pub(crate) struct ServerFact {
    /// `host:port` or `https://host:port`.
    pub(crate) address: String,
    /// Where its name leads, or why nowhere.
    pub(crate) found: Result<Vec<SocketAddr>, String>,
    /// What it says; `None`: it was not asked, because it has no address.
    pub(crate) answer: Option<Result<Answer, Told>>,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A server of ZooKeeper lets us connect.
    Connected,
    /// A master says this.
    Master {
        version: String,
        /// The one that leads, if it knows.
        leader: Option<String>,
        /// By how many seconds its clock is ahead of ours.
        ahead_seconds: Option<i64>,
    },
    /// Something else answers.
    Other { status: u16, text: String },
}

/// What the cluster offers.
#[derive(Debug, Clone)]
pub(crate) enum SurveyFact {
    /// The gang fits, on so many agents.
    Fits { tasks: usize, agents: usize },
    /// It does not.
    Misfit {
        reason: String,
        remedies: Vec<String>,
        /// How many agents had anything on offer.
        agents: usize,
    },
}

/// Why the cluster was of no use.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// How a command ends for which that is the end.
    pub(crate) exit: Exit,
    pub(crate) told: Told,
}

impl ClusterFacts {
    /// How a command ends, if the cluster was of no use.
    pub(crate) fn refused(&self) -> Option<Exit> {
        match &self.survey {
            None => Some(Exit::Cluster),
            Some(Err(refusal)) => Some(refusal.exit),
            Some(Ok(_)) => None,
        }
    }
}

/// An agent as its master knows it.
#[derive(Debug, Clone)]
pub(crate) struct AgentFact {
    pub(crate) hostname: String,
    pub(crate) is_active: bool,
    /// The roles for which something of it is reserved.
    pub(crate) reserved_for: Vec<String>,
}

/// A place where we listen for agents or executors.
#[derive(Debug, Clone)]
pub(crate) struct PlaceFact {
    pub(crate) what: &'static str,
    /// The key of the job file under which it is set.
    pub(crate) key: &'static str,
    pub(crate) bind: SocketAddr,
    /// Whether that can be bound.
    pub(crate) bound: Result<(), String>,
    /// What agents are told: a host, or host and port.
    pub(crate) advertised: String,
    /// Where that leads from here, or why nowhere.
    pub(crate) found: Result<Vec<SocketAddr>, String>,
}

/// Folders of this machine that tasks are to have.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    pub(crate) names: Vec<String>,
    /// Where they would be listed, and whether that file is there.
    pub(crate) file: &'static str,
    pub(crate) is_there: bool,
}
