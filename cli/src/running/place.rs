//! Where running jobs can be found: a folder of the user's with a socket for each.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use executor_host::output::clean;
use rustix::process::geteuid;
use thiserror::Error;
use tokio::net::UnixStream;

/// Names the folder for what runs, by the XDG base directory specification.
const RUNTIME_VARIABLE: &str = "XDG_RUNTIME_DIR";

/// How sockets end.
const SUFFIX: &str = ".sock";

/// So much of a job's name is in that of its socket: an address of a socket has 107 bytes at most
/// (`unix(7)`), and the folder needs some of them.
const NAME_BYTES_MAX: usize = 40;

/// The longest path that an address of a socket has room for, without the zero at its end.
const PATH_BYTES_MAX: usize = 107;

/// So much chance is in the name of a socket that is being made: in hexadecimal digits it is shorter
/// than any name that a socket is to have, so an address has room for it as well.
const UNSEEN_BYTES: usize = 3;

/// Only the user may enter the folder.
const FOLDER_MODE: u32 = 0o700;

/// Why there is no place for sockets.
#[derive(Debug, Error)]
pub(crate) enum PlaceError {
    /// There is something else.
    #[error(
        "`{}` is not a folder of this user alone; remove it, or set `{RUNTIME_VARIABLE}` to a folder of your own",
        path.display()
    )]
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

/// Where the socket of a job of this process is to be. The first number is 1; another container that
/// shares the folder may have a process of our number, whose job has our name.
///
/// # Errors
/// When the path is too long.
pub(super) fn socket(folder: &Path, job: &str, number: u32) -> Result<PathBuf, PlaceError> {
    let name = &job[..job.floor_char_boundary(NAME_BYTES_MAX)];
    let process = process(std::process::id(), number);
    let path = folder.join(format!("{name}@{process}{SUFFIX}"));
    match path.as_os_str().len() > PATH_BYTES_MAX {
        true => Err(PlaceError::TooLong { path }),
        false => Ok(path),
    }
}

/// How a process is called behind the `@`: `7`, and `7.2` where that is another one's name already.
pub(super) fn process(pid: u32, number: u32) -> String {
    match number {
        1 => pid.to_string(),
        number => format!("{pid}.{number}"),
    }
}

/// Sees to it that the folder is there and nobody else can enter it, nor that a job's socket has a
/// path which is too long.
///
/// # Errors
/// When that cannot be had: others could have made a folder of that name among temporary files.
pub(super) fn make(folder: &Path, job: &str) -> Result<(), PlaceError> {
    socket(folder, job, 1)?;
    let made = DirBuilder::new().mode(FOLDER_MODE).create(folder);
    if let Err(source) = made
        && source.kind() != io::ErrorKind::AlreadyExists
    {
        let path = folder.to_owned();
        return Err(PlaceError::Make { path, source });
    }
    match is_private(folder) {
        Ok(true) => Ok(()),
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
    match is_private(folder) {
        Ok(true) => {}
        Ok(false) => {
            let text = format!("`{}` is not a folder of this user alone", folder.display());
            return Err(io::Error::other(text));
        }
        // The last job has ended meanwhile, and has taken it away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let mut sockets = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if owner(&path).is_some() && is_socket(&path) {
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

/// Whose socket it is, as its path says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The name of the job, or the beginning of a long one.
    pub(super) job: String,
    pub(super) pid: u32,
    /// Which of those that have this name and process.
    pub(super) number: u32,
}

/// Whose socket it is.
pub(super) fn owner(socket: &Path) -> Option<Owner> {
    let name = socket.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let (job, process) = name.rsplit_once('@')?;
    let (pid, number) = process.split_once('.').unwrap_or((process, "1"));
    Some(Owner {
        job: clean(job.as_bytes()),
        pid: pid.parse().ok()?,
        number: number.parse().ok()?,
    })
}

/// Takes a socket away that no process has any more; answers whether it did.
///
/// # Errors
/// When the system does not let us.
pub(super) async fn remove_deserted(socket: &Path) -> io::Result<bool> {
    let Some(folder) = socket.parent() else {
        return Ok(false);
    };
    // Between looking and removing nobody else may do so, or what is removed could be the socket of
    // a job that has begun meanwhile. Whoever finds it locked leaves it to others.
    let folder = File::open(folder)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if !is_deserted(socket).await {
        return Ok(false);
    }
    fs::remove_file(socket)?;
    Ok(true)
}

/// A path for a socket that is being made. Nobody looks for a job there.
///
/// # Errors
/// When the system has no chance to give.
pub(super) fn unseen(folder: &Path) -> io::Result<PathBuf> {
    let name = hex::encode(framework::unguessable::<UNSEEN_BYTES>()?);
    Ok(folder.join(name))
}

fn is_unseen(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    name.is_some_and(|name| name.len() == 2 * UNSEEN_BYTES && name.bytes().all(is_digit))
}

/// Takes away what jobs have left behind that were killed while they made their sockets.
///
/// # Errors
/// When the system does not let us.
pub(super) async fn remove_unseen(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // One that is taken away between its being bound and listened to is made again.
        if is_unseen(&path) && is_socket(&path) {
            remove_deserted(&path).await?;
        }
    }
    Ok(())
}

/// Whether no process has the socket any more.
pub(super) async fn is_deserted(socket: &Path) -> bool {
    // A process that is stopped with many who wait for it holds nobody up here.
    let connected = UnixStream::connect(socket).await;
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
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
        make(&folder, "elevator").unwrap();
        let socket = socket(&folder, "elevator", 1).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let name = format!("elevator@{}.sock", std::process::id());
        assert_eq!(socket, folder.join(name));
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(sockets(&folder).unwrap(), std::slice::from_ref(&socket));
        assert_eq!(
            owner(&socket),
            Some(Owner {
                job: "elevator".to_owned(),
                pid: std::process::id(),
                number: 1,
            })
        );
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = Path::new("/run");
        let second = socket(folder, "elevator", 2).unwrap();
        let name = format!("elevator@{}.2.sock", std::process::id());
        assert_eq!(second, folder.join(name));
        assert_eq!(owner(&second).unwrap().number, 2);
        let third = owner(Path::new("/run/a@b@7.3.sock")).unwrap();
        assert_eq!((&*third.job, third.pid, third.number), ("a@b", 7, 3));
        for wrong in [
            "a.sock",
            "a@.sock",
            "a@7.sock.new",
            "a@7.x.sock",
            "a@x.2.sock",
        ] {
            assert_eq!(owner(Path::new(wrong)), None, "{wrong}");
        }
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
