//! The job of a command: its file, read and checked, and its modules as components.

mod grants;
mod modules;
mod text;
mod view;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framework::{Leftover, Obstacle, Shortfall};
use job::{AppScheduler, Diagnostics, Group, Job, Lookup, Module, PathKind};

use crate::commands::Failure;
use crate::exit::Exit;
use crate::guest::build::{self, BuildError};
use crate::guest::component::{Component, World};
use crate::guest::fetch::file_address;
use crate::report::{Event, Reporter};

pub(crate) use self::modules::Loaded;
use self::modules::Loading;

/// A job that is ready to run.
#[derive(Debug)]
pub(crate) struct LoadedJob {
    pub(crate) job: Job,
    /// The app scheduler's component; none: it is the console.
    pub(crate) scheduler: Option<Arc<Component>>,
    /// The modules of the groups, in their order.
    pub(crate) groups: Vec<Loaded>,
    /// The page that the dashboard shows beside.
    pub(crate) view: Option<Arc<str>>,
    source: Source,
}

impl LoadedJob {
    /// The places of the job file that keep the gang from fitting.
    pub(crate) fn misfits(&self, shortfall: &Shortfall) -> Option<Diagnostics> {
        self.source.misfits(shortfall)
    }

    /// What modules import and their tasks may not use: it will be refused to them.
    pub(crate) fn ungranted(&self) -> Option<Diagnostics> {
        self.of_groups(grants::ungranted)
    }

    /// What groups are allowed and their modules do not import.
    pub(crate) fn unused(&self) -> Option<Diagnostics> {
        self.of_groups(grants::unused)
    }

    fn of_groups(
        &self,
        found: impl Fn(&Source, &Group, &Component) -> Vec<Diagnostics>,
    ) -> Option<Diagnostics> {
        let groups = self.job.groups.iter().zip(&self.groups);
        let seen = groups.filter_map(|(group, module)| Some((group, module.component()?)));
        let each = seen.flat_map(|(group, component)| found(&self.source, group, component));
        all_of(each)
    }

    /// The modules that only agents have: nobody has looked at them.
    pub(crate) fn unseen(&self) -> Option<Diagnostics> {
        let groups = self.job.groups.iter().zip(&self.groups);
        let unseen = groups.filter_map(|(group, module)| match module {
            Loaded::Here { .. } => None,
            Loaded::OnAgents { address, why, .. } => Some(self.source.at_module(
                &group.name,
                format!("nobody has looked at `{address}`: {why}"),
                "put the same file here to have it checked before it is launched",
            )),
        });
        all_of(unseen)
    }

    /// Where the job file is, to which its paths are relative.
    pub(crate) fn folder(&self) -> &Path {
        &self.source.folder
    }

    /// The names of all tasks.
    pub(crate) fn task_names(&self) -> Vec<String> {
        let of_group = |group: &Group| {
            (0..group.count)
                .map(|number| format!("{}-{number}", group.name))
                .collect::<Vec<_>>()
        };
        self.job.groups.iter().flat_map(of_group).collect()
    }
}

/// A job whose file is right; nobody has looked at its modules.
#[derive(Debug)]
pub(crate) struct ReadJob {
    pub(crate) job: Job,
    source: Source,
}

impl ReadJob {
    /// The places of the job file that keep the gang from fitting.
    pub(crate) fn misfits(&self, shortfall: &Shortfall) -> Option<Diagnostics> {
        self.source.misfits(shortfall)
    }

    /// Where the job file is, to which its paths are relative.
    pub(crate) fn folder(&self) -> &Path {
        &self.source.folder
    }
}

/// Reads the job file at `path`, and nothing else.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(path: &Path) -> Result<ReadJob, Failure> {
    let source = Source::read(path)?;
    let job = source.parse()?;
    Ok(ReadJob { job, source })
}

