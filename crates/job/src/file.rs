//! The shape of the file, as it is written: keys, mappings and lists, but no meaning yet.
//!
//! Scalars are kept as the text that was written, so that `32` and `32MiB` can be told apart and
//! every wrong value is reported at its place, all of them at once. The JSON Schema is made from
//! these types too; there the scalars have their types.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

const DURATION_PATTERN: &str = r"^([0-9.]+ *(ms|s|m|h|d) *)+$";
const SIZE_PATTERN: &str = r"^[0-9.]+ *([kKMGT]?B|[KMGT]iB)$";
const CONSTRAINT_PATTERN: &str =
    r"^\S+ +(unique|(is|like|unlike) +\S.*|(max-per|group-by) +[1-9][0-9]*)$";
const IMAGE_PATTERN: &str = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$";
const VIEW_PATTERN: &str = r"^[^/].*\.html$";
const NAME_PATTERN: &str = r"^[A-Za-z0-9][A-Za-z0-9._-]*$";

/// The JSON Schema of the job file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(JobFile).to_value()
}

/// A mesosgot job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of a job")]
#[schemars(title = "mesosgot job")]
pub(crate) struct JobFile {
    /// The name of the job.
    #[schemars(with = "String", regex(pattern = NAME_PATTERN))]
    pub(crate) job: Option<String>,
    /// Where the job runs.
    #[serde(default)]
    pub(crate) cluster: ClusterFile,
    /// The app scheduler, which holds the other ends of all channels; or `console`: messages of
    /// tasks are lines of standard output, and lines of standard input messages to tasks.
    #[schemars(with = "SchedulerSchema")]
    pub(crate) scheduler: Option<SchedulerFile>,
    /// How the tasks are placed and started together.
    #[serde(default)]
    pub(crate) gang: GangFile,
    /// What groups have that do not say otherwise.
    #[serde(default)]
    pub(crate) defaults: DefaultsFile,
    /// The groups of tasks by name; the tasks of `floor` are `floor-0`, `floor-1` and so on.
    #[schemars(with = "BTreeMap<String, GroupFile>")]
    pub(crate) tasks: Option<Tasks>,
    /// The executor, of which there is one on each agent that is used.
    #[serde(default)]
    pub(crate) executor: ExecutorFile,
    /// The channels between tasks and app scheduler.
    #[serde(default)]
    pub(crate) channels: ChannelsFile,
    /// How agents and executors fetch the executor and modules from us.
    #[serde(default)]
    pub(crate) serve: ServeFile,
    /// How modules come to executors. `auto`: from the address that the job file names, else from
    /// this machine, else in messages over the cluster. `server`: from this machine only. `link`:
    /// in messages only, nothing is served. `url`: only from addresses that the job file names.
    /// Default: `auto`.
    #[schemars(regex(pattern = "^(auto|server|link|url)$"))]
    pub(crate) modules: Option<String>,
    /// A page (`.html`) in the folder of the job file, which the dashboard shows beside and tells
    /// what happens. Default: none.
    #[schemars(regex(pattern = VIEW_PATTERN))]
    pub(crate) view: Option<String>,
}

/// Where the job runs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `cluster`")]
#[schemars(rename = "Cluster")]
pub(crate) struct ClusterFile {
    /// `local` for the embedded cluster, addresses of masters `host:port,host:port`, or their place
    /// in ZooKeeper `zk://host:port,host:port/path`. Default: `local`.
    pub(crate) master: Option<String>,
    /// The role that offers are wanted for. Default: `*`.
    pub(crate) role: Option<String>,
    /// The user as whom agents run the executors. Default: the one who runs `mesosgot`.
    pub(crate) user: Option<String>,
    /// Who we are to masters that know principals. Default: nobody.
    pub(crate) principal: Option<String>,
    /// The file with the secret of `principal`, for masters that ask for it. Default: none.
    pub(crate) secret_file: Option<String>,
    /// The file with a token to show to masters in place of a secret. Default: none.
    pub(crate) token_file: Option<String>,
    /// The file (PEM) with the authorities whose certificates are trusted where masters are
    /// `https`. Default: those of the system.
    pub(crate) ca_file: Option<String>,
    /// The file (PEM) with our certificate for masters that ask for one. Default: none.
    pub(crate) certificate_file: Option<String>,
    /// The file (PEM) with the key of `certificate_file`. Default: it is in that file.
    pub(crate) key_file: Option<String>,
    /// How long the master keeps the tasks when it does not hear of us. Default: `2m`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) failover_timeout: Option<String>,
    /// Whether tasks live on while their agent restarts, for which it writes down what it knows of
    /// them. Without, they are lost at once when an agent goes. Default: true.
    #[schemars(with = "Option<bool>")]
    pub(crate) checkpoint: Option<String>,
    /// How long to look for a master that takes us. Default: `30s`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) timeout: Option<String>,
}

