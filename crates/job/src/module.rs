//! What a `module` can be, and whether it is there.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::near::nearest;

/// Where the wasm of a task or of the app scheduler comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Module {
    /// A `.wasm` file, as written in the job file: relative to the folder of the job file.
    File(PathBuf),
    /// A folder with a guest project to be compiled, likewise.
    Project(PathBuf),
    /// An address to fetch it from, and the digest that it must have.
    Url {
        /// The address, without the digest.
        url: String,
        /// The sha256 of the file.
        sha256: [u8; 32],
    },
    /// A file that agents have.
    OnAgent {
        /// Its absolute path there.
        path: PathBuf,
        /// The sha256 of the file.
        sha256: [u8; 32],
    },
}

impl Module {
    /// Whether the job file says where an agent finds it without us.
    pub fn has_address(&self) -> bool {
        match self {
            Self::Url { .. } | Self::OnAgent { .. } => true,
            Self::File(_) | Self::Project(_) => false,
        }
    }
}

/// How the parser asks about files; the caller does the looking.
///
/// Paths are as written in the job file: those which are relative are so to its folder.
pub trait Lookup {
    /// What is at a path, if anything.
    fn kind(&self, path: &Path) -> Option<PathKind>;

    /// The names in a folder, for hints; empty when it cannot be read.
    fn names(&self, folder: &Path) -> Vec<String>;

    /// What speaks against something that is named and there, so that it is told with all else that
    /// is wrong with the file. Nothing unless the caller looks into it now.
    fn objection(&self, _named: &Named<'_>) -> Option<Objection> {
        None
    }
}

/// Something that a job file names, and what it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// The module of the app scheduler.
    AppScheduler(&'a Module),
    /// The module of the tasks of a group.
    Task {
        /// The name of the group.
        group: &'a str,
        /// Its module.
        module: &'a Module,
    },
    /// The page of the job's own, as written in the job file.
    View(&'a Path),
}

/// Why something that is named cannot be what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What is wrong, as in a diagnostic.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// Why a `module` is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ModuleError {
    #[error("the module is empty")]
    Empty,
    #[error("`{path}` does not exist")]
    Missing { path: String, near: Option<String> },
    #[error("`{0}` is a file, but not a `.wasm` file")]
    NotWasm(String),
    #[error("`{0}` is a folder, not a file")]
    FolderNamedWasm(String),
    #[error("the folder `{0}` has no `Cargo.toml`")]
    NotAProject(String),
    #[error("the address has no digest")]
    NoDigest,
    #[error("`{0}` is not the address of a file on an agent")]
    NotAbsolute(String),
    #[error("`{0}` is not a sha256 digest")]
    NotADigest(String),
}

impl ModuleError {
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Missing { near, .. } => near
                .as_ref()
                .map(|near| format!("did you mean `{near}`?"))
                .or_else(|| Some("paths are relative to the folder of the job file".to_owned())),
            Self::Empty | Self::NotWasm(_) => Some(
                "a module is a `.wasm` file, a folder with a guest project, or a URL with a digest"
                    .to_owned(),
            ),
            Self::FolderNamedWasm(_) => None,
            Self::NotAbsolute(_) => Some(
                "write `file://` and an absolute path, as in `file:///opt/modules/a.wasm#sha256:…`"
                    .to_owned(),
            ),
            Self::NotAProject(_) => {
                Some("a guest project is a folder with a cargo package".to_owned())
            }
            Self::NoDigest | Self::NotADigest(_) => {
                Some("append `#sha256:` and the 64 hexadecimal digits of the file".to_owned())
            }
        }
    }
}

/// Reads a `module` and asks whether it is there.
pub(crate) fn parse(text: &str, lookup: &dyn Lookup) -> Result<Module, ModuleError> {
    if text.is_empty() {
        return Err(ModuleError::Empty);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        let (url, sha256) = parse_digest(text)?;
        let url = url.to_owned();
        return Ok(Module::Url { url, sha256 });
    }
    if let Some(rest) = text.strip_prefix("file:") {
        let (path, sha256) = parse_digest(rest)?;
        let path = path.strip_prefix("//").filter(|path| is_file_path(path));
        let path = path.ok_or_else(|| ModuleError::NotAbsolute(text.to_owned()))?;
        let path = path.into();
        return Ok(Module::OnAgent { path, sha256 });
    }
    let path = Path::new(text);
    let is_wasm = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    match lookup.kind(path) {
        None => Err(ModuleError::Missing {
            path: text.to_owned(),
            near: near_path(path, lookup),
        }),
        Some(PathKind::File) if is_wasm => Ok(Module::File(path.to_owned())),
        Some(PathKind::File) => Err(ModuleError::NotWasm(text.to_owned())),
        Some(PathKind::Folder) if is_wasm => Err(ModuleError::FolderNamedWasm(text.to_owned())),
        Some(PathKind::Folder) => match lookup.kind(&path.join("Cargo.toml")) {
            Some(PathKind::File) => Ok(Module::Project(path.to_owned())),
            _ => Err(ModuleError::NotAProject(text.to_owned())),
        },
    }
}

/// What is before `#sha256:`, and the digest behind it.
pub(crate) fn parse_digest(text: &str) -> Result<(&str, [u8; 32]), ModuleError> {
    let (address, digest) = text.split_once("#sha256:").ok_or(ModuleError::NoDigest)?;
    let not_a_digest = || ModuleError::NotADigest(digest.to_owned());
    // All of it is hexadecimal, so every pair of bytes is a pair of characters.
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(not_a_digest());
    }
    let mut sha256 = [0; 32];
    for (index, byte) in sha256.iter_mut().enumerate() {
        let pair = &digest[index * 2..index * 2 + 2];
        *byte = u8::from_str_radix(pair, 16).map_err(|_| not_a_digest())?;
    }
    Ok((address, sha256))
}

/// Whether it is the absolute path of something that can be a file.
fn is_file_path(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.contains('\0')
}

/// The path with the first part that does not exist replaced by the name most like it.
pub(crate) fn near_path(path: &Path, lookup: &dyn Lookup) -> Option<String> {
    let mut found = PathBuf::new();
    let mut parts = path.components();
    for part in parts.by_ref() {
        let next = found.join(part);
        if lookup.kind(&next).is_none() {
            let folder = if found.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &found
            };
            let names = lookup.names(folder);
            let name = part.as_os_str().to_str()?;
            // A common ending makes no names alike.
            let ending = if name.ends_with(".wasm") { ".wasm" } else { "" };
            let stems = names.iter().filter_map(|name| name.strip_suffix(ending));
            let near = nearest(name.strip_suffix(ending)?, stems)?.to_owned() + ending;
            let rest = parts.as_path();
            let mut corrected = found.join(near);
            if !rest.as_os_str().is_empty() {
                corrected.push(rest);
            }
            let exists = lookup.kind(&corrected).is_some();
            return exists.then(|| corrected.to_string_lossy().into_owned());
        }
        found = next;
    }
    None
}
