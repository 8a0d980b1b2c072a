//! The modules of a job: found, fetched, looked at, and made components.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use executor_host::modules::FetchError;
use job::{Delivery, Module};

use super::{Source, describe};
use crate::commands::Failure;
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

/// What loading needs to know beside the module.
pub(super) struct Loading<'a> {
    pub(super) source: &'a Source,
    /// The modules of guest projects, by folder.
    pub(super) built: &'a BTreeMap<PathBuf, PathBuf>,
    pub(super) delivery: Delivery,
    pub(super) reporter: &'a Reporter,
}

impl Loading<'_> {
    /// Loads the module that is named at `place` of the file.
    pub(super) async fn load(
        &self,
        place: &[&str],
        world: World,
        module: &Module,
    ) -> Result<Loaded, Failure> {
        match module {
            Module::File(path) => {
                let wasm = self.read(place, &self.source.folder.join(path))?;
                self.here(place, world, module, wasm, None)
            }
            Module::Project(folder) => {
                let folder = self.source.folder.join(folder);
                let built = self.built.get(&folder).expect("every project was built");
                let wasm = self.read(place, built)?;
                self.here(place, world, module, wasm, None)
            }
            Module::Url { url, sha256 } => {
                let fetched = fetch::fetch(url, *sha256, self.reporter).await;
                let wasm = fetched.map_err(|error| self.not_fetched(place, url, &error))?;
                self.here(place, world, module, wasm, Some((url.clone(), *sha256)))
            }
            Module::OnAgent { path, sha256 } => {
                let address = file_address(path);
                match fetch::read(path, *sha256).await {
                    Ok(wasm) => {
                        let address = Some((address, *sha256));
                        self.here(place, world, module, wasm, address)
                    }
                    Err(error) => self.on_agents(place, world, address, *sha256, &error),
                }
            }
        }
    }

    fn read(&self, place: &[&str], path: &Path) -> Result<Vec<u8>, Failure> {
        fs::read(path).map_err(|error| {
            let message = format!("failed to read `{}`: {error}", path.display());
            self.source.fault(place, message, None)
        })
    }

    /// A module that is here; `address` is where executors find the bytes of that digest.
    fn here(
        &self,
        place: &[&str],
        world: World,
        module: &Module,
        wasm: Vec<u8>,
        address: Option<(String, [u8; 32])>,
    ) -> Result<Loaded, Failure> {
        let name = describe(module);
        let component = component::prepare(wasm, world).map_err(|error| {
            let whose = match place {
                ["tasks", group, ..] => format!(" of `{group}`"),
                _ => String::new(),
            };
            let message = format!("`{name}`{whose} {error}");
            self.source.fault(place, message, Some(error.help()))
        })?;
        // A core module is another one, once it is wrapped.
        let same = address.filter(|(_, sha256)| *sha256 == component.sha256);
        if self.delivery == Delivery::Url && world == World::Task && same.is_none() {
            let message =
                format!("`{name}` is a core module, and what it is wrapped into has no address");
            let help = "with `modules: url` name a component: build it for wasm32-wasip2, or leave \
                        `modules: url` out";
            return Err(self.source.fault(place, message, Some(help.to_owned())));
        }
        self.reporter.event(&Event::Module {
            module: &name,
            bytes: component.bytes.len(),
            sha256: hex::encode(component.sha256),
        });
        Ok(Loaded::Here {
            component: Arc::new(component),
            address: same.map(|(address, _)| address),
        })
    }

    /// A module that agents may have though it is not here, or another one is.
    fn on_agents(
        &self,
        place: &[&str],
        world: World,
        address: String,
        sha256: [u8; 32],
        error: &FetchError,
    ) -> Result<Loaded, Failure> {
        let missing = match (world, self.delivery) {
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
        let message = format!("`{address}` is needed here: {}", on_this_machine(error));
        Err(self.source.fault(place, message, Some(missing.to_owned())))
    }

    fn not_fetched(&self, place: &[&str], url: &str, error: &FetchError) -> Failure {
        let help = match error {
            FetchError::Digest { .. } => format!(
                "if `{url}` is to be trusted as it is now, name its new digest; else put back what \
                 was there"
            ),
            _ => "is the address right, and can this machine reach it?".to_owned(),
        };
        let message = format!("failed to fetch a module: {error}");
        self.source.fault(place, message, Some(help))
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
