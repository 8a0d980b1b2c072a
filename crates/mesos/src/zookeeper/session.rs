//! One client's connections to ZooKeeper, and its session where that outlives them.
//!
//! It knows how to reach a server and when one is of no use. What is asked there, and what follows
//! from the answers, is its owner's.
//!
//! ```text
//!          +--------- retry_at ---- Lost <------- failed ------+
//!          v                                                   |
//! Idle -> Waiting{until} -> Connecting{due} -> Greeting{due} -> Live
//! ```
//!
//! - Waiting to Connecting: the time has come.
//! - Greeting to Live: the server has begun a session, or goes on with the one before.
//! - Live to Lost: the connection broke, fell silent, or said what makes no sense, or the owner
//!   leaves it.
//!
//! A session that is kept ends when there was no connection for as long as its timeout: the server
//! may have forgotten it by then, and whoever depends on it has to think so (PROTOCOL §11.3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::wire::{self, Frames, Greeting, Message, Refusal, Request, Ticket};
use crate::master::ZooKeeperUrl;

/// The timeout of a session that Mesos asks for (PROTOCOL §11.3). The server may give another,
/// within its bounds.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// For how long a connection may take until the server's greeting. A server that is not yet part
/// of a quorum takes connections and does not greet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is fixed for the life of a [`Session`].
#[derive(Debug, Clone)]
pub struct Rules {
    /// Where the servers are, and what they are shown.
    pub url: ZooKeeperUrl,
    /// Which server to try first, by its index; counted round if there are fewer.
    pub first: usize,
    /// The timeout that is asked for.
    pub timeout: Duration,
    /// Whether the session is worth keeping when a connection ends. Who owns no node needs none.
    pub is_kept: bool,
}

/// What a [`Session`] is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Begin.
    Start,
    /// The connection stands.
    Connected,
    /// So much has come over it.
    Received(Bytes),
    /// It could not be made, or has ended; the shell has dropped it.
    Failed(String),
    /// [`Session::poll_timeout`] has passed.
    Timeout,
}

/// What a [`Session`] wants done by the shell, or has to tell its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Connect to `host:port`. No connection is open when this comes.
    Connect {
        /// The server.
        server: String,
    },
    /// Send over the connection.
    Send(Vec<u8>),
    /// Drop the connection.
    Close,
    /// For the owner: the session stands, and nothing that was asked before is answered. If it is
    /// the one before, what was made in it is still there, and what was watched is not any more.
    Began {
        /// Whether it is another than before.
        is_new: bool,
    },
    /// For the owner: an answer, or news.
    Message(Message),
    /// For the owner: there is no connection. Nothing happens before [`Session::retry_at`].
    Lost {
        /// What went wrong, with the server.
        detail: String,
        /// How many rounds came before, when each server has been tried in this one.
        round: Option<u32>,
    },
    /// For the owner: the session that was kept is over, and what was made in it goes.
    Expired,
}

/// The machine of the module's diagram.
///
/// Call [`handle`](Self::handle) with each input, then [`poll_output`](Self::poll_output) until it
/// answers `None`, then wait for the next input or for [`poll_timeout`](Self::poll_timeout). An
/// input that does not fit the state is late news and has no effect.
#[derive(Debug)]
pub struct Session {
    rules: Rules,
    state: State,
    /// Index of the server to try next.
    next: usize,
    failures: usize,
    rounds: u32,
    xid: i32,
    kept: Option<Kept>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    Lost,
    Waiting { until: Instant },
    Connecting { due: Instant },
    Greeting { due: Instant, frames: Frames },
    Live(Live),
}

#[derive(Debug)]
struct Live {
    frames: Frames,
    timeout: Duration,
    ping_at: Instant,
    silent_at: Instant,
}

/// A session that can be gone on with.
#[derive(Debug)]
struct Kept {
    ticket: Ticket,
    timeout: Duration,
    /// When it is over; not before a connection is lost.
    expires: Option<Instant>,
}

