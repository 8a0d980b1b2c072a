//! Modules by digest: fetched, verified and compiled once, shared by all tasks that run them.
//!
//! It owns the way from a [`ModuleRef`] to a component that can be instantiated. It refuses bytes
//! whose size or sha256 differs from what the launch named, and core modules: `mesosgot` wraps
//! those into components before a job is launched.

mod bounds;
mod compiled;
mod fetch;
mod file;
mod over_link;
mod progress;
mod turn;

use std::{
    collections::HashMap,
    fmt,
    num::NonZero,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use link::Link;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};
use wasmtime::component::Component;

pub use self::bounds::TooMuch;
pub use self::compiled::{
    CACHE_VARIABLE, CacheError, CompiledCache, cache_folder, remove_least_recently_used,
};
pub use self::fetch::{FetchError, Fetcher};
pub(crate) use self::over_link::OverLink;
use self::progress::{RHYTHM, Stages};
use self::turn::Turn;
use crate::{
    bindings::{TaskState, task::TaskPre},
    engine::Engine,
    http,
};

/// The sha256 of a module's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// Which module a task runs and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRef {
    /// What the bytes must hash to.
    pub sha256: Digest,
    /// How many bytes there must be; 0: nobody knows.
    pub size: u64,
    /// Where to get them, best first.
    pub urls: Vec<String>,
    /// Whether the scheduler gives it over the link to who cannot get it there.
    pub is_over_link: bool,
}

/// A component that fulfils the world of a task, ready to be instantiated many times.
pub struct TaskModule {
    pub(crate) pre: TaskPre<TaskState>,
    /// Whether its tasks can send HTTP requests at all.
    pub(crate) imports_http: bool,
}

/// Why a module cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// No place gave its bytes.
    #[error("the module {digest} could not be fetched: {attempts}{}", in_brackets(*remedy))]
    Fetch {
        /// The module.
        digest: Digest,
        /// What each place said.
        attempts: String,
        /// What to do about it.
        remedy: Option<&'static str>,
    },
    /// More bytes are announced than an executor takes.
    #[error("the module has {size} bytes, at most {MODULE_BYTES_MAX} are taken")]
    TooLarge {
        /// How many.
        size: u64,
    },
    /// It does not begin as wasm does.
    #[error("the module is not wasm")]
    NotWasm,
    /// It is a core module.
    #[error(
        "the module is a core wasm module, a component is needed: build it for `wasm32-wasip2` or let `mesosgot` wrap it"
    )]
    CoreModule,
    /// Compiling it would take more than an executor gives.
    #[error(
        "the module is too much to compile: it has {} {}, at most {} are compiled",
        .0.found, .0.what, .0.allowed
    )]
    TooMuch(TooMuch),
    /// Wasmtime refuses it.
    #[error("the module does not compile: {0}")]
    Compile(String),
    /// It imports what is not granted.
    #[error("the module imports what this host does not give: {0}")]
    Import(String),
    /// It does not export the function of its world, or with another type.
    #[error("the module does not export `{export}` as the contract has it: {text}")]
    Export {
        /// The function's name.
        export: &'static str,
        /// What wasmtime found.
        text: String,
    },
    /// One more digest than an executor holds.
    #[error("this executor holds {MODULES_MAX} modules already")]
    TooMany,
    /// Compiling it made the compiler itself fail.
    #[error("the compiler failed: {0}")]
    Compiler(String),
}

/// The largest module taken. Components of large interpreters have some tens of megabytes; this
/// bounds what a peer can make an executor load.
pub const MODULE_BYTES_MAX: u64 = 256 << 20;

/// Digests that one executor holds. A job has as many as task groups; more is not a job.
pub const MODULES_MAX: usize = 1024;

/// All modules of one executor.
pub struct Modules {
    shared: Arc<Shared>,
    slots: Arc<Slots>,
}

/// What the loads of modules share.
struct Shared {
    engine: Engine,
    cache: Option<CompiledCache>,
    fetcher: Fetcher,
    link: OnceLock<OverLink>,
    stages: Stages,
    /// How many compilers may run. Each takes a processor, and memory by the size of its module.
    compilers: Semaphore,
}

