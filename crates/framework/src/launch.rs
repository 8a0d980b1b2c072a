//! What the framework, a task and its executor look like on the wire.
//!
//! A real Mesos refuses a message that lacks a required field; everything here is filled in.

mod program;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use link::LinkConfig;
use link::spec::{
    EnvironmentVariable, ExecutorSpec, Module as ModuleSpec, Server, TaskSpec, VERSION,
};
use mesos::resources::{Resource, Resources, Value};
use mesos::v1;
use prost::Message as _;
use scheduler::{Constraint, ExecutorLaunch, PORTS, REGION, TaskLaunch};
use v1::framework_info::Capability;
use v1::framework_info::capability::Type as CapabilityType;

use crate::config::{
    Delivery, ExecutorProgram, FrameworkConfig, GroupConfig, MasterConfig, Module,
};
use crate::convert;
use crate::modules::{Catalogue, ModuleServer, ServedExecutor};

/// Everything about a job's tasks and executors that does not change from launch to launch.
#[derive(Debug)]
pub(crate) struct Blueprint {
    job: String,
    groups: Vec<GroupBlueprint>,
    command: v1::CommandInfo,
    container: Option<v1::ContainerInfo>,
    /// The server of modules.
    server: Option<Server>,
    shutdown_grace: v1::DurationInfo,
    link: LinkConfig,
}

#[derive(Debug)]
struct GroupBlueprint {
    /// The spec of every task but for its name.
    spec: TaskSpec,
}

/// Paths in the catalogue, before there is a server.
#[derive(Debug)]
pub(crate) struct Served {
    catalogue: Catalogue,
    /// The module of each group, if it is served.
    modules: Vec<Option<String>>,
    executor: Option<ServedExecutor>,
}

impl Served {
    /// Everything that agents must get from us. Groups of the same module share its path.
    ///
    /// # Errors
    /// When there is no randomness for the paths.
    pub(crate) fn new(config: &FrameworkConfig) -> io::Result<Self> {
        let mut catalogue = Catalogue::default();
        let is_served = config.modules.delivery.is_by_server();
        let mut paths: HashMap<&[u8; 32], String> = HashMap::new();
        let mut modules = Vec::with_capacity(config.groups.len());
        for group in &config.groups {
            let digest = group.module.sha256();
            let bytes = group.module.bytes().filter(|_| is_served);
            if let Some(bytes) = bytes
                && !paths.contains_key(digest)
            {
                paths.insert(digest, catalogue.add_module(bytes.clone())?);
            }
            modules.push(bytes.and_then(|_| paths.get(digest).cloned()));
        }
        let executor = match &config.executors.program {
            ExecutorProgram::Served { bytes, .. } => Some(catalogue.add_executor(bytes.clone())),
            ExecutorProgram::Installed(_) | ExecutorProgram::Fetched { .. } => None,
        };
        Ok(Self {
            catalogue,
            modules,
            executor,
        })
    }

    /// The files, to be served; nothing if there are none.
    pub(crate) fn take_catalogue(&mut self) -> Option<Catalogue> {
        let catalogue = std::mem::take(&mut self.catalogue);
        (!catalogue.is_empty()).then_some(catalogue)
    }
}

impl Blueprint {
    /// What follows from the configuration and the address of the module server, if there is one.
    pub(crate) fn new(
        config: &FrameworkConfig,
        served: &Served,
        server: Option<&ModuleServer>,
    ) -> Self {
        let groups = config.groups.iter().zip(&served.modules);
        let url = |path: &Option<String>| Some(server?.module_url(path.as_ref()?));
        let delivery = config.modules.delivery;
        let executor = served.executor.as_ref();
        let executor = executor.and_then(|it| Some((server?.executor_url(&it.path), it.sha256)));
        Self {
            job: config.name.clone(),
            groups: groups
                .map(|(group, path)| GroupBlueprint {
                    spec: task_spec(group, module_spec(&group.module, delivery, url(path))),
                })
                .collect(),
            command: program::command(&config.executors, executor),
            container: config.executors.image.as_deref().map(program::container),
            server: server.and_then(ModuleServer::spec),
            shutdown_grace: convert::duration(config.executors.shutdown_grace),
            link: config.link(),
        }
    }

    /// The tasks of one ACCEPT, each with the same executor.
    pub(crate) fn task_infos(
        &self,
        executor: &ExecutorLaunch,
        incarnation: u64,
        tasks: Vec<TaskLaunch>,
    ) -> Vec<v1::TaskInfo> {
        // A gang is far smaller than that.
        let count = u32::try_from(tasks.len()).unwrap_or_default();
        let executor_info = self.executor_info(executor, incarnation, count);
        tasks
            .into_iter()
            .map(|task| v1::TaskInfo {
                data: Some(self.task_data(&task)),
                task_id: task.id.into(),
                agent_id: (&executor.agent).into(),
                resources: task.resources.to_wire(),
                executor: Some(executor_info.clone()),
                name: task.name,
                ..v1::TaskInfo::default()
            })
            .collect()
    }

    fn task_data(&self, task: &TaskLaunch) -> Bytes {
        let ports = ports(&task.resources);
        let mut spec = TaskSpec {
            name: task.name.clone(),
            ports: ports.iter().copied().map(u32::from).collect(),
            ..self.groups[task.group].spec.clone()
        };
        for variable in port_variables(&ports) {
            // What the job file says of a variable is what was meant.
            if spec.env.iter().all(|known| known.name != variable.name) {
                spec.env.push(variable);
            }
        }
        spec.encode_to_vec().into()
    }

