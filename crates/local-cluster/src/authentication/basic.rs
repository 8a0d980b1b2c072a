//! HTTP Basic as Mesos reads it: the scheme in this case, one space, one colon (PROTOCOL §11.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The principal and the secret in an `Authorization` header.
pub(super) fn principal(authorization: Option<&[u8]>) -> Option<(String, Vec<u8>)> {
    let encoded = authorization?.strip_prefix(b"Basic ")?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let mut parts = decoded.split(|byte| *byte == b':');
    let (principal, secret) = (parts.next()?, parts.next()?);
    let principal = std::str::from_utf8(principal).ok()?.to_owned();
    parts.next().is_none().then(|| (principal, secret.to_vec()))
}
