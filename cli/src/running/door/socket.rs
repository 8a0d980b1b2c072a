//! The private socket of a running job: made without taking that of another one.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use tracing::debug;

use crate::running::place;

/// How often a socket is tried whose folder goes away: each time another job must end just then.
const BIND_TRIES_MAX: u32 = 16;

/// So many jobs of one name and process there can be: each in another container, all of which share
/// the folder.
const NUMBER_MAX: u32 = 64;

/// How often a name is tried under which to make a socket: each time another one has it.
const UNSEEN_TRIES_MAX: u32 = 16;

/// The private socket. It is there once it can be connected to: others remove one that cannot.
pub(super) async fn bind(
    folder: &Path,
    job: &str,
) -> Result<(PathBuf, UnixListener), anyhow::Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match make_and_bind(folder, job).await {
            // A job that has ended has taken the empty folder away meanwhile.
            Err(error) if is_gone(&error) && tries < BIND_TRIES_MAX => {}
            bound => return bound,
        }
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|it| it.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::NotFound)
}

async fn make_and_bind(folder: &Path, job: &str) -> Result<(PathBuf, UnixListener), anyhow::Error> {
    place::make(folder, job)?;
    place::remove_unseen(folder).await?;
    bind_in(folder, job).await
}

/// Under the first name that no other job has.
async fn bind_in(folder: &Path, job: &str) -> Result<(PathBuf, UnixListener), anyhow::Error> {
    let (unseen, listener) = Unseen::bind(folder)?;
    let mut number = 1;
    while number <= NUMBER_MAX {
        let path = place::socket(folder, job, number)?;
        match fs::hard_link(&unseen.0, &path) {
            Ok(()) => return Ok((path, listener)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // One that was left behind by a process of our number.
                if !place::remove_deserted(&path).await? {
                    number += 1;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(anyhow!(
        "{NUMBER_MAX} jobs of this name and process have their sockets in `{}`",
        folder.display()
    ))
}

/// A socket under a name that nobody looks for, for as long as this is there.
struct Unseen(PathBuf);

impl Unseen {
    fn bind(folder: &Path) -> io::Result<(Self, UnixListener)> {
        let mut tries = 0;
        let (unseen, listener) = loop {
            tries += 1;
            let path = place::unseen(folder)?;
            match UnixListener::bind(&path) {
                Ok(listener) => break (Self(path), listener),
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && tries < UNSEEN_TRIES_MAX => {}
                Err(error) => return Err(error),
            }
        };
        // Nobody else can enter the folder; this is for those who look.
        fs::set_permissions(&unseen.0, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok((unseen, listener))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            debug!(%error, "the name under which a socket was made was gone already");
        }
    }
}

/// Takes the socket away, and the folder if it was the last.
pub(super) fn remove(socket: &Path) {
    if let Err(error) = fs::remove_file(socket) {
        debug!(%error, "the socket was gone already");
    }
    if let Some(folder) = socket.parent() {
        // Sockets of other jobs are there, mostly.
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Whether somebody who connects there comes to this listener.
    fn leads_to(path: &Path, listener: &UnixListener) -> bool {
        let _stream = UnixStream::connect(path).unwrap();
        listener.accept().is_ok()
    }

    #[tokio::test]
    async fn jobs_of_one_name_and_process_have_a_socket_each() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        let pid = std::process::id();
        let (first, one) = bind(&folder, "elevator").await.unwrap();
        let (second, two) = bind(&folder, "elevator").await.unwrap();
        let expected = [
            format!("elevator@{pid}.2.sock"),
            format!("elevator@{pid}.sock"),
        ];
        assert_eq!(names(&folder), expected);
        assert!(leads_to(&first, &one) && leads_to(&second, &two));
        assert_eq!(place::sockets(&folder).unwrap(), [&*second, &*first]);

        // Each takes away its own one.
        remove(&second);
        assert!(leads_to(&first, &one));
        remove(&first);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn the_name_of_a_job_that_was_killed_is_free() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        let (deserted, listener) = bind(&folder, "elevator").await.unwrap();
        drop(listener);
        let (path, listener) = bind(&folder, "elevator").await.unwrap();
        assert_eq!(path, deserted);
        assert!(leads_to(&path, &listener));
        assert_eq!(names(&folder).len(), 1);
    }

    #[tokio::test]
    async fn what_a_job_left_that_was_killed_while_it_began_is_taken_away() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        place::make(&folder, "elevator").unwrap();
        let left = place::unseen(&folder).unwrap();
        drop(UnixListener::bind(&left).unwrap());
        let (begins, _listener) = Unseen::bind(&folder).unwrap();
        let (path, _job) = bind(&folder, "elevator").await.unwrap();
        // That of another one which begins just now stays.
        assert!(!left.exists() && begins.0.exists() && path.exists());
    }

    #[test]
    fn a_socket_can_be_made_wherever_its_name_has_room() {
        let top = tempfile::tempdir().unwrap();
        let shortest = place::socket(top.path(), "e", 1).unwrap();
        let unseen = place::unseen(top.path()).unwrap();
        assert!(unseen.as_os_str().len() < shortest.as_os_str().len());
    }

    #[test]
    fn a_folder_that_is_gone_is_seen_behind_what_is_said_of_it() {
        let failed = |kind: io::ErrorKind| {
            anyhow::Error::from(place::PlaceError::Make {
                path: PathBuf::from("/run/mesosgot"),
                source: kind.into(),
            })
        };
        assert!(is_gone(&failed(io::ErrorKind::NotFound)));
        assert!(is_gone(&io::Error::from(io::ErrorKind::NotFound).into()));
        assert!(!is_gone(&failed(io::ErrorKind::PermissionDenied)));
    }

    #[tokio::test]
    async fn many_at_once_get_a_name_each() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        // One that is left behind is in the way of all of them.
        drop(bind(&folder, "elevator").await.unwrap());
        let jobs = (0..16).map(|_| {
            let folder = folder.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(bind(&folder, "elevator")).unwrap()
            })
        });
        let jobs: Vec<_> = jobs.collect();
        let bound: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
        for (path, listener) in &bound {
            assert!(leads_to(path, listener), "{}", path.display());
        }
    }

    #[tokio::test]
    async fn there_is_a_bound_on_jobs_of_one_name_and_process() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("run");
        let mut bound = Vec::new();
        for _ in 0..NUMBER_MAX {
            bound.push(bind(&folder, "elevator").await.unwrap());
        }
        let error = bind(&folder, "elevator").await.unwrap_err().to_string();
        assert!(error.starts_with("64 jobs of this name"), "{error}");
        assert_eq!(names(&folder).len(), bound.len());
    }
}
