//! Garbage on every route.

use super::{JSON, Outcome, PROTOBUF, Sturdy, exchange, post};

/// What is behind a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// Calls, or nothing: no garbage gets a 2xx.
    Strict,
    /// Something that is told to everybody, whatever they send.
    Open,
}

/// Routes of master and agent, and some that are none.
const ROUTES: [(&str, Route); 22] = [
    ("/api/v1/scheduler", Route::Strict),
    ("/master/api/v1/scheduler", Route::Strict),
    ("/api/v1/scheduler/more", Route::Strict),
    ("/api/v1/executor", Route::Strict),
    ("/slave(1)/api/v1/executor", Route::Strict),
    ("/api/v1", Route::Strict),
    ("/master/api/v1", Route::Strict),
    ("/slave(1)/api/v1", Route::Strict),
    ("/api/v1/operator", Route::Strict),
    ("/version", Route::Open),
    ("/health", Route::Open),
    ("/redirect", Route::Open),
    ("/state", Route::Open),
    ("/metrics/snapshot", Route::Open),
    ("/files/read", Route::Strict),
    ("/files/browse?path=/../../etc", Route::Strict),
    ("/files/download?path=%00%ff", Route::Strict),
    ("/", Route::Strict),
    ("//", Route::Strict),
    ("/api/v1/../v1/scheduler", Route::Strict),
    ("/%ff%fe", Route::Strict),
    ("/nowhere", Route::Strict),
];

/// What real requests would be between, if they were whole.
fn garbage(rng: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let noise = std::iter::repeat_with(|| rng.u8(..)).take(3000).collect();
    vec![
        Vec::new(),
        noise,
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{\"type\":".to_vec(),
        b"{\"type\":\"\xff\"}".to_vec(),
        b"{\"type\":{\"type\":[1e999]}}".to_vec(),
        b"[".repeat(100_000),
        b"{\"\":".repeat(100_000),
        b"\xff".repeat(1000),
        // Groups, of which protobuf has forgotten the meaning, in each other.
        b"\x0b".repeat(100_000),
        b"\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01".to_vec(),
    ]
}

#[tokio::test]
async fn garbage_on_any_route_is_refused_by_any_method() {
    let sturdy = Sturdy::start().await;
    let garbage = garbage(&mut fastrand::Rng::with_seed(2));
    for address in [sturdy.master(), sturdy.agent()] {
        for (path, route) in ROUTES {
            for content_type in [
                JSON,
                PROTOBUF,
                "text/plain",
                "application/recordio",
                "\u{fffd}",
            ] {
                for body in &garbage {
                    check(address, path, route, &post(path, content_type, body)).await;
                }
            }
            for method in ["GET", "PUT", "HEAD", "DELETE", "CONNECT", "X"] {
                let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                check(address, path, route, request.as_bytes()).await;
            }
        }
    }
    sturdy.stop().await;
}

async fn check(address: std::net::SocketAddr, path: &str, route: Route, request: &[u8]) {
    let outcome = exchange(address, request).await;
    let is_right = match outcome {
        Outcome::Answered(200 | 307) => route == Route::Open,
        Outcome::Answered(status) => (400..500).contains(&status) || status == 501,
        Outcome::Closed => true,
    };
    let request = String::from_utf8_lossy(request);
    assert!(is_right, "{outcome:?} on {path} to {request:.300}");
}
