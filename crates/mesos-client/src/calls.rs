//! Calls, beside the stream.
//!
//! Mesos keeps calls in order on one connection only, so each is sent after the answer to the one
//! before it. Calls that may be repeated have no such order, for a repetition comes late anyway:
//! some of them are under way at once, and those that are repeated hold up no others. A call goes to the master or agent that accepted the SUBSCRIBE, and to none while
//! there is no subscription.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use mesos::v1;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::core::answer::{self, CallAnswer, Server};
use crate::core::backoff::Backoff;
use crate::core::endpoint::Endpoint;
use crate::encoding::Encoding;
use crate::error::CallError;
use crate::transport::Http;

/// Calls that wait for their turn. Callers beyond wait to be queued, in order. One call is in
/// flight at a time, so a longer queue would add delay and no throughput.
pub(crate) const CALLS_QUEUED_MAX: usize = 64;

/// How many calls that may be repeated are under way at once: enough that neither end waits for the
/// other. Each takes a connection.
pub(crate) const BESIDE_MAX: usize = 16;

/// How often a call that may be repeated is sent. With [`REPEAT_BACKOFF`] that takes a minute on
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
pub(crate) trait Call: Clone + Send + Sync + 'static {
    /// Who takes it.
    const SERVER: Server;

    /// Says what is wrong with a call that must not be sent.
    fn check(&self) -> Result<(), CallError>;

    /// The bytes to post.
    fn encode(&mut self, session: &Session, encoding: Encoding) -> Bytes;

    /// Whether it has one effect however often it arrives.
    fn is_repeatable(&self) -> bool;

    /// Whether the client has nothing more to do once it was taken.
    fn is_last(&self) -> bool;
}

/// The caller's end of the queue.
#[derive(Debug)]
pub(crate) struct CallQueue<C> {
    jobs: mpsc::Sender<Job<C>>,
    beside: mpsc::Sender<Job<C>>,
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
        let jobs = match call.is_repeatable() {
            true => &self.beside,
            false => &self.jobs,
        };
        if jobs.send(Job { call, reply }).await.is_err() {
            return Err(CallError::NotSubscribed);
        }
        let stopped = |_| CallError::Transport("the client was stopped".to_owned());
        outcome.await.map_err(stopped)?
    }

    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }
}

impl<C> CallQueue<C> {
    /// A handle that does not keep the client alive.
    pub(crate) fn downgrade(&self) -> WeakCallQueue<C> {
        WeakCallQueue {
            jobs: self.jobs.downgrade(),
            beside: self.beside.downgrade(),
            stop: Arc::clone(&self.stop),
        }
    }
}

/// A [`CallQueue`] that does not keep the client alive.
#[derive(Debug)]
pub(crate) struct WeakCallQueue<C> {
    jobs: mpsc::WeakSender<Job<C>>,
    beside: mpsc::WeakSender<Job<C>>,
    stop: Arc<Notify>,
}

impl<C> WeakCallQueue<C> {
    pub(crate) fn upgrade(&self) -> Option<CallQueue<C>> {
        Some(CallQueue {
            jobs: self.jobs.upgrade()?,
            beside: self.beside.upgrade()?,
            stop: Arc::clone(&self.stop),
        })
    }
}

impl<C> Clone for CallQueue<C> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            beside: self.beside.clone(),
            stop: Arc::clone(&self.stop),
        }
    }
}

/// The other end: sends what is queued.
pub(crate) struct CallWorker<C> {
    jobs: mpsc::Receiver<Job<C>>,
    beside: mpsc::Receiver<Job<C>>,
    delivery: Delivery,
    /// Tells the driver that the last call is on its way.
    leaving: watch::Sender<bool>,
}

/// The way of one call after the other.
#[derive(Debug, Clone)]
struct Delivery {
    http: Http,
    timeout: Duration,
    session: watch::Receiver<Option<Session>>,
    /// Tells the driver the generation that a server does not know any more.
    lost: watch::Sender<u64>,
    repeat_backoff: Backoff,
    random: fastrand::Rng,
}

impl<C: Call> CallWorker<C> {
    /// A queue and its worker.
    pub(crate) fn new(
        http: Http,
        timeout: Duration,
        session: watch::Receiver<Option<Session>>,
        lost: watch::Sender<u64>,
        leaving: watch::Sender<bool>,
        stop: Arc<Notify>,
        random: fastrand::Rng,
    ) -> (CallQueue<C>, Self) {
        let (sender, jobs) = mpsc::channel(CALLS_QUEUED_MAX);
        let (beside_sender, beside) = mpsc::channel(CALLS_QUEUED_MAX);
        let worker = Self {
            jobs,
            beside,
            delivery: Delivery {
                http,
                timeout,
                session,
                lost,
                repeat_backoff: REPEAT_BACKOFF,
                random,
            },
            leaving,
        };
        let queue = CallQueue {
            jobs: sender,
            beside: beside_sender,
            stop,
        };
        (queue, worker)
    }

