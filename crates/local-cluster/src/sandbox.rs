//! The directories in which executors run (PROTOCOL §11.6).
//!
//! ```text
//! <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>/stdout
//!                                                                                       /stderr
//!                                                                           /latest -> <container>
//! ```
//!
//! It makes them and refuses ids that would leave them. It removes none: who made the work
//! directory removes it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mesos::ids::{self, InvalidId};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId};
use thiserror::Error;

/// The directory of one run of an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sandbox {
    directory: PathBuf,
}

/// Whose sandbox it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) agent_id: &'a AgentId,
    pub(crate) framework_id: &'a FrameworkId,
    pub(crate) executor_id: &'a ExecutorId,
    pub(crate) container_id: &'a ContainerId,
}

/// Why there is no sandbox.
#[derive(Debug, Error)]
pub(crate) enum CreateSandboxError {
    /// An id is no name of a directory.
    #[error("`{id}` cannot be part of a sandbox path")]
    Id { id: String, source: InvalidId },
    /// The file system does not let us.
    #[error("failed to create `{path}`")]
    Io { path: PathBuf, source: io::Error },
}

impl Sandbox {
    /// Makes the sandbox, with empty files for the output, and points `latest` at it.
    ///
    /// # Errors
    /// When an id is no name of a directory, or the file system refuses.
    pub(crate) fn create(work_dir: &Path, owner: Owner<'_>) -> Result<Self, CreateSandboxError> {
        let runs = runs(work_dir, owner)?;
        let directory = path(work_dir, owner)?;
        let failed = |path: &Path, source| CreateSandboxError::Io {
            path: path.into(),
            source,
        };
        fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        point_latest(&runs, &directory).map_err(|error| failed(&runs.join(LATEST), error))?;
        let sandbox = Self { directory };
        for open in [Self::stdout, Self::stderr] {
            open(&sandbox).map_err(|error| failed(&sandbox.directory, error))?;
        }
        Ok(sandbox)
    }

    /// Its path, absolute when the work directory's was.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The end of the file that takes the standard output of what runs in it.
    pub(crate) fn stdout(&self) -> io::Result<File> {
        append(&self.directory.join("stdout"))
    }

    /// The end of the file that takes the standard error, and what the agent has to say about the
    /// launch.
    pub(crate) fn stderr(&self) -> io::Result<File> {
        append(&self.directory.join("stderr"))
    }
}

/// The name of the link to the newest run.
const LATEST: &str = "latest";

/// Where a sandbox is.
///
/// # Errors
/// When an id is no name of a directory.
pub(crate) fn path(work_dir: &Path, owner: Owner<'_>) -> Result<PathBuf, CreateSandboxError> {
    Ok(runs(work_dir, owner)?.join(owner.container_id.as_str()))
}

/// The directory of all runs of an executor.
fn runs(work_dir: &Path, owner: Owner<'_>) -> Result<PathBuf, CreateSandboxError> {
    let parts = [
        owner.agent_id.as_str(),
        owner.framework_id.as_str(),
        owner.executor_id.as_str(),
        owner.container_id.as_str(),
    ];
    for id in parts {
        ids::check(id).map_err(|source| CreateSandboxError::Id {
            id: id.to_owned(),
            source,
        })?;
    }
    let [agent, framework, executor, _] = parts;
    Ok(work_dir
        .join("slaves")
        .join(agent)
        .join("frameworks")
        .join(framework)
        .join("executors")
        .join(executor)
        .join("runs"))
}

/// Moves the link in one step, so that it always leads somewhere.
fn point_latest(runs: &Path, directory: &Path) -> io::Result<()> {
    let fresh = runs.join(".latest");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(directory, &fresh)?;
    fs::rename(&fresh, runs.join(LATEST))
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(work_dir: &Path, executor: &str, container: &str) -> Result<Sandbox, String> {
        let owner = Owner {
            agent_id: &"m-S0".into(),
            framework_id: &"m-0000".into(),
            executor_id: &executor.into(),
            container_id: &container.into(),
        };
        Sandbox::create(work_dir, owner).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sandbox_lies_where_mesos_puts_it_and_latest_leads_to_the_newest() {
        let work_dir = tempfile::tempdir().unwrap();
        create(work_dir.path(), "ex", "c1").unwrap();
        let sandbox = create(work_dir.path(), "ex", "c2").unwrap();
        let runs = work_dir
            .path()
            .join("slaves/m-S0/frameworks/m-0000/executors/ex/runs");
        assert_eq!(sandbox.directory(), runs.join("c2"));
        assert!(sandbox.directory().join("stdout").is_file());
        assert!(sandbox.directory().join("stderr").is_file());
        assert!(runs.join("c1").is_dir());
        assert_eq!(fs::read_link(runs.join("latest")).unwrap(), runs.join("c2"));
    }

    #[test]
    fn an_id_that_would_leave_the_work_directory_is_refused() {
        let work_dir = tempfile::tempdir().unwrap();
        for id in ["..", "a/b", "", "../../x"] {
            assert_eq!(
                create(work_dir.path(), id, "c"),
                Err(format!("`{id}` cannot be part of a sandbox path"))
            );
        }
        assert_eq!(fs::read_dir(work_dir.path()).unwrap().count(), 0);
    }
}