/// Reads the job file at `path`, compiles its guest projects, and makes components of all modules.
///
/// # Errors
/// What is wrong with the file or a module, or why a guest project was not built.
pub(crate) async fn load(path: &Path, reporter: &Reporter) -> Result<LoadedJob, Failure> {
    let source = Source::read(path)?;
    let job = source.parse()?;
    let uses = module_uses(&job);

    let mut projects: Vec<PathBuf> = Vec::new();
    for (_, _, module) in &uses {
        if let Module::Project(folder) = module
            && !projects.contains(folder)
        {
            projects.push(folder.clone());
        }
    }
    let built = build_projects(&source, &projects, reporter)
        .await
        .map_err(|error| build_failure(error, &source, &uses))?;

    let loading = Loading {
        source: &source,
        built: &built,
        delivery: job.modules,
        reporter,
    };
    let mut known: BTreeMap<(String, bool), Loaded> = BTreeMap::new();
    let mut loaded = Vec::new();
    let mut faults = Vec::new();
    for (place, world, module) in &uses {
        let key = (describe(module), *world == World::Task);
        let one = match known.get(&key) {
            Some(known) => known.clone(),
            None => match loading.load(place, *world, module).await {
                Ok(one) => one,
                // A fault of the job file: those of other modules are told with it.
                Err(Failure::Job(fault)) => {
                    faults.push(fault);
                    continue;
                }
                Err(failure) => return Err(failure),
            },
        };
        known.insert(key, one.clone());
        loaded.push(one);
    }
    if let Some(faults) = all_of(faults.into_iter()) {
        return Err(Failure::Job(faults));
    }
    let groups = loaded.split_off(loaded.len() - job.groups.len());
    let view = source.view(&job)?;
    let scheduler = loaded.first().map(|scheduler| {
        let component = scheduler.component().cloned();
        component.expect("an app scheduler that is not here is a fault")
    });
    Ok(LoadedJob {
        job,
        scheduler,
        groups,
        view,
        source,
    })
}

/// Where a module is named, as what, and which: the app scheduler's first, if it has one, then the
/// groups'.
fn module_uses(job: &Job) -> Vec<(Vec<&str>, World, &Module)> {
    let scheduler = match &job.scheduler {
        AppScheduler::Guest(guest) => {
            Some((vec!["scheduler", "module"], World::Scheduler, &guest.module))
        }
        AppScheduler::Console => None,
    };
    let groups = job.groups.iter().map(|group| {
        (
            vec!["tasks", group.name.as_str(), "module"],
            World::Task,
            &group.module,
        )
    });
    scheduler.into_iter().chain(groups).collect()
}

/// A module in the words of the job file.
fn describe(module: &Module) -> String {
    match module {
        Module::File(path) | Module::Project(path) => path.display().to_string(),
        Module::Url { url, sha256 } => format!("{url}#sha256:{}", hex::encode(sha256)),
        Module::OnAgent { path, sha256 } => {
            format!("{}#sha256:{}", file_address(path), hex::encode(sha256))
        }
    }
}

async fn build_projects(
    source: &Source,
    projects: &[PathBuf],
    reporter: &Reporter,
) -> Result<BTreeMap<PathBuf, PathBuf>, BuildError> {
    if projects.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<_> = projects
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    reporter.event(&Event::Building {
        modules: names.iter().map(String::as_str).collect(),
    });
    let folders: Vec<_> = projects
        .iter()
        .map(|folder| source.folder.join(folder))
        .collect();
    build::build(&folders, reporter).await
}

/// A folder that is no guest project is a fault of the job file, anything else one of the build.
fn build_failure(
    error: BuildError,
    source: &Source,
    uses: &[(Vec<&str>, World, &Module)],
) -> Failure {
    let help = error.help();
    if let BuildError::NotAGuest { folder, .. } = &error {
        let named = |module: &Module| match module {
            Module::Project(project) => source.folder.join(project) == *folder,
            Module::File(_) | Module::Url { .. } | Module::OnAgent { .. } => false,
        };
        if let Some((place, ..)) = uses.iter().find(|(_, _, module)| named(module)) {
            return source.fault(place, error.to_string(), help);
        }
    }
    Failure::new(Exit::Usage, error).with_help_if(help)
}

