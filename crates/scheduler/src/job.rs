//! What is to run: groups of equal tasks, what each needs, and how long to wait for what.
//!
//! Plain values that the shell fills in; no file format and no modules here.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos::ids::{self, InvalidId};
use mesos::resources::{Resources, Scalar, Value};
use thiserror::Error;

use crate::constraint::Constraint;
use crate::placement::PORTS;

/// A gang and the rules for it.
#[derive(Debug, Clone)]
pub struct Job {
    /// The name of the job; a part of executor ids.
    pub name: String,
    /// Tells this run of the job from every other; a part of task ids and executor ids.
    pub run: String,
    /// The groups, in the order of the job file.
    pub groups: Vec<Group>,
    /// What one executor needs beside its tasks, once per agent. Unreserved, amounts only.
    pub executor: Resources,
    /// Whether tasks are kept together or apart.
    pub strategy: Strategy,
    /// What must be up before functions begin.
    pub barrier: Barrier,
    /// How long to wait for what.
    pub timing: Timing,
}

/// Tasks that differ in nothing but their number.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name; its tasks are called `<name>-0`, `<name>-1` …
    pub name: String,
    /// How many tasks.
    pub count: u32,
    /// What one task needs, unreserved: amounts, and numbers of ranges that it must have. An amount
    /// of what agents offer as ranges (`ports:2`) is so many of the numbers, whichever.
    pub resources: Resources,
    /// Where its tasks may go.
    pub constraints: Vec<Constraint>,
    /// Whether all of them are to be on one agent.
    pub colocate: bool,
    /// What the failure of a task means.
    pub on_failure: OnFailure,
    /// How long a task may take to end by itself once its `in` channel is closed.
    pub kill_grace: Duration,
}

/// What the failure of a task means for its job.
///
/// Until the whole gang is up, only tasks that may be restarted can fail without harm: it starts
/// complete or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The whole job ends, and has failed.
    #[default]
    Shutdown,
    /// The task is launched again.
    Restart(Restart),
    /// The app scheduler hears of it, and the job goes on.
    Ignore,
}

/// How often a task is restarted, and after what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The wait before the first restart; each further one in the window waits twice as long.
    pub backoff: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// The most restarts of one task in the window. A failure beyond them ends the job.
    pub max: u32,
    /// How long a restart is remembered.
    pub window: Duration,
}

/// How a gang is laid out when there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// On as few agents as possible.
    #[default]
    Pack,
    /// On as many agents as possible, evenly.
    Spread,
}

/// What must be up before the functions of a gang's tasks and the app scheduler begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Barrier {
    /// All tasks.
    #[default]
    Tasks,
    /// All tasks, and a connection to each of their executors.
    Connections,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For the first subscription.
    pub subscribe: Duration,
    /// From the first subscription until all tasks are up (`gang.timeout`).
    pub gang: Duration,
    /// How long offers are held while the gang does not fit (`gang.hold`).
    pub hold: Duration,
    /// How long a task may be unreachable before that counts as its loss.
    ///
    /// The agent has then been silent for 75 s already (PROTOCOL §11.1).
    pub unreachable: Duration,
}

impl Default for Timing {
    /// 30 s to subscribe, 5 min for the gang, 10 s of hold, 60 s unreachable.
    fn default() -> Self {
        Self {
            subscribe: Duration::from_secs(30),
            gang: Duration::from_secs(5 * 60),
            hold: Duration::from_secs(10),
            unreachable: Duration::from_secs(60),
        }
    }
}

/// The most tasks of one job: they may all come to one agent, and a link has 32,768 channels.
pub const TASKS_MAX: u64 = 32_000;

/// The most numbers of one resource that a task can ask for by name: placement counts each by
/// itself, on every agent.
pub const NUMBERS_MAX: u128 = 64;

/// Why a job cannot be run anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidJob {
    /// There is nothing to launch.
    #[error("the job has no tasks")]
    NoTasks,
    /// There is more than one executor could host.
    #[error("the job has {0} tasks, more than {TASKS_MAX}")]
    TooManyTasks(u64),
    /// Tasks of both groups would have the same names.
    #[error("two groups are called `{0}`")]
    TwoGroups(String),
    /// A name does not do as a part of a Mesos id.
    #[error("the name `{name}` cannot be a part of an id")]
    Name {
        /// The name of a group, of the job or of the run.
        name: String,
        /// What is wrong with it.
        source: InvalidId,
    },
    /// Only amounts can be asked for, and numbers by tasks.
    #[error("`{owner}` asks for `{resource}`, which is not an amount")]
    NotAnAmount {
        /// The group, or `executor`.
        owner: String,
        /// The resource.
        resource: String,
    },
    /// Ports are whole.
    #[error("`{owner}` asks for {amount} ports")]
    PartOfAPort {
        /// The group.
        owner: String,
        /// How many.
        amount: Scalar,
    },
    /// There are more numbers than placement is built for.
    #[error("`{owner}` asks for {count} `{resource}` by number, more than {NUMBERS_MAX}")]
    TooManyNumbers {
        /// The group.
        owner: String,
        /// The resource.
        resource: String,
        /// How many.
        count: u128,
    },
    /// A master refuses a task that uses nothing (PROTOCOL §7).
    #[error("a task of `{0}` needs no resources")]
    NoResources(String),
}

