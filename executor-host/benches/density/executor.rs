//! The executor as a process of its own.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use executor_host::modules::CACHE_VARIABLE;
use mesos::v1::TaskState;

use crate::agent::Agent;

/// The executor's process, which ends by force with this.
pub(crate) struct Executor(Child);

impl Executor {
    /// Starts the program at this agent and waits until it has subscribed.
    pub(crate) async fn start(agent: &mut Agent, program: &Path, cache: &Path) -> Self {
        let child = Command::new(program)
            .env("MESOS_AGENT_ENDPOINT", agent.address())
            .env("MESOS_FRAMEWORK_ID", "f-0")
            .env("MESOS_EXECUTOR_ID", "x-0")
            .env("MESOS_SANDBOX", agent.sandbox())
            .env("MESOSGOT_LOG", "warn")
            .env(CACHE_VARIABLE, cache)
            .current_dir(agent.sandbox())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let executor = Self(child.expect("the executor starts"));
        agent.subscribed().await;
        executor
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until so many more tasks run.
pub(crate) async fn running(agent: &mut Agent, tasks: usize) {
    for _ in 0..tasks {
        let (task, state, status) = agent.next().await;
        assert_eq!(
            state,
            TaskState::TaskRunning,
            "{task}: {}",
            status.message()
        );
    }
}
