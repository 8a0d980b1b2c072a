//! The job file's words in the framework's.

mod allow;

use std::sync::Arc;

use anyhow::Context as _;
use framework::{
    Constraint, Delivery, Executors, FrameworkConfig, GroupConfig, MasterConfig, Module,
    ModuleServing, OnFailure, Operator, Pattern, Restart, Strategy, Timing,
};
use job::{Group, Job, Ports};
use link::LinkConfig;
use mesos::resources::{Resource, Resources, Scalar, Value};
use scheduler::PORTS;

use super::program::program;
use super::serving::serving;
use crate::commands::Failure;
use crate::exit::Exit;
use crate::job_file::{Loaded, LoadedJob};
use crate::logs::LOG_VARIABLE;
use crate::running::RunningJob;
use crate::settings::MastersPlace;

/// What a job file does not say about a run.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// Where the masters are.
    pub(crate) masters: MastersPlace,
    /// Whether the cluster is the embedded one.
    pub(crate) is_embedded: bool,
    /// The user as whom executors run.
    pub(crate) user: String,
    /// Arguments for the app scheduler, after those of the job file.
    pub(crate) args: Vec<String>,
    /// What executors log.
    pub(crate) log_directives: &'a str,
    /// Where others look at the run.
    pub(crate) running: Arc<RunningJob>,
}