impl Job {
    /// How many tasks there are in all groups.
    pub fn task_count(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.count)).sum()
    }

    /// Checks what no cluster could run.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), InvalidJob> {
        let task_count = self.task_count();
        if task_count == 0 {
            return Err(InvalidJob::NoTasks);
        }
        if task_count > TASKS_MAX {
            return Err(InvalidJob::TooManyTasks(task_count));
        }
        check_name(&self.name)?;
        check_name(&self.run)?;
        check_amounts("executor", &self.executor, |value| {
            matches!(value, Value::Scalar(_))
        })?;
        let mut names = BTreeSet::new();
        for group in &self.groups {
            check_name(&group.name)?;
            if !names.insert(group.name.as_str()) {
                return Err(InvalidJob::TwoGroups(group.name.clone()));
            }
            check_amounts(&group.name, &group.resources, |value| {
                !matches!(value, Value::Set(_))
            })?;
            check_numbers(&group.name, &group.resources)?;
            if group.resources.is_empty() {
                return Err(InvalidJob::NoResources(group.name.clone()));
            }
        }
        Ok(())
    }
}

/// The longest name; with run, number and attempt an id stays below the 255 bytes of Mesos.
const NAME_BYTES_MAX: usize = 150;

fn check_name(name: &str) -> Result<(), InvalidJob> {
    let too_long = (name.len() > NAME_BYTES_MAX).then_some(InvalidId::TooLong);
    match too_long.map_or_else(|| ids::check(name), Err) {
        Ok(()) => Ok(()),
        Err(source) => Err(InvalidJob::Name {
            name: name.to_owned(),
            source,
        }),
    }
}

fn check_amounts(
    owner: &str,
    resources: &Resources,
    is_amount: impl Fn(&Value) -> bool,
) -> Result<(), InvalidJob> {
    let other = resources
        .iter()
        .find(|resource| !is_amount(resource.value()));
    other.map_or(Ok(()), |resource| {
        Err(InvalidJob::NotAnAmount {
            owner: owner.to_owned(),
            resource: resource.name().to_owned(),
        })
    })
}

fn check_numbers(owner: &str, resources: &Resources) -> Result<(), InvalidJob> {
    let ports = resources.scalar(PORTS);
    let whole = u32::try_from(ports.whole()).unwrap_or(u32::MAX);
    if ports != Scalar::from(whole) {
        return Err(InvalidJob::PartOfAPort {
            owner: owner.to_owned(),
            amount: ports,
        });
    }
    for resource in resources {
        if let Value::Ranges(numbers) = resource.value()
            && numbers.count() > NUMBERS_MAX
        {
            return Err(InvalidJob::TooManyNumbers {
                owner: owner.to_owned(),
                resource: resource.name().to_owned(),
                count: numbers.count(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(groups: &[(&str, u32, &str)]) -> Job {
        let groups = groups.iter().map(|(name, count, needs)| Group {
            name: (*name).to_owned(),
            count: *count,
            resources: Resources::parse(needs).unwrap(),
            constraints: Vec::new(),
            colocate: false,
            on_failure: OnFailure::Shutdown,
            kill_grace: Duration::ZERO,
        });
        Job {
            name: "job".to_owned(),
            run: "r".to_owned(),
            groups: groups.collect(),
            executor: Resources::new(),
            strategy: Strategy::Pack,
            barrier: Barrier::Tasks,
            timing: Timing::default(),
        }
    }

    #[test]
    fn a_job_that_no_cluster_could_run_is_refused_with_the_reason() {
        assert_eq!(job(&[("t", 1, "cpus:1")]).check(), Ok(()));
        assert_eq!(job(&[]).check(), Err(InvalidJob::NoTasks));
        assert_eq!(job(&[("t", 0, "cpus:1")]).check(), Err(InvalidJob::NoTasks));
        let many = job(&[("t", 32_000, "cpus:1"), ("u", 1, "cpus:1")]).check();
        assert_eq!(many, Err(InvalidJob::TooManyTasks(32_001)));
        let twice = job(&[("t", 1, "cpus:1"), ("t", 1, "cpus:1")]).check();
        assert_eq!(twice, Err(InvalidJob::TwoGroups("t".to_owned())));
        let nothing = job(&[("t", 1, "cpus:0")]).check();
        assert_eq!(nothing, Err(InvalidJob::NoResources("t".to_owned())));
        let faults = [
            ("tags:{a}", "`t` asks for `tags`, which is not an amount"),
            ("ports:1.5", "`t` asks for 1.5 ports"),
            (
                "ports:[1-65]",
                "`t` asks for 65 `ports` by number, more than 64",
            ),
        ];
        for (asked, fault) in faults {
            let refused = job(&[("t", 1, asked)]).check().unwrap_err();
            assert_eq!(refused.to_string(), fault);
        }
        assert_eq!(job(&[("t", 1, "cpus:1;ports:[1-2]")]).check(), Ok(()));
        let mut needy = job(&[("t", 1, "cpus:1")]);
        needy.executor = Resources::parse("ports:[1-2]").unwrap();
        assert!(matches!(needy.check(), Err(InvalidJob::NotAnAmount { .. })));
        assert!(matches!(
            job(&[("a/b", 1, "cpus:1")]).check(),
            Err(InvalidJob::Name { .. })
        ));
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        assert!(matches!(
            job(&[(&long, 1, "cpus:1")]).check(),
            Err(InvalidJob::Name { .. })
        ));
    }
}
