//! Brings the artifacts of a command into a sandbox (PROTOCOL §11.5).
//!
//! One URI after the other, each tried once. Taken are paths, `file://`, `http://` and `https://`;
//! archives are unpacked where Mesos would, if they are tar, gzip or zip. What it does not know it
//! refuses by name: an archive that silently stays packed would fail later and elsewhere. Nothing
//! is ever written outside the sandbox. How large an artifact is, is not bounded, as in Mesos.

mod archive;
mod cache;

use std::fs::{self, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use mesos::v1::command_info::Uri;
use thiserror::Error;

use self::archive::Archive;
pub(crate) use self::cache::Cache;

/// How long a server may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a download may bring nothing at all; Mesos' `fetcher_stall_timeout` has this default.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);

/// How much of a file is copied at once: some milliseconds of work, which is how long a container
/// that is to be destroyed then has to wait for it.
const CHUNK_BYTES: u64 = 4 << 20;

/// Why an artifact is not in the sandbox.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("the URI `{0}` has no file name")]
    NoName(String),
    #[error("the URI `{0}` is a relative path, and this agent has no `frameworks_home`")]
    RelativePath(String),
    #[error("the scheme of the URI `{0}` is not supported; use a path, `file`, `http` or `https`")]
    UnsupportedScheme(String),
    #[error("the output file `{0}` does not stay in the sandbox")]
    OutputFile(String),
    #[error("failed to copy `{uri}`")]
    Copy { uri: String, source: io::Error },
    #[error("failed to download `{uri}`")]
    Download { uri: String, source: DownloadError },
    #[error(
        "`{0}` is an archive of a kind that this agent does not unpack; use tar, tar.gz or zip, or set `extract` to false"
    )]
    UnsupportedArchive(String),
    #[error("failed to unpack `{name}`")]
    Unpack { name: String, source: io::Error },
    #[error("failed to make `{name}` executable")]
    MakeExecutable { name: String, source: io::Error },
}

/// Why a download failed.
#[derive(Debug, Error)]
pub(crate) enum DownloadError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the server answered {0} where 200 was expected")]
    Status(reqwest::StatusCode),
    #[error("failed to write to the sandbox")]
    Write(#[from] io::Error),
}

/// Brings one artifact into a directory. Dropped, it leaves what it has written so far.
///
/// It reads and writes files in place, and unpacks an archive in one go: this is for a thread of
/// its own.
///
/// # Errors
/// Anything that keeps it from being there in full.
pub(crate) async fn fetch(uri: &Uri, directory: &Path, cache: &Cache) -> Result<(), FetchError> {
    let source = Source::parse(&uri.value)?;
    let name = match uri.output_file.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => stays_inside(name).ok_or_else(|| FetchError::OutputFile(name.to_owned()))?,
        None => PathBuf::from(source.name(&uri.value)?),
    };
    let target = directory.join(&name);
    let failed = |source| FetchError::Copy {
        uri: uri.value.clone(),
        source,
    };
    if let Some(parent) = target.parent() {
        if !leads_inside(parent, directory).map_err(failed)? {
            return Err(FetchError::OutputFile(name.display().to_string()));
        }
        fs::create_dir_all(parent).map_err(failed)?;
    }
    if uri.cache() {
        let wanted = cache.want(&uri.value);
        let turn = wanted.turn().await;
        let kept = match wanted.kept() {
            Some(kept) => kept,
            None => {
                let place = wanted.place().map_err(failed)?;
                bring(source, uri, &place).await?;
                wanted.keep(&place).map_err(failed)?;
                place
            }
        };
        drop(turn);
        copy(&kept, &target).await.map_err(failed)?;
    } else {
        bring(source, uri, &target).await?;
    }
    let name = name.display().to_string();
    if uri.executable() {
        let mode = Permissions::from_mode(0o755);
        return fs::set_permissions(&target, mode)
            .map_err(|source| FetchError::MakeExecutable { name, source });
    }
    if !uri.extract() {
        return Ok(());
    }
    match Archive::by_name(&name) {
        None => Ok(()),
        Some(Archive::Unsupported) => Err(FetchError::UnsupportedArchive(name)),
        Some(archive) => archive
            .unpack(&target)
            .map_err(|source| FetchError::Unpack { name, source }),
    }
}

