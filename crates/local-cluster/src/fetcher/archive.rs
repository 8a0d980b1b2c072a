//! Unpacks archives beside themselves, as the fetcher of Mesos does.

use std::fs::File;
use std::io;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// A kind of archive, told by the name of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archive {
    Tar,
    TarGz,
    /// One compressed file.
    Gz,
    /// One that Mesos unpacks and we do not.
    Unsupported,
}

impl Archive {
    /// What Mesos takes a file for; `None` is no archive.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        const SUFFIXES: [(&str, Archive); 10] = [
            (".tar", Archive::Tar),
            (".tar.gz", Archive::TarGz),
            (".tgz", Archive::TarGz),
            (".gz", Archive::Gz),
            (".tar.bz2", Archive::Unsupported),
            (".tbz2", Archive::Unsupported),
            (".tar.xz", Archive::Unsupported),
            (".txz", Archive::Unsupported),
            (".zip", Archive::Unsupported),
            (".bz2", Archive::Unsupported),
        ];
        SUFFIXES
            .into_iter()
            .find_map(|(suffix, archive)| name.ends_with(suffix).then_some(archive))
    }

    /// Unpacks a file into its own directory and keeps it.
    pub(super) fn unpack(self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        match self {
            Self::Tar => untar(file, directory),
            Self::TarGz => untar(MultiGzDecoder::new(file), directory),
            Self::Gz => {
                let mut target = super::create(&path.with_extension(""))?;
                io::copy(&mut MultiGzDecoder::new(file), &mut target)?;
                Ok(())
            }
            Self::Unsupported => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Unpacks entry by entry; one that would land outside is an error, not merely left out.
fn untar(archive: impl io::Read, directory: &Path) -> io::Result<()> {
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.unpack_in(directory)? {
            let text = format!("the entry `{name}` would leave the sandbox");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
    Ok(())
}
