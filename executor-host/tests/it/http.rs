//! HTTP requests of tasks: where they may go, what bounds them, and what stops them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
    routing::{get, post},
};
use bytes::Bytes;
use executor_host::{
    Allow, FixedLimitReached, HttpDestination, HttpHost, Scheme, outcome::Outcome, task::TaskConfig,
};
use expect_test::{Expect, expect};
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};

use crate::hosted::{Hosted, config, start_web};

/// A server of some paths, which counts who waits for `/never`.
struct Server {
    port: u16,
    waiting: watch::Receiver<usize>,
}

/// Counts one as long as it lives.
struct Waiting(watch::Sender<usize>);

impl Waiting {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

async fn server() -> Server {
    let (count, waiting) = watch::channel(0);
    let never = |State(count): State<watch::Sender<usize>>| async move {
        let _waiting = Waiting::new(&count);
        std::future::pending::<()>().await;
    };
    let says = |uri: Uri, headers: HeaderMap| async move {
        format!("{uri} of {}", headers["host"].to_str().unwrap())
    };
    let leads = || async { (StatusCode::FOUND, [("location", "/hello")], "go there") };
    // A head, some bytes, and then nothing.
    let begins = || async {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from("begun")) });
        let rest = stream::once(std::future::pending());
        Body::from_stream(futures_util::StreamExt::chain(first, rest)).into_response()
    };
    let large = || async { vec![b'x'; 1 << 20] };
    let router = Router::new()
        .route("/hello", get(says))
        .route("/", get(says))
        .route("/echo", post(|body: String| async { body }))
        .route("/leads", get(leads))
        .route("/begins", get(begins))
        .route("/large", get(large))
        .route("/never", get(never))
        .with_state(count);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { port, waiting }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The grant for loopback addresses at its port.
    fn allow(&self) -> Allow {
        allow(HttpHost::Network([127, 0, 0, 0].into(), 8), self.port)
    }

    /// Waits until so many wait.
    async fn until_waiting(&mut self, count: usize) {
        self.waiting
            .wait_for(|waiting| *waiting == count)
            .await
            .unwrap();
    }
}

fn allow(host: HttpHost, port: u16) -> Allow {
    Allow {
        http: vec![HttpDestination {
            scheme: Some(Scheme::Http),
            host,
            ports: port..=port,
        }],
        ..Allow::default()
    }
}

fn web(args: &[&str], allow: Allow) -> TaskConfig {
    TaskConfig {
        allow,
        ..config(args)
    }
}

async fn start(args: &[&str], allow: Allow) -> Hosted {
    start_web(web(args, allow)).await
}

/// Runs the task with these arguments and grants, and compares all it says, with `PORT` for that
/// of the server.
async fn check(server: &Server, args: &[&str], allow: Allow, expected: Expect) {
    let task = start(args, allow).await;
    let mut told = String::new();
    while let Some(message) = task.recv().await {
        told += &message.replace(&server.port.to_string(), "PORT");
        told += "\n";
    }
    expected.assert_eq(&told);
}

