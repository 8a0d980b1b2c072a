//! How one of several masters comes to lead: by a node in ZooKeeper, as masters of Mesos do it
//! (PROTOCOL §11.3).
//!
//! Each master makes a node of its own, which goes with its session. The one whose node has the
//! smallest number leads, the others follow it.
//!
//! ```text
//! Making path ---> Contending ---> Listing <--> Watching
//!      ^                              |  ^          ^
//!      |                              v  |          |
//!      +--------- its node is gone ---+  +--- Reading
//! ```
//!
//! - A connection that ends is made again, and the session goes on: it says nothing of who leads.
//! - When the session is over, so is the life of a leader: whatever it did since then could
//!   contradict the next one. A follower knows of no leader then, and contends again.
//! - The same is true when the node of a leader is gone, or another master leads all the same.

mod info;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::master::ZooKeeperUrl;
use mesos::v1::MasterInfo;
use mesos::zookeeper::JSON_NODE;
pub(crate) use mesos::zookeeper::session::Input;
use mesos::zookeeper::session::{MALFORMED, Output as Wanted, Rules, Session};
use mesos::zookeeper::wire::{self, Access, Message, NodeKind, Refusal, Request};

/// Between two rounds of attempts to reach ZooKeeper.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What is fixed for the life of a [`Candidate`].
#[derive(Debug, Clone)]
pub(crate) struct CandidateRules {
    pub(crate) url: ZooKeeperUrl,
    /// Which of its servers to try first.
    pub(crate) first: usize,
    /// The timeout of a session that is asked for.
    pub(crate) timeout: Duration,
    /// What the master says of itself in its node.
    pub(crate) info: MasterInfo,
}

/// What a [`Candidate`] wants, or has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Connect to `host:port`. No connection is open when this comes.
    Connect { server: String },
    /// Send over the connection.
    Send(Vec<u8>),
    /// Drop the connection.
    Close,
    /// What the master is from now on.
    Standing(Verdict),
    /// ZooKeeper could not be asked; what was known still counts.
    Troubled(String),
    /// It led, and does not any more: its process ends, for this reason. Nothing follows.
    Deposed(String),
}

/// What a master is among the masters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody is known to lead.
    Leaderless,
    /// Another one leads, at this `host:port`.
    Following(String),
    /// It leads.
    Leading,
}

/// The machine of the module's diagram.
///
/// Call [`handle`](Self::handle) with each input, then [`poll_output`](Self::poll_output) until it
/// answers `None`, then wait for the next input or for [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub(crate) struct Candidate {
    rules: CandidateRules,
    session: Session,
    /// The number of what was asked last; an answer to an older question is passed over.
    xid: i32,
    step: Step,
    /// The name of its node.
    node: Option<String>,
    standing: Verdict,
    is_deposed: bool,
    outputs: VecDeque<Output>,
}

/// What was asked last.
#[derive(Debug)]
enum Step {
    /// To make the path as far as this index.
    Making(usize),
    Contending,
    Listing,
    Reading {
        name: String,
    },
    Watching,
}

impl Candidate {
    /// A machine that waits for [`Input::Start`]; until it says otherwise nobody leads.
    pub(crate) fn new(rules: CandidateRules) -> Self {
        let session = Session::new(Rules {
            url: rules.url.clone(),
            first: rules.first,
            timeout: rules.timeout,
            is_kept: true,
        });
        Self {
            rules,
            session,
            xid: 0,
            step: Step::Watching,
            node: None,
            standing: Verdict::Leaderless,
            is_deposed: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        self.session.handle(now, input);
        self.follow_session(now);
    }

    /// Gives up at once, if ZooKeeper can be told: then others need not wait for the end of the
    /// session.
    pub(crate) fn withdraw(&mut self, now: Instant) {
        self.xid = self.session.ask(|xid| Request::Close { xid });
        self.step = Step::Watching;
        self.follow_session(now);
    }

    /// What is wanted next, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn follow_session(&mut self, now: Instant) {
        while let Some(wanted) = self.session.poll_output(now) {
            if self.is_deposed {
                return;
            }
            match wanted {
                Wanted::Connect { server } => self.outputs.push_back(Output::Connect { server }),
                Wanted::Send(frame) => self.outputs.push_back(Output::Send(frame)),
                Wanted::Close => self.outputs.push_back(Output::Close),
                Wanted::Began { is_new } => self.begin(is_new),
                Wanted::Message(message) => self.hear(now, message),
                Wanted::Lost { detail, round } => self.lost(now, detail, round),
                Wanted::Expired => self.expire(),
            }
        }
    }

    fn begin(&mut self, is_new: bool) {
        if is_new {
            self.node = None;
        }
        match self.node {
            // What was watched is not any more.
            Some(_) => self.ask(Step::Listing),
            None => self.ask(Step::Making(0)),
        }
    }

    fn lost(&mut self, now: Instant, detail: String, round: Option<u32>) {
        // It may have been made or not: whatever is there goes with its session.
        if matches!(self.step, Step::Contending) {
            self.session.forget();
        }
        self.step = Step::Watching;
        let retry_in = round.map_or(Duration::ZERO, |_| RETRY_AFTER);
        self.session.retry_at(now + retry_in);
        self.outputs.push_back(Output::Troubled(detail));
    }

