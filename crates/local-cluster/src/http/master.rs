//! The HTTP API of a master: what schedulers send to it (PROTOCOL §1, §3).
//!
//! Owns routes, and the checks that come before the master looks at a call. Everything else is the
//! master's to decide.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use mesos::v1::scheduler::Call;
use tokio::sync::{mpsc, oneshot, watch};

use super::faults::{self, FaultDoor};
use super::operator::{OperatorCall, Operators};
use super::request::{Refusal, accepted, accepted_encoding, json, not_found, read_call, routes};
use super::stream::RecordBody;
use super::{Body, Handler, Request, Response, files, guard, state};
use crate::authentication::Guard;
use crate::codec::Encoding;
use crate::core::facts;
use crate::core::master::{CallHeaders, Rejection};
use crate::core::principal::Principal;
use crate::files::Files;

/// The name of the process, which may stand in front of every path.
const PROCESS: &str = "/master";

const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// How many calls may wait for the master. When it is behind, connections wait.
pub(crate) const CALLS_MAX: usize = 1024;

/// Answers schedulers; all clones give their calls to one master.
#[derive(Debug, Clone)]
pub(crate) struct MasterHandler {
    calls: mpsc::Sender<HttpCall>,
    operators: Operators,
    standing: watch::Receiver<Standing>,
    guard: Guard,
    faults: Option<FaultDoor>,
}

/// What a master is among the masters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody is known to lead.
    Leaderless,
    /// Another one leads, at this `host:port`.
    Following(String),
    /// It leads, and is not ready yet.
    Recovering {
        /// Its own `host:port`.
        place: String,
    },
    /// It leads.
    Leading {
        /// Its own `host:port`.
        place: String,
    },
}

impl Standing {
    /// What it answers to everything but questions about itself, before any other check
    /// (PROTOCOL §1); nothing when it leads. `path` is the route that was asked for.
    fn refusal(&self, path: &str) -> Option<Response> {
        let unavailable = |text: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).into();
        match self {
            Self::Leaderless => Some(unavailable("No leader elected")),
            Self::Following(place) => Some(redirect(place, &format!("{PROCESS}{path}"))),
            Self::Recovering { .. } => Some(unavailable("Master has not finished recovery")),
            Self::Leading { .. } => None,
        }
    }

    fn is_leading(&self) -> bool {
        matches!(self, Self::Leading { .. })
    }

    /// The answer to `/redirect`.
    fn redirect(&self) -> Response {
        match self {
            Self::Leaderless => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "No leader elected").into()
            }
            Self::Following(place) | Self::Recovering { place } | Self::Leading { place } => {
                redirect(place, "")
            }
        }
    }
}

/// A call on its way to the master.
#[derive(Debug)]
pub(crate) struct HttpCall {
    pub(crate) call: Box<Call>,
    pub(crate) headers: CallHeaders,
    /// In what its events are to be written, if it is a SUBSCRIBE.
    pub(crate) encoding: Encoding,
    pub(crate) reply: oneshot::Sender<HttpReply>,
}

/// What the master makes of a call.
#[derive(Debug)]
pub(crate) enum HttpReply {
    /// A stream, which begins.
    Stream { body: RecordBody, stream_id: String },
    /// 202.
    Accepted,
    /// 200 without content.
    Ok,
    /// Not 2xx.
    Refused(Rejection),
}

impl MasterHandler {
    pub(crate) fn new(
        calls: mpsc::Sender<HttpCall>,
        operator_calls: mpsc::Sender<OperatorCall>,
        standing: watch::Receiver<Standing>,
        guard: Guard,
        faults: Option<FaultDoor>,
    ) -> Self {
        Self {
            calls,
            operators: Operators::new(operator_calls),
            standing,
            guard,
            faults,
        }
    }

