//! Command tasks: what an agent runs when a task comes with a command and without an executor.
//!
//! Mesos puts a program of its own in between, the command executor. Here the agent plays its
//! part: the process of the container is the task, and the updates are those that the program
//! would send. It tells the master nothing of such an executor, and nobody can talk to it.
//!
//! ```text
//!   Registering ──Started: STARTING, RUNNING──► Command ──KILL, SHUTDOWN: SIGTERM──► Command, killed
//!                                                  │                                    │  grace over:
//!                                                  └── the process ends: FINISHED, ◄────┘  SIGKILL
//!                                                      FAILED or KILLED
//! ```
//!
//! Checks, health checks and `max_completion_time` are not looked at.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::v1::framework_info::capability;
use mesos::v1::task_status::Source;
use mesos::v1::value::{Scalar, Type};
use mesos::v1::{
    CommandInfo, DurationInfo, ExecutorInfo, KillPolicy, Resource, TaskInfo, TaskState, TaskStatus,
};
use mesos::{ContainerId, ExecutorId, FrameworkId, TaskId};

use super::executor::{Executor, Life};
use super::status::{describe_container, new_uuid};
use super::{Agent, Output, Phase};

/// How long a killed command may take to end, unless a kill policy says: the grace of Mesos'
/// command executor.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// By how much Mesos' command executor kills earlier than its agent would kill it: a second, and
/// another in which it may not have noticed the end of the process.
const SHUTDOWN_RESERVE: Duration = Duration::from_secs(2);

/// What the agent adds to a task for its executor (PROTOCOL §13.1).
const OVERHEAD: [(&str, f64); 2] = [("cpus", 0.1), ("mem", 32.0)];

/// How much of a command stands in the name of its executor.
const COMMAND_TEXT_MAX: usize = 15;

/// The executor that an agent makes for a command task.
pub(super) fn executor_info(framework_id: &FrameworkId, task: &TaskInfo) -> ExecutorInfo {
    let task_id = task.task_id.value.as_str();
    let text = task.command.as_ref().map_or_else(String::new, command_text);
    ExecutorInfo {
        executor_id: ExecutorId::from(task_id).into(),
        framework_id: Some(framework_id.into()),
        name: Some(format!(
            "Command Executor (Task: {task_id}) (Command: {text})"
        )),
        source: Some(task_id.to_owned()),
        command: if has_value(task) {
            task.command.clone()
        } else {
            Some(stand_in())
        },
        container: task.container.clone(),
        resources: OVERHEAD
            .iter()
            .map(|(name, value)| overhead(task, name, *value))
            .collect(),
        ..ExecutorInfo::default()
    }
}

fn has_value(task: &TaskInfo) -> bool {
    let command = task.command.as_ref();
    command.is_some_and(|command| command.value.is_some())
}

/// In the place of a command without a value: Mesos' command executor says that it starts such a
/// task, and aborts (recording 07a).
fn stand_in() -> CommandInfo {
    CommandInfo {
        value: Some("exit 134".to_owned()),
        ..CommandInfo::default()
    }
}

fn overhead(task: &TaskInfo, name: &str, value: f64) -> Resource {
    let allocation = task.resources.first();
    Resource {
        name: name.to_owned(),
        r#type: Type::Scalar.into(),
        scalar: Some(Scalar { value }),
        allocation_info: allocation.and_then(|resource| resource.allocation_info.clone()),
        ..Resource::default()
    }
}

