//! The files of the repository, read once, and what cargo says of its packages.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand};

use crate::source::Source;

/// What the rules look at.
#[derive(Debug)]
pub struct Repository {
    /// Every text file that people write, sorted by path.
    pub files: Vec<File>,
    /// All packages of the lock file, and how they depend on each other.
    pub metadata: Metadata,
}

/// A text file.
#[derive(Debug)]
pub struct File {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Taken apart, if it is Rust.
    pub rust: Option<Source>,
}

/// What a chore found.
#[derive(Debug, Default)]
pub struct Report {
    /// What must be changed.
    pub findings: Vec<Finding>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// One thing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: a path, or the name of a package.
    pub place: String,
    /// The line, counted from 1, if there is one.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Extensions of the files that are read.
const EXTENSIONS: [&str; 6] = ["rs", "toml", "md", "wit", "proto", "yaml"];

impl Repository {
    /// Reads the repository that this program was built from.
    ///
    /// # Errors
    /// When a file cannot be read, or cargo cannot resolve the packages without a network.
    pub fn open() -> anyhow::Result<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("`xtask` lies in the repository")?;
        let mut paths = Vec::new();
        list(top, &mut paths)?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let path = path.strip_prefix(top).context("it lies below the top")?;
            files.push(File::new(path.to_string_lossy(), text));
        }
        let metadata = MetadataCommand::new()
            .current_dir(top)
            .other_options(["--locked".to_owned()])
            .exec()
            .context("cargo cannot resolve the packages")?;
        Ok(Self { files, metadata })
    }
}

impl File {
    /// A file with this text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let rust = path.ends_with(".rs").then(|| Source::new(&text));
        Self { path, text, rust }
    }

    /// Whether it has nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// A finding in this file.
    pub fn finding(&self, line: impl Into<Option<usize>>, text: impl Into<String>) -> Finding {
        Finding {
            place: self.path.clone(),
            line: line.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.text),
            None => write!(f, "{}: {}", self.place, self.text),
        }
    }
}

/// Adds the files below `folder`, but nothing hidden and nothing built.
fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" {
                list(&path, paths)?;
            }
        } else if let Some(extension) = path.extension()
            && EXTENSIONS.iter().any(|known| extension == *known)
        {
            paths.push(path);
        }
    }
    Ok(())
}
