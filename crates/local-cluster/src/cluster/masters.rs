//! The masters of a cluster: who leads, and what can be done to them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use super::{LocalCluster, StartError};
use crate::election::Election;
use crate::http::master::Standing;
use crate::master::MasterConfig;
use crate::member::{MASTER_DOWN, Member};
use crate::switchboard::Switchboard;

/// The masters, each at an address of its own.
#[derive(Debug)]
pub(super) struct Masters {
    members: Vec<Member>,
    election: Election,
}

/// What an election may take beside the sessions of those who have died: connections to ZooKeeper,
/// on a busy machine.
const ELECTION_TIME_MAX: Duration = Duration::from_secs(10);

impl Masters {
    /// Starts so many masters; the first leads. With a port they get that and those that follow it,
    /// otherwise free ones.
    pub(super) async fn start(
        config: MasterConfig,
        count: usize,
        port: Option<u16>,
        switchboard: &Switchboard,
    ) -> Result<Self, StartError> {
        let mut masters = Self {
            members: Vec::new(),
            election: config.election.clone(),
        };
        for index in 0..count.max(1) {
            let config = MasterConfig {
                seed: config.seed.wrapping_add(index as u64),
                ..config.clone()
            };
            let port = nth_port(port, index)?;
            if let Err(error) = masters.add(config, port, switchboard).await {
                masters.stop().await;
                return Err(error);
            }
        }
        Ok(masters)
    }

    /// Starts one more, and waits until it knows who leads.
    async fn add(
        &mut self,
        config: MasterConfig,
        port: u16,
        switchboard: &Switchboard,
    ) -> Result<(), StartError> {
        let index = self.members.len();
        let failed = |source| StartError::Master {
            index,
            port,
            source,
        };
        let mut terms = switchboard.terms();
        let mut member = Member::new(config, port).map_err(failed)?;
        member.start(switchboard).map_err(failed)?;
        self.members.push(member);
        if index == 0 {
            self.elected(switchboard, &mut terms).await?;
        }
        self.settled(index, switchboard).await
    }

    /// Stops all, and ends their sessions with ZooKeeper.
    pub(super) async fn stop(mut self) {
        // The leader last, so that nobody comes to lead for a moment.
        for member in self.members.iter_mut().rev() {
            member.stop().await;
        }
    }

    fn index_of(&self, address: SocketAddr) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.address() == address)
    }

    /// Waits until another master leads than when `terms` was looked at.
    async fn elected(
        &self,
        switchboard: &Switchboard,
        terms: &mut watch::Receiver<u64>,
    ) -> Result<(), StartError> {
        let changed = tokio::time::timeout(self.patience(), terms.changed());
        match changed.await {
            // The sender of terms is in the switchboard, which is here.
            Ok(_) => Ok(()),
            Err(_) => Err(self.not_elected(switchboard)),
        }
    }

    /// Waits until a master knows who leads.
    async fn settled(&self, index: usize, switchboard: &Switchboard) -> Result<(), StartError> {
        let Some(mut standing) = self.members.get(index).and_then(Member::standing) else {
            return Ok(());
        };
        let is_settled = |standing: &Standing| {
            matches!(standing, Standing::Following(_) | Standing::Leading { .. })
        };
        match tokio::time::timeout(self.patience(), standing.wait_for(is_settled)).await {
            // A master whose life is over has been stopped.
            Ok(_) => Ok(()),
            Err(_) => Err(self.not_elected(switchboard)),
        }
    }

    fn patience(&self) -> Duration {
        match &self.election {
            Election::InProcess => ELECTION_TIME_MAX,
            // That of the leader before, and that which it got to know late.
            Election::ZooKeeper {
                session_timeout, ..
            } => ELECTION_TIME_MAX.saturating_add(session_timeout.saturating_mul(2)),
        }
    }

    fn not_elected(&self, switchboard: &Switchboard) -> StartError {
        let place = match &self.election {
            Election::InProcess => "this process".to_owned(),
            Election::ZooKeeper { url, .. } => format!("`{url}`"),
        };
        let standings = self.members.iter().filter_map(Member::standing);
        let foreign = standings
            .filter_map(|standing| match &*standing.borrow() {
                Standing::Following(place) => Some(place.clone()),
                _ => None,
            })
            .next();
        let detail = match (foreign, switchboard.trouble()) {
            (Some(leader), _) => {
                format!("a master of somebody else leads there, at {leader}; take another path")
            }
            (None, Some(trouble)) => trouble,
            (None, None) => "nothing happens there".to_owned(),
        };
        StartError::Election { place, detail }
    }
}