/// A command in short: `sh -c 'echo hello'`.
fn command_text(command: &CommandInfo) -> String {
    match (&command.value, command.shell()) {
        (None, true) => "NO COMMAND".to_owned(),
        (None, false) => "NO EXECUTABLE".to_owned(),
        (Some(value), true) => format!("sh -c '{}'", shortened(value)),
        (Some(value), false) => {
            let arguments = command.arguments.join(", ");
            format!("[{value}, {}]", shortened(&arguments))
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= COMMAND_TEXT_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(COMMAND_TEXT_MAX - "...".len()).collect();
    format!("{start}...")
}

impl Agent {
    /// The command of a task runs.
    pub(super) fn start_command(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        if !matches!(executor.life, Life::Registering { .. }) {
            return;
        }
        // It was killed while it was being started.
        if executor.is_needless() {
            let container_id = executor.container_id.clone();
            executor.life = Life::Terminating {
                stream: None,
                destroy_at: None,
                verdict: None,
            };
            return self.outputs.push_back(Output::Destroy { container_id });
        }
        let has_value = executor.tasks().all(|(task, _)| has_value(task));
        drop(executor.take_queue());
        if !has_value {
            executor.life = Life::Terminating {
                stream: None,
                destroy_at: None,
                verdict: None,
            };
            let starting = TaskState::TaskStarting;
            return self.report_command(now, framework_id, executor_id, starting, None);
        }
        executor.life = Life::Command { kill: None };
        for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
            self.report_command(now, framework_id, executor_id, state, None);
        }
    }

    /// Asks a command to end, and kills it later; asked again, the shorter grace counts.
    pub(super) fn kill_command(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        grace: Duration,
    ) {
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let Life::Command { kill } = &mut executor.life else {
            return;
        };
        let destroy_at = now + grace;
        if let Some(kill) = kill {
            kill.destroy_at = kill.destroy_at.map(|at| at.min(destroy_at));
            return;
        }
        *kill = Some(Kill {
            destroy_at: Some(destroy_at),
        });
        let container_id = executor.container_id.clone();
        let killing = capability::Type::TaskKillingState;
        let told = self
            .frameworks
            .get(framework_id)
            .is_some_and(|framework| framework.has(killing));
        if told && self.is_active(framework_id) {
            self.report_command(now, framework_id, executor_id, TaskState::TaskKilling, None);
        }
        self.outputs.push_back(Output::Terminate { container_id });
    }

    /// The process of a command has ended.
    pub(super) fn end_command(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        killed: bool,
        status: i32,
    ) {
        // Mesos' command executor looks at the exit code first.
        let state = match status {
            0 => TaskState::TaskFinished,
            _ if killed => TaskState::TaskKilled,
            _ => TaskState::TaskFailed,
        };
        let message = format!("Command {}", status_text(status));
        if self.is_active(framework_id) {
            self.report_command(now, framework_id, executor_id, state, Some(message));
        }
    }

    /// An update of a command task, as its executor would send it.
    fn report_command(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        state: TaskState,
        message: Option<String>,
    ) {
        let uuid = new_uuid(&mut self.rng).into_bytes().to_vec();
        let timestamp = self.timestamp(now);
        let (ip, agent_id) = (self.config.ip, self.id.clone());
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let mut status = TaskStatus {
            task_id: TaskId::from(executor_id.as_str()).into(),
            state: state.into(),
            message,
            source: Some(Source::Executor.into()),
            agent_id: agent_id.map(Into::into),
            executor_id: Some(executor_id.into()),
            timestamp: Some(timestamp),
            uuid: Some(Bytes::from(uuid)),
            ..TaskStatus::default()
        };
        describe_container(&mut status, &executor.container_id, executor.pid, ip);
        self.add_update(now, framework_id, status);
    }

    /// What ends with the process of the agent. Of one that leaves that is all; else commands of
    /// frameworks that do not checkpoint: their executors are part of the agent, and take them along.
    pub(crate) fn containers_to_end(&self) -> Vec<ContainerId> {
        if self.phase == Phase::Leaving {
            return self.containers.keys().cloned().collect();
        }
        let frameworks = self.frameworks.values();
        let frameworks = frameworks.filter(|framework| !framework.info.checkpoint());
        let executors = frameworks.flat_map(|framework| framework.executors.values());
        let commands = executors.filter(|executor| executor.is_command());
        commands
            .map(|executor| executor.container_id.clone())
            .collect()
    }
}

impl Executor {
    /// How long its task may take to end when it is killed.
    pub(super) fn kill_grace(&self, asked: Option<&KillPolicy>) -> Duration {
        let own = self.tasks().find_map(|(task, _)| task.kill_policy);
        let period = |policy: &KillPolicy| policy.grace_period;
        let period: Option<DurationInfo> = asked
            .and_then(period)
            .or_else(|| own.as_ref().and_then(period));
        period
            .and_then(|period| u64::try_from(period.nanoseconds).ok())
            .map_or(KILL_GRACE, Duration::from_nanos)
    }
}

/// How long a command may take to end when its executor is shut down.
pub(super) fn shutdown_grace(agents: Duration) -> Duration {
    agents.saturating_sub(SHUTDOWN_RESERVE)
}

/// The end of a command that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kill {
    /// When it is killed; `None` once that was done.
    pub(super) destroy_at: Option<Instant>,
}

/// A wait status in words: `exited with status 1`, `terminated with signal Killed`.
fn status_text(status: i32) -> String {
    let signal = status & 0x7f;
    if signal == 0 {
        return format!("exited with status {}", (status >> 8) & 0xff);
    }
    // The names of the C library, for the signals that end most commands.
    let name = match signal {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        11 => "Segmentation fault",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        other => return format!("terminated with signal Unknown signal {other}"),
    };
    let core = if status & 0x80 == 0 {
        ""
    } else {
        " (core dumped)"
    };
    format!("terminated with signal {name}{core}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_told_in_the_words_of_the_c_library() {
        let texts = [
            (0, "exited with status 0"),
            (256, "exited with status 1"),
            (127 << 8, "exited with status 127"),
            (9, "terminated with signal Killed"),
            (15, "terminated with signal Terminated"),
            (
                128 | 11,
                "terminated with signal Segmentation fault (core dumped)",
            ),
            (40, "terminated with signal Unknown signal 40"),
        ];
        for (status, text) in texts {
            assert_eq!(status_text(status), text);
        }
    }

    #[test]
    fn an_executor_is_named_for_its_task_and_the_start_of_its_command() {
        let name = |command: CommandInfo| {
            let task = TaskInfo {
                task_id: TaskId::from("t1").into(),
                command: Some(command),
                ..TaskInfo::default()
            };
            executor_info(&"f".into(), &task).name.expect("a name")
        };
        let shell = |value: &str| CommandInfo {
            value: Some(value.to_owned()),
            ..CommandInfo::default()
        };
        assert_eq!(
            name(shell("echo hello")),
            "Command Executor (Task: t1) (Command: sh -c 'echo hello')"
        );
        assert_eq!(
            name(shell("echo hello to all")),
            "Command Executor (Task: t1) (Command: sh -c 'echo hello t...')"
        );
        assert_eq!(
            name(CommandInfo {
                shell: Some(false),
                arguments: vec!["ls".to_owned(), "-l".to_owned()],
                ..shell("/bin/ls")
            }),
            "Command Executor (Task: t1) (Command: [/bin/ls, ls, -l])"
        );
    }
}
