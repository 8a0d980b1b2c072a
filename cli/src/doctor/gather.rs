//! Brings the facts. Whatever is asked has a time in which to answer, so that nothing here waits for
//! ever; what has not answered is told as such.

mod cluster;
mod reach;
mod toolchain;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use executor_host::modules::cache_folder;
use job::{AppScheduler, Job, Module};
use rustix::process::{Resource, getrlimit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::facts::{
    Cache, ExecutorFact, Facts, Folders, JobFact, Limits, ModuleFact, ModuleState, Told,
};
use crate::commands::Failure;
use crate::gang;
use crate::guest::component::{self, World};
use crate::job_file::ReadJob;
use crate::settings::MastersPlace;

/// How long anything may take that is asked of this machine or of one server: a name server is
/// given up by most systems after it.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many files of the cache are looked at: a cache of modules has some hundred.
const CACHE_FILES_MAX: usize = 10_000;

/// What is to be looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patient<'a> {
    pub(crate) read: &'a ReadJob,
    pub(crate) masters: &'a MastersPlace,
    pub(crate) is_embedded: bool,
    /// As whom executors run.
    pub(crate) user: &'a str,
    /// How long to listen to offers while the gang does not fit.
    pub(crate) listen: Duration,
}

/// All that is to be known.
pub(crate) async fn facts(patient: Patient<'_>) -> Facts {
    let Patient {
        read, is_embedded, ..
    } = patient;
    let job = &read.job;
    let folder = read.folder().to_owned();
    let (toolchain, modules, cache, executor, cluster, places) = tokio::join!(
        toolchain::toolchain(job),
        modules(job, folder.clone()),
        cache(),
        executor(job, folder, is_embedded),
        cluster::cluster(patient),
        reach::places(patient),
    );
    Facts {
        job: JobFact {
            name: job.name.clone(),
            tasks: job.task_count(),
            groups: job.groups.len(),
        },
        is_embedded,
        toolchain,
        modules,
        cache,
        executor,
        limits: is_embedded.then(|| limits(job)),
        cluster,
        places,
        folders: is_embedded.then(|| folders(job)).flatten(),
    }
}

/// What a failure says.
pub(super) fn told(failure: Failure) -> Told {
    match failure {
        Failure::Other { error, help, .. } => Told {
            text: format!("{error:#}"),
            help,
        },
        Failure::Job(diagnostics) => Told {
            text: diagnostics.to_string(),
            help: None,
        },
        Failure::Interrupted => Told {
            text: "interrupted".to_owned(),
            help: None,
        },
    }
}

/// Something that waits for the system, with the time that it may take.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    match timeout(PATIENCE, spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it took longer than {PATIENCE:?}")),
    }
}

/// Each module once, in the order of the job file.
async fn modules(job: &Job, folder: PathBuf) -> Vec<ModuleFact> {
    let scheduler = match &job.scheduler {
        AppScheduler::Guest(guest) => Some((World::Scheduler, &guest.module)),
        AppScheduler::Console => None,
    };
    let groups = job.groups.iter().map(|group| (World::Task, &group.module));
    let mut facts = Vec::new();
    let mut seen = Vec::new();
    for (world, module) in scheduler.into_iter().chain(groups) {
        if seen.contains(&(world, module)) {
            continue;
        }
        seen.push((world, module));
        let (name, state) = match module {
            Module::Project(path) => (path.display().to_string(), ModuleState::Project),
            Module::Url { url, .. } => (url.clone(), ModuleState::Address),
            Module::OnAgent { path, .. } => {
                (format!("file://{}", path.display()), ModuleState::Address)
            }
            Module::File(path) => {
                let name = path.display().to_string();
                let full = folder.join(path);
                let looked = {
                    let name = name.clone();
                    blocking(move || look(&name, &full, world)).await
                };
                let state = looked.unwrap_or_else(|error| {
                    let text = format!("`{name}` could not be looked at: {error}");
                    ModuleState::Wrong(Told { text, help: None })
                });
                (name, state)
            }
        };
        facts.push(ModuleFact { name, state });
    }
    facts
}

fn look(name: &str, path: &Path, world: World) -> ModuleState {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let text = format!("`{name}` cannot be read: {error}");
            return ModuleState::Wrong(Told { text, help: None });
        }
    };
    let size = bytes.len() as u64;
    match component::prepare(bytes, world) {
        Ok(_) => ModuleState::Right(size),
        Err(error) => ModuleState::Wrong(Told {
            text: format!("`{name}` {error}"),
            help: Some(error.help()),
        }),
    }
}

async fn cache() -> Cache {
    let Some(folder) = cache_folder(|name| std::env::var_os(name)) else {
        return Cache::Off;
    };
    let path = folder.display().to_string();
    let looked = blocking(move || (files_in(&folder), can_write(&folder))).await;
    let (bytes, writable) = looked.unwrap_or_else(|error| (None, Err(error)));
    Cache::Folder {
        path,
        bytes,
        writable,
    }
}

/// How many bytes the files in a folder have; nothing if they are too many to look at.
fn files_in(folder: &Path) -> Option<u64> {
    let mut bytes = 0;
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // One that is not there yet has nothing in it.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            if files > CACHE_FILES_MAX {
                return None;
            }
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += metadata.len(),
            }
        }
    }
    Some(bytes)
}

/// Whether files can be made in a folder, or in that in which it would be made.
fn can_write(folder: &Path) -> Result<(), String> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.ok_or("no folder above it is there")?;
    match tempfile::tempfile_in(there) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

async fn executor(job: &Job, folder: PathBuf, is_embedded: bool) -> Result<ExecutorFact, Told> {
    let executor = job.executor.clone();
    let found = blocking(move || gang::executor_fact(&executor, &folder, is_embedded)).await;
    match found {
        Ok(found) => found.map_err(told),
        Err(text) => Err(Told { text, help: None }),
    }
}

fn limits(job: &Job) -> Limits {
    let maps = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let maps = maps.and_then(|text| text.trim().parse().ok());
    // Executors give themselves as many as they may.
    let handles = getrlimit(Resource::Nofile).maximum;
    Limits {
        tasks: job.task_count().into(),
        maps,
        handles,
        room: executor_host::room_for(maps, handles),
    }
}

/// The folders of agents that tasks ask for, if any.
fn folders(job: &Job) -> Option<Folders> {
    let asked = job.groups.iter().flat_map(|group| &group.allow.folders);
    let names: BTreeMap<_, _> = asked.map(|(name, access)| (name.clone(), access)).collect();
    let file = executor_host::FOLDERS_FILE;
    (!names.is_empty()).then(|| Folders {
        names: names.into_keys().collect(),
        file,
        is_there: Path::new(file).exists(),
    })
}
