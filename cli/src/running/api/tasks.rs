//! What may be asked of tasks: messages to them, their end, and their next life.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use framework::OperatorError;
use link::MESSAGE_BYTES_MAX;
use serde::{Deserialize, Serialize};

use super::{Asked, Refusal, refuse};
use crate::running::RunningJob;
use crate::running::names::{Selection, UnknownTask};

/// The [kind](Refusal::kind) of refusal when a channel has no room.
pub(crate) const FULL: &str = "full";

/// Which tasks are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TaskQuery {
    /// Names of tasks and groups, and patterns, with commas between; all tasks if empty.
    pub(crate) names: String,
}

/// A task that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NamedTask {
    pub(crate) task: String,
    /// The Mesos state, such as `TASK_RUNNING`, once it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// Whether that is an end.
    #[serde(default)]
    pub(crate) has_ended: bool,
}

/// How a message is to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SendQuery {
    /// Until there is room, for as long as the connection stays.
    pub(crate) wait: bool,
}

/// The part of the [`router`](super::router) that is about tasks.
pub(super) fn router() -> Router<Arc<RunningJob>> {
    let bounded = DefaultBodyLimit::max(MESSAGE_BYTES_MAX);
    Router::new()
        .route("/v1/tasks", get(tasks))
        .route("/v1/tasks/{task}/send", post(send).layer(bounded))
        .route("/v1/tasks/{task}/kill", post(kill))
        .route("/v1/tasks/{task}/restart", post(restart))
}

async fn tasks(State(job): State<Arc<RunningJob>>, Asked(query): Asked<TaskQuery>) -> Response {
    let chosen = match Selection::parse(&query.names).among(&job.names()) {
        Ok(chosen) => chosen,
        Err(unknown) => {
            return (StatusCode::NOT_FOUND, Json(Refusal::from(unknown))).into_response();
        }
    };
    let tasks = chosen.into_iter().map(|task| {
        let state = job.state(&task);
        NamedTask {
            task,
            state: state.map(|state| state.name().to_owned()),
            has_ended: state.is_some_and(|state| state.is_end()),
        }
    });
    Json(tasks.collect::<Vec<_>>()).into_response()
}

async fn send(
    State(job): State<Arc<RunningJob>>,
    Path(task): Path<String>,
    Asked(query): Asked<SendQuery>,
    message: Result<Bytes, BytesRejection>,
) -> Response {
    let message = match message {
        Ok(message) => message,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return answer(&job, &task, Err(OperatorError::TooLarge));
        }
        Err(error) => return refuse(error.status(), error.body_text()),
    };
    let sent = match query.wait {
        true => job.operator().send(&task, message).await,
        false => job.operator().try_send(&task, message),
    };
    answer(&job, &task, sent)
}

async fn kill(State(job): State<Arc<RunningJob>>, Path(task): Path<String>) -> Response {
    let killed = job.operator().kill(&task).await;
    answer(&job, &task, killed)
}

async fn restart(State(job): State<Arc<RunningJob>>, Path(task): Path<String>) -> Response {
    let restarted = job.operator().restart(&task).await;
    answer(&job, &task, restarted)
}

fn answer(job: &RunningJob, task: &str, done: Result<(), OperatorError>) -> Response {
    let Err(error) = done else {
        return StatusCode::ACCEPTED.into_response();
    };
    let unknown = (error == OperatorError::UnknownTask).then(|| {
        let meant = Selection::exactly(task).among(&job.names());
        meant.err().map(Refusal::from)
    });
    let (status, refusal) = refusal(error, task);
    let refusal = unknown.flatten().unwrap_or(refusal);
    (status, Json(refusal)).into_response()
}

/// What is said of a command that is not carried out.
fn refusal(error: OperatorError, task: &str) -> (StatusCode, Refusal) {
    use OperatorError as E;
    let (status, kind, help) = match error {
        E::NoJob => (StatusCode::CONFLICT, "no_job", None),
        E::NotUp => (
            StatusCode::CONFLICT,
            "not_up",
            Some("wait until `mesosgot status` says that the job is running"),
        ),
        E::ShuttingDown => (StatusCode::CONFLICT, "shutting_down", None),
        E::UnknownTask => (StatusCode::NOT_FOUND, UNKNOWN, None),
        E::Full => (StatusCode::TOO_MANY_REQUESTS, FULL, None),
        E::Closed => (
            StatusCode::CONFLICT,
            "closed",
            Some("`mesosgot restart` gives a task that has ended another life"),
        ),
        E::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", None),
        E::Starting => (StatusCode::CONFLICT, "starting", None),
        E::NeverBegan => (StatusCode::CONFLICT, "never_began", None),
    };
    let refusal = Refusal {
        error: match error {
            E::UnknownTask | E::Full | E::Closed => format!("`{task}`: {error}"),
            _ => error.to_string(),
        },
        kind: Some(kind.to_owned()),
        help: help.map(str::to_owned),
    };
    (status, refusal)
}

/// The kind of refusal when no task is meant.
const UNKNOWN: &str = "unknown_task";

impl From<UnknownTask> for Refusal {
    fn from(unknown: UnknownTask) -> Self {
        Self {
            error: unknown.to_string(),
            kind: Some(UNKNOWN.to_owned()),
            help: Some(unknown.help().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_status_of_its_caller_and_a_kind_of_its_own() {
        use OperatorError as E;
        let all = [
            E::NoJob,
            E::NotUp,
            E::ShuttingDown,
            E::UnknownTask,
            E::Full,
            E::Closed,
            E::TooLarge,
            E::Starting,
            E::NeverBegan,
        ];
        let mut kinds = Vec::new();
        for error in all {
            let (status, refusal) = refusal(error, "lift-0");
            assert!(status.is_client_error(), "{error}");
            kinds.extend(refusal.kind);
        }
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), all.len());
    }
}
