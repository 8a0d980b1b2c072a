//! What a `view` can be: a page of the job's own, in its folder.

use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use crate::module::{Lookup, PathKind, near_path};

/// The most bytes that a view can have: it is one file with all that it needs, and goes to every
/// browser that opens the dashboard.
pub const VIEW_BYTES_MAX: usize = 1 << 20;

/// Why a `view` is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ViewError {
    #[error("the view is empty")]
    Empty,
    #[error("`{0}` is not in the folder of the job file")]
    Outside(String),
    #[error("`{path}` does not exist")]
    Missing { path: String, near: Option<String> },
    #[error("`{0}` is not an `.html` file")]
    NotHtml(String),
}

impl ViewError {
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Missing {
                near: Some(near), ..
            } => format!("did you mean `{near}`?"),
            Self::Missing { near: None, .. } => {
                "paths are relative to the folder of the job file".to_owned()
            }
            Self::Outside(_) => {
                "put the page beside the job file or below, and write its path from there"
                    .to_owned()
            }
            Self::Empty | Self::NotHtml(_) => {
                "a view is one `.html` file with its styles and scripts in it".to_owned()
            }
        }
    }
}

/// Reads a `view` and asks whether it is there.
pub(crate) fn parse(text: &str, lookup: &dyn Lookup) -> Result<PathBuf, ViewError> {
    if text.is_empty() {
        return Err(ViewError::Empty);
    }
    let path = Path::new(text);
    let is_below = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(is_below) {
        return Err(ViewError::Outside(text.to_owned()));
    }
    let is_html = path
        .extension()
        .is_some_and(|extension| extension == "html");
    match lookup.kind(path) {
        None => Err(ViewError::Missing {
            path: text.to_owned(),
            near: near_path(path, lookup),
        }),
        Some(PathKind::File) if is_html => Ok(path.to_owned()),
        Some(PathKind::File | PathKind::Folder) => Err(ViewError::NotHtml(text.to_owned())),
    }
}
