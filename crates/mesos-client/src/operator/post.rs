//! One call and its answer, at whoever leads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use mesos::master::ZooKeeperUrl;
use mesos::recordio::Decoder;
use reqwest::Body;
use tokio::sync::mpsc;

use super::{ANSWER_BYTES_MAX, OperatorConfig, OperatorError, PATH};
use crate::core::backoff::Backoff;
use crate::core::endpoint::Endpoint;
use crate::core::subscription::REDIRECTS_MAX;
use crate::core::zookeeper::leader::Scheme;
use crate::core::zookeeper::{Detection, Detector, DetectorRules};
use crate::encoding::{Encoding, Root};
use crate::error::{DisconnectReason, StartError};
use crate::scheduler::Place;
use crate::transport::{Form, Http, HttpOptions, Reply, Tls};
use crate::zookeeper;

/// Who is asked.
#[derive(Debug)]
pub(super) struct Poster {
    http: Http,
    place: Place,
    scheme: Scheme,
    connect_timeout: Duration,
    call_timeout: Duration,
    /// Who answered last; asked first.
    leader: Mutex<Option<Endpoint>>,
}

impl Poster {
    pub(super) fn new(place: Place, config: &OperatorConfig) -> Result<Self, StartError> {
        let is_own_tls = config.tls != Tls::default();
        let is_secure = match &place {
            Place::Addresses(endpoints) => endpoints.iter().any(Endpoint::is_secure),
            Place::ZooKeeper(_) => false,
        };
        let http = Http::new(HttpOptions {
            connect_timeout: config.connect_timeout,
            encoding: config.encoding,
            credentials: config.credentials.as_ref(),
            tls: (is_own_tls || is_secure).then_some(&config.tls),
            domain_socket: None,
        })?;
        let scheme = if is_own_tls {
            Scheme::Https
        } else {
            Scheme::Http
        };
        Ok(Self {
            http,
            place,
            scheme,
            connect_timeout: config.connect_timeout,
            call_timeout: config.call_timeout,
            leader: Mutex::new(None),
        })
    }

    /// A query: the answer has a body.
    pub(super) async fn ask<C: Root, R: Root>(&self, call: &C) -> Result<R, OperatorError> {
        self.read(call, Some(self.call_timeout)).await
    }

    /// A query whose answer may take for ever.
    pub(super) async fn wait<C: Root, R: Root>(&self, call: &C) -> Result<R, OperatorError> {
        self.read(call, None).await
    }

    async fn read<C: Root, R: Root>(
        &self,
        call: &C,
        timeout: Option<Duration>,
    ) -> Result<R, OperatorError> {
        let (endpoint, mut reply) = self.send(call, Form::Messages, timeout).await?;
        let whole = async {
            let mut body = Vec::new();
            while let Some(chunk) = reply.response.chunk().await.map_err(cause)? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    return Err(format!("its answer exceeds {ANSWER_BYTES_MAX} bytes"));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        };
        let body = whole
            .await
            .map_err(|detail| OperatorError::UnknownOutcome {
                endpoint: endpoint.to_string(),
                detail,
            })?;
        self.check_type(&endpoint, &reply)?;
        let read = self.http.encoding().decode(body.into());
        read.map_err(|detail| not_mesos(&endpoint, detail))
    }

    /// Anything else: that it was taken is all that is answered.
    pub(super) async fn act<C: Root>(&self, call: &C) -> Result<(), OperatorError> {
        let sent = self.send(call, Form::Messages, Some(self.call_timeout));
        sent.await.map(|_| ())
    }

    /// SUBSCRIBE, which is answered by events without end.
    pub(super) async fn stream<C: Root>(&self, call: &C) -> Result<Records, OperatorError> {
        self.records(call, Form::Messages).await
    }

    /// A call that is answered by what a container writes.
    pub(super) async fn output<C: Root>(&self, call: &C) -> Result<Records, OperatorError> {
        self.records(call, Form::RecordsOut).await
    }

