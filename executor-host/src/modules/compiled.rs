//! Compiled modules in a folder, so that a module is compiled once on a machine.
//!
//! Compiled code runs with the rights of this process, so none is loaded that was not written here:
//! each file carries a code that only who has the folder's key can make, over its content and its
//! name, and folder and key are ours alone. A file that was changed, cut or renamed is removed, and
//! the module is compiled again. A file is complete as soon as it has its name, so any number of
//! processes can share a folder.

use std::{
    error::Error as _,
    fs::{self, DirBuilder, File, Metadata, Permissions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use tempfile::NamedTempFile;
use tracing::{debug, warn};
use wasmtime::component::Component;

use super::Digest;
use super::turn::TURN_PREFIX;
use crate::engine::Engine;

/// Compiled modules in a folder. Clones share it.
#[derive(Clone)]
pub struct CompiledCache {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    key: hmac::Key,
    bytes_max: u64,
}

/// Why a folder cannot hold compiled modules.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The system refused.
    #[error("`{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Others could put code there that this process would run.
    #[error(
        "`{}` must be a folder of this user that nobody else can enter: remove it, or name another with `{CACHE_VARIABLE}`",
        path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// Others could put another folder in its place.
    #[error(
        "`{}` belongs to another user, or others can write there, so they could exchange what is \
         kept: remove it or take their rights (`chmod go-w`), or name another with `{CACHE_VARIABLE}`",
        path.display()
    )]
    InForeign {
        /// The folder around it.
        path: PathBuf,
    },
    /// There is no randomness for the key.
    #[error("there is no randomness for its key")]
    NoRandomness,
}

/// Names the folder for what can be made again. Empty: nothing is kept.
pub const CACHE_VARIABLE: &str = "MESOSGOT_CACHE_DIR";

/// How much a folder holds, if nobody says otherwise: some hundred modules of the usual size with
/// a whole language runtime in each.
const CACHE_BYTES_MAX: u64 = 1 << 30;

/// The name of the key in its folder.
const KEY_NAME: &str = "key";

/// Bytes of a key: those of its digest, as HMAC wants it.
const KEY_BYTES: usize = 32;

/// Bytes of the code at the begin of each file.
const TAG_BYTES: usize = 32;

/// What unfinished files begin with.
const UNFINISHED: &str = ".unfinished-";

/// Writing a file takes seconds at most; what is unfinished after this has no writer any more.
const UNFINISHED_AGE: Duration = Duration::from_secs(3600);

