//! When to subscribe, where, and when to give up: the life of an event stream, for schedulers and
//! executors alike.
//!
//! It knows nothing of what the events say, and it reads no text of a server but to hand it on.
//!
//! ```text
//!                 redirected
//!                  +------+
//!                  |      v
//! Idle --start--> Connecting ----subscribed----> Subscribed{heartbeat due} <--+ heard
//!                  |  ^   |                          |   |   |                |
//!                  |  |   |                          |   |   +----------------+
//!            failed|  |due|refused, out of patience  |   |ERROR event
//!                  v  |   |                      lost|   |
//!                 Waiting{until} <-------------------+   |
//!                         |                              |
//!                         +-----------> Ended <----------+
//!
//! Seeking --leader known--> Connecting; it stands for Connecting while no leader is known
//! ```
//!
//! - Seeking to Connecting: the leader became known. The news of another leader also ends a wait,
//!   an attempt elsewhere, and a subscription elsewhere: the old leader sends nothing any more.
//! - Connecting to Connecting: the server redirects; followed at once, [`REDIRECTS_MAX`] times.
//! - Connecting to Waiting: no connection, no answer in time, an answer that asks for patience, a
//!   redirect too many, or a stream that breaks before its first event.
//! - Waiting to Connecting: the time has come. Of several endpoints each is tried once before
//!   anything is waited for.
//! - Subscribed to Waiting: the stream ended, fell silent, or a call was told that it does not
//!   exist any more. The endpoint that we lost is tried first.
//! - to Ended: an answer or an ERROR event that no repetition changes, or a failure at or after
//!   the end of the patience.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::{self, SubscribeAnswer};
use super::backoff::Backoff;
use super::endpoint::Endpoint;
use crate::error::DisconnectReason;

/// Redirects followed in a row.
///
/// A follower names the leader, so one is the rule; a second happens when the leader changes in
/// between. More is two masters that each believe in the other.
pub(crate) const REDIRECTS_MAX: u32 = 4;

/// Heartbeats that may stay out before a stream counts as dead (PROTOCOL §4).
pub(crate) const HEARTBEATS_MISSED_MAX: u32 = 5;

/// What is fixed for the life of a [`Subscription`].
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Where to subscribe.
    pub(crate) targets: Targets,
    /// The delays between rounds of attempts.
    pub(crate) backoff: Backoff,
    /// For how long an attempt may last until the first event.
    pub(crate) answer_timeout: Duration,
    /// For how long to try before the first subscription; `None` is for ever.
    pub(crate) first_patience: Option<Duration>,
    /// For how long to try after the loss of a subscription; `None` is for ever.
    pub(crate) patience: Option<Duration>,
    /// How often heartbeats come where SUBSCRIBED does not tell. It counts from the first one of a
    /// stream: before, there may be none to wait for.
    pub(crate) untold_heartbeat: Option<Duration>,
}

/// Where to subscribe.
#[derive(Debug, Clone)]
pub(crate) enum Targets {
    /// At one of these, at least one, tried in turn.
    Fixed(Vec<Endpoint>),
    /// At the one that was last told by [`Input::Leader`]; for those whose patience has no end.
    Detected(Option<Endpoint>),
}

/// What a [`Subscription`] is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// Begin.
    Start,
    /// The SUBSCRIBE was answered, but not with a stream.
    Answered {
        status: u16,
        location: Option<String>,
        text: String,
    },
    /// The attempt failed, or the stream ended; the shell has dropped the connection.
    Failed(DisconnectReason),
    /// The SUBSCRIBED event came. Without an interval no heartbeats are waited for.
    Subscribed { heartbeat: Option<Duration> },
    /// A HEARTBEAT came.
    Heartbeat,
    /// Any other event came.
    Heard,
    /// The ERROR event came.
    Error { message: String },
    /// A call of this generation was told that there is no subscription.
    NotSubscribed { generation: u64 },
    /// Who leads, for [`Targets::Detected`].
    Leader(Endpoint),
    /// Nobody leads; who does next is told.
    NoLeader(DisconnectReason),
    /// Nobody could be asked; what was known of the leader still counts.
    NotDetected {
        reason: DisconnectReason,
        retry_in: Duration,
    },
    /// [`Subscription::poll_timeout`] has passed.
    Timeout,
}

/// What a [`Subscription`] wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send SUBSCRIBE there. No connection is open when this comes.
    Open {
        /// Counts attempts; what belongs to an older one is void.
        generation: u64,
        endpoint: Endpoint,
    },
    /// Drop the connection.
    Close,
    /// Report that the subscription is lost.
    Lost(DisconnectReason),
    /// Report that an attempt failed.
    AttemptFailed {
        reason: DisconnectReason,
        retry_in: Duration,
    },
    /// Report the end. Nothing comes after it.
    Ended(End),
}