type Slots = Mutex<HashMap<Digest, watch::Receiver<Option<Loaded>>>>;

type Loaded = Result<Arc<TaskModule>, ModuleError>;

impl Modules {
    /// No modules yet. With a cache, what was compiled on this machine before is neither fetched
    /// nor compiled again.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made.
    pub fn new(engine: Engine, cache: Option<CompiledCache>) -> Result<Self, FetchError> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let shared = Shared {
            engine,
            cache,
            fetcher: Fetcher::new()?,
            link: OnceLock::new(),
            stages: Stages::new(),
            compilers: Semaphore::new(processors),
        };
        Ok(Self {
            shared: Arc::new(shared),
            slots: Arc::default(),
        })
    }

    /// Takes what is at addresses that begin with `base` only from whoever shows the certificate of
    /// this SHA-256 digest.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made for it.
    pub fn pin(&self, base: &str, certificate_sha256: [u8; 32]) -> Result<(), FetchError> {
        self.shared.fetcher.pin(base, certificate_sha256)
    }

    /// From now on modules may come over this link, to whose scheduler is told how they get on.
    /// The first link counts. Answers what takes in pieces.
    pub(crate) fn attach(&self, link: &Link) -> OverLink {
        tokio::spawn(self.shared.stages.tell(link.clone(), RHYTHM));
        let over_link = || OverLink::new(link.clone());
        self.shared.link.get_or_init(over_link).clone()
    }

    /// The module of that digest: fetched and compiled when the first task wants it, while others
    /// wait for the same result. A failure is told to all that wait and tried again by the next
    /// that comes. What was begun goes on when nobody waits any more.
    ///
    /// # Errors
    ///
    /// See [`ModuleError`].
    pub async fn get(&self, module: &ModuleRef) -> Result<Arc<TaskModule>, ModuleError> {
        let mut slot = self.slot(module)?;
        match slot.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(loaded)) => loaded.clone(),
            // The load has panicked.
            Ok(None) | Err(_) => Err(ModuleError::Compiler("it broke off".to_owned())),
        }
    }

    fn slot(&self, module: &ModuleRef) -> Result<watch::Receiver<Option<Loaded>>, ModuleError> {
        let digest = module.sha256;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&digest) {
            return Ok(slot.clone());
        }
        if slots.len() >= MODULES_MAX {
            return Err(ModuleError::TooMany);
        }
        let (loaded, slot) = watch::channel(None);
        slots.insert(digest, slot.clone());
        let load = Shared::load(Arc::clone(&self.shared), module.clone());
        let slots = Arc::downgrade(&self.slots);
        let load = tokio::spawn(load);
        tokio::spawn(async move {
            let result = load.await;
            let result =
                result.unwrap_or_else(|error| Err(ModuleError::Compiler(error.to_string())));
            if let Some(slots) = slots.upgrade().filter(|_| result.is_err()) {
                let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
                slots.remove(&digest);
            }
            loaded.send_replace(Some(result));
        });
        Ok(slot)
    }
}

impl Shared {
    async fn load(self: Arc<Self>, module: ModuleRef) -> Loaded {
        let component = match &self.cache {
            Some(cache) => self.once_a_machine(cache, &module).await,
            None => self.make(&module).await,
        };
        TaskModule::link(&self.engine, &component?).map(Arc::new)
    }

    /// The component from the cache, or made when it is this executor's turn.
    async fn once_a_machine(
        &self,
        cache: &CompiledCache,
        module: &ModuleRef,
    ) -> Result<Component, ModuleError> {
        if let Some(kept) = self.kept(cache, module.sha256).await? {
            return Ok(kept);
        }
        let _turn = {
            let doing = self.stages.begin(module.sha256);
            doing.compiling();
            Turn::take(cache, &self.engine, module.sha256).await
        };
        // Another may have made it in the meantime.
        if cache.has(&self.engine, module.sha256)
            && let Some(kept) = self.kept(cache, module.sha256).await?
        {
            return Ok(kept);
        }
        self.make(module).await
    }

