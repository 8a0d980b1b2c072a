//! Runs executors: sandbox, artifacts, process, and the end of it.
//!
//! ```text
//!   launch ──► Preparing ──process started──► Running ──it ended by itself──► swept ──► Over
//!                  │ destroy                     │ destroy: SIGKILL               ▲
//!                  ▼                             ▼                                │
//!               Doomed ── fetch given up       Killed ────────────────────────────┘
//!                         ──► Over, no process was started
//! ```
//!
//! Each container has a thread of its own for its whole life. It fetches, which may block; it is
//! the parent whose death takes the executor with it (see [`process`]); and it waits for the
//! process, sweeps up what that left behind, and only then reaps it, so that nobody ever signals a
//! number that has come to mean another process.
//!
//! It owns processes and nothing else: who is launched and killed, and what an end means, is for
//! the agent to decide. There is no isolation: resources are not enforced, and an executor runs as
//! the user that runs the cluster.

mod environment;
mod process;
mod session;
pub(crate) mod statistics;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mesos::ContainerId;
use mesos::v1::ExecutorInfo;
use rustix::process::Pid;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};

use self::process::{Process, StartError};
use crate::authentication::ExecutorKey;
use crate::core::agent::Launch;
use crate::error::chain;
use crate::fetcher;
use crate::sandbox::{Owner, Sandbox};

/// The wait status of an executor whose program cannot be executed. A real agent says so: its
/// launcher notes the status of exit code 1, 256, and notes it twice (PROTOCOL §9.3).
const NOT_EXECUTABLE_STATUS: i32 = 256_256;

/// The wait status of a command that cannot be executed: exit code 1.
const FAILED_COMMAND_STATUS: i32 = 256;

/// The wait status of a container that ended without a process: unknown.
const UNKNOWN_STATUS: i32 = -1;

/// How long the end of a process that was not killed is kept back.
///
/// An executor may send its last update and exit without waiting for the answer; that update is
/// then still in a socket when the process has ended, and must not come after its end. A real
/// agent learns of an end 35 to 100 ms late in all recordings (PROTOCOL §9.3), because it polls.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How long [`Containerizer::stop`] waits for processes that were killed. SIGKILL needs
/// milliseconds; only a process stuck in the kernel takes longer, and for that nothing helps.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// All containers of an agent. Dropped, it kills what runs, and does not wait for it.
#[derive(Debug)]
pub(crate) struct Containerizer {
    settings: Settings,
    containers: BTreeMap<ContainerId, Arc<Control>>,
    /// At most two events for each container.
    events: mpsc::UnboundedSender<ContainerEvent>,
    /// Held by every thread: `ended` hears when the last is gone.
    living: mpsc::Sender<Infallible>,
    ended: mpsc::Receiver<Infallible>,
}

/// What all containers of an agent have in common.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where executors find their agent.
    pub(crate) endpoint: SocketAddr,
    /// An absolute path.
    pub(crate) work_dir: PathBuf,
    /// The longest random wait of an executor before it subscribes again.
    pub(crate) subscription_backoff_max: Duration,
    /// For how long executors may look for an agent that has gone.
    pub(crate) recovery_timeout: Duration,
    /// Where in the file system executors find their agent, too.
    pub(crate) domain_socket: Option<PathBuf>,
    /// What executors get besides.
    pub(crate) environment: BTreeMap<String, String>,
    /// Signs the tokens of executors, if they need one.
    pub(crate) executor_key: Option<ExecutorKey>,
    /// Artifacts that are wanted more than once.
    pub(crate) cache: fetcher::Cache,
    /// For downloads.
    pub(crate) runtime: Handle,
}

/// What happens to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContainerEvent {
    /// Its process was started.
    Started { container_id: ContainerId, pid: u32 },
    /// It could not be made; the last event of it.
    LaunchFailed {
        container_id: ContainerId,
        message: String,
    },
    /// It has ended with this wait status, -1 if there was no process; the last event of it.
    Exited {
        container_id: ContainerId,
        status: i32,
    },
}

