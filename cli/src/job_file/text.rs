//! The text of a job file, or why there is none.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use job::{JOB_BYTES_MAX, nearest};
use thiserror::Error;

/// Why a file has no text that could be a job.
#[derive(Debug, Error)]
pub(super) enum TextError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("it is a folder")]
    Folder,
    #[error("it is larger than {JOB_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it is not UTF-8: line {line} has the byte 0x{byte:02x} at byte {column}")]
    NotUtf8 {
        line: usize,
        column: usize,
        byte: u8,
    },
}

impl TextError {
    /// What the user can do about it.
    pub(super) fn help(&self, path: &Path) -> Option<String> {
        match self {
            Self::Read(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = path.file_name()?.to_str()?;
                let parent = path.parent().unwrap_or_else(|| Path::new(""));
                let names = names(parent);
                Some(match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{}`?", parent.join(near).display()),
                    None => format!(
                        "looked for in {}; `mesosgot new NAME` makes a new job",
                        looked_in(parent)
                    ),
                })
            }
            Self::Read(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("it is somebody else's: have yourself allowed to read it".to_owned())
            }
            Self::Read(_) => None,
            Self::Folder => Some(match job_files(path).as_slice() {
                [] => "name a YAML or JSON file; `mesosgot new NAME` makes one".to_owned(),
                [one] => format!("did you mean `{}`?", path.join(one).display()),
                many => {
                    let many: Vec<_> = many.iter().map(|name| format!("`{name}`")).collect();
                    format!("name one of the files in it, such as {}", many.join(", "))
                }
            }),
            Self::TooLarge => Some("is it the right file? a job file is YAML or JSON".to_owned()),
            Self::NotUtf8 { .. } => {
                Some("save it as UTF-8, or name the right file: YAML or JSON".to_owned())
            }
        }
    }
}

/// The text of the file at `path`, of which no more is read than a job file may have.
///
/// # Errors
/// Why there is none.
pub(super) fn read(path: &Path) -> Result<String, TextError> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(TextError::Folder);
    }
    let mut bytes = Vec::new();
    let more = JOB_BYTES_MAX as u64 + 1;
    file.take(more).read_to_end(&mut bytes)?;
    if bytes.len() > JOB_BYTES_MAX {
        return Err(TextError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line_start = valid.iter().rposition(|byte| *byte == b'\n');
        TextError::NotUtf8 {
            line: valid.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: valid.len() - line_start.map_or(0, |newline| newline + 1) + 1,
            byte: rest.first().copied().unwrap_or_default(),
        }
    })
}

/// Where a file was looked for, in words: relative paths begin at the current folder.
fn looked_in(parent: &Path) -> String {
    let folder = std::path::absolute(match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    match folder {
        Ok(folder) if folder.is_dir() => format!("`{}`", folder.display()),
        Ok(folder) => format!("`{}`, which is no folder", folder.display()),
        Err(_) => "the current folder".to_owned(),
    }
}

/// So many files of a folder are named.
const FILES_MAX: usize = 3;

/// The first files in a folder that may be jobs, by name.
fn job_files(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| {
        let extension = Path::new(name).extension();
        extension.is_some_and(|it| it == "yaml" || it == "yml" || it == "json")
    });
    names.truncate(FILES_MAX);
    names
}

fn names(folder: &Path) -> Vec<String> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_no_text_is_named() {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let path = folder.path().join("job.yaml");
        fs::write(&path, b"job: j\n# \xc3\xa4\xff\n").expect("it can be written");
        let error = read(&path).expect_err("it is not UTF-8").to_string();
        assert_eq!(error, "it is not UTF-8: line 2 has the byte 0xff at byte 5");
    }
}
