//! `mesosgot new`: makes the folder of a job that runs at once.

use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Failure;
use crate::args::{Language, NewArgs};
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::template;

/// Makes the folder as a whole or not at all.
pub(super) fn run(args: &NewArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let folder = &args.folder;
    let name = name(folder)?;
    if folder.symlink_metadata().is_ok() {
        let error = anyhow!("`{}` is there already", folder.display());
        return Err(Failure::new(Exit::Usage, error).with_help("choose another name"));
    }
    let files = match args.lang {
        Language::Rust => template::files(name),
    };
    write(folder, name, files).map_err(|error| failed(folder, error))?;
    reporter.event(&Event::Made {
        job: name,
        folder: &folder.display().to_string(),
        job_file: &folder.join(template::job_file(name)).display().to_string(),
    });
    Ok(Exit::Success)
}

/// A folder that cannot be made, mostly for what is above it.
fn failed(folder: &Path, error: anyhow::Error) -> Failure {
    let parent = parent(folder).display();
    let kind = error.chain().find_map(|cause| cause.downcast_ref());
    let help = match kind.map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => format!("make `{parent}` first: `mkdir -p {parent}`"),
        Some(io::ErrorKind::NotADirectory) => {
            format!("`{parent}` is no folder; choose another place")
        }
        _ => "choose a place that can be written to".to_owned(),
    };
    let error = error.context(format!("failed to make `{}`", folder.display()));
    Failure::new(Exit::Failure, error).with_help(help)
}

/// The folder that is to hold it.
fn parent(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The job's name: the last part of the folder's path.
fn name(folder: &Path) -> Result<&str, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| anyhow!("`{}` does not end in a name", folder.display()));
    let checked = name.and_then(|name| {
        job::check_name(name).with_context(|| format!("`{name}` cannot be the name of a job"))?;
        Ok(name)
    });
    checked.map_err(|error| Failure::new(Exit::Usage, error).with_help(job::NameError::HELP))
}

/// Writes all files beside the place, and moves them there together.
fn write(
    folder: &Path,
    name: &str,
    files: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let parent = parent(folder);
    let beside = std::fs::metadata(parent).and_then(|_| {
        let beside = tempfile::Builder::new()
            .prefix(".mesosgot-new-")
            .tempdir_in(parent);
        // Nobody has asked for the name that is in the error.
        beside.map_err(|error| error.kind().into())
    });
    let beside = beside.with_context(|| format!("failed to write to `{}`", parent.display()))?;
    // A temporary folder is its owner's alone; what is in it has the permissions that are usual.
    let made = beside.path().join(name);
    for (path, text) in files {
        write_file(&made.join(path), &text)?;
    }
    std::fs::rename(&made, folder).context("failed to move it into its place")
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = |path: &Path| format!("failed to write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| failed(folder))?;
    }
    std::fs::write(path, text).with_context(|| failed(path))
}