    fn expire(&mut self) {
        self.node = None;
        match self.standing {
            Verdict::Leading => self.depose("its session with ZooKeeper is over".to_owned()),
            Verdict::Following(_) | Verdict::Leaderless => self.stand(Verdict::Leaderless),
        }
    }

    /// Asks the next question; answers to older ones do not count any more.
    fn ask(&mut self, step: Step) {
        let path = self.rules.url.path();
        let access = match self.rules.url.credentials() {
            Some(_) => Access::Creator,
            None => Access::Everybody,
        };
        self.xid = match &step {
            Step::Making(end) => {
                let end = path[end + 1..].find('/').map(|next| end + 1 + next);
                let path = &path[..end.unwrap_or(path.len())];
                self.session.ask(|xid| Request::Create {
                    xid,
                    path,
                    data: &[],
                    kind: NodeKind::Lasting,
                    access,
                })
            }
            Step::Contending => {
                let path = &format!("{path}/{JSON_NODE}");
                let data = info::write(&self.rules.info);
                self.session.ask(|xid| Request::Create {
                    xid,
                    path,
                    data: data.as_bytes(),
                    kind: NodeKind::Candidate,
                    access,
                })
            }
            Step::Listing => self.session.ask(|xid| Request::Children { xid, path }),
            Step::Reading { name } => {
                let path = &format!("{path}/{name}");
                self.session.ask(|xid| Request::Data { xid, path })
            }
            Step::Watching => self.xid,
        };
        self.step = step;
    }

    fn hear(&mut self, now: Instant, message: Message) {
        match message {
            Message::Changed => match self.step {
                // It is listed afterwards.
                Step::Making(_) | Step::Contending => {}
                Step::Listing | Step::Reading { .. } | Step::Watching => self.ask(Step::Listing),
            },
            Message::Answer { xid, result } if xid == self.xid => {
                if let Err(detail) = self.answered(result) {
                    self.session.leave(now, &detail);
                }
            }
            Message::Answer { .. } | Message::Heard => {}
        }
    }

    /// Goes on from the answer to the last question; the error says why the server is of no use.
    fn answered(&mut self, result: Result<Bytes, Refusal>) -> Result<(), String> {
        let step = std::mem::replace(&mut self.step, Step::Watching);
        match (step, result) {
            // Where we may not make a node, it may be there all the same.
            (Step::Making(end), Ok(_) | Err(Refusal::NodeExists | Refusal::NotAllowed)) => {
                let path = self.rules.url.path();
                match path[end + 1..].find('/') {
                    Some(next) => self.ask(Step::Making(end + 1 + next)),
                    None => self.ask(Step::Contending),
                }
            }
            (Step::Contending, Ok(body)) => {
                let path = wire::created(body).ok_or(MALFORMED)?;
                let name = path.rsplit('/').next().unwrap_or_default();
                self.node = Some(name.to_owned());
                self.session.settle();
                self.ask(Step::Listing);
            }
            (Step::Listing, Ok(body)) => {
                let children = wire::children(body).ok_or(MALFORMED)?;
                self.listed(&children);
            }
            (Step::Reading { name }, Ok(body)) => {
                let data = wire::data(body).ok_or(MALFORMED)?;
                self.read(&name, data);
            }
            // It went while we asked; the list is watched, but another may lead by now.
            (Step::Reading { .. }, Err(Refusal::NoNode)) => self.ask(Step::Listing),
            // Somebody has removed the path, and our node with it.
            (Step::Listing, Err(Refusal::NoNode)) => self.listed(&[]),
            (Step::Watching, _) => {}
            (_, Err(refusal)) => return Err(refusal.to_string()),
        }
        Ok(())
    }

    fn listed(&mut self, children: &[String]) {
        let is_there = self
            .node
            .as_ref()
            .is_some_and(|node| children.contains(node));
        match mesos::zookeeper::leader(children) {
            Some(leader) if is_there => {
                if self.node.as_deref() == Some(leader) {
                    self.stand(Verdict::Leading);
                } else {
                    let name = leader.to_owned();
                    self.ask(Step::Reading { name });
                }
            }
            _ if self.standing == Verdict::Leading => {
                self.depose("its node in ZooKeeper is gone".to_owned());
            }
            _ => {
                self.node = None;
                self.ask(Step::Making(0));
            }
        }
    }

    /// Another master leads, and this is in its node.
    fn read(&mut self, name: &str, data: Bytes) {
        let leader = info::read(name, data);
        if self.standing == Verdict::Leading {
            let place = leader.map_or_else(|error| error, |leader| leader.place);
            return self.depose(format!("another master leads: {place}"));
        }
        match leader {
            // A node of our own that is about to go, because its answer was lost.
            Ok(leader) if leader.id == self.rules.info.id => self.stand(Verdict::Leaderless),
            Ok(leader) => self.stand(Verdict::Following(leader.place)),
            Err(error) => {
                let detail = format!("`{name}` is no master: {error}");
                self.outputs.push_back(Output::Troubled(detail));
                self.stand(Verdict::Leaderless);
            }
        }
    }

    fn stand(&mut self, standing: Verdict) {
        if self.standing != standing {
            self.standing = standing.clone();
            self.outputs.push_back(Output::Standing(standing));
        }
    }

    fn depose(&mut self, reason: String) {
        self.is_deposed = true;
        self.outputs.push_back(Output::Deposed(reason));
    }
}

#[cfg(test)]
mod tests;
