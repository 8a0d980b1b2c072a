//! Compiles guest projects: folders with a `Cargo.toml` that make a `cdylib`.
//!
//! Projects of one workspace are built by one cargo command, so that they share their dependencies
//! and wait for each other only once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, sleep_until};

use super::fresh::{Built, Notes};
use super::progress::{Said, Talk};
use super::projects::{self, NotAGuest, Project};
use crate::colour;
use crate::report::{Event, Reporter};

/// The target that guests are compiled for: it makes components by itself.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Why a guest project was not built.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error("failed to run `{program}`")]
    Spawn { program: String, source: io::Error },
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
/// Cargo's own messages go to stderr as they come, unless the reporter is quiet; where there is a
/// live area, they go by above it, and it shows how far cargo is. It is not called where nothing has
/// changed. Of projects that do not compile, all are told.
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
        if let Err(command) = compile(workspace, projects, reporter).await? {
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
    reporter: &Reporter,
) -> Result<Result<(), String>, BuildError> {
    let mut arguments: Vec<&str> = vec!["build", "--release", "--target", TARGET];
    if reporter.is_quiet() {
        arguments.push("--quiet");
    }
    for project in projects {
        arguments.extend(["--package", &project.package]);
    }
    let mut command = Command::new(cargo());
    command
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
        .kill_on_drop(true);
    let ran = match reporter.has_live_area() {
        true => run_in_area(command, reporter).await,
        false => {
            // It says something itself on the same stderr.
            reporter.settle();
            run(command).await
        }
    };
    let status = ran.map_err(|source| BuildError::Spawn {
        program: "cargo".to_owned(),
        source,
    })?;
    Ok(match status.success() {
        true => Ok(()),
        false => Err(format!("`cargo {}`", arguments.join(" "))),
    })
}

async fn run(mut command: Command) -> io::Result<ExitStatus> {
    let mut cargo = command.spawn()?;
    let group = ProcessGroup::of(&cargo);
    let status = cargo.wait().await?;
    group.ended();
    Ok(status)
}

/// For how long cargo's stderr is read when cargo has ended: what it has written is read at once,
/// and somebody whom it has started may keep it open for ever.
const READ_AFTER_END: Duration = Duration::from_secs(1);

/// How wide cargo believes the terminal to be: it names what it compiles as far as there is room,
/// and the area shows as much of that as it has room for.
const PROGRESS_COLUMNS: &str = "200";

/// Runs cargo with its lines above the live area, and how far it is in it.
async fn run_in_area(mut command: Command, reporter: &Reporter) -> io::Result<ExitStatus> {
    command
        .envs(colour::for_cargo_in_area().map(|when| ("CARGO_TERM_COLOR", when)))
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", PROGRESS_COLUMNS)
        // That would be for the terminal itself, in bytes of its own.
        .env("CARGO_TERM_PROGRESS_TERM_INTEGRATION", "false")
        .stderr(Stdio::piped());
    reporter.note(|| vec!["building".to_owned()]);
    let mut cargo = command.spawn()?;
    let group = ProcessGroup::of(&cargo);
    let stderr = cargo.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let status = follow(&mut cargo, stderr, reporter).await?;
    group.ended();
    reporter.end_note();
    Ok(status)
}

/// Passes on what cargo says, until it has ended and everything is said.
async fn follow(
    cargo: &mut Child,
    mut stderr: ChildStderr,
    reporter: &Reporter,
) -> io::Result<ExitStatus> {
    let tell = |said| match said {
        Said::Line(line) => reporter.talk_in_turn(line),
        Said::Progress(words) => reporter.note(|| words),
    };
    let mut talk = Talk::default();
    let mut bytes = [0; 8 * 1024];
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        let until = ended.map(|(_, at)| at + READ_AFTER_END);
        tokio::select! {
            // What is there is read before it is asked whether there will be more.
            biased;
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => break,
            read = stderr.read(&mut bytes) => match read? {
                0 => break,
                count => talk.take(&bytes[..count]).into_iter().for_each(tell),
            },
            status = cargo.wait(), if ended.is_none() => ended = Some((status?, Instant::now())),
        }
    }
    talk.end().into_iter().for_each(tell);
    match ended {
        Some((status, _)) => Ok(status),
        None => cargo.wait().await,
    }
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
