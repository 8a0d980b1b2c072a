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
use serde::Deserialize;
use thiserror::Error;
use tokio::process::{Child, Command};

use super::fresh::{Built, Notes};
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
    #[error("`{}` is not a guest project: {reason}", folder.display())]
    NotAGuest { folder: PathBuf, reason: String },
    #[error("the target {TARGET} is not installed and `{command}` failed: {reason}")]
    Target { command: String, reason: String },
    #[error("`{command}` failed; its messages are above")]
    Cargo { command: String },
}

impl BuildError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Spawn { program, .. } => Some(format!(
                "install Rust from https://rustup.rs, or put `{program}` on the PATH"
            )),
            Self::NotAGuest { .. } => Some(
                "a guest project has a Cargo.toml with `crate-type = [\"cdylib\"]` under `[lib]`"
                    .to_owned(),
            ),
            Self::Target { .. } => Some(format!(
                "with rustup: `rustup target add {TARGET}`; with a distribution's Rust: install \
                 its package of the standard library for {TARGET}"
            )),
            Self::Cargo { .. } => None,
        }
    }
}

/// A guest project and the file that its build makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Project {
    folder: PathBuf,
    package: String,
    artifact: PathBuf,
}

/// Compiles the guest projects in `folders` and answers the wasm file of each.
///
/// Cargo's own messages go to stderr as they come, unless the reporter is quiet. It is not called
/// where nothing has changed.
pub(crate) async fn build(
    folders: &[PathBuf],
    reporter: &Reporter,
) -> Result<BTreeMap<PathBuf, PathBuf>, BuildError> {
    let notes = Notes::open();
    if let Some(artifacts) = notes.as_ref().and_then(|notes| notes.fresh(folders)) {
        return Ok(artifacts);
    }
    let began = SystemTime::now();
    let mut workspaces: BTreeMap<PathBuf, Vec<Project>> = BTreeMap::new();
    for (workspace, project) in describe(folders).await? {
        workspaces.entry(workspace).or_default().push(project);
    }
    let mut target_library = None;
    if !workspaces.is_empty() {
        target_library = ensure_target(reporter).await?;
    }
    let mut artifacts = BTreeMap::new();
    for (workspace, projects) in &workspaces {
        reporter.settle();
        compile(workspace, projects, reporter.is_quiet()).await?;
        let each = projects.iter();
        artifacts.extend(each.map(|it| (it.folder.clone(), it.artifact.clone())));
    }
    if let (Some(notes), Some(target_library)) = (notes, target_library) {
        let built = Built {
            artifacts: artifacts.clone(),
            workspaces: workspaces.into_keys().collect(),
            target_library,
        };
        notes.keep(began, &built);
    }
    Ok(artifacts)
}

/// The program to call: cargo tells its children which one it is.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// The part of `cargo metadata` that matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Finds out what the project in each folder is called, what it makes, and its workspace. Projects
/// of one workspace are known together.
async fn describe(folders: &[PathBuf]) -> Result<Vec<(PathBuf, Project)>, BuildError> {
    let mut known: Vec<Metadata> = Vec::new();
    let mut described = Vec::new();
    for folder in folders {
        let not_a_guest = |reason: String| BuildError::NotAGuest {
            folder: folder.clone(),
            reason,
        };
        let manifest = folder
            .join("Cargo.toml")
            .canonicalize()
            .map_err(|error| not_a_guest(format!("no readable Cargo.toml in it: {error}")))?;
        let has_it = |metadata: &Metadata| {
            let mut packages = metadata.packages.iter();
            packages.any(|package| package.manifest_path == manifest)
        };
        let index = match known.iter().position(has_it) {
            Some(index) => index,
            None => {
                known.push(metadata(folder, &manifest).await?);
                known.len() - 1
            }
        };
        let metadata = &known[index];
        let project = project(folder, &manifest, metadata).map_err(not_a_guest)?;
        described.push((metadata.workspace_root.clone(), project));
    }
    Ok(described)
}

/// What cargo says of the workspace of a project.
async fn metadata(folder: &Path, manifest: &Path) -> Result<Metadata, BuildError> {
    let not_a_guest = |reason: String| BuildError::NotAGuest {
        folder: folder.to_owned(),
        reason,
    };
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| BuildError::Spawn {
            program: "cargo".to_owned(),
            source,
        })?;
    if !output.status.success() {
        return Err(not_a_guest(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| not_a_guest(format!("cargo metadata is not understood: {error}")))
}

fn project(folder: &Path, manifest: &Path, metadata: &Metadata) -> Result<Project, String> {
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == manifest)
        .ok_or("its Cargo.toml has no package")?;
    let target = package
        .targets
        .iter()
        .find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
        .ok_or("its library is not a `cdylib`")?;
    let file = format!("{}.wasm", target.name.replace('-', "_"));
    let artifact = metadata
        .target_directory
        .join(TARGET)
        .join("release")
        .join(file);
    Ok(Project {
        folder: folder.to_owned(),
        package: package.name.clone(),
        artifact,
    })
}

async fn compile(workspace: &Path, projects: &[Project], quiet: bool) -> Result<(), BuildError> {
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
    if status.success() {
        return Ok(());
    }
    Err(BuildError::Cargo {
        command: format!("cargo {}", arguments.join(" ")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(crate_type: &str) -> Metadata {
        let json = format!(
            r#"{{"packages":[{{"name":"my-task","manifest_path":"/w/task/Cargo.toml",
                "targets":[{{"name":"my-task","crate_types":["{crate_type}"]}}]}}],
                "workspace_root":"/w","target_directory":"/w/target"}}"#
        );
        serde_json::from_str(&json).expect("the sample is JSON")
    }

    #[test]
    fn a_cdylib_is_found_where_cargo_puts_it() {
        let found = project(
            Path::new("task"),
            Path::new("/w/task/Cargo.toml"),
            &sample("cdylib"),
        )
        .expect("it is a guest");
        assert_eq!(found.package, "my-task");
        assert_eq!(
            found.artifact,
            PathBuf::from("/w/target/wasm32-wasip2/release/my_task.wasm")
        );
    }

    #[test]
    fn a_library_that_makes_no_wasm_file_is_refused() {
        let found = project(
            Path::new("task"),
            Path::new("/w/task/Cargo.toml"),
            &sample("lib"),
        );
        assert_eq!(found, Err("its library is not a `cdylib`".to_owned()));
    }
}
