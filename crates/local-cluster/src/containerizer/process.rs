//! The process of an executor, from its start until it is reaped.
//!
//! It leads a session and a process group of its own, so an executor that signals its whole group
//! (as pymesos' does) hits itself and not the cluster. A real agent puts a launcher in between,
//! which leads the session and notes the exit status; here the thread of the container notes it.
//!
//! If the cluster dies without a chance to clean up, the kernel kills the executor: the death of
//! its parent is SIGKILL to it. "Parent" is the thread that started it, which is why that thread
//! lives as long. It covers the process itself only; children of it are left to notice that their
//! agent is gone, as they are when a real agent's machine loses it.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mesos::v1::CommandInfo;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use thiserror::Error;

use crate::sandbox::Sandbox;

/// The shell of commands with `shell: true`.
const SHELL: &str = "/bin/sh";

/// A process that was started and not reaped yet.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

/// Why there is no process.
#[derive(Debug, Error)]
pub(super) enum StartError {
    #[error("the command has no value to execute")]
    NoProgram,
    #[error("failed to open the output files of the sandbox")]
    Sandbox { source: io::Error },
    #[error("failed to execute `{program}`")]
    Execute { program: String, source: io::Error },
}

impl Process {
    /// Starts a command in a sandbox with exactly this environment. To be called on a thread that
    /// lives until the process has ended.
    ///
    /// # Errors
    /// When there is nothing to execute, or it cannot be executed.
    pub(super) fn start(
        info: &CommandInfo,
        environment: &BTreeMap<String, String>,
        sandbox: &Sandbox,
    ) -> Result<Self, StartError> {
        let mut command = arguments(info)?;
        let failed = |source| StartError::Sandbox { source };
        command
            .env_clear()
            .envs(environment)
            .current_dir(sandbox.directory())
            .stdin(Stdio::null())
            .stdout(sandbox.stdout().map_err(failed)?)
            .stderr(sandbox.stderr().map_err(failed)?);
        let parent = rustix::process::getpid();
        #[expect(
            unsafe_code,
            reason = "the standard library has no stable way to lead a session"
        )]
        // SAFETY: between fork and exec only what is async-signal-safe may run. `detach` makes
        // three system calls and turns an errno into a number; it takes no lock, allocates nothing
        // and touches no memory but its own.
        unsafe {
            command.pre_exec(move || detach(parent));
        }
        let program = info.value().to_owned();
        let child = while_busy(|| command.spawn(), || sleep(BUSY_PAUSE))
            .map_err(|source| StartError::Execute { program, source })?;
        Ok(Self { child })
    }

    /// Its number, which is also that of its session and its process group.
    pub(super) fn leader(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end without reaping it: its number stays its own.
    pub(super) fn wait(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        loop {
            match rustix::process::waitid(WaitId::Pid(self.leader()), options) {
                Err(Errno::INTR) => {}
                Ok(_) => return,
                Err(error) => {
                    // Only when somebody else in this process reaps all children.
                    tracing::error!(%error, "failed to wait for an executor");
                    return;
                }
            }
        }
    }

    /// Reaps it: its wait status, exit code × 256 or the number of a signal.
    pub(super) fn reap(mut self) -> Option<i32> {
        self.child.wait().ok().map(ExitStatusExt::into_raw)
    }
}

/// How often a program that is open for writing is tried, and the pause between: a second in all.
///
/// A fetched program is written by us and closed before it is started, but a child that another
/// thread forks meanwhile has its files open until it executes, which takes microseconds.
const BUSY_ATTEMPTS_MAX: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Spawns, again after a pause as long as the program is open for writing somewhere.
fn while_busy<T>(
    mut spawn: impl FnMut() -> io::Result<T>,
    mut pause: impl FnMut(),
) -> io::Result<T> {
    for _ in 1..BUSY_ATTEMPTS_MAX {
        match spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => pause(),
            result => return result,
        }
    }
    spawn()
}

/// In the child: leads a session, and dies with its parent.
fn detach(parent: Pid) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died just before it could count.
    if rustix::process::getppid() != Some(parent) {
        return Err(Errno::SRCH.into());
    }
    Ok(())
}

/// What is to be executed: `sh -c <value>`, or the value with the whole argv (PROTOCOL §9.2).
fn arguments(info: &CommandInfo) -> Result<Command, StartError> {
    let value = info.value.as_deref().filter(|value| !value.is_empty());
    let value = value.ok_or(StartError::NoProgram)?;
    if info.shell() {
        let mut command = Command::new(SHELL);
        command.arg0("sh").args(["-c", value]);
        return Ok(command);
    }
    let mut command = Command::new(value);
    if let Some((first, rest)) = info.arguments.split_first() {
        command.arg0(first).args(rest);
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> io::Error {
        Errno::TXTBSY.into()
    }

    #[test]
    fn a_program_that_is_still_open_for_writing_is_tried_again() {
        let mut answers = vec![Ok(7), Err(busy()), Err(busy())];
        let mut pauses = 0;
        let result = while_busy(
            || answers.pop().expect("it is asked three times"),
            || pauses += 1,
        );
        assert_eq!((result.ok(), pauses), (Some(7), 2));
    }

    #[test]
    fn a_program_that_stays_open_is_given_up() {
        let mut attempts = 0;
        let result = while_busy::<()>(
            || {
                attempts += 1;
                Err(busy())
            },
            || {},
        );
        let error = result.expect_err("it is never free");
        assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy);
        assert_eq!(attempts, BUSY_ATTEMPTS_MAX);
    }

    #[test]
    fn any_other_fault_is_final() {
        let mut attempts = 0;
        let result = while_busy::<()>(
            || {
                attempts += 1;
                Err(Errno::NOENT.into())
            },
            || {},
        );
        assert!(result.is_err());
        assert_eq!(attempts, 1);
    }
}
