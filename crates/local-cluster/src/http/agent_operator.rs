//! The operator API of an agent over HTTP (PROTOCOL §12), as far as it is about the agent itself and
//! its files.
//!
//! Everything else that Mesos answers here, about tasks and containers and what can be done with
//! them, is not built: 501.

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use mesos::v1::agent::response::{GetHealth, GetLoggingLevel, GetVersion, ListFiles, ReadFile};
use mesos::v1::agent::{Call, Response as Answer, call, response};

use super::files::{blocking, refusal};
use super::operator::encoded;
use super::request::{Refusal, accepted_encoding, check_method, content_encoding, read_call};
use super::{Request, Response};
use crate::core::facts;
use crate::files::Files;

/// `/api/v1` of an agent.
pub(crate) async fn api(files: &Files, request: Request) -> Result<Response, Refusal> {
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
    let answer = answer(files, call_type, call).await?;
    // What was reserved for the call is given back with its head.
    drop(parts);
    Ok(encoded(encoding, &answer))
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
        _ => true,
    };
    if is_there {
        Ok(call_type)
    } else {
        Err(invalid(&call_type.as_str_name().to_ascii_lowercase()))
    }
}

async fn answer(files: &Files, call_type: call::Type, call: Call) -> Result<Answer, Refusal> {
    use call::Type;
    let of = |kind: response::Type| Answer {
        r#type: Some(kind.into()),
        ..Answer::default()
    };
    Ok(match call_type {
        Type::GetHealth => Answer {
            get_health: Some(GetHealth { healthy: true }),
            ..of(response::Type::GetHealth)
        },
        Type::GetVersion => Answer {
            get_version: Some(GetVersion {
                version_info: facts::version(),
            }),
            ..of(response::Type::GetVersion)
        },
        Type::GetLoggingLevel => Answer {
            get_logging_level: Some(GetLoggingLevel { level: 0 }),
            ..of(response::Type::GetLoggingLevel)
        },
        Type::ListFiles => {
            let path = call.list_files.unwrap_or_default().path;
            let listed = blocking(files, move |files| files.list(&path)).await;
            Answer {
                list_files: Some(ListFiles {
                    file_infos: listed.map_err(refusal)?,
                }),
                ..of(response::Type::ListFiles)
            }
        }
        Type::ReadFile => {
            let call::ReadFile {
                path,
                offset,
                length,
            } = call.read_file.unwrap_or_default();
            let part = blocking(files, move |files| files.read(&path, offset, length)).await;
            let part = part.map_err(refusal)?;
            Answer {
                read_file: Some(ReadFile {
                    size: part.size,
                    data: part.data.into(),
                }),
                ..of(response::Type::ReadFile)
            }
        }
        _ => {
            let text = "501 Not Implemented.";
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, text));
        }
    })
}