/// What the framework is to run, and where.
pub(super) fn config(loaded: &LoadedJob, target: &Target<'_>) -> Result<FrameworkConfig, Failure> {
    let job = &loaded.job;
    let mut master = master(job, &target.masters, &target.user);
    master.failover_timeout = job.cluster.failover_timeout;
    master.checkpoint = job.cluster.checkpoint;
    let groups = job
        .groups
        .iter()
        .zip(&loaded.groups)
        .map(|(group, module)| {
            let env = group.env.iter();
            Ok(GroupConfig {
                name: group.name.clone(),
                count: group.count,
                resources: resources(group),
                constraints: constraints(group)?,
                colocate: group.colocate,
                on_failure: on_failure(group.on_failure),
                memory_bytes_max: group.mem.bytes(),
                kill_grace: group.kill_grace,
                cpu_time_max: group.limits.cpu_time,
                idle_max: group.limits.idle,
                allow: allow::allow(&group.allow),
                module: framework_module(module),
                args: group.args.clone(),
                env: env
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let serving = serving(&target.masters, target.is_embedded, job, loaded.folder())?;
    let longest_grace = job.groups.iter().map(|group| group.kill_grace).max();
    Ok(FrameworkConfig {
        name: job.name.clone(),
        groups,
        strategy: strategy(job.gang.strategy),
        timing: Timing {
            subscribe: job.cluster.timeout,
            gang: job.gang.timeout,
            hold: job.gang.hold,
            ..Timing::default()
        },
        executors: Executors {
            resources: executor_resources(job),
            program: program(&job.executor, loaded.folder(), target.is_embedded)?,
            image: job.executor.image.clone(),
            env: vec![(LOG_VARIABLE.to_owned(), target.log_directives.to_owned())],
            shutdown_grace: longest_grace.unwrap_or(job::KILL_GRACE),
        },
        master,
        modules: ModuleServing {
            delivery: delivery(job.modules),
            ..serving.modules
        },
        direct: serving.direct,
        certificate: serving.certificate,
        link: link_config(job.channels.window),
        traffic: target.running.traffic().clone(),
        sandboxes: target.running.sandboxes().clone(),
        operator: target.running.operator().clone(),
        seed: fastrand::u64(..),
    })
}

/// A module, and where executors find it.
fn framework_module(module: &Loaded) -> Module {
    match module {
        Loaded::Here { component, address } => {
            let module = Module::new(component.bytes.clone());
            match address {
                Some(address) => module.at(address.clone()),
                None => module,
            }
        }
        Loaded::OnAgents {
            sha256, address, ..
        } => Module::elsewhere(*sha256, address.clone()),
    }
}

fn delivery(delivery: job::Delivery) -> Delivery {
    match delivery {
        job::Delivery::Auto => Delivery::Auto,
        job::Delivery::Server => Delivery::Server,
        job::Delivery::Link => Delivery::Link,
        job::Delivery::Url => Delivery::Url,
    }
}

/// What a plan needs to know of the job.
pub(crate) fn planned(job: &Job) -> Result<scheduler::Job, Failure> {
    let groups = job.groups.iter().map(|group| {
        Ok(scheduler::Group {
            name: group.name.clone(),
            count: group.count,
            resources: resources(group),
            constraints: constraints(group)?,
            colocate: group.colocate,
            on_failure: on_failure(group.on_failure),
            kill_grace: group.kill_grace,
        })
    });
    Ok(scheduler::Job {
        name: job.name.clone(),
        run: "plan".to_owned(),
        groups: groups.collect::<Result<Vec<_>, Failure>>()?,
        executor: executor_resources(job),
        strategy: strategy(job.gang.strategy),
        barrier: scheduler::Barrier::Tasks,
        timing: Timing {
            subscribe: job.cluster.timeout,
            ..Timing::default()
        },
    })
}

/// The masters, and who we are there.
pub(crate) fn master(job: &Job, masters: &MastersPlace, user: &str) -> MasterConfig {
    let access = masters.access.clone();
    let mut master = MasterConfig::new(masters.masters.clone(), user);
    master.principal = access.principal;
    master.credentials = access.credentials;
    master.tls = access.tls;
    master.role.clone_from(&job.cluster.role);
    master
}

fn strategy(strategy: job::Strategy) -> Strategy {
    match strategy {
        job::Strategy::Pack => Strategy::Pack,
        job::Strategy::Spread => Strategy::Spread,
    }
}

fn on_failure(on_failure: job::OnFailure) -> OnFailure {
    match on_failure {
        job::OnFailure::Shutdown => OnFailure::Shutdown,
        job::OnFailure::Restart(rules) => OnFailure::Restart(Restart {
            backoff: rules.backoff,
            backoff_max: rules.backoff_max,
            max: rules.max,
            window: rules.window,
        }),
        job::OnFailure::Ignore => OnFailure::Ignore,
    }
}

fn executor_resources(job: &Job) -> Resources {
    scalars(&[
        ("cpus", job.executor.cpus),
        ("mem", job.executor.mem.mebibytes()),
    ])
}

/// Where the tasks of the group may go.
fn constraints(group: &Group) -> Result<Vec<Constraint>, Failure> {
    let pattern = |text: &str| {
        Pattern::new(text)
            .with_context(|| format!("failed to read the constraints of `{}`", group.name))
            .map_err(|error| Failure::new(Exit::Usage, error))
    };
    let constraints = group.constraints.iter().map(|constraint| {
        let operator = match &constraint.operator {
            job::Operator::Is(value) => Operator::Is(value.clone()),
            job::Operator::Like(text) => Operator::Like(pattern(text)?),
            job::Operator::Unlike(text) => Operator::Unlike(pattern(text)?),
            job::Operator::Unique => Operator::Unique,
            job::Operator::MaxPer(tasks) => Operator::MaxPer(*tasks),
            job::Operator::GroupBy(values) => Operator::GroupBy(*values),
        };
        Ok(Constraint {
            field: constraint.field.clone(),
            operator,
        })
    });
    constraints.collect()
}

/// A link whose channels hold so many messages.
fn link_config(window_messages: u32) -> LinkConfig {
    let mut config = LinkConfig::default();
    config.window.messages = window_messages;
    config
}

fn scalars(amounts: &[(&str, f64)]) -> Resources {
    let amounts = amounts.iter().map(|(name, amount)| {
        let amount = Scalar::from_f64(*amount).expect("the job file's amounts are checked");
        Resource::scalar(*name, amount)
    });
    amounts.collect()
}

/// What one task of the group takes from its agent.
fn resources(group: &Group) -> Resources {
    let mut resources = scalars(&[
        ("cpus", group.cpus),
        ("mem", group.mem.mebibytes()),
        ("disk", group.disk.mebibytes()),
        ("gpus", f64::from(group.gpus)),
    ]);
    for (name, amount) in &group.resources {
        resources += scalars(&[(name, *amount)]);
    }
    resources += match &group.ports {
        Ports::Any(count) => scalars(&[(PORTS, f64::from(*count))]),
        Ports::These(ports) => {
            let ports = ports.iter().map(|port| u64::from(*port)..=u64::from(*port));
            Resource::new(PORTS, Value::Ranges(ports.collect())).into()
        }
    };
    resources
}