/// Why a [`Subscription`] ended for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The request is refused.
    Rejected { status: u16, text: String },
    /// The server sent ERROR.
    Error { message: String },
    /// The time to try is over; this was the last failure.
    OutOfPatience(DisconnectReason),
}

/// The machine of the module's diagram.
///
/// Call [`handle`](Self::handle) with each input, then [`poll_output`](Self::poll_output) until it
/// answers `None`, then wait for the next input or for [`poll_timeout`](Self::poll_timeout). An
/// input that does not fit the state is late news and has no effect.
#[derive(Debug)]
pub(crate) struct Subscription {
    rules: Rules,
    random: fastrand::Rng,
    state: State,
    /// Index of the endpoint to try after the next failure.
    next: usize,
    generation: u64,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    Seeking(Absence),
    Connecting(Attempt),
    Subscribed(Stream),
    Waiting(Pause),
    Ended,
}

/// A SUBSCRIBE that was not answered with SUBSCRIBED yet.
#[derive(Debug)]
struct Attempt {
    endpoint: Endpoint,
    redirects: u32,
    /// Who has sent us here, if anybody has.
    sent_by: Option<Endpoint>,
    answer_due: Instant,
    absence: Absence,
}

impl Attempt {
    /// Why it has failed, and who sent us there.
    fn failed(&self, reason: DisconnectReason) -> DisconnectReason {
        match &self.sent_by {
            None => reason,
            Some(sent_by) => DisconnectReason::AtLeader {
                sent_by: sent_by.to_string(),
                reason: Box::new(reason),
            },
        }
    }
}

/// A subscription.
#[derive(Debug)]
struct Stream {
    endpoint: Endpoint,
    since: Instant,
    silence: Option<Silence>,
    /// Rounds of the backoff that led here, not forgotten before the stream has proved good.
    rounds: u32,
}

/// The time between two attempts.
#[derive(Debug)]
struct Pause {
    /// Where to go next; `None` for the leader that is known then.
    endpoint: Option<Endpoint>,
    until: Instant,
    absence: Absence,
}

/// A time without a subscription.
#[derive(Debug, Clone, Copy)]
struct Absence {
    /// A failure at or after this moment is the last.
    gives_up_at: Option<Instant>,
    failures: usize,
    rounds: u32,
}

/// How long a stream may be silent, and until when it may be now.
#[derive(Debug, Clone, Copy)]
struct Silence {
    max: Duration,
    due: Instant,
}

