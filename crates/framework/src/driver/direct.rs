//! The listener for the direct paths of a run, and what is known of each link's.
//!
//! One port for all links: whoever connects says which link it is for and shows that link's
//! secret. How the path is used is `link::direct`'s; what follows when there is none is said
//! here, per link:
//!
//! ```text
//!   announced ──greets──► awaited ──connected──► up
//!                            │  ▲                 │ broken
//!               not in time, │  └─────────────────┘
//!               said so      ▼
//!                     Unconnected (only if a direct path is required)
//! ```

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::direct::tls::{Identity, TlsError};
use link::direct::{Ended, Hello, Secret, admit, carry, tune};
use link::{Link, Path, spec};
use mesos::ExecutorId;
use scheduler::{Command, ExecutorLaunch};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use super::links::LaunchError;
use crate::address::advertised;
use crate::config::{DirectConfig, DirectMode};
use crate::identity::RunIdentity;
use crate::random::unguessable;

/// Accepts direct paths for all links of a run, until it is dropped.
pub(super) struct Listener {
    door: Arc<Door>,
    address: String,
    accepting: JoinHandle<()>,
}

/// What the tasks of the listener share.
struct Door {
    mode: DirectMode,
    identity: Option<Identity>,
    expected: Mutex<HashMap<u64, Expected>>,
    commands: mpsc::UnboundedSender<Command>,
    /// That tasks are reached over framework messages has been said.
    has_warned: AtomicBool,
}

#[derive(Clone)]
struct Expected {
    hello: Hello,
    executor: ExecutorId,
    link: Link,
}