/// The port of the master with this index, where the first has this one; 0 is any.
fn nth_port(first: Option<u16>, index: usize) -> Result<u16, StartError> {
    let Some(first) = first else {
        return Ok(0);
    };
    let port = usize::from(first).checked_add(index);
    let port = port.and_then(|port| u16::try_from(port).ok());
    port.ok_or(StartError::NoPort { index })
}

impl LocalCluster {
    /// Where the master serves that leads, or has led last.
    pub fn master_address(&self) -> SocketAddr {
        let leader = self.switchboard.last_leader();
        leader.unwrap_or_else(|| self.masters.members[0].address())
    }

    /// Where the masters serve, whoever leads, in the order of their indices; those that are
    /// stopped as well.
    pub fn master_addresses(&self) -> Vec<SocketAddr> {
        self.masters.members.iter().map(Member::address).collect()
    }

    /// Which master leads, as the index in [`master_addresses`](Self::master_addresses).
    pub fn leading_master(&self) -> Option<usize> {
        let leader = self.switchboard.leader()?;
        self.masters.index_of(leader)
    }

    /// Waits until a master leads; at once when one does.
    pub async fn wait_for_leader(&self) {
        let mut terms = self.switchboard.terms();
        while self.switchboard.leader().is_none() {
            // The sender of terms is in the switchboard, which is here.
            let _ = terms.changed().await;
        }
    }

    /// Kills a master as SIGKILL does. Without ZooKeeper another leads in the same moment, if there
    /// is one. With it the others go on to send clients to the dead one until its session is over
    /// (PROTOCOL §11.3). One that does not run is no fault.
    pub async fn kill_master(&mut self, index: usize) {
        if let Some(member) = self.masters.members.get_mut(index) {
            member.kill().await;
        }
    }

    /// Starts a master at the address of one that was killed: a follower, while another leads. One
    /// that runs is left as it is.
    ///
    /// # Errors
    /// When its address is taken by another program.
    pub async fn start_master(&mut self, index: usize) -> Result<(), StartError> {
        let Some(member) = self.masters.members.get_mut(index) else {
            return Ok(());
        };
        let port = member.address().port();
        member
            .start(&self.switchboard)
            .map_err(|source| StartError::Master {
                index,
                port,
                source,
            })
    }

    /// Kills the master that leads and starts it again at the same address, after a moment in which
    /// nobody serves there. Another leads then, or the same if there is no other, and has forgotten
    /// everything but which agents there are (PROTOCOL §11.2): frameworks have to subscribe again,
    /// under their ids, and agents register within a second with all that runs on them. When this
    /// returns a master leads; with ZooKeeper that takes as long as the session of the old one
    /// lives.
    ///
    /// Agents of a real master without ZooKeeper look for it again only after 75 s; these know at
    /// once that there is a new one, as with ZooKeeper.
    ///
    /// # Errors
    /// When the address is taken by another program, or nobody comes to lead.
    pub async fn fail_over_master(&mut self) -> Result<(), StartError> {
        let mut terms = self.switchboard.terms();
        terms.mark_unchanged();
        self.restart_leader().await?;
        self.masters.elected(&self.switchboard, &mut terms).await
    }

    /// Kills the master that leads, or the first one, and starts it again.
    pub(super) async fn restart_leader(&mut self) -> Result<(), StartError> {
        let index = self.leading_master().unwrap_or_default();
        self.kill_master(index).await;
        tokio::time::sleep(MASTER_DOWN).await;
        self.start_master(index).await
    }
}
