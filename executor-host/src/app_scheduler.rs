//! Running an app scheduler: the guest that holds the other ends of all tasks' channels.

use wasmtime::{
    Store,
    component::{InstancePre, Resource},
};

use crate::{
    bindings::{SchedulerState, scheduler::SchedulerPre},
    engine::Engine,
    guest::{Grants, no_wasi},
    handles::Handles,
    host::{AppEvents, AppReceiver, AppSender},
    http::Http,
    limits::MemoryLimitReached,
    lookups::Lookups,
    meter::Meter,
    modules::{self, CompiledCache, ModuleError},
    outcome::{Backtrace, Outcome},
    output::Output,
    task::ended_by,
};

/// A component that fulfils the world of an app scheduler, ready to run.
pub struct AppScheduler {
    engine: Engine,
    pre: SchedulerPre<SchedulerState>,
}

/// How an app scheduler failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppSchedulerError {
    /// Its module could not be used.
    #[error("the app scheduler cannot be run")]
    Module(#[source] ModuleError),
    /// It returned an error text.
    #[error("the app scheduler returned an error: {0}")]
    Failed(String),
    /// It wanted more memory than any app scheduler may have.
    #[error(
        "the app scheduler broke off: {reached}, and no setting raises that{}",
        Backtrace(backtrace)
    )]
    MemoryLimit {
        /// How much.
        reached: MemoryLimitReached,
        /// The wasm frames, innermost first.
        backtrace: String,
    },
    /// It did not return: a trap, a panic or an exit code.
    #[error("the app scheduler broke off: {0}")]
    Ended(Outcome),
}

/// The most memory of an app scheduler, which nothing in a job file limits. It runs once, beside
/// `mesosgot` itself; this keeps a leak from taking the machine.
const MEMORY_BYTES_MAX: u64 = 2 << 30;

/// The name that marks an app scheduler's output.
pub const OUTPUT_NAME: &str = "scheduler";

impl AppScheduler {
    /// Compiles a component, if the cache does not have it, and links it as an app scheduler. It
    /// takes processor time: better while tasks are being placed, and on a thread for blocking work.
    ///
    /// # Errors
    ///
    /// When it is no component, does not compile, or does not fit the world of an app scheduler.
    pub fn compile(
        engine: &Engine,
        component: &[u8],
        cache: Option<&CompiledCache>,
    ) -> Result<Self, ModuleError> {
        let component = modules::compile_with(engine, component, cache)?;
        let pre: InstancePre<SchedulerState> = engine
            .linkers()
            .scheduler
            .instantiate_pre(&component)
            .map_err(modules::import_error)?;
        let pre = SchedulerPre::new(pre)
            .map_err(|error| modules::export_error("run-scheduler", &error))?;
        Ok(Self {
            engine: engine.clone(),
            pre,
        })
    }

    /// Runs the function to its end. Dropping the future stops the guest by force.
    ///
    /// # Errors
    ///
    /// When it did not return `ok`.
    pub async fn run(
        &self,
        app: link::app::App,
        args: &[String],
        env: &[(String, String)],
        output: &Output,
    ) -> Result<(), AppSchedulerError> {
        let link::app::App {
            inbox,
            outbox,
            events,
            control,
            ..
        } = app;
        let output = output.guest(OUTPUT_NAME);
        let stderr = output.stderr.clone();
        let meter = Meter::new(None);
        let grants = Grants {
            memory_bytes_max: MEMORY_BYTES_MAX,
            meter: meter.clone(),
            output,
            wasi: no_wasi(),
            http: Http::none(),
            lookups: Lookups::new(false),
            may_open: false,
            handles: Handles::new(self.engine.room(), OUTPUT_NAME),
        };
        let mut store = self.engine.store(grants, control);
        let (inbox, events) = (AppReceiver::new(inbox), AppEvents::new(events));
        let ends = (inbox, AppSender(outbox), events);
        let called = meter.measure(call(&self.pre, &mut store, ends, args, env));
        let outcome = match self.engine.turns().run(&meter, called).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(text)) => return Err(AppSchedulerError::Failed(text)),
            Err(error) => ended_by(&error, &stderr),
        };
        match outcome {
            Outcome::Exited(0) => Ok(()),
            Outcome::MemoryLimit { reached, backtrace } => {
                Err(AppSchedulerError::MemoryLimit { reached, backtrace })
            }
            outcome => Err(AppSchedulerError::Ended(outcome)),
        }
    }
}

impl std::fmt::Debug for AppScheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppScheduler").finish_non_exhaustive()
    }
}

async fn call(
    pre: &SchedulerPre<SchedulerState>,
    store: &mut Store<SchedulerState>,
    (inbox, outbox, events): (AppReceiver, AppSender, AppEvents),
    args: &[String],
    env: &[(String, String)],
) -> wasmtime::Result<Result<(), String>> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let table = store.data_mut().table();
    let inbox: Resource<AppReceiver> = table.push(inbox)?;
    let outbox: Resource<AppSender> = table.push(outbox)?;
    let events: Resource<AppEvents> = table.push(events)?;
    instance
        .call_run_scheduler(store, inbox, outbox, events, &args.to_vec(), &env.to_vec())
        .await
}
