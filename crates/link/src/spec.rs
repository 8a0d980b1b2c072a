//! Small records that framework and executor give each other, as protobuf messages.
//!
//! They are ours and not Mesos's: to a master or agent they are opaque bytes. Framework and
//! executor of a job are always of the same version; [`VERSION`] tells when they are not.

use bytes::Bytes;
use channel::NOTICE_BYTES_MAX;
use prost::{Message, Oneof};

/// The version of [`TaskSpec`] and [`ExecutorSpec`]. Whoever finds another one refuses the record.
pub const VERSION: u32 = 1;

/// What an executor must know about a task; `TaskInfo.data`.
#[derive(Clone, PartialEq, Message)]
pub struct TaskSpec {
    /// [`VERSION`].
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The task's stable name, such as `elevator-0`; also that of its channel.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The group's name, such as `elevator`.
    #[prost(string, tag = "3")]
    pub group: String,
    /// The code.
    #[prost(message, optional, tag = "4")]
    pub module: Option<Module>,
    /// The arguments of the task's function.
    #[prost(string, repeated, tag = "5")]
    pub args: Vec<String>,
    /// The environment of the task's function.
    #[prost(message, repeated, tag = "6")]
    pub env: Vec<EnvironmentVariable>,
    /// The most memory that the instance may have, in bytes.
    #[prost(uint64, tag = "7")]
    pub memory_bytes_max: u64,
    /// How long the function may go on after its `in` channel was closed by a kill, in
    /// milliseconds.
    #[prost(uint64, tag = "8")]
    pub kill_grace_ms: u64,
    /// The most processor time that the function may take, in milliseconds; 0: any.
    #[prost(uint64, tag = "9")]
    pub cpu_time_max_ms: u64,
    /// The longest that the function may wait for anything, in milliseconds; 0: for ever.
    #[prost(uint64, tag = "10")]
    pub idle_max_ms: u64,
    /// What the function may use.
    #[prost(message, optional, tag = "11")]
    pub allow: Option<Allow>,
    /// The ports that the task has, on which its function may listen.
    #[prost(uint32, repeated, tag = "12")]
    pub ports: Vec<u32>,
}

/// What a task may use; nothing by default.
#[derive(Clone, PartialEq, Message)]
pub struct Allow {
    /// It has a folder of its own, which it may read.
    #[prost(bool, tag = "1")]
    pub sandbox: bool,
    /// It may write there as well.
    #[prost(bool, tag = "2")]
    pub sandbox_write: bool,
    /// Names of variables of the executor's environment.
    #[prost(string, repeated, tag = "3")]
    pub env: Vec<String>,
    /// Where it may connect and send to.
    #[prost(message, repeated, tag = "4")]
    pub connect: Vec<Destination>,
    /// It may look up addresses of names.
    #[prost(bool, tag = "5")]
    pub dns: bool,
    /// Folders of the agent that it wants to have.
    #[prost(message, repeated, tag = "6")]
    pub folders: Vec<Folder>,
    /// Where it may send HTTP requests to.
    #[prost(message, repeated, tag = "7")]
    pub http: Vec<HttpDestination>,
}

/// A folder of an agent, which its operator may list or not.
#[derive(Clone, PartialEq, Message)]
pub struct Folder {
    /// The name under which it is listed.
    #[prost(string, tag = "1")]
    pub name: String,
    /// To write there as well.
    #[prost(bool, tag = "2")]
    pub write: bool,
}