/// The app scheduler.
#[derive(Debug)]
pub(crate) enum SchedulerFile {
    /// One that is there already, by its name.
    Name(String),
    /// A guest.
    Keys(SchedulerKeys),
}

/// A guest, or `console`.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum SchedulerSchema {
    Keys(SchedulerKeys),
    Name(#[schemars(regex(pattern = "^(console)$"))] String),
}

impl<'de> Deserialize<'de> for SchedulerFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrKeys;

        impl<'de> Visitor<'de> for NameOrKeys {
            type Value = SchedulerFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the keys of `scheduler` or `console`")
            }

            fn visit_str<E>(self, name: &str) -> Result<SchedulerFile, E> {
                Ok(SchedulerFile::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SchedulerFile, A::Error> {
                let keys = SchedulerKeys::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SchedulerFile::Keys(keys))
            }
        }

        deserializer.deserialize_any(NameOrKeys)
    }
}

/// The app scheduler.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `scheduler`")]
#[schemars(rename = "Scheduler")]
pub(crate) struct SchedulerKeys {
    /// A `.wasm` file, a folder with a guest project, or `URL#sha256:DIGEST`, where `file:///PATH`
    /// is a file on the agents.
    #[schemars(with = "String")]
    pub(crate) module: Option<String>,
    /// Arguments. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<Scalar>")]
    pub(crate) args: Vec<String>,
    /// Environment variables. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(crate) env: BTreeMap<String, String>,
}

/// How the tasks are placed and started together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `gang`")]
#[schemars(rename = "Gang")]
pub(crate) struct GangFile {
    /// How long to wait until all tasks fit and run. Default: `5m`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) timeout: Option<String>,
    /// How long offers are held while waiting for more. Default: `10s`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) hold: Option<String>,
    /// `pack` for few agents, `spread` for many. Default: `pack`.
    #[schemars(regex(pattern = "^(pack|spread)$"))]
    pub(crate) strategy: Option<String>,
}

/// What groups have that do not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `defaults`")]
#[schemars(rename = "Defaults")]
pub(crate) struct DefaultsFile {
    /// Processors for each task. Default: 0.1.
    #[schemars(with = "Option<f64>", range(min = 0, max = 1024))]
    pub(crate) cpus: Option<String>,
    /// Memory for each task, which is also the most it can have. Default: `32MiB`.
    #[schemars(regex(pattern = SIZE_PATTERN))]
    pub(crate) mem: Option<String>,
    /// Disk for each task. Default: `0B`.
    #[schemars(regex(pattern = SIZE_PATTERN))]
    pub(crate) disk: Option<String>,
    /// Graphics processors for each task. Default: 0.
    #[schemars(with = "Option<u32>", range(max = 1024))]
    pub(crate) gpus: Option<String>,
    /// Ports for each task: how many, or a list of those that it must have. Default: 0.
    #[schemars(with = "Option<PortsSchema>")]
    pub(crate) ports: Option<PortsFile>,
    /// Amounts of other resources that agents offer, for each task, to which those of a group are
    /// added. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub(crate) resources: BTreeMap<String, String>,
    /// Environment variables, to which those of a group are added. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(crate) env: BTreeMap<String, String>,
    /// What happens when a task fails: `shutdown` ends the whole job, `restart` launches the task
    /// again, `ignore` tells the app scheduler and goes on. Default: `shutdown`.
    #[schemars(regex(pattern = "^(shutdown|restart|ignore)$"))]
    pub(crate) on_failure: Option<String>,
    /// How often tasks are launched again where `on_failure` is `restart`, and after what waits.
    pub(crate) restart: Option<RestartFile>,
    /// How long a task has to end after it was told to. Default: `5s`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) kill_grace: Option<String>,
    /// Where the tasks of a group may go, all of which must hold: `hostname unique`, `rack is r1`,
    /// `zone like eu-.*`, `zone unlike us-.*`, `rack max-per 2`, `zone group-by 3`,
    /// `@region is eu`. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(regex(pattern = CONSTRAINT_PATTERN)))]
    pub(crate) constraints: Option<Vec<String>>,
    /// What ends a task by force. Default: nothing.
    pub(crate) limits: Option<LimitsFile>,
    /// What a task may use besides its channels, clocks, randomness and output. Default: nothing.
    pub(crate) allow: Option<AllowFile>,
}

