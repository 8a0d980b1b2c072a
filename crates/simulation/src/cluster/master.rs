//! The master: offers, launches, updates, reconciliation, and agents that come and go.
//!
//! Memory only: a failover forgets all but the list of agents (PROTOCOL §11.2).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{AgentId, ExecutorId, OfferId, TaskId};
use scheduler::{Call, Input, Reason, Source, StatusUpdate, TaskState, Uuid};

use super::agent::{Reported, ToAgent};
use crate::job::Machine;
use crate::net::{Event, Happening, LaunchOf, Net, Pipe};
use crate::profile::Fault;

mod agents;
mod calls;
mod offers;

/// The framework asks to be kept for so long without a stream. Longer than any outage here.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(300);

/// What a master hears from a scheduler.
#[derive(Debug)]
pub(crate) enum Wire {
    /// ACCEPT.
    Accept {
        offers: Vec<OfferId>,
        launch: LaunchOf,
        refuse: Duration,
    },
    /// Any other.
    Call(Call),
}

/// What a master hears from an agent.
#[derive(Debug, Clone)]
pub(crate) enum ToMaster {
    Register {
        id: AgentId,
        tasks: Vec<Reported>,
        executors: Vec<(ExecutorId, Resources)>,
    },
    Update(Status, TaskState),
    Exited {
        executor: ExecutorId,
        status: i32,
    },
}

/// A reliable update on its way.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) task: TaskId,
    pub(crate) state: TaskState,
    pub(crate) source: Source,
    pub(crate) reason: Option<Reason>,
    pub(crate) uuid: Uuid,
}

pub(crate) struct Master {
    /// None while there is no master. Counts failovers.
    life: Option<u64>,
    lives: u64,
    framework: Framework,
    stream: Option<u64>,
    streams: u64,
    is_suppressed: bool,
    filters: Vec<Filter>,
    offers: BTreeMap<OfferId, Offered>,
    offers_made: u64,
    tasks: BTreeMap<TaskId, Task>,
    executors: BTreeMap<ExecutorId, (usize, Resources)>,
    agents: Vec<Agent>,
    allocates: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framework {
    Unknown,
    Known,
    Removed,
}

struct Filter {
    agent: usize,
    resources: Resources,
    until: Instant,
}

struct Offered {
    agent: usize,
    resources: Resources,
}

struct Task {
    agent: usize,
    /// As last forwarded.
    state: TaskState,
    /// Nothing once it has ended.
    resources: Resources,
    is_killed: bool,
}

struct Agent {
    id: AgentId,
    machine: Machine,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has never registered.
    Unknown,
    /// A master before this one knew it.
    Recovered,
    Connected {
        link: u64,
    },
    Disconnected,
    Unreachable,
    /// It has left, or was declared gone.
    Gone {
        by_operator: bool,
    },
}

impl Master {
    pub(crate) fn new(agents: &[Machine]) -> Self {
        let agents = agents.iter().enumerate().map(|(index, machine)| Agent {
            id: AgentId::new(format!("a{index}")),
            machine: machine.clone(),
            standing: Standing::Unknown,
        });
        Self {
            life: Some(0),
            lives: 0,
            framework: Framework::Unknown,
            stream: None,
            streams: 0,
            is_suppressed: false,
            filters: Vec::new(),
            offers: BTreeMap::new(),
            offers_made: 0,
            tasks: BTreeMap::new(),
            executors: BTreeMap::new(),
            agents: agents.collect(),
            allocates: false,
        }
    }

    /// Whether the framework is gone for good.
    pub(crate) fn has_removed(&self) -> bool {
        self.framework == Framework::Removed
    }

    /// Whether the master hears this stream's client.
    pub(crate) fn has_stream(&self, stream: u64) -> bool {
        self.life.is_some() && self.stream == Some(stream)
    }

    pub(crate) fn stream(&self) -> Option<u64> {
        self.life.and(self.stream)
    }

    /// Whether the agent's link is up, as far as the master knows.
    pub(crate) fn reaches(&self, agent: usize, link: u64) -> bool {
        self.life.is_some() && self.agents[agent].standing == Standing::Connected { link }
    }