/// What HTTP requests may be sent to.
#[derive(Clone, PartialEq, Message)]
pub struct HttpDestination {
    /// As plain text.
    #[prost(bool, tag = "1")]
    pub http: bool,
    /// Over TLS.
    #[prost(bool, tag = "2")]
    pub https: bool,
    /// The host's name in lower case; empty if there is an address, or for any host.
    #[prost(string, tag = "3")]
    pub name: String,
    /// All names that end with a dot and this one, instead of the one itself.
    #[prost(bool, tag = "4")]
    pub below: bool,
    /// The network's address: 4 or 16 bytes; none if there is a name, or for any host.
    #[prost(bytes = "vec", tag = "5")]
    pub address: Vec<u8>,
    /// How many bits of it count.
    #[prost(uint32, tag = "6")]
    pub prefix: u32,
    /// The first port.
    #[prost(uint32, tag = "7")]
    pub port_first: u32,
    /// The last.
    #[prost(uint32, tag = "8")]
    pub port_last: u32,
}

/// Addresses that a task may speak to.
#[derive(Clone, PartialEq, Message)]
pub struct Destination {
    /// By datagrams, not by connections.
    #[prost(bool, tag = "1")]
    pub udp: bool,
    /// The network's address: 4 or 16 bytes; none for every address.
    #[prost(bytes = "vec", tag = "2")]
    pub address: Vec<u8>,
    /// How many bits of it count.
    #[prost(uint32, tag = "3")]
    pub prefix: u32,
    /// The first port.
    #[prost(uint32, tag = "4")]
    pub port_first: u32,
    /// The last.
    #[prost(uint32, tag = "5")]
    pub port_last: u32,
}

/// Code, by what it is and where it can be had.
#[derive(Clone, PartialEq, Message)]
pub struct Module {
    /// The SHA-256 digest: 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub sha256: Vec<u8>,
    /// The length in bytes; 0: nobody knows.
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// Where to fetch it, best first: addresses of `http` and `https`, and `file:///` with the path
    /// of a file on the agent.
    #[prost(string, repeated, tag = "3")]
    pub urls: Vec<String>,
    /// The scheduler gives it over the link to who asks for it.
    #[prost(bool, tag = "4")]
    pub over_link: bool,
}

/// One variable of an environment.
#[derive(Clone, PartialEq, Message)]
pub struct EnvironmentVariable {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// What a task has taken and carried so far, and when it has ended, as `TaskStatus.data` of its last
/// update.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct TaskUsage {
    /// Processor time, in microseconds.
    #[prost(uint64, tag = "1")]
    pub cpu_time_us: u64,
    /// The linear memory that it has, or had at its end.
    #[prost(uint64, tag = "2")]
    pub memory_bytes: u64,
    /// The most linear memory that it had.
    #[prost(uint64, tag = "3")]
    pub memory_bytes_peak: u64,
    /// Messages that its function has received.
    #[prost(uint64, tag = "4")]
    pub messages_in: u64,
    /// Messages that it has sent.
    #[prost(uint64, tag = "5")]
    pub messages_out: u64,
    /// Bytes of the messages received.
    #[prost(uint64, tag = "6")]
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    #[prost(uint64, tag = "7")]
    pub bytes_out: u64,
    /// How often wasm has stopped it where it was: by its own doing or at a limit.
    #[prost(uint32, tag = "8")]
    pub traps: u32,
}

/// The executor is to tell what its tasks take while they run: all of them once, and from then on
/// those that have had a turn since they were told.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct WantUsage {
    /// How long a change may wait to be told, in milliseconds; 0: nothing is to be told any more.
    #[prost(uint64, tag = "1")]
    pub interval_ms: u64,
}

/// What some tasks have taken so far, at most [`USAGES_MAX`] of them.
#[derive(Clone, PartialEq, Message)]
pub struct Usages {
    /// One for each task; a newer one replaces an older.
    #[prost(message, repeated, tag = "1")]
    pub tasks: Vec<RunningUsage>,
}

/// What one task has taken so far, and what it waits for.
#[derive(Clone, PartialEq, Message)]
pub struct RunningUsage {
    /// Its id.
    #[prost(string, tag = "1")]
    pub task_id: String,
    /// What it has taken.
    #[prost(message, optional, tag = "2")]
    pub usage: Option<TaskUsage>,
    /// It waits for a message.
    #[prost(bool, tag = "3")]
    pub is_receiving: bool,
    /// It waits for room to send one.
    #[prost(bool, tag = "4")]
    pub is_blocked: bool,
}