    async fn kept(
        &self,
        cache: &CompiledCache,
        module: Digest,
    ) -> Result<Option<Component>, ModuleError> {
        let (cache, engine) = (cache.clone(), self.engine.clone());
        blocking(move || cache.load(&engine, module)).await
    }

    /// Fetches and compiles a module, and keeps it.
    async fn make(&self, module: &ModuleRef) -> Result<Component, ModuleError> {
        let doing = self.stages.begin(module.sha256);
        doing.fetching(0, module.size);
        let fetching = self.fetcher.fetch(module, self.link.get(), |bytes, total| {
            doing.fetching(bytes, total);
        });
        let bytes = fetching.await?;
        doing.compiling();
        let _permit = self.compilers.acquire().await;
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let digest = module.sha256;
        // Compiling takes whole seconds of a processor: not on the threads that run guests.
        blocking(move || compile_and_keep(&engine, digest, &bytes, cache.as_ref())).await?
    }
}

impl ModuleError {
    /// What is said when no place gave a module.
    fn not_fetched(module: &ModuleRef, attempts: &[FetchError]) -> Self {
        let texts: Vec<_> = attempts.iter().map(ToString::to_string).collect();
        let attempts_text = match texts.is_empty() {
            true => "no address was given".to_owned(),
            false => texts.join("; "),
        };
        Self::Fetch {
            digest: module.sha256,
            attempts: attempts_text,
            remedy: attempts.iter().find_map(FetchError::remedy),
        }
    }
}

/// A remedy behind an error.
fn in_brackets(remedy: Option<&str>) -> String {
    remedy.map_or_else(String::new, |remedy| format!(" ({remedy})"))
}

impl TaskModule {
    /// Compiles a component and links it as a task. It takes processor time: not for async code.
    ///
    /// # Errors
    ///
    /// When it is no component, does not compile, or does not fit the world of a task.
    pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self, ModuleError> {
        Self::link(engine, &compile(engine, bytes)?)
    }

    fn link(engine: &Engine, component: &Component) -> Result<Self, ModuleError> {
        let pre = engine
            .linkers()
            .task
            .instantiate_pre(component)
            .map_err(import_error)?;
        let pre = TaskPre::new(pre).map_err(|error| export_error("run-task", &error))?;
        let imports_http = http::is_imported(engine, component);
        Ok(Self { pre, imports_http })
    }
}

/// Work for which the threads that run guests are too good.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ModuleError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ModuleError::Compiler(error.to_string()))
}

/// The component of these bytes: from the cache, or compiled and kept there.
pub(crate) fn compile_with(
    engine: &Engine,
    bytes: &[u8],
    cache: Option<&CompiledCache>,
) -> Result<Component, ModuleError> {
    let Some(cache) = cache else {
        return compile(engine, bytes);
    };
    let digest = Digest::of(bytes);
    if let Some(component) = cache.load(engine, digest) {
        return Ok(component);
    }
    compile_and_keep(engine, digest, bytes, Some(cache))
}

/// Compiles the component of that digest, and keeps it for the next time.
fn compile_and_keep(
    engine: &Engine,
    digest: Digest,
    bytes: &[u8],
    cache: Option<&CompiledCache>,
) -> Result<Component, ModuleError> {
    let component = compile(engine, bytes)?;
    if let Some(cache) = cache {
        cache.store(engine, digest, &component);
    }
    Ok(component)
}

/// Compiles the bytes of a component.
fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, ModuleError> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => return Err(ModuleError::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => {}
        _ => return Err(ModuleError::NotWasm),
    }
    bounds::check(bytes).map_err(ModuleError::TooMuch)?;
    Component::from_binary(engine.wasmtime(), bytes)
        .map_err(|error| ModuleError::Compile(format!("{error:#}")))
}

pub(crate) fn import_error(error: wasmtime::Error) -> ModuleError {
    ModuleError::Import(format!("{error:#}"))
}

pub(crate) fn export_error(export: &'static str, error: &wasmtime::Error) -> ModuleError {
    ModuleError::Export {
        export,
        text: format!("{error:#}"),
    }
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for TaskModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskModule").finish_non_exhaustive()
    }
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Modules").finish_non_exhaustive()
    }
}
