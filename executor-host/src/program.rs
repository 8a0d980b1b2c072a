//! The executor as a program: environment, logging, signals, exit codes.

use std::{
    convert::Infallible,
    io,
    path::Path,
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use mesos_client::ExecutorConfig;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{debug, error, warn};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    VERSION_MARK,
    engine::Engine,
    executor::{self, Exit, RunError},
    modules::CompiledCache,
    output::{Log, Output, OutputBounds},
    room,
    turns::Turns,
};

/// Chooses what is logged, as `LEVEL` or `TARGET=LEVEL,…`. Default: `info`.
const LOG_VARIABLE: &str = "MESOSGOT_LOG";

/// How long a guest in the middle of a long host operation may hold up the end of the process.
const RUNTIME_WAIT: Duration = Duration::from_millis(200);

/// How long a disk that does not take what was printed last may hold up the end of the process.
const OUTPUT_WAIT: Duration = Duration::from_secs(2);

/// Runs the executor with what an agent put into the environment, logging to stderr.
///
/// SIGTERM and SIGINT count as a shutdown by the agent. The exit code is 0 when the work was done
/// or the executor was shut down, 1 when the agent was lost, 2 when the executor could not begin.
pub fn program() -> ExitCode {
    // Executors begin in their sandbox.
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let output = Output::sandbox(Path::new("."), &stdout, &stderr, OutputBounds::default());
    let output = output.unwrap_or_else(|_| Output::new(stdout, stderr));
    let _closing = Closing(output.clone());
    init_logs(output.log());
    room::raise_handles();
    // One home thread for all; guests that compute get others, see `turns`.
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return ExitCode::from(2);
        }
    };
    // On the home thread as well: tasks that wake each other there need no other thread.
    let (turns, first_turns) = Turns::with_taker();
    let (turns_taken, all_taken) = mpsc::channel();
    let running = runtime.spawn(async move {
        let _ending = EndingFirstTurns(turns.clone());
        let code = exit_code(run(output.clone(), turns).await);
        exit_without(all_taken, output, code);
        code
    });
    first_turns.run();
    drop(turns_taken);
    let code = match runtime.block_on(running) {
        Ok(code) => code,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    runtime.shutdown_timeout(RUNTIME_WAIT);
    ExitCode::from(code)
}

/// Ends the process if the main thread does not come back from a first turn: to open a folder of a
/// file server that hangs may take for ever.
fn exit_without(all_taken: mpsc::Receiver<Infallible>, output: Output, code: u8) {
    thread::spawn(move || {
        if all_taken.recv_timeout(RUNTIME_WAIT) == Err(RecvTimeoutError::Timeout) {
            warn!("a first turn does not end, which is not waited for");
            output.close(OUTPUT_WAIT);
            std::process::exit(code.into());
        }
    });
}

/// The exit code, and for an error a line in the log.
fn exit_code(outcome: Result<Exit, RunError>) -> u8 {
    match outcome {
        Ok(Exit::Done | Exit::Shutdown) => 0,
        Ok(Exit::AgentLost) => 1,
        Err(error) => {
            let mut causes = String::new();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                causes.push_str(&format!(": {error}"));
                cause = error.source();
            }
            error!("{error}{causes}");
            2
        }
    }
}

/// Has everything that was printed written before the process ends, however that comes.
struct Closing(Output);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(OUTPUT_WAIT);
    }
}

/// Lets the main thread go on when the work is done, or has panicked.
struct EndingFirstTurns(Turns);

impl Drop for EndingFirstTurns {
    fn drop(&mut self) {
        self.0.end_first();
    }
}

/// Logs to the file `stderr` of the sandbox. A filter that is not understood is the default.
fn init_logs(log: Log) {
    let wanted = std::env::var(LOG_VARIABLE).ok();
    let targets = wanted.and_then(|directives| directives.parse::<Targets>().ok());
    let targets = targets.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || log.clone())
        .with_ansi(false);
    // An embedding program may have its own.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
}

async fn run(output: Output, turns: Turns) -> Result<Exit, RunError> {
    debug!(program = VERSION_MARK, "starting");
    let config = ExecutorConfig::from_env(|name| std::env::var(name).ok())?;
    let cache = CompiledCache::of_process();
    let engine = Engine::with_turns(turns)?;
    executor::run_with(engine, config, output, cache, stop_signal()).await
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
