//! Calls, one after the other, beside the stream.
//!
//! Mesos keeps calls in order on one connection only, so each is sent after the answer to the one
//! before it. A call goes to the master or agent that accepted the SUBSCRIBE, and to none while
//! there is no subscription.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use mesos::v1;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::core::answer::{self, CallAnswer, Server};
use crate::core::backoff::Backoff;
use crate::core::endpoint::Endpoint;
use crate::error::CallError;
use crate::transport::Http;

/// Calls that wait for their turn. Callers beyond wait to be queued, in order. One call is in
/// flight at a time, so a longer queue would add delay and no throughput.
pub(crate) const CALLS_QUEUED_MAX: usize = 64;

/// Attempts for a call that may be repeated. With [`REPEAT_BACKOFF`] that is over a minute on
/// average; an agent that refuses for longer has lost us, which the stream will tell.
const ATTEMPTS_MAX: u32 = 64;

/// The delays between these attempts. An agent that recovers refuses calls for some seconds
/// (PROTOCOL §9.5).
const REPEAT_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(100),
    max: Duration::from_secs(2),
};

/// Where calls go while there is a subscription.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) generation: u64,
    pub(crate) endpoint: Endpoint,
    /// Schedulers only.
    pub(crate) stream_id: Option<HeaderValue>,
    pub(crate) framework_id: v1::FrameworkId,
}

/// A call of one of the two APIs.
pub(crate) trait Call: Send + 'static {
    /// Who takes it.
    const SERVER: Server;

    /// Says what is wrong with a call that must not be sent.
    fn check(&self) -> Result<(), CallError>;

    /// The bytes to post.
    fn encode(&mut self, session: &Session) -> Bytes;

    /// Whether it has one effect however often it arrives.
    fn is_repeatable(&self) -> bool;

    /// Whether the client has nothing more to do once it was taken.
    fn is_last(&self) -> bool;
}

/// The caller's end of the queue.
#[derive(Debug)]
pub(crate) struct CallQueue<C> {
    jobs: mpsc::Sender<Job<C>>,
    stop: Arc<Notify>,
}

#[derive(Debug)]
struct Job<C> {
    call: C,
    reply: oneshot::Sender<Result<(), CallError>>,
}

impl<C: Call> CallQueue<C> {
    /// Queues a call and waits for its outcome. Dropping the future does not take the call back.
    pub(crate) async fn call(&self, call: C) -> Result<(), CallError> {
        call.check()?;
        let (reply, outcome) = oneshot::channel();
        let job = Job { call, reply };
        if self.jobs.send(job).await.is_err() {
            return Err(CallError::NotSubscribed);
        }
        let stopped = |_| CallError::Transport("the client was stopped".to_owned());
        outcome.await.map_err(stopped)?
    }

    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }
}

impl<C> Clone for CallQueue<C> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            stop: Arc::clone(&self.stop),
        }
    }
}

/// The other end: sends what is queued.
pub(crate) struct CallWorker<C> {
    jobs: mpsc::Receiver<Job<C>>,
    http: Http,
    timeout: Duration,
    session: watch::Receiver<Option<Session>>,
    /// Tells the driver the generation that a server does not know any more.
    lost: watch::Sender<u64>,
    random: fastrand::Rng,
}

impl<C: Call> CallWorker<C> {
    /// A queue and its worker.
    pub(crate) fn new(
        http: Http,
        timeout: Duration,
        session: watch::Receiver<Option<Session>>,
        lost: watch::Sender<u64>,
        stop: Arc<Notify>,
        random: fastrand::Rng,
    ) -> (CallQueue<C>, Self) {
        let (sender, jobs) = mpsc::channel(CALLS_QUEUED_MAX);
        let worker = Self {
            jobs,
            http,
            timeout,
            session,
            lost,
            random,
        };
        (CallQueue { jobs: sender, stop }, worker)
    }

    /// Works until the last handle is dropped, or the last call was taken.
    pub(crate) async fn run(mut self) {
        while let Some(Job { mut call, reply }) = self.jobs.recv().await {
            let outcome = self.deliver(&mut call).await;
            let is_over = outcome.is_ok() && call.is_last();
            // Who has dropped the future does not want to know.
            let _ = reply.send(outcome);
            if is_over {
                return;
            }
        }
    }

    async fn deliver(&mut self, call: &mut C) -> Result<(), CallError> {
        let mut attempt = 0;
        loop {
            let Some(session) = self.session.borrow_and_update().clone() else {
                return Err(CallError::NotSubscribed);
            };
            let body = call.encode(&session);
            let answer = self
                .http
                .call(
                    &session.endpoint,
                    session.stream_id.as_ref(),
                    body,
                    self.timeout,
                )
                .await;
            let detail = match answer {
                Err(detail) => detail,
                Ok(answer) => match answer::to_call(C::SERVER, answer.status, &answer.text) {
                    CallAnswer::Accepted => return Ok(()),
                    CallAnswer::NotSubscribed => {
                        self.lost.send_replace(session.generation);
                        return Err(CallError::NotSubscribed);
                    }
                    CallAnswer::Rejected => {
                        return Err(CallError::Rejected {
                            status: answer.status,
                            text: answer.text,
                        });
                    }
                    CallAnswer::Unavailable => format!("status {}: {}", answer.status, answer.text),
                },
            };
            if !call.is_repeatable() || attempt == ATTEMPTS_MAX {
                return Err(CallError::Transport(detail));
            }
            let delay = REPEAT_BACKOFF.delay(attempt, &mut self.random);
            attempt += 1;
            // A lost subscription ends the wait: a new one carries what is not acknowledged.
            let _ = tokio::time::timeout(delay, self.session.changed()).await;
        }
    }
}