/// A group of tasks that are alike.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of a group of tasks")]
#[schemars(rename = "Group")]
pub(crate) struct GroupFile {
    /// A `.wasm` file, a folder with a guest project, or `URL#sha256:DIGEST`, where `file:///PATH`
    /// is a file on the agents.
    #[schemars(with = "String")]
    pub(crate) module: Option<String>,
    /// How many tasks there are. Default: 1.
    #[schemars(with = "Option<u32>", range(min = 1, max = 10000))]
    pub(crate) count: Option<String>,
    /// Processors for each task. Default: that of `defaults`.
    #[schemars(with = "Option<f64>", range(min = 0, max = 1024))]
    pub(crate) cpus: Option<String>,
    /// Memory for each task, which is also the most it can have. Default: that of `defaults`.
    #[schemars(regex(pattern = SIZE_PATTERN))]
    pub(crate) mem: Option<String>,
    /// Disk for each task. Default: that of `defaults`.
    #[schemars(regex(pattern = SIZE_PATTERN))]
    pub(crate) disk: Option<String>,
    /// Graphics processors for each task. Default: that of `defaults`.
    #[schemars(with = "Option<u32>", range(max = 1024))]
    pub(crate) gpus: Option<String>,
    /// Ports for each task: how many, or a list of those that it must have. The task finds them in
    /// its environment: `PORT0`, `PORT1` and so on in ascending order, `PORT` for the first, and
    /// `PORTS` for all with commas between. Default: that of `defaults`.
    #[schemars(with = "Option<PortsSchema>")]
    pub(crate) ports: Option<PortsFile>,
    /// Amounts of other resources that agents offer, for each task, added to those of `defaults`:
    /// `network_bandwidth: 100`. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub(crate) resources: BTreeMap<String, String>,
    /// Arguments. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<Scalar>")]
    pub(crate) args: Vec<String>,
    /// Environment variables, added to those of `defaults`. Default: none.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Scalar>")]
    pub(crate) env: BTreeMap<String, String>,
    /// What happens when a task fails: `shutdown` ends the whole job, `restart` launches the task
    /// again, `ignore` tells the app scheduler and goes on. Default: that of `defaults`.
    #[schemars(regex(pattern = "^(shutdown|restart|ignore)$"))]
    pub(crate) on_failure: Option<String>,
    /// How often its tasks are launched again if `on_failure` is `restart`, and after what waits.
    pub(crate) restart: Option<RestartFile>,
    /// How long a task has to end after it was told to. Default: that of `defaults`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) kill_grace: Option<String>,
    /// Where its tasks may go, all of which must hold: `hostname unique`, `rack is r1`,
    /// `zone like eu-.*`, `zone unlike us-.*`, `rack max-per 2`, `zone group-by 3`,
    /// `@region is eu`. Default: those of `defaults`, of which none are left when there is a list
    /// here.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(regex(pattern = CONSTRAINT_PATTERN)))]
    pub(crate) constraints: Option<Vec<String>>,
    /// Whether all its tasks are to be on one agent. Default: false.
    #[schemars(with = "Option<bool>")]
    pub(crate) colocate: Option<String>,
    /// What ends one of its tasks by force; what is not said is that of `defaults`.
    pub(crate) limits: Option<LimitsFile>,
    /// What its tasks may use besides their channels, clocks, randomness and output; what is not
    /// said is that of `defaults`.
    pub(crate) allow: Option<AllowFile>,
}

