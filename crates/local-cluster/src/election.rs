//! The elections of masters: among those of this process, or in ZooKeeper with a clock and a real
//! connection. No rule is here: [`core::election`](crate::core::election) has those of ZooKeeper,
//! and the switchboard counts candidates.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mesos::master::ZooKeeperUrl;
use mesos::v1::MasterInfo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

use crate::core::election::{Candidate, CandidateRules, Input, Output, Verdict};
use crate::switchboard::Switchboard;

/// How it is decided which master leads.
#[derive(Debug, Clone)]
pub(crate) enum Election {
    /// Of the masters of this process, the one that has been there for longest.
    InProcess,
    /// The one that ZooKeeper says.
    ZooKeeper {
        url: ZooKeeperUrl,
        /// Of sessions there.
        session_timeout: Duration,
    },
}

/// How a candidacy has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// As it was asked to.
    Withdrawn,
    /// It led, and does not any more, for this reason.
    Deposed(String),
}

/// What is read at once; answers of ZooKeeper are smaller.
const READ_BYTES: usize = 16 * 1024;

/// How far away a timer is set when the machine wants none.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Stands for election, and tells each time what the master is by now, until `withdraw` is sent or
/// dropped. Dropped, it is as if the process had died.
pub(crate) async fn stand(
    election: &Election,
    info: MasterInfo,
    switchboard: &Switchboard,
    verdicts: &watch::Sender<Verdict>,
    withdraw: &mut oneshot::Receiver<()>,
) -> End {
    match election {
        Election::InProcess => {
            let place = format!("{}:{}", info.hostname(), info.port);
            let mut candidacy = switchboard.stand(place);
            loop {
                verdicts.send_replace(candidacy.verdict());
                tokio::select! {
                    () = candidacy.changed() => {}
                    _ = &mut *withdraw => return End::Withdrawn,
                }
            }
        }
        Election::ZooKeeper {
            url,
            session_timeout,
        } => {
            let candidate = Candidate::new(CandidateRules {
                first: fastrand::usize(..url.servers().len()),
                url: url.clone(),
                timeout: *session_timeout,
                info,
            });
            in_zookeeper(candidate, switchboard, verdicts, withdraw).await
        }
    }
}

async fn in_zookeeper(
    mut machine: Candidate,
    switchboard: &Switchboard,
    verdicts: &watch::Sender<Verdict>,
    withdraw: &mut oneshot::Receiver<()>,
) -> End {
    let mut connection = Connection::Closed;
    let mut is_withdrawn = false;
    machine.handle(Instant::now(), Input::Start);
    loop {
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Connect { server } => connection = Connection::opening(server),
                Output::Close => connection = Connection::Closed,
                // A failure to send is a failure to receive as well, which is told.
                Output::Send(frame) => connection.send(&frame).await,
                Output::Standing(verdict) => {
                    tracing::info!(?verdict, "ZooKeeper says who leads");
                    verdicts.send_replace(verdict);
                }
                Output::Troubled(detail) => {
                    tracing::debug!(detail, "ZooKeeper is in trouble");
                    switchboard.note_trouble(detail);
                }
                Output::Deposed(reason) => return End::Deposed(reason),
            }
        }
        if is_withdrawn {
            return End::Withdrawn;
        }
        let due = machine.poll_timeout();
        let due = due.unwrap_or_else(|| Instant::now() + NO_TIMEOUT);
        let input = tokio::select! {
            biased;
            _ = &mut *withdraw => {
                is_withdrawn = true;
                machine.withdraw(Instant::now());
                continue;
            }
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