#[tokio::test]
async fn a_request_goes_where_it_may_and_its_answer_comes_back() {
    let server = server().await;
    let urls = [
        server.url("/hello?to=you"),
        server.url(""),
        // What is beyond a redirect is another request, which the guest makes or not.
        server.url("/leads"),
    ];
    let args = ["get", &urls[0], &urls[1], &urls[2]];
    check(
        &server,
        &args,
        server.allow(),
        expect![[r#"
        200 /hello?to=you of 127.0.0.1:PORT
        200 / of 127.0.0.1:PORT
        302 go there
    "#]],
    )
    .await;
    let echo = server.url("/echo");
    check(
        &server,
        &["post", &echo, "good day"],
        server.allow(),
        expect![[r#"
            200 good day
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_never_connected_to() {
    let server = server().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while other.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let elsewhere = format!("http://{address}/");
    let by_name = format!("http://localhost:{}/hello", server.port);
    let urls = [
        &server.url("/hello"),
        &elsewhere,
        &format!("https://127.0.0.1:{}/", server.port),
        "http://169.254.169.254/latest/meta-data",
    ];
    let args = ["get", urls[0], urls[1], urls[2], urls[3]];
    check(
        &server,
        &args,
        server.allow(),
        expect![[r#"
        200 /hello of 127.0.0.1:PORT
        ErrorCode::HttpRequestDenied
        ErrorCode::HttpRequestDenied
        ErrorCode::HttpRequestDenied
    "#]],
    )
    .await;
    check(
        &server,
        &args,
        Allow::default(),
        expect![[r#"
        ErrorCode::HttpRequestDenied
        ErrorCode::HttpRequestDenied
        ErrorCode::HttpRequestDenied
        ErrorCode::HttpRequestDenied
    "#]],
    )
    .await;
    // A name that leads to this machine, by a grant for any name.
    let any = allow(HttpHost::Any, server.port);
    check(
        &server,
        &["get", &by_name, &server.url("/hello")],
        any,
        expect![[r#"
            ErrorCode::DestinationIpProhibited
            ErrorCode::HttpRequestDenied
        "#]],
    )
    .await;
    let here = allow(HttpHost::Name("localhost".to_owned()), server.port);
    check(
        &server,
        &["get", &by_name, &server.url("/hello")],
        here,
        expect![[r#"
            200 /hello of localhost:PORT
            ErrorCode::HttpRequestDenied
        "#]],
    )
    .await;
    // A network is also for the names that lead there.
    check(
        &server,
        &["get", &by_name],
        server.allow(),
        expect![[r#"
        200 /hello of localhost:PORT
    "#]],
    )
    .await;
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_there_is_told() {
    let server = server().await;
    // Bound and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let network = HttpHost::Network([127, 0, 0, 1].into(), 32);
    let url = format!("http://127.0.0.1:{port}/");
    check(
        &server,
        &["get", &url],
        allow(network, port),
        expect![[r#"
        ErrorCode::ConnectionRefused
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_answer_is_waited_for_as_long_as_the_guest_wants() {
    let server = server().await;
    let never = server.url("/never");
    let expected = expect![[r#"
        ErrorCode::HttpResponseTimeout
    "#]];
    check(
        &server,
        &["hurry", "head", &never],
        server.allow(),
        expected,
    )
    .await;
    let begins = server.url("/begins");
    let task = start(&["hurry", "body", &begins], server.allow()).await;
    let told = task.recv().await.unwrap();
    // Even what comes first may be late on a busy machine.
    assert!(told.starts_with("200 "), "{told}");
    let end = ", then Some(ErrorCode::ConnectionReadTimeout)";
    assert!(told.ends_with(end), "{told}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_whole_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun";
        let _ = stream.write_all(answer).await;
    });
    let network = HttpHost::Network(address.ip(), 32);
    let url = format!("http://{address}/");
    let task = start(&["get", &url], allow(network, address.port())).await;
    let told = task.recv().await.unwrap();
    assert_eq!(
        told,
        "200 begun, then Some(ErrorCode::HttpResponseIncomplete)"
    );
}

#[tokio::test]
async fn connections_of_a_task_are_bounded_until_its_answers_are_dropped() {
    let server = server().await;
    let task = start(&["hold", &server.url("/large"), "16"], server.allow()).await;
    assert_eq!(task.recv().await.as_deref(), Some("16 answers"));
    let refused = task.recv().await.unwrap();
    assert_eq!(refused, "ErrorCode::ConnectionLimitReached");
    let answered = task.recv().await.unwrap();
    assert!(answered.starts_with("200 xxx") && answered.len() == 4 + (1 << 20));
}

#[tokio::test]
async fn what_a_guest_makes_the_host_keep_is_bounded() {
    let server = server().await;
    check(
        &server,
        &["long-texts"],
        Allow::default(),
        expect![[r#"
        512: true true
        513: false false
        1048576: false false
    "#]],
    )
    .await;
    let task = start(&["make-requests"], Allow::default()).await;
    let Outcome::FixedLimit { reached, .. } = task.outcome().await else {
        panic!("it had as many as it wanted");
    };
    assert_eq!(reached, FixedLimitReached::Resources);
}

#[tokio::test]
async fn a_task_that_waits_for_an_answer_is_idle_and_can_be_stopped() {
    let mut server = server().await;
    let task = start(&["get", &server.url("/never")], server.allow()).await;
    server.until_waiting(1).await;
    assert!(task.stop().await);
    // Its connection goes with it.
    server.until_waiting(0).await;

    let mut config = web(&["get", &server.url("/never")], server.allow());
    let limit = Duration::from_millis(100);
    config.limits.idle_max = Some(limit);
    let task = start_web(config).await;
    assert_eq!(task.outcome().await, Outcome::Idle(limit));
    server.until_waiting(0).await;
}