    async fn records<C: Root>(&self, call: &C, form: Form) -> Result<Records, OperatorError> {
        let (endpoint, reply) = self.send(call, form, None).await?;
        self.check_type(&endpoint, &reply)?;
        Ok(Records {
            response: reply.response,
            decoder: Decoder::default(),
            encoding: self.http.encoding(),
        })
    }

    /// Posts records until there are no more, and reads what is said to them. Ends at once when
    /// something is said before.
    pub(super) fn input(
        &self,
        first: Bytes,
        mut records: mpsc::Receiver<Bytes>,
    ) -> impl Future<Output = Result<(), OperatorError>> + Send + 'static {
        let http = self.http.clone();
        // An agent is one server, and it redirects nobody.
        let endpoint = match &self.place {
            Place::Addresses(endpoints) => endpoints.first().cloned(),
            Place::ZooKeeper(_) => None,
        };
        async move {
            let endpoint = endpoint.expect("an agent has an address");
            let (sender, body) = mpsc::channel(1);
            let forwarded = async move {
                let mut next = Some(first);
                // Who posts may have ended already.
                while let Some(record) = next.take()
                    && sender.send(record).await.is_ok()
                {
                    next = records.recv().await;
                }
                drop(sender);
                // Nothing that is written after the answer would be read by anybody.
                std::future::pending::<Infallible>().await
            };
            let body = Body::wrap(RecordBody(body));
            let reply = tokio::select! {
                reply = http.post_to_operator(&endpoint, body, Form::RecordsIn, None) => reply?,
                never = forwarded => match never {},
            };
            match reply.status {
                200 | 202 => Ok(()),
                status => Err(refusal(&endpoint, status, reply.text().await)),
            }
        }
    }

    /// How calls are written.
    pub(super) fn encoding(&self) -> Encoding {
        self.http.encoding()
    }

    /// What is missing in an answer.
    pub(super) fn incomplete(&self, what: &str) -> OperatorError {
        let leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = leader.as_ref().map(ToString::to_string);
        OperatorError::NotMesos {
            endpoint: endpoint.unwrap_or_default(),
            detail: format!("there is no `{what}` in its answer"),
        }
    }

    /// Goes to the leader, wherever it is, and answers what was taken.
    async fn send<C: Root>(
        &self,
        call: &C,
        form: Form,
        timeout: Option<Duration>,
    ) -> Result<(Endpoint, Reply), OperatorError> {
        let body = self.http.encoding().encode(call);
        let mut failure = None;
        for candidate in self.candidates().await? {
            match self.follow(candidate, &body, form, timeout).await {
                Ok((endpoint, reply)) => {
                    let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
                    *leader = Some(endpoint.clone());
                    return Ok((endpoint, reply));
                }
                // Nothing was done there: the next may lead.
                Err(OperatorError::Unreachable(reason)) => failure = Some(reason),
                Err(error) => return Err(error),
            }
        }
        let nobody = || DisconnectReason::Redirected {
            location: String::new(),
        };
        Err(OperatorError::Unreachable(failure.unwrap_or_else(nobody)))
    }

    async fn follow(
        &self,
        mut endpoint: Endpoint,
        body: &Bytes,
        form: Form,
        timeout: Option<Duration>,
    ) -> Result<(Endpoint, Reply), OperatorError> {
        for _ in 0..=REDIRECTS_MAX {
            let sent = self
                .http
                .post_to_operator(&endpoint, body.clone(), form, timeout);
            let reply = sent.await?;
            match reply.status {
                200 | 202 => return Ok((endpoint, reply)),
                307 => {
                    let location = reply.location.clone().unwrap_or_default();
                    match endpoint.redirected(&location) {
                        Some(target) => {
                            endpoint = target;
                            continue;
                        }
                        None => {
                            let reason = DisconnectReason::Redirected { location };
                            return Err(OperatorError::Unreachable(reason));
                        }
                    }
                }
                status => return Err(refusal(&endpoint, status, reply.text().await)),
            }
        }
        let location = endpoint.to_string();
        Err(OperatorError::Unreachable(DisconnectReason::Redirected {
            location,
        }))
    }

    /// Whom to ask, in order.
    async fn candidates(&self) -> Result<Vec<Endpoint>, OperatorError> {
        match &self.place {
            Place::Addresses(endpoints) => {
                let leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
                let known = leader.iter().cloned();
                Ok(known.chain(endpoints.iter().cloned()).collect())
            }
            Place::ZooKeeper(url) => Ok(vec![self.detect(url).await?]),
        }
    }

    /// Asks ZooKeeper once. It is cheap, and what was true at the last call need not be true now.
    async fn detect(&self, url: &ZooKeeperUrl) -> Result<Endpoint, OperatorError> {
        let rules = DetectorRules {
            url: url.clone(),
            scheme: self.scheme,
            path: PATH,
            backoff: Backoff {
                first: Duration::from_millis(100),
                max: Duration::from_secs(1),
            },
        };
        let (found, mut detections) = mpsc::channel(1);
        let detector = Detector::new(rules, fastrand::Rng::new());
        let mut last = "no answer in time".to_owned();
        let look = async {
            while let Some(detection) = detections.recv().await {
                match detection {
                    Detection::Leader(endpoint) => return Some(endpoint),
                    Detection::Nobody { detail } => {
                        last = detail;
                        return None;
                    }
                    Detection::Unknown { detail, .. } => last = detail,
                }
            }
            None
        };
        let leader = tokio::select! {
            leader = look => leader,
            () = zookeeper::run(Some(detector), found) => None,
            () = tokio::time::sleep(self.connect_timeout) => None,
        };
        leader.ok_or_else(|| {
            OperatorError::Unreachable(DisconnectReason::NoLeader {
                place: url.to_string(),
                detail: last,
            })
        })
    }

    fn check_type(&self, endpoint: &Endpoint, reply: &Reply) -> Result<(), OperatorError> {
        let mismatch = self.http.encoding().mismatch(reply.content_type.as_ref());
        mismatch.map_or(Ok(()), |detail| Err(not_mesos(endpoint, detail)))
    }
}