/// The most tasks in one [`Usages`]: with the longest figures some 30 KiB, an eighth of a frame, so
/// that neither messages nor pieces of modules wait for them.
pub const USAGES_MAX: usize = 256;

/// What an executor must know about its job and its link; `ExecutorInfo.data`.
#[derive(Clone, PartialEq, Message)]
pub struct ExecutorSpec {
    /// [`VERSION`].
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// The job's name.
    #[prost(string, tag = "2")]
    pub job: String,
    /// The incarnation of the executor's end of the link.
    #[prost(uint64, tag = "3")]
    pub incarnation: u64,
    /// The window of each channel in messages.
    #[prost(uint32, tag = "4")]
    pub window_messages: u32,
    /// The window of each channel in bytes.
    #[prost(uint64, tag = "5")]
    pub window_bytes: u64,
    /// Channels wait for a direct path, as [`LinkConfig::direct_only`](crate::LinkConfig).
    #[prost(bool, tag = "6")]
    pub direct_only: bool,
    /// The server of modules, if it has to be known by its certificate.
    #[prost(message, optional, tag = "12")]
    pub server: Option<Server>,
    /// How many tasks are launched on it, all by one ACCEPT; 0: unknown. When they are over,
    /// nothing more is to come.
    #[prost(uint32, tag = "20")]
    pub tasks: u32,
}

/// A server whose certificate nobody vouches for.
#[derive(Clone, PartialEq, Message)]
pub struct Server {
    /// How the addresses of what it has begin, such as `https://10.0.0.1:7071`.
    #[prost(string, tag = "1")]
    pub base: String,
    /// The SHA-256 digest of its certificate.
    #[prost(bytes = "vec", tag = "2")]
    pub certificate_sha256: Vec<u8>,
}

/// What framework and executor tell each other over [`Control`](crate::Control).
#[derive(Clone, PartialEq, Message)]
pub struct Control {
    /// What it is; none if the peer's version knows more kinds.
    #[prost(oneof = "ControlKind", tags = "1, 3, 4, 6, 7")]
    pub kind: Option<ControlKind>,
}

/// The kinds of [`Control`] records.
#[derive(Clone, PartialEq, Oneof)]
pub enum ControlKind {
    /// To the executor.
    #[prost(message, tag = "1")]
    Start(Start),
    /// To the scheduler.
    #[prost(message, tag = "3")]
    WantPiece(WantPiece),
    /// To the executor.
    #[prost(message, tag = "4")]
    Piece(Piece),
    /// To the executor.
    #[prost(message, tag = "6")]
    WantUsage(WantUsage),
    /// To the scheduler.
    #[prost(message, tag = "7")]
    Usages(Usages),
}

/// All tasks of the gang are up: their functions may begin.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Start {}

/// The executor needs a piece of a module that it can fetch nowhere.
#[derive(Clone, PartialEq, Message)]
pub struct WantPiece {
    /// The SHA-256 digest of the module: 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub sha256: Vec<u8>,
    /// Where the piece begins.
    #[prost(uint64, tag = "2")]
    pub offset: u64,
}

/// The answer to a [`WantPiece`]: at most [`PIECE_BYTES_MAX`] of the module, and fewer only at its
/// end.
#[derive(Clone, PartialEq, Message)]
pub struct Piece {
    /// As in the question.
    #[prost(bytes = "vec", tag = "1")]
    pub sha256: Vec<u8>,
    /// As in the question.
    #[prost(uint64, tag = "2")]
    pub offset: u64,
    /// The bytes.
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
    /// The scheduler does not have the module, or has nothing there.
    #[prost(bool, tag = "4")]
    pub is_unknown: bool,
}

/// The most bytes of a module in one [`Piece`]: a quarter of a frame on framework messages.
pub const PIECE_BYTES_MAX: usize = 64 << 10;

