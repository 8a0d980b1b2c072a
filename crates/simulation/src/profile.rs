//! What goes wrong in a run, and how much of it: a profile says what may, a seed what does.

use std::time::Duration;

/// One kind of misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The stream of events to the scheduler breaks; each end notices in its own time.
    StreamCut,
    /// The master dies, and another takes over that knows nothing but which agents there were.
    MasterFailover,
    /// Master and agent do not reach each other for a while.
    Partition,
    /// The agent's process restarts; its executors live on.
    AgentRestart,
    /// The agent's machine dies with all executors, and may come back.
    AgentCrash,
    /// An operator removes an agent, or declares it gone.
    AgentRemoved,
    /// An executor's process dies.
    ExecutorDeath,
    /// An executor cannot be started.
    StartFailure,
    /// An executor's stream of events breaks.
    ExecutorStreamCut,
    /// An executor sends what no executor may.
    BadFrame,
    /// Calls of the scheduler fail, are lost, late, or their answers are.
    CallLoss,
    /// Framework messages are lost, doubled or late.
    FrameLoss,
    /// Direct connections break, or do not come about.
    DirectLoss,
    /// Status updates are lost, doubled or late between agent and master.
    UpdateLoss,
    /// Launches are lost between master and agent.
    LaunchLoss,
    /// The master takes offers back.
    Rescind,
    /// An operator removes the framework.
    FrameworkRemoved,
    /// A task's function fails.
    TaskFailure,
    /// The app scheduler kills tasks.
    AppKill,
    /// The app scheduler spawns tasks. No misfortune, but nothing is simpler without it.
    AppSpawn,
    /// Somebody has tasks restarted.
    Restart,
    /// The app scheduler fails, or does not return.
    AppFailure,
    /// Somebody stops the job.
    Stop,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::StreamCut,
        Self::MasterFailover,
        Self::Partition,
        Self::AgentRestart,
        Self::AgentCrash,
        Self::AgentRemoved,
        Self::ExecutorDeath,
        Self::StartFailure,
        Self::ExecutorStreamCut,
        Self::BadFrame,
        Self::CallLoss,
        Self::FrameLoss,
        Self::DirectLoss,
        Self::UpdateLoss,
        Self::LaunchLoss,
        Self::Rescind,
        Self::FrameworkRemoved,
        Self::TaskFailure,
        Self::AppKill,
        Self::AppFailure,
        Self::Stop,
        Self::AppSpawn,
        Self::Restart,
    ];

    /// Faults that happen at a moment, and not to a message.
    pub(crate) const OF_A_MOMENT: [Self; 11] = [
        Self::StreamCut,
        Self::MasterFailover,
        Self::Partition,
        Self::AgentRestart,
        Self::AgentCrash,
        Self::AgentRemoved,
        Self::ExecutorDeath,
        Self::ExecutorStreamCut,
        Self::BadFrame,
        Self::Rescind,
        Self::FrameworkRemoved,
    ];

    /// Which part of the runs in which it may happen it happens in. Those that end most jobs are
    /// seldom, or nothing else would be seen.
    fn share(self) -> f64 {
        match self {
            Self::AgentCrash | Self::AgentRemoved | Self::FrameworkRemoved => 0.1,
            Self::BadFrame | Self::StartFailure | Self::LaunchLoss | Self::Stop => 0.15,
            Self::ExecutorDeath | Self::TaskFailure | Self::AppFailure => 0.25,
            _ => 0.5,
        }
    }
}

/// How bad runs may become.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    name: &'static str,
    /// Of [`Fault::share`], at most 1.
    frequency: f64,
    /// The highest part of messages that something happens to.
    loss_max: f64,
    /// How long faults go on at most.
    storm_max: Duration,
    /// What never happens.
    without: Vec<Fault>,
}

impl Profile {
    /// The names of all profiles.
    pub const NAMES: [&'static str; 3] = ["calm", "usual", "rough"];

    /// The profile of this name: `calm`, in which nothing goes wrong, `usual` or `rough`.
    pub fn named(name: &str) -> Option<Self> {
        let (name, frequency, loss_max, storm_secs) = match name {
            "calm" => ("calm", 0.0, 0.0, 0),
            "usual" => ("usual", 0.5, 0.2, 240),
            "rough" => ("rough", 1.0, 0.4, 600),
            _ => return None,
        };
        Some(Self {
            name,
            frequency,
            loss_max,
            storm_max: Duration::from_secs(storm_secs),
            without: Vec::new(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The same, but that this never happens.
    #[must_use]
    pub fn without(&self, fault: Fault) -> Self {
        let mut less = self.clone();
        less.without.push(fault);
        less
    }

    /// What it leaves out.
    pub fn left_out(&self) -> &[Fault] {
        &self.without
    }

    /// What happens in one run.
    pub(crate) fn draw(&self, rng: &mut fastrand::Rng) -> Weather {
        // Everything is drawn whether it is left out or not, so that the rest stays as it is.
        let mut faults = Vec::new();
        for fault in Fault::ALL {
            // What is no misfortune happens in calm runs, too.
            let frequency = match fault {
                Fault::AppSpawn => 1.0,
                _ => self.frequency,
            };
            let happens = rng.f64() < fault.share() * frequency;
            if happens && !self.without.contains(&fault) {
                faults.push(fault);
            }
        }
        let storm = self.storm_max.mul_f64(rng.f64());
        let loss = self.loss_max * rng.f64();
        // Most networks are quick; some are so slow that calls and events cross each other.
        let slow = rng.f64() < 0.2;
        let latency_max = Duration::from_millis(if slow { rng.u64(100..2000) } else { 20 });
        Weather {
            faults,
            storm,
            loss,
            latency_max,
            each: rng.usize(1..=4),
        }
    }
}

/// What goes wrong in one run.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    faults: Vec<Fault>,
    /// How long it lasts.
    pub(crate) storm: Duration,
    /// The part of messages of a kind that something happens to.
    pub(crate) loss: f64,
    pub(crate) latency_max: Duration,
    /// How often each fault of a moment strikes.
    pub(crate) each: usize,
}

impl Weather {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}
