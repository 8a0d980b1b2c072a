//! One gang on one cluster: the job file's words in the framework's, and its progress in the
//! reporter's.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use executor_host::app_scheduler::{self, AppScheduler};
use executor_host::engine::Engine;
use executor_host::output::{Output, parse_line};
use framework::{
    ExecutorProgram, Executors, FrameworkConfig, FrameworkError, GroupConfig, JobOutcome,
    MasterConfig, Module, ModuleServing, NeverPlaced, Progress, Stop, Strategy, TaskReport, Timing,
};
use job::{Diagnostics, ExecutorBinary, Group, MasterError};
use link::LinkConfig;
use mesos::AgentId;
use mesos::resources::Resources;
use scheduler::Outcome;
use tokio::sync::watch;

use crate::commands::Failure;
use crate::exit::Exit;
use crate::job_file::LoadedJob;
use crate::logs::LOG_VARIABLE;
use crate::report::{Event, Reporter, Stream};
use crate::signals::Urgency;
use crate::tally::Tally;

/// How a job has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// The word for it in `--output json`.
    pub(crate) word: &'static str,
    pub(crate) reason: Option<String>,
    /// The places of the job file that are at fault, if any are.
    pub(crate) misfits: Option<Diagnostics>,
}

/// What a job file does not say about a run.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// Where the masters are.
    pub(crate) masters: Vec<String>,
    /// Whether the cluster is the embedded one.
    pub(crate) is_embedded: bool,
    /// The user as whom executors run.
    pub(crate) user: String,
    /// Arguments for the app scheduler, after those of the job file.
    pub(crate) args: Vec<String>,
    /// What executors log.
    pub(crate) log_directives: &'a str,
}

/// Runs the gang to its end.
pub(crate) async fn run(
    loaded: &LoadedJob,
    target: Target<'_>,
    reporter: &Arc<Reporter>,
    urgency: watch::Receiver<Urgency>,
) -> Result<Ended, Failure> {
    let config = config(loaded, &target)?;
    let engine = Engine::new().map_err(|error| Failure::new(Exit::Failure, error))?;
    let app = compile_app(&engine, loaded);
    let output = Output::new(
        LineWriter {
            reporter: Arc::clone(reporter),
            stream: Stream::Stdout,
        },
        LineWriter {
            reporter: Arc::clone(reporter),
            stream: Stream::Stderr,
        },
    );
    let scheduler = &loaded.job.scheduler;
    let args: Vec<String> = scheduler.args.iter().chain(&target.args).cloned().collect();
    let env: Vec<(String, String)> = scheduler
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let run_app = |ends: link::app::App| async move {
        let app = app.await?;
        app.run(ends, &args, &env, &output)
            .await
            .map_err(|error| text(&error))
    };
    let mut tally = Tally::new(&loaded.job);
    let progress = |progress| {
        tell(&progress, reporter);
        tally.count(&progress);
        reporter.live(|| tally.to_string());
    };
    let outcome = framework::run(config, run_app, progress, stop(urgency)).await;
    ended(outcome, loaded, &target.masters)
}

/// Compiles the app scheduler on a thread of its own, while tasks are being placed.
fn compile_app(
    engine: &Engine,
    loaded: &LoadedJob,
) -> impl Future<Output = Result<AppScheduler, String>> + use<> {
    let engine = engine.clone();
    let component = Arc::clone(&loaded.scheduler);
    let compiled = tokio::task::spawn_blocking(move || {
        AppScheduler::compile(&engine, &component.bytes).map_err(|error| text(&error))
    });
    async {
        compiled
            .await
            .unwrap_or_else(|error| Err(format!("the compiler panicked: {error}")))
    }
}

/// An error with its causes in one text.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

fn config(loaded: &LoadedJob, target: &Target<'_>) -> Result<FrameworkConfig, Failure> {
    let job = &loaded.job;
    let masters = target
        .masters
        .join(",")
        .parse()
        .map_err(|error| Failure::new(Exit::Usage, error).with_help(MasterError::HELP))?;
    let mut master = MasterConfig::new(masters, &target.user);
    master.role.clone_from(&job.cluster.role);
    master.failover_timeout = job.cluster.failover_timeout;
    let groups = job
        .groups
        .iter()
        .zip(&loaded.groups)
        .map(|(group, component)| GroupConfig {
            name: group.name.clone(),
            count: group.count,
            resources: resources(group),
            memory_bytes_max: group.mem.bytes(),
            kill_grace: group.kill_grace,
            module: Module::new(component.bytes.clone()),
            args: group.args.clone(),
            env: group
                .env
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        });
    let longest_grace = job.groups.iter().map(|group| group.kill_grace).max();
    Ok(FrameworkConfig {
        name: job.name.clone(),
        groups: groups.collect(),
        strategy: match job.gang.strategy {
            job::Strategy::Pack => Strategy::Pack,
            job::Strategy::Spread => Strategy::Spread,
        },
        timing: Timing {
            subscribe: job.cluster.timeout,
            gang: job.gang.timeout,
            hold: job.gang.hold,
            ..Timing::default()
        },
        executors: Executors {
            resources: scalars(job.executor.cpus, job.executor.mem.mebibytes()),
            program: program(&job.executor.binary, target.is_embedded)?,
            env: vec![(LOG_VARIABLE.to_owned(), target.log_directives.to_owned())],
            shutdown_grace: longest_grace.unwrap_or(job::KILL_GRACE),
        },
        master,
        modules: module_serving(target)?,
        link: link_config(job.channels.window),
        seed: fastrand::u64(..),
    })
}

