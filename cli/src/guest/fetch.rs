//! Modules that the job file names by an address, and what is kept of them.
//!
//! What was fetched is kept by its digest in the folder for what can be made again, so that a job
//! that is run often fetches once. It is believed only as far as its digest says: a file that was
//! changed is fetched again.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use executor_host::modules::{
    Digest, FetchError, Fetcher, MODULE_BYTES_MAX, cache_folder, remove_least_recently_used,
};
use tracing::debug;

use crate::report::{Event, Reporter};

/// What is kept: some hundred modules of the usual size.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// Between two words about how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The bytes of that digest from an address of `http` or `https`, or kept from earlier.
pub(crate) async fn fetch(
    url: &str,
    sha256: [u8; 32],
    reporter: &Reporter,
) -> Result<Vec<u8>, FetchError> {
    let kept = Kept::of_process();
    let digest = Digest::from(sha256);
    if let Some(bytes) = kept.as_ref().and_then(|kept| kept.load(digest)) {
        return Ok(bytes);
    }
    let say = |bytes, bytes_total| {
        reporter.event(&Event::Fetching {
            module: url,
            bytes,
            bytes_total,
        });
    };
    say(0, 0);
    let said = Mutex::new(Instant::now());
    let progress = |bytes, total| {
        reporter.note(|| vec![format!("fetching {url}: {}", amount(bytes, total))]);
        let mut said = said.lock().expect("no holder of this lock panics");
        if said.elapsed() >= PROGRESS_EVERY {
            *said = Instant::now();
            say(bytes, total);
        }
    };
    let fetched = Fetcher::new()?.fetch_from(url, digest, 0, progress).await;
    reporter.end_note();
    let bytes = fetched?;
    if let Some(kept) = kept {
        kept.store(digest, &bytes);
    }
    Ok(bytes)
}

/// The bytes of that digest from a file of this machine, which agents have too.
pub(crate) async fn read(path: &Path, sha256: [u8; 32]) -> Result<Vec<u8>, FetchError> {
    let address = file_address(path);
    let fetcher = Fetcher::new()?;
    fetcher
        .fetch_from(&address, sha256.into(), 0, |_, _| {})
        .await
}

/// The address of a file on agents.
pub(crate) fn file_address(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// `1.5 of 8.0 MiB`; without the whole if it is not known.
pub(crate) fn amount(bytes: u64, total: u64) -> String {
    let mebibytes = |bytes: u64| {
        let tenths = bytes.saturating_mul(10) >> 20;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match total {
        0 => format!("{} MiB", mebibytes(bytes)),
        _ => format!("{} of {} MiB", mebibytes(bytes), mebibytes(total)),
    }
}

/// Modules that were fetched earlier, in files named by their digests.
#[derive(Debug)]
struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Nothing if the user wants nothing kept.
    fn of_process() -> Option<Self> {
        let folder = cache_folder(|name| std::env::var_os(name))?;
        Some(Self::below(&folder))
    }

    fn below(folder: &Path) -> Self {
        Self {
            folder: folder.join("fetched"),
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = format!("{}.wasm", hex::encode(digest.as_bytes()));
        self.folder.join(name)
    }

    /// The bytes, if they are there and have that digest.
    fn load(&self, digest: Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let found = fs::metadata(&path).ok()?;
        if !found.is_file() || found.len() > MODULE_BYTES_MAX {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        if Digest::of(&bytes) != digest {
            debug!(path = %path.display(), "a module that was kept has changed");
            return None;
        }
        // The last use; without it the file may go a little early.
        let file = fs::File::options().append(true).open(&path);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// Keeps the bytes. What is in the way of that costs time, next time.
    fn store(&self, digest: Digest, bytes: &[u8]) {
        let stored = self.write(digest, bytes).and_then(|()| self.prune());
        if let Err(error) = stored {
            debug!(folder = %self.folder.display(), %error, "a module was not kept");
        }
    }

    fn write(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.path(digest))?;
        Ok(())
    }

    /// Removes what was not used for longest, until the rest is within the limit.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may have removed it meanwhile.
            let Ok(found) = entry.metadata() else {
                continue;
            };
            files.push((found.modified()?, found.len(), entry.path()));
        }
        remove_least_recently_used(files, KEPT_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_believed_only_as_far_as_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::below(folder.path());
        let digest = Digest::of(b"module");
        assert_eq!(kept.load(digest), None);
        kept.store(digest, b"module");
        assert_eq!(kept.load(digest).as_deref(), Some(&b"module"[..]));
        assert_eq!(kept.load(Digest::of(b"other")), None);
        fs::write(kept.path(digest), b"edited").unwrap();
        assert_eq!(kept.load(digest), None);
        kept.store(digest, b"module");
        assert_eq!(kept.load(digest).as_deref(), Some(&b"module"[..]));
        // Nothing unfinished is left.
        assert_eq!(fs::read_dir(&kept.folder).unwrap().count(), 1);
    }

    #[test]
    fn amounts_are_told_in_mebibytes() {
        assert_eq!(amount(3 << 19, 8 << 20), "1.5 of 8.0 MiB");
        assert_eq!(amount(100, 0), "0.0 MiB");
        assert_eq!(
            amount(u64::MAX, u64::MAX),
            "1759218604441.5 of 1759218604441.5 MiB"
        );
    }
}
