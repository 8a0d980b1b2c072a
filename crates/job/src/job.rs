//! What a job file means, with all defaults filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Advertise, Allow, Constraint, Master, Module, Size};

/// A whole job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The name of the job, and of its framework.
    pub name: String,
    /// Where it runs.
    pub cluster: Cluster,
    /// The app scheduler.
    pub scheduler: AppScheduler,
    /// How the tasks are placed and started together.
    pub gang: Gang,
    /// The groups of tasks in the order of the file; at least one, and all names differ.
    pub groups: Vec<Group>,
    /// The executor, of which there is one on each agent that is used.
    pub executor: Executor,
    /// The channels between tasks and app scheduler.
    pub channels: Channels,
    /// How the executor and modules are fetched from us.
    pub serve: Serve,
    /// How modules come to executors; by every way by default.
    pub modules: Delivery,
    /// The page that the dashboard shows beside, in the folder of the job file; none by default.
    pub view: Option<PathBuf>,
}

impl Job {
    /// How many tasks there are, over all groups; at most [`TASKS_MAX`].
    pub fn task_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }
}

/// Where the job runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The masters, or the embedded cluster, which is the default.
    pub master: Master,
    /// The role that offers are wanted for; [`ROLE`] by default.
    pub role: String,
    /// What we show to masters; nothing by default.
    pub access: Access,
    /// The user as whom agents run the executors; by default the one who runs the job. An embedded
    /// cluster has no choice.
    pub user: Option<String>,
    /// How long the master keeps the tasks when it does not hear of us; [`FAILOVER_TIMEOUT`] by
    /// default.
    pub failover_timeout: Duration,
    /// Whether tasks live on while their agent restarts; so by default.
    pub checkpoint: bool,
    /// How long to look for a master that takes us; [`CLUSTER_TIMEOUT`] by default.
    pub timeout: Duration,
}

/// What we show to masters, and whom we trust. Paths are as written in the job file: those which
/// are relative are so to its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Who we are.
    pub principal: Option<String>,
    /// Where the principal's secret is.
    pub secret_file: Option<PathBuf>,
    /// Where a token is that stands for principal and secret.
    pub token_file: Option<PathBuf>,
    /// Where the authorities are that we trust.
    pub ca_file: Option<PathBuf>,
    /// Where our certificate is.
    pub certificate_file: Option<PathBuf>,
    /// Where its key is, if not in the same file.
    pub key_file: Option<PathBuf>,
}

/// The app scheduler.
#[derive(Debug, Clone, PartialEq)]
pub enum AppScheduler {
    /// A guest of the job's own.
    Guest(Scheduler),
    /// `console`: messages of tasks are lines of standard output, and lines of standard input are
    /// messages to tasks.
    Console,
}

/// An app scheduler that is a guest.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduler {
    /// Its module.
    pub module: Module,
    /// Its arguments; none by default.
    pub args: Vec<String>,
    /// Its environment; empty by default.
    pub env: BTreeMap<String, String>,
}

/// How the tasks are placed and started together.
#[derive(Debug, Clone, PartialEq)]
pub struct Gang {
    /// How long to wait until all tasks fit and run; [`GANG_TIMEOUT`] by default.
    pub timeout: Duration,
    /// How long offers are held while waiting for more; [`GANG_HOLD`] by default.
    pub hold: Duration,
    /// On few agents or on many; few by default.
    pub strategy: Strategy,
}

/// Which agents are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// As few as possible.
    Pack,
    /// As many as there are.
    Spread,
}

/// Tasks that are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The name; the tasks are `name-0`, `name-1` and so on.
    pub name: String,
    /// Their module.
    pub module: Module,
    /// How many there are; [`COUNT`] by default.
    pub count: u32,
    /// Processors for each, in thousandths counted; [`CPUS`] by default.
    pub cpus: f64,
    /// Memory for each, which is also the most that its instance can have; [`MEM`] by default.
    pub mem: Size,
    /// Disk for each; [`DISK`] by default.
    pub disk: Size,
    /// Graphics processors for each; [`GPUS`] by default.
    pub gpus: u32,
    /// Ports for each; none by default.
    pub ports: Ports,
    /// Amounts of other resources for each, by name, in thousandths counted; none by default. Those
    /// of `defaults` are in it, and none is 0.
    pub resources: BTreeMap<String, f64>,
    /// Their arguments; none by default.
    pub args: Vec<String>,
    /// Where they may go; anywhere by default.
    pub constraints: Vec<Constraint>,
    /// Whether all of them are to be on one agent; they need not by default.
    pub colocate: bool,
    /// Their environment; empty by default. That of `defaults` is in it.
    pub env: BTreeMap<String, String>,
    /// What happens when one of them fails; the whole job ends by default.
    pub on_failure: OnFailure,
    /// How long one has to end after it was told to; [`KILL_GRACE`] by default.
    pub kill_grace: Duration,
    /// What ends one by force, beside its memory; nothing by default.
    pub limits: Limits,
    /// What one may use; nothing by default.
    pub allow: Allow,
}

