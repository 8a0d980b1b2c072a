//! The files that an agent shows: its sandboxes, by the three names that Mesos gives them
//! (PROTOCOL §12).
//!
//! ```text
//! <work_dir>/slaves/<agent>/frameworks/<f>/executors/<e>/runs/<container>
//! <work_dir>/slaves/<agent>/frameworks/<f>/executors/<e>/runs/latest
//!                          /frameworks/<f>/executors/<e>/runs/latest
//! ```
//!
//! Nothing outside of a sandbox is shown, whatever `..` and symbolic links in a path say. Reading
//! blocks; callers see to it that nobody waits who must not.

mod names;

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mesos::{AgentId, ids, v1};
use thiserror::Error;

use names::Names;

/// What can be read of an agent. Clones are the same; a master has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Option<Arc<Root>>);

#[derive(Debug)]
struct Root {
    work_dir: PathBuf,
    /// Whose sandboxes are shown, from its registration on.
    agent_id: Mutex<Option<AgentId>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    /// The path leads to nothing that is shown.
    #[error("not found")]
    NotFound,
    /// The path leads out of the sandbox that it begins in.
    #[error("'{}' is inaccessible.\n", .0.display())]
    Inaccessible(PathBuf),
    /// There is a directory where a file is wanted.
    #[error("a directory")]
    Directory,
    /// The file system refuses.
    #[error("{0}.\n")]
    Io(#[from] io::Error),
}

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Of the whole file.
    pub(crate) size: u64,
    pub(crate) data: Vec<u8>,
}

/// The most that comes at once, whatever is asked for: 16 pages, as of Mesos.
pub(crate) const READ_BYTES_MAX: usize = 16 * 4096;

/// The most entries of one directory that are listed. Mesos has no bound; at some 300 bytes each
/// this is an answer of 30 MB.
const LISTED_MAX: usize = 100_000;

/// The name of the link to the newest run.
const LATEST: &str = "latest";

impl Files {
    /// The sandboxes in this directory, which must be absolute.
    pub(crate) fn new(work_dir: PathBuf) -> Self {
        Self(Some(Arc::new(Root {
            work_dir,
            agent_id: Mutex::new(None),
        })))
    }

    /// No files at all.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// From now on, those of this agent are shown.
    pub(crate) fn set_agent_id(&self, id: AgentId) {
        if let Some(root) = &self.0 {
            *root.agent_id.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        }
    }

