//! Drives a [`Subscription`] with a real clock and a real connection, and tells the owner.
//!
//! No rule is here: what to do when is the machine's, what an event means is the [`Api`]'s. The
//! queue of notices is bounded. While it is full the stream is not read, so an owner that does not
//! keep up slows its stream down by TCP (and, as Mesos has no back-pressure, makes the master or
//! agent grow); time that passes in waiting for the owner is not silence of the server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use mesos::recordio::{Decoder, RECORD_BYTES_MAX};
use mesos::v1;
use tokio::sync::{Notify, mpsc, watch};

use crate::calls::{Call, CallQueue, CallWorker, Session, WeakCallQueue};
use crate::core::endpoint::Endpoint;
use crate::core::subscription::{End, Input, Output, Rules, Subscription};
use crate::core::zookeeper::{Detection, Detector, DetectorRules};
use crate::encoding::Root;
use crate::error::DisconnectReason;
use crate::transport::{Answer, Http, STREAM_ID, root_cause};
use crate::zookeeper;

/// Notices that wait for the owner. Most are small; in the worst case each is an event with a
/// framework message of the largest size that the peer sends.
pub(crate) const NOTICES_MAX: usize = 128;

/// What was detected and not looked at yet. A detector that finds more waits: its server keeps the
/// news, and of many leaders only the last matters.
const DETECTIONS_MAX: usize = 4;

/// How far away a timer is set when the machine wants none.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A future that owns what it needs.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the two APIs do not have in common.
pub(crate) trait Api: Send + 'static {
    /// A record of the stream.
    type Event: Root;
    /// What the owner is told.
    type Notice: Send + 'static;

    /// Whether a subscription has a `Mesos-Stream-Id`.
    const HAS_STREAM_ID: bool;

    /// The SUBSCRIBE call, as bytes.
    fn subscribe(&mut self) -> BoxFuture<Bytes>;

    /// What an event means.
    fn read(&mut self, event: Self::Event) -> Record<Self::Notice>;

    /// Reports the loss of a subscription.
    fn lost(reason: DisconnectReason) -> Self::Notice;

    /// Reports a failed attempt.
    fn attempt_failed(reason: DisconnectReason, retry_in: Duration) -> Self::Notice;

    /// Reports the end.
    fn ended(end: End) -> Self::Notice;
}

/// What an event means to the driver.
pub(crate) enum Record<N> {
    Subscribed {
        heartbeat: Option<Duration>,
        framework_id: v1::FrameworkId,
        notice: N,
    },
    Heartbeat,
    Error {
        message: String,
    },
    Event(N),
    /// Of a kind that this version does not know.
    Unknown,
}

/// What a client is started with.
pub(crate) struct Plan<C> {
    pub(crate) rules: Rules,
    /// For [`Targets::Detected`](crate::core::subscription::Targets::Detected).
    pub(crate) detector: Option<DetectorRules>,
    pub(crate) call_timeout: Duration,
    /// A call to be made again and again, and how often.
    pub(crate) heartbeat: Option<(Duration, C)>,
    /// Of the random part of delays.
    pub(crate) seed: u64,
}

/// Starts a client: one task for the stream and the calls. It ends on stop, when the last handle
/// or the receiver is dropped, and when there is nothing more to try.
///
/// # Panics
/// Outside a tokio runtime.
pub(crate) fn start<A: Api, C: Call>(
    http: Http,
    plan: Plan<C>,
    api: impl FnOnce(&mpsc::Sender<A::Notice>) -> A,
) -> (CallQueue<C>, mpsc::Receiver<A::Notice>) {
    let Plan {
        rules,
        detector,
        call_timeout,
        heartbeat,
        seed,
    } = plan;
    let mut random = fastrand::Rng::with_seed(seed);
    let (notices, receiver) = mpsc::channel(NOTICES_MAX);
    let (session, session_seen) = watch::channel(None);
    let (lost, lost_seen) = watch::channel(0);
    let (leaving, leaving_seen) = watch::channel(false);
    let stop = Arc::new(Notify::new());
    let (queue, worker) = CallWorker::new(
        http.clone(),
        call_timeout,
        session_seen,
        lost,
        leaving,
        Arc::clone(&stop),
        random.fork(),
    );
    let (found, detections) = mpsc::channel(DETECTIONS_MAX);
    let place = detector.as_ref().map(|rules| rules.url.to_string());
    let detector = detector.map(|rules| Detector::new(rules, random.fork()));
    let driver = Driver {
        api: api(&notices),
        machine: Subscription::new(rules, random),
        http,
        notices: notices.clone(),
        session,
        lost: lost_seen,
        leaving: leaving_seen,
        place: place.unwrap_or_default(),
        detections,
        connection: Connection::Closed,
    };
    let beats = beat(queue.downgrade(), heartbeat);
    tokio::spawn(async move {
        tokio::select! {
            () = driver.run() => {}
            () = worker.run() => {}
            () = zookeeper::run(detector, found) => {}
            () = beats => {}
            () = stop.notified() => {}
            () = notices.closed() => {}
        }
    });
    (queue, receiver)
}