/// The class of an answer that is neither taken nor a redirect.
fn refusal(endpoint: &Endpoint, status: u16, text: String) -> OperatorError {
    match status {
        401 | 403 => OperatorError::Unauthorized { status, text },
        503 => OperatorError::Unreachable(DisconnectReason::Unavailable {
            endpoint: endpoint.to_string(),
            status,
            text,
        }),
        _ => OperatorError::Rejected { status, text },
    }
}

fn not_mesos(endpoint: &Endpoint, detail: String) -> OperatorError {
    OperatorError::NotMesos {
        endpoint: endpoint.to_string(),
        detail,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` has")]
fn cause(error: reqwest::Error) -> String {
    crate::transport::root_cause(&error)
}

/// A body that is written record by record.
struct RecordBody(mpsc::Receiver<Bytes>);

impl http_body::Body for RecordBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let record = self.0.poll_recv(context);
        record.map(|record| record.map(|record| Ok(Frame::data(record))))
    }
}

/// A stream of records.
#[derive(Debug)]
pub(super) struct Records {
    response: reqwest::Response,
    decoder: Decoder,
    encoding: Encoding,
}

impl Records {
    /// The next record. Loses nothing when dropped.
    pub(super) async fn next<R: Root>(&mut self) -> Result<R, DisconnectReason> {
        loop {
            let malformed = |detail: String| DisconnectReason::Malformed(detail);
            let record = self.decoder.next();
            if let Some(record) = record.map_err(|error| malformed(error.to_string()))? {
                return self.encoding.decode(record).map_err(malformed);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.decoder.push(&chunk),
                Ok(None) => return Err(DisconnectReason::Closed),
                Err(error) => return Err(DisconnectReason::Broken(cause(error))),
            }
        }
    }
}
