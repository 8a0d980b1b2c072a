//! The HTTP/1.1 shell that master and agent share: connections in, requests to a handler, answers
//! and streams out (PROTOCOL §1).
//!
//! Owns sockets and the shape of answers. Decides nothing: what a request means is the handler's.
//! It stands on hyper directly, because the form of the bytes is part of the promise: header names
//! in the case that Mesos writes, one HTTP chunk for each record, and a connection that ends when
//! its client stops sending.

pub(crate) mod agent;
pub(crate) mod agent_operator;
mod agent_state;
mod budget;
mod compress;
pub(crate) mod faults;
mod file;
mod files;
mod guard;
pub(crate) mod master;
mod model;
pub(crate) mod operator;
pub(crate) mod request;
mod state;
pub(crate) mod stream;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use budget::Budget;
use file::FileBody;
use stream::{RecordBody, StreamCut};

/// A request whose body has not been read yet.
pub(crate) type Request = http::Request<Incoming>;

/// An answer, or the head of a stream.
pub(crate) type Response = http::Response<Body>;

/// The body of a [`Response`].
#[derive(Debug)]
pub(crate) enum Body {
    /// Known as a whole; sent with its Content-Length.
    Whole(Full<Bytes>),
    /// A stream of records; sent in chunks, one for each record.
    Records(RecordBody),
    /// A file, sent with its Content-Length.
    File(FileBody),
}

/// Why a body was not sent to its end.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    #[error("{0}")]
    Cut(StreamCut),
    #[error("failed to read a file")]
    File(#[source] io::Error),
}

impl Body {
    /// No bytes at all, `Content-Length: 0`.
    pub(crate) fn empty() -> Self {
        Self::from(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never: Infallible| match never {}),
            Self::Records(body) => Pin::new(body).poll_frame(context).map_err(BodyError::Cut),
            Self::File(body) => Pin::new(body).poll_frame(context).map_err(BodyError::File),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            // Even a stream that has ended is chunked.
            Self::Records(_) => false,
            Self::File(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Records(_) => SizeHint::default(),
            Self::File(body) => body.size_hint(),
        }
    }
}

/// What answers requests. One clone serves each connection.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// Where connections come from.
pub(crate) trait Listen: Send {
    /// A connection.
    type Stream: Stream;

    /// The next connection.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// What is read from and written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        let (stream, peer) = self.accept().await?;
        tracing::trace!(%peer, "connection");
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection without nodelay");
        }
        Ok(stream)
    }
}

impl Listen for &UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.accept().await?;
        Ok(stream)
    }
}

/// The most connections at once. A framework has two, an executor two; 10,000 executors on one
/// machine come after the machine's end.
const CONNECTIONS_MAX: usize = 20_000;

/// The most of a request's head that is read, and of an answer that waits in one connection beside
/// its stream. Mesos takes heads of about 80 KiB (PROTOCOL §1); what is larger gets a 431.
const CONNECTION_BUFFER_BYTES: usize = 128 << 10;

/// Serves connections until the future is dropped, which cuts all of them.
pub(crate) async fn serve(listener: impl Listen, handler: impl Handler) {
    let mut connections = JoinSet::new();
    let budget = Budget::new();
    loop {
        tokio::select! {
            accepted = listener.next() => match accepted {
                Ok(stream) if connections.len() < CONNECTIONS_MAX => {
                    connections.spawn(serve_connection(stream, handler.clone(), budget.clone()));
                }
                Ok(_) => tracing::warn!("connection refused: too many"),
                Err(error) => {
                    // The causes (out of descriptors, aborted handshakes) pass.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection was served badly");
                }
            }
        }
    }
}

/// How long to wait after a failed accept, so that a lack of descriptors is no busy loop.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

async fn serve_connection(stream: impl Stream, handler: impl Handler, budget: Budget) {
    let service = service_fn(|mut request: Request| {
        let handler = handler.clone();
        request.extensions_mut().insert(budget.clone());
        // In a box, so that a connection on which nothing is asked has no room for the answer.
        Box::pin(async move {
            let accepts_gzip = compress::accepts_gzip(request.headers());
            let response = handler.handle(request).await;
            Ok::<_, Infallible>(if accepts_gzip {
                compress::compress(response).await
            } else {
                response
            })
        })
    });
    let served = hyper::server::conn::http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(CONNECTION_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