impl Session {
    /// A machine that waits for [`Input::Start`].
    pub fn new(rules: Rules) -> Self {
        let next = rules.first % rules.url.servers().len();
        Self {
            rules,
            state: State::Idle,
            next,
            failures: 0,
            rounds: 0,
            xid: 0,
            kept: None,
            outputs: VecDeque::new(),
        }
    }

    /// Where the nodes are.
    pub fn path(&self) -> &str {
        self.rules.url.path()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.expire(now);
        self.state = match (std::mem::replace(&mut self.state, State::Idle), input) {
            (State::Idle, Input::Start) => self.connect(now),
            (State::Waiting { until }, Input::Timeout) if now >= until => self.connect(now),
            (State::Connecting { due }, Input::Connected) => {
                let timeout_ms = self.rules.timeout.as_millis();
                let hello = Request::Hello {
                    timeout_ms: i32::try_from(timeout_ms).unwrap_or(i32::MAX),
                    kept: self.kept.as_ref().map(|kept| &kept.ticket),
                };
                self.outputs.push_back(Output::Send(hello.frame()));
                let frames = Frames::default();
                State::Greeting { due, frames }
            }
            (State::Connecting { due } | State::Greeting { due, .. }, Input::Timeout)
                if now >= due =>
            {
                self.drop_connection("no answer in time")
            }
            (State::Greeting { due, mut frames }, Input::Received(bytes)) => {
                frames.push(&bytes);
                match frames.next_frame() {
                    Ok(None) => State::Greeting { due, frames },
                    Ok(Some(frame)) => self.greeted(now, frames, frame),
                    Err(_) => self.drop_connection(NO_GREETING),
                }
            }
            (State::Live(mut live), Input::Received(bytes)) => {
                live.frames.push(&bytes);
                State::Live(live)
            }
            (State::Live(live), Input::Timeout) => self.tick(now, live),
            (
                State::Connecting { .. } | State::Greeting { .. } | State::Live(_),
                Input::Failed(detail),
            ) => self.fail(&detail),
            (state, _) => state,
        };
        self.begin_to_expire(now);
    }

