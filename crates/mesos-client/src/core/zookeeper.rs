//! Finds the leading master in ZooKeeper and follows every change.
//!
//! It only reads and watches, and owns no node, so a session is worth nothing: each connection
//! begins a new one and reads everything again. A lost session, an expired one and a server that
//! goes away are one case, and none of them unsays who leads: that is only heard from a server.
//!
//! ```text
//! Listing ---> Reading ---> Watching      a change leads back to Listing
//!    |                         ^
//!    +---> Looking (no node) --+
//! ```
//!
//! Connections are [`session`](mesos::zookeeper::session)'s: each server is tried once before
//! anything is waited for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::master::ZooKeeperUrl;
pub(crate) use mesos::zookeeper::session::Input;
use mesos::zookeeper::session::{MALFORMED, Output as Wanted, Rules, SESSION_TIMEOUT, Session};
use mesos::zookeeper::wire::{self, Message, Refusal, Request};

use self::leader::Scheme;
use super::backoff::Backoff;
use super::endpoint::Endpoint;

pub(crate) mod leader;

/// What is fixed for the life of a [`Detector`].
#[derive(Debug, Clone)]
pub(crate) struct DetectorRules {
    pub(crate) url: ZooKeeperUrl,
    pub(crate) scheme: Scheme,
    /// Where masters answer.
    pub(crate) path: &'static str,
    /// The delays between rounds of attempts.
    pub(crate) backoff: Backoff,
}

/// What a [`Detector`] wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Connect to `host:port`. No connection is open when this comes.
    Connect { server: String },
    /// Send over the connection.
    Send(Vec<u8>),
    /// Drop the connection.
    Close,
    /// Report what is known of the leader.
    Found(Detection),
}

/// What is known of the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detection {
    /// It is there.
    Leader(Endpoint),
    /// There is none.
    Nobody {
        /// What there is instead.
        detail: String,
    },
    /// ZooKeeper could not be asked; what was known of the leader still counts.
    Unknown {
        /// What went wrong, with the server.
        detail: String,
        /// When the next attempt follows.
        retry_in: Duration,
    },
}

/// The machine of the module's diagram.
///
/// Call [`handle`](Self::handle) with each input, then [`poll_output`](Self::poll_output) until it
/// answers `None`, then wait for the next input or for [`poll_timeout`](Self::poll_timeout). An
/// input that does not fit the state is late news and has no effect.
#[derive(Debug)]
pub(crate) struct Detector {
    rules: DetectorRules,
    random: fastrand::Rng,
    session: Session,
    /// The number of what was asked last; an answer to an older question is passed over.
    xid: i32,
    step: Step,
    outputs: VecDeque<Output>,
}

/// What was asked last.
#[derive(Debug)]
enum Step {
    Listing,
    Looking,
    Reading { name: String },
    Watching,
}

impl Detector {
    /// A machine that waits for [`Input::Start`].
    pub(crate) fn new(rules: DetectorRules, mut random: fastrand::Rng) -> Self {
        let session = Session::new(Rules {
            url: rules.url.clone(),
            // Not all clients at the first server.
            first: random.usize(..rules.url.servers().len()),
            timeout: SESSION_TIMEOUT,
            is_kept: false,
        });
        Self {
            rules,
            random,
            session,
            xid: 0,
            step: Step::Watching,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        self.session.handle(now, input);
        while let Some(wanted) = self.session.poll_output(now) {
            match wanted {
                Wanted::Connect { server } => self.outputs.push_back(Output::Connect { server }),
                Wanted::Send(frame) => self.outputs.push_back(Output::Send(frame)),
                Wanted::Close => self.outputs.push_back(Output::Close),
                Wanted::Began { .. } => self.ask(Step::Listing),
                Wanted::Message(message) => self.hear(now, message),
                Wanted::Lost { detail, round } => self.lost(now, detail, round),
                // None is kept.
                Wanted::Expired => {}
            }
        }
    }

    /// What is wanted next, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// Asks the next question; answers to older ones do not count any more.
    fn ask(&mut self, step: Step) {
        let path = self.rules.url.path();
        self.xid = match &step {
            Step::Listing => self.session.ask(|xid| Request::Children { xid, path }),
            Step::Looking => self.session.ask(|xid| Request::Exists { xid, path }),
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
            Message::Changed => self.ask(Step::Listing),
            Message::Answer { xid, result } if xid == self.xid => {
                if let Err(detail) = self.answered(result) {
                    self.session.leave(now, &detail);
                }
            }
            Message::Answer { .. } | Message::Heard => {}
        }
    }

    /// Goes to the next server: at once while there are some that were not tried in this round,
    /// else after the backoff.
    fn lost(&mut self, now: Instant, detail: String, round: Option<u32>) {
        let retry_in = round.map(|round| self.rules.backoff.delay(round, &mut self.random));
        let retry_in = retry_in.unwrap_or_default();
        self.session.retry_at(now + retry_in);
        self.outputs
            .push_back(Output::Found(Detection::Unknown { detail, retry_in }));
    }

    /// Goes on from the answer to the last question; the error says why the server is of no use.
    fn answered(&mut self, result: Result<Bytes, Refusal>) -> Result<(), String> {
        let step = std::mem::replace(&mut self.step, Step::Watching);
        match (step, result) {
            (Step::Listing, Ok(body)) => {
                let children = wire::children(body).ok_or(MALFORMED)?;
                self.session.settle();
                match mesos::zookeeper::leader(&children) {
                    Some(name) => {
                        let name = name.to_owned();
                        self.ask(Step::Reading { name });
                    }
                    None => self.nobody("no master has registered there"),
                }
            }
            // Nobody has ever been there; the same question with another word is watched.
            (Step::Listing, Err(Refusal::NoNode)) => self.ask(Step::Looking),
            (Step::Looking, Ok(_)) => self.ask(Step::Listing),
            (Step::Looking, Err(Refusal::NoNode)) => {
                self.session.settle();
                self.nobody("there is no such path");
            }
            (Step::Reading { name }, Ok(body)) => {
                let data = wire::data(body).ok_or(MALFORMED)?;
                let (scheme, path) = (self.rules.scheme, self.rules.path);
                match leader::endpoint(&name, &data, scheme, path) {
                    Ok(endpoint) => {
                        let found = Detection::Leader(endpoint);
                        self.outputs.push_back(Output::Found(found));
                    }
                    Err(error) => self.nobody(&format!("`{name}` is no master: {error}")),
                }
            }
            // It went while we asked; the list is watched, but another may lead by now.
            (Step::Reading { .. }, Err(Refusal::NoNode)) => self.ask(Step::Listing),
            (Step::Watching, _) => {}
            (_, Err(refusal)) => return Err(refusal.to_string()),
        }
        Ok(())
    }

    fn nobody(&mut self, detail: &str) {
        let detail = detail.to_owned();
        let found = Detection::Nobody { detail };
        self.outputs.push_back(Output::Found(found));
    }
}

#[cfg(test)]
mod tests;