/// The text of a job file and where it lies.
#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    folder: PathBuf,
}

impl Source {
    fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = text::read(path).map_err(|error| {
            let help = error.help(path);
            let attempt = format!("failed to read the job file `{name}`");
            Failure::new(Exit::Usage, anyhow::Error::from(error).context(attempt))
                .with_help_if(help)
        })?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { name, text, folder })
    }

    fn parse(&self) -> Result<Job, Failure> {
        job::parse(&self.name, &self.text, &Folder(&self.folder)).map_err(Failure::Job)
    }

    /// The places of the file that keep the gang from fitting.
    fn misfits(&self, shortfall: &Shortfall) -> Option<Diagnostics> {
        let remedies: Vec<String> = shortfall.remedies.iter().map(ToString::to_string).collect();
        let misfit = |leftover: &Leftover| {
            let path = match &leftover.obstacle {
                Obstacle::TooLarge { resource, .. } | Obstacle::TooLittle { resource, .. } => {
                    match resource.resource() {
                        own @ ("cpus" | "mem" | "disk" | "gpus" | "ports") => vec![own],
                        other => vec!["resources", other],
                    }
                }
                Obstacle::Bounded { constraint } if constraint == "colocate" => vec!["colocate"],
                Obstacle::Bounded { .. } | Obstacle::Excluded { .. } => vec!["constraints"],
                Obstacle::NothingOffered | Obstacle::Scattered => vec!["count"],
            };
            let key = path.last().copied().unwrap_or_default();
            let place = [&["tasks", leftover.group.as_str()], &path[..]].concat();
            let message = format!("no place for {leftover}");
            let help = if remedies.is_empty() {
                format!(
                    "ask for less with `{key}`, or have agents with more (of an embedded cluster: \
                     `--resources` and `--agents`)"
                )
            } else {
                format!("the gang would fit {}", remedies.join(", or "))
            };
            Diagnostics::at(&self.name, &self.text, &place, message, Some(help))
        };
        all_of(shortfall.leftovers.iter().map(misfit))
    }

    /// Something about the module of a group.
    fn at_module(&self, group: &str, message: String, help: &str) -> Diagnostics {
        let place = ["tasks", group, "module"];
        let help = Some(help.to_owned());
        Diagnostics::at(&self.name, &self.text, &place, message, help)
    }

    /// The text of the job's view, if it has one.
    fn view(&self, job: &Job) -> Result<Option<Arc<str>>, Failure> {
        let Some(path) = &job.view else {
            return Ok(None);
        };
        let read = view::read(&self.folder, path);
        let page = read.map_err(|error| {
            let message = format!("`{}` cannot be a view: {error}", path.display());
            self.fault(&["view"], message, error.help())
        })?;
        Ok(Some(page.into()))
    }

    /// A fault at the value under `place`, found after parsing.
    fn fault(&self, place: &[&str], message: String, help: Option<String>) -> Failure {
        Failure::Job(Diagnostics::at(
            &self.name, &self.text, place, message, help,
        ))
    }
}

/// All of them as one; nothing if there are none.
fn all_of(each: impl Iterator<Item = Diagnostics>) -> Option<Diagnostics> {
    each.reduce(|mut all, mut one| {
        all.list.append(&mut one.list);
        all
    })
}

/// Looks up modules in the folder of the job file.
struct Folder<'a>(&'a Path);

impl Lookup for Folder<'_> {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        let metadata = fs::metadata(self.0.join(path)).ok()?;
        Some(if metadata.is_dir() {
            PathKind::Folder
        } else {
            PathKind::File
        })
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.0.join(folder)) else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect()
    }
}
