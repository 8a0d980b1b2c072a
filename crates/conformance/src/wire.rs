//! Connections on which nothing is hidden: what is sent is bytes, and what comes is told apart
//! into heads, chunks and ends, in whatever order it comes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// The head of an answer that came.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// In wire order, in the case of the wire.
    pub headers: Vec<(String, String)>,
    /// The body, if it has a length.
    pub body: Vec<u8>,
    /// Whether it came between two chunks.
    pub is_inside_stream: bool,
}

/// How a stream or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The stream has ended, the connection is open.
    LastChunk,
    /// The server has closed the connection.
    Closed,
    /// The connection broke.
    Reset,
}

/// What comes over a connection.
#[derive(Debug, Clone)]
pub enum Item {
    /// An answer, or the begin of a stream.
    Head(Head),
    /// A chunk of a stream.
    Chunk(Vec<u8>),
    /// An end of the stream or the connection.
    End(End),
}

/// The end of a connection that is written to.
#[derive(Debug)]
enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

/// One connection, read in the background.
#[derive(Debug)]
pub struct Connection {
    /// There until the connection is reset.
    writer: Option<Writer>,
    reader: JoinHandle<()>,
    items: mpsc::UnboundedReceiver<Item>,
    /// Of requests without an answer: whether the answer has no body whatever it says.
    heads_only: Arc<Mutex<VecDeque<bool>>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self::read(Box::new(reader), Writer::Tcp(writer)))
    }

    /// Connects to a socket in the file system.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open_unix(path: &Path) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(path).await?.into_split();
        Ok(Self::read(Box::new(reader), Writer::Unix(writer)))
    }

    fn read(reader: Box<dyn AsyncRead + Send + Unpin>, writer: Writer) -> Self {
        let (items_to, items) = mpsc::unbounded_channel();
        let heads_only = Arc::new(Mutex::new(VecDeque::new()));
        let reader = Reader {
            stream: BufReader::new(reader),
            items: items_to,
            heads_only: Arc::clone(&heads_only),
        };
        Self {
            writer: Some(writer),
            reader: tokio::spawn(reader.run()),
            items,
            heads_only,
        }
    }

    /// Sends a request as it stands.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn send(&mut self, method: &str, bytes: &[u8]) -> io::Result<()> {
        self.heads_only
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(method == "HEAD");
        match self.writer()? {
            Writer::Tcp(writer) => writer.write_all(bytes).await,
            Writer::Unix(writer) => writer.write_all(bytes).await,
        }
    }

    /// Says that nothing more will be sent, and goes on reading.
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn half_close(&mut self) -> io::Result<()> {
        match self.writer()? {
            Writer::Tcp(writer) => writer.shutdown().await,
            Writer::Unix(writer) => writer.shutdown().await,
        }
    }

    /// Breaks the connection with a RST.
    ///
    /// # Errors
    /// When it is closed already.
    pub fn reset(mut self) -> io::Result<()> {
        let Some(Writer::Tcp(writer)) = self.writer.take() else {
            return Ok(());
        };
        // Nothing lingers: what is closed then is reset, and not shut down before.
        writer.as_ref().set_zero_linger()?;
        writer.forget();
        Ok(())
    }

    fn writer(&mut self) -> io::Result<&mut Writer> {
        self.writer
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// What has come, or comes before `deadline`.
    pub async fn next(&mut self, deadline: Instant) -> Option<Item> {
        timeout_at(deadline, self.items.recv()).await.ok().flatten()
    }
}

/// The larger of what servers send in one piece; more would be a defect.
const BODY_BYTES_MAX: usize = 256 << 20;

/// How long a body may take that was announced.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

struct Reader {
    stream: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    items: mpsc::UnboundedSender<Item>,
    heads_only: Arc<Mutex<VecDeque<bool>>>,
}

impl Reader {
    async fn run(mut self) {
        let end = match self.read_answers().await {
            Ok(()) => End::Closed,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Closed,
            Err(_) => End::Reset,
        };
        // Whoever has dropped the connection does not want to know.
        let _ = self.items.send(Item::End(end));
    }

    async fn read_answers(&mut self) -> io::Result<()> {
        while let Some(line) = self.line().await? {
            let head = self.head(&line, false).await?;
            let is_chunked = header(&head, "transfer-encoding") == Some("chunked");
            self.tell(Item::Head(head))?;
            if is_chunked {
                self.read_chunks().await?;
            }
        }
        Ok(())
    }

    async fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let Some(line) = self.line().await? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if line.starts_with("HTTP/") {
                let head = self.head(&line, true).await?;
                self.tell(Item::Head(head))?;
                continue;
            }
            let length = usize::from_str_radix(&line, 16).map_err(|_| malformed("a chunk"))?;
            let mut chunk = self.bytes(length + 2).await?;
            if chunk.split_off(length) != b"\r\n" {
                return Err(malformed("the end of a chunk"));
            }
            if length == 0 {
                return self.tell(Item::End(End::LastChunk));
            }
            self.tell(Item::Chunk(chunk))?;
        }
    }

    async fn head(&mut self, status_line: &str, is_inside_stream: bool) -> io::Result<Head> {
        let status = status_line.split(' ').nth(1);
        let status = status.and_then(|status| status.parse().ok());
        let mut head = Head {
            status: status.ok_or_else(|| malformed("a status line"))?,
            headers: Vec::new(),
            body: Vec::new(),
            is_inside_stream,
        };
        loop {
            let line = self.line().await?;
            let line = line.ok_or(io::ErrorKind::UnexpectedEof)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            head.headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
        let is_head_only = self
            .heads_only
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .unwrap_or_default();
        if let Some(length) = header(&head, "content-length").filter(|_| !is_head_only) {
            let length = length.parse().map_err(|_| malformed("a length"))?;
            head.body = tokio::time::timeout(BODY_TIMEOUT, self.bytes(length)).await??;
        }
        Ok(head)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    async fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY_BYTES_MAX {
            return Err(malformed("a length"));
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    fn tell(&self, item: Item) -> io::Result<()> {
        let told = self.items.send(item);
        told.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed: {what}"))
}

/// The value of a header, its name in lower case.
pub fn header<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
    let found = head
        .headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is read of these bytes, until the server closes.
    async fn read(bytes: &'static [u8]) -> Vec<Item> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.write_all(bytes).await.expect("open");
        });
        let mut connection = Connection::open(address).await.expect("it listens");
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut items = Vec::new();
        while let Some(item) = connection.next(deadline).await {
            items.push(item);
        }
        items
    }

    #[tokio::test]
    async fn heads_chunks_and_ends_are_told_apart() {
        let items = read(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n\
              HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n1\r\nc\r\n0\r\n\r\n\
              HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno",
        );
        let items = items.await;
        let [
            Item::Head(stream),
            Item::Chunk(first),
            Item::Head(inside),
            Item::Chunk(second),
            Item::End(End::LastChunk),
            Item::Head(refusal),
            Item::End(End::Closed),
        ] = items.as_slice()
        else {
            panic!("{items:?}");
        };
        assert_eq!((stream.status, stream.is_inside_stream), (200, false));
        assert_eq!((inside.status, inside.is_inside_stream), (202, true));
        assert_eq!(
            (first.as_slice(), second.as_slice()),
            (&b"ab"[..], &b"c"[..])
        );
        assert_eq!((refusal.status, refusal.body.as_slice()), (400, &b"no"[..]));
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_has_no_last_chunk() {
        let items = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na").await;
        assert!(matches!(
            items.as_slice(),
            [Item::Head(_), Item::End(End::Closed)]
        ));
    }
}
