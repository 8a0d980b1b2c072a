//! The server, by requests over sockets.

use std::pin::Pin;

use link::direct::tls;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::config::TlsMode;

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// What a server answers to a request for this URL, with these further lines in its head.
async fn ask(method: &str, url: &str, head: &str, pin: Option<Fingerprint>) -> String {
    let (_, rest) = url.split_once("://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream: Pin<Box<dyn Stream>> = match pin {
        None => Box::pin(stream),
        Some(pin) => Box::pin(tls::connect(stream, pin).await.unwrap()),
    };
    let request =
        format!("{method} /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn get(url: &str) -> String {
    ask("GET", url, "", None).await
}

/// A server of a module and an executor, and their URLs.
async fn server(tls: TlsMode, identity: &RunIdentity) -> (ModuleServer, String, String) {
    let mut catalogue = Catalogue::default();
    let module = catalogue.add_module(Bytes::from_static(b"code")).unwrap();
    let executor = catalogue.add_executor(Bytes::from_static(b"0123456789"));
    let config = ModuleServing {
        tls,
        ..ModuleServing::default()
    };
    let server = ModuleServer::start(&config, identity, catalogue).await;
    let server = server.unwrap();
    let urls = (
        server.module_url(&module),
        server.executor_url(&executor.path),
    );
    (server, urls.0, urls.1)
}

#[tokio::test]
async fn only_the_exact_path_leads_to_a_module() {
    let mut catalogue = Catalogue::default();
    let paths = [b"one", b"two"].map(|it| catalogue.add_module(Bytes::from_static(it)).unwrap());
    assert_ne!(paths[0], paths[1]);
    let identity = RunIdentity::new(None).unwrap();
    let config = ModuleServing::default();
    let server = ModuleServer::start(&config, &identity, catalogue).await;
    let server = server.unwrap();
    assert_eq!(server.spec(), None);
    let answer = get(&server.module_url(&paths[1])).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: application/wasm\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\ntwo"), "{answer}");
    let guess = format!("{:032x}/module.wasm", token().unwrap());
    for path in [&*guess, "module.wasm", "", "../modules.rs"] {
        let answer = get(&server.module_url(path)).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_fetcher_learns_the_length_and_can_have_parts() {
    let identity = RunIdentity::new(None).unwrap();
    let (_server, _, url) = server(TlsMode::Auto, &identity).await;
    let head = ask("HEAD", &url, "", None).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-length: 10\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let part = ask("GET", &url, "Range: bytes=7-\r\n", None).await;
    assert!(part.starts_with("HTTP/1.1 206"), "{part}");
    assert!(part.contains("content-range: bytes 7-9/10\r\n"), "{part}");
    assert!(part.ends_with("\r\n\r\n789"), "{part}");
    let beyond = ask("GET", &url, "Range: bytes=10-\r\n", None).await;
    assert!(beyond.starts_with("HTTP/1.1 416"), "{beyond}");
    assert!(beyond.contains("content-range: bytes */10\r\n"), "{beyond}");
    let conditional = "Range: bytes=7-\r\nIf-Range: \"x\"\r\n";
    let whole = ask("GET", &url, conditional, None).await;
    assert!(whole.ends_with("\r\n\r\n0123456789"), "{whole}");
    let posted = ask("POST", &url, "Content-Length: 0\r\n", None).await;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    assert!(posted.contains("allow: GET, HEAD\r\n"), "{posted}");
}

#[tokio::test]
async fn the_executor_has_the_same_path_in_every_run() {
    let added = |bytes: &'static [u8]| {
        let executor = Catalogue::default().add_executor(Bytes::from_static(bytes));
        executor.path
    };
    assert_eq!(added(b"abc"), added(b"abc"));
    assert_ne!(added(b"abc"), added(b"abd"));
    // The first example of FIPS 180-2.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(added(b"abc"), format!("sha256-{digest}/mesosgot-executor"));
}

#[tokio::test]
async fn with_tls_modules_take_it_and_the_executor_goes_without_over_the_same_port() {
    let identity = RunIdentity::new(None).unwrap();
    let (server, module, executor) = server(TlsMode::On, &identity).await;
    assert!(module.starts_with("https://127.0.0.1:"), "{module}");
    assert!(executor.starts_with("http://127.0.0.1:"), "{executor}");
    let spec = server.spec().unwrap();
    assert!(module.starts_with(&spec.base), "{module}");
    let pin: Fingerprint = spec.certificate_sha256.try_into().unwrap();

    let answer = ask("GET", &module, "", Some(pin)).await;
    assert!(answer.ends_with("\r\n\r\ncode"), "{answer}");
    let answer = get(&executor).await;
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
    let answer = ask("GET", &executor, "", Some(pin)).await;
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
    let answer = get(&module).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.ends_with("over TLS only\n"), "{answer}");
}

#[tokio::test]
async fn with_a_certificate_of_its_own_the_executor_takes_tls_as_well() {
    let own = testkit::pki::Authority::default().identity("localhost");
    let pem = mesos_client::Secret::new(own.certificate_pem() + &own.key_pem());
    let identity = RunIdentity::new(Some(&pem)).unwrap();
    let (server, _, executor) = server(TlsMode::On, &identity).await;
    assert!(executor.starts_with("https://"), "{executor}");
    let pin = server.spec().unwrap().certificate_sha256;
    let answer = ask("GET", &executor, "", Some(pin.try_into().unwrap())).await;
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
}

#[tokio::test]
async fn a_server_that_is_dropped_lets_its_connections_go() {
    let identity = RunIdentity::new(None).unwrap();
    let (server, module, _) = server(TlsMode::Auto, &identity).await;
    let (_, rest) = module.split_once("://").unwrap();
    let (address, _) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    drop(server);
    // Reset, or closed.
    let read = stream.read(&mut [0]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
