//! The job of a command: its file, read and checked, and its modules as components.

mod files;
mod grants;
mod modules;
mod text;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use framework::{Leftover, Obstacle, Shortfall};
use job::{AppScheduler, Diagnostics, Group, Job, Lookup};

use crate::commands::Failure;
use crate::exit::Exit;
use crate::guest::build::{self, BuildError};
use crate::guest::component::Component;
use crate::report::Reporter;

use self::files::{Files, Folder};
pub(crate) use self::modules::Loaded;
use self::modules::{Loading, ModuleUse};

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
        let scheduler = match (&self.job.scheduler, &self.scheduler) {
            (AppScheduler::Guest(guest), Some(component)) => {
                grants::of_scheduler(&self.source, &guest.module, component)
            }
            _ => Vec::new(),
        };
        let groups = self.of_groups(grants::ungranted);
        all_of(scheduler.into_iter().chain(groups))
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
            Loaded::OnAgents { address, why, .. } => {
                let help = "put the same file here to have it checked before it is launched";
                Some(self.source.at_module(
                    Some(&group.name),
                    format!("nobody has looked at `{address}`: {why}"),
                    Some(help.to_owned()),
                ))
            }
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
    let job = source.parse(&Folder(&source.folder));
    Ok(ReadJob {
        job: job.map_err(Failure::Job)?,
        source,
    })
}

/// Reads the job file at `path`, compiles its guest projects, and makes components of all modules.
///
/// Nothing is compiled before all else that can be wrong is known to be right, and whatever is wrong
/// is told at once.
///
/// # Errors
/// What is wrong with the file or modules, or why guest projects were not built.
pub(crate) async fn load(path: &Path, reporter: &Reporter) -> Result<LoadedJob, Failure> {
    let source = Source::read(path)?;
    let files = Files::new(&source.folder);
    let parsed = source.parse(&files);
    let named = files.projects();
    let looked_at = build::look_at(&named.keys().cloned().collect::<Vec<_>>()).await;
    let (job, projects) = match (parsed, looked_at) {
        (Ok(job), Ok((projects, faults))) if faults.is_empty() => (job, projects),
        (parsed, Ok((_, faults))) => {
            let faults = faults.iter().map(|fault| {
                let group = named.get(&fault.folder).and_then(Option::as_deref);
                source.at_module(group, fault.to_string(), Some(fault.help()))
            });
            let all = parsed.err().into_iter().chain(faults);
            return Err(Failure::Job(all_of(all).expect("there are faults")));
        }
        (Err(faults), Err(_)) => return Err(Failure::Job(faults)),
        (Ok(_), Err(error)) => return Err(not_built(error)),
    };
    let loading = Loading {
        source: &source,
        files: &files,
        delivery: job.modules,
        reporter,
    };
    let loaded = loading.load_all(&module_uses(&job), projects).await?;
    let mut loaded = loaded.into_iter();
    let scheduler = match job.scheduler {
        AppScheduler::Guest(_) => loaded.next(),
        AppScheduler::Console => None,
    };
    let scheduler = scheduler.map(|scheduler| {
        let component = scheduler.component().cloned();
        component.expect("an app scheduler that is not here is a fault")
    });
    Ok(LoadedJob {
        scheduler,
        groups: loaded.collect(),
        view: files.view(),
        job,
        source,
    })
}

/// All modules that are named: the app scheduler's first, if it has one, then the groups'.
fn module_uses(job: &Job) -> Vec<ModuleUse<'_>> {
    let scheduler = match &job.scheduler {
        AppScheduler::Guest(guest) => Some(ModuleUse {
            group: None,
            module: &guest.module,
        }),
        AppScheduler::Console => None,
    };
    let groups = job.groups.iter().map(|group| ModuleUse {
        group: Some(&group.name),
        module: &group.module,
    });
    scheduler.into_iter().chain(groups).collect()
}

/// Why there are no modules of guest projects.
fn not_built(error: BuildError) -> Failure {
    let help = error.help();
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

    fn parse(&self, lookup: &dyn Lookup) -> Result<Job, Diagnostics> {
        job::parse(&self.name, &self.text, lookup)
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

    /// Something about the module of a group, or of the app scheduler.
    fn at_module(&self, group: Option<&str>, message: String, help: Option<String>) -> Diagnostics {
        let place = match group {
            Some(group) => vec!["tasks", group, "module"],
            None => vec!["scheduler", "module"],
        };
        Diagnostics::at(&self.name, &self.text, &place, message, help)
    }
}

/// All of them as one, in the order of the file; nothing if there are none.
fn all_of(each: impl Iterator<Item = Diagnostics>) -> Option<Diagnostics> {
    let mut all = each.reduce(|mut all, mut one| {
        all.list.append(&mut one.list);
        all
    })?;
    all.list.sort_by_key(|one| one.span.start);
    Some(all)
}
