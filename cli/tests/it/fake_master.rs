//! A master whose answers are bytes that a test has written.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use mesos::{recordio, v1};
use prost::Message as _;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use v1::scheduler::event::{Error, Subscribed, Type};

use crate::support::RUN_TIME_MAX;

/// Gives one answer to each request, and the last again and again; each ends its connection.
pub(crate) struct FakeMaster {
    pub(crate) address: SocketAddr,
    heads: mpsc::Receiver<String>,
}

impl FakeMaster {
    /// One without TLS. Whoever speaks TLS gets the answer all the same, as from any server that
    /// takes the first bytes for a bad request.
    pub(crate) fn start(answers: Vec<Vec<u8>>) -> Self {
        Self::serve(answers, |stream, answer| {
            let mut first = [0];
            let is_tls = stream.peek(&mut first).is_ok() && first == [22];
            let head = if is_tls {
                None
            } else {
                Some(take_request(&stream)?)
            };
            (&stream).write_all(answer)?;
            Ok(head)
        })
    }

    /// One at `localhost`, behind TLS.
    pub(crate) fn start_tls(tls: Arc<ServerConfig>, answers: Vec<Vec<u8>>) -> Self {
        Self::serve(answers, move |stream, answer| {
            let connection = ServerConnection::new(Arc::clone(&tls));
            let connection = connection.map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            let head = take_request(&mut stream)?;
            stream.write_all(answer)?;
            stream.conn.send_close_notify();
            stream.flush()?;
            Ok(Some(head))
        })
    }

    fn serve(
        answers: Vec<Vec<u8>>,
        exchange: impl Fn(TcpStream, &[u8]) -> io::Result<Option<String>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (sender, heads) = mpsc::channel();
        // It ends with the process of the test.
        thread::spawn(move || {
            let mut answers = answers.iter();
            let mut answer = answers.next().expect("there is an answer");
            for stream in listener.incoming().flatten() {
                // A client that goes away, or does not trust us, has asked nothing.
                if let Ok(Some(head)) = exchange(stream, answer) {
                    // Not every test looks at them.
                    let _ = sender.send(head);
                    answer = answers.next().unwrap_or(answer);
                }
            }
        });
        Self { address, heads }
    }

    /// The head of the next request, in lower case.
    #[track_caller]
    pub(crate) fn head(&self) -> String {
        let head = self.heads.recv_timeout(RUN_TIME_MAX);
        let head = head.expect("there was a request");
        head.to_ascii_lowercase()
    }
}

/// Reads a whole request, and answers its head.
fn take_request(stream: impl Read) -> io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let lower = head.to_ascii_lowercase();
    if lower.starts_with("get ") {
        return Ok(head);
    }
    let length = lower.split_once("content-length: ");
    let length = length.and_then(|(_, rest)| rest.split_once("\r\n"));
    let length = length.and_then(|(length, _)| length.parse().ok());
    let length = length.ok_or_else(|| io::Error::other("the request has no length"))?;
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(head)
}

/// An answer of HTTP.
pub(crate) fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Mesos-Stream-Id: s\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A refusal in plain text, as Mesos writes it.
pub(crate) fn refusal(status: &str, text: &str) -> Vec<u8> {
    answer(status, "text/plain; charset=utf-8", text.as_bytes())
}

/// A stream with these bytes.
pub(crate) fn stream(bytes: &[u8]) -> Vec<u8> {
    answer("200 OK", "application/x-protobuf", bytes)
}

/// The record of an ERROR event.
pub(crate) fn error(message: &str) -> Vec<u8> {
    record(&v1::scheduler::Event {
        r#type: Some(Type::Error.into()),
        error: Some(Error {
            message: message.to_owned(),
        }),
        ..v1::scheduler::Event::default()
    })
}

/// The record of a SUBSCRIBED event.
pub(crate) fn subscribed() -> Vec<u8> {
    record(&v1::scheduler::Event {
        r#type: Some(Type::Subscribed.into()),
        subscribed: Some(Subscribed {
            framework_id: v1::FrameworkId {
                value: "f-0000".to_owned(),
            },
            heartbeat_interval_seconds: Some(15.0),
            master_info: None,
        }),
        ..v1::scheduler::Event::default()
    })
}

fn record(event: &v1::scheduler::Event) -> Vec<u8> {
    let mut record = Vec::new();
    recordio::encode(&event.encode_to_vec(), &mut record);
    record
}