/// Why there is nothing that listens for direct paths.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address cannot be bound.
    #[error(transparent)]
    Bind(#[from] io::Error),
    /// There is no certificate.
    #[error(transparent)]
    Identity(#[from] TlsError),
}

impl Listener {
    /// Listens, unless the configuration wants no direct paths. What the scheduler machine is to
    /// hear goes to `commands`.
    ///
    /// # Errors
    /// When the address cannot be bound, or no certificate can be made.
    pub(super) async fn start(
        config: &DirectConfig,
        identity: &RunIdentity,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Result<Option<Self>, ListenError> {
        if config.mode == DirectMode::Off {
            return Ok(None);
        }
        let listener = TcpListener::bind(config.bind).await?;
        let bound = listener.local_addr()?;
        let address = advertised(config.advertise.as_deref(), bound);
        let identity = identity.at(&address, config.tls)?;
        let has_tls = identity.is_some();
        info!(address, has_tls, "direct path listens on {bound}");
        let door = Arc::new(Door {
            mode: config.mode,
            identity,
            expected: Mutex::default(),
            commands,
            has_warned: AtomicBool::new(false),
        });
        Ok(Some(Self {
            accepting: tokio::spawn(accept(listener, Arc::clone(&door))),
            door,
            address,
        }))
    }

    /// Lets an executor in that is being launched: tells it where to connect, and looks after what
    /// comes of it until the link is shut. `failures` shows why it could not connect.
    ///
    /// # Errors
    /// When the system has no randomness for a secret, or the address is too long to be told.
    pub(super) fn expect(
        &self,
        link: &Link,
        executor: &ExecutorLaunch,
        incarnations: Incarnations,
        failures: watch::Receiver<Option<String>>,
    ) -> Result<(), LaunchError> {
        let Incarnations { here, there } = incarnations;
        let secret = unguessable()?;
        let announcement = spec::Direct {
            address: self.address.clone(),
            secret: secret.to_vec(),
            certificate_sha256: match &self.door.identity {
                Some(identity) => identity.fingerprint().to_vec(),
                None => Vec::new(),
            },
            link: here,
        };
        link.tell(&spec::Notice::direct(announcement))?;
        let expected = Expected {
            hello: Hello {
                link: here,
                executor: there,
                secret: Secret::new(secret),
            },
            executor: executor.id.clone(),
            link: link.clone(),
        };
        self.door.expected().insert(here, expected.clone());
        let door = Arc::clone(&self.door);
        let address = self.address.clone();
        tokio::spawn(async move {
            door.look_after(&expected, &address, failures).await;
            door.expected().remove(&here);
        });
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The incarnations of the two ends of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incarnations {
    /// That of the scheduler's end.
    pub(super) here: u64,
    /// That of the executor's.
    pub(super) there: u64,
}

impl Door {
    fn expected(&self) -> MutexGuard<'_, HashMap<u64, Expected>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, command: Command) {
        // Nobody listens when the job has ended.
        let _ = self.commands.send(command);
    }

    /// Sees whether there is a direct path, which has been announced at this address, until the
    /// link is shut.
    async fn look_after(
        &self,
        expected: &Expected,
        address: &str,
        mut failures: watch::Receiver<Option<String>>,
    ) {
        let Expected { link, executor, .. } = expected;
        // It gets the announcement with the first frame that answers it.
        link.heard().await;
        let mut phase = Phase::First;
        loop {
            if let Err(reason) = phase.connected(link, &mut failures).await {
                self.without(executor, address, &reason);
            }
            if !link.on_path(Path::Direct).await {
                return;
            }
            debug!(%executor, "direct path is up");
            self.tell(Command::Connected(executor.clone()));
            if !link.on_path(Path::Messages).await {
                return;
            }
            debug!(%executor, "direct path is down");
            phase = Phase::Again;
        }
    }

    /// There is no direct path to an executor for now.
    fn without(&self, executor: &ExecutorId, address: &str, reason: &str) {
        match self.mode {
            DirectMode::Required => self.tell(Command::Unconnected {
                executor: executor.clone(),
                reason: format!("{address}: {reason}"),
            }),
            // One is enough: the others most likely have the same reason.
            DirectMode::Auto if !self.has_warned.swap(true, Ordering::Relaxed) => warn!(
                %executor,
                address,
                reason,
                "no direct path, channels take framework messages; \
                 `channels.advertise` names the address that agents reach"
            ),
            DirectMode::Auto | DirectMode::Off => {
                debug!(%executor, address, reason, "no direct path");
            }
        }
    }

    /// A connection, from its first byte to its end.
    async fn serve(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        if let Err(error) = tune(&stream) {
            debug!(%peer, %error, "the options of a connection were refused");
        }
        match &self.identity {
            Some(identity) => match identity.accept(stream).await {
                Ok(stream) => self.attach(stream, peer, permit).await,
                Err(error) => debug!(%peer, %error, "a connection was refused"),
            },
            None => self.attach(stream, peer, permit).await,
        }
    }

    async fn attach(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) {
        let find = |link| {
            let expected = self.expected().get(&link).cloned();
            expected.map(|expected| (expected.hello.clone(), expected))
        };
        let expected = match admit(&mut stream, find).await {
            Ok(expected) => expected,
            Err(error) => return debug!(%peer, %error, "a connection was refused"),
        };
        drop(permit);
        let Expected { executor, link, .. } = expected;
        let ended = carry(link.direct(), stream).await;
        debug!(%executor, %ended, "direct path has ended");
        match ended {
            Ended::Frame(error) => {
                warn!(%executor, %error, "executor breaks the rules of its link");
                self.tell(Command::Abandon(executor));
            }
            Ended::TooLarge { .. } => {
                warn!(%executor, %ended, "executor breaks the rules of its link");
                self.tell(Command::Abandon(executor));
            }
            Ended::Closed | Ended::Replaced | Ended::Shut | Ended::Broken(_) => {}
        }
    }
}

/// What is expected of an executor.
enum Phase {
    /// That it connects. When it cannot, that will not change by itself.
    First,
    /// That it connects again after it could already: what has broken may be mended.
    Again,
}

impl Phase {
    /// Waits until there is a direct path, or the link is shut.
    ///
    /// # Errors
    /// The reason, when there is none in time.
    async fn connected(
        &self,
        link: &Link,
        failures: &mut watch::Receiver<Option<String>>,
    ) -> Result<(), String> {
        let wait = match self {
            Self::First => CONNECT_WAIT,
            Self::Again => RECONNECT_WAIT,
        };
        let mut reason = None;
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                _ = link.on_path(Path::Direct) => return Ok(()),
                failure = reported_failure(failures) => match self {
                    Self::First => return Err(failure),
                    Self::Again => reason = Some(failure),
                },
                () = sleep_until(until) => {
                    let silent = || format!("it has not connected in {} s", wait.as_secs());
                    return Err(reason.unwrap_or_else(silent));
                }
            }
        }
    }
}

async fn accept(listener: TcpListener, door: Arc<Door>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let permit = Arc::clone(&strangers).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, peer)) => {
                let door = Arc::clone(&door);
                connections.spawn(async move { door.serve(stream, peer, permit).await });
            }
            Err(error) => {
                warn!(%error, "cannot accept direct paths for a moment");
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Waits for an executor to say that it could not connect; for ever if it does not.
async fn reported_failure(failures: &mut watch::Receiver<Option<String>>) -> String {
    while failures.changed().await.is_ok() {
        if let Some(reason) = failures.borrow_and_update().clone() {
            return reason;
        }
    }
    std::future::pending().await
}

/// How long an executor may take to connect once it knows where: a dial that is lost on the way is
/// repeated by the system after 1, 3 and 7 s, and TLS on a crowded machine takes a second.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// The same when a path has broken. The executor dials again with backoff that grows to 30 s, and
/// each dial may take [`CONNECT_WAIT`]: so one that failed just before the network is back is
/// followed by another within 40 s, and there are 20 s for a crowded machine. Longer would only
/// keep a job waiting whose channels stand still meanwhile; shorter would fail one over a switch
/// that restarts.
const RECONNECT_WAIT: Duration = Duration::from_secs(60);

/// Connections that have not yet said who they are. Each costs some KiB and at most ten seconds;
/// what comes beyond waits in the system's queue.
const STRANGERS_MAX: usize = 64;

/// When no file descriptor is free, for example: time for others to end.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use link::{LinkConfig, Role, TryRecvError};
    use tokio::io::AsyncReadExt as _;

    use super::super::attending::{Library, attend};
    use super::super::deliveries::Deliveries;
    use super::*;
    use crate::usage::Usages;

    #[tokio::test(start_paused = true)]
    async fn an_executor_that_says_nothing_is_given_up_in_time() {
        let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let (_failed, mut failures) = watch::channel(None);
        let first = Phase::First.connected(&link, &mut failures).await;
        assert_eq!(first.unwrap_err(), "it has not connected in 10 s");
        let path = link.direct();
        assert_eq!(Phase::First.connected(&link, &mut failures).await, Ok(()));
        drop(path);
        let again = Phase::Again.connected(&link, &mut failures).await;
        assert_eq!(again.unwrap_err(), "it has not connected in 60 s");
        link.shut();
        assert_eq!(Phase::Again.connected(&link, &mut failures).await, Ok(()));
    }

    /// Carries the frames of one end as framework messages.
    async fn carry_messages(from: Link, to: Link) {
        while let Some(frame) = from.next_frame().await {
            to.handle_frame(frame).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_required_path_that_does_not_come_back_ends_the_job_though_its_data_waits() {
        let config = LinkConfig {
            direct_only: true,
            ..LinkConfig::new()
        };
        let here = Link::new(Role::Scheduler, 1, config.clone());
        let there = Link::new(Role::Executor, 2, config);
        tokio::spawn(carry_messages(here.clone(), there.clone()));
        tokio::spawn(carry_messages(there.clone(), here.clone()));
        let (sender, _receiver) = there.open("a").unwrap();
        let (_sender, receiver) = here.open("a").unwrap();
        let (commands, mut told) = mpsc::unbounded_channel();
        let door = Door {
            mode: DirectMode::Required,
            identity: None,
            expected: Mutex::default(),
            commands,
            has_warned: AtomicBool::new(false),
        };
        let expected = Expected {
            hello: Hello {
                link: 1,
                executor: 2,
                secret: Secret::new([7; 32]),
            },
            executor: ExecutorId::from("e"),
            link: here.clone(),
        };
        let failures = attend(
            &here,
            &expected.executor,
            Library::default(),
            Deliveries::default(),
            Usages::default(),
        );
        tokio::spawn(async move { door.look_after(&expected, "here:1", failures).await });
        there.heard().await;

        let path = here.direct();
        let connected = told.recv().await;
        assert_eq!(connected, Some(Command::Connected(ExecutorId::from("e"))));
        // It breaks when the first frame is on it.
        let (mut near, far) = tokio::io::duplex(1000);
        let carrying = tokio::spawn(carry(there.direct(), far));
        sender.send("lost".into()).await.unwrap();
        near.read_u8().await.unwrap();
        drop((near, path));
        carrying.await.unwrap();
        let failed = spec::Notice::direct_failed("connection refused");
        there.tell(&failed).unwrap();
        let began = Instant::now();
        let unconnected = Command::Unconnected {
            executor: ExecutorId::from("e"),
            reason: "here:1: connection refused".to_owned(),
        };
        assert_eq!(told.recv().await, Some(unconnected));
        assert_eq!(began.elapsed(), RECONNECT_WAIT);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        here.shut();
        there.shut();
    }
}