    /// What is in a directory, sorted by path; nothing for a file.
    ///
    /// # Errors
    /// When the path leads nowhere or out of its sandbox.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<v1::FileInfo>, FilesError> {
        let directory = self.resolve(path)?;
        if !fs::metadata(&directory)?.is_dir() {
            return Ok(Vec::new());
        }
        let names = Names::read();
        let mut listed = Vec::new();
        for entry in fs::read_dir(&directory)?.take(LISTED_MAX) {
            let entry = entry?;
            // What a broken link leads to has no size; Mesos leaves it out as well.
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            let name = entry.file_name();
            let path = format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy());
            listed.push(file_info(path, &metadata, &names));
        }
        listed.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(listed)
    }

    /// A part of a file, of [`READ_BYTES_MAX`] bytes at most; nothing from its end on.
    ///
    /// # Errors
    /// When the path leads nowhere, out of its sandbox, or to no file.
    pub(crate) fn read(
        &self,
        path: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Part, FilesError> {
        let (mut file, size) = self.open(path)?;
        let mut data = Vec::new();
        if offset < size {
            let length = length.unwrap_or(u64::MAX).min(READ_BYTES_MAX as u64);
            file.seek(SeekFrom::Start(offset))?;
            file.take(length).read_to_end(&mut data)?;
        }
        Ok(Part { size, data })
    }

    /// A file to be read as a whole, and its size.
    ///
    /// # Errors
    /// When the path leads nowhere, out of its sandbox, or to no file.
    pub(crate) fn open(&self, path: &str) -> Result<(File, u64), FilesError> {
        let resolved = self.resolve(path)?;
        let metadata = fs::metadata(&resolved)?;
        if metadata.is_dir() {
            return Err(FilesError::Directory);
        }
        if !metadata.is_file() {
            // Opening a pipe would wait for somebody who writes.
            return Err(FilesError::Inaccessible(resolved));
        }
        Ok((File::open(resolved)?, metadata.len()))
    }

    /// Every name of every sandbox, and where it leads.
    pub(crate) fn all(&self) -> Vec<(String, PathBuf)> {
        let mut names = Vec::new();
        let Some((root, agent)) = self.root() else {
            return names;
        };
        let directory = agent_directory(root, &agent);
        for framework in entries(&directory.join("frameworks")) {
            for executor in entries(&framework.join("executors")) {
                for run in entries(&executor.join("runs")) {
                    let path = run.to_string_lossy().into_owned();
                    let virtual_path = run
                        .strip_prefix(&directory)
                        .ok()
                        .filter(|_| run.ends_with(LATEST))
                        .map(|path| format!("/{}", path.display()));
                    let found = [Some(path), virtual_path].into_iter().flatten();
                    let found =
                        found.filter_map(|name| Some((name.clone(), self.attached(&name)?)));
                    names.extend(found);
                }
            }
        }
        names.sort();
        names
    }

    fn root(&self) -> Option<(&Root, AgentId)> {
        let root = self.0.as_deref()?;
        let agent = root.agent_id.lock().unwrap_or_else(PoisonError::into_inner);
        Some((root, agent.clone()?))
    }

    /// Where a path leads, without links in it.
    fn resolve(&self, path: &str) -> Result<PathBuf, FilesError> {
        let path = path.trim_end_matches('/');
        let mut prefix = path;
        let sandbox = loop {
            if let Some(sandbox) = self.attached(prefix) {
                break sandbox;
            }
            match prefix.rsplit_once('/') {
                Some((shorter, _)) if !shorter.is_empty() => prefix = shorter,
                _ => return Err(FilesError::NotFound),
            }
        };
        let suffix = path[prefix.len()..].trim_start_matches('/');
        let asked = if suffix.is_empty() {
            sandbox.clone()
        } else {
            sandbox.join(suffix)
        };
        let not_found = |_| FilesError::NotFound;
        let found = fs::canonicalize(&asked).map_err(not_found)?;
        if found.starts_with(fs::canonicalize(&sandbox).map_err(not_found)?) {
            Ok(found)
        } else {
            Err(FilesError::Inaccessible(asked))
        }
    }

    /// The sandbox of this name, `latest` replaced by what it means.
    fn attached(&self, name: &str) -> Option<PathBuf> {
        let (root, agent) = self.root()?;
        let directory = agent_directory(root, &agent);
        let (path, is_virtual) = match Path::new(name).strip_prefix(&directory) {
            Ok(path) => (path, false),
            Err(_) => (Path::new(name.strip_prefix('/')?), true),
        };
        let parts: Vec<&str> = path.to_str()?.split('/').collect();
        let ["frameworks", framework, "executors", executor, "runs", run] = parts[..] else {
            return None;
        };
        if is_virtual && run != LATEST {
            return None;
        }
        let ids = [framework, executor, run];
        if ids.iter().any(|id| ids::check(id).is_err()) {
            return None;
        }
        let runs = directory.join(path.parent()?);
        let run = match run {
            LATEST => fs::read_link(runs.join(LATEST)).ok()?,
            run => PathBuf::from(run),
        };
        let run = run.file_name()?;
        // An executor may have put a link where its sandbox was.
        let real_root = fs::canonicalize(&root.work_dir).ok()?;
        let relative = runs.strip_prefix(&root.work_dir).ok()?;
        let expected = real_root.join(relative).join(run);
        let sandbox = runs.join(run);
        (fs::canonicalize(&sandbox).ok()? == expected && expected.is_dir()).then_some(sandbox)
    }
}

fn agent_directory(root: &Root, agent: &AgentId) -> PathBuf {
    root.work_dir.join("slaves").join(agent.as_str())
}

/// The entries of a directory; none of one that cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(directory).into_iter().flatten();
    read.take(LISTED_MAX)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "no file has 2^31 names")]
fn file_info(path: String, metadata: &Metadata, names: &Names) -> v1::FileInfo {
    v1::FileInfo {
        path,
        nlink: Some(metadata.nlink() as i32),
        size: Some(metadata.size()),
        mtime: Some(v1::TimeInfo {
            nanoseconds: metadata.mtime().saturating_mul(1_000_000_000),
        }),
        mode: Some(metadata.mode()),
        uid: Some(names.user(metadata.uid())),
        gid: Some(names.group(metadata.gid())),
    }
}

#[cfg(test)]
mod tests;
