//! Requests of a recording as they have to be sent here.

use crate::mapping::Mapping;
use crate::protobuf;
use crate::recording::Request;
use crate::token;

/// The names of the messages that are spoken at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Api {
    pub(super) call: &'static str,
    pub(super) event: &'static str,
    pub(super) response: &'static str,
}

const SCHEDULER: Api = Api {
    call: "mesos.v1.scheduler.Call",
    event: "mesos.v1.scheduler.Event",
    response: "",
};

const EXECUTOR: Api = Api {
    call: "mesos.v1.executor.Call",
    event: "mesos.v1.executor.Event",
    response: "",
};

const MASTER: Api = Api {
    call: "mesos.v1.master.Call",
    event: "mesos.v1.master.Event",
    response: "mesos.v1.master.Response",
};

const AGENT: Api = Api {
    call: "mesos.v1.agent.Call",
    event: "",
    response: "mesos.v1.agent.Response",
};

/// Ports from here on are masters', but for the two of agents.
const AGENT_PORTS: [u16; 2] = [5051, 5052];

/// Which API a request is for, if it is for one.
pub(super) fn api(request: &Request) -> Option<Api> {
    let path = request.path.as_str();
    let is_agent = AGENT_PORTS.contains(&request.port);
    if path.contains("/api/v1/scheduler") {
        Some(SCHEDULER)
    } else if path.contains("/api/v1/executor") {
        Some(EXECUTOR)
    } else if path.contains("/api/v1") {
        Some(if is_agent { AGENT } else { MASTER })
    } else {
        None
    }
}

/// The bytes to send, with our ids in them and the lengths that follow. `whole` is the body if that of
/// the recording was cut.
pub(super) fn bytes(request: &Request, whole: Option<Vec<u8>>, mapping: &mut Mapping) -> Vec<u8> {
    let body = whole.unwrap_or_else(|| body(request, mapping));
    // What is no HTTP is sent as it was.
    if request.method == "NONSENSE" {
        return body;
    }
    let path = mapping.here(&request.path);
    let mut bytes = format!("{} {path} HTTP/1.1\r\n", request.method).into_bytes();
    for (name, value) in &request.headers {
        let is_length = name.eq_ignore_ascii_case("content-length");
        // A length that was wrong stays wrong.
        let value = if is_length && *value == request.length.to_string() {
            body.len().to_string()
        } else if let Some(value) = token::here(value, mapping) {
            value
        } else {
            mapping.here(value)
        };
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    match &request.chunks {
        Some(sizes) => append_chunks(&mut bytes, &body, sizes),
        None => bytes.extend_from_slice(&body),
    }
    bytes
}

fn body(request: &Request, mapping: &mut Mapping) -> Vec<u8> {
    if let Ok(text) = std::str::from_utf8(&request.body)
        && is_text(request)
    {
        return mapping.body_here(text).into_bytes();
    }
    // A message that would not be written like this is wrong on purpose.
    let call = api(request).map_or("", |api| api.call);
    let unchanged = protobuf::here(call, &request.body, &mut Mapping::default());
    if unchanged.as_ref() == Some(&request.body)
        && let Some(body) = protobuf::here(call, &request.body, mapping)
    {
        return body;
    }
    request.body.clone()
}

fn is_text(request: &Request) -> bool {
    let protobuf = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("content-type") && value == "application/x-protobuf"
    };
    !request.headers.iter().any(protobuf)
}

/// Chunks of the recorded sizes; the last takes what there is.
fn append_chunks(bytes: &mut Vec<u8>, body: &[u8], sizes: &[usize]) {
    let mut rest = body;
    for (index, size) in sizes.iter().enumerate() {
        let is_last = index + 1 == sizes.len();
        let size = if is_last {
            rest.len()
        } else {
            (*size).min(rest.len())
        };
        let (chunk, after) = rest.split_at(size);
        rest = after;
        // One without content would be the end.
        if !chunk.is_empty() {
            bytes.extend_from_slice(format!("{size:x}\r\n").as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &[u8], chunks: Option<Vec<usize>>) -> Request {
        let headers = headers.iter();
        Request {
            method: "POST".to_owned(),
            path: "/api/v1".to_owned(),
            port: 5050,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_vec(),
            chunks,
            length: body.len(),
            cut: None,
        }
    }

    #[track_caller]
    fn check(request: &Request, expected: &str) {
        let mut mapping = Mapping::default();
        mapping.add_literal("here", "elsewhere");
        let sent = bytes(request, None, &mut mapping);
        assert_eq!(String::from_utf8_lossy(&sent), expected);
    }

    #[test]
    fn a_right_length_stays_right_and_a_wrong_one_wrong() {
        check(
            &request(&[("Content-Length", "4")], b"here", None),
            "POST /api/v1 HTTP/1.1\r\nContent-Length: 9\r\n\r\nelsewhere",
        );
        check(
            &request(&[("Content-Length", "7")], b"here", None),
            "POST /api/v1 HTTP/1.1\r\nContent-Length: 7\r\n\r\nelsewhere",
        );
    }

    #[test]
    fn what_was_sent_in_chunks_is_sent_in_chunks() {
        check(
            &request(&[], b"here", Some(vec![1, 3])),
            "POST /api/v1 HTTP/1.1\r\n\r\n1\r\ne\r\n8\r\nlsewhere\r\n0\r\n\r\n",
        );
    }
}
