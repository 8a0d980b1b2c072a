//! The HTTP API of an agent: what executors send to it (PROTOCOL §9.1), and where operators go.
//!
//! Owns routes, the checks that come before the agent looks at a call, and the words of the
//! answers. Everything else is the agent's to decide.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use mesos::v1;
use tokio::sync::{mpsc, oneshot, watch};

use super::agent_operator::Operators;
use super::request::{Refusal, accepted, accepted_encoding, json, not_found, read_call, routes};
use super::stream::RecordBody;
use super::{Body, Handler, Request, Response, files, guard, state};
use crate::authentication::Guard;
use crate::codec::Encoding;
use crate::core::agent::{Answer, Body as CallBody, Call, InvalidCall};
use crate::core::facts;
use crate::core::principal::Principal;

/// The name of the process, which may stand in front of every path.
const PROCESS: &str = "/slave(1)";

/// How many calls may wait for the agent. When it is behind, connections wait.
pub(crate) const CALLS_MAX: usize = 1024;

/// Answers executors; all clones give their calls to one agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentHandler {
    calls: mpsc::Sender<HttpCall>,
    operators: Operators,
    guard: Guard,
    /// Whether the agent stands still, and with it every answer.
    is_frozen: watch::Receiver<bool>,
}

/// A valid call on its way to the agent.
#[derive(Debug)]
pub(crate) struct HttpCall {
    pub(crate) call: Call,
    /// Who calls, where executors have to say.
    pub(crate) principal: Option<Principal>,
    /// In what its events are to be written, if it is a SUBSCRIBE.
    pub(crate) encoding: Encoding,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What the agent makes of a call.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A stream, which begins.
    Stream(RecordBody),
    /// Anything else.
    Answer(Answer),
}

impl AgentHandler {
    pub(crate) fn new(
        calls: mpsc::Sender<HttpCall>,
        operators: Operators,
        guard: Guard,
        is_frozen: watch::Receiver<bool>,
    ) -> Self {
        Self {
            calls,
            operators,
            guard,
            is_frozen,
        }
    }

    async fn executor(
        &self,
        request: Request,
        principal: Option<Principal>,
    ) -> Result<Response, Refusal> {
        let (parts, call) = read_call::<v1::executor::Call>(request).await?;
        let call = Call::try_from(call).map_err(refuse)?;
        let encoding = match call.body {
            CallBody::Subscribe { .. } => accepted_encoding(&parts.headers)?,
            CallBody::Update(_) | CallBody::Message(_) | CallBody::Heartbeat => Encoding::Json,
        };
        let (reply, replied) = oneshot::channel();
        let call = HttpCall {
            call,
            principal,
            encoding,
            reply,
        };
        // Neither fails while the agent runs.
        self.calls.send(call).await.map_err(|_| terminating())?;
        match replied.await.map_err(|_| terminating())? {
            Reply::Stream(body) => Ok(stream(body, encoding)),
            Reply::Answer(answer) => answered(answer),
        }
    }
}

impl Handler for AgentHandler {
    async fn handle(&self, request: Request) -> Response {
        // An error is the end of the agent, which ends this too.
        let _ = self
            .is_frozen
            .clone()
            .wait_for(|is_frozen| !is_frozen)
            .await;
        let path = request.uri().path().to_owned();
        let is_prefixed = path.starts_with(PROCESS);
        for route in routes(&path, PROCESS) {
            let principal = match guard::authenticate(&self.guard, route, request.headers()) {
                Ok(principal) => principal,
                Err(unauthorized) => return unauthorized.into(),
            };
            match route {
                "/api/v1/executor" => {
                    let answer = self.executor(request, principal).await;
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
                "/containers" => {
                    let answer = self.operators.containers().await;
                    return answer.unwrap_or_else(Response::from);
                }
                "/metrics/snapshot" if !is_prefixed => {
                    let answer = self.operators.metrics().await;
                    return answer.unwrap_or_else(Response::from);
                }
                "/health" => return Response::new(Body::empty()),
                "/version" if !is_prefixed => return json(state::version(&facts::version())),
                "/files/browse" | "/files/read" | "/files/download" | "/files/debug"
                    if !is_prefixed =>
                {
                    return files::answer(self.operators.files(), route, request.uri()).await;
                }
                _ => {}
            }
        }
        not_found()
    }
}

/// Answers executors at a socket in the file system: the executor API and the operator API by their
/// whole paths, and nothing else (PROTOCOL §9.2).
#[derive(Debug, Clone)]
pub(crate) struct DomainSocketHandler(pub(crate) AgentHandler);

impl Handler for DomainSocketHandler {
    async fn handle(&self, request: Request) -> Response {
        let path = request.uri().path().strip_prefix(PROCESS);
        let rest = path.and_then(|path| path.strip_prefix("/api/v1"));
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return self.0.handle(request).await;
        }
        Refusal::new(StatusCode::FORBIDDEN, "403 Forbidden.").into()
    }
}

fn refuse(error: InvalidCall) -> Refusal {
    match error {
        InvalidCall::NotImplemented => not_implemented(),
        error => Refusal::bad_request(format!("Failed to validate Executor::Call: {error}")),
    }
}

fn terminating() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Agent is terminating")
}

fn not_implemented() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        InvalidCall::NotImplemented.to_string(),
    )
}

fn answered(answer: Answer) -> Result<Response, Refusal> {
    match answer {
        // A stream comes as `Reply::Stream`.
        Answer::Accepted | Answer::Stream => Ok(accepted()),
        Answer::UnknownFramework => Err(Refusal::bad_request("Framework cannot be found")),
        Answer::UnknownExecutor => Err(Refusal::bad_request("Executor cannot be found")),
        Answer::NotSubscribed => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Executor is not subscribed",
        )),
        Answer::Forbidden(text) => Err(Refusal::new(StatusCode::FORBIDDEN, text)),
        Answer::Recovering => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Agent has not finished recovery",
        )),
    }
}

/// 200 with the stream; executors have no stream id.
fn stream(body: RecordBody, encoding: Encoding) -> Response {
    let mut response = Response::new(Body::Records(body));
    let media_type = HeaderValue::from_static(encoding.media_type());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