/// The folder for what can be made again: `MESOSGOT_CACHE_DIR` if it is set; the user's own by the
/// rules of the desktop (`XDG_CACHE_HOME`, `HOME`); and where there is no home, as on an agent, one
/// that outlives a restart of the machine. Nothing if the variable is empty.
pub fn cache_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable(CACHE_VARIABLE) {
        return (!folder.is_empty()).then(|| folder.into());
    }
    let folder = |name| {
        let folder = variable(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let own = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let user = rustix::process::geteuid().as_raw();
    Some(match own {
        Some(own) => own.join("mesosgot"),
        None => Path::new("/var/tmp").join(format!("mesosgot-{user}")),
    })
}

impl CompiledCache {
    /// The cache in the [`cache_folder`] of this process. Without one modules are compiled each
    /// time, which is no reason not to run them: why there is none is logged.
    pub fn of_process() -> Option<Self> {
        let folder = cache_folder(|name| std::env::var_os(name))?;
        Self::open(&folder, CACHE_BYTES_MAX)
            .inspect_err(|error| {
                let cause = error.source().map(|cause| format!(": {cause}"));
                let cause = cause.unwrap_or_default();
                warn!("compiled modules are not kept: {error}{cause}");
            })
            .ok()
    }

    /// A cache below `folder`, which is made if it is not there. It holds at most `bytes_max`;
    /// what was not used for longest goes first.
    ///
    /// # Errors
    /// When the folder cannot be made, or others could write into it.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, CacheError> {
        let parent = folder;
        let folder = folder.join("compiled");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| io_error(&folder, source))?;
        // Not through a link: who made it would choose where it leads.
        let found = fs::symlink_metadata(&folder).map_err(|source| io_error(&folder, source))?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw();
        if !found.is_dir() || !is_ours || found.mode() & 0o077 != 0 {
            return Err(CacheError::NotOurs { path: folder });
        }
        // Who can write there can put another folder in its place.
        let found = fs::symlink_metadata(parent).map_err(|source| io_error(parent, source))?;
        // If that is a link, it counts whose it is and where it leads.
        let real = fs::metadata(parent).map_err(|source| io_error(parent, source))?;
        if !is_of_ours(&found) || !is_of_ours(&real) || can_others_exchange(&real) {
            let path = parent.to_owned();
            return Err(CacheError::InForeign { path });
        }
        let key = key(&folder)?;
        let inner = Inner {
            folder,
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            bytes_max,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The folder of the files.
    pub(super) fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Whether there is a file of that module. It may have been changed.
    pub(super) fn has(&self, engine: &Engine, digest: Digest) -> bool {
        self.inner.folder.join(name(engine, digest)).exists()
    }

    /// The module of that digest as this engine would compile it, if it is there and unchanged.
    pub(crate) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = name(engine, digest);
        let path = self.inner.folder.join(&name);
        match self.read(&path, &name) {
            Ok(Some(code)) => {
                // SAFETY: it is what `serialize` gave: the tag is made with a key that only this
                // user can read, after wasmtime had compiled it, and covers every byte.
                #[expect(unsafe_code, reason = "there is no other way to load compiled code")]
                let loaded = unsafe { Component::deserialize(engine.wasmtime(), code) };
                loaded
                    .inspect_err(
                        |error| warn!(path = %path.display(), "compiled module: {error:#}"),
                    )
                    .ok()
            }
            Ok(None) => {
                warn!(path = %path.display(), "a compiled module was changed; it is compiled again");
                let _ = fs::remove_file(&path);
                None
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    warn!(path = %path.display(), %error, "compiled module not read");
                }
                None
            }
        }
    }

    /// The content of a file, nothing if it is not as it was written.
    fn read(&self, path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut file = File::open(path)?;
        let mut tag = [0; TAG_BYTES];
        let mut code = Vec::new();
        if let Err(error) = file.read_exact(&mut tag) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(None),
                _ => Err(error),
            };
        }
        file.read_to_end(&mut code)?;
        let expected = self.tag(name, &code);
        // Time tells nothing here: who can put a file there can read the key.
        if expected.as_ref() != tag {
            return Ok(None);
        }
        // The last use, for `prune`; without it the file may go a little early.
        if let Err(error) = file.set_modified(SystemTime::now()) {
            debug!(path = %path.display(), %error, "last use not noted");
        }
        Ok(Some(code))
    }

    /// Keeps a module that this engine has compiled from the bytes of that digest. What is in the
    /// way of that is logged: it costs time, next time.
    pub(crate) fn store(&self, engine: &Engine, digest: Digest, module: &Component) {
        let name = name(engine, digest);
        let stored = module
            .serialize()
            .map_err(|error| io::Error::other(format!("{error:#}")))
            .and_then(|code| self.write(&name, &code));
        if let Err(error) = stored {
            let folder = self.inner.folder.display();
            warn!(%folder, %error, "compiled module not kept");
        }
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        if (TAG_BYTES + code.len()) as u64 > self.inner.bytes_max {
            return Ok(());
        }
        let mut file = unfinished(&self.inner.folder)?;
        file.write_all(self.tag(name, code).as_ref())?;
        file.write_all(code)?;
        file.persist(self.inner.folder.join(name))?;
        self.prune()
    }

    fn tag(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.inner.key);
        // Names are of one length, so where they end is no question.
        context.update(name.as_bytes());
        context.update(code);
        context.sign()
    }

    /// Removes what was not used for longest, until the rest is within the limit, and what writers
    /// that died have left.
    fn prune(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.inner.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // Another process may have removed it meanwhile.
            let Ok(found) = entry.metadata() else {
                continue;
            };
            let used = found.modified()?;
            let is_turn = name.as_encoded_bytes().starts_with(TURN_PREFIX.as_bytes());
            let is_unfinished = name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
            if is_unfinished {
                let age = now.duration_since(used).unwrap_or_default();
                if age > UNFINISHED_AGE {
                    remove(&entry.path())?;
                }
            } else if name != KEY_NAME && !is_turn {
                files.push((used, found.len(), entry.path()));
            }
        }
        remove_least_recently_used(files, self.inner.bytes_max)
    }
}

/// Removes of these files, each with its last use and its length, what was not used for longest,
/// until the rest is within so many bytes.
///
/// # Errors
///
/// When one cannot be removed.
pub fn remove_least_recently_used(
    mut files: Vec<(SystemTime, u64, PathBuf)>,
    bytes_max: u64,
) -> io::Result<()> {
    let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
    files.sort();
    for (_, length, path) in files {
        if bytes <= bytes_max {
            break;
        }
        remove(&path)?;
        bytes -= length;
    }
    Ok(())
}

/// Whether it is this user's or root's.
fn is_of_ours(found: &Metadata) -> bool {
    [rustix::process::geteuid().as_raw(), 0].contains(&found.uid())
}

/// Whether others can put something in the place of what is in this folder: in one as `/tmp` they
/// can write, but not take away what is ours.
fn can_others_exchange(found: &Metadata) -> bool {
    found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0
}

/// One name for each module and each way of compiling it: wasmtime's version, its settings, and
/// what this processor can do.
fn name(engine: &Engine, digest: Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine
        .wasmtime()
        .precompile_compatibility_hash()
        .hash(&mut hasher);
    format!("{}-{:016x}", hex::encode(digest.0), hasher.finish())
}

/// The key of a folder, made by whoever comes first.
fn key(folder: &Path) -> Result<[u8; KEY_BYTES], CacheError> {
    let path = folder.join(KEY_NAME);
    let error = |source| io_error(&path, source);
    loop {
        match fs::read(&path) {
            Ok(bytes) => match <[u8; KEY_BYTES]>::try_from(bytes) {
                Ok(key) => return Ok(key),
                // Cut by a full disk or by hand; what it has signed is compiled again.
                Err(_) => remove(&path).map_err(error)?,
            },
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(error(source)),
        }
        let mut key = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_unspecified| CacheError::NoRandomness)?;
        let mut file = unfinished(folder).map_err(error)?;
        file.write_all(&key).map_err(error)?;
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(key),
            // Another process was quicker: its key counts.
            Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(lost) => return Err(error(lost.error)),
        }
    }
}

fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
}

/// Removes a file, which another process may have done meanwhile.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> CacheError {
    let path = path.to_owned();
    CacheError::Io { path, source }
}

impl std::fmt::Debug for CompiledCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledCache")
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