    async fn scheduler(
        &self,
        request: Request,
        principal: Option<Principal>,
    ) -> Result<Response, Refusal> {
        let (parts, call) = read_call::<Call>(request).await?;
        let encoding = accepted_encoding(&parts.headers);
        let stream_id = parts.headers.get(STREAM_ID);
        let headers = CallHeaders {
            stream_id: stream_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
            accepts_nothing: encoding.is_err(),
            principal: principal.and_then(|it| it.name().map(str::to_owned)),
        };
        // Where nothing is acceptable nothing is encoded.
        let encoding = encoding.unwrap_or(Encoding::Json);
        let (reply, replied) = oneshot::channel();
        let call = HttpCall {
            call: Box::new(call),
            headers,
            encoding,
            reply,
        };
        let stopping = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Master is terminating");
        self.calls.send(call).await.map_err(|_| stopping())?;
        match replied.await.map_err(|_| stopping())? {
            HttpReply::Stream { body, stream_id } => Ok(stream(body, &stream_id, encoding)),
            HttpReply::Accepted => Ok(accepted()),
            HttpReply::Ok => Ok(Response::new(Body::empty())),
            HttpReply::Refused(Rejection { status, text }) => {
                let status = StatusCode::from_u16(status);
                Err(Refusal::new(status.expect("the master knows HTTP"), text))
            }
        }
    }
}

impl Handler for MasterHandler {
    async fn handle(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let is_prefixed = path.starts_with(PROCESS);
        let standing = self.standing.borrow().clone();
        for route in routes(&path, PROCESS) {
            let principal = match guard::authenticate(&self.guard, route, request.headers()) {
                Ok(principal) => principal,
                Err(unauthorized) => return unauthorized.into(),
            };
            if matches!(route, "/api/v1/scheduler" | "/api/v1" | "/state")
                && let Some(refusal) = standing.refusal(route)
            {
                return refusal;
            }
            match route {
                "/api/v1/scheduler" => {
                    let answer = self.scheduler(request, principal).await;
                    return answer.unwrap_or_else(Response::from);
                }
                "/api/v1" => {
                    let answer = self.operators.api(request).await;
                    return answer.unwrap_or_else(Response::from);
                }
                "/state" => {
                    let answer = self.operators.state().await;
                    return answer.unwrap_or_else(Response::from);
                }
                faults::ROUTE if let Some(door) = &self.faults => {
                    // As of operators who change something.
                    let asked = guard::authenticate(&self.guard, "/api/v1", request.headers());
                    return match asked {
                        Ok(_) => door.answer(request).await.unwrap_or_else(Response::from),
                        Err(unauthorized) => unauthorized.into(),
                    };
                }
                "/health" => return Response::new(Body::empty()),
                "/redirect" => return standing.redirect(),
                "/version" if !is_prefixed => return json(state::version(&facts::version())),
                "/metrics/snapshot" if !is_prefixed && !standing.is_leading() => {
                    return json(state::metrics(&facts::follower_metrics()));
                }
                "/metrics/snapshot" if !is_prefixed => {
                    let answer = self.operators.metrics().await;
                    return answer.unwrap_or_else(Response::from);
                }
                "/files/browse" | "/files/read" | "/files/download" | "/files/debug"
                    if !is_prefixed =>
                {
                    return files::answer(&Files::none(), route, request.uri()).await;
                }
                _ => {}
            }
        }
        not_found()
    }
}

/// To a path of another master; relative to the protocol, as Mesos writes it.
fn redirect(place: &str, path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    // A place that is none comes from a foreign hand in ZooKeeper.
    if let Ok(location) = HeaderValue::from_str(&format!("//{place}{path}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn stream(body: RecordBody, stream_id: &str, encoding: Encoding) -> Response {
    let mut response = Response::new(Body::Records(body));
    let headers = response.headers_mut();
    let stream_id = HeaderValue::from_str(stream_id);
    headers.insert(STREAM_ID, stream_id.expect("a stream id is a UUID"));
    let media_type = HeaderValue::from_static(encoding.media_type());
    headers.insert(CONTENT_TYPE, media_type);
    response
}
