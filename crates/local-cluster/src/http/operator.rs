//! The operator API of a master over HTTP (PROTOCOL §12): calls, and the older endpoints that show
//! the same.
//!
//! Owns the shape of answers. What they say is the master's.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use mesos::v1::master::{Call, Response as Answer, call};
use tokio::sync::{mpsc, oneshot};

use super::request::{Refusal, accepted_encoding, json, read_call};
use super::state;
use super::stream::RecordBody;
use super::{Body, Request, Response};
use crate::codec::{self, Encoding};
use crate::core::master::Rejection;

/// Answers operators; all clones give their calls to one master.
#[derive(Debug, Clone)]
pub(crate) struct Operators {
    calls: mpsc::Sender<OperatorCall>,
}

/// A call on its way to the master.
#[derive(Debug)]
pub(crate) struct OperatorCall {
    pub(crate) call: Box<Call>,
    /// Whether no encoding of an answer is acceptable to the client.
    pub(crate) accepts_nothing: bool,
    /// In what its events are to be written, if it is a SUBSCRIBE.
    pub(crate) encoding: Encoding,
    pub(crate) reply: oneshot::Sender<OperatorAnswer>,
}

/// What the master makes of a call.
#[derive(Debug)]
pub(crate) enum OperatorAnswer {
    /// 200 without content.
    Ok,
    /// 200 with this.
    Answer(Box<Answer>),
    /// A stream, which begins.
    Stream(RecordBody),
    /// Not 2xx.
    Refused(Rejection),
}

impl Operators {
    pub(crate) fn new(calls: mpsc::Sender<OperatorCall>) -> Self {
        Self { calls }
    }

    /// `/api/v1`.
    pub(crate) async fn api(&self, request: Request) -> Result<Response, Refusal> {
        let (parts, call) = read_call::<Call>(request).await?;
        let encoding = accepted_encoding(&parts.headers);
        let accepts_nothing = encoding.is_err();
        // Where nothing is acceptable nothing is encoded.
        let encoding = encoding.unwrap_or(Encoding::Json);
        match self.ask(call, accepts_nothing, encoding).await? {
            OperatorAnswer::Ok => Ok(Response::new(Body::empty())),
            OperatorAnswer::Answer(answer) => Ok(encoded(encoding, &*answer)),
            OperatorAnswer::Stream(body) => Ok(of_type(encoding, Body::Records(body))),
            OperatorAnswer::Refused(rejection) => Err(refusal(rejection)),
        }
    }

    /// `/state`.
    pub(crate) async fn state(&self) -> Result<Response, Refusal> {
        let state = self.query(call::Type::GetState).await?;
        let master = self.query(call::Type::GetMaster).await?;
        let version = self.query(call::Type::GetVersion).await?;
        let flags = self.query(call::Type::GetFlags).await?;
        let metrics = self.query(call::Type::GetMetrics).await?;
        Ok(json(state::master(
            &state.get_state.unwrap_or_default(),
            &master.get_master.unwrap_or_default(),
            &version.get_version.unwrap_or_default().version_info,
            &flags.get_flags.unwrap_or_default().flags,
            &metrics.get_metrics.unwrap_or_default().metrics,
        )))
    }

    /// `/metrics/snapshot`.
    pub(crate) async fn metrics(&self) -> Result<Response, Refusal> {
        let answer = self.query(call::Type::GetMetrics).await?;
        let metrics = answer.get_metrics.unwrap_or_default().metrics;
        Ok(json(state::metrics(&metrics)))
    }

    async fn query(&self, query: call::Type) -> Result<Answer, Refusal> {
        let call = Call {
            r#type: Some(query.into()),
            get_metrics: Some(call::GetMetrics::default()),
            ..Call::default()
        };
        match self.ask(call, false, Encoding::Json).await? {
            OperatorAnswer::Answer(answer) => Ok(*answer),
            OperatorAnswer::Refused(rejection) => Err(refusal(rejection)),
            OperatorAnswer::Ok | OperatorAnswer::Stream(_) => Ok(Answer::default()),
        }
    }

    async fn ask(
        &self,
        call: Call,
        accepts_nothing: bool,
        encoding: Encoding,
    ) -> Result<OperatorAnswer, Refusal> {
        let stopping = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Master is terminating");
        let (reply, replied) = oneshot::channel();
        let call = OperatorCall {
            call: Box::new(call),
            accepts_nothing,
            encoding,
            reply,
        };
        self.calls.send(call).await.map_err(|_| stopping())?;
        replied.await.map_err(|_| stopping())
    }
}

/// 200 with a message.
pub(crate) fn encoded<T: codec::Body>(encoding: Encoding, message: &T) -> Response {
    of_type(encoding, codec::encode(encoding, message).into())
}

fn of_type(encoding: Encoding, body: Body) -> Response {
    let mut response = Response::new(body);
    let media_type = HeaderValue::from_static(encoding.media_type());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

fn refusal(Rejection { status, text }: Rejection) -> Refusal {
    let status = StatusCode::from_u16(status);
    Refusal::new(status.expect("the master knows HTTP"), text)
}
