//! Asks who a request is from before anything else is looked at (PROTOCOL §1, §11.4).

use std::time::SystemTime;

use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::Response;
use super::request::Refusal;
use crate::authentication::{Guard, Realm, Unauthorized};
use crate::core::principal::Principal;

/// The realm of a route, if it has one: what is not listed here never asks.
pub(super) fn realm(route: &str) -> Option<Realm> {
    match route {
        "/api/v1/scheduler" => Some(Realm::Scheduler),
        "/api/v1/executor" => Some(Realm::Executor),
        "/api/v1" => Some(Realm::ReadWrite),
        "/state" | "/containers" | "/metrics/snapshot" | "/files/browse" | "/files/read"
        | "/files/download" | "/files/debug" => Some(Realm::ReadOnly),
        _ => None,
    }
}

/// Who asks, if the route wants to know.
///
/// # Errors
/// 401 when it wants to and the headers do not say.
pub(super) fn authenticate(
    guard: &Guard,
    route: &str,
    headers: &HeaderMap,
) -> Result<Option<Principal>, Unauthorized> {
    let Some(realm) = realm(route) else {
        return Ok(None);
    };
    let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    // A clock before 1970 lets no token expire and does nothing worse.
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    guard.check(realm, authorization, now.as_secs())
}

impl From<Unauthorized> for Response {
    fn from(Unauthorized { challenge, text }: Unauthorized) -> Self {
        let mut response = Self::from(Refusal::new(StatusCode::UNAUTHORIZED, text));
        let challenge = HeaderValue::from_str(&challenge);
        let challenge = challenge.expect("peers' texts have been made visible");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}
