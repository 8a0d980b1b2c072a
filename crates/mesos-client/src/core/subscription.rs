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
//! ```
//!
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
    /// Where to subscribe, at least one.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The delays between rounds of attempts.
    pub(crate) backoff: Backoff,
    /// For how long an attempt may last until the first event.
    pub(crate) answer_timeout: Duration,
    /// For how long to try before the first subscription; `None` is for ever.
    pub(crate) first_patience: Option<Duration>,
    /// For how long to try after the loss of a subscription; `None` is for ever.
    pub(crate) patience: Option<Duration>,
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
    /// Any other event came.
    Heard,
    /// The ERROR event came.
    Error { message: String },
    /// A call of this generation was told that there is no subscription.
    NotSubscribed { generation: u64 },
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
    Connecting {
        endpoint: Endpoint,
        redirects: u32,
        answer_due: Instant,
        absence: Absence,
    },
    Subscribed {
        endpoint: Endpoint,
        since: Instant,
        silence: Option<Silence>,
        /// Rounds of the backoff that led here, not forgotten before the stream has proved good.
        rounds: u32,
    },
    Waiting {
        endpoint: Endpoint,
        until: Instant,
        absence: Absence,
    },
    Ended,
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
    /// If the rules have no endpoint.
    pub(crate) fn new(rules: Rules, random: fastrand::Rng) -> Self {
        assert!(!rules.endpoints.is_empty(), "there is somewhere to go");
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
        self.state = match state {
            State::Idle => self.handle_idle(now, &input),
            State::Connecting {
                endpoint,
                redirects,
                answer_due,
                absence,
            } => self.handle_connecting(now, input, endpoint, redirects, answer_due, absence),
            State::Subscribed {
                endpoint,
                since,
                silence,
                rounds,
            } => self.handle_subscribed(now, input, endpoint, since, silence, rounds),
            State::Waiting {
                endpoint,
                until,
                absence,
            } => match input {
                Input::Timeout if now >= until => self.connect(now, endpoint, 0, absence),
                _ => State::Waiting {
                    endpoint,
                    until,
                    absence,
                },
            },
            State::Ended => State::Ended,
        };
    }

    /// The next thing to do, in order.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Timeout`] if nothing happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::Ended => None,
            State::Connecting { answer_due, .. } => Some(*answer_due),
            State::Subscribed { silence, .. } => silence.map(|silence| silence.due),
            State::Waiting { until, .. } => Some(*until),
        }
    }

    fn handle_idle(&mut self, now: Instant, input: &Input) -> State {
        if *input != Input::Start {
            return State::Idle;
        }
        let absence = Absence {
            gives_up_at: self.rules.first_patience.map(|patience| now + patience),
            failures: 0,
            rounds: 0,
        };
        let endpoint = self.next_endpoint();
        self.connect(now, endpoint, 0, absence)
    }

    fn handle_connecting(
        &mut self,
        now: Instant,
        input: Input,
        endpoint: Endpoint,
        redirects: u32,
        answer_due: Instant,
        absence: Absence,
    ) -> State {
        match input {
            Input::Subscribed { heartbeat } => State::Subscribed {
                endpoint,
                since: now,
                silence: heartbeat.map(|interval| {
                    let max = interval.saturating_mul(HEARTBEATS_MISSED_MAX);
                    Silence {
                        max,
                        due: now + max,
                    }
                }),
                rounds: absence.rounds,
            },
            Input::Answered {
                status,
                location,
                text,
            } => match answer::to_subscribe(status) {
                SubscribeAnswer::Redirect => {
                    let location = location.unwrap_or_default();
                    match endpoint.redirected(&location) {
                        Some(target) if redirects < REDIRECTS_MAX => {
                            self.connect(now, target, redirects + 1, absence)
                        }
                        _ => self.retry(now, absence, DisconnectReason::Redirected { location }),
                    }
                }
                SubscribeAnswer::Retry => {
                    self.retry(now, absence, DisconnectReason::Unavailable { status, text })
                }
                SubscribeAnswer::Final => self.end(End::Rejected { status, text }),
            },
            Input::Failed(reason) => self.retry(now, absence, reason),
            Input::Error { message } => {
                self.outputs.push_back(Output::Close);
                self.end(End::Error { message })
            }
            Input::Timeout if now >= answer_due => {
                self.outputs.push_back(Output::Close);
                let reason = DisconnectReason::Unanswered(self.rules.answer_timeout);
                self.retry(now, absence, reason)
            }
            // An event before SUBSCRIBED: an agent may shut an executor down with its first word.
            Input::Heard | Input::Timeout | Input::Start | Input::NotSubscribed { .. } => {
                State::Connecting {
                    endpoint,
                    redirects,
                    answer_due,
                    absence,
                }
            }
        }
    }

    fn handle_subscribed(
        &mut self,
        now: Instant,
        input: Input,
        endpoint: Endpoint,
        since: Instant,
        mut silence: Option<Silence>,
        rounds: u32,
    ) -> State {
        let reason = match (input, silence) {
            (Input::Failed(reason), _) => reason,
            (Input::NotSubscribed { generation }, _) if generation == self.generation => {
                self.outputs.push_back(Output::Close);
                DisconnectReason::NotSubscribed
            }
            (Input::Timeout, Some(Silence { max, due })) if now >= due => {
                self.outputs.push_back(Output::Close);
                DisconnectReason::Silent(max)
            }
            (Input::Error { message }, _) => {
                self.outputs.push_back(Output::Close);
                return self.end(End::Error { message });
            }
            (input, _) => {
                if let (Input::Heard | Input::Subscribed { .. }, Some(silence)) =
                    (input, &mut silence)
                {
                    silence.due = now + silence.max;
                }
                return State::Subscribed {
                    endpoint,
                    since,
                    silence,
                    rounds,
                };
            }
        };
        self.lose(now, endpoint, since, rounds, reason)
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
        State::Connecting {
            endpoint,
            redirects,
            answer_due: now + self.rules.answer_timeout,
            absence,
        }
    }

    /// Goes to the next endpoint after a failed attempt: at once while there are endpoints that
    /// were not tried in this round, else after the backoff.
    fn retry(&mut self, now: Instant, mut absence: Absence, reason: DisconnectReason) -> State {
        if absence.gives_up_at.is_some_and(|at| now >= at) {
            return self.end(End::OutOfPatience(reason));
        }
        absence.failures += 1;
        let mut until = now;
        if absence.failures.is_multiple_of(self.rules.endpoints.len()) {
            until = self.after_backoff(now, &mut absence);
        }
        self.outputs.push_back(Output::AttemptFailed {
            reason,
            retry_in: until - now,
        });
        State::Waiting {
            endpoint: self.next_endpoint(),
            until,
            absence,
        }
    }

    /// Goes back to the endpoint whose subscription is lost.
    ///
    /// A stream that lived for less than the longest delay does not reset the backoff: a server
    /// that takes every SUBSCRIBE and ends the stream at once is not to be flooded.
    fn lose(
        &mut self,
        now: Instant,
        endpoint: Endpoint,
        since: Instant,
        rounds: u32,
        reason: DisconnectReason,
    ) -> State {
        self.outputs.push_back(Output::Lost(reason));
        let was_good = now.saturating_duration_since(since) >= self.rules.backoff.max;
        let mut absence = Absence {
            gives_up_at: self.rules.patience.map(|patience| now + patience),
            failures: 0,
            rounds: if was_good { 0 } else { rounds },
        };
        let until = self.after_backoff(now, &mut absence);
        State::Waiting {
            endpoint,
            until,
            absence,
        }
    }

    fn end(&mut self, end: End) -> State {
        self.outputs.push_back(Output::Ended(end));
        State::Ended
    }

    /// The moment of the next attempt, which is made before the patience ends.
    fn after_backoff(&mut self, now: Instant, absence: &mut Absence) -> Instant {
        let until = now + self.rules.backoff.delay(absence.rounds, &mut self.random);
        absence.rounds = absence.rounds.saturating_add(1);
        absence.gives_up_at.map_or(until, |at| until.min(at))
    }

    fn next_endpoint(&mut self) -> Endpoint {
        let endpoint = self.rules.endpoints[self.next].clone();
        self.next = (self.next + 1) % self.rules.endpoints.len();
        endpoint
    }
}

#[cfg(test)]
mod tests;
