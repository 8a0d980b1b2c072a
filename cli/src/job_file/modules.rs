//! The modules of a job: found, fetched, looked at, and made components.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use executor_host::modules::FetchError;
use job::{Delivery, Module, Objection};

use super::files::{self, Files};
use super::{Source, all_of};
use crate::commands::Failure;
use crate::guest::build::{self, Projects};
use crate::guest::component::{self, Component, World};
use crate::guest::fetch::{self, file_address};
use crate::report::{Event, Reporter};

/// A module of the job.
#[derive(Debug, Clone)]
pub(crate) enum Loaded {
    /// It is here.
    Here {
        component: Arc<Component>,
        /// Where executors find the same bytes without us.
        address: Option<String>,
    },
    /// Only agents have it.
    OnAgents {
        sha256: [u8; 32],
        address: String,
        /// Why nobody could look at it.
        why: String,
    },
}

impl Loaded {
    /// The component, if it is here.
    pub(crate) fn component(&self) -> Option<&Arc<Component>> {
        match self {
            Self::Here { component, .. } => Some(component),
            Self::OnAgents { .. } => None,
        }
    }
}

/// A module that the job file names.
pub(super) struct ModuleUse<'a> {
    /// The group whose tasks it is for; none: it is for the app scheduler.
    pub(super) group: Option<&'a str>,
    pub(super) module: &'a Module,
}

impl ModuleUse<'_> {
    pub(super) fn world(&self) -> World {
        match self.group {
            Some(_) => World::Task,
            None => World::Scheduler,
        }
    }

    /// The component that is made of its bytes.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn prepare(&self, wasm: Vec<u8>) -> Result<Arc<Component>, Objection> {
        let component = component::prepare(wasm, self.world()).map_err(|error| {
            let whose = match self.group {
                Some(group) => format!(" of `{group}`"),
                None => String::new(),
            };
            Objection {
                message: format!("`{}`{whose} {error}", describe(self.module)),
                help: Some(error.help()),
            }
        })?;
        Ok(Arc::new(component))
    }
}

/// A module in the words of the job file.
pub(super) fn describe(module: &Module) -> String {
    match module {
        Module::File(path) | Module::Project(path) => path.display().to_string(),
        Module::Url { url, sha256 } => format!("{url}#sha256:{}", hex::encode(sha256)),
        Module::OnAgent { path, sha256 } => {
            format!("{}#sha256:{}", file_address(path), hex::encode(sha256))
        }
    }
}

/// The modules that are loaded so far, by what they are and for which world.
type Known = BTreeMap<(String, World), Loaded>;

/// What loading needs to know beside the modules.
pub(super) struct Loading<'a> {
    pub(super) source: &'a Source,
    pub(super) files: &'a Files<'a>,
    pub(super) delivery: Delivery,
    pub(super) reporter: &'a Reporter,
}