/// Where agents get modules: over loopback when they are on this machine, else at the address from
/// which this machine would speak to the master.
fn module_serving(target: &Target<'_>) -> Result<ModuleServing, Failure> {
    if target.is_embedded {
        return Ok(ModuleServing::default());
    }
    let address = own_address(&target.masters)
        .context("failed to find the address of this machine that agents can reach")
        .map_err(|error| Failure::new(Exit::Cluster, error))?;
    Ok(ModuleServing {
        bind: SocketAddr::new(address, 0),
        advertise: None,
    })
}

/// The address that this machine has on the way to the first master that has a name or number.
fn own_address(masters: &[String]) -> io::Result<IpAddr> {
    let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for master in masters {
        let address = master
            .split_once("://")
            .map_or(master.as_str(), |(_, address)| address);
        // A datagram socket that is connected knows its way; nothing is sent.
        let way = |to: SocketAddr| {
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            socket.connect(to)?;
            socket.local_addr()
        };
        match address.to_socket_addrs() {
            Ok(found) => {
                for to in found {
                    match way(to) {
                        Ok(local) => return Ok(local.ip()),
                        Err(failed) => error = failed,
                    }
                }
            }
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

/// A link whose channels hold so many messages.
fn link_config(window_messages: u32) -> LinkConfig {
    let mut config = LinkConfig::default();
    config.window.messages = window_messages;
    config
}

fn scalars(cpus: f64, mem_mebibytes: f64) -> Resources {
    Resources::parse(&format!("cpus:{cpus};mem:{mem_mebibytes}"))
        .expect("the job file's amounts are checked")
}

/// What one task of the group takes from its agent.
fn resources(group: &Group) -> Resources {
    let mut resources = scalars(group.cpus, group.mem.mebibytes());
    let others = [
        ("disk", group.disk.mebibytes()),
        ("gpus", f64::from(group.gpus)),
    ];
    for (name, amount) in others.into_iter().filter(|(_, amount)| *amount > 0.0) {
        resources += Resources::parse(&format!("{name}:{amount}"))
            .expect("the job file's amounts are checked");
    }
    resources
}

/// What agents start. Those of an embedded cluster are on this machine and need not fetch it.
fn program(binary: &ExecutorBinary, is_embedded: bool) -> Result<ExecutorProgram, Failure> {
    match binary {
        ExecutorBinary::Serve if is_embedded => {
            let path = own_program()?
                .into_os_string()
                .into_string()
                .map_err(|path| {
                    let error =
                        anyhow!("the path of this program is not UTF-8: {}", path.display());
                    Failure::new(Exit::Failure, error)
                })?;
            Ok(ExecutorProgram::Installed(vec![
                path,
                crate::EXECUTOR.to_owned(),
            ]))
        }
        ExecutorBinary::Path(path) => Ok(ExecutorProgram::Installed(vec![path.clone()])),
        ExecutorBinary::Url(uri) => Ok(ExecutorProgram::Fetched {
            uri: uri.clone(),
            args: Vec::new(),
        }),
        ExecutorBinary::Serve => {
            let this = own_program()?;
            let bytes = std::fs::read(&this)
                .with_context(|| format!("failed to read `{}`", this.display()))
                .map_err(|error| Failure::new(Exit::Failure, error))?;
            Ok(ExecutorProgram::Served {
                bytes: bytes.into(),
                args: vec![crate::EXECUTOR.to_owned()],
            })
        }
    }
}

/// This program, which is an executor too.
fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .context("failed to find this program, which agents start as executor")
        .map_err(|error| Failure::new(Exit::Failure, error))
}

/// The user's urgency in the framework's words.
fn stop(mut urgency: watch::Receiver<Urgency>) -> watch::Receiver<Option<Stop>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            sender.send_replace(match *urgency.borrow_and_update() {
                Urgency::None => None,
                Urgency::Graceful => Some(Stop::Graceful),
                Urgency::Immediate => Some(Stop::Now),
            });
            tokio::select! {
                changed = urgency.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
        }
    });
    receiver
}