/// What framework and executor tell each other with [`Link::tell`](crate::Link::tell): how things
/// are. Each field stands for itself, and one that is not there is as it was.
#[derive(Clone, PartialEq, Message)]
pub struct Notice {
    /// To the executor.
    #[prost(message, optional, tag = "1")]
    pub direct: Option<Direct>,
    /// To the scheduler.
    #[prost(message, optional, tag = "2")]
    pub direct_failed: Option<DirectFailed>,
    /// To the scheduler.
    #[prost(message, optional, tag = "3")]
    pub modules: Option<ModulesProgress>,
}

/// What an executor does for the modules of its tasks.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ModulesProgress {
    /// So many are being fetched.
    #[prost(uint32, tag = "1")]
    pub fetching: u32,
    /// So many are being compiled.
    #[prost(uint32, tag = "2")]
    pub compiling: u32,
    /// Of those that are being fetched, so many bytes are here.
    #[prost(uint64, tag = "3")]
    pub bytes: u64,
    /// They have so many bytes, as far as is known.
    #[prost(uint64, tag = "4")]
    pub bytes_total: u64,
}

/// The executor may connect: where, and what to say there (see [`direct`](crate::direct)).
#[derive(Clone, PartialEq, Message)]
pub struct Direct {
    /// Host and port.
    #[prost(string, tag = "1")]
    pub address: String,
    /// The secret of the link: 32 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub secret: Vec<u8>,
    /// The SHA-256 digest of the certificate that is shown there; empty: there is no TLS.
    #[prost(bytes = "vec", tag = "3")]
    pub certificate_sha256: Vec<u8>,
    /// The incarnation of the scheduler's end of the link.
    #[prost(fixed64, tag = "4")]
    pub link: u64,
}

/// The executor could not connect. It tries again, and does not say so again until it could.
#[derive(Clone, PartialEq, Message)]
pub struct DirectFailed {
    /// Why, in words for people.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// How often it has said so, so that the same reason told again is news; counted by the link.
    #[prost(uint32, tag = "2")]
    pub times: u32,
}

/// So much of a reason fits into a notice beside all else that an executor tells, which is a few
/// numbers.
const REASON_BYTES_MAX: usize = NOTICE_BYTES_MAX - 100;

impl Control {
    /// The start barrier is lifted.
    pub fn start() -> Self {
        Self {
            kind: Some(ControlKind::Start(Start {})),
        }
    }
}

impl Notice {
    /// There is a direct path.
    pub fn direct(direct: Direct) -> Self {
        Self {
            direct: Some(direct),
            ..Self::default()
        }
    }

    /// There is none. A long reason is cut.
    pub fn direct_failed(reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self {
            direct_failed: Some(DirectFailed { reason, times: 0 }),
            ..Self::default()
        }
    }

    /// What is done for modules.
    pub fn modules(progress: ModulesProgress) -> Self {
        Self {
            modules: Some(progress),
            ..Self::default()
        }
    }

    /// With what a newer one says.
    pub(crate) fn updated(self, newer: Self) -> Self {
        let times = self.direct_failed.as_ref().map_or(0, |it| it.times);
        let failed_again = newer.direct_failed.map(|it| DirectFailed {
            times: it.times.max(times.saturating_add(1)),
            ..it
        });
        Self {
            direct: newer.direct.or(self.direct),
            direct_failed: failed_again.or(self.direct_failed),
            modules: newer.modules.or(self.modules),
        }
    }

    /// Without what an older one has said in the same words.
    pub(crate) fn news(self, older: &Self) -> Self {
        Self {
            direct: self.direct.filter(|it| Some(it) != older.direct.as_ref()),
            direct_failed: self
                .direct_failed
                .filter(|it| Some(it) != older.direct_failed.as_ref()),
            modules: self.modules.filter(|it| Some(it) != older.modules.as_ref()),
        }
    }
}
