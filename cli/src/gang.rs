//! One gang on one cluster: the job file's words in the framework's, and its progress in the
//! reporter's.

mod config;
mod hints;
mod outcome;
mod program;
mod progress;
mod serving;

use std::io::{self, Write};
use std::sync::{Arc, PoisonError};

use executor_host::app_scheduler::{self, AppScheduler};
use executor_host::engine::Engine;
use executor_host::modules::CompiledCache;
use executor_host::output::{Output, parse_line};
use framework::{FrameworkConfig, Stop, Tls};
use tokio::sync::watch;

pub(crate) use self::config::{Target, master, planned};
pub(crate) use self::hints::{for_disconnect as disconnect_hint, hint};
pub(crate) use self::outcome::{Ended, exit};
pub(crate) use self::program::fact as executor_fact;
pub(crate) use self::progress::stopping;
pub(crate) use self::serving::serving;
use crate::commands::Failure;
use crate::console;
use crate::exit::Exit;
use crate::guest::component::Component;
use crate::job_file::LoadedJob;
use crate::report::{Reporter, Stream};
use crate::signals::Urgency;
use crate::tail::agents::{AgentAccess, AgentTails};

/// Runs the gang to its end.
pub(crate) async fn run(
    loaded: &LoadedJob,
    target: Target<'_>,
    reporter: &Arc<Reporter>,
    urgency: watch::Receiver<Urgency>,
) -> Result<Ended, Failure> {
    let config = config::config(loaded, &target)?;
    let engine = Engine::new().map_err(|error| Failure::new(Exit::Failure, error))?;
    let app = loaded.scheduler.as_ref();
    let app = app.map(|component| compile_app(&engine, component));
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
    let (args, env) = args_and_env(&loaded.job.scheduler, &target.args);
    let console = Arc::clone(reporter);
    let run_app = |ends: link::app::App| async move {
        let Some(app) = app else {
            return console::run(ends, console).await;
        };
        let app = app.await?;
        app.run(ends, &args, &env, &output)
            .await
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    };
    let traffic = config.traffic.clone();
    let running = Arc::clone(&target.running);
    reporter.watch(&loaded.job.name, running.tally(), &traffic);
    let progress = |progress| {
        running.progress(&progress);
        progress::tell(&progress, &traffic, reporter);
    };
    let tails = tails(&config, &target, reporter);
    let mut hurry = urgency.clone();
    let outcome = framework::run(config, run_app, progress, stop(urgency)).await;
    if let Some(tails) = tails {
        let hurry = hurry.wait_for(|urgency| *urgency == Urgency::Immediate);
        tails.stop(hurry).await;
    }
    let tally = running.tally().lock();
    let tally = tally.unwrap_or_else(PoisonError::into_inner);
    outcome::ended(outcome, loaded, &target.masters, &tally, &traffic)
}

/// Reads what tasks print on a cluster; of the embedded one it is read where it lies.
fn tails(
    config: &FrameworkConfig,
    target: &Target<'_>,
    reporter: &Arc<Reporter>,
) -> Option<AgentTails> {
    let access = target.masters.access.clone();
    let hosts = &target.masters.hosts;
    let access = AgentAccess {
        credentials: access.credentials,
        only_secure: access.tls != Tls::default()
            || hosts.iter().any(|host| host.starts_with("https://")),
        tls: access.tls,
    };
    let sandboxes = config.sandboxes.clone();
    (!target.is_embedded).then(|| AgentTails::start(sandboxes, access, reporter))
}

/// Arguments and environment of the app scheduler; `more` are those of the command line.
fn args_and_env(
    scheduler: &job::AppScheduler,
    more: &[String],
) -> (Vec<String>, Vec<(String, String)>) {
    let job::AppScheduler::Guest(scheduler) = scheduler else {
        return (Vec::new(), Vec::new());
    };
    let args = scheduler.args.iter().chain(more).cloned();
    let env = scheduler.env.iter();
    let env = env.map(|(name, value)| (name.clone(), value.clone()));
    (args.collect(), env.collect())
}

/// Compiles the app scheduler on a thread of its own, while tasks are being placed.
fn compile_app(
    engine: &Engine,
    component: &Arc<Component>,
) -> impl Future<Output = Result<AppScheduler, String>> + use<> {
    let engine = engine.clone();
    let component = Arc::clone(component);
    let cache = CompiledCache::of_process();
    let compiled = tokio::task::spawn_blocking(move || {
        AppScheduler::compile(&engine, &component.bytes, cache.as_ref())
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    });
    async {
        compiled
            .await
            .unwrap_or_else(|error| Err(format!("the compiler panicked: {error}")))
    }
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

/// Takes the marked lines of the app scheduler's output to the reporter. Each write is one line.
struct LineWriter {
    reporter: Arc<Reporter>,
    stream: Stream,
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches('\n');
        match parse_line(line) {
            Some(line) => {
                let time = Some(line.time);
                self.reporter
                    .output(line.name, self.stream, time, line.text);
            }
            None => {
                let name = app_scheduler::OUTPUT_NAME;
                self.reporter.output(name, self.stream, None, line);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