/// Says what the framework reports.
fn tell(progress: &Progress, reporter: &Reporter) {
    match progress {
        Progress::Subscribed { framework, first } => {
            reporter.event(&Event::Subscribed {
                framework_id: framework.as_str(),
                again: !first,
            });
        }
        Progress::Disconnected { reason } => reporter.event(&Event::Disconnected { reason }),
        Progress::Waiting(shortfall) => {
            reporter.event(&Event::Waiting {
                reason: shortfall.to_string(),
            });
        }
        Progress::Placed { tasks, agents } => {
            reporter.event(&Event::Placed {
                tasks: *tasks,
                agents: *agents,
            });
        }
        Progress::Task(task) => reporter.event(&task_event(task)),
        Progress::PlacedAgain(task) => {
            let message = format!("{task}; it is placed again");
            reporter.event(&Event::Warning { message: &message });
        }
        Progress::AppStarted => reporter.event(&Event::AppStarted),
        Progress::AppReturned(Ok(())) => {
            reporter.event(&Event::AppReturned { error: None });
        }
        Progress::AppReturned(Err(error)) => {
            reporter.event(&Event::AppReturned { error: Some(error) });
        }
        Progress::Stopping(outcome) => {
            reporter.event(&Event::Stopping {
                reason: stopping(outcome),
            });
        }
        Progress::NotTornDown => {
            let message = "the master was out of reach when the job ended; it removes the \
                           framework once `failover_timeout` is over";
            reporter.event(&Event::Warning { message });
        }
    }
}

fn task_event(task: &TaskReport) -> Event<'_> {
    Event::Task {
        task: &task.task,
        state: task.state.to_string(),
        agent: task.agent.as_ref().map(AgentId::as_str),
        reason: task.reason.as_ref().map(ToString::to_string),
        message: task.message.as_deref(),
    }
}

/// Why the job comes to its end.
fn stopping(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded => "app scheduler returned".to_owned(),
        Outcome::TaskFailed(task) => format!("task `{}` ended with {}", task.task, task.state),
        Outcome::AppFailed { .. } => "app scheduler failed".to_owned(),
        Outcome::NeverPlaced(_) => "the gang was not up in time".to_owned(),
        Outcome::Interrupted => "interrupted; once more ends the job at once".to_owned(),
        Outcome::Unreachable { .. } => "no master can be reached".to_owned(),
        Outcome::Refused { .. } => "the master refuses us".to_owned(),
    }
}

/// The exit code, the word and the reason for how the framework ended: the only such table.
fn ended(
    result: Result<JobOutcome, FrameworkError>,
    loaded: &LoadedJob,
    masters: &[String],
) -> Result<Ended, Failure> {
    let mut misfits = None;
    let (exit, word, reason) = match result {
        Ok(JobOutcome::Succeeded) => (Exit::Success, "succeeded", None),
        Ok(JobOutcome::TaskFailed(task)) => (Exit::Failure, "failed", Some(format!("task {task}"))),
        Ok(JobOutcome::AppFailed { message }) => (
            Exit::Failure,
            "failed",
            Some(format!("app scheduler: {message}")),
        ),
        Ok(JobOutcome::NeverPlaced(why)) => {
            if let NeverPlaced::NoPlace(shortfall) = &why {
                misfits = loaded.misfits(shortfall);
            }
            (Exit::NeverPlaced, "never_placed", Some(why.to_string()))
        }
        Ok(JobOutcome::Interrupted) => (
            Exit::Interrupted,
            "interrupted",
            Some("by the user".to_owned()),
        ),
        Err(error @ (FrameworkError::Unreachable { .. } | FrameworkError::Refused(_))) => {
            let is_refused = matches!(error, FrameworkError::Refused(_));
            let word = if is_refused { "refused" } else { "unreachable" };
            let masters = masters.join(",");
            (
                Exit::Cluster,
                word,
                Some(format!("master `{masters}`: {}", text(&error))),
            )
        }
        Err(FrameworkError::InvalidJob(error)) => return Err(Failure::new(Exit::Usage, error)),
        Err(error) => return Err(Failure::new(Exit::Failure, error)),
    };
    Ok(Ended {
        exit,
        word,
        reason,
        misfits,
    })
}

/// Takes the marked lines of the app scheduler's output to the reporter. Each write is one line.
struct LineWriter {
    reporter: Arc<Reporter>,
    stream: Stream,
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches('\n');
        let (task, line) = parse_line(line).unwrap_or((app_scheduler::OUTPUT_NAME, line));
        self.reporter.output(task, self.stream, line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
