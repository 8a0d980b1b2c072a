//! What to run and where, as plain values; no file format here.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use link::LinkConfig;
pub use link::spec::{Allow, Destination, Folder, HttpDestination};
use mesos::resources::Resources;
use mesos_client::{Credentials, Masters, Secret, Tls};
use scheduler::{Barrier, Constraint, Group, Job, OnFailure, Strategy, Timing};
use sha2::{Digest as _, Sha256};

use crate::operator::Operator;
use crate::sandboxes::Sandboxes;
use crate::store::JobDigest;
use crate::traffic::Traffic;

/// One run of one job.
#[derive(Debug, Clone)]
pub struct FrameworkConfig {
    /// The name of the job, and of the framework.
    pub name: String,
    /// The groups of tasks.
    pub groups: Vec<GroupConfig>,
    /// Whether tasks are kept together or apart.
    pub strategy: Strategy,
    /// How long to wait for what.
    pub timing: Timing,
    /// How tasks are hosted on an agent.
    pub executors: Executors,
    /// Where the cluster is and who we are there.
    pub master: MasterConfig,
    /// How agents get modules from us.
    pub modules: ModuleServing,
    /// The links to executors; its windows are told to them. Whether frames take framework
    /// messages at all is said by `direct`.
    pub link: LinkConfig,
    /// The direct path from executors to us.
    pub direct: DirectConfig,
    /// Our certificate, those that vouch for it, and its key, as PEM, for modules and direct paths.
    /// Without one it is made for the run.
    pub certificate: Option<Secret>,
    /// Where what goes over the links can be looked at.
    pub traffic: Traffic,
    /// Where the sandboxes of its executors can be found.
    pub sandboxes: Sandboxes,
    /// The way in for people while it runs.
    pub operator: Operator,
    /// The source of all chance in this run. Two runs of a job at the same time need different
    /// ones: names of this run are made of it.
    pub seed: u64,
}

/// Tasks that differ in nothing but their number.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// The name; its tasks are called `<name>-0`, `<name>-1` …
    pub name: String,
    /// How many tasks.
    pub count: u32,
    /// What one task takes from its agent.
    pub resources: Resources,
    /// Where the tasks may go.
    pub constraints: Vec<Constraint>,
    /// Whether all of them are to be on one agent.
    pub colocate: bool,
    /// What the failure of a task means.
    pub on_failure: OnFailure,
    /// The most memory of a task's instance, in bytes; 0 leaves it to the executor.
    pub memory_bytes_max: u64,
    /// How long a task may take to end by itself once its `in` channel is closed.
    pub kill_grace: Duration,
    /// The most processor time that a task's function may take.
    pub cpu_time_max: Option<Duration>,
    /// The longest that a task's function may wait for anything.
    pub idle_max: Option<Duration>,
    /// What a task's function may use.
    pub allow: Allow,
    /// Its code.
    pub module: Module,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<(String, String)>,
}

/// A WebAssembly component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    content: Option<Bytes>,
    sha256: [u8; 32],
    address: Option<String>,
}

impl Module {
    /// A module of these bytes; they are not looked into.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let sha256 = Sha256::digest(&bytes).into();
        Self {
            content: Some(bytes),
            sha256,
            address: None,
        }
    }

    /// A module that is not here: executors must find it at its address.
    pub fn elsewhere(sha256: [u8; 32], address: impl Into<String>) -> Self {
        Self {
            content: None,
            sha256,
            address: Some(address.into()),
        }
    }

    /// The same, and executors find it at this address too: of `http` or `https`, or `file://` with
    /// the absolute path that it has on agents.
    pub fn at(self, address: impl Into<String>) -> Self {
        Self {
            address: Some(address.into()),
            ..self
        }
    }

    /// The bytes, if they are here.
    pub fn bytes(&self) -> Option<&Bytes> {
        self.content.as_ref()
    }

    /// Their digest, by which the executor knows the module.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Where executors find it without us.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

/// How tasks are hosted on an agent.
#[derive(Debug, Clone)]
pub struct Executors {
    /// What an executor takes beside its tasks.
    pub resources: Resources,
    /// What an agent is to start.
    pub program: ExecutorProgram,
    /// The container image in which it is started, such as `debian:12`; without one, what the agent
    /// itself has.
    pub image: Option<String>,
    /// Its environment beside what the agent gives.
    pub env: Vec<(String, String)>,
    /// How long an executor may take to end its tasks once the framework is gone.
    pub shutdown_grace: Duration,
}

/// What an agent starts as executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorProgram {
    /// A program that every agent has: its path and arguments, at least the path.
    Installed(Vec<String>),
    /// A program that the agent fetches: a URI of its fetcher, and arguments.
    Fetched {
        /// Such as `https://…/mesosgot-executor`.
        uri: String,
        /// The digest that it must have, which the fetcher does not look at.
        sha256: Option<[u8; 32]>,
        /// Its arguments, without its name.
        args: Vec<String>,
    },
    /// A program that the agent fetches from us.
    Served {
        /// The program.
        bytes: Bytes,
        /// Its arguments, without its name.
        args: Vec<String>,
    },
}