    /// What is wanted next, in order.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            // One frame after the other: the owner may leave at any of them.
            let State::Live(live) = &mut self.state else {
                return None;
            };
            let taken = match live.frames.next_frame() {
                Ok(Some(frame)) => {
                    live.silent_at = now + live.timeout * 2 / 3;
                    wire::message(frame).ok_or_else(|| MALFORMED.to_owned())
                }
                Ok(None) => return None,
                Err(length) => Err(format!(
                    "it announces {length} bytes, which no list of masters has"
                )),
            };
            match taken {
                // Credentials are not numbered, but their refusal is final for the connection.
                Ok(Message::Answer {
                    result: Err(refusal @ Refusal::NotAuthenticated),
                    ..
                }) => self.leave(now, &refusal.to_string()),
                Ok(message) => return Some(Output::Message(message)),
                Err(detail) => self.leave(now, &detail),
            }
        }
    }

    /// When to call with [`Input::Timeout`] if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Idle | State::Lost => None,
            State::Waiting { until } => Some(*until),
            State::Connecting { due } | State::Greeting { due, .. } => Some(*due),
            State::Live(live) => Some(live.ping_at.min(live.silent_at)),
        };
        let expires = self.kept.as_ref().and_then(|kept| kept.expires);
        [due, expires].into_iter().flatten().min()
    }

    /// Sends a request with the next number, and answers the number.
    pub fn ask<'a>(&mut self, request: impl FnOnce(i32) -> Request<'a>) -> i32 {
        // Numbers are reused after two thousand million questions, which nobody asks.
        self.xid = self.xid.checked_add(1).unwrap_or(1);
        if matches!(self.state, State::Live(_)) {
            let frame = request(self.xid).frame();
            self.outputs.push_back(Output::Send(frame));
        }
        self.xid
    }

    /// The server is of use: rounds are counted anew.
    pub fn settle(&mut self) {
        self.failures = 0;
        self.rounds = 0;
    }

    /// Drops a connection that is of no use to the owner.
    pub fn leave(&mut self, now: Instant, detail: &str) {
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Connecting { .. } | State::Greeting { .. } | State::Live(_) => {
                self.drop_connection(detail)
            }
            state => state,
        };
        self.begin_to_expire(now);
    }

    /// Does not go on with the session when the connection has ended.
    pub fn forget(&mut self) {
        self.kept = None;
    }

    /// Tries the next server then, after [`Output::Lost`].
    pub fn retry_at(&mut self, until: Instant) {
        if matches!(self.state, State::Lost) {
            self.state = State::Waiting { until };
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

    fn greeted(&mut self, now: Instant, frames: Frames, frame: Bytes) -> State {
        let Some(Greeting { timeout_ms, ticket }) = wire::greeting(frame) else {
            if self.kept.take().is_some() {
                self.outputs.push_back(Output::Expired);
                return self.drop_connection("it has forgotten the session");
            }
            return self.drop_connection(NO_GREETING);
        };
        let timeout = Duration::from_millis(timeout_ms.into());
        let before = self.kept.take().map(|kept| kept.ticket);
        let is_new = before.as_ref() != Some(&ticket);
        if is_new && before.is_some() {
            self.outputs.push_back(Output::Expired);
        }
        self.kept = self.rules.is_kept.then_some(Kept {
            ticket,
            timeout,
            expires: None,
        });
        if let Some(credentials) = self.rules.url.credentials() {
            let frame = Request::Auth { credentials }.frame();
            self.outputs.push_back(Output::Send(frame));
        }
        self.xid = 0;
        self.outputs.push_back(Output::Began { is_new });
        State::Live(Live {
            frames,
            timeout,
            ping_at: now + timeout / 3,
            silent_at: now + timeout * 2 / 3,
        })
    }

    fn tick(&mut self, now: Instant, mut live: Live) -> State {
        if now >= live.silent_at {
            return self.drop_connection("nothing was heard in time");
        }
        if now >= live.ping_at {
            self.outputs.push_back(Output::Send(Request::Ping.frame()));
            live.ping_at = now + live.timeout / 3;
        }
        State::Live(live)
    }

    /// Drops a connection that stands.
    fn drop_connection(&mut self, detail: &str) -> State {
        self.outputs.push_back(Output::Close);
        self.fail(detail)
    }

    /// Goes to the next server when the owner says so.
    fn fail(&mut self, detail: &str) -> State {
        let detail = format!("`{}`: {detail}", self.server());
        let servers = self.rules.url.servers().len();
        self.next = (self.next + 1) % servers;
        self.failures += 1;
        let round = self.failures.is_multiple_of(servers).then_some(self.rounds);
        if round.is_some() {
            self.rounds = self.rounds.saturating_add(1);
        }
        self.outputs.push_back(Output::Lost { detail, round });
        State::Lost
    }

    /// From when there is no connection, a session has its timeout to live.
    fn begin_to_expire(&mut self, now: Instant) {
        if matches!(self.state, State::Live(_)) {
            return;
        }
        if let Some(kept) = &mut self.kept
            && kept.expires.is_none()
        {
            kept.expires = Some(now + kept.timeout);
        }
    }

    fn expire(&mut self, now: Instant) {
        let expires = self.kept.as_ref().and_then(|kept| kept.expires);
        if expires.is_none_or(|expires| now < expires) {
            return;
        }
        self.kept = None;
        self.outputs.push_back(Output::Expired);
        // It was said which session to go on with.
        if matches!(self.state, State::Greeting { .. }) {
            self.state = self.drop_connection("it did not take up the session in time");
        }
    }
}

const NO_GREETING: &str = "its greeting is not one of ZooKeeper";

/// Of answers that cannot be read.
pub const MALFORMED: &str = "what it says is not the protocol of ZooKeeper";

#[cfg(test)]
mod tests;
