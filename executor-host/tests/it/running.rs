//! Executors under test: in the process of the test, and as the program that agents start.

use std::{fs, process::Stdio, sync::Arc, time::Duration};

use executor_host::{Exit, RunError, modules::CACHE_VARIABLE, output::Output};
use mesos::v1::executor::call;
use mesos_client::{Checkpoint, ExecutorConfig};
use tokio::{
    process::{Child, Command},
    sync::Notify,
    task::JoinHandle,
};

use crate::agent::{Agent, CACHE};

/// An executor under test.
pub(crate) struct Executor {
    stop: Arc<Notify>,
    running: JoinHandle<Result<Exit, RunError>>,
}

impl Agent {
    /// Starts an executor of this agent and waits until it has subscribed.
    pub(crate) async fn executor(&mut self) -> Executor {
        let executor = self.start_executor();
        assert_eq!(self.subscribed().await, call::Subscribe::default());
        executor
    }

    /// The same for one that prints to this.
    pub(crate) async fn executor_printing(&mut self, output: Output) -> Executor {
        let executor = self.start_executor_printing(output);
        assert_eq!(self.subscribed().await, call::Subscribe::default());
        executor
    }

    pub(crate) fn start_executor(&self) -> Executor {
        self.start_executor_printing(Output::new(std::io::sink(), std::io::sink()))
    }

    fn start_executor_printing(&self, output: Output) -> Executor {
        let config = ExecutorConfig {
            checkpoint: Some(Checkpoint {
                recovery_timeout: Duration::from_millis(300),
                subscription_backoff_max: Duration::from_millis(20),
            }),
            shutdown_grace: Duration::from_secs(3),
            sandbox: Some(self.sandbox().to_owned()),
            ..ExecutorConfig::new(self.address(), "f-0".into(), "x-0".into()).unwrap()
        };
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let running = executor_host::run(config, output, self.cache().cloned(), async move {
            stopped.notified().await
        });
        Executor {
            stop,
            running: tokio::spawn(running),
        }
    }
}

/// The program, which ends with this.
pub(crate) struct Program(Child);

impl Agent {
    /// Starts the program with so many file handles at most, and waits until it has subscribed.
    pub(crate) async fn program(&mut self, handles: u32) -> Program {
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -n {handles} && exec \"$0\""))
            .arg(env!("CARGO_BIN_EXE_mesosgot-executor"))
            .env("MESOS_AGENT_ENDPOINT", self.address())
            .env("MESOS_FRAMEWORK_ID", "f-0")
            .env("MESOS_EXECUTOR_ID", "x-0")
            .env("MESOS_SANDBOX", self.sandbox())
            .env("MESOS_CHECKPOINT", "1")
            .env("MESOS_RECOVERY_TIMEOUT", "10secs")
            .env("MESOS_SUBSCRIPTION_BACKOFF_MAX", "20ms")
            .env(CACHE_VARIABLE, CACHE)
            .current_dir(self.sandbox())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let program = Program(child.unwrap());
        assert_eq!(self.subscribed().await, call::Subscribe::default());
        program
    }
}

impl Program {
    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        let pid = self.0.id().expect("it has not ended");
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        tasks.unwrap().count()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        self.0.wait().await.unwrap().code()
    }
}

impl Executor {
    /// As SIGTERM does.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(crate) async fn exit(self) -> Result<Exit, RunError> {
        self.running.await.unwrap()
    }
}
