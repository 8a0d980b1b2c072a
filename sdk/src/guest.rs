//! The way from the exported function of a guest to its author's function.

use crate::error::Error;

/// What a task or an app scheduler may return: `Result<(), E>`, where `E` becomes an [`Error`].
#[diagnostic::on_unimplemented(
    message = "a task or an app scheduler returns `Result<(), mesosgot_sdk::Error>`",
    label = "this is `{Self}`"
)]
pub trait Outcome {
    /// The outcome as the host wants it: a failure is its text with all causes.
    ///
    /// # Errors
    ///
    /// The failure's text.
    fn into_host(self) -> Result<(), String>;
}

impl<E: Into<Error>> Outcome for Result<(), E> {
    fn into_host(self) -> Result<(), String> {
        self.map_err(|error| error.into().to_string())
    }
}

#[cfg(target_family = "wasm")]
mod exported {
    use std::io::Write;

    use super::Outcome;
    use crate::bindings::mesosgot::guest::{app_channels, job_control, task_channels};
    use crate::{Args, Env, Events, Receiver, Sender, TaskReceiver, TaskSender, sys};

    /// Runs a task's function with the ends that the host gave.
    ///
    /// # Errors
    ///
    /// The text of the failure that the function returned.
    pub fn run_task<O: Outcome>(
        function: impl FnOnce(Receiver, Sender, Args, Env) -> O,
        inbox: task_channels::Receiver,
        outbox: task_channels::Sender,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Result<(), String> {
        let inbox = Receiver::from_sys(sys::Receiver::new(inbox));
        let outbox = Sender::from_sys(sys::Sender::new(outbox));
        flushed(function(inbox, outbox, Args::new(args), Env::from_iter(env)).into_host())
    }

    /// Runs an app scheduler's function with the ends that the host gave.
    ///
    /// # Errors
    ///
    /// The text of the failure that the function returned.
    pub fn run_scheduler<O: Outcome>(
        function: impl FnOnce(TaskReceiver, TaskSender, Events, Args, Env) -> O,
        inbox: app_channels::TaskReceiver,
        outbox: app_channels::TaskSender,
        events: job_control::Events,
        args: Vec<String>,
        env: Vec<(String, String)>,
    ) -> Result<(), String> {
        let inbox = TaskReceiver::from_sys(sys::TaskReceiver::new(inbox));
        let outbox = TaskSender::from_sys(sys::TaskSender::new(outbox));
        let events = Events::from_sys(sys::Events::new(events));
        flushed(function(inbox, outbox, events, Args::new(args), Env::from_iter(env)).into_host())
    }

    /// Writes out what stdout still buffers: nothing does so at the end of a component's export.
    fn flushed(outcome: Result<(), String>) -> Result<(), String> {
        // A closed stdout is no reason to fail a task that has done its work.
        let _ = std::io::stdout().flush();
        outcome
    }
}

#[cfg(target_family = "wasm")]
pub use exported::{run_scheduler, run_task};