    /// Works until the last handle is dropped, or the last call was taken.
    pub(crate) async fn run(self) {
        let Self {
            jobs,
            beside,
            mut delivery,
            leaving,
        } = self;
        let other = delivery.fork();
        // Who has dropped every handle waits for no call.
        tokio::select! {
            () = deliver_in_order(jobs, delivery, leaving) => {}
            () = deliver_beside(beside, other) => {}
        }
    }
}

/// Delivers one call after the other, until the last handle is dropped or the last call was taken.
async fn deliver_in_order<C: Call>(
    mut jobs: mpsc::Receiver<Job<C>>,
    mut delivery: Delivery,
    leaving: watch::Sender<bool>,
) {
    while let Some(Job { mut call, reply }) = jobs.recv().await {
        leaving.send_replace(call.is_last());
        let outcome = delivery.deliver(&mut call).await;
        let is_over = outcome.is_ok() && call.is_last();
        leaving.send_replace(is_over);
        // Who has dropped the future does not want to know.
        let _ = reply.send(outcome);
        if is_over {
            return;
        }
    }
}

/// Delivers some calls at once, begun in order, until the last handle is dropped.
async fn deliver_beside<C: Call>(mut jobs: mpsc::Receiver<Job<C>>, mut delivery: Delivery) {
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            job = jobs.recv(), if under_way.len() < BESIDE_MAX => {
                let Some(Job { mut call, reply }) = job else { return };
                let mut delivery = delivery.fork();
                under_way.spawn(async move {
                    // Who has dropped the future does not want to know.
                    let _ = reply.send(delivery.deliver(&mut call).await);
                });
            }
            Some(_) = under_way.join_next() => {}
        }
    }
}

impl Delivery {
    /// Another one, with delays of its own.
    fn fork(&mut self) -> Self {
        Self {
            random: self.random.fork(),
            ..self.clone()
        }
    }

    async fn deliver<C: Call>(&mut self, call: &mut C) -> Result<(), CallError> {
        let mut attempts = 0;
        loop {
            let Some(session) = self.session.borrow_and_update().clone() else {
                return Err(CallError::NotSubscribed);
            };
            let body = call.encode(&session, self.http.encoding());
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
            attempts += 1;
            if !call.is_repeatable() || attempts == ATTEMPTS_MAX {
                return Err(CallError::Transport(detail));
            }
            let delay = self.repeat_backoff.delay(attempts - 1, &mut self.random);
            // A lost subscription ends the wait: a new one carries what is not acknowledged.
            let _ = tokio::time::timeout(delay, self.session.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::transport::HttpOptions;

    /// Counts how often it is sent.
    #[derive(Clone)]
    struct Counted(Arc<AtomicU32>);

    impl Call for Counted {
        const SERVER: Server = Server::Agent;

        fn check(&self) -> Result<(), CallError> {
            Ok(())
        }

        fn encode(&mut self, _: &Session, _: Encoding) -> Bytes {
            self.0.fetch_add(1, Ordering::Relaxed);
            Bytes::new()
        }

        fn is_repeatable(&self) -> bool {
            true
        }

        fn is_last(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn a_call_that_nobody_takes_is_given_up_after_so_many_attempts() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap().to_string();
        drop(nobody);
        let timeout = Duration::from_secs(20);
        let http = Http::new(HttpOptions {
            connect_timeout: timeout,
            encoding: Encoding::Protobuf,
            credentials: None,
            tls: None,
            domain_socket: None,
        });
        let (_sender, session) = watch::channel(Some(Session {
            generation: 1,
            endpoint: Endpoint::parse(&address, 5051, "/").unwrap(),
            stream_id: None,
            framework_id: v1::FrameworkId::default(),
        }));
        let (queue, mut worker) = CallWorker::new(
            http.unwrap(),
            timeout,
            session,
            watch::channel(0).0,
            watch::channel(false).0,
            Arc::default(),
            fastrand::Rng::with_seed(1),
        );
        worker.delivery.repeat_backoff.max = Duration::ZERO;
        let sent = Arc::new(AtomicU32::new(0));
        let (outcome, ()) = tokio::join!(
            async {
                let queue = queue;
                queue.call(Counted(Arc::clone(&sent))).await
            },
            worker.run()
        );
        assert!(
            matches!(outcome, Err(CallError::Transport(_))),
            "{outcome:?}"
        );
        assert_eq!(sent.load(Ordering::Relaxed), ATTEMPTS_MAX);
    }
}
