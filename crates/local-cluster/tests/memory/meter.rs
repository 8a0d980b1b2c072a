//! A cluster, one at a time, and what it takes.

use std::net::SocketAddr;
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::ALLOCATOR;

/// Nothing here takes long; what takes this long is stuck.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) const MIB: usize = 1 << 20;

/// A cluster whose memory nobody else disturbs.
pub(crate) struct Metered {
    pub(crate) cluster: LocalCluster,
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

/// Tests of one process run at the same time; what they measure must not.
static ALONE: Mutex<()> = Mutex::const_new(());

impl Metered {
    pub(crate) async fn start() -> Self {
        let alone = ALONE.lock().await;
        let agent = AgentConfig::new(Resources::parse("cpus:4;mem:1024").expect("valid"));
        let cluster = LocalCluster::start(ClusterConfig {
            allocation_interval: Duration::from_millis(20),
            ..ClusterConfig::new(vec![agent])
        });
        let cluster = cluster.await.expect("a cluster");
        // Whatever is made once is made by the first request.
        let metered = Self {
            cluster,
            before: 0,
            _alone: alone,
        };
        metered.serves().await;
        ALLOCATOR.reset_peak_usage();
        Self {
            before: ALLOCATOR.current_usage(),
            ..metered
        }
    }

    pub(crate) fn master(&self) -> SocketAddr {
        self.cluster.master_address()
    }

    pub(crate) fn agent(&self) -> SocketAddr {
        self.cluster.agent_addresses()[0]
    }

    /// The most that was taken since the start.
    pub(crate) fn peak(&self) -> usize {
        ALLOCATOR.peak_usage().saturating_sub(self.before)
    }

    /// What is taken now beyond what was at the start.
    pub(crate) fn taken(&self) -> usize {
        ALLOCATOR.current_usage().saturating_sub(self.before)
    }

    /// # Panics
    /// When more has been taken since the start, or the cluster does not serve.
    #[track_caller]
    pub(crate) fn check(&self, bytes_max: usize) -> impl Future<Output = ()> {
        let peak = self.peak();
        assert!(peak <= bytes_max, "{peak} bytes of {bytes_max}");
        self.serves()
    }

    /// Good clients are served.
    async fn serves(&self) {
        for address in [self.master(), self.agent()] {
            let mut stream = connect(address).await;
            let request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
            stream.write_all(request).await.expect("it is open");
            assert_eq!(status(&mut stream).await, Some(200));
        }
    }

    /// Waits until what was taken is given back, but for so much.
    pub(crate) async fn stop(self, kept_max: usize) {
        let given_back = timeout(TIMEOUT, async {
            while self.taken() > kept_max {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(given_back.await.is_ok(), "{} bytes are kept", self.taken());
        self.cluster.stop().await;
    }
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

/// The status of an answer, or `None` when the connection is closed without one.
pub(crate) async fn status(reader: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<u16> {
    let mut line = [0; 12];
    let read = timeout(TIMEOUT, reader.read_exact(&mut line)).await;
    read.expect("an answer in time").ok()?;
    str::from_utf8(&line[9..]).ok()?.parse().ok()
}

/// A body that is never whole on this side: a beginning, many bytes of one kind, an end.
pub(crate) struct Sent<'a> {
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) more_headers: &'a str,
    pub(crate) beginning: &'a [u8],
    pub(crate) filler: (u8, usize),
    pub(crate) end: &'a [u8],
    /// How much is announced and never sent.
    pub(crate) withheld: usize,
}

impl Sent<'_> {
    /// Sends it, and answers with the status; the server may answer before it has all.
    pub(crate) async fn to(&self, address: SocketAddr) -> Option<u16> {
        let (mut reader, writer) = connect(address).await.into_split();
        tokio::select! {
            status = status(&mut reader) => status,
            () = self.write(writer) => unreachable!("it does not end"),
        }
    }

    async fn write(&self, mut writer: impl tokio::io::AsyncWrite + Unpin) {
        let (byte, count) = self.filler;
        let length = self.beginning.len() + count + self.end.len() + self.withheld;
        let Self {
            path,
            content_type,
            more_headers,
            ..
        } = self;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n{more_headers}\
             Content-Length: {length}\r\n\r\n"
        );
        let piece = [byte; 16 << 10];
        let written = async {
            writer.write_all(head.as_bytes()).await?;
            writer.write_all(self.beginning).await?;
            let mut left = count;
            while left > 0 {
                let now = left.min(piece.len());
                writer.write_all(&piece[..now]).await?;
                left -= now;
            }
            writer.write_all(self.end).await
        };
        // It may be closed while there is more to send; the answer says why.
        let _ = written.await;
        std::future::pending().await
    }
}
