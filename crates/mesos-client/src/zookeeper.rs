//! Drives a [`Detector`] with a real clock and a real connection. No rule is here.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::core::zookeeper::{Detection, Detector, Input, Output};

/// What is read at once; answers of ZooKeeper are smaller.
const READ_BYTES: usize = 16 * 1024;

/// How far away a timer is set when the machine wants none.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells `found` who leads, until nobody listens; for ever silent without a detector.
pub(crate) async fn run(detector: Option<Detector>, found: mpsc::Sender<Detection>) {
    let Some(mut machine) = detector else {
        return std::future::pending().await;
    };
    let mut connection = Connection::Closed;
    machine.handle(Instant::now(), Input::Start);
    loop {
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Connect { server } => connection = Connection::opening(server),
                Output::Close => connection = Connection::Closed,
                // A failure to send is a failure to receive as well, which is told.
                Output::Send(frame) => connection.send(&frame).await,
                Output::Found(detection) => {
                    if found.send(detection).await.is_err() {
                        return;
                    }
                }
            }
        }
        let due = machine.poll_timeout();
        let due = due.unwrap_or_else(|| Instant::now() + NO_TIMEOUT);
        let input = tokio::select! {
            biased;
            happening = connection.next() => match happening {
                Ok(Happening::Connected(stream)) => {
                    connection = Connection::Open(stream);
                    Input::Connected
                }
                Ok(Happening::Received(bytes)) => Input::Received(bytes),
                Err(detail) => {
                    connection = Connection::Closed;
                    Input::Failed(detail)
                }
            },
            () = tokio::time::sleep_until(due.into()) => Input::Timeout,
        };
        machine.handle(Instant::now(), input);
    }
}

enum Connection {
    Closed,
    Opening(std::pin::Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    Open(TcpStream),
}

enum Happening {
    Connected(TcpStream),
    Received(Bytes),
}

impl Connection {
    fn opening(server: String) -> Self {
        Self::Opening(Box::pin(TcpStream::connect(server)))
    }

    async fn send(&mut self, frame: &[u8]) {
        if let Self::Open(stream) = self
            && let Err(error) = stream.write_all(frame).await
        {
            tracing::debug!(%error, "failed to send to ZooKeeper");
        }
    }

    /// Waits for what comes next; for ever while closed. Loses nothing when dropped.
    async fn next(&mut self) -> Result<Happening, String> {
        match self {
            Self::Closed => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(stream) => Ok(Happening::Connected(stream)),
                Err(error) => Err(error.to_string()),
            },
            Self::Open(stream) => {
                let mut bytes = BytesMut::with_capacity(READ_BYTES);
                match stream.read_buf(&mut bytes).await {
                    Ok(0) => Err("it closed the connection".to_owned()),
                    Ok(_) => Ok(Happening::Received(bytes.freeze())),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}