/// What ends a task by force: then it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most processor time that its function may take altogether; at least [`CPU_TIME_MIN`].
    pub cpu_time: Option<Duration>,
    /// The longest that its function may wait for anything, be it a message or a time; at least
    /// [`IDLE_MIN`].
    pub idle: Option<Duration>,
}

/// Which ports a task is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// So many of those on offer; at most [`PORTS_MAX`].
    Any(u32),
    /// These; at most [`PORTS_BY_NUMBER_MAX`].
    These(BTreeSet<u16>),
}

/// What happens when a task fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The whole job ends.
    Shutdown,
    /// It is launched again.
    Restart(Restart),
    /// The app scheduler hears of it, and the job goes on.
    Ignore,
}

/// How often a task is launched again, and after what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The wait before the first restart, which doubles with each further one in the window;
    /// [`BACKOFF`] by default.
    pub backoff: Duration,
    /// The longest wait; [`BACKOFF_MAX`] by default, or `backoff` if that is longer.
    pub backoff_max: Duration,
    /// The most restarts in the window; [`RESTARTS`] by default.
    pub max: u32,
    /// How long a restart is remembered; [`RESTART_WINDOW`] by default.
    pub window: Duration,
}

/// The executor.
#[derive(Debug, Clone, PartialEq)]
pub struct Executor {
    /// Processors that it takes itself; [`EXECUTOR_CPUS`] by default.
    pub cpus: f64,
    /// Memory that it takes itself; [`EXECUTOR_MEM`] by default.
    pub mem: Size,
    /// Where agents have it from; from us by default.
    pub binary: ExecutorBinary,
    /// The container image in which it is started; none by default.
    pub image: Option<String>,
}

/// Where agents have the executor from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorBinary {
    /// From the running program, which serves itself or the executor that lies beside it.
    Serve,
    /// From the running program, which serves this file: as written, relative to the folder of the
    /// job file.
    ServeFile(PathBuf),
    /// It is there already, at this absolute path.
    Path(String),
    /// They fetch it from an address.
    Url {
        /// The address, without the digest.
        url: String,
        /// The sha256 that it must have, if one is named.
        sha256: Option<[u8; 32]>,
    },
}

/// How agents and executors fetch the executor and modules from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// Where to listen; follows from the others by default.
    pub listen: Option<SocketAddr>,
    /// Where agents reach us; where they do for channels by default.
    pub advertise: Option<Advertise>,
    /// Whether modules are encrypted; only those on loopback are not by default.
    pub tls: TlsMode,
    /// Our certificate, as written; made for the run by default.
    pub certificate_file: Option<PathBuf>,
    /// The file of its key; that of the certificate by default.
    pub key_file: Option<PathBuf>,
}

/// The channels between tasks and app scheduler.
#[derive(Debug, Clone, PartialEq)]
pub struct Channels {
    /// How many messages fit into one; [`CHANNEL_WINDOW`] by default.
    pub window: u32,
    /// Whether executors may connect to us directly; they may by default.
    pub direct: Direct,
    /// Where agents reach us; found out by default.
    pub advertise: Option<Advertise>,
    /// Where to listen for executors; follows from the others by default.
    pub listen: Option<SocketAddr>,
    /// Whether connections of executors are encrypted; only those on loopback are not by default.
    pub tls: TlsMode,
}

/// How modules come to executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// From the address in the job file if there is one, else from our server, else over the link.
    Auto,
    /// From our server only.
    Server,
    /// Over the link only: nothing is served.
    Link,
    /// From the addresses in the job file only.
    Url,
}

