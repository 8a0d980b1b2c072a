//! Finds the leading master in ZooKeeper and follows every change.
//!
//! It only reads and watches, and owns no node, so a session is worth nothing: each connection
//! begins a new one and reads everything again. A lost session, an expired one and a server that
//! goes away are one case, and none of them unsays who leads: that is only heard from a server.
//!
//! ```text
//!          +---------------------------- failed -----------+
//!          v                                               |
//! Idle -> Waiting{until} -> Connecting{due} -> Greeting{due} -> Live
//!
//! Live:   Listing ---> Reading ---> Watching      a change leads back to Listing
//!            |                         ^
//!            +---> Looking (no node) --+
//! ```
//!
//! - Waiting to Connecting: the time has come; each server is tried once before anything is
//!   waited for.
//! - Greeting to Live: the server has begun a session; credentials follow, then the first list.
//! - Live to Waiting: the connection broke, fell silent, or said what makes no sense, or the
//!   server refuses to show us the masters.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::master::ZooKeeperUrl;

use self::leader::Scheme;
use self::wire::{Frames, Message, Refusal, Request};
use super::backoff::Backoff;
use super::endpoint::Endpoint;

pub(crate) mod leader;
mod wire;

/// The timeout of a session that is asked for: that of Mesos (PROTOCOL §11.3). The server may
/// give another, within its bounds.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// For how long a connection may take until the server's greeting. A server that is not yet part
/// of a quorum takes connections and does not greet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

/// What a [`Detector`] is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Begin.
    Start,
    /// The connection stands.
    Connected,
    /// So much has come over it.
    Received(Bytes),
    /// It could not be made, or has ended; the shell has dropped it.
    Failed(String),
    /// [`Detector::poll_timeout`] has passed.
    Timeout,
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
    state: State,
    /// Index of the server to try next.
    next: usize,
    failures: usize,
    rounds: u32,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    Waiting { until: Instant },
    Connecting { due: Instant },
    Greeting { due: Instant, frames: Frames },
    Live(Session),
}

#[derive(Debug)]
struct Session {
    frames: Frames,
    timeout: Duration,
    ping_at: Instant,
    silent_at: Instant,
    xid: i32,
    step: Step,
}

