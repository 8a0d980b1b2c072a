//! Serves modules, and the executor itself, to agents and executors.
//!
//! Everything has an unguessable path, because whoever can read a module can run it; whoever
//! fetches one checks its digest. It serves whole files only, and nothing but what it was given.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::address::advertised;
use crate::config::ModuleServing;
use crate::random::unguessable;

/// The name of the executor in its URL and in the sandbox: the fetcher takes the last part of the
/// path (PROTOCOL §11.5).
pub(crate) const EXECUTOR_NAME: &str = "mesosgot-executor";

/// A server of modules; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct ModuleServer {
    base: String,
    serving: JoinHandle<()>,
}

type Files = Arc<HashMap<String, Bytes>>;

/// Files by their path, before they are served.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(HashMap<String, Bytes>);

impl Catalogue {
    /// Adds a file under a path that nobody can guess; answers the path.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn add(&mut self, name: &str, bytes: Bytes) -> io::Result<String> {
        let path = format!("{:032x}/{name}", token()?);
        self.0.insert(path.clone(), bytes);
        Ok(path)
    }
}

fn token() -> io::Result<u128> {
    Ok(u128::from_le_bytes(unguessable()?))
}

impl ModuleServer {
    /// Serves a catalogue.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) async fn start(serving: &ModuleServing, catalogue: Catalogue) -> io::Result<Self> {
        let listener = TcpListener::bind(serving.bind).await?;
        let bound = listener.local_addr()?;
        let files: Files = Arc::new(catalogue.0);
        let router = Router::new()
            .route("/{token}/{name}", get(file))
            .with_state(files);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                warn!(%error, "module server has ended");
            }
        });
        let base = format!("http://{}", advertised(serving.advertise.as_deref(), bound));
        debug!(%bound, base, "serving modules");
        Ok(Self {
            base,
            serving: task,
        })
    }

    /// The URL under which agents find a path of the catalogue.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

impl Drop for ModuleServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn file(State(files): State<Files>, Path((token, name)): Path<(String, String)>) -> Response {
    match files.get(&format!("{token}/{name}")) {
        Some(bytes) => {
            let kind = if name.ends_with(".wasm") {
                "application/wasm"
            } else {
                "application/octet-stream"
            };
            ([(CONTENT_TYPE, kind)], bytes.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    async fn fetch(url: &str) -> String {
        let rest = url.strip_prefix("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn only_the_exact_path_leads_to_a_file() {
        let mut catalogue = Catalogue::default();
        let path = catalogue
            .add("m.wasm", Bytes::from_static(b"code"))
            .unwrap();
        let other = catalogue
            .add("m.wasm", Bytes::from_static(b"more"))
            .unwrap();
        assert_ne!(path, other);
        let server = ModuleServer::start(&ModuleServing::default(), catalogue)
            .await
            .unwrap();
        let answer = fetch(&server.url(&path)).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("content-type: application/wasm\r\n"),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\ncode"), "{answer}");
        let guess = format!("{:032x}/m.wasm", token().unwrap());
        assert!(fetch(&server.url(&guess)).await.starts_with("HTTP/1.1 404"));
        assert!(
            fetch(&server.url("m.wasm"))
                .await
                .starts_with("HTTP/1.1 404")
        );
    }
}
