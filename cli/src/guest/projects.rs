//! Guest projects: folders with a `Cargo.toml` that make a `cdylib`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use thiserror::Error;
use tokio::process::Command;

use super::build::{BuildError, TARGET, cargo};

/// Why a folder has no guest project.
#[derive(Debug, Error)]
#[error("`{}` is not a guest project: {reason}", folder.display())]
pub(crate) struct NotAGuest {
    pub(crate) folder: PathBuf,
    reason: String,
}

impl NotAGuest {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> String {
        "a guest project has a Cargo.toml with `crate-type = [\"cdylib\"]` under `[lib]`".to_owned()
    }
}

/// A guest project and the file that its build makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) package: String,
    pub(super) artifact: PathBuf,
}

/// The part of `cargo metadata` that matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Finds out what the project in each folder is called, what it makes, and its workspace. Projects
/// of one workspace are known together.
///
/// # Errors
/// Cargo cannot be run. A folder that has no guest project is one of the answers.
pub(super) async fn describe(
    folders: &[PathBuf],
) -> Result<Vec<Result<(PathBuf, Project), NotAGuest>>, BuildError> {
    let mut known = Vec::new();
    let mut described = Vec::new();
    for folder in folders {
        let one = describe_one(folder, &mut known).await?;
        described.push(one.map_err(|reason| NotAGuest {
            folder: folder.clone(),
            reason,
        }));
    }
    Ok(described)
}

async fn describe_one(
    folder: &Path,
    known: &mut Vec<Metadata>,
) -> Result<Result<(PathBuf, Project), String>, BuildError> {
    let manifest = match folder.join("Cargo.toml").canonicalize() {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Err(format!("no readable Cargo.toml in it: {error}"))),
    };
    let has_it = |metadata: &Metadata| {
        let mut packages = metadata.packages.iter();
        packages.any(|package| package.manifest_path == manifest)
    };
    let index = match known.iter().position(has_it) {
        Some(index) => index,
        None => match metadata(&manifest).await? {
            Ok(metadata) => {
                known.push(metadata);
                known.len() - 1
            }
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let metadata = &known[index];
    let project = project(folder, &manifest, metadata);
    Ok(project.map(|project| (metadata.workspace_root.clone(), project)))
}

/// What cargo says of the workspace of a project, or what is wrong with it.
async fn metadata(manifest: &Path) -> Result<Result<Metadata, String>, BuildError> {
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| BuildError::Spawn {
            program: "cargo".to_owned(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Ok(Err(said));
    }
    let metadata = serde_json::from_slice(&output.stdout);
    Ok(metadata.map_err(|error| format!("cargo metadata is not understood: {error}")))
}

fn project(folder: &Path, manifest: &Path, metadata: &Metadata) -> Result<Project, String> {
    let package = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == manifest)
        .ok_or("its Cargo.toml has no package")?;
    let target = package
        .targets
        .iter()
        .find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
        .ok_or("its library is not a `cdylib`")?;
    let file = format!("{}.wasm", target.name.replace('-', "_"));
    let artifact = metadata
        .target_directory
        .join(TARGET)
        .join("release")
        .join(file);
    Ok(Project {
        folder: folder.to_owned(),
        package: package.name.clone(),
        artifact,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(crate_type: &str) -> Metadata {
        let json = format!(
            r#"{{"packages":[{{"name":"my-task","manifest_path":"/w/task/Cargo.toml",
                "targets":[{{"name":"my-task","crate_types":["{crate_type}"]}}]}}],
                "workspace_root":"/w","target_directory":"/w/target"}}"#
        );
        serde_json::from_str(&json).expect("the sample is JSON")
    }

    #[test]
    fn a_cdylib_is_found_where_cargo_puts_it() {
        let found = project(
            Path::new("task"),
            Path::new("/w/task/Cargo.toml"),
            &sample("cdylib"),
        )
        .expect("it is a guest");
        assert_eq!(found.package, "my-task");
        assert_eq!(
            found.artifact,
            PathBuf::from("/w/target/wasm32-wasip2/release/my_task.wasm")
        );
    }

    #[test]
    fn a_library_that_makes_no_wasm_file_is_refused() {
        let found = project(
            Path::new("task"),
            Path::new("/w/task/Cargo.toml"),
            &sample("lib"),
        );
        assert_eq!(found, Err("its library is not a `cdylib`".to_owned()));
    }
}
