//! An HTTP client that hides nothing: what is sent is bytes, and chunks are told apart.
//!
//! For tests of servers; whatever is not as it should be ends the test.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// One connection to a server.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// In the order and the case of the wire.
    pub headers: Vec<(String, String)>,
}

/// Nothing here takes long; what takes this long is stuck.
const TIMEOUT: Duration = Duration::from_secs(20);

impl Head {
    /// The value of the first header of this name, in the case of the wire.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        Self(BufReader::new(stream))
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.0
            .write_all(bytes)
            .await
            .expect("the connection is open");
    }

    /// Sends a POST with these headers, `Host` and `Content-Length`.
    ///
    /// # Panics
    /// When the connection is closed.
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut request = format!("POST {path} HTTP/1.1\r\nHost: x\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.send(request.as_bytes()).await;
    }

    /// Reads the head of an answer.
    ///
    /// # Panics
    /// When there is none within 20 s, or it is not HTTP.
    pub async fn head(&mut self) -> Head {
        let status_line = self.line().await.expect("an answer");
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line().await.expect("a whole head");
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        Head {
            status: status.expect("a status"),
            headers,
        }
    }

    /// The body that the head has announced.
    ///
    /// # Panics
    /// When it does not come within 20 s, or is not text.
    pub async fn body(&mut self, head: &Head) -> String {
        let body = self.bytes(head).await;
        String::from_utf8(body).expect("text")
    }

    /// The body that the head has announced, text or not.
    ///
    /// # Panics
    /// When it does not come within 20 s.
    pub async fn bytes(&mut self, head: &Head) -> Vec<u8> {
        let length = head.header("Content-Length").map_or(Ok(0), str::parse);
        let mut body = vec![0; length.expect("a number")];
        self.read(&mut body).await.expect("a whole body");
        body
    }

    /// The next chunk, or `None` when the stream has ended or broken.
    ///
    /// # Panics
    /// When neither happens within 20 s.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await?, 16).expect("a length");
        let mut chunk = vec![0; length + 2];
        self.read(&mut chunk).await?;
        assert_eq!(chunk.split_off(length), b"\r\n");
        (length > 0).then_some(chunk)
    }

    /// The JSON record that is the next chunk, or `None` when the stream has ended or broken.
    ///
    /// # Panics
    /// When neither happens within 20 s, or a chunk is not exactly one record.
    pub async fn record(&mut self) -> Option<Value> {
        let chunk = self.chunk().await?;
        let text = String::from_utf8(chunk).expect("text");
        let (length, record) = text.split_once('\n').expect("RecordIO");
        assert_eq!(length.parse(), Ok(record.len()), "a chunk is one record");
        Some(serde_json::from_str(record).expect("JSON"))
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(TIMEOUT, self.0.read_line(&mut line));
        let read = read.await.expect("the server answers in time").unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        let read = tokio::time::timeout(TIMEOUT, self.0.read_exact(buffer));
        read.await
            .expect("the server answers in time")
            .ok()
            .map(drop)
    }
}