impl Loading<'_> {
    /// Loads the modules for all of these uses, in their order. Projects are built when all others
    /// are right.
    ///
    /// # Errors
    /// What is wrong with any of them, or why projects were not built.
    pub(super) async fn load_all(
        &self,
        uses: &[ModuleUse<'_>],
        projects: Projects,
    ) -> Result<Vec<Loaded>, Failure> {
        let is_project = |usage: &&ModuleUse<'_>| matches!(usage.module, Module::Project(_));
        let mut known = Known::new();
        let others = uses.iter().filter(|usage| !is_project(usage));
        self.load_each(others, &BTreeMap::new(), &mut known).await?;
        let mut names: Vec<String> = Vec::new();
        for usage in uses.iter().filter(is_project) {
            let name = describe(usage.module);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !names.is_empty() {
            let modules = names.iter().map(String::as_str).collect();
            self.reporter.event(&Event::Building { modules });
        }
        let built = build::build(projects, self.reporter).await;
        let built = built.map_err(super::not_built)?;
        let projects = uses.iter().filter(is_project);
        self.load_each(projects, &built, &mut known).await?;
        let mut loaded = Vec::new();
        let mut told = BTreeSet::new();
        for usage in uses {
            let key = (describe(usage.module), usage.world());
            let one = known.get(&key).expect("each of them was loaded");
            if let Loaded::Here { component, .. } = one
                && told.insert(key.clone())
            {
                self.reporter.event(&Event::Module {
                    module: &key.0,
                    bytes: component.bytes.len(),
                    sha256: hex::encode(component.sha256),
                });
            }
            loaded.push(one.clone());
        }
        Ok(loaded)
    }

    /// Loads what is not known yet; `built` has the modules of guest projects, by folder.
    async fn load_each<'u>(
        &self,
        uses: impl Iterator<Item = &'u ModuleUse<'u>>,
        built: &BTreeMap<PathBuf, PathBuf>,
        known: &mut Known,
    ) -> Result<(), Failure> {
        let mut faults = Vec::new();
        for usage in uses {
            let key = (describe(usage.module), usage.world());
            if known.contains_key(&key) {
                continue;
            }
            match self.load(usage, built).await {
                Ok(one) => drop(known.insert(key, one)),
                // Those of other modules are told with it.
                Err(Objection { message, help }) => {
                    faults.push(self.source.at_module(usage.group, message, help));
                }
            }
        }
        match all_of(faults.into_iter()) {
            Some(faults) => Err(Failure::Job(faults)),
            None => Ok(()),
        }
    }

    async fn load(
        &self,
        usage: &ModuleUse<'_>,
        built: &BTreeMap<PathBuf, PathBuf>,
    ) -> Result<Loaded, Objection> {
        match usage.module {
            Module::File(path) => Ok(Loaded::Here {
                component: self.files.component(path, usage)?,
                address: None,
            }),
            Module::Project(folder) => {
                let folder = self.source.folder.join(folder);
                let built = built.get(&folder).expect("every project was built");
                Ok(Loaded::Here {
                    component: usage.prepare(files::read(built)?)?,
                    address: None,
                })
            }
            Module::Url { url, sha256 } => {
                let fetched = fetch::fetch(url, *sha256, self.reporter).await;
                let wasm = fetched.map_err(|error| not_fetched(url, &error))?;
                self.fetched(usage, wasm, url.clone(), *sha256)
            }
            Module::OnAgent { path, sha256 } => {
                let address = file_address(path);
                match fetch::read(path, *sha256).await {
                    Ok(wasm) => self.fetched(usage, wasm, address, *sha256),
                    Err(error) => self.on_agents(usage, address, *sha256, &error),
                }
            }
        }
    }

    /// A module that is here as well; `address` is where executors find the bytes of that digest.
    fn fetched(
        &self,
        usage: &ModuleUse<'_>,
        wasm: Vec<u8>,
        address: String,
        sha256: [u8; 32],
    ) -> Result<Loaded, Objection> {
        let component = usage.prepare(wasm)?;
        // A core module is another one, once it is wrapped.
        let is_same = component.sha256 == sha256;
        if self.delivery == Delivery::Url && usage.world() == World::Task && !is_same {
            let name = describe(usage.module);
            let help = "with `modules: url` name a component: build it for wasm32-wasip2, or leave \
                        `modules: url` out";
            return Err(Objection {
                message: format!(
                    "`{name}` is a core module, and what it is wrapped into has no address"
                ),
                help: Some(help.to_owned()),
            });
        }
        Ok(Loaded::Here {
            component,
            address: is_same.then_some(address),
        })
    }

    /// A module that agents may have though it is not here, or another one is.
    fn on_agents(
        &self,
        usage: &ModuleUse<'_>,
        address: String,
        sha256: [u8; 32],
        error: &FetchError,
    ) -> Result<Loaded, Objection> {
        let missing = match (usage.world(), self.delivery) {
            (World::Scheduler, _) => "the app scheduler runs on this machine",
            (World::Task, Delivery::Server) => "with `modules: server` it is served from here",
            (World::Task, Delivery::Link) => "with `modules: link` it is sent from here",
            (World::Task, Delivery::Auto | Delivery::Url) => {
                return Ok(Loaded::OnAgents {
                    sha256,
                    address,
                    why: on_this_machine(error),
                });
            }
        };
        Err(Objection {
            message: format!("`{address}` is needed here: {}", on_this_machine(error)),
            help: Some(missing.to_owned()),
        })
    }
}

fn not_fetched(url: &str, error: &FetchError) -> Objection {
    let help = match error {
        FetchError::Digest { .. } => format!(
            "if `{url}` is to be trusted as it is now, name its new digest; else put back what was \
             there"
        ),
        _ => "is the address right, and can this machine reach it?".to_owned(),
    };
    Objection {
        message: format!("failed to fetch a module: {error}"),
        help: Some(help),
    }
}

/// Why a file of agents could not be read on this machine.
fn on_this_machine(error: &FetchError) -> String {
    match error {
        FetchError::File { text, .. } => format!("on this machine {text}"),
        FetchError::Digest { found, .. } => {
            format!("on this machine it is another file, with the digest {found}")
        }
        other => other.to_string(),
    }
}
