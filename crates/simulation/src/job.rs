//! The jobs that are tried, and the agents for them.

use std::time::Duration;

use mesos::resources::Resources;
use scheduler::constraint::HOSTNAME;
use scheduler::{
    Attribute, AttributeValue, Barrier, Constraint, Group, Job, OnFailure, Operator, Restart,
    Strategy, Timing,
};

/// A job and what there is to run it on.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) job: Job,
    pub(crate) agents: Vec<Machine>,
}

/// What there is of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// All that it has. What is reserved is reserved for [`ROLE`].
    pub(crate) resources: Resources,
    pub(crate) attributes: Vec<Attribute>,
    /// The role that what is not reserved is offered to.
    pub(crate) role: &'static str,
}

/// The role for which resources are reserved.
pub(crate) const ROLE: &str = "prod";

/// The role of all others.
pub(crate) const ANY_ROLE: &str = "*";

/// What is most often spoken of in constraints.
const RACK: &str = "rack";

/// The first port of every agent. Some tasks must have it.
const FIRST_PORT: u32 = 31_000;

/// Tenths of a cpu.
fn cpus(tenths: u32) -> Resources {
    let text = format!("cpus:{}.{}", tenths / 10, tenths % 10);
    Resources::parse(&text).expect("it is well formed")
}

/// What a task of a group takes.
fn needs(rng: &mut fastrand::Rng, tenths: u32) -> Resources {
    let ports = match rng.u32(0..12) {
        0 => format!("ports:[{FIRST_PORT}-{FIRST_PORT}]"),
        1..=3 => format!("ports:{}", rng.u32(1..=2)),
        _ => return cpus(tenths),
    };
    cpus(tenths) + Resources::parse(&ports).expect("it is well formed")
}

/// A rule for the tasks of a group, or none.
fn constraint(rng: &mut fastrand::Rng) -> Option<Constraint> {
    let (field, operator) = match rng.u32(0..24) {
        0 => (HOSTNAME, Operator::Unique),
        1 | 2 => (HOSTNAME, Operator::MaxPer(rng.u32(1..=3))),
        3 | 4 => (RACK, Operator::MaxPer(rng.u32(1..=3))),
        5 | 6 => (RACK, Operator::GroupBy(rng.u32(1..=2))),
        7 => (HOSTNAME, Operator::GroupBy(rng.u32(1..=2))),
        8 => (RACK, Operator::Is("r0".to_owned())),
        _ => return None,
    };
    let field = field.to_owned();
    Some(Constraint { field, operator })
}

/// An agent with so many tenths of a cpu, some ports, in a rack or in none.
fn machine(rng: &mut fastrand::Rng, tenths: u32, has_roles: bool) -> Machine {
    let ports = FIRST_PORT..=FIRST_PORT + rng.u32(0..8);
    let ports = format!("ports:[{}-{}]", ports.start(), ports.end());
    let mut resources = cpus(tenths) + Resources::parse(&ports).expect("it is well formed");
    let mut role = ANY_ROLE;
    if has_roles {
        let reserved = format!("cpus({ROLE}):0.{}", rng.u32(1..10));
        resources += Resources::parse(&reserved).expect("it is well formed");
        if rng.bool() {
            role = ROLE;
        }
    }
    let rack = match rng.u32(0..8) {
        0 => None,
        number => Some(format!("r{}", number % 2)),
    };
    let attributes = rack.map(|rack| Attribute {
        name: RACK.to_owned(),
        value: AttributeValue::Text(rack),
    });
    Machine {
        resources,
        attributes: attributes.into_iter().collect(),
        role,
    }
}

/// Some restarts within some time.
fn restart(rng: &mut fastrand::Rng) -> Restart {
    Restart {
        backoff: Duration::from_millis(rng.u64(0..2000)),
        backoff_max: Duration::from_secs(rng.u64(1..30)),
        max: rng.u32(0..4),
        window: Duration::from_secs(rng.u64(10..600)),
    }
}

impl Setting {
    /// A small gang, and agents that most often have room for it.
    pub(crate) fn draw(rng: &mut fastrand::Rng) -> Self {
        let mut wanted = 0;
        let groups: Vec<Group> = (0..rng.usize(1..=3))
            .map(|number| {
                let (count, tenths) = (rng.u32(1..=3), rng.u32(2..=15));
                wanted += count * tenths;
                Group {
                    name: format!("g{number}"),
                    count,
                    resources: needs(rng, tenths),
                    constraints: constraint(rng).into_iter().collect(),
                    colocate: rng.u32(0..20) == 0,
                    on_failure: match rng.u32(0..4) {
                        0 => OnFailure::Ignore,
                        1 => OnFailure::Restart(restart(rng)),
                        _ => OnFailure::Shutdown,
                    },
                    kill_grace: Duration::from_millis(rng.u64(0..6000)),
                }
            })
            .collect();
        let agents = rng.u32(1..=4);
        // In all from less than enough to three times as much.
        let share = wanted * rng.u32(9..=30) / 10 / agents;
        let has_roles = rng.u32(0..6) == 0;
        let agents = (0..agents).map(|_| {
            let tenths = share.max(3) + rng.u32(2..=10);
            machine(rng, tenths, has_roles)
        });
        let agents = agents.collect();
        let barrier = match rng.u32(0..6) {
            0 => Barrier::Connections,
            _ => Barrier::Tasks,
        };
        let strategy = if rng.bool() {
            Strategy::Pack
        } else {
            Strategy::Spread
        };
        let timing = Timing {
            subscribe: Duration::from_secs(rng.u64(5..60)),
            gang: Duration::from_secs(rng.u64(10..240)),
            hold: Duration::from_millis(rng.u64(500..15_000)),
            unreachable: Duration::from_secs(rng.u64(0..90)),
        };
        let job = Job {
            name: "sim".to_owned(),
            run: "r".to_owned(),
            groups,
            executor: cpus(1),
            strategy,
            barrier,
            timing,
        };
        Self { job, agents }
    }
}
