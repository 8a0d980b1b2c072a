//! Where running jobs can be found: a folder of the user's with a socket for each.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use executor_host::output::clean;
use rustix::process::geteuid;
use thiserror::Error;

/// Names the folder for what runs, by the XDG base directory specification.
const RUNTIME_VARIABLE: &str = "XDG_RUNTIME_DIR";

/// How sockets end.
const SUFFIX: &str = ".sock";

/// So much of a job's name is in that of its socket: an address of a socket has 107 bytes at most
/// (`unix(7)`), and the folder needs some of them.
const NAME_BYTES_MAX: usize = 40;

/// The longest path that an address of a socket has room for, without the zero at its end.
const PATH_BYTES_MAX: usize = 107;

/// Only the user may enter the folder.
const FOLDER_MODE: u32 = 0o700;

/// Why there is no place for sockets.
#[derive(Debug, Error)]
pub(crate) enum PlaceError {
    /// There is something else.
    #[error("`{}` is not a folder of this user alone", path.display())]
    NotPrivate { path: PathBuf },
    /// The path does not fit into an address.
    #[error(
        "`{}` is longer than the {PATH_BYTES_MAX} bytes that an address of a socket can have; set `{RUNTIME_VARIABLE}` to a shorter folder",
        path.display()
    )]
    TooLong { path: PathBuf },
    /// The system says why.
    #[error("failed to make `{}`", path.display())]
    Make { path: PathBuf, source: io::Error },
}

/// The folder: in the user's run directory, or among temporary files where there is none.
pub(crate) fn folder() -> PathBuf {
    let runtime = std::env::var_os(RUNTIME_VARIABLE).map(PathBuf::from);
    // Whoever became another user by `su` may have the variable without the folder.
    match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => runtime.join("mesosgot"),
        None => std::env::temp_dir().join(format!("mesosgot-{}", geteuid().as_raw())),
    }
}

/// Where the socket of this process is to be. The folder is there afterwards, and nobody else can
/// enter it.
///
/// # Errors
/// When that cannot be had: others could have made a folder of that name among temporary files.
pub(super) fn make(folder: &Path, job: &str) -> Result<PathBuf, PlaceError> {
    let name = &job[..job.floor_char_boundary(NAME_BYTES_MAX)];
    let path = folder.join(format!("{name}@{}{SUFFIX}", std::process::id()));
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(PlaceError::TooLong { path });
    }
    let made = DirBuilder::new().mode(FOLDER_MODE).create(folder);
    if let Err(source) = made
        && source.kind() != io::ErrorKind::AlreadyExists
    {
        let path = folder.to_owned();
        return Err(PlaceError::Make { path, source });
    }
    match is_private(folder) {
        Ok(true) => Ok(path),
        Ok(false) => Err(PlaceError::NotPrivate {
            path: folder.to_owned(),
        }),
        Err(source) => Err(PlaceError::Make {
            path: folder.to_owned(),
            source,
        }),
    }
}

/// Whether it is a folder, no link to one, that belongs to the user and lets nobody else in.
fn is_private(folder: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(folder)?;
    let is_ours = metadata.uid() == geteuid().as_raw();
    Ok(metadata.is_dir() && is_ours && metadata.mode() & 0o077 == 0)
}

/// All sockets of jobs in the folder, those that nobody answers any more among them.
///
/// # Errors
/// When the folder cannot be read, or others could have put sockets there.
pub(super) fn sockets(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if !is_private(folder)? {
        let text = format!("`{}` is not a folder of this user alone", folder.display());
        return Err(io::Error::other(text));
    }
    let mut sockets = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if job_of(&path).is_some() && is_socket(&path) {
            sockets.push(path);
        }
    }
    sockets.sort();
    Ok(sockets)
}

/// Whether it is a socket of the user's, no link to one. One that has just gone is none.
fn is_socket(path: &Path) -> bool {
    let metadata = fs::symlink_metadata(path);
    metadata.is_ok_and(|it| it.file_type().is_socket() && it.uid() == geteuid().as_raw())
}

/// The name of the job whose socket it is, or the beginning of a long one, and its process.
pub(super) fn job_of(socket: &Path) -> Option<(String, u32)> {
    let name = socket.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let (job, pid) = name.rsplit_once('@')?;
    Some((clean(job.as_bytes()), pid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_folder_lets_nobody_else_in() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        let socket = make(&folder, "elevator").unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let name = format!("elevator@{}.sock", std::process::id());
        assert_eq!(socket, folder.join(name));
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(sockets(&folder).unwrap(), std::slice::from_ref(&socket));
        assert_eq!(
            job_of(&socket),
            Some(("elevator".to_owned(), std::process::id()))
        );
    }

    #[test]
    fn what_is_no_socket_of_a_job_is_not_asked() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        make(&folder, "elevator").unwrap();
        let elsewhere = top.path().join("planted@1.sock");
        let _planted = UnixListener::bind(&elsewhere).unwrap();
        symlink(&elsewhere, folder.join("planted@1.sock")).unwrap();
        fs::write(folder.join("file@2.sock"), "").unwrap();
        let _unnamed = UnixListener::bind(folder.join("unnamed.sock")).unwrap();
        let _other = UnixListener::bind(folder.join("other@3")).unwrap();
        assert_eq!(sockets(&folder).unwrap(), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn a_folder_that_others_may_have_made_is_not_used() {
        let top = tempfile::tempdir().unwrap();
        let open = top.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let error = make(&open, "elevator").unwrap_err();
        assert!(matches!(error, PlaceError::NotPrivate { .. }), "{error}");
        assert!(sockets(&open).is_err());

        let link = top.path().join("link");
        let private = top.path().join("private");
        DirBuilder::new().mode(0o700).create(&private).unwrap();
        symlink(&private, &link).unwrap();
        let error = make(&link, "elevator").unwrap_err();
        assert!(matches!(error, PlaceError::NotPrivate { .. }), "{error}");
    }

    #[test]
    fn where_nothing_runs_there_are_no_sockets() {
        let top = tempfile::tempdir().unwrap();
        assert!(sockets(&top.path().join("run")).unwrap().is_empty());
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_named() {
        let folder = PathBuf::from("/").join("x".repeat(100));
        let text = make(&folder, "elevator").unwrap_err().to_string();
        assert!(text.contains("XDG_RUNTIME_DIR"), "{text}");
    }
}
