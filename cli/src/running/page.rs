//! The dashboard: one page, which is part of the program and asks nobody but the job itself.
//!
//! Its files are no secret and are served to anybody; what it shows comes from the API, to which it
//! shows the token that the browser has behind `#` and sends to nobody.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the page may do: load its own files and ask its own origin; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// What a job's own page may do: run what is in it, and ask nobody for anything. The sandbox gives
/// it an origin of its own, so that it reaches neither our page nor what that keeps.
const VIEW_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
                           style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";

/// So much chance is in the path of a view: nobody guesses it.
const VIEW_PATH_BYTES: usize = 16;

/// A page of the job's own, which is shown beside.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Where it is served. Who knows it has it from the live stream, which wants the token.
    path: Arc<str>,
    page: Bytes,
}

impl View {
    /// A page at a path that nobody knows yet.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn new(page: &str) -> io::Result<Self> {
        let secret = hex::encode(framework::unguessable::<VIEW_PATH_BYTES>()?);
        Ok(Self {
            path: format!("/view/{secret}").into(),
            page: Bytes::copy_from_slice(page.as_bytes()),
        })
    }

    /// Where it is served.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

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

/// Serves the files, and the job's own page if there is one.
pub(super) fn router(view: Option<&View>) -> Router {
    let mut router = Router::new();
    if let Some(View { path, page }) = view.cloned() {
        let answer = move || async move { file(HTML, VIEW_POLICY, page) };
        router = router.route(&path, get(answer));
    }
    for (path, kind, text) in FILES {
        router = router.route(path, get(move || async move { file(kind, POLICY, *text) }));
    }
    router
}

fn file(kind: &'static str, policy: &'static str, text: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
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