/// Makes the call at each interval; for ever silent without one.
async fn beat<C: Call>(queue: WeakCallQueue<C>, heartbeat: Option<(Duration, C)>) {
    let Some((interval, call)) = heartbeat else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(interval).await;
        // Its own handle would keep the client alive.
        let Some(queue) = queue.upgrade() else {
            return std::future::pending().await;
        };
        if let Err(error) = queue.call(call.clone()).await {
            // The stream is what tells of a loss.
            tracing::debug!(%error, "a heartbeat was not taken");
        }
    }
}

struct Driver<A: Api> {
    api: A,
    machine: Subscription,
    http: Http,
    notices: mpsc::Sender<A::Notice>,
    session: watch::Sender<Option<Session>>,
    lost: watch::Receiver<u64>,
    leaving: watch::Receiver<bool>,
    /// Where masters are detected, as it is shown.
    place: String,
    detections: mpsc::Receiver<Detection>,
    connection: Connection,
}

impl<A: Api> Driver<A> {
    async fn run(mut self) {
        self.machine.handle(Instant::now(), Input::Start);
        loop {
            while let Some(output) = self.machine.poll_output() {
                let is_end = matches!(output, Output::Ended(_));
                self.perform(output).await;
                if is_end {
                    return;
                }
            }
            let due = self.machine.poll_timeout();
            let due = due.unwrap_or_else(|| Instant::now() + NO_TIMEOUT);
            let input = tokio::select! {
                // What has arrived is read before the server is called silent.
                biased;
                happening = self.connection.next() => self.take(happening).await,
                Ok(()) = self.lost.changed() => {
                    let generation = *self.lost.borrow_and_update();
                    Some(Input::NotSubscribed { generation })
                }
                Some(detection) = self.detections.recv() => Some(self.detected(detection)),
                () = tokio::time::sleep_until(due.into()) => Some(Input::Timeout),
            };
            if let Some(input) = input {
                self.machine.handle(Instant::now(), input);
            }
        }
    }

    async fn perform(&mut self, output: Output) {
        match output {
            Output::Open {
                generation,
                endpoint,
            } => {
                tracing::debug!(generation, %endpoint, "subscribing");
                let call = self.api.subscribe();
                let http = self.http.clone();
                let mut leaving = self.leaving.clone();
                self.connection = Connection::Opening(Box::pin(async move {
                    // A master ends the stream before it answers TEARDOWN, or after. A SUBSCRIBE
                    // in between would be refused, and the refusal taken for the end.
                    let _ = leaving.wait_for(|leaving| !leaving).await;
                    open::<A>(http, generation, endpoint, call).await
                }));
            }
            Output::Close => self.connection = Connection::Closed,
            Output::Lost(reason) => {
                tracing::debug!(%reason, "subscription lost");
                self.session.send_replace(None);
                self.tell(A::lost(reason)).await;
            }
            Output::AttemptFailed { reason, retry_in } => {
                tracing::debug!(%reason, ?retry_in, "not subscribed");
                self.tell(A::attempt_failed(reason, retry_in)).await;
            }
            Output::Ended(end) => {
                tracing::debug!(?end, "subscription ended");
                self.session.send_replace(None);
                self.tell(A::ended(end)).await;
            }
        }
    }

    /// Acts on what the connection brought; answers what the machine must know of it.
    async fn take(&mut self, happening: Happening) -> Option<Input> {
        match happening {
            Happening::Opened(stream) => {
                self.connection = Connection::Open(stream);
                None
            }
            Happening::Answered(Answer {
                status,
                location,
                text,
            }) => {
                self.connection = Connection::Closed;
                Some(Input::Answered {
                    status,
                    location,
                    text,
                })
            }
            Happening::Ended(reason) => {
                self.connection = Connection::Closed;
                Some(Input::Failed(reason))
            }
            Happening::Record(record) => match self.http.encoding().decode(record) {
                Ok(event) => Some(self.take_event(event).await),
                Err(detail) => {
                    self.connection = Connection::Closed;
                    Some(Input::Failed(DisconnectReason::Malformed(detail)))
                }
            },
        }
    }

