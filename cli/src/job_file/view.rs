//! The page of a job's own, which the dashboard shows beside.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use job::VIEW_BYTES_MAX;
use thiserror::Error;

/// Why a file is no view.
#[derive(Debug, Error)]
pub(super) enum ViewError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("it is not a file")]
    NotAFile,
    #[error("it is larger than {VIEW_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it is not UTF-8")]
    NotUtf8,
}

impl ViewError {
    /// What the user can do about it.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Read(_) | Self::NotAFile => None,
            Self::TooLarge => Some("leave out pictures, or draw them".to_owned()),
            Self::NotUtf8 => Some("save it as UTF-8".to_owned()),
        }
    }
}

/// The text of the page at `path` in `folder`, of which no more is read than a view may have.
///
/// # Errors
/// Why there is none. A link may lead anywhere, as those of modules may: whoever wrote the job file
/// has us compile programs of theirs.
pub(super) fn read(folder: &Path, path: &Path) -> Result<String, ViewError> {
    let path = folder.join(path);
    // To open a pipe would wait for somebody who writes.
    if !fs::metadata(&path)?.is_file() {
        return Err(ViewError::NotAFile);
    }
    let mut bytes = Vec::new();
    let more = VIEW_BYTES_MAX as u64 + 1;
    File::open(path)?.take(more).read_to_end(&mut bytes)?;
    if bytes.len() > VIEW_BYTES_MAX {
        return Err(ViewError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| ViewError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_view_lies_in_the_folder_and_is_not_too_large() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("job");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("view.html"), "<p>here").unwrap();
        symlink("view.html", folder.join("link.html")).unwrap();
        fs::write(folder.join("large.html"), vec![b' '; VIEW_BYTES_MAX + 1]).unwrap();
        fs::write(folder.join("latin.html"), b"<p>\xe4").unwrap();
        let read = |name: &str| read(&folder, Path::new(name)).map_err(|error| error.to_string());
        assert_eq!(read("view.html").unwrap(), "<p>here");
        assert_eq!(read("link.html").unwrap(), "<p>here");
        assert_eq!(read(".").unwrap_err(), "it is not a file");
        assert!(read("large.html").unwrap_err().contains("larger"));
        assert!(read("latin.html").unwrap_err().contains("UTF-8"));
        assert!(read("none.html").is_err());
    }
}
