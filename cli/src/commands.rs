//! The commands, one file each, and what they have in common: a runtime, logs, and how they fail.

mod build;
mod check;
mod cluster;
mod completions;
mod doctor;
mod journal;
mod man;
mod masters;
mod new;
mod plan;
mod run;
mod schema;
mod send;
mod status;
mod stop;
mod tasks;

use std::sync::Arc;

use anyhow::Context as _;
use job::Diagnostics;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::args::{Cli, Command, Common};
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::signals::Urgency;
use crate::{diagnostics, logs, signals};

/// Why a command could not be done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The job file or a module of it is wrong.
    Job(Diagnostics),
    /// Something else: what was attempted with its causes, and what the user can do about it.
    Other {
        exit: Exit,
        error: anyhow::Error,
        help: Option<String>,
    },
    /// The user interrupted it before there was a job to end.
    Interrupted,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self::Other {
            exit,
            error: error.into(),
            help: None,
        }
    }

    pub(crate) fn with_help(self, text: impl Into<String>) -> Self {
        self.with_help_if(Some(text.into()))
    }

    pub(crate) fn with_help_if(self, help: Option<String>) -> Self {
        match self {
            Self::Other { exit, error, .. } => Self::Other { exit, error, help },
            other => other,
        }
    }

    /// The same with what was attempted before what went wrong.
    pub(crate) fn context(self, text: String) -> Self {
        match self {
            Self::Other { exit, error, help } => Self::Other {
                exit,
                error: error.context(text),
                help,
            },
            other => other,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Job(_) => Exit::Usage,
            Self::Other { exit, .. } => *exit,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// Runs the command to its end and says how that was.
pub(crate) fn run(cli: Cli) -> Exit {
    let reporter = Arc::new(Reporter::new(cli.common.output, cli.common.quiet));
    let (runtime, result) = match start(&cli.common, &reporter) {
        Ok((runtime, directives)) => {
            let (command, reporter) = (cli.command, Arc::clone(&reporter));
            let dispatched = async move { dispatch(command, &directives, &reporter).await };
            // On the home thread as well: tasks that wake each other there need no other thread.
            let result = match runtime.block_on(runtime.spawn(dispatched)) {
                Ok(result) => result,
                Err(failed) => {
                    // Dropped, it would wait for blocking work that nobody ends any more.
                    runtime.shutdown_background();
                    std::panic::resume_unwind(failed.into_panic());
                }
            };
            (Some(runtime), result)
        }
        Err(failure) => (None, Err(failure)),
    };
    reporter.end_live();
    let exit = result.unwrap_or_else(|failure| tell(failure, &reporter));
    // While the runtime lives, signals shorten the wait for a reader that does not read.
    reporter.finish();
    if let Some(runtime) = runtime {
        // Blocking work that nobody waits for any more must not hold the exit up.
        runtime.shutdown_background();
    }
    exit
}

/// Starts the logs and the runtime. Answers what is logged as well, for executors.
fn start(common: &Common, reporter: &Arc<Reporter>) -> Result<(Runtime, String), Failure> {
    let directives = logs::directives(common).map_err(|error| {
        let help = error.help();
        Failure::new(Exit::Usage, error).with_help(help)
    })?;
    logs::init(&directives, common.log_format, reporter)
        .with_context(|| format!("failed to log `{directives}`"))
        .map_err(|error| Failure::new(Exit::Failure, error))?;
    // One home thread, as in the executor: the app scheduler has another one while it computes.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("failed to start the async runtime")
        .map_err(|error| Failure::new(Exit::Failure, error))?;
    Ok((runtime, directives))
}

async fn dispatch(
    command: Command,
    log_directives: &str,
    reporter: &Arc<Reporter>,
) -> Result<Exit, Failure> {
    let (stop, mut urgency) = signals::listen(reporter.stdout_closed())
        .map_err(|error| Failure::new(Exit::Failure, error))?;
    signals::suspend_with(reporter).map_err(|error| Failure::new(Exit::Failure, error))?;
    tokio::spawn(hurry(urgency.clone(), Arc::clone(reporter)));
    match command {
        Command::Run(args) => run::run(*args, log_directives, reporter, stop, urgency).await,
        Command::Cluster(args) => cluster::run(*args, reporter, urgency).await,
        Command::Plan(args) => plan::run(*args, reporter, urgency).await,
        Command::Doctor(args) => doctor::run(*args, reporter, urgency).await,
        Command::Check(args) => {
            signals::or_interrupted(&mut urgency, check::run(args, reporter)).await
        }
        Command::Build(args) => {
            signals::or_interrupted(&mut urgency, build::run(args, reporter)).await
        }
        Command::Status(args) => {
            signals::or_interrupted(&mut urgency, status::run(args, reporter)).await
        }
        Command::Stop(args) => {
            signals::or_interrupted(&mut urgency, stop::run(args, reporter)).await
        }
        Command::Logs(args) => journal::logs(args, reporter, &mut urgency).await,
        Command::Events(args) => journal::events(args, reporter, &mut urgency).await,
        Command::Send(args) => {
            signals::or_interrupted(&mut urgency, send::run(args, reporter)).await
        }
        Command::Kill(args) => {
            signals::or_interrupted(&mut urgency, tasks::kill(args, reporter)).await
        }
        Command::Restart(args) => {
            signals::or_interrupted(&mut urgency, tasks::restart(args, reporter)).await
        }
        Command::New(args) => new::run(&args, reporter),
        Command::Schema => Ok(schema::run(reporter)),
        Command::Completions(args) => completions::run(&args, reporter),
        Command::Man(args) => man::run(&args, reporter),
    }
}

/// Lets the reporter know how urgently the user wants to stop.
async fn hurry(mut urgency: watch::Receiver<Urgency>, reporter: Arc<Reporter>) {
    while urgency.changed().await.is_ok() {
        reporter.hurry(*urgency.borrow_and_update());
    }
}

/// The last word on what could not be done.
fn tell(failure: Failure, reporter: &Reporter) -> Exit {
    reporter.end_live();
    let exit = failure.exit();
    report(failure, reporter);
    reporter.event(&Event::NotRun {
        outcome: match exit {
            Exit::Interrupted => "interrupted",
            _ => "not_run",
        },
        exit_code: exit.code(),
    });
    exit
}

fn report(failure: Failure, reporter: &Reporter) {
    match failure {
        Failure::Job(diagnostics) => diagnostics::report(&diagnostics, reporter),
        Failure::Other { error, help, .. } => reporter.event(&Event::Error {
            message: error.to_string(),
            causes: error.chain().skip(1).map(ToString::to_string).collect(),
            help,
        }),
        Failure::Interrupted => reporter.event(&Event::Error {
            message: "interrupted".to_owned(),
            causes: Vec::new(),
            help: None,
        }),
    }
}
