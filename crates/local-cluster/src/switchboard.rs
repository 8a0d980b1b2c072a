//! Where masters and agents of a cluster meet: who leads, the links between the leader and each
//! agent, and what outlives a master.
//!
//! Of real masters the links are sockets, and what outlives them is a replicated log. Each leader
//! gets links of its own, so nothing that was on its way to the one before reaches it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::core::election::Verdict;
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
    /// It leads until this is dropped, or another leads.
    pub(crate) reign: Reign,
}

/// Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Switchboard {
    board: Arc<Mutex<Board>>,
    /// Which leader it is, counted up: 0 before the first.
    terms: watch::Sender<u64>,
    /// Those who want to lead without ZooKeeper, by the order in which they came, each with its
    /// `host:port`.
    candidates: watch::Sender<BTreeMap<u64, String>>,
    /// What ZooKeeper was last in trouble with.
    trouble: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct Board {
    agents: BTreeMap<AgentIndex, mpsc::UnboundedSender<MasterLink>>,
    leader: Option<Leader>,
    /// Where a master leads, or has led last.
    place: Option<SocketAddr>,
    registry: Registry,
    faults: Faults,
}

#[derive(Debug)]
struct Leader {
    term: u64,
    commands: mpsc::UnboundedSender<Command>,
    to_master: queue::Sender<(AgentIndex, ToMaster)>,
    to_agents: AgentLinks,
}

/// The time of one leader.
#[derive(Debug)]
pub(crate) struct Reign {
    term: u64,
    board: Arc<Mutex<Board>>,
}

impl Drop for Reign {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        if board.leader.as_ref().is_some_and(|it| it.term == self.term) {
            board.leader = None;
        }
    }
}

/// One of those who want to lead without ZooKeeper; dropped, it is none any more.
#[derive(Debug)]
pub(crate) struct Candidacy {
    number: u64,
    candidates: watch::Sender<BTreeMap<u64, String>>,
    changes: watch::Receiver<BTreeMap<u64, String>>,
}

impl Candidacy {
    /// What it is by now: who came first leads.
    pub(crate) fn verdict(&mut self) -> Verdict {
        let candidates = self.changes.borrow_and_update();
        match candidates.first_key_value() {
            Some((number, _)) if *number == self.number => Verdict::Leading,
            Some((_, place)) => Verdict::Following(place.clone()),
            None => Verdict::Leaderless,
        }
    }

    /// Waits until that may be something else.
    pub(crate) async fn changed(&mut self) {
        // The sender is here.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Candidacy {
    fn drop(&mut self) {
        self.candidates
            .send_modify(|candidates| drop(candidates.remove(&self.number)));
    }
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
            place: None,
            registry: Registry::default(),
            faults,
        };
        Self {
            board: Arc::new(Mutex::new(board)),
            terms: watch::Sender::new(0),
            candidates: watch::Sender::new(BTreeMap::new()),
            trouble: watch::Sender::new(None),
        }
    }

    /// Lets a master stand for election among those that do so here.
    pub(crate) fn stand(&self, place: String) -> Candidacy {
        let mut number = 0;
        self.candidates.send_modify(|candidates| {
            number = candidates.last_key_value().map_or(0, |(last, _)| last + 1);
            candidates.insert(number, place);
        });
        Candidacy {
            number,
            candidates: self.candidates.clone(),
            changes: self.candidates.subscribe(),
        }
    }

    /// Makes a master at this address the leader, and gives every agent a link to it.
    pub(crate) fn lead(
        &self,
        address: SocketAddr,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Leadership {
        let mut board = lock(&self.board);
        let (to_master, from_agents) = queue();
        let term = *self.terms.borrow() + 1;
        let leader = Leader {
            term,
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
        board.place = Some(address);
        let leadership = Leadership {
            from_agents,
            to_agents,
            registry: board.registry.clone(),
            faults: board.faults,
            reign: Reign {
                term,
                board: Arc::clone(&self.board),
            },
        };
        // Under the lock, so that two leaders have two terms.
        self.terms.send_replace(term);
        drop(board);
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

    /// Whether nobody has led yet.
    pub(crate) fn is_first_term(&self) -> bool {
        *self.terms.borrow() == 0
    }

    /// Where the master serves that leads.
    pub(crate) fn leader(&self) -> Option<SocketAddr> {
        let board = lock(&self.board);
        board.leader.as_ref().and(board.place)
    }

    /// Where the master serves that leads, or has led last.
    pub(crate) fn last_leader(&self) -> Option<SocketAddr> {
        lock(&self.board).place
    }

    /// Notes why ZooKeeper could not be asked.
    pub(crate) fn note_trouble(&self, detail: String) {
        self.trouble.send_replace(Some(detail));
    }

    /// Why ZooKeeper could not be asked when it was tried last and in vain.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
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
