//! Which program agents start as executor, and from where they have it.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use framework::ExecutorProgram;
use job::{Executor, ExecutorBinary};

use crate::EXECUTOR;
use crate::commands::Failure;
use crate::doctor::ExecutorFact;
use crate::exit::Exit;

/// The executor alone, which is smaller than this program.
const EXECUTOR_NAME: &str = "mesosgot-executor";

/// The largest program that is served: each agent copies it into a sandbox for each executor.
const PROGRAM_BYTES_MAX: u64 = 512 << 20;

/// What agents start. Those of an embedded cluster are on this machine and need not fetch it.
///
/// # Errors
/// When there is no such program, or an embedded cluster cannot start it as wanted.
pub(super) fn program(
    executor: &Executor,
    folder: &Path,
    is_embedded: bool,
) -> Result<ExecutorProgram, Failure> {
    if let Some(image) = executor.image.as_ref().filter(|_| is_embedded) {
        let error = anyhow!("the embedded cluster cannot start an executor in image `{image}`");
        return Err(Failure::new(Exit::Usage, error)
            .with_help("leave out `executor.image`, or name a cluster whose agents have images"));
    }
    // `mesosgot` takes it as its command; the executor alone takes no notice.
    let args = vec![EXECUTOR.to_owned()];
    let installed = |path: String| ExecutorProgram::Installed(vec![path, EXECUTOR.to_owned()]);
    match &executor.binary {
        ExecutorBinary::Serve if is_embedded => {
            let path = own_program()?.into_os_string().into_string();
            let path = path.map_err(|path| {
                let error = anyhow!("the path of this program is not UTF-8: {}", path.display());
                Failure::new(Exit::Failure, error).with_help("put it at a path that is text")
            })?;
            Ok(installed(path))
        }
        ExecutorBinary::Path(path) => Ok(installed(path.clone())),
        ExecutorBinary::Url { url, sha256 } => Ok(ExecutorProgram::Fetched {
            uri: url.clone(),
            sha256: *sha256,
            args,
        }),
        ExecutorBinary::Serve => {
            let this = own_program()?;
            let alone = this.with_file_name(EXECUTOR_NAME);
            // One of another version would not understand us.
            match read(&alone) {
                Ok(bytes) if is_of_this_version(&bytes) => Ok(served(&alone, bytes, args)),
                _ => {
                    let bytes = read(&this).map_err(|error| unreadable(&this, error))?;
                    Ok(served(&this, bytes, args))
                }
            }
        }
        ExecutorBinary::ServeFile(file) => {
            let path = folder.join(file);
            let bytes = read(&path).map_err(|error| unreadable(&path, error))?;
            Ok(served(&path, bytes, args))
        }
    }
}

/// The same for who only wants to know what it is.
pub(crate) fn fact(
    executor: &Executor,
    folder: &Path,
    is_embedded: bool,
) -> Result<ExecutorFact, Failure> {
    Ok(match program(executor, folder, is_embedded)? {
        ExecutorProgram::Installed(words) => {
            ExecutorFact::Installed(words.into_iter().next().unwrap_or_default())
        }
        ExecutorProgram::Fetched { uri, sha256, .. } => ExecutorFact::Fetched {
            uri,
            has_digest: sha256.is_some(),
        },
        ExecutorProgram::Served { bytes, .. } => ExecutorFact::Served {
            is_of_this_version: is_of_this_version(&bytes),
            bytes: bytes.len() as u64,
        },
    })
}

fn served(path: &Path, bytes: Vec<u8>, args: Vec<String>) -> ExecutorProgram {
    tracing::info!(path = %path.display(), bytes = bytes.len(), "agents fetch the executor from us");
    let bytes = bytes.into();
    ExecutorProgram::Served { bytes, args }
}

/// The bytes of a program.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if metadata.len() > PROGRAM_BYTES_MAX {
        let text = format!(
            "it has {} bytes, at most {PROGRAM_BYTES_MAX} are served",
            metadata.len()
        );
        return Err(io::Error::other(text));
    }
    let bytes = std::fs::read(path)?;
    if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"#!") {
        return Ok(bytes);
    }
    Err(io::Error::other("it is not a program for Linux"))
}

fn unreadable(path: &Path, error: io::Error) -> Failure {
    let error = anyhow::Error::from(error);
    let error = error.context(format!("failed to read the executor `{}`", path.display()));
    Failure::new(Exit::Failure, error).with_help(
        "agents are served this program, or the one that `executor.binary` names: a program for \
         Linux that can be read here",
    )
}

/// Whether the executor is built from the same version as this program.
fn is_of_this_version(executor: &[u8]) -> bool {
    let mark = executor_host::VERSION_MARK.as_bytes();
    executor.windows(mark.len()).any(|bytes| bytes == mark)
}

/// This program, which is an executor too.
fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .context("failed to find this program, which agents start as executor")
        .map_err(|error| Failure::new(Exit::Failure, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).err().map(|error| error.to_string())
        };
        assert_eq!(refused(b"#!/bin/sh\n"), None);
        assert_eq!(refused(b"\x7fELF and more"), None);
        let text = Some("it is not a program for Linux".to_owned());
        assert_eq!(refused(b"PK"), text);
        assert_eq!(refused(b""), text);
        let text = read(folder.path()).unwrap_err().to_string();
        assert_eq!(text, "it is not a file");
    }

    #[test]
    fn an_executor_is_known_by_its_version() {
        let mark = executor_host::VERSION_MARK;
        assert!(is_of_this_version(format!("\x7fELF…{mark}…").as_bytes()));
        assert!(!is_of_this_version(b"\x7fELF"));
        assert!(mark.contains(env!("CARGO_PKG_VERSION")), "{mark}");
    }
}