impl Subscription {
    /// A machine that waits for [`Input::Start`].
    ///
    /// # Panics
    /// If the rules have no endpoint, or an end of the patience with a leader to be detected.
    pub(crate) fn new(rules: Rules, random: fastrand::Rng) -> Self {
        match &rules.targets {
            Targets::Fixed(endpoints) => assert!(!endpoints.is_empty(), "there is somewhere to go"),
            Targets::Detected(_) => assert!(
                rules.first_patience.or(rules.patience).is_none(),
                "a leader is waited for without end"
            ),
        }
        Self {
            rules,
            random,
            state: State::Idle,
            next: 0,
            generation: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        self.state = match (state, input) {
            (state, Input::Leader(leader)) => self.follow(now, state, leader),
            (state, Input::NoLeader(reason)) => {
                if let Targets::Detected(leader) = &mut self.rules.targets {
                    *leader = None;
                }
                self.not_found(&state, reason, Duration::ZERO);
                state
            }
            (state, Input::NotDetected { reason, retry_in }) => {
                self.not_found(&state, reason, retry_in);
                state
            }
            (State::Idle, Input::Start) => self.start(now),
            (State::Connecting(attempt), input) => self.handle_connecting(now, input, attempt),
            (State::Subscribed(stream), input) => self.handle_subscribed(now, input, stream),
            (State::Waiting(pause), Input::Timeout) if now >= pause.until => {
                let endpoint = pause.endpoint.or_else(|| self.next_endpoint());
                self.connect_or_seek(now, endpoint, pause.absence)
            }
            (state, _) => state,
        };
    }

    /// The next thing to do, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Timeout`] if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::Seeking(_) | State::Ended => None,
            State::Connecting(attempt) => Some(attempt.answer_due),
            State::Subscribed(stream) => stream.silence.map(|silence| silence.due),
            State::Waiting(pause) => Some(pause.until),
        }
    }

    fn start(&mut self, now: Instant) -> State {
        let patience = self.rules.first_patience;
        let absence = Absence {
            gives_up_at: patience.map(|patience| after(now, patience)),
            failures: 0,
            rounds: 0,
        };
        let endpoint = self.next_endpoint();
        self.connect_or_seek(now, endpoint, absence)
    }

    /// Goes to the leader, unless that is where we are or are going.
    fn follow(&mut self, now: Instant, state: State, new: Endpoint) -> State {
        let Targets::Detected(leader) = &mut self.rules.targets else {
            return state;
        };
        let is_news = leader.replace(new.clone()).as_ref() != Some(&new);
        match state {
            State::Seeking(absence) => self.connect(now, new, 0, absence),
            State::Waiting(pause) if is_news => self.connect(now, new, 0, pause.absence),
            State::Connecting(attempt) if !attempt.endpoint.is_same_server(&new) => {
                self.outputs.push_back(Output::Close);
                self.connect(now, new, 0, attempt.absence)
            }
            State::Subscribed(stream) if !stream.endpoint.is_same_server(&new) => {
                self.outputs.push_back(Output::Close);
                let endpoint = new.to_string();
                let reason = DisconnectReason::LeaderChanged { endpoint };
                self.outputs.push_back(Output::Lost(reason));
                let absence = Absence {
                    gives_up_at: None,
                    failures: 0,
                    rounds: 0,
                };
                self.connect(now, new, 0, absence)
            }
            state => state,
        }
    }

    fn handle_connecting(&mut self, now: Instant, input: Input, attempt: Attempt) -> State {
        match input {
            Input::Subscribed { heartbeat } => State::Subscribed(Stream {
                endpoint: attempt.endpoint,
                since: now,
                silence: heartbeat.map(|interval| Silence::of(now, interval)),
                rounds: attempt.absence.rounds,
            }),
            Input::Answered {
                status,
                location,
                text,
            } => match answer::to_subscribe(status) {
                SubscribeAnswer::Redirect => self.redirect(now, attempt, location),
                SubscribeAnswer::Retry => {
                    let reason = DisconnectReason::Unavailable {
                        endpoint: attempt.endpoint.to_string(),
                        status,
                        text,
                    };
                    let reason = attempt.failed(reason);
                    self.retry(now, attempt.absence, reason)
                }
                SubscribeAnswer::Final => self.end(End::Rejected { status, text }),
            },
            Input::Failed(reason) => {
                let reason = attempt.failed(reason);
                self.retry(now, attempt.absence, reason)
            }
            Input::Error { message } => {
                self.outputs.push_back(Output::Close);
                self.end(End::Error { message })
            }
            Input::Timeout if now >= attempt.answer_due => {
                self.outputs.push_back(Output::Close);
                let reason = DisconnectReason::Unanswered {
                    endpoint: attempt.endpoint.to_string(),
                    waited: self.rules.answer_timeout,
                };
                let reason = attempt.failed(reason);
                self.retry(now, attempt.absence, reason)
            }
            // An event before SUBSCRIBED: an agent may shut an executor down with its first word.
            Input::Heard
            | Input::Heartbeat
            | Input::Timeout
            | Input::Start
            | Input::NotSubscribed { .. } => State::Connecting(attempt),
            // Taken before the state is looked at.
            Input::Leader(_) | Input::NoLeader(_) | Input::NotDetected { .. } => {
                State::Connecting(attempt)
            }
        }
    }

    fn handle_subscribed(&mut self, now: Instant, input: Input, mut stream: Stream) -> State {
        match (input, &mut stream.silence) {
            (Input::Failed(reason), _) => self.lose(now, stream, reason),
            (Input::NotSubscribed { generation }, _) if generation == self.generation => {
                self.outputs.push_back(Output::Close);
                self.lose(now, stream, DisconnectReason::NotSubscribed)
            }
            (Input::Timeout, Some(Silence { max, due })) if now >= *due => {
                self.outputs.push_back(Output::Close);
                let reason = DisconnectReason::Silent(*max);
                self.lose(now, stream, reason)
            }
            (Input::Error { message }, _) => {
                self.outputs.push_back(Output::Close);
                self.end(End::Error { message })
            }
            (
                Input::Heard | Input::Heartbeat | Input::Subscribed { .. },
                Some(Silence { max, due }),
            ) => {
                *due = after(now, *max);
                State::Subscribed(stream)
            }
            (Input::Heartbeat, silence @ None) => {
                let interval = self.rules.untold_heartbeat;
                *silence = interval.map(|interval| Silence::of(now, interval));
                State::Subscribed(stream)
            }
            _ => State::Subscribed(stream),
        }
    }

    /// Reports that there is no leader, which only matters to who has nowhere else to go.
    fn not_found(&mut self, state: &State, reason: DisconnectReason, retry_in: Duration) {
        if let State::Seeking(_) = state {
            let failed = Output::AttemptFailed { reason, retry_in };
            self.outputs.push_back(failed);
        }
    }

    fn connect_or_seek(
        &mut self,
        now: Instant,
        endpoint: Option<Endpoint>,
        absence: Absence,
    ) -> State {
        match endpoint {
            Some(endpoint) => self.connect(now, endpoint, 0, absence),
            None => State::Seeking(absence),
        }
    }

    /// Goes to an endpoint now.
    fn connect(
        &mut self,
        now: Instant,
        endpoint: Endpoint,
        redirects: u32,
        absence: Absence,
    ) -> State {
        self.generation += 1;
        self.outputs.push_back(Output::Open {
            generation: self.generation,
            endpoint: endpoint.clone(),
        });
        State::Connecting(Attempt {
            endpoint,
            redirects,
            sent_by: None,
            answer_due: after(now, self.rules.answer_timeout),
            absence,
        })
    }

    /// Follows a redirect, unless it leads nowhere or is one too many.
    fn redirect(&mut self, now: Instant, attempt: Attempt, location: Option<String>) -> State {
        let location = location.unwrap_or_default();
        match attempt.endpoint.redirected(&location) {
            Some(target) if attempt.redirects < REDIRECTS_MAX => {
                let mut state = self.connect(now, target, attempt.redirects + 1, attempt.absence);
                if let State::Connecting(next) = &mut state {
                    next.sent_by = Some(attempt.endpoint);
                }
                state
            }
            _ => {
                let reason = DisconnectReason::Redirected { location };
                self.retry(now, attempt.absence, reason)
            }
        }
    }

    /// Goes to the next endpoint after a failed attempt: at once while there are endpoints that
    /// were not tried in this round, else after the backoff.
    fn retry(&mut self, now: Instant, mut absence: Absence, reason: DisconnectReason) -> State {
        if absence.gives_up_at.is_some_and(|at| now >= at) {
            return self.end(End::OutOfPatience(reason));
        }
        absence.failures += 1;
        let (in_a_round, endpoint) = match &self.rules.targets {
            Targets::Fixed(endpoints) => (endpoints.len(), self.next_endpoint()),
            // Another may lead by the time of the next attempt.
            Targets::Detected(_) => (1, None),
        };
        let mut until = now;
        if absence.failures.is_multiple_of(in_a_round) {
            until = self.after_backoff(now, &mut absence);
        }
        self.outputs.push_back(Output::AttemptFailed {
            reason,
            retry_in: until - now,
        });
        State::Waiting(Pause {
            endpoint,
            until,
            absence,
        })
    }

    /// Goes back to the endpoint whose subscription is lost.
    ///
    /// A stream that lived for less than the longest delay does not reset the backoff: a server
    /// that takes every SUBSCRIBE and ends the stream at once is not to be flooded.
    fn lose(&mut self, now: Instant, stream: Stream, reason: DisconnectReason) -> State {
        self.outputs.push_back(Output::Lost(reason));
        let lived = now.saturating_duration_since(stream.since);
        let was_good = lived >= self.rules.backoff.max;
        let patience = self.rules.patience;
        let mut absence = Absence {
            gives_up_at: patience.map(|patience| after(now, patience)),
            failures: 0,
            rounds: if was_good { 0 } else { stream.rounds },
        };
        let until = self.after_backoff(now, &mut absence);
        let endpoint = match self.rules.targets {
            Targets::Fixed(_) => Some(stream.endpoint),
            Targets::Detected(_) => None,
        };
        State::Waiting(Pause {
            endpoint,
            until,
            absence,
        })
    }

    fn end(&mut self, end: End) -> State {
        self.outputs.push_back(Output::Ended(end));
        State::Ended
    }

    /// The moment of the next attempt, which is made before the patience ends.
    fn after_backoff(&mut self, now: Instant, absence: &mut Absence) -> Instant {
        let delay = self.rules.backoff.delay(absence.rounds, &mut self.random);
        let until = after(now, delay);
        absence.rounds = absence.rounds.saturating_add(1);
        absence.gives_up_at.map_or(until, |at| until.min(at))
    }

    /// The next in turn, or the leader if it is known.
    fn next_endpoint(&mut self) -> Option<Endpoint> {
        match &self.rules.targets {
            Targets::Fixed(endpoints) => {
                let endpoint = endpoints[self.next].clone();
                self.next = (self.next + 1) % endpoints.len();
                Some(endpoint)
            }
            Targets::Detected(leader) => leader.clone(),
        }
    }
}

impl Silence {
    /// That of a server which is heard of at least so often.
    fn of(now: Instant, interval: Duration) -> Self {
        let max = interval.saturating_mul(HEARTBEATS_MISSED_MAX);
        let due = after(now, max);
        Self { max, due }
    }
}

/// The longest that anything is waited for: for ever, but in reach of the clock.
const EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// `now + duration`, also for durations that mean "never".
fn after(now: Instant, duration: Duration) -> Instant {
    now + duration.min(EVER)
}

#[cfg(test)]
mod tests;
