//! Unpacks archives beside themselves, as the fetcher of Mesos does.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::leads_inside;

/// A kind of archive, told by the name of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archive {
    Tar,
    TarGz,
    /// One compressed file.
    Gz,
    Zip,
    /// One that Mesos unpacks and we do not: bzip2 and xz are too rare to be worth a library each.
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
            (".zip", Archive::Zip),
            (".tar.bz2", Archive::Unsupported),
            (".tbz2", Archive::Unsupported),
            (".tar.xz", Archive::Unsupported),
            (".txz", Archive::Unsupported),
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
            Self::Zip => unzip(file, directory),
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
            return Err(leaves_sandbox(&name));
        }
    }
    Ok(())
}

/// The same for the other kind.
fn unzip(archive: File, directory: &Path) -> io::Result<()> {
    let mut archive = ZipArchive::new(archive)?;
    for index in 0..archive.len() {
        unzip_entry(archive.by_index(index)?, directory)?;
    }
    Ok(())
}

fn unzip_entry(mut entry: ZipFile<'_, File>, directory: &Path) -> io::Result<()> {
    let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    let inside = entry.enclosed_name();
    let target = inside.map(|path| directory.join(path));
    let target = target.ok_or_else(|| leaves_sandbox(&name))?;
    let folder = match entry.is_dir() {
        true => Some(target.as_path()),
        false => target.parent(),
    };
    let folder = folder.unwrap_or(directory);
    // An entry before this one can have been a link.
    if !leads_inside(folder, directory)? {
        return Err(leaves_sandbox(&name));
    }
    fs::create_dir_all(folder)?;
    if entry.is_dir() {
        return Ok(());
    }
    if entry.is_symlink() {
        let mut text = String::new();
        entry
            .by_ref()
            .take(LINK_BYTES_MAX)
            .read_to_string(&mut text)?;
        super::remove(&target)?;
        return symlink(text, target);
    }
    let mut file = super::create(&target)?;
    io::copy(&mut entry, &mut file)?;
    match entry.unix_mode() {
        Some(mode) => file.set_permissions(Permissions::from_mode(mode & 0o777)),
        None => Ok(()),
    }
}

/// What Linux takes as the target of a link.
const LINK_BYTES_MAX: u64 = 4096;

fn leaves_sandbox(name: &str) -> io::Error {
    let text = format!("the entry `{name}` would leave the sandbox");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