    /// The scheduler subscribes; answers whether somebody hears it.
    pub(crate) fn subscribe(&mut self, net: &mut Net) -> Option<u64> {
        self.life?;
        self.streams += 1;
        let stream = self.streams;
        if self.framework == Framework::Removed {
            net.along(
                Pipe::Stream(stream),
                Happening::Event {
                    stream,
                    event: Event::Refused,
                },
            );
            return Some(stream);
        }
        self.framework = Framework::Known;
        self.stream = Some(stream);
        self.offers.clear();
        self.filters.clear();
        self.is_suppressed = false;
        self.send(net, Event::Subscribed);
        for index in 0..self.agents.len() {
            self.send_to_agent(net, index, ToAgent::Resend);
        }
        self.allocate_soon(net, Duration::ZERO);
        Some(stream)
    }

    /// A stream has ended, and the master notices.
    pub(crate) fn lose_stream(&mut self, net: &mut Net, stream: u64) {
        if self.stream != Some(stream) {
            return;
        }
        net.note(|| format!("master: stream {stream} has ended"));
        self.stream = None;
        self.offers.clear();
        self.filters.clear();
        let streams = self.streams;
        net.later(FAILOVER_TIMEOUT, Happening::FailoverTimeout { streams });
    }

    /// Nobody has subscribed again.
    pub(crate) fn time_out(&mut self, net: &mut Net, streams: u64) {
        if self.stream.is_none() && self.streams == streams {
            self.remove_framework(net);
        }
    }

    /// The framework is torn down, by itself, an operator or for its silence.
    pub(crate) fn remove_framework(&mut self, net: &mut Net) {
        if self.framework != Framework::Known {
            return;
        }
        net.note(|| "master: framework removed".to_owned());
        self.framework = Framework::Removed;
        if let Some(stream) = self.stream.take() {
            let end = Happening::StreamEnds { stream };
            net.along(Pipe::Stream(stream), end);
        }
        self.offers.clear();
        self.tasks.clear();
        self.executors.clear();
        for index in 0..self.agents.len() {
            self.send_to_agent(net, index, ToAgent::ShutdownFramework);
        }
    }

    /// The master dies; answers whether there was one.
    pub(crate) fn die(&mut self, net: &mut Net) -> bool {
        if self.life.take().is_none() {
            return false;
        }
        if let Some(stream) = self.stream.take() {
            let after = net.some_time(Duration::from_secs(3));
            net.later(after, Happening::StreamEnds { stream });
        }
        self.offers.clear();
        self.filters.clear();
        self.tasks.clear();
        self.executors.clear();
        self.framework = match self.framework {
            // Which frameworks were removed is forgotten as well, but it is not their fault.
            Framework::Removed => Framework::Removed,
            Framework::Unknown | Framework::Known => Framework::Unknown,
        };
        for agent in &mut self.agents {
            agent.standing = match agent.standing {
                Standing::Connected { .. } | Standing::Disconnected => Standing::Recovered,
                other => other,
            };
        }
        true
    }

    /// There is a master again.
    pub(crate) fn rise(&mut self, net: &mut Net) {
        self.lives += 1;
        self.life = Some(self.lives);
        self.allocates = false;
        net.note(|| "master: another one leads".to_owned());
        // PROTOCOL §11.1: agent_reregister_timeout.
        let life = self.lives;
        net.later(
            Duration::from_secs(600),
            Happening::RegistrationsOver { life },
        );
    }

    /// Says something on the stream, if there is one.
    fn send(&mut self, net: &mut Net, event: Event) {
        if let Some(stream) = self.stream {
            net.along(Pipe::Stream(stream), Happening::Event { stream, event });
        }
    }

    fn send_to_agent(&mut self, net: &mut Net, agent: usize, message: ToAgent) {
        if let Standing::Connected { link } = self.agents[agent].standing {
            let lost = matches!(message, ToAgent::Run(_)) && net.befalls(Fault::LaunchLoss);
            if lost {
                net.note(|| format!("LOST on the way to a{agent}: {message:?}"));
                return;
            }
            net.along(
                Pipe::ToAgent(agent, link),
                Happening::ToAgent {
                    agent,
                    link,
                    message,
                },
            );
        }
    }

    /// An update that the master makes itself: it comes once and has no uuid (PROTOCOL §8.2).
    fn tell(
        &mut self,
        net: &mut Net,
        task: &TaskId,
        state: TaskState,
        agent: Option<AgentId>,
        reason: Reason,
    ) {
        let update = StatusUpdate {
            task: task.clone(),
            state,
            agent,
            source: Source::Master,
            reason: Some(reason),
            message: None,
            uuid: None,
        };
        self.send(net, Event::Input(Input::Update(update)));
    }
}
