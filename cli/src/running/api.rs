//! The questions about a running job, as HTTP with JSON. The same for the private socket and for
//! TCP; who may ask is [`door`](super::door)'s.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/job` | [`JobId`] |
//! | `GET /v1/status` | [`Status`] |
//! | `GET /v1/live` | server-sent events: how things are, then what changes ([`live`](super::live)) |
//! | `GET /v1/events`, `GET /v1/logs` | a line for each entry of the [`journal`](super::journal) |
//! | `GET /v1/tasks?names=lift,floor-*` | the [tasks](tasks::NamedTask) that are meant |
//! | `GET /metrics` | figures for Prometheus |
//! | `GET /health` | how far the job is; 503 while no master has it. For everybody |
//! | `POST /v1/stop` | `{"now": false}`: the job ends |
//! | `POST /v1/tasks/{task}/send` | the body is a message to the task; with `?wait=true` it waits for room |
//! | `POST /v1/tasks/{task}/kill`, `…/restart` | 202 when that has begun |
//!
//! What is not done is told by a [`Refusal`].

pub(crate) mod entries;
pub(crate) mod tasks;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::live::live;
use super::status::{JobId, Phase, Status};
use super::{RunningJob, metrics};
use crate::signals::Urgency;

/// How often executors tell what running tasks take while somebody looks.
const USAGE_INTERVAL: Duration = Duration::from_secs(1);

/// How long they have to tell it before the answer: some round trips. What comes later is in the
/// next answer.
const USAGE_WAIT: Duration = Duration::from_millis(100);

/// Whoever asks again so soon finds what was told meanwhile.
const USAGE_LINGER: Duration = Duration::from_secs(3);

/// How a job is to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StopRequest {
    /// Without waiting for anything.
    pub(crate) now: bool,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    /// For programs: one word for what is in the way, such as `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

impl Refusal {
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            kind: None,
            help: None,
        }
    }
}

/// What a request says behind `?`. What cannot be understood is told like everything else.
struct Asked<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(refuse(error.status(), error.body_text())),
        }
    }
}

/// Answers questions about the job.
pub(super) fn router(job: Arc<RunningJob>) -> Router {
    Router::new()
        .route("/v1/job", get(job_id))
        .route("/v1/status", get(status))
        .route("/v1/live", get(live))
        .route("/v1/events", get(entries::events))
        .route("/v1/logs", get(entries::logs))
        .route("/v1/stop", post(stop))
        .route("/metrics", get(metrics))
        .merge(tasks::router())
        .fallback(nothing_there)
        .method_not_allowed_fallback(not_so)
        .with_state(job)
}

/// What everybody may ask who comes to the address: it says nothing of what the job does.
pub(super) fn open_router(job: Arc<RunningJob>) -> Router {
    Router::new().route("/health", get(health)).with_state(job)
}

/// Says why something is not done.
pub(super) fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Refusal::new(error))).into_response()
}

async fn nothing_there() -> Response {
    refuse(StatusCode::NOT_FOUND, "nothing is there")
}

async fn not_so() -> Response {
    let error = "this is asked by another method";
    refuse(StatusCode::METHOD_NOT_ALLOWED, error)
}

async fn job_id(State(job): State<Arc<RunningJob>>) -> Json<JobId> {
    Json(job.id())
}

async fn status(State(job): State<Arc<RunningJob>>) -> Json<Status> {
    let (phase, _) = job.health();
    if phase == Phase::Running {
        let watch = job.traffic().watch(USAGE_INTERVAL);
        sleep(USAGE_WAIT).await;
        tokio::spawn(async move {
            sleep(USAGE_LINGER).await;
            drop(watch);
        });
    }
    Json(job.status())
}

async fn metrics(State(job): State<Arc<RunningJob>>) -> Response {
    match job.metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// How a job is, for those who only want to know whether it is well.
#[derive(Debug, Serialize)]
struct Health {
    phase: Phase,
    connected: bool,
}

async fn health(State(job): State<Arc<RunningJob>>) -> Response {
    let (phase, connected) = job.health();
    let status = match connected {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Health { phase, connected })).into_response()
}

async fn stop(
    State(job): State<Arc<RunningJob>>,
    stop: Result<Json<StopRequest>, JsonRejection>,
) -> Response {
    let Json(stop) = match stop {
        Ok(stop) => stop,
        Err(error) => return refuse(error.status(), error.body_text()),
    };
    job.stop(match stop.now {
        true => Urgency::Immediate,
        false => Urgency::Graceful,
    });
    StatusCode::ACCEPTED.into_response()
}