/// What was asked last; an answer to an older question is passed over.
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
        // Not all clients at the first server.
        let next = random.usize(..rules.url.servers().len());
        Self {
            rules,
            random,
            state: State::Idle,
            next,
            failures: 0,
            rounds: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        self.state = match (std::mem::replace(&mut self.state, State::Idle), input) {
            (State::Idle, Input::Start) => self.connect(now),
            (State::Waiting { until }, Input::Timeout) if now >= until => self.connect(now),
            (State::Connecting { due }, Input::Connected) => {
                let timeout_ms = SESSION_TIMEOUT.as_millis() as i32;
                self.send(&Request::Hello { timeout_ms });
                let frames = Frames::default();
                State::Greeting { due, frames }
            }
            (State::Connecting { due } | State::Greeting { due, .. }, Input::Timeout)
                if now >= due =>
            {
                self.leave(now, "no answer in time")
            }
            (State::Greeting { due, mut frames }, Input::Received(bytes)) => {
                frames.push(&bytes);
                match frames.next() {
                    Ok(None) => State::Greeting { due, frames },
                    Ok(Some(frame)) => match wire::greeting(frame) {
                        Some(timeout_ms) => self.begin(now, frames, timeout_ms),
                        None => self.leave(now, "its greeting is not one of ZooKeeper"),
                    },
                    Err(_) => self.leave(now, "its greeting is not one of ZooKeeper"),
                }
            }
            (State::Live(session), Input::Received(bytes)) => self.read(now, session, &bytes),
            (State::Live(session), Input::Timeout) => self.tick(now, session),
            (
                State::Connecting { .. } | State::Greeting { .. } | State::Live(_),
                Input::Failed(detail),
            ) => self.fail(now, &detail),
            (state, _) => state,
        };
    }

    /// What is wanted next, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Timeout`] if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Waiting { until } => Some(*until),
            State::Connecting { due } | State::Greeting { due, .. } => Some(*due),
            State::Live(session) => Some(session.ping_at.min(session.silent_at)),
        }
    }

    fn server(&self) -> &str {
        &self.rules.url.servers()[self.next]
    }

    fn connect(&mut self, now: Instant) -> State {
        let server = self.server().to_owned();
        self.outputs.push_back(Output::Connect { server });
        let due = now + CONNECT_TIMEOUT;
        State::Connecting { due }
    }

    fn send(&mut self, request: &Request<'_>) {
        self.outputs.push_back(Output::Send(request.frame()));
    }

    fn begin(&mut self, now: Instant, frames: Frames, timeout_ms: u32) -> State {
        let timeout = Duration::from_millis(timeout_ms.into());
        if let Some(credentials) = self.rules.url.credentials() {
            let frame = Request::Auth { credentials }.frame();
            self.outputs.push_back(Output::Send(frame));
        }
        let mut session = Session {
            frames,
            timeout,
            ping_at: now + timeout / 3,
            silent_at: now + timeout * 2 / 3,
            xid: 0,
            step: Step::Watching,
        };
        self.ask(&mut session, Step::Listing);
        self.read(now, session, &[])
    }

    /// Asks the next question; answers to older ones do not count any more.
    fn ask(&mut self, session: &mut Session, step: Step) {
        // Numbers are reused after two thousand million questions, which nobody asks.
        session.xid = session.xid.checked_add(1).unwrap_or(1);
        let (xid, path) = (session.xid, self.rules.url.path());
        let node;
        let request = match &step {
            Step::Listing => Some(Request::Children { xid, path }),
            Step::Looking => Some(Request::Exists { xid, path }),
            Step::Reading { name } => {
                node = format!("{path}/{name}");
                Some(Request::Data { xid, path: &node })
            }
            Step::Watching => None,
        };
        let frame = request.map(|request| request.frame());
        self.outputs.extend(frame.map(Output::Send));
        session.step = step;
    }

    fn tick(&mut self, now: Instant, mut session: Session) -> State {
        if now >= session.silent_at {
            return self.leave(now, "nothing was heard in time");
        }
        if now >= session.ping_at {
            self.send(&Request::Ping);
            session.ping_at = now + session.timeout / 3;
        }
        State::Live(session)
    }

    fn read(&mut self, now: Instant, mut session: Session, bytes: &[u8]) -> State {
        session.frames.push(bytes);
        loop {
            let frame = match session.frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return State::Live(session),
                Err(length) => {
                    let detail =
                        format!("it announces {length} bytes, which no list of masters has");
                    return self.leave(now, &detail);
                }
            };
            session.silent_at = now + session.timeout * 2 / 3;
            let taken = match wire::message(frame) {
                Some(Message::Changed) => {
                    self.ask(&mut session, Step::Listing);
                    Ok(())
                }
                Some(Message::Answer { xid, result }) if xid == session.xid => {
                    self.answered(&mut session, result)
                }
                // Credentials are not numbered, but their refusal is final for the session.
                Some(Message::Answer {
                    result: Err(refusal @ Refusal::NotAuthenticated),
                    ..
                }) => Err(refused(refusal)),
                Some(Message::Answer { .. } | Message::Heard) => Ok(()),
                None => Err(MALFORMED.to_owned()),
            };
            if let Err(detail) = taken {
                return self.leave(now, &detail);
            }
        }
    }

    /// Goes on from the answer to the last question; the error says why the server is of no use.
    fn answered(
        &mut self,
        session: &mut Session,
        result: Result<Bytes, Refusal>,
    ) -> Result<(), String> {
        let step = std::mem::replace(&mut session.step, Step::Watching);
        match (step, result) {
            (Step::Listing, Ok(body)) => {
                let children = wire::children(body).ok_or(MALFORMED)?;
                self.failures = 0;
                self.rounds = 0;
                match leader::leader(&children) {
                    Some(name) => {
                        let name = name.to_owned();
                        self.ask(session, Step::Reading { name });
                    }
                    None => self.nobody("no master has registered there"),
                }
            }
            // Nobody has ever been there; the same question with another word is watched.
            (Step::Listing, Err(Refusal::NoNode)) => self.ask(session, Step::Looking),
            (Step::Looking, Ok(_)) => self.ask(session, Step::Listing),
            (Step::Looking, Err(Refusal::NoNode)) => {
                self.failures = 0;
                self.rounds = 0;
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
            (Step::Reading { .. }, Err(Refusal::NoNode)) => self.ask(session, Step::Listing),
            (Step::Watching, _) => {}
            (_, Err(refusal)) => return Err(refused(refusal)),
        }
        Ok(())
    }

    fn nobody(&mut self, detail: &str) {
        let detail = detail.to_owned();
        let found = Detection::Nobody { detail };
        self.outputs.push_back(Output::Found(found));
    }

    /// Drops a connection that stands.
    fn leave(&mut self, now: Instant, detail: &str) -> State {
        self.outputs.push_back(Output::Close);
        self.fail(now, detail)
    }

    /// Goes to the next server: at once while there are some that were not tried in this round,
    /// else after the backoff.
    fn fail(&mut self, now: Instant, detail: &str) -> State {
        let detail = format!("`{}`: {detail}", self.server());
        let servers = self.rules.url.servers().len();
        self.next = (self.next + 1) % servers;
        self.failures += 1;
        let mut until = now;
        if self.failures.is_multiple_of(servers) {
            until += self.rules.backoff.delay(self.rounds, &mut self.random);
            self.rounds = self.rounds.saturating_add(1);
        }
        let retry_in = until - now;
        self.outputs
            .push_back(Output::Found(Detection::Unknown { detail, retry_in }));
        State::Waiting { until }
    }
}

const MALFORMED: &str = "what it says is not the protocol of ZooKeeper";

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotAllowed => {
            "it does not let us read the path; give `user:password@` behind `zk://`".to_owned()
        }
        Refusal::NotAuthenticated => "it does not take the credentials of the URL".to_owned(),
        Refusal::NoNode => "the node is gone".to_owned(),
        Refusal::Other(code) => format!("it refuses with code {code}"),
    }
}

#[cfg(test)]
mod tests;