/// Where the cluster is and who we are there.
#[derive(Debug, Clone)]
pub struct MasterConfig {
    /// The masters.
    pub masters: Masters,
    /// The user as whom executors run.
    pub user: String,
    /// The role to which resources are offered.
    pub role: String,
    /// The principal, if the cluster knows any.
    pub principal: Option<String>,
    /// What is shown to a master that authenticates.
    pub credentials: Option<Credentials>,
    /// For masters behind `https`.
    pub tls: Tls,
    /// How long tasks live without us. 0: not at all, also not for the moment in which a broken
    /// connection is renewed.
    pub failover_timeout: Duration,
    /// Whether agents write down what they know of us, so that tasks survive the agent's restart.
    pub checkpoint: bool,
    /// The address of a page about this framework.
    pub webui_url: Option<String>,
}

impl MasterConfig {
    /// Role `*`, no principal, no failover timeout, no checkpoints.
    ///
    /// There is no default for `user`: a master asks for one, and an agent that runs executors as
    /// their users takes it at its word.
    pub fn new(masters: Masters, user: impl Into<String>) -> Self {
        Self {
            masters,
            user: user.into(),
            role: "*".to_owned(),
            principal: None,
            credentials: None,
            tls: Tls::default(),
            failover_timeout: Duration::ZERO,
            checkpoint: false,
            webui_url: None,
        }
    }
}

/// How agents get modules from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleServing {
    /// By which ways.
    pub delivery: Delivery,
    /// Where to listen. Port 0 is any that is free.
    pub bind: SocketAddr,
    /// The host, or host and port, under which agents reach that; by default what is bound.
    pub advertise: Option<String>,
    /// Whether modules are encrypted. The executor is only if a certificate is given: fetchers of
    /// agents know no other.
    pub tls: TlsMode,
}

impl Default for ModuleServing {
    /// By all ways, on any port of loopback: enough for a cluster on this machine.
    fn default() -> Self {
        Self {
            delivery: Delivery::Auto,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertise: None,
            tls: TlsMode::Auto,
        }
    }
}

/// How modules come to executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// From the module's address if it has one, else from our server, else over the link: the first
    /// that works.
    Auto,
    /// From our server only.
    Server,
    /// Over the link only: no module is served.
    Link,
    /// From the modules' addresses only.
    Url,
}

/// The direct path from executors to us, beside framework messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectConfig {
    /// Whether there is one.
    pub mode: DirectMode,
    /// Where to listen. Port 0 is any that is free.
    pub bind: SocketAddr,
    /// The host, or host and port, under which agents reach that; by default what is bound.
    pub advertise: Option<String>,
    /// Whether it is encrypted.
    pub tls: TlsMode,
}

/// Whether there is a direct path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectMode {
    /// Only framework messages; nothing listens.
    Off,
    /// Where it works; framework messages elsewhere.
    Auto,
    /// No message of a channel is ever a framework message, nor a part of one. The job begins when
    /// every executor has connected. While a connection is broken its channels wait, in flight or
    /// not; the job ends if it is not there again within a minute.
    ///
    /// What starts tasks and says where to connect are framework messages and Mesos's own calls as
    /// ever: launches, status updates, the address, the secret, acknowledgements, and why an
    /// executor cannot connect.
    Required,
}

/// Whether what executors connect to is encrypted. The certificate is made for the run unless one
/// is given, and known to its executors; nobody has to provide anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Unless the advertised address is of loopback.
    Auto,
    /// Always.
    On,
    /// Never: whoever can read the network can read modules or channels, and take the place of an
    /// executor.
    Off,
}

impl Default for DirectConfig {
    /// Where it works, on any port of loopback, encrypted if advertised elsewhere.
    fn default() -> Self {
        Self {
            mode: DirectMode::Auto,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            advertise: None,
            tls: TlsMode::Auto,
        }
    }
}

impl FrameworkConfig {
    /// The links as this job wants them.
    pub(crate) fn link(&self) -> LinkConfig {
        LinkConfig {
            direct_only: self.direct.mode == DirectMode::Required,
            ..self.link.clone()
        }
    }

    /// What makes this job this one: the name, and of every group all that its tasks depend on.
    pub(crate) fn digest(&self) -> JobDigest {
        let mut digest = Sha256::new();
        // With its length before it, so that no two lists of fields look alike.
        let mut field = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        field(self.name.as_bytes());
        for group in &self.groups {
            field(group.name.as_bytes());
            field(&group.count.to_be_bytes());
            field(group.resources.to_string().as_bytes());
            field(group.module.sha256());
            field(&(group.args.len() as u64).to_be_bytes());
            group.args.iter().for_each(|arg| field(arg.as_bytes()));
            field(&(group.env.len() as u64).to_be_bytes());
            for (name, value) in &group.env {
                field(name.as_bytes());
                field(value.as_bytes());
            }
        }
        JobDigest(digest.finalize().into())
    }

    /// What the scheduler machine is to know of this.
    pub(crate) fn job(&self, run: &str) -> Job {
        let groups = self.groups.iter().map(|group| Group {
            name: group.name.clone(),
            count: group.count,
            resources: group.resources.clone(),
            constraints: group.constraints.clone(),
            colocate: group.colocate,
            on_failure: group.on_failure,
            kill_grace: group.kill_grace,
        });
        Job {
            name: self.name.clone(),
            run: run.to_owned(),
            groups: groups.collect(),
            executor: self.executors.resources.clone(),
            strategy: self.strategy,
            barrier: match self.direct.mode {
                DirectMode::Off | DirectMode::Auto => Barrier::Tasks,
                DirectMode::Required => Barrier::Connections,
            },
            timing: self.timing,
        }
    }
}
