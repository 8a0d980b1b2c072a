//! What the HTTP status of an answer means for a SUBSCRIBE and for every other call.
//!
//! Mesos says several different things with one status, so for calls the text is looked at as
//! well; this is the only place that does so.

/// What a SUBSCRIBE that was not answered with a stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscribeAnswer {
    /// Another master leads.
    Redirect,
    /// The server is not ready, or there is no leader; the same request may succeed later.
    Retry,
    /// The request itself is refused: it would be refused again.
    Final,
}

/// Reads the status of an answer to a SUBSCRIBE that is not 200 (PROTOCOL §1, §4, §9.1).
pub(crate) fn to_subscribe(status: u16) -> SubscribeAnswer {
    match status {
        307 => SubscribeAnswer::Redirect,
        // No path exists in the first milliseconds of a master or agent (PROTOCOL §1).
        404 | 408 | 429 => SubscribeAnswer::Retry,
        // The server does not know this API, or not this version of it.
        501 => SubscribeAnswer::Final,
        400..=499 => SubscribeAnswer::Final,
        _ => SubscribeAnswer::Retry,
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallAnswer {
    /// It was taken.
    Accepted,
    /// It was not taken, because the server knows of no subscription of ours: subscribe again.
    NotSubscribed,
    /// It was not taken, because the server is not ready; the subscription is unharmed.
    Unavailable,
    /// It was refused for what it says.
    Rejected,
}

/// Which server has answered a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// A master: one that is not ready or does not lead has not accepted our SUBSCRIBE.
    Master,
    /// An agent: while it recovers it takes a SUBSCRIBE and refuses everything else.
    Agent,
}

/// Reads the status and the text of an answer to any call but SUBSCRIBE (PROTOCOL §3, §9.1).
pub(crate) fn to_call(server: Server, status: u16, text: &str) -> CallAnswer {
    match (status, server) {
        (200..=299, _) => CallAnswer::Accepted,
        (307 | 404 | 503, Server::Master) => CallAnswer::NotSubscribed,
        (404 | 503, Server::Agent) => CallAnswer::Unavailable,
        // It is not the call that is refused, but its caller, whose token counts no more. A SUBSCRIBE
        // is refused as well then, which is the end, and taken if it was about anything else.
        (401 | 403, Server::Agent) => CallAnswer::NotSubscribed,
        (400, _)
            if text == "Framework cannot be found"
                || text == "Executor cannot be found"
                || text.starts_with("The stream ID ") =>
        {
            CallAnswer::NotSubscribed
        }
        (403, _)
            if text == "Framework is not subscribed" || text == "Executor is not subscribed" =>
        {
            CallAnswer::NotSubscribed
        }
        _ => CallAnswer::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_final() {
        for status in [404, 500, 502, 503, 504, 202, 301] {
            assert_eq!(to_subscribe(status), SubscribeAnswer::Retry, "{status}");
        }
        for status in [400, 401, 403, 405, 406, 415, 501] {
            assert_eq!(to_subscribe(status), SubscribeAnswer::Final, "{status}");
        }
        assert_eq!(to_subscribe(307), SubscribeAnswer::Redirect);
    }

    #[test]
    fn recorded_answers_to_calls_are_told_apart() {
        let cases = [
            (202, "", CallAnswer::Accepted),
            (200, "", CallAnswer::Accepted),
            (400, "Framework cannot be found", CallAnswer::NotSubscribed),
            (
                400,
                "The stream ID 'nope' included in this request didn't match the stream ID \
                 currently associated with framework ID 4ac118f8-0000",
                CallAnswer::NotSubscribed,
            ),
            (
                403,
                "Framework is not subscribed",
                CallAnswer::NotSubscribed,
            ),
            (
                503,
                "Master has not finished recovery",
                CallAnswer::NotSubscribed,
            ),
            (404, "404 Not Found.", CallAnswer::NotSubscribed),
            (307, "", CallAnswer::NotSubscribed),
            (
                400,
                "Failed to validate scheduler::Call: Not a valid UUID",
                CallAnswer::Rejected,
            ),
            (
                403,
                "Framework is not connected via HTTP",
                CallAnswer::Rejected,
            ),
            (401, "401 Unauthorized.", CallAnswer::Rejected),
        ];
        for (status, text, expected) in cases {
            assert_eq!(
                to_call(Server::Master, status, text),
                expected,
                "{status} {text}"
            );
        }
    }

    #[test]
    fn an_agent_that_recovers_has_not_lost_the_subscription() {
        assert_eq!(
            to_call(Server::Agent, 503, "Agent has not finished recovery"),
            CallAnswer::Unavailable
        );
        for (status, text) in [
            (403, "Executor is not subscribed"),
            (403, "Forbidden"),
            (401, "401 Unauthorized."),
            (400, "Framework cannot be found"),
        ] {
            assert_eq!(
                to_call(Server::Agent, status, text),
                CallAnswer::NotSubscribed,
                "{status} {text}"
            );
        }
        assert_eq!(
            to_call(Server::Agent, 400, "Executor cannot be found"),
            CallAnswer::NotSubscribed
        );
    }
}