    async fn take_event(&mut self, event: A::Event) -> Input {
        match self.api.read(event) {
            Record::Subscribed {
                heartbeat,
                framework_id,
                notice,
            } => {
                // Before the owner knows, so that what it calls in reaction finds the way.
                if let Connection::Open(stream) = &self.connection {
                    let head = stream.head.clone();
                    tracing::debug!(head.generation, "subscribed");
                    self.session.send_replace(Some(Session {
                        generation: head.generation,
                        endpoint: head.endpoint,
                        stream_id: head.stream_id,
                        framework_id,
                    }));
                }
                self.tell(notice).await;
                Input::Subscribed { heartbeat }
            }
            Record::Error { message } => Input::Error { message },
            Record::Event(notice) => {
                self.tell(notice).await;
                Input::Heard
            }
            Record::Heartbeat => Input::Heartbeat,
            Record::Unknown => {
                tracing::debug!("an event of an unknown type is ignored");
                Input::Heard
            }
        }
    }

    fn detected(&self, detection: Detection) -> Input {
        tracing::debug!(?detection, place = self.place, "asked for the leader");
        let no_leader = |detail| DisconnectReason::NoLeader {
            place: self.place.clone(),
            detail,
        };
        match detection {
            Detection::Leader(endpoint) => Input::Leader(endpoint),
            Detection::Nobody { detail } => Input::NoLeader(no_leader(detail)),
            Detection::Unknown { detail, retry_in } => Input::NotDetected {
                reason: no_leader(detail),
                retry_in,
            },
        }
    }

    async fn tell(&mut self, notice: A::Notice) {
        // Without a receiver the whole client ends, see `start`.
        let _ = self.notices.send(notice).await;
    }
}

/// The one connection for the stream.
enum Connection {
    Closed,
    Opening(BoxFuture<Happening>),
    Open(Box<EventStream>),
}

/// What a connection brings.
enum Happening {
    Opened(Box<EventStream>),
    Answered(Answer),
    Record(Bytes),
    Ended(DisconnectReason),
}

/// What the head of a stream says.
#[derive(Debug, Clone)]
struct StreamHead {
    generation: u64,
    endpoint: Endpoint,
    stream_id: Option<HeaderValue>,
}

struct EventStream {
    head: StreamHead,
    response: reqwest::Response,
    decoder: Decoder,
}

impl Connection {
    /// Waits for what comes next; for ever while closed. Loses nothing when dropped.
    async fn next(&mut self) -> Happening {
        match self {
            Self::Closed => std::future::pending().await,
            Self::Opening(opening) => opening.await,
            Self::Open(stream) => match stream.next().await {
                Ok(record) => Happening::Record(record),
                Err(reason) => Happening::Ended(reason),
            },
        }
    }
}

impl EventStream {
    async fn next(&mut self) -> Result<Bytes, DisconnectReason> {
        loop {
            let record = self.decoder.next();
            if let Some(record) =
                record.map_err(|error| DisconnectReason::Malformed(error.to_string()))?
            {
                return Ok(record);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.decoder.push(&chunk),
                Ok(None) if self.decoder.is_at_boundary() => return Err(DisconnectReason::Closed),
                Ok(None) => {
                    let detail = "it ended within a record".to_owned();
                    return Err(DisconnectReason::Broken(detail));
                }
                Err(error) => return Err(DisconnectReason::Broken(root_cause(&error))),
            }
        }
    }
}

/// Sends SUBSCRIBE and looks at the head of the answer.
async fn open<A: Api>(
    http: Http,
    generation: u64,
    endpoint: Endpoint,
    call: BoxFuture<Bytes>,
) -> Happening {
    let response = match http.subscribe(&endpoint, call.await).await {
        Ok(Ok(response)) => response,
        Ok(Err(answer)) => return Happening::Answered(answer),
        Err(reason) => return Happening::Ended(reason),
    };
    let not_mesos = |detail: String| {
        Happening::Ended(DisconnectReason::NotMesos {
            endpoint: endpoint.to_string(),
            detail,
        })
    };
    let headers = response.headers();
    if let Some(detail) = http.encoding().mismatch(headers.get(CONTENT_TYPE)) {
        return not_mesos(detail);
    }
    let stream_id = headers.get(STREAM_ID).cloned();
    if A::HAS_STREAM_ID && stream_id.is_none() {
        return not_mesos(format!("there is no `{STREAM_ID}` header"));
    }
    Happening::Opened(Box::new(EventStream {
        head: StreamHead {
            generation,
            endpoint,
            stream_id,
        },
        response,
        decoder: Decoder::new(RECORD_BYTES_MAX),
    }))
}
