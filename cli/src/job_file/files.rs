//! What a job file names and is here: looked into while the file is read, so that what is wrong with
//! it is told with all else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use job::{Lookup, Module, Named, Objection, PathKind};

use super::modules::ModuleUse;
use super::view;
use crate::guest::component::{Component, World};

/// The folder of a job file, in which nothing is looked into.
pub(super) struct Folder<'a>(pub(super) &'a Path);

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

/// The same, of which all that can be used as it is was looked into, and is kept.
pub(super) struct Files<'a> {
    folder: Folder<'a>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Of `.wasm` files, by path.
    components: BTreeMap<(PathBuf, World), Arc<Component>>,
    /// Folders of guest projects, and the group for which each is named first; none: it is for the
    /// app scheduler.
    projects: BTreeMap<PathBuf, Option<String>>,
    view: Option<Arc<str>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self {
            folder: Folder(folder),
            known: Mutex::default(),
        }
    }

    /// The component of a `.wasm` file, which is made once.
    ///
    /// # Errors
    /// Why there is none for this use.
    pub(super) fn component(
        &self,
        path: &Path,
        usage: &ModuleUse<'_>,
    ) -> Result<Arc<Component>, Objection> {
        let key = (path.to_owned(), usage.world());
        if let Some(component) = self.lock().components.get(&key) {
            return Ok(Arc::clone(component));
        }
        let wasm = read(&self.folder.0.join(path))?;
        let component = usage.prepare(wasm)?;
        self.lock().components.insert(key, Arc::clone(&component));
        Ok(component)
    }

    /// The folders of guest projects, and the group for which each is named first, if it is for one.
    pub(super) fn projects(&self) -> BTreeMap<PathBuf, Option<String>> {
        self.lock().projects.clone()
    }

    /// The job's own page, if it has one.
    pub(super) fn view(&self) -> Option<Arc<str>> {
        self.lock().view.clone()
    }

    fn take_module(&self, usage: &ModuleUse<'_>) -> Result<(), Objection> {
        match usage.module {
            Module::File(path) => self.component(path, usage).map(drop),
            Module::Project(folder) => {
                let folder = self.folder.0.join(folder);
                let group = usage.group.map(str::to_owned);
                self.lock().projects.entry(folder).or_insert(group);
                Ok(())
            }
            // What is elsewhere is fetched when all that is here is right.
            Module::Url { .. } | Module::OnAgent { .. } => Ok(()),
        }
    }

    fn take_view(&self, path: &Path) -> Result<(), Objection> {
        let read = view::read(self.folder.0, path);
        let page = read.map_err(|error| Objection {
            message: format!("`{}` cannot be a view: {error}", path.display()),
            help: error.help(),
        })?;
        self.lock().view = Some(page.into());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup for Files<'_> {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        self.folder.kind(path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.folder.names(folder)
    }

    fn objection(&self, named: &Named<'_>) -> Option<Objection> {
        let taken = match *named {
            Named::AppScheduler(module) => self.take_module(&ModuleUse {
                group: None,
                module,
            }),
            Named::Task { group, module } => self.take_module(&ModuleUse {
                group: Some(group),
                module,
            }),
            Named::View(path) => self.take_view(path),
        };
        taken.err()
    }
}

/// The bytes of a module.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Objection> {
    fs::read(path).map_err(|error| Objection {
        message: format!("failed to read `{}`: {error}", path.display()),
        help: None,
    })
}