impl Containerizer {
    pub(crate) fn new(settings: Settings, events: mpsc::UnboundedSender<ContainerEvent>) -> Self {
        let (living, ended) = mpsc::channel(1);
        Self {
            settings,
            containers: BTreeMap::new(),
            events,
            living,
            ended,
        }
    }

    /// Starts a container; what becomes of it comes as events.
    pub(crate) fn launch(&mut self, launch: Launch) {
        let container_id = launch.container_id.clone();
        let control = Arc::new(Control::default());
        let events = self.events.clone();
        let run = {
            let (control, settings) = (Arc::clone(&control), self.settings.clone());
            let (events, living) = (events.clone(), self.living.clone());
            move || {
                let last = run(&launch, &settings, &control, &events);
                // Nobody listens any more when the agent has stopped.
                let _ = events.send(last);
                drop(living);
            }
        };
        self.containers.insert(container_id.clone(), control);
        let spawned = thread::Builder::new()
            .name(format!("container {container_id}"))
            .spawn(run);
        if let Err(error) = spawned {
            let message = format!("failed to start a thread: {error}");
            let _ = events.send(ContainerEvent::LaunchFailed {
                container_id,
                message,
            });
        }
    }

    /// Asks all processes of a container to end. Has no effect on one that has none.
    pub(crate) fn terminate(&self, container_id: &ContainerId) {
        if let Some(control) = self.containers.get(container_id) {
            control.terminate();
        }
    }

    /// Kills a container with all its processes. Has no effect on one that has ended.
    pub(crate) fn destroy(&self, container_id: &ContainerId) {
        if let Some(control) = self.containers.get(container_id) {
            control.destroy();
        }
    }

    /// Forgets a container whose last event has come.
    pub(crate) fn forget(&mut self, container_id: &ContainerId) {
        self.containers.remove(container_id);
    }

    /// Kills everything and waits until it is reaped, [`STOP_TIMEOUT`] at most.
    pub(crate) async fn stop(mut self) {
        self.destroy_all();
        let (unused, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.living, unused));
        if tokio::time::timeout(STOP_TIMEOUT, self.ended.recv())
            .await
            .is_err()
        {
            tracing::error!("executors are still there, seconds after SIGKILL");
        }
    }

    fn destroy_all(&self) {
        for control in self.containers.values() {
            control.destroy();
        }
    }
}

impl Drop for Containerizer {
    fn drop(&mut self) {
        self.destroy_all();
    }
}

/// What a container's thread shares with those who want its end.
#[derive(Debug, Default)]
struct Control {
    phase: Mutex<Phase>,
    /// Told when a container is doomed while it is being prepared.
    doomed: Notify,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Preparing,
    Doomed,
    Running(Pid),
    Killed,
    Over,
}

impl Control {
    fn destroy(&self) {
        let mut phase = self.lock();
        match *phase {
            Phase::Preparing => {
                *phase = Phase::Doomed;
                self.doomed.notify_one();
            }
            // The process is not reaped before the phase is `Over`: the number is still its own.
            Phase::Running(leader) => {
                session::kill(leader);
                *phase = Phase::Killed;
            }
            Phase::Doomed | Phase::Killed | Phase::Over => {}
        }
    }

    fn terminate(&self) {
        if let Phase::Running(leader) = *self.lock() {
            session::terminate(leader);
        }
    }

    /// Notes the process, or kills it if its end was wanted while it was being started.
    fn start(&self, leader: Pid) {
        let mut phase = self.lock();
        *phase = if matches!(*phase, Phase::Doomed) {
            session::kill(leader);
            Phase::Killed
        } else {
            Phase::Running(leader)
        };
    }

    /// Whether the process ended by itself; from now on it is not killed any more.
    fn end(&self) -> bool {
        matches!(
            std::mem::replace(&mut *self.lock(), Phase::Over),
            Phase::Running(_)
        )
    }

