//! The jobs that are tried, and the agents for them.

use std::time::Duration;

use mesos::resources::Resources;
use scheduler::{Barrier, Group, Job, OnFailure, Restart, Strategy, Timing};

/// A job and what there is to run it on.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) job: Job,
    /// The resources of each agent.
    pub(crate) agents: Vec<Resources>,
}

/// Tenths of a cpu.
fn cpus(tenths: u32) -> Resources {
    let text = format!("cpus:{}.{}", tenths / 10, tenths % 10);
    Resources::parse(&text).expect("it is well formed")
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
                    resources: cpus(tenths),
                    constraints: Vec::new(),
                    colocate: false,
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
        let agents = (0..agents).map(|_| cpus(share.max(3) + rng.u32(2..=10)));
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