/// Brings one artifact to a place.
async fn bring(source: Source<'_>, uri: &Uri, target: &Path) -> Result<(), FetchError> {
    let uri = uri.value.clone();
    match source {
        Source::Path(path) => copy(path, target)
            .await
            .map_err(|source| FetchError::Copy { uri, source }),
        Source::Http(url) => download(url, target)
            .await
            .map_err(|source| FetchError::Download { uri, source }),
    }
}

/// Where an artifact comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source<'a> {
    Path(&'a Path),
    Http(&'a str),
}

impl<'a> Source<'a> {
    fn parse(uri: &'a str) -> Result<Self, FetchError> {
        if let Some(path) = uri.strip_prefix("file://") {
            // The authority can be empty or this machine.
            let path = path.strip_prefix("localhost").unwrap_or(path);
            return if path.starts_with('/') {
                Ok(Self::Path(Path::new(path)))
            } else {
                Err(FetchError::UnsupportedScheme(uri.to_owned()))
            };
        }
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return Ok(Self::Http(uri));
        }
        if uri.contains("://") {
            return Err(FetchError::UnsupportedScheme(uri.to_owned()));
        }
        if uri.starts_with('/') {
            return Ok(Self::Path(Path::new(uri)));
        }
        Err(FetchError::RelativePath(uri.to_owned()))
    }

    /// The name that the artifact gets when none was asked for: all behind the last slash of the
    /// path; as in Mesos a query is part of it.
    fn name(self, uri: &'a str) -> Result<&'a str, FetchError> {
        let path = match self {
            Self::Path(path) => path.to_str().unwrap_or_default(),
            Self::Http(url) => {
                let host = url.split_once("://").map_or(url, |(_, rest)| rest);
                host.find('/').map_or("", |slash| &host[slash..])
            }
        };
        match path.rsplit('/').next() {
            Some("" | "." | "..") | None => Err(FetchError::NoName(uri.to_owned())),
            Some(name) => Ok(name),
        }
    }
}

/// The path, if it is relative and has no way up in it.
fn stays_inside(path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (inside && path.file_name().is_some()).then(|| path.to_owned())
}

/// Whether a path, as far as it exists, leads to a place inside a directory: an archive that was
/// unpacked before can have left links.
fn leads_inside(path: &Path, directory: &Path) -> io::Result<bool> {
    let existing = path
        .ancestors()
        .find(|part| part.symlink_metadata().is_ok())
        .unwrap_or(directory);
    Ok(existing
        .canonicalize()?
        .starts_with(directory.canonicalize()?))
}

/// Copies a file; never through a link that an earlier artifact may have left at the target.
/// Between chunks it can be dropped.
async fn copy(from: &Path, to: &Path) -> io::Result<()> {
    // Looked at before it is opened: opening a FIFO waits for who writes to it.
    let metadata = fs::metadata(from)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        let text = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut from = fs::File::open(from)?;
    let mut to = create(to)?;
    while io::copy(&mut (&mut from).take(CHUNK_BYTES), &mut to)? > 0 {
        tokio::task::yield_now().await;
    }
    to.set_permissions(metadata.permissions())
}

/// Makes a new file in the place of whatever is there.
fn create(path: &Path) -> io::Result<fs::File> {
    remove(path)?;
    fs::File::create_new(path)
}

/// Takes away what is at a path, if anything is.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn download(url: &str, to: &Path) -> Result<(), DownloadError> {
    let response = client(url)?.get(url).send().await?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(DownloadError::Status(response.status()));
    }
    let mut file = create(to)?;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        file.write_all(&piece?)?;
    }
    Ok(())
}

fn client(url: &str) -> reqwest::Result<reqwest::Client> {
    // Whoever was first has chosen, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(STALL_TIMEOUT);
    // A proxy for the world outside cannot reach this machine's loopback.
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    // The certificates of the machine, which may have none, are needed for `https` only.
    if url.starts_with("http://") {
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests;