/// How often a task is launched again after a failure, and after what waits. What is not said is
/// that of `defaults`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `restart`")]
#[schemars(rename = "Restart")]
pub(crate) struct RestartFile {
    /// The wait before the first restart. It doubles with each further one in the window, and by
    /// chance is between a half and the whole of that. Default: `1s`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) backoff: Option<String>,
    /// The longest wait. Default: `1m`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) backoff_max: Option<String>,
    /// The most restarts of one task in the window; a failure beyond them ends the whole job.
    /// Default: 5.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1000))]
    pub(crate) max: Option<String>,
    /// How long a restart is remembered. Default: `10m`.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) window: Option<String>,
}

/// What ends a task by force, beside its memory: then it has failed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `limits`")]
#[schemars(rename = "Limits")]
pub(crate) struct LimitsFile {
    /// The most processor time that its function may take altogether. Default: any.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) cpu_time: Option<String>,
    /// The longest that its function may wait for anything. Default: for ever.
    #[schemars(regex(pattern = DURATION_PATTERN))]
    pub(crate) idle: Option<String>,
}

/// What a task may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `allow`")]
#[schemars(rename = "Allow")]
pub(crate) struct AllowFile {
    /// A folder of its own in the sandbox of its executor, which is `/` to it: `ro` to read only,
    /// `rw`, or `none`. Default: `none`.
    #[schemars(regex(pattern = "^(none|ro|rw)$"))]
    pub(crate) sandbox: Option<String>,
    /// Folders of the agent that its operator lists, by the name that they have there, each `ro`
    /// to read only or `rw`; a task finds a folder at `/NAME`. Default: none.
    #[schemars(inner(regex(pattern = "^(ro|rw)$")))]
    pub(crate) folders: Option<BTreeMap<String, String>>,
    /// Variables of the executor's environment that it gets as well, by name. Default: none.
    pub(crate) env: Option<Vec<String>>,
    /// Where it may connect and send to: `tcp 10.0.0.7:5432`, `tcp 10.0.0.0/8:*`, `udp *:53`.
    /// Default: nowhere.
    pub(crate) connect: Option<Vec<String>>,
    /// Whether it may look up the addresses of host names. Default: false.
    #[schemars(with = "Option<bool>")]
    pub(crate) dns: Option<String>,
    /// Where it may send HTTP requests to: `https://api.example.com`, `https://*.example.com`,
    /// `http://10.0.0.0/8:8080`, or `*` for everywhere. Default: nowhere.
    pub(crate) http: Option<Vec<String>>,
}

impl From<DefaultsFile> for GroupFile {
    /// A group that has only what `defaults` has.
    fn from(file: DefaultsFile) -> Self {
        Self {
            module: None,
            count: None,
            cpus: file.cpus,
            mem: file.mem,
            disk: file.disk,
            gpus: file.gpus,
            ports: file.ports,
            resources: file.resources,
            args: Vec::new(),
            env: file.env,
            on_failure: file.on_failure,
            restart: file.restart,
            kill_grace: file.kill_grace,
            constraints: file.constraints,
            colocate: None,
            limits: file.limits,
            allow: file.allow,
        }
    }
}

/// The executor, of which there is one on each agent that is used.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `executor`")]
#[schemars(rename = "Executor")]
pub(crate) struct ExecutorFile {
    /// Processors that it takes itself. Default: 0.1.
    #[schemars(with = "Option<f64>", range(min = 0, max = 1024))]
    pub(crate) cpus: Option<String>,
    /// Memory that it takes itself. Default: `64MiB`.
    #[schemars(regex(pattern = SIZE_PATTERN))]
    pub(crate) mem: Option<String>,
    /// Where agents have it from: `serve` for the program that runs the job, `serve FILE` for a
    /// file here (relative to the folder of the job file), an absolute path on the agents, or a
    /// URL, after which `#sha256:DIGEST` has it checked. Default: `serve`.
    pub(crate) binary: Option<String>,
    /// The container image in which agents start it, such as `debian:12`. Default: none.
    #[schemars(regex(pattern = IMAGE_PATTERN))]
    pub(crate) image: Option<String>,
}

