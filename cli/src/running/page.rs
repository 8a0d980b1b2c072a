//! The dashboard: one page, which is part of the program and asks nobody but the job itself.
//!
//! Its files are no secret and are served to anybody; what it shows comes from the API, to which it
//! shows the token that the browser has behind `#` and sends to nobody.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// What the page may do: load its own files and ask its own origin; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The files: path, kind, text.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../../dashboard/index.html")),
    ("/style.css", CSS, include_str!("../../dashboard/style.css")),
    ("/icon.svg", SVG, include_str!("../../dashboard/icon.svg")),
    ("/main.js", JS, include_str!("../../dashboard/main.js")),
    ("/agents.js", JS, include_str!("../../dashboard/agents.js")),
    ("/api.js", JS, include_str!("../../dashboard/api.js")),
    (
        "/channels.js",
        JS,
        include_str!("../../dashboard/channels.js"),
    ),
    ("/detail.js", JS, include_str!("../../dashboard/detail.js")),
    ("/dom.js", JS, include_str!("../../dashboard/dom.js")),
    ("/events.js", JS, include_str!("../../dashboard/events.js")),
    ("/format.js", JS, include_str!("../../dashboard/format.js")),
    ("/head.js", JS, include_str!("../../dashboard/head.js")),
    ("/list.js", JS, include_str!("../../dashboard/list.js")),
    ("/logs.js", JS, include_str!("../../dashboard/logs.js")),
    ("/store.js", JS, include_str!("../../dashboard/store.js")),
    ("/table.js", JS, include_str!("../../dashboard/table.js")),
    ("/tasks.js", JS, include_str!("../../dashboard/tasks.js")),
    ("/view.js", JS, include_str!("../../dashboard/view.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Serves the files.
pub(super) fn router() -> Router {
    let mut router = Router::new();
    for (path, kind, text) in FILES {
        router = router.route(path, get(move || async move { file(kind, text) }));
    }
    router
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_DNS_PREFETCH_CONTROL, "off"),
        // Another version of the program may serve at the same port next.
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, text).into_response()
}
