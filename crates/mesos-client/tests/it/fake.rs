//! A server whose every answer is given by the test, by hand.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use mesos::{recordio, v1};
use prost::Message;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot};

/// No test waits for longer; it is the difference between a failure and a hang. Well above the
/// longest wait between two attempts, 15 s, and a session of ZooKeeper on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Waits for what must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, future)
        .await
        .expect("it happens in time")
}

/// The next notice, or `None` after the last.
pub(crate) async fn next<T>(notices: &mut mpsc::Receiver<T>) -> Option<T> {
    soon(notices.recv()).await
}

/// A master or an agent.
pub(crate) struct Fake {
    pub(crate) address: String,
    requests: mpsc::UnboundedReceiver<Request>,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The port of the client, which tells connections apart.
    pub(crate) peer_port: Option<u16>,
    answer: oneshot::Sender<Response>,
}

impl Fake {
    /// A server on a free port of loopback. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (router, requests) = router();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, requests }
    }

    /// A server on whatever `listener` accepts, at `address`.
    pub(crate) fn start_on<L>(listener: L, address: String) -> Self
    where
        L: axum::serve::Listener,
        L::Addr: std::fmt::Debug,
    {
        let (router, requests) = router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, requests }
    }

    /// A server on a Unix socket.
    pub(crate) fn start_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (router, requests) = router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address: String::new(),
            requests,
        }
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Request {
        soon(self.requests.recv()).await.expect("the server runs")
    }

    /// Whether no request waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }
}

/// An address where nobody answers.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn scheduler_call(&self) -> v1::scheduler::Call {
        v1::scheduler::Call::decode(self.body.clone()).unwrap()
    }

    pub(crate) fn executor_call(&self) -> v1::executor::Call {
        v1::executor::Call::decode(self.body.clone()).unwrap()
    }

    pub(crate) fn answer(self, status: u16, text: &str) {
        self.send(status, &[], Body::from(text.to_owned()));
    }

    pub(crate) fn answer_with(self, status: u16, content_type: &str, body: Vec<u8>) {
        self.send(status, &[("content-type", content_type)], Body::from(body));
    }

    pub(crate) fn redirect(self, location: &str) {
        self.send(307, &[("location", location)], Body::empty());
    }

    /// Breaks the connection without an answer.
    pub(crate) fn cut(self) {
        drop(self.answer);
    }

    /// Answers with an event stream.
    pub(crate) fn stream(self, stream_id: Option<&str>) -> Stream {
        let mut headers = vec![("content-type", "application/x-protobuf")];
        headers.extend(stream_id.map(|id| ("mesos-stream-id", id)));
        self.stream_with(&headers)
    }

    /// Answers with a stream and these headers.
    pub(crate) fn stream_with(self, headers: &[(&str, &str)]) -> Stream {
        let (sender, receiver) = mpsc::channel(1024);
        let chunks = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        self.send(200, headers, Body::from_stream(chunks));
        Stream(sender)
    }

    fn send(self, status: u16, headers: &[(&str, &str)], body: Body) {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let value = HeaderValue::from_str(value).unwrap();
            response.headers_mut().insert(name, value);
        }
        // A client that has gone hears nothing.
        let _ = self.answer.send(response);
    }
}

/// The server's end of an event stream; dropping it is the end of the stream.
pub(crate) struct Stream(mpsc::Sender<io::Result<Bytes>>);

impl Stream {
    /// Sends one record in one chunk.
    pub(crate) async fn event(&self, event: &impl Message) {
        self.chunk(record(event)).await;
    }

    pub(crate) async fn chunk(&self, chunk: impl Into<Bytes>) {
        self.0.send(Ok(chunk.into())).await.expect("it is read");
    }

    /// Breaks the connection.
    pub(crate) async fn cut(self) {
        let error = io::Error::other("cut by the test");
        self.0.send(Err(error)).await.expect("it is read");
    }

    /// Waits until the client has gone.
    pub(crate) async fn closed(&self) {
        soon(self.0.closed()).await;
    }
}

/// An event as RecordIO.
pub(crate) fn record(event: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    recordio::encode(&event.encode_to_vec(), &mut bytes);
    bytes
}

fn router() -> (Router, mpsc::UnboundedReceiver<Request>) {
    let (sender, requests) = mpsc::unbounded_channel();
    (Router::new().fallback(handle).with_state(sender), requests)
}

async fn handle(
    State(requests): State<mpsc::UnboundedSender<Request>>,
    Peer(peer_port): Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (answer, answered) = oneshot::channel();
    let request = Request {
        uri,
        headers,
        body,
        peer_port,
        answer,
    };
    let gone = || {
        // An error in the body breaks the connection; the head of the answer waits for the body.
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("cut")) });
        let mut response = Response::new(Body::from_stream(broken));
        response
            .headers_mut()
            .insert("content-length", HeaderValue::from_static("5"));
        response
    };
    match requests.send(request) {
        Ok(()) => answered.await.unwrap_or_else(|_| gone()),
        Err(_) => gone(),
    }
}

struct Peer(Option<u16>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts
            .extensions
            .get::<axum::extract::ConnectInfo<SocketAddr>>();
        Ok(Self(address.map(|info| info.0.port())))
    }
}