/// How agents and executors fetch the executor and modules from us.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `serve`")]
#[schemars(rename = "Serve")]
pub(crate) struct ServeFile {
    /// The address and port on which to listen, port 0 for any that is free. Default: if
    /// `advertise` is given, all addresses and its port, if it has one; else what is advertised and
    /// any port. With a master on this machine only loopback.
    pub(crate) listen: Option<String>,
    /// The host, or `host:port`, at which agents reach that. Default: the host of
    /// `channels.advertise`, or else the address from which this machine speaks to the master, and
    /// the port that is listened on.
    pub(crate) advertise: Option<String>,
    /// Whether modules are encrypted: `on`, `off`, or `auto`, which is `on` unless the advertised
    /// address is of loopback. Default: `auto`.
    #[schemars(regex(pattern = "^(auto|on|off)$"))]
    pub(crate) tls: Option<String>,
    /// The file (PEM) with our certificate, and those that vouch for it, for modules and for
    /// connections of executors; with it the executor is encrypted as well. Default: one that is
    /// made for the run.
    pub(crate) certificate_file: Option<String>,
    /// The file (PEM) with the key of `certificate_file`. Default: it is in that file.
    pub(crate) key_file: Option<String>,
}

/// The channels between tasks and app scheduler.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `channels`")]
#[schemars(rename = "Channels")]
pub(crate) struct ChannelsFile {
    /// How many messages fit into one. Default: 256.
    #[schemars(with = "Option<u32>", range(min = 1, max = 65536))]
    pub(crate) window: Option<String>,
    /// How messages travel: `auto` over connections of the executors to us where that works and
    /// over framework messages elsewhere, `required` over connections only (messages wait
    /// while one is broken, and a job in which an executor cannot connect fails), `off` over framework messages only. Default: `auto`.
    #[schemars(regex(pattern = "^(auto|required|off)$"))]
    pub(crate) direct: Option<String>,
    /// The host, or `host:port`, at which agents reach this machine. Default: the address from
    /// which this machine speaks to the master, and the port that is listened on.
    pub(crate) advertise: Option<String>,
    /// The address and port on which to listen for connections of executors, port 0 for any that
    /// is free. Default: if `advertise` is given, all addresses and its port, if it has one; else
    /// what is advertised and any port. With a master on this machine only loopback.
    pub(crate) listen: Option<String>,
    /// Whether connections of executors are encrypted: `on`, `off`, or `auto`, which is `on`
    /// unless the advertised address is of loopback. Default: `auto`.
    #[schemars(regex(pattern = "^(auto|on|off)$"))]
    pub(crate) tls: Option<String>,
}

/// What is taken as text wherever text is wanted, exactly as it is written.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Scalar {
    Text(String),
    Number(f64),
    Bool(bool),
}

/// How many ports, or which.
#[derive(Debug, Clone)]
pub(crate) enum PortsFile {
    /// So many.
    Count(String),
    /// These.
    List(Vec<String>),
}

/// How many ports, or a list of those that a task must have.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Ports")]
#[expect(dead_code, reason = "only its schema is used")]
enum PortsSchema {
    Count(#[schemars(range(max = 1000))] u32),
    List(#[schemars(length(max = 64), inner(range(min = 1, max = 65535)))] Vec<u32>),
}

impl<'de> Deserialize<'de> for PortsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountOrList;

        impl<'de> Visitor<'de> for CountOrList {
            type Value = PortsFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of ports or a list of them")
            }

            fn visit_u64<E>(self, count: u64) -> Result<PortsFile, E> {
                Ok(PortsFile::Count(count.to_string()))
            }

            fn visit_i64<E>(self, count: i64) -> Result<PortsFile, E> {
                Ok(PortsFile::Count(count.to_string()))
            }

            fn visit_f64<E>(self, count: f64) -> Result<PortsFile, E> {
                Ok(PortsFile::Count(count.to_string()))
            }

            fn visit_str<E>(self, count: &str) -> Result<PortsFile, E> {
                Ok(PortsFile::Count(count.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PortsFile, A::Error> {
                let mut ports = Vec::new();
                while let Some(port) = list.next_element()? {
                    ports.push(port);
                }
                Ok(PortsFile::List(ports))
            }
        }

        deserializer.deserialize_any(CountOrList)
    }
}

/// Groups in the order of the file, which a map would lose.
#[derive(Debug, Default)]
pub(crate) struct Tasks(pub(crate) Vec<(String, GroupFile)>);

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Tasks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("groups of tasks by name")
            }

            fn visit_unit<E>(self) -> Result<Tasks, E> {
                Ok(Tasks::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tasks, A::Error> {
                let mut groups = Vec::new();
                while let Some(group) = map.next_entry()? {
                    groups.push(group);
                }
                Ok(Tasks(groups))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
