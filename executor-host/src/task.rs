//! One guest from a compiled module to its outcome.
//!
//! A task's life, with who decides each step:
//!
//! ```text
//! Fetching ──► Compiling ──► Ready ──► Running ──► Ended(outcome)
//!     └────────────┴───────────┴──────────┴─ Stopping ──┘
//! modules::Modules           Prepared    Prepared::run
//! ```
//!
//! *Ready* is instantiated and waits for the start barrier, *Running* is inside its function. When
//! to go on and when to stop is decided by the executor machine; stopping by force is dropping
//! the future, which unwinds the guest's fiber at its next host call or tick of the epoch.

use std::{path::Path, time::Duration};

use tokio::task::JoinSet;
use wasmtime::{Store, Trap, WasmBacktrace, component::Resource};
use wasmtime_wasi::I32Exit;

use crate::{
    bindings::{TaskState, task::Task},
    engine::Engine,
    grants::Allow,
    guest::{Grants, no_wasi},
    handles::Handles,
    host::{TaskReceiver, TaskSender},
    http::Http,
    inbox::TaskInbox,
    limits::{FixedLimitReached, MemoryLimitReached, TaskLimits},
    lookups::Lookups,
    meter::{CpuLimitReached, Meter},
    modules::TaskModule,
    outcome::Outcome,
    output::{LineStream, Output},
    room::{NoRoom, Seat},
};

/// What a task's function is called with and may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskConfig {
    /// The task's name, such as `elevator-0`.
    pub name: String,
    /// The arguments, in the order of the job file.
    pub args: Vec<String>,
    /// The environment: names and values.
    pub env: Vec<(String, String)>,
    /// What ends it by force.
    pub limits: TaskLimits,
    /// What it may use.
    pub allow: Allow,
}

/// A task that is instantiated and has not begun.
pub struct Prepared {
    store: Store<TaskState>,
    idle_max: Option<Duration>,
    instance: Task,
    stderr: LineStream,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// Free again when all above is gone.
    _seat: Seat,
}

impl Prepared {
    /// Instantiates a module for one task of an executor with this sandbox.
    ///
    /// # Errors
    ///
    /// The outcome of a task that ended here: there is no room for it, its memory does not fit, its
    /// start trapped, or what it may use cannot be given to it.
    pub async fn new(
        engine: &Engine,
        module: &TaskModule,
        config: TaskConfig,
        output: &Output,
        sandbox: &Path,
    ) -> Result<Self, Outcome> {
        let meter = Meter::new(config.limits.cpu_time_max);
        Self::metered(engine, module, config, output, sandbox, meter).await
    }

    /// The same; what the guest takes is told to `meter`, also when it does not come to its end.
    pub(crate) async fn metered(
        engine: &Engine,
        module: &TaskModule,
        config: TaskConfig,
        output: &Output,
        sandbox: &Path,
        meter: Meter,
    ) -> Result<Self, Outcome> {
        let TaskConfig {
            name,
            args,
            env,
            limits,
            allow,
        } = config;
        let seat = engine.room().seat().map_err(Outcome::NoRoom)?;
        let wasi = allow.granted(no_wasi(), sandbox, &name).await;
        let wasi = wasi.map_err(|error| Outcome::Refused(error.to_string()))?;
        let may_open = allow.may_open();
        let mut env = env;
        env.extend(allow.passed_on(&env, |name| std::env::var_os(name)));
        let output = output.guest(&name);
        let stderr = output.stderr.clone();
        let http = Http::new(&name, allow.http, module.imports_http, engine.room());
        let mut store = engine.store(
            Grants {
                memory_bytes_max: limits.memory_bytes_max,
                meter: meter.clone(),
                output,
                wasi,
                http,
                lookups: Lookups::new(allow.dns),
                may_open,
                handles: Handles::new(engine.room(), &name),
            },
            (),
        );
        match meter
            .measure(module.pre.instantiate_async(&mut store))
            .await
        {
            Ok(instance) => Ok(Self {
                store,
                idle_max: limits.idle_max,
                instance,
                stderr,
                args,
                env,
                _seat: seat,
            }),
            Err(error) => Err(match NoRoom::is_in(&error) {
                Some(no_room) => Outcome::NoRoom(no_room),
                None => ended_by(&error, &stderr),
            }),
        }
    }

    /// Runs the task's function to its end.
    ///
    /// Dropping the future stops the guest by force.
    pub async fn run(mut self, inbox: TaskInbox, outbox: link::Sender) -> Outcome {
        let meter = self.store.data().meter().clone();
        let idle_max = self.idle_max;
        meter.begin();
        // Apart from the guest: what wakes the watch is no turn of the guest.
        let mut watch = idle_max.map(|limit| {
            let meter = meter.clone();
            let mut watch = JoinSet::new();
            watch.spawn(async move { meter.idle(limit).await });
            watch
        });
        let idle = async {
            match &mut watch {
                Some(watch) => drop(watch.join_next().await),
                None => std::future::pending().await,
            }
        };
        let returned = tokio::select! {
            biased;
            returned = meter.measure(self.call(inbox, outbox)) => Some(returned),
            () = idle => None,
        };
        match (returned, idle_max) {
            (Some(Ok(Ok(()))), _) => Outcome::Returned,
            (Some(Ok(Err(text))), _) => Outcome::Failed(text),
            (Some(Err(error)), _) => ended_by(&error, &self.stderr),
            (None, idle_max) => Outcome::Idle(idle_max.unwrap_or_default()),
        }
    }

    async fn call(
        &mut self,
        inbox: TaskInbox,
        outbox: link::Sender,
    ) -> wasmtime::Result<Result<(), String>> {
        let table = self.store.data_mut().table();
        let inbox: Resource<TaskReceiver> = table.push(TaskReceiver::new(inbox))?;
        let outbox: Resource<TaskSender> = table.push(TaskSender::new(outbox))?;
        self.instance
            .call_run_task(&mut self.store, inbox, outbox, &self.args, &self.env)
            .await
    }
}

/// The outcome of a guest that did not return: what kind of end the error is.
pub(crate) fn ended_by(error: &wasmtime::Error, stderr: &LineStream) -> Outcome {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Outcome::Exited(*code);
    }
    let backtrace = error.downcast_ref().map(backtrace_text).unwrap_or_default();
    if let Some(reached) = error.downcast_ref::<MemoryLimitReached>() {
        return Outcome::MemoryLimit {
            reached: reached.clone(),
            backtrace,
        };
    }
    if let Some(reached) = FixedLimitReached::of(error) {
        return Outcome::FixedLimit { reached, backtrace };
    }
    if let Some(reached) = error.downcast_ref::<CpuLimitReached>() {
        return Outcome::CpuLimit {
            reached: reached.clone(),
            backtrace,
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => match stderr.panic_text() {
            Some(text) => Outcome::Panicked { text, backtrace },
            None => Outcome::Trapped {
                text: Trap::UnreachableCodeReached.to_string(),
                backtrace,
            },
        },
        Some(trap) => Outcome::Trapped {
            text: trap.to_string(),
            backtrace,
        },
        // A host function refused what the guest asked for, such as a handle it does not have.
        None => Outcome::Trapped {
            text: error.root_cause().to_string(),
            backtrace,
        },
    }
}

/// The frames with the names that the module carries, innermost first, one a line.
fn backtrace_text(backtrace: &WasmBacktrace) -> String {
    let text = backtrace.to_string();
    // Wasmtime's first line is a heading; the outcome has its own.
    text.split_once('\n')
        .map_or_else(String::new, |(_, frames)| frames.to_owned())
}
