//! Artifacts that are fetched once and copied for each container that wants them again: those of
//! URIs with `cache` (PROTOCOL §11.5).
//!
//! Kept by URI for as long as the agent lives, and as long as there is room: what was not wanted
//! for longest goes first. Whether a server has something newer nobody asks, as in Mesos.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// How much is kept: what Mesos keeps when it is told nothing, 2 GB.
const BYTES_MAX: u64 = 2 << 30;

/// The cache of one agent; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Cache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// In which a directory is made when there is something to keep.
    parent: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    directory: Option<TempDir>,
    entries: HashMap<String, Entry>,
    bytes: u64,
    /// How many times something was wanted, and the name of the next file.
    clock: u64,
}

#[derive(Debug, Default)]
struct Entry {
    /// Held while it is fetched, so that the others wait for the first.
    turn: Arc<tokio::sync::Mutex<()>>,
    file: Option<Kept>,
    wanted_at: u64,
    /// Who wants it just now.
    users: usize,
}

#[derive(Debug, Clone)]
struct Kept {
    path: PathBuf,
    bytes: u64,
}

/// Somebody who wants an artifact; as long as it lives, that is not given up.
pub(super) struct Use<'a> {
    cache: &'a Cache,
    uri: &'a str,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Cache {
    /// An empty cache, which keeps its files in a directory of its own below this one, and takes it
    /// along when it ends.
    pub(crate) fn new(parent: PathBuf) -> Self {
        Self::with_bytes(parent, BYTES_MAX)
    }

    pub(super) fn with_bytes(parent: PathBuf, bytes_max: u64) -> Self {
        Self(Arc::new(Shared {
            parent,
            bytes_max,
            state: Mutex::default(),
        }))
    }

    /// Begins to use an artifact.
    pub(super) fn want<'a>(&'a self, uri: &'a str) -> Use<'a> {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        let entry = state.entries.entry(uri.to_owned()).or_default();
        entry.wanted_at = now;
        entry.users += 1;
        let turn = Arc::clone(&entry.turn);
        let cache = self;
        Use { cache, uri, turn }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.state().bytes
    }
}

impl Use<'_> {
    /// Waits until nobody else fetches it.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Where it is, if it is there.
    pub(super) fn kept(&self) -> Option<PathBuf> {
        let state = self.cache.state();
        let file = state.entries.get(self.uri)?.file.as_ref()?;
        Some(file.path.clone())
    }

    /// A place for it.
    ///
    /// # Errors
    /// When there is no directory.
    pub(super) fn place(&self) -> io::Result<PathBuf> {
        let mut state = self.cache.state();
        state.clock += 1;
        let name = state.clock.to_string();
        let directory = match &state.directory {
            Some(directory) => directory.path().join(name),
            None => {
                let parent = &self.cache.0.parent;
                let mut builder = tempfile::Builder::new();
                let made = builder.prefix("fetched-").tempdir_in(parent)?;
                state.directory.insert(made).path().join(name)
            }
        };
        Ok(directory)
    }

    /// Keeps a file that was put there.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn keep(&self, path: &Path) -> io::Result<()> {
        let bytes = fs::metadata(path)?.len();
        let mut state = self.cache.state();
        let path = path.to_owned();
        if let Some(entry) = state.entries.get_mut(self.uri) {
            entry.file = Some(Kept { path, bytes });
            state.bytes += bytes;
        }
        Ok(())
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if let Some(entry) = state.entries.get_mut(self.uri) {
            entry.users -= 1;
        }
        state.make_room(self.cache.0.bytes_max);
    }
}

impl State {
    /// Gives up what was not wanted for longest until the rest fits, and what was never fetched.
    fn make_room(&mut self, bytes_max: u64) {
        self.entries
            .retain(|_, entry| entry.users > 0 || entry.file.is_some());
        while self.bytes > bytes_max {
            let unused = self.entries.iter().filter(|(_, entry)| entry.users == 0);
            let oldest = unused.min_by_key(|(_, entry)| entry.wanted_at);
            let Some(uri) = oldest.map(|(uri, _)| uri.clone()) else {
                return;
            };
            if let Some(Kept { path, bytes }) = self.entries.remove(&uri).and_then(|it| it.file) {
                self.bytes -= bytes;
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(?path, %error, "a cached artifact stays");
                }
            }
        }
    }
}
