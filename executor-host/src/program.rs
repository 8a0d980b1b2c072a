//! The executor as a program: environment, logging, signals, exit codes.

use std::{io, process::ExitCode, time::Duration};

use mesos_client::ExecutorConfig;
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::{
    executor::{self, Exit, RunError},
    output::Output,
};

/// Chooses what is logged, in the syntax of `tracing_subscriber`'s filters. Default: `info`.
const LOG_VARIABLE: &str = "MESOSGOT_LOG";

/// How long a guest in the middle of a long host operation may hold up the end of the process.
const RUNTIME_WAIT: Duration = Duration::from_millis(200);

/// Runs the executor with what an agent put into the environment, logging to stderr.
///
/// SIGTERM and SIGINT count as a shutdown by the agent. The exit code is 0 when the work was done
/// or the executor was shut down, 1 when the agent was lost, 2 when the executor could not begin.
pub fn program() -> ExitCode {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // An embedding program may have its own.
    let _ = logging.with_ansi(false).try_init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::from(2);
        }
    };
    let outcome = runtime.block_on(run());
    runtime.shutdown_timeout(RUNTIME_WAIT);
    match outcome {
        Ok(Exit::Done | Exit::Shutdown) => ExitCode::SUCCESS,
        Ok(Exit::AgentLost) => ExitCode::FAILURE,
        Err(error) => {
            let mut causes = String::new();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                causes.push_str(&format!(": {error}"));
                cause = error.source();
            }
            error!("{error}{causes}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<Exit, RunError> {
    let config = ExecutorConfig::from_env(|name| std::env::var(name).ok())?;
    executor::run(config, Output::inherit(), stop_signal()).await
}

async fn stop_signal() {
    let streams = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = streams else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