/// Whether there may be a direct path beside framework messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direct {
    /// When it works.
    Auto,
    /// Always; a job without it fails.
    Required,
    /// Never.
    Off,
}

/// Whether what executors connect to is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Unless the advertised address is of loopback.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Default of `cluster.role`: everybody's.
pub const ROLE: &str = "*";

/// Default of `cluster.failover_timeout`. Longer than it takes to notice that a stream is dead (75
/// s without a heartbeat) and to subscribe again (15 s at most between attempts), so that a cut
/// connection costs nothing; short enough that a killed job does not hold the cluster for long.
pub const FAILOVER_TIMEOUT: Duration = Duration::from_secs(120);

/// Default of `cluster.timeout`: longer than masters take to elect a leader (some 10 s, the session
/// of ZooKeeper), short enough for a wrong address to be noticed.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(30);

/// Default of `gang.timeout`: time for a busy cluster to free something, and for agents to fetch.
pub const GANG_TIMEOUT: Duration = Duration::from_secs(300);

/// Default of `gang.hold`: ten rounds of a master's allocator, which runs every second.
pub const GANG_HOLD: Duration = Duration::from_secs(10);

/// Default of a group's `count`.
pub const COUNT: u32 = 1;

/// Default of a group's `cpus`: tasks mostly wait for messages.
pub const CPUS: f64 = 0.1;

/// Default of a group's `mem`: what a small guest with room for its messages needs.
pub const MEM: Size = Size::from_mebibytes(32);

/// Default of a group's `disk`.
pub const DISK: Size = Size::from_bytes(0);

/// Default of a group's `gpus`.
pub const GPUS: u32 = 0;

/// Default of a group's `ports`.
pub const PORTS: Ports = Ports::Any(0);

/// The most ports of a task: what an agent offers by default is one more, and each has a variable
/// in the task's environment.
pub const PORTS_MAX: u32 = 1000;

/// The most ports that a task can ask for by number: each is looked for on every agent.
pub const PORTS_BY_NUMBER_MAX: usize = 64;

/// The largest amount of a resource that can be asked for: beyond it Mesos could not tell
/// thousandths apart.
pub const AMOUNT_MAX: f64 = 1e12;

/// Default of a group's `kill_grace`: that of Mesos' own executors and of agents.
pub const KILL_GRACE: Duration = Duration::from_secs(5);

/// Default of `restart.backoff`: an allocator's round, before which nothing is offered anyway.
pub const BACKOFF: Duration = Duration::from_secs(1);

/// The shortest `restart.backoff`: agents take as long to notice the end of an executor.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// Default of `restart.backoff_max`: what a task waits for that fails for want of something else,
/// such as a server, comes back within minutes, and nobody wants to wait much longer then.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// The longest `restart.backoff_max`.
pub const BACKOFF_MAX_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Default of `restart.max`: a task that fails at once, every time, ends the job after half a
/// minute, with the error that it fails with.
pub const RESTARTS: u32 = 5;

/// The most that `restart.max` can be: each restart in the window is remembered.
pub const RESTARTS_MAX: u32 = 1000;

/// Default of `restart.window`: much longer than all waits of [`RESTARTS`] together, so that they
/// end; short enough that a task which fails once in a while goes on for ever.
pub const RESTART_WINDOW: Duration = Duration::from_secs(600);

/// The longest `kill_grace`. The end of a job waits for it, with a user at the terminal.
pub const KILL_GRACE_MAX: Duration = Duration::from_secs(600);

/// The shortest `limits.cpu_time`: it is looked at every few milliseconds.
pub const CPU_TIME_MIN: Duration = Duration::from_millis(100);

/// The shortest `limits.idle`: a connection that has to be made again takes as long.
pub const IDLE_MIN: Duration = Duration::from_secs(1);

/// Default of `executor.cpus`: what a master warns below is a tenth of it.
pub const EXECUTOR_CPUS: f64 = 0.1;

/// Default of `executor.mem`: the runtime, its compiler at work, and the channels' buffers.
pub const EXECUTOR_MEM: Size = Size::from_mebibytes(64);

/// Default of `channels.window`.
pub const CHANNEL_WINDOW: u32 = 256;

/// The most tasks that a job can have: what placement and one executor are built for.
pub const TASKS_MAX: u32 = 10_000;
