//! Who gets in over TCP.
//!
//! Pages of browsers are kept out unless they are our own: a request that says that it comes from
//! elsewhere (`Origin`, `Sec-Fetch-Site`) is refused whatever it has, and no cookie is ever set, so
//! no page can make a browser show the token for it.
//!
//! A page can also come under a name of its own that it has led here (DNS rebinding), and is of
//! the same origin then. So on loopback nothing is answered under a name that is not known to be
//! ours; an address cannot be led elsewhere.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

use crate::running::api::{self, Refusal};

/// By which names we may be asked, beside `localhost`, names that end with `.localhost`, and
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// By any: others have their own names for an address that is for them.
    Any,
    /// By these, in lower case.
    Only(Arc<[String]>),
}

/// Lets those in who ask by a name of ours.
pub(super) async fn only_by_name(
    State(names): State<Names>,
    request: Request,
    next: Next,
) -> Response {
    if is_ours(request.headers(), &names) {
        return next.run(request).await;
    }
    let help = "ask for `localhost` or an address; behind a proxy that has a name of its own, \
                start the job with `--dashboard-host NAME`";
    let refusal = Refusal {
        help: Some(help.to_owned()),
        ..Refusal::new("the name in `Host` is not one of this dashboard")
    };
    (StatusCode::FORBIDDEN, Json(refusal)).into_response()
}

/// Whether all names that are asked for are ours. Browsers always give one.
fn is_ours(headers: &HeaderMap, names: &Names) -> bool {
    let Names::Only(names) = names else {
        return true;
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    hosts.all(|host| host.to_str().is_ok_and(|host| is_name(host, names)))
}

/// Whether the host, maybe with a port, is an address or has a name that is known.
fn is_name(host: &str, names: &[String]) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split_once(']').map(|(address, _)| address);
        return address.is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name.parse::<Ipv4Addr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || names.contains(&name)
}

/// Lets those in who have the token and are no page from elsewhere.
pub(super) async fn only_invited(
    State(token): State<Arc<str>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if is_foreign(headers) {
        let error = "requests of pages from elsewhere are refused";
        return api::refuse(StatusCode::FORBIDDEN, error);
    }
    if !has_token(headers, &token) {
        let error = "the token is missing or wrong: say `Authorization: Bearer TOKEN`";
        return api::refuse(StatusCode::UNAUTHORIZED, error);
    }
    next.run(request).await
}

/// Whether a browser says that a page from elsewhere has made this request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.as_bytes());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = text(header::ORIGIN) else {
        return false;
    };
    let host = text(header::HOST).unwrap_or_default();
    // Behind a proxy for TLS the page has another scheme than we see.
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let ours = schemes
        .iter()
        .any(|scheme| origin.strip_prefix(*scheme) == Some(host));
    !ours
}

/// Whether the request shows the token; how long this takes does not tell how near it was.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let value = headers.get(header::AUTHORIZATION);
    let shown = value.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    shown.is_some_and(|shown| shown.ct_eq(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, header::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn pages_from_elsewhere_are_known_by_what_browsers_say() {
        let host = ("host", "127.0.0.1:8080");
        assert!(!is_foreign(&headers(&[host])));
        assert!(!is_foreign(&headers(&[
            host,
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin"),
        ])));
        for foreign in [
            ("origin", "http://127.0.0.1:8081"),
            ("origin", "http://example.org"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(is_foreign(&headers(&[host, foreign])), "{foreign:?}");
        }
    }

    #[test]
    fn names_that_could_be_led_here_are_not_ours() {
        let given = Names::Only(["jobs.example.org".to_owned()].into());
        let is_ours = |host| is_ours(&headers(&[("host", host)]), &given);
        for ours in [
            "localhost",
            "localhost:8080",
            "LocalHost.:8080",
            "job.localhost:80",
            "127.0.0.1",
            "127.0.0.1:9464",
            "[::1]",
            "[::1]:9464",
            "10.1.2.3:80",
            "jobs.example.org",
            "Jobs.Example.Org:443",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for foreign in [
            "",
            ":80",
            "example.org",
            "evil.jobs.example.org",
            "localhost.example.org",
            "notlocalhost",
            "127.0.0.1.example.org",
            "[::1.example.org]:80",
            "[evil]",
            "[::1",
        ] {
            assert!(!is_ours(foreign), "{foreign}");
        }
    }

    #[test]
    fn no_name_hides_behind_another_and_what_is_no_browser_needs_none() {
        let names = Names::Only([].into());
        let mut two = headers(&[("host", "localhost")]);
        let evil = header::HeaderValue::from_static("example.org");
        two.append(header::HOST, evil);
        assert!(!is_ours(&two, &names));
        assert!(is_ours(&HeaderMap::new(), &names));
        assert!(is_ours(&two, &Names::Any));
    }

    #[test]
    fn only_the_whole_token_opens() {
        let shown = |value| has_token(&headers(&[("authorization", value)]), "0123abcd");
        assert!(shown("Bearer 0123abcd"));
        for wrong in [
            "Bearer 0123abc",
            "Bearer 0123abcde",
            "Bearer ",
            "0123abcd",
            "Basic 0123abcd",
        ] {
            assert!(!shown(wrong), "{wrong}");
        }
        assert!(!has_token(&HeaderMap::new(), "0123abcd"));
    }
}
