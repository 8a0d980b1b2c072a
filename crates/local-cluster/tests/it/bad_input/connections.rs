//! Connections that are not used as they are meant to be.

use std::io::ErrorKind;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{JSON, Outcome, Sturdy, Subscribed, check_refused, closed, outcome, post};

/// So many of each kind.
const CONNECTIONS: usize = 100;

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

#[tokio::test]
async fn a_connection_that_is_closed_on_one_side_is_closed_on_the_other() {
    let sturdy = Sturdy::start().await;
    for (address, path) in sturdy.endpoints() {
        // A whole request is answered all the same.
        let mut stream = connect(address).await;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(outcome(&mut stream).await, Outcome::Answered(200));
        closed(&mut stream).await;
        let whole = post(path, JSON, r#"{"type":"REVIVE"}"#);
        for sent in 0..whole.len() {
            let mut stream = connect(address).await;
            stream.write_all(&whole[..sent]).await.unwrap();
            stream.shutdown().await.unwrap();
            check_refused(
                outcome(&mut stream).await,
                format_args!("{sent} bytes of a call"),
            );
            closed(&mut stream).await;
        }
    }
    sturdy.stop().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_client_stops_sending() {
    let sturdy = Sturdy::start().await;
    let mut stream = connect(sturdy.master()).await;
    let subscribe = post("/api/v1/scheduler", JSON, super::SUBSCRIBE);
    stream.write_all(&subscribe).await.unwrap();
    assert_eq!(outcome(&mut stream).await, Outcome::Answered(200));
    stream.shutdown().await.unwrap();
    closed(&mut stream).await;
    sturdy.stop().await;
}

#[tokio::test]
async fn who_writes_slowly_keeps_nobody_waiting_and_is_answered_at_the_end() {
    let sturdy = Sturdy::start().await;
    for (address, path) in sturdy.endpoints() {
        let whole = post(path, JSON, r#"{"type":"#.repeat(10));
        let mut writers = Vec::new();
        for number in 0..CONNECTIONS {
            let mut stream = connect(address).await;
            // Cut in the head or in the body.
            let sent = whole.len() * number / CONNECTIONS;
            stream.write_all(&whole[..sent]).await.unwrap();
            writers.push((stream, sent));
        }
        sturdy.check().await;
        for (stream, sent) in writers.iter_mut().step_by(2) {
            for byte in &whole[*sent..] {
                stream.write_all(&[*byte]).await.unwrap();
            }
            assert_eq!(outcome(stream).await, Outcome::Answered(400));
        }
        sturdy.check().await;
    }
    sturdy.stop().await;
}

/// Sends the same again and again, until the server takes no more.
async fn fill(stream: &TcpStream, bytes: &[u8]) {
    let mut rest = bytes;
    // What is written is first the kernel's; the server takes it when it gets to it.
    let mut full = 0;
    while full < 20 {
        match stream.try_write(rest) {
            Ok(written) => {
                full = 0;
                rest = &rest[written..];
                if rest.is_empty() {
                    rest = bytes;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                full += 1;
                let writable = stream.writable();
                let waited = std::time::Duration::from_millis(20);
                // When it is not writable for so long, the server has stopped reading.
                let _ = tokio::time::timeout(waited, writable).await;
            }
            Err(error) => panic!("the server has closed it: {error}"),
        }
    }
}

#[tokio::test]
async fn who_asks_and_does_not_read_the_answers_keeps_nobody_waiting() {
    let sturdy = Sturdy::start().await;
    let mut deaf = Vec::new();
    for address in [sturdy.master(), sturdy.agent()] {
        for path in ["/state", "/version", "/files/debug", "/nowhere"] {
            let stream = connect(address).await;
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            fill(&stream, request.as_bytes()).await;
            deaf.push(stream);
        }
    }
    sturdy.check().await;
    drop(deaf);
    sturdy.stop().await;
}

#[tokio::test]
async fn calls_on_the_connection_of_a_stream_wait_and_cost_nothing() {
    let sturdy = Sturdy::start().await;
    let mut framework = Subscribed::to(sturdy.master()).await;
    let call = post("/api/v1/scheduler", JSON, "{}");
    framework.stream.send(&call).await;
    sturdy.check().await;
    assert!(
        framework.stream.record().await.is_some(),
        "it is still a stream"
    );
    drop(framework);
    sturdy.stop().await;
}
