//! Where masters and agents of a cluster meet: who leads, the links between the leader and each
//! agent, and what outlives a master.
//!
//! Of real masters the links are sockets, and what outlives them is a replicated log. Each leader
//! gets links of its own, so nothing that was on its way to the one before reaches it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::core::faults::Faults;
use crate::core::master::{Registry, RegistryChange};
use crate::core::wire::{AgentIndex, ToAgent, ToMaster};
use crate::master::{Command, Departure};
use crate::queue::{self, queue};

/// One agent's link to one leader.
#[derive(Debug)]
pub(crate) struct MasterLink {
    pub(crate) to_master: queue::Sender<(AgentIndex, ToMaster)>,
    pub(crate) from_master: queue::Receiver<ToAgent>,
}

/// One leader's links to all agents, those that start later as well.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentLinks(Arc<Mutex<BTreeMap<AgentIndex, queue::Sender<ToAgent>>>>);

impl AgentLinks {
    /// Sends a message; to an agent that was never there it is lost.
    pub(crate) fn send(&self, agent: AgentIndex, message: ToAgent) {
        if let Some(link) = lock(&self.0).get(&agent) {
            link.send(message);
        }
    }

    /// Makes the link of one agent anew, its end of it.
    fn connect(&self, agent: AgentIndex) -> queue::Receiver<ToAgent> {
        let (to_agent, from_master) = queue();
        lock(&self.0).insert(agent, to_agent);
        from_master
    }
}

/// What a master gets when it begins to lead.
#[derive(Debug)]
pub(crate) struct Leadership {
    pub(crate) from_agents: queue::Receiver<(AgentIndex, ToMaster)>,
    pub(crate) to_agents: AgentLinks,
    /// What the leaders before it have noted.
    pub(crate) registry: Registry,
    /// What goes wrong by now.
    pub(crate) faults: Faults,
}

/// Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Switchboard {
    board: Arc<Mutex<Board>>,
    /// Which leader it is, counted up: 0 before the first.
    terms: watch::Sender<u64>,
}

#[derive(Debug)]
struct Board {
    agents: BTreeMap<AgentIndex, mpsc::UnboundedSender<MasterLink>>,
    leader: Option<Leader>,
    registry: Registry,
    faults: Faults,
}

#[derive(Debug)]
struct Leader {
    commands: mpsc::UnboundedSender<Command>,
    to_master: queue::Sender<(AgentIndex, ToMaster)>,
    to_agents: AgentLinks,
}

impl Leader {
    fn link(&self, agent: AgentIndex) -> MasterLink {
        MasterLink {
            to_master: self.to_master.clone(),
            from_master: self.to_agents.connect(agent),
        }
    }
}

impl Switchboard {
    /// Without agents and without a leader.
    pub(crate) fn new(faults: Faults) -> Self {
        let board = Board {
            agents: BTreeMap::new(),
            leader: None,
            registry: Registry::default(),
            faults,
        };
        Self {
            board: Arc::new(Mutex::new(board)),
            terms: watch::Sender::new(0),
        }
    }

    /// Makes a master the leader, and gives every agent a link to it.
    pub(crate) fn lead(&self, commands: mpsc::UnboundedSender<Command>) -> Leadership {
        let mut board = lock(&self.board);
        let (to_master, from_agents) = queue();
        let leader = Leader {
            commands,
            to_master,
            to_agents: AgentLinks::default(),
        };
        // An agent that has ended needs none.
        board
            .agents
            .retain(|agent, links| links.send(leader.link(*agent)).is_ok());
        let to_agents = leader.to_agents.clone();
        board.leader = Some(leader);
        let leadership = Leadership {
            from_agents,
            to_agents,
            registry: board.registry.clone(),
            faults: board.faults,
        };
        drop(board);
        self.terms.send_modify(|term| *term += 1);
        leadership
    }

    /// Where an agent gets its links from: to the master that leads, and to each that leads later.
    pub(crate) fn follow(&self, agent: AgentIndex) -> mpsc::UnboundedReceiver<MasterLink> {
        let (links, agent_links) = mpsc::unbounded_channel();
        let mut board = lock(&self.board);
        if let Some(leader) = &board.leader {
            // The other end is still here.
            let _ = links.send(leader.link(agent));
        }
        board.agents.insert(agent, links);
        agent_links
    }

    /// Notes what is to outlive the master that says so.
    pub(crate) fn note(&self, change: RegistryChange) {
        lock(&self.board).registry.apply(change);
    }

    /// Which leader this is, to wait for the next: the first is 1.
    pub(crate) fn terms(&self) -> watch::Receiver<u64> {
        self.terms.subscribe()
    }

    /// Lets this go wrong from now on, whoever leads.
    pub(crate) fn set_faults(&self, faults: Faults) {
        lock(&self.board).faults = faults;
        self.tell(Command::SetFaults(faults));
    }

    /// Tells the leader that an agent is gone. Returns when it has acted on that: what the agent says
    /// from then on comes from one that is back.
    pub(crate) async fn lose_agent(&self, departure: Departure) {
        let (reply, done) = oneshot::channel();
        self.tell(Command::Lose(departure, reply));
        // A leader that has ended hears nothing.
        let _ = done.await;
    }

    /// Tells the leader something; one that has ended hears nothing.
    pub(crate) fn tell(&self, command: Command) {
        if let Some(leader) = &lock(&self.board).leader {
            let _ = leader.commands.send(command);
        }
    }
}

/// Nothing can panic while the lock is held, and if it did, the links would still be whole.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
