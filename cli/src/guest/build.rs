//! Compiles guest projects: folders with a `Cargo.toml` that make a `cdylib`.
//!
//! Projects of one workspace are built by one cargo command, so that they share their dependencies
//! and wait for each other only once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::process::{Child, Command};

use super::fresh::{Built, Notes};
use super::projects::{self, NotAGuest, Project};
use crate::colour;
use crate::report::{Event, Reporter};

/// The target that guests are compiled for: it makes components by itself.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Why a guest project was not built.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error("failed to run `{program}`")]
    Spawn {
        program: String,
        source: std::io::Error,
    },
    #[error("the target {TARGET} is not installed and `{command}` failed: {reason}")]
    Target { command: String, reason: String },
    #[error("{} failed; cargo's messages are above", commands.join(" and "))]
    Cargo { commands: Vec<String> },
}

impl BuildError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Spawn { program, .. } => Some(format!(
                "install Rust from https://rustup.rs, or put `{program}` on the PATH"
            )),
            Self::Target { .. } => Some(format!(
                "with rustup: `rustup target add {TARGET}`; with a distribution's Rust: install \
                 its package of the standard library for {TARGET}"
            )),
            Self::Cargo { .. } => None,
        }
    }
}

/// Guest projects that can be built.
pub(crate) struct Projects {
    /// When they were looked at.
    began: SystemTime,
    notes: Option<Notes>,
    found: Found,
}

enum Found {
    /// Nothing has changed since each of them was built.
    Built(BTreeMap<PathBuf, PathBuf>),
    /// By their workspaces.
    ToBuild(BTreeMap<PathBuf, Vec<Project>>),
}

/// Looks at the projects in `folders`. Those which are none are told beside the others.
pub(crate) async fn look_at(folders: &[PathBuf]) -> Result<(Projects, Vec<NotAGuest>), BuildError> {
    let began = SystemTime::now();
    let notes = Notes::open();
    let mut faults = Vec::new();
    let found = match notes.as_ref().and_then(|notes| notes.fresh(folders)) {
        Some(artifacts) => Found::Built(artifacts),
        None => {
            let mut workspaces: BTreeMap<PathBuf, Vec<Project>> = BTreeMap::new();
            for described in projects::describe(folders).await? {
                match described {
                    Ok((workspace, project)) => {
                        workspaces.entry(workspace).or_default().push(project);
                    }
                    Err(fault) => faults.push(fault),
                }
            }
            Found::ToBuild(workspaces)
        }
    };
    let projects = Projects {
        began,
        notes,
        found,
    };
    Ok((projects, faults))
}

/// Compiles guest projects and answers the wasm file of each, by its folder.
///
/// Cargo's own messages go to stderr as they come, unless the reporter is quiet. It is not called
/// where nothing has changed. Of projects that do not compile, all are told.
pub(crate) async fn build(
    projects: Projects,
    reporter: &Reporter,
) -> Result<BTreeMap<PathBuf, PathBuf>, BuildError> {
    let workspaces = match projects.found {
        Found::Built(artifacts) => return Ok(artifacts),
        Found::ToBuild(workspaces) if workspaces.is_empty() => return Ok(BTreeMap::new()),
        Found::ToBuild(workspaces) => workspaces,
    };
    let target_library = ensure_target(reporter).await?;
    let mut artifacts = BTreeMap::new();
    let mut failed = Vec::new();
    for (workspace, projects) in &workspaces {
        reporter.settle();
        if let Err(command) = compile(workspace, projects, reporter.is_quiet()).await? {
            failed.push(command);
        }
        let each = projects.iter();
        artifacts.extend(each.map(|it| (it.folder.clone(), it.artifact.clone())));
    }
    if !failed.is_empty() {
        return Err(BuildError::Cargo { commands: failed });
    }
    if let (Some(notes), Some(target_library)) = (projects.notes, target_library) {
        let built = Built {
            artifacts: artifacts.clone(),
            workspaces: workspaces.into_keys().collect(),
            target_library,
        };
        notes.keep(projects.began, &built);
    }
    Ok(artifacts)
}

/// The program to call: cargo tells its children which one it is.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Compiles projects of one workspace; answers the command if it has failed.
async fn compile(
    workspace: &Path,
    projects: &[Project],
    quiet: bool,
) -> Result<Result<(), String>, BuildError> {
    let mut arguments: Vec<&str> = vec!["build", "--release", "--target", TARGET];
    if quiet {
        arguments.push("--quiet");
    }
    for project in projects {
        arguments.extend(["--package", &project.package]);
    }
    let spawn_error = |source| BuildError::Spawn {
        program: "cargo".to_owned(),
        source,
    };
    let mut cargo = Command::new(cargo())
        .args(&arguments)
        // Of two projects that do not compile, both are told.
        .arg("--keep-going")
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .envs(colour::for_cargo().map(|when| ("CARGO_TERM_COLOR", when)))
        .stdin(Stdio::null())
        // What cargo says is talk; stdout belongs to the job.
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(spawn_error)?;
    let group = ProcessGroup::of(&cargo);
    let status = cargo.wait().await.map_err(spawn_error)?;
    group.ended();
    Ok(match status.success() {
        true => Ok(()),
        false => Err(format!("`cargo {}`", arguments.join(" "))),
    })
}

/// A process group that is killed when it is dropped before it has ended: cargo and its compilers,
/// which would go on after an interrupt.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group that `leader` was started to lead.
    fn of(leader: &Child) -> Self {
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Its leader was waited for: its number may soon be another's.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Installs the wasm target when the toolchain lacks it. Where it is, if it was there.
async fn ensure_target(reporter: &Reporter) -> Result<Option<PathBuf>, BuildError> {
    if let Some(folder) = target_library().await? {
        return Ok(Some(folder));
    }
    reporter.event(&Event::InstallingTarget { target: TARGET });
    let command = format!("rustup target add {TARGET}");
    let failed = |reason: String| BuildError::Target {
        command: command.clone(),
        reason,
    };
    let output = Command::new("rustup")
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(None);
    }
    Err(failed(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

/// Where the toolchain has the library for the wasm target, if it has it.
pub(crate) async fn target_library() -> Result<Option<PathBuf>, BuildError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| BuildError::Spawn {
            program: "rustc".to_owned(),
            source,
        })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok((output.status.success() && folder.is_dir()).then_some(folder))
}