    fn is_doomed(&self) -> bool {
        matches!(*self.lock(), Phase::Doomed)
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        // A panic elsewhere leaves the phase as valid as it was.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole life of a container, on its own thread; its last event.
fn run(
    launch: &Launch,
    settings: &Settings,
    control: &Control,
    events: &mpsc::UnboundedSender<ContainerEvent>,
) -> ContainerEvent {
    let container_id = launch.container_id.clone();
    let exited = |status| ContainerEvent::Exited {
        container_id: container_id.clone(),
        status,
    };
    let process = match start(launch, settings, control) {
        Ok(process) => process,
        Err(Failure::Destroyed) => return exited(UNKNOWN_STATUS),
        // The executor of a command has started, and sees its command fail.
        Err(Failure::NotExecutable) if launch.is_command => return exited(FAILED_COMMAND_STATUS),
        Err(Failure::NotExecutable) => return exited(NOT_EXECUTABLE_STATUS),
        Err(Failure::Launch(message)) => {
            return ContainerEvent::LaunchFailed {
                container_id,
                message,
            };
        }
    };
    control.start(process.leader());
    let pid = process.leader().as_raw_nonzero().get().unsigned_abs();
    let started = ContainerEvent::Started {
        container_id: container_id.clone(),
        pid,
    };
    let _ = events.send(started);
    process.wait();
    session::sweep(process.leader());
    if control.end() {
        thread::sleep(LAST_WORDS);
    }
    exited(process.reap().unwrap_or(UNKNOWN_STATUS))
}

/// Why there is no process.
enum Failure {
    /// The container was destroyed before it had one.
    Destroyed,
    /// The program cannot be executed.
    NotExecutable,
    /// Anything else, as the status update says it.
    Launch(String),
}

fn start(launch: &Launch, settings: &Settings, control: &Control) -> Result<Process, Failure> {
    let Some(command) = &launch.executor.command else {
        let text = "this agent has no DEFAULT executor; launch the group with a CUSTOM one";
        return Err(Failure::Launch(text.to_owned()));
    };
    if let Some(image) = image(&launch.executor) {
        let text = format!("this agent has no images of containers; `{image}` is wanted");
        return Err(Failure::Launch(text));
    }
    let executor_id = (&launch.executor.executor_id).into();
    let owner = Owner {
        agent_id: &launch.agent_id,
        framework_id: &launch.framework_id,
        executor_id: &executor_id,
        container_id: &launch.container_id,
    };
    let sandbox = Sandbox::create(&settings.work_dir, owner)
        .map_err(|error| Failure::Launch(chain(&error)))?;
    for uri in &command.uris {
        let fetched = settings.runtime.block_on(async {
            tokio::select! {
                fetched = fetcher::fetch(uri, sandbox.directory(), &settings.cache) => Some(fetched),
                () = control.doomed.notified() => None,
            }
        });
        match fetched {
            None => return Err(Failure::Destroyed),
            Some(Ok(())) => {}
            Some(Err(error)) => {
                // As with Mesos the scheduler hears that it failed, and the sandbox has the cause.
                note(&sandbox, &chain(&error));
                return Err(Failure::Launch(format!(
                    "Failed to fetch all URIs for container '{}': exited with status 1",
                    launch.container_id
                )));
            }
        }
    }
    if control.is_doomed() {
        return Err(Failure::Destroyed);
    }
    let environment = environment::of(launch, settings, sandbox.directory());
    Process::start(command, &environment, &sandbox).map_err(|error| {
        note(&sandbox, &chain(&error));
        match error {
            StartError::Execute { .. } => Failure::NotExecutable,
            StartError::NoProgram | StartError::Sandbox { .. } => Failure::Launch(chain(&error)),
        }
    })
}

/// The image in which an executor is to be started. One without would start in the wrong place.
fn image(executor: &ExecutorInfo) -> Option<&str> {
    let container = executor.container.as_ref()?;
    let image = container.mesos.as_ref().and_then(|it| it.image.as_ref());
    let image = image.and_then(|it| Some(&*it.docker.as_ref()?.name));
    image.or_else(|| Some(&*container.docker.as_ref()?.image))
}

/// Writes a line for whoever looks into the sandbox.
fn note(sandbox: &Sandbox, line: &str) {
    tracing::warn!(sandbox = %sandbox.directory().display(), "{line}");
    if let Err(error) = sandbox
        .stderr()
        .and_then(|mut stderr| writeln!(stderr, "{line}"))
    {
        tracing::warn!(%error, "failed to write to the sandbox");
    }
}

#[cfg(test)]
mod tests;
