//! The tokens of executors: JSON Web Tokens, signed with HMAC-SHA256 (PROTOCOL §11.4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use thiserror::Error;

use super::ExecutorKey;
use crate::codec::{Json, Object};
use crate::core::agent::Launch;

/// Why a header holds no valid token; the text stands in the `error_description` of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TokenError {
    /// There is more or less than a scheme and a token.
    #[error("Malformed 'Authorization' header")]
    Malformed,
    /// It is not `Bearer`, in this case.
    #[error("Scheme '{}' unsupported", visible(.0))]
    Scheme(String),
    /// Header, payload and signature are wanted.
    #[error("Invalid JWT: Expected 3 components in token, got {0}")]
    Components(usize),
    /// A component is not base64, or is no JSON object.
    #[error("Invalid JWT: Failed to read its {0}")]
    Unreadable(&'static str),
    /// Only HS256 is taken; `none` above all is not.
    #[error(
        "Invalid JWT: Token 'alg' value \"{}\" does not match, expected \"HS256\"",
        visible(.0)
    )]
    Algorithm(String),
    /// Somebody else has signed it, or it was changed.
    #[error("Invalid JWT: Token signature does not match")]
    Signature,
    /// Its time is over.
    #[error("Invalid JWT: Token has expired: exp({expiry}) < now({now})")]
    Expired {
        /// When, in seconds since the Unix epoch.
        expiry: i64,
        /// What time it is.
        now: u64,
    },
}

/// What stands in a header of an answer: no more of a peer's text than anybody reads, and nothing
/// that a header cannot hold.
fn visible(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    let shown = text.chars().take(CHARS_MAX);
    let visible = |character: char| character == ' ' || character.is_ascii_graphic();
    shown
        .map(|character| if visible(character) { character } else { '?' })
        .collect()
}

/// The token of an executor in its container.
pub(crate) fn of(launch: &Launch, key: &ExecutorKey) -> String {
    let claims = Object::new()
        .text("cid", launch.container_id.as_str())
        .text("eid", &launch.executor.executor_id.value)
        .text("fid", launch.framework_id.as_str());
    sign(&claims.finish(), key)
}

/// A token with this payload.
pub(super) fn sign(payload: &str, key: &ExecutorKey) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let content = format!("{}.{}", encode(header), encode(payload));
    let signature = hmac::sign(&hmac_key(key), content.as_bytes());
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims in the token of an `Authorization` header; none without that header.
pub(super) fn bearer(
    authorization: Option<&[u8]>,
    key: &ExecutorKey,
    now: u64,
) -> Result<Option<BTreeMap<String, String>>, TokenError> {
    let Some(authorization) = authorization else {
        return Ok(None);
    };
    let authorization = String::from_utf8_lossy(authorization);
    let words: Vec<_> = authorization.splitn(3, ' ').collect();
    let [scheme, token] = words[..] else {
        return Err(TokenError::Malformed);
    };
    if scheme != "Bearer" {
        return Err(TokenError::Scheme(scheme.to_owned()));
    }
    verify(token, key, now).map(Some)
}

fn verify(
    token: &str,
    key: &ExecutorKey,
    now: u64,
) -> Result<BTreeMap<String, String>, TokenError> {
    let components: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = components[..] else {
        return Err(TokenError::Components(components.len()));
    };
    let json_header = object(header).ok_or(TokenError::Unreadable("header"))?;
    let algorithm = json_header.member("alg").and_then(Json::text);
    let algorithm = algorithm.ok_or(TokenError::Unreadable("header"))?;
    if algorithm != "HS256" {
        return Err(TokenError::Algorithm(algorithm.to_owned()));
    }
    let signature = URL_SAFE_NO_PAD.decode(signature);
    let signature = signature.map_err(|_| TokenError::Unreadable("signature"))?;
    // Compares in constant time.
    let content = &token[..header.len() + 1 + payload.len()];
    hmac::verify(&hmac_key(key), content.as_bytes(), &signature)
        .map_err(|_| TokenError::Signature)?;
    let payload = object(payload).ok_or(TokenError::Unreadable("payload"))?;
    if let Some(expiry) = payload.member("exp") {
        let expiry = expiry.integer();
        let expiry = expiry.ok_or(TokenError::Unreadable("expiry"))?;
        if i64::try_from(now).is_ok_and(|now| expiry < now) {
            return Err(TokenError::Expired { expiry, now });
        }
    }
    let claims = payload.members().into_iter().flatten();
    let texts = claims.filter_map(|(name, value)| Some((name, value.text()?)));
    Ok(texts
        .map(|(name, value)| (name.clone(), value.to_owned()))
        .collect())
}

fn object(component: &str) -> Option<Json> {
    let decoded = URL_SAFE_NO_PAD.decode(component).ok()?;
    let json = Json::parse(&decoded).ok()?;
    json.members().is_some().then_some(json)
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn hmac_key(key: &ExecutorKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.bytes())
}