    /// The same for every task of the launch, or the agent would refuse the second (PROTOCOL §7).
    fn executor_info(
        &self,
        executor: &ExecutorLaunch,
        incarnation: u64,
        tasks: u32,
    ) -> v1::ExecutorInfo {
        let spec = ExecutorSpec {
            version: VERSION,
            job: self.job.clone(),
            incarnation,
            window_messages: self.link.window.messages,
            window_bytes: self.link.window.bytes,
            direct_only: self.link.direct_only,
            server: self.server.clone(),
            tasks,
        };
        v1::ExecutorInfo {
            executor_id: (&executor.id).into(),
            r#type: Some(v1::executor_info::Type::Custom.into()),
            name: Some(format!("mesosgot {}", self.job)),
            data: Some(spec.encode_to_vec().into()),
            resources: executor.resources.to_wire(),
            command: Some(self.command.clone()),
            container: self.container.clone(),
            shutdown_grace_period: Some(self.shutdown_grace),
            ..v1::ExecutorInfo::default()
        }
    }
}

/// A module, and where executors get it: best first.
fn module_spec(module: &Module, delivery: Delivery, served: Option<String>) -> ModuleSpec {
    let address = module.address().filter(|_| delivery.is_by_address());
    let urls = address.map(str::to_owned).into_iter().chain(served);
    let bytes = module.bytes();
    ModuleSpec {
        sha256: module.sha256().to_vec(),
        size: bytes.map_or(0, |bytes| bytes.len() as u64),
        urls: urls.collect(),
        over_link: delivery.is_by_link() && bytes.is_some(),
    }
}

fn task_spec(group: &GroupConfig, module: ModuleSpec) -> TaskSpec {
    let env = group.env.iter().map(|(name, value)| EnvironmentVariable {
        name: name.clone(),
        value: value.clone(),
    });
    TaskSpec {
        version: VERSION,
        name: String::new(),
        group: group.name.clone(),
        module: Some(module),
        args: group.args.clone(),
        env: env.collect(),
        memory_bytes_max: group.memory_bytes_max,
        kill_grace_ms: milliseconds(group.kill_grace),
        cpu_time_max_ms: group.cpu_time_max.map_or(0, milliseconds),
        idle_max_ms: group.idle_max.map_or(0, milliseconds),
        allow: Some(group.allow.clone()),
        ports: Vec::new(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The ports among a task's resources, in ascending order.
fn ports(resources: &Resources) -> Vec<u16> {
    let numbers = |resource: &Resource| match resource.value() {
        Value::Ranges(ports) if resource.name() == PORTS => ports.values().collect(),
        Value::Ranges(_) | Value::Scalar(_) | Value::Set(_) => Vec::new(),
    };
    // Reserved ports and others are apart in the resources.
    let numbers = resources.iter().flat_map(numbers);
    // A master that offers others offers no ports.
    let mut ports: Vec<u16> = numbers
        .filter_map(|port: u64| u16::try_from(port).ok())
        .collect();
    ports.sort_unstable();
    ports
}

/// What tells a task its ports: `PORT0`, `PORT1` … in ascending order, `PORT` for the first and
/// `PORTS` for all, as Marathon calls them. Nothing for a task without ports.
fn port_variables(ports: &[u16]) -> Vec<EnvironmentVariable> {
    let Some(first) = ports.first() else {
        return Vec::new();
    };
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let each = ports.iter().enumerate();
    let each = each.map(|(index, port)| (format!("PORT{index}"), port.clone()));
    let all = [
        ("PORT".to_owned(), first.to_string()),
        ("PORTS".to_owned(), ports.join(",")),
    ];
    each.chain(all)
        .map(|(name, value)| EnvironmentVariable { name, value })
        .collect()
}

/// The capabilities that a framework has because of what its groups need, and where.
pub(crate) fn capabilities<'a>(
    groups: impl Iterator<Item = (&'a Resources, &'a [Constraint])>,
) -> Vec<CapabilityType> {
    let (mut wants_gpus, mut knows_regions) = (false, false);
    for (resources, constraints) in groups {
        wants_gpus |= !resources.scalar("gpus").is_zero();
        knows_regions |= constraints
            .iter()
            .any(|constraint| constraint.field == REGION);
    }
    // With it, agents that have GPUs are offered to us; without it, only the others. And agents
    // far away only to those who choose among regions.
    let gpus = wants_gpus.then_some(CapabilityType::GpuResources);
    let regions = knows_regions.then_some(CapabilityType::RegionAware);
    gpus.into_iter().chain(regions).collect()
}

/// Who we are for a master.
pub(crate) fn framework_info(
    name: &str,
    master: &MasterConfig,
    wanted: Vec<CapabilityType>,
) -> v1::FrameworkInfo {
    let capabilities = [
        CapabilityType::MultiRole,
        CapabilityType::ReservationRefinement,
        CapabilityType::PartitionAware,
        CapabilityType::TaskKillingState,
    ];
    v1::FrameworkInfo {
        user: master.user.clone(),
        name: format!("mesosgot {name}"),
        failover_timeout: Some(master.failover_timeout.as_secs_f64()),
        checkpoint: Some(master.checkpoint),
        principal: master.principal.clone(),
        webui_url: master.webui_url.clone(),
        roles: vec![master.role.clone()],
        capabilities: capabilities
            .into_iter()
            .chain(wanted)
            .map(|kind| Capability {
                r#type: Some(kind.into()),
            })
            .collect(),
        ..v1::FrameworkInfo::default()
    }
}

#[cfg(test)]
mod tests;
