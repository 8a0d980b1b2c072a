//! The operator API of an agent over HTTP (PROTOCOL §12): calls, and the older endpoints that show
//! the same.
//!
//! Owns the shape of answers, what only the system knows of containers, and files. Everything else
//! is the agent's. What can be done with containers beside looking at them is not built: 501.

use std::sync::Arc;

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use mesos::v1::agent::response::get_containers::Container;
use mesos::v1::agent::response::{ListFiles, ReadFile};
use mesos::v1::agent::{Call, Response as Answer, call, response};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::files::{blocking, refusal};
use super::operator::encoded;
use super::request::{Refusal, accepted_encoding, check_method, content_encoding, json, read_call};
use super::{Body, Request, Response, agent_state, state};
use crate::containerizer::statistics;
use crate::core::agent::operator::{Description, Recovering, Scope, scope};
use crate::files::Files;

/// Answers operators; all clones give their calls to one agent.
#[derive(Debug, Clone)]
pub(crate) struct Operators {
    calls: mpsc::Sender<OperatorCall>,
    files: Files,
    /// Held by the one who looks at all processes of the system: whoever asks for more waits.
    measuring: Arc<Mutex<()>>,
}

/// What an operator wants of the agent.
#[derive(Debug)]
pub(crate) enum OperatorCall {
    /// To know of it.
    Describe {
        scope: Scope,
        reply: oneshot::Sender<Result<Description, Recovering>>,
    },
    /// Another level of logging, for so many nanoseconds.
    SetLoggingLevel {
        level: u32,
        nanoseconds: i64,
        reply: oneshot::Sender<()>,
    },
}

impl Operators {
    pub(crate) fn new(calls: mpsc::Sender<OperatorCall>, files: Files) -> Self {
        Self {
            calls,
            files,
            measuring: Arc::default(),
        }
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// `/api/v1`.
    pub(crate) async fn api(&self, request: Request) -> Result<Response, Refusal> {
        // An agent that recovers does not even look at calls.
        let own = self.describe(Scope::Agent).await?;
        check_method(request.method())?;
        check_headers(request.headers())?;
        let encoding = accepted_encoding(request.headers()).map_err(|refusal| Refusal {
            text: "Expecting 'Accept' to allow application/json or application/x-protobuf or \
                   application/recordio"
                .to_owned(),
            ..refusal
        })?;
        let (parts, call) = read_call::<Call>(request).await.map_err(reworded)?;
        let call_type = validate(&call)?;
        let answer = self.answer(own, call_type, call).await?;
        // What was reserved for the call is given back with its head.
        drop(parts);
        Ok(match answer {
            Some(answer) => encoded(encoding, &answer),
            None => Response::new(Body::empty()),
        })
    }

    /// `/state`.
    pub(crate) async fn state(&self) -> Result<Response, Refusal> {
        let agent = self.describe(Scope::Everything).await?;
        Ok(json(agent_state::agent(&agent)))
    }

    /// `/containers`.
    pub(crate) async fn containers(&self) -> Result<Response, Refusal> {
        let agent = self.describe(Scope::Everything).await?;
        let containers = self.measured(agent.containers()).await;
        Ok(json(agent_state::containers(&agent, &containers)))
    }

    /// `/metrics/snapshot`.
    pub(crate) async fn metrics(&self) -> Result<Response, Refusal> {
        let agent = self.describe(Scope::Everything).await?;
        Ok(json(state::metrics(&agent.metrics)))
    }

    async fn describe(&self, scope: Scope) -> Result<Description, Refusal> {
        let (reply, replied) = oneshot::channel();
        self.send(OperatorCall::Describe { scope, reply }).await?;
        let described = replied.await.map_err(|_| terminating())?;
        described.map_err(|Recovering| {
            let text = "Agent has not finished recovery";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        })
    }

    async fn send(&self, call: OperatorCall) -> Result<(), Refusal> {
        self.calls.send(call).await.map_err(|_| terminating())
    }

    /// Containers with what their processes use.
    async fn measured(&self, containers: Vec<Container>) -> Vec<Container> {
        let _only = self.measuring.lock().await;
        let measured = tokio::task::spawn_blocking(move || measure(containers)).await;
        // Only a panic or the end of everything is in the way, and neither leaves an answer.
        measured.unwrap_or_default()
    }

    /// The answer, or nothing where there is only a 200.
    async fn answer(
        &self,
        own: Description,
        call_type: call::Type,
        call: Call,
    ) -> Result<Option<Answer>, Refusal> {
        use call::Type;
        let agent = match scope(call_type) {
            Some(Scope::Everything) => self.describe(Scope::Everything).await?,
            Some(Scope::Agent) | None => own,
        };
        if let Some(mut answer) = agent.answer(call_type) {
            if let Some(answer) = &mut answer.get_containers {
                let containers = std::mem::take(&mut answer.containers);
                answer.containers = self.measured(containers).await;
            }
            return Ok(Some(answer));
        }
        match call_type {
            Type::SetLoggingLevel => {
                let asked = call.set_logging_level.unwrap_or_default();
                let (reply, replied) = oneshot::channel();
                let call = OperatorCall::SetLoggingLevel {
                    level: asked.level,
                    nanoseconds: asked.duration.nanoseconds,
                    reply,
                };
                self.send(call).await?;
                replied.await.map_err(|_| terminating())?;
                Ok(None)
            }
            Type::ListFiles => {
                let path = call.list_files.unwrap_or_default().path;
                list_files(&self.files, path).await.map(Some)
            }
            Type::ReadFile => {
                let asked = call.read_file.unwrap_or_default();
                read_file(&self.files, asked).await.map(Some)
            }
            _ => {
                let text = "501 Not Implemented.";
                Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, text))
            }
        }
    }
}

