//! The socket in the file system at which an agent serves its executors (PROTOCOL §9.2).

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// A socket that is listened at. Dropped, it is taken out of the file system.
#[derive(Debug)]
pub(super) struct DomainSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl DomainSocket {
    /// Listens at a path, in the place of a socket that somebody has left there.
    ///
    /// # Errors
    /// When something else is there, when its folder cannot be made, or when the path is too long
    /// for a socket.
    pub(super) fn listen(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let is_socket = |found: fs::Metadata| found.file_type().is_socket();
        if fs::symlink_metadata(path).is_ok_and(is_socket) {
            fs::remove_file(path)?;
        }
        Ok(Self {
            listener: UnixListener::bind(path)?,
            path: path.to_owned(),
        })
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for DomainSocket {
    fn drop(&mut self) {
        // Whoever has taken it away has done what is wanted.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_takes_the_place_of_one_that_was_left_and_of_nothing_else() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("run/agent.sock");
        let first = DomainSocket::listen(&path).expect("a socket");
        // As after SIGKILL.
        std::mem::forget(first);
        let second = DomainSocket::listen(&path).expect("another socket");
        drop(second);
        assert!(!path.exists());
        fs::write(&path, "text").expect("a file");
        assert!(DomainSocket::listen(&path).is_err());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "text");
    }
}
