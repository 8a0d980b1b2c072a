//! The questions about a running job, as HTTP with JSON. The same for the private socket and for
//! TCP; who may ask is [`door`](super::door)'s.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/job` | [`JobId`] |
//! | `GET /v1/status` | [`Status`](super::status::Status) |
//! | `GET /v1/live` | server-sent events: how things are, then what changes ([`live`](super::live)) |
//! | `GET /v1/events`, `GET /v1/logs` | a line for each entry of the [`journal`](super::journal) |
//! | `GET /metrics` | figures for Prometheus |
//! | `GET /health` | how far the job is; 503 while no master has it. For everybody |
//! | `POST /v1/stop` | `{"now": false}`: the job ends |

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::live::live;
use super::status::{JobId, Phase, Status};
use super::{RunningJob, metrics};
use crate::signals::Urgency;

/// So many entries go into one piece of an answer: enough to be quick, little enough to hold the
/// journal for a moment only.
const PIECE_ENTRIES_MAX: usize = 256;

/// Which entries of the journal are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Those after this place.
    pub(crate) after: u64,
    /// The newest so many of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tail: Option<usize>,
    /// Those since this time: RFC 3339, UTC, to milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// Lines of these tasks or groups, with commas between; of all if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) tasks: String,
    /// And whatever is to come, until the job has ended.
    pub(crate) follow: bool,
}

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
}

/// Answers questions about the job.
pub(super) fn router(job: Arc<RunningJob>) -> Router {
    Router::new()
        .route("/v1/job", get(job_id))
        .route("/v1/status", get(status))
        .route("/v1/live", get(live))
        .route("/v1/events", get(events))
        .route("/v1/logs", get(logs))
        .route("/v1/stop", post(stop))
        .route("/metrics", get(metrics))
        .fallback(nothing_there)
        .with_state(job)
}

/// What everybody may ask who comes to the address: it says nothing of what the job does.
pub(super) fn open_router(job: Arc<RunningJob>) -> Router {
    Router::new().route("/health", get(health)).with_state(job)
}

/// Says why something is not done.
pub(super) fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    let refusal = Refusal {
        error: error.into(),
    };
    (status, Json(refusal)).into_response()
}

async fn nothing_there() -> Response {
    refuse(StatusCode::NOT_FOUND, "nothing is there")
}

async fn job_id(State(job): State<Arc<RunningJob>>) -> Json<JobId> {
    Json(job.id())
}

async fn status(State(job): State<Arc<RunningJob>>) -> Json<Status> {
    Json(job.status())
}

async fn metrics(State(job): State<Arc<RunningJob>>) -> Response {
    match metrics::render(&job.status(), &job.traffic().total()) {
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

async fn stop(State(job): State<Arc<RunningJob>>, Json(stop): Json<StopRequest>) -> Response {
    job.stop(match stop.now {
        true => Urgency::Immediate,
        false => Urgency::Graceful,
    });
    StatusCode::ACCEPTED.into_response()
}

async fn events(State(job): State<Arc<RunningJob>>, Query(wanted): Query<Wanted>) -> Response {
    entries(job, wanted, |journal, wanted| {
        let found = journal.events_after(wanted.after);
        let found = found.filter(|entry| wanted.is_since(&entry.time));
        Piece::of(found, wanted.tail, |entry| entry.seq)
    })
}

async fn logs(State(job): State<Arc<RunningJob>>, Query(wanted): Query<Wanted>) -> Response {
    entries(job, wanted, |journal, wanted| {
        let found = journal.lines_after(wanted.after);
        let found = found.filter(|entry| wanted.is_since(&entry.time));
        let found = found.filter(|entry| wanted.is_task(&entry.task));
        Piece::of(found, wanted.tail, |entry| entry.seq)
    })
}

impl Wanted {
    fn is_since(&self, time: &str) -> bool {
        self.since.as_deref().is_none_or(|since| time >= since)
    }

    fn is_task(&self, task: &str) -> bool {
        let group = task.rsplit_once('-').map(|(group, _)| group);
        let mut names = self.tasks.split(',');
        self.tasks.is_empty() || names.any(|name| name == task || Some(name) == group)
    }
}

/// A piece of an answer.
struct Piece {
    lines: Vec<u8>,
    /// The place of its last entry, if there may be more after it already.
    goes_on_after: Option<u64>,
}

impl Piece {
    /// The first entries, or the newest `tail` of all, as lines.
    fn of<'a, T: Serialize + 'a>(
        found: impl DoubleEndedIterator<Item = &'a T>,
        tail: Option<usize>,
        seq: impl Fn(&T) -> u64,
    ) -> Self {
        let found: Vec<&T> = match tail {
            Some(tail) => {
                let mut newest: Vec<&T> = found.rev().take(tail).collect();
                newest.reverse();
                newest
            }
            None => found.take(PIECE_ENTRIES_MAX).collect(),
        };
        let mut lines = Vec::new();
        for entry in &found {
            match serde_json::to_vec(entry) {
                Ok(line) => {
                    lines.extend(line);
                    lines.push(b'\n');
                }
                Err(error) => tracing::warn!(%error, "an entry cannot be shown to others"),
            }
        }
        let is_full = tail.is_none() && found.len() == PIECE_ENTRIES_MAX;
        Self {
            lines,
            goes_on_after: found.last().filter(|_| is_full).map(|entry| seq(entry)),
        }
    }
}

/// Entries as lines; `next` takes a piece of them from the journal.
fn entries(
    job: Arc<RunningJob>,
    wanted: Wanted,
    next: impl Fn(&Journal, &Wanted) -> Piece + Send + 'static,
) -> Response {
    let changes = job.changes();
    let state = (job, wanted, next, changes);
    let pieces = stream::unfold(state, |(job, mut wanted, next, mut changes)| async move {
        loop {
            changes.mark_unchanged();
            // Before looking, so that what came before the end is found.
            let has_ended = job.has_ended();
            let (piece, newest) = job.read(|journal| (next(journal, &wanted), journal.newest()));
            wanted.tail = None;
            wanted.after = piece.goes_on_after.unwrap_or(newest);
            if !piece.lines.is_empty() {
                let bytes = Ok::<_, Infallible>(Bytes::from(piece.lines));
                return Some((bytes, (job, wanted, next, changes)));
            }
            let is_whole = piece.goes_on_after.is_none();
            if is_whole && (!wanted.follow || has_ended || changes.changed().await.is_err()) {
                return None;
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Body::from_stream(pieces)).into_response()
}