/// The headers that only agents look at. Nothing that is answered here is a stream.
fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(CONTENT_TYPE) {
        content_encoding(headers).map_err(|refusal| Refusal {
            text: format!("{} or application/recordio", refusal.text),
            ..refusal
        })?;
    }
    if headers.contains_key("message-content-type") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expecting 'Message-Content-Type' to be not set for non-streaming requests",
        ));
    }
    if headers.contains_key("message-accept") && headers.contains_key(ACCEPT) {
        return Err(Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "Expecting 'Message-Accept' to be not set for non-streaming responses",
        ));
    }
    Ok(())
}

/// Agents say in fewer words what is wrong with a body.
fn reworded(refusal: Refusal) -> Refusal {
    let text = match refusal.text.as_str() {
        "Failed to parse body into Call protobuf" => "Failed to parse body into a protobuf object",
        text => text
            .strip_prefix("Failed to convert JSON into Call protobuf: ")
            .unwrap_or(text),
    };
    Refusal::new(refusal.status, text)
}

/// Checks a call by itself and says of what type it is.
fn validate(call: &Call) -> Result<call::Type, Refusal> {
    use call::Type;
    let invalid = |field: &str| {
        let text = format!("Failed to validate agent::Call: Expecting '{field}' to be present");
        Refusal::bad_request(text)
    };
    let call_type = call
        .r#type
        .and_then(|number| Type::try_from(number).ok())
        .ok_or_else(|| invalid("type"))?;
    let is_there = match call_type {
        Type::GetMetrics => call.get_metrics.is_some(),
        Type::SetLoggingLevel => call.set_logging_level.is_some(),
        Type::ListFiles => call.list_files.is_some(),
        Type::ReadFile => call.read_file.is_some(),
        Type::LaunchNestedContainer => call.launch_nested_container.is_some(),
        Type::WaitNestedContainer => call.wait_nested_container.is_some(),
        Type::KillNestedContainer => call.kill_nested_container.is_some(),
        Type::RemoveNestedContainer => call.remove_nested_container.is_some(),
        Type::LaunchNestedContainerSession => call.launch_nested_container_session.is_some(),
        Type::AttachContainerInput => call.attach_container_input.is_some(),
        Type::AttachContainerOutput => call.attach_container_output.is_some(),
        Type::LaunchContainer => call.launch_container.is_some(),
        Type::WaitContainer => call.wait_container.is_some(),
        Type::KillContainer => call.kill_container.is_some(),
        Type::RemoveContainer => call.remove_container.is_some(),
        Type::AddResourceProviderConfig => call.add_resource_provider_config.is_some(),
        Type::UpdateResourceProviderConfig => call.update_resource_provider_config.is_some(),
        Type::RemoveResourceProviderConfig => call.remove_resource_provider_config.is_some(),
        Type::MarkResourceProviderGone => call.mark_resource_provider_gone.is_some(),
        _ => true,
    };
    if is_there {
        Ok(call_type)
    } else {
        Err(invalid(&call_type.as_str_name().to_ascii_lowercase()))
    }
}

async fn list_files(files: &Files, path: String) -> Result<Answer, Refusal> {
    let listed = blocking(files, move |files| files.list(&path)).await;
    Ok(Answer {
        r#type: Some(response::Type::ListFiles.into()),
        list_files: Some(ListFiles {
            file_infos: listed.map_err(refusal)?,
        }),
        ..Answer::default()
    })
}

async fn read_file(files: &Files, asked: call::ReadFile) -> Result<Answer, Refusal> {
    let call::ReadFile {
        path,
        offset,
        length,
    } = asked;
    let part = blocking(files, move |files| files.read(&path, offset, length)).await;
    let part = part.map_err(refusal)?;
    Ok(Answer {
        r#type: Some(response::Type::ReadFile.into()),
        read_file: Some(ReadFile {
            size: part.size,
            data: part.data.into(),
        }),
        ..Answer::default()
    })
}

fn measure(mut containers: Vec<Container>) -> Vec<Container> {
    // Simulated executors say that they are this process, and have nothing to measure.
    let is_process = |pid: &u32| *pid != std::process::id();
    let leader = |container: &Container| {
        let status = container.container_status.as_ref();
        let pid = status.and_then(|status| status.executor_pid);
        // There is no process 0 in `/proc`.
        pid.filter(is_process).unwrap_or_default()
    };
    let leaders: Vec<u32> = containers.iter().map(leader).collect();
    for (container, usage) in containers.iter_mut().zip(statistics::usages(&leaders)) {
        let (Some(statistics), Some(usage)) = (&mut container.resource_statistics, usage) else {
            continue;
        };
        statistics.cpus_user_time_secs = Some(usage.user_secs);
        statistics.cpus_system_time_secs = Some(usage.system_secs);
        statistics.mem_rss_bytes = Some(usage.rss_bytes);
    }
    containers
}

fn terminating() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Agent is terminating")
}
