//! `/faults` of a master that takes them: what can go wrong, and orders for it.
//!
//! No real Mesos has it, and neither has a master that was not told to. Owns the form of questions
//! and answers; faults are made by who owns the cluster.

use std::sync::Arc;

use http::{Method, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::request::{Refusal, json, read_small};
use super::{Request, Response};
use crate::codec::{self, Object};
use crate::core::faults::{Fault, FaultKind};

/// Where it is.
pub(super) const ROUTE: &str = "/faults";

/// A fault has some seven fields of a few characters.
const BODY_BYTES_MAX: usize = 16 << 10;

/// How many may wait until they are made.
const REQUESTS_MAX: usize = 64;

/// The way from servers to the owner of a cluster.
pub(crate) fn endpoint() -> (FaultDoor, FaultRequests) {
    let (door, requests) = mpsc::channel(REQUESTS_MAX);
    (FaultDoor(door), FaultRequests(requests))
}

/// The end of servers; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct FaultDoor(mpsc::Sender<FaultRequest>);

/// The end of the owner.
#[derive(Debug)]
pub(crate) struct FaultRequests(mpsc::Receiver<FaultRequest>);

/// A fault that somebody waits for.
#[derive(Debug)]
pub(crate) struct FaultRequest {
    pub(crate) fault: Fault,
    reply: oneshot::Sender<Reply>,
}

/// What came of it.
#[derive(Debug)]
enum Reply {
    Done,
    /// It happens when the answer is on its way: then this is dropped.
    Begins(oneshot::Sender<()>),
    Refused(String),
}

impl FaultRequests {
    /// The next request; while there is none, nothing.
    pub(crate) async fn next(&mut self) -> FaultRequest {
        match self.0.recv().await {
            Some(request) => request,
            // There is no master any more.
            None => std::future::pending().await,
        }
    }
}

impl FaultRequest {
    /// Says that it has been made.
    pub(crate) fn done(self) {
        self.reply(Reply::Done);
    }

    /// Says that it is about to be made. Returns when the connection has got the answer.
    pub(crate) async fn begin(self) {
        let (on_its_way, waiting) = oneshot::channel();
        self.reply(Reply::Begins(on_its_way));
        // Nothing is ever sent.
        let _ = waiting.await;
    }

    /// Says that there is no such agent.
    pub(crate) fn refuse(self, agent: usize, agents: usize) {
        let text = format!("`agent={agent}` is not the number of an agent: there are {agents}");
        self.reply(Reply::Refused(text));
    }

    fn reply(self, reply: Reply) {
        // Whoever asked may have gone.
        let _ = self.reply.send(reply);
    }
}

impl FaultDoor {
    /// Answers GET with all that can go wrong, and POST when it has.
    ///
    /// # Errors
    /// 400 for what is no fault, 405, 413, and 503 when too many wait or the cluster ends.
    pub(super) async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        match *request.method() {
            Method::GET => Ok(json(list())),
            Method::POST => {
                let body = read_small(request, BODY_BYTES_MAX).await?;
                self.make(parse(&body).map_err(Refusal::bad_request)?).await
            }
            _ => {
                let text = "`GET` lists faults and `POST` makes one";
                Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text))
            }
        }
    }

    async fn make(&self, fault: Fault) -> Result<Response, Refusal> {
        let unavailable = |text: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text);
        let (reply, replied) = oneshot::channel();
        let request = FaultRequest { fault, reply };
        let sent = self.0.try_send(request);
        sent.map_err(|_| unavailable("too many faults wait to be made"))?;
        let reply = replied.await;
        let reply = reply.map_err(|_| unavailable("the cluster ends"))?;
        let text = Object::new().text("fault", &fault.to_string()).finish();
        match reply {
            Reply::Done => Ok(json(text)),
            Reply::Begins(on_its_way) => {
                let mut response = json(text);
                *response.status_mut() = StatusCode::ACCEPTED;
                // It goes with the head, when that is written.
                response.extensions_mut().insert(Arc::new(on_its_way));
                Ok(response)
            }
            Reply::Refused(text) => Err(Refusal::bad_request(text)),
        }
    }
}

/// The member of the body that says which fault; the others are its fields.
const KIND: &str = "fault";

fn parse(body: &[u8]) -> Result<Fault, String> {
    let mut members = codec::members(body).map_err(|error| format!("{error}; {}", example()))?;
    let kind = members.remove(KIND);
    let kind = kind.ok_or_else(|| format!("`{KIND}` is missing; {}", example()))?;
    Fault::from_fields(&kind, members).map_err(|error| error.to_string())
}

fn example() -> String {
    format!(r#"expected something like {{"{KIND}":"unavailable","for_ms":800}}"#)
}

fn list() -> String {
    let of_kind = |kind: &FaultKind| {
        let fields = kind.fields.iter().fold(Object::new(), |fields, field| {
            fields.text(field.name, field.expected)
        });
        Object::new()
            .text(KIND, kind.name)
            .text("does", kind.help)
            .json("fields", fields.finish())
            .finish()
    };
    let kinds = Fault::KINDS.iter().map(of_kind);
    Object::new().array("faults", kinds).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(body: &str, expected: &str) {
        let refused = parse(body.as_bytes()).expect_err("it is no fault");
        assert!(refused.contains(expected), "{refused}");
    }

    #[test]
    fn a_fault_in_json_is_the_one_that_is_written_in_words() {
        for (body, words) in [
            (r#"{"fault":"cut_frameworks"}"#, "cut_frameworks"),
            (
                r#"{"for_ms":900,"fault":"shrink_agent","agent":"1","percent":50}"#,
                "shrink_agent agent=1 percent=50 for_ms=900",
            ),
            (
                r#"{"fault":"updates","drop":0.25,"duplicate":0,"delay":1,"delay_max_ms":5,
                    "for_ms":1}"#,
                "updates drop=0.25 duplicate=0 delay=1 delay_max_ms=5 for_ms=1",
            ),
        ] {
            assert_eq!(
                parse(body.as_bytes()).map(|it| it.to_string()),
                Ok(words.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_field_and_what_it_may_be() {
        check_refused("", "the body is no JSON");
        check_refused("[]", "no JSON object; expected something like {\"fault\":");
        check_refused("{}", "`fault` is missing");
        check_refused(r#"{"fault":"fire"}"#, "`fire`, only messages, updates,");
        check_refused(
            r#"{"fault":"unavailable"}"#,
            "`for_ms` is missing: a whole number of milliseconds",
        );
        check_refused(
            r#"{"fault":"unavailable","for_ms":0.5}"#,
            "`for_ms=0.5` is not a whole number of milliseconds",
        );
        check_refused(
            r#"{"fault":"unavailable","for_ms":[1]}"#,
            "`for_ms` is neither a number nor a text",
        );
        check_refused(
            r#"{"fault":"unavailable","for_ms":1,"agent":1}"#,
            "`unavailable` has no `agent`, only for_ms",
        );
    }
}
