//! Whether guest projects are built already, so that cargo need not be asked.
//!
//! Cargo takes half a second to find that nothing has changed, longer than all else that happens
//! before a small job runs. So after a build a *note* is kept: all that the build depends on, each
//! file with what the system knows of its last change. While every bit of that is the same, the
//! build would make what is there.
//!
//! What a build depends on is taken from cargo (`.d` files name the sources) and otherwise guessed
//! generously: the whole environment, every place where cargo or rustup look for settings, whether
//! or not there is a file, and the toolchain. Where that may not be all, as with build scripts, no
//! note is kept, and cargo decides each time.

mod inputs;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use executor_host::modules::cache_folder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

pub(super) use self::inputs::Built;

/// The folder of notes.
#[derive(Debug)]
pub(super) struct Notes {
    folder: PathBuf,
}

/// What was built, and all that it depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    /// The digest of the environment and the folder in which cargo was called.
    surroundings: String,
    /// What was made of each project.
    artifacts: BTreeMap<PathBuf, PathBuf>,
    /// Each file, as it was.
    files: BTreeMap<PathBuf, Seen>,
}

/// What there is under a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Seen {
    /// Nothing.
    Nothing,
    /// A file or folder: its number, length, and times of its last change. No program can set the
    /// second time.
    There {
        inode: u64,
        bytes: u64,
        modified: (i64, i64),
        changed: (i64, i64),
    },
}

/// A note larger than this is no note of ours.
const NOTE_BYTES_MAX: u64 = 4 << 20;

/// Notes in the folder; a user has one for each job with projects. When there are more, all go.
const NOTES_MAX: usize = 256;

/// The clock of files lags behind that of programs by some milliseconds, and some file systems
/// count by the second.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// Changes with what notes mean.
const VERSION: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

impl Notes {
    /// The notes of this user. Nothing where there is no place that is only theirs.
    pub(super) fn open() -> Option<Self> {
        let folder = cache_folder(|name| std::env::var_os(name))?.join("built");
        Self::at(folder)
    }

    fn at(folder: PathBuf) -> Option<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder).ok()?;
        // Not through a link: who made it would choose where it leads.
        let found = fs::symlink_metadata(&folder).ok()?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw();
        (found.is_dir() && is_ours && found.mode() & 0o022 == 0).then_some(Self { folder })
    }

    /// What was built of these projects, if a build would make the same.
    pub(super) fn fresh(&self, projects: &[PathBuf]) -> Option<BTreeMap<PathBuf, PathBuf>> {
        let path = self.path(projects)?;
        if fs::metadata(&path).ok()?.len() > NOTE_BYTES_MAX {
            return None;
        }
        let note: Note = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let is_fresh = note.surroundings == surroundings()?
            && projects.iter().all(|it| note.artifacts.contains_key(it))
            && note
                .files
                .iter()
                .all(|(path, seen)| Seen::at(path) == *seen);
        is_fresh.then_some(note.artifacts)
    }

    /// Remembers a build that has begun then and has succeeded, if all is known of it.
    pub(super) fn keep(&self, began: SystemTime, built: &Built) {
        if let Some(note) = Note::of(began, built)
            && let Err(error) = self.write(&note)
        {
            tracing::debug!(%error, "what was built is not noted");
        }
    }

    fn write(&self, note: &Note) -> io::Result<()> {
        let projects: Vec<_> = note.artifacts.keys().cloned().collect();
        let Some(path) = self.path(&projects) else {
            return Ok(());
        };
        if fs::read_dir(&self.folder)?.count() > NOTES_MAX {
            fs::remove_dir_all(&self.folder)?;
            fs::DirBuilder::new().mode(0o700).create(&self.folder)?;
        }
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(note)?)?;
        file.persist(path)?;
        Ok(())
    }

    /// The note of these projects, in whatever order.
    fn path(&self, projects: &[PathBuf]) -> Option<PathBuf> {
        let mut folders = Vec::new();
        for project in projects {
            folders.push(project.canonicalize().ok()?);
        }
        folders.sort();
        let mut digest = Sha256::new();
        for folder in folders {
            digest.update(folder.as_os_str().as_encoded_bytes());
            digest.update([0]);
        }
        Some(self.folder.join(hex::encode(digest.finalize())))
    }
}

impl Note {
    /// Nothing where the build may depend on more than is known, or something changed meanwhile.
    fn of(began: SystemTime, built: &Built) -> Option<Self> {
        let surroundings = surroundings()?;
        let made: Vec<_> = built.made().collect();
        let mut files = BTreeMap::new();
        for path in built.inputs()? {
            let seen = Seen::at(&path);
            let is_made = made.contains(&path);
            if !is_made && !seen.is_older_than(began.checked_sub(CLOCK_SLACK)?) {
                return None;
            }
            files.insert(path, seen);
        }
        let artifacts = built.artifacts.clone();
        Some(Self {
            surroundings,
            artifacts,
            files,
        })
    }
}

impl Seen {
    fn at(path: &Path) -> Self {
        fs::metadata(path).map_or(Self::Nothing, |found| Self::There {
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    fn is_older_than(&self, moment: SystemTime) -> bool {
        let Self::There { changed, .. } = self else {
            return true;
        };
        let moment = moment
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(changed.0).is_ok_and(|seconds| seconds < moment.as_secs())
    }
}

/// Variables that differ from one shell to the next and that no build should look at.
const PASSING_VARIABLES: [&str; 4] = ["OLDPWD", "PWD", "SHLVL", "_"];

/// All that a program finds in its surroundings: here, that cargo will.
fn surroundings() -> Option<String> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| !PASSING_VARIABLES.iter().any(|passing| name == passing))
        .collect();
    variables.sort();
    let folder = std::env::current_dir().ok()?;
    let mut digest = Sha256::new();
    digest.update(VERSION);
    digest.update([0]);
    digest.update(folder.as_os_str().as_encoded_bytes());
    for (name, value) in variables {
        for part in [name, value] {
            digest.update([0]);
            digest.update(part.as_encoded_bytes());
        }
    }
    Some(hex::encode(digest.finalize()))
}

#[cfg(test)]
mod tests;
