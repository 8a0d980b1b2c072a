//! The files that a build depends on, as far as they can be known.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// A build that has succeeded.
#[derive(Debug)]
pub(in crate::guest) struct Built {
    /// What was made of each project.
    pub(in crate::guest) artifacts: BTreeMap<PathBuf, PathBuf>,
    /// The workspaces of the projects.
    pub(in crate::guest) workspaces: Vec<PathBuf>,
    /// Where the toolchain has its library for guests.
    pub(in crate::guest) target_library: PathBuf,
}

/// Where cargo and rustup look for settings, from the current folder upwards.
const SETTINGS: [&str; 4] = [
    ".cargo/config",
    ".cargo/config.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
];

const MANIFEST: &str = "Cargo.toml";

impl Built {
    /// What cargo itself has written.
    pub(super) fn made(&self) -> impl Iterator<Item = PathBuf> {
        let each = self.artifacts.values();
        each.flat_map(|artifact| [artifact.clone(), artifact.with_extension("d")])
    }

    /// All files that count, also those that must not come to be. Nothing if that may not be all.
    pub(super) fn inputs(&self) -> Option<BTreeSet<PathBuf>> {
        let mut inputs: BTreeSet<_> = self.made().collect();
        for artifact in self.artifacts.values() {
            let text = fs::read_to_string(artifact.with_extension("d")).ok()?;
            for source in sources(&text)? {
                // What a folder contains is not seen by the folder's own time.
                if !source.is_file() {
                    return None;
                }
                inputs.extend(manifests(&source)?);
                inputs.insert(source);
            }
        }
        for workspace in &self.workspaces {
            inputs.extend([workspace.join("Cargo.lock"), workspace.join(MANIFEST)]);
        }
        inputs.extend(settings()?);
        inputs.extend(self.toolchain()?);
        Some(inputs)
    }

    /// The programs, and what tells of another toolchain under the same names.
    fn toolchain(&self) -> Option<Vec<PathBuf>> {
        // <sysroot>/lib/rustlib/<target>/lib
        let sysroot = self.target_library.ancestors().nth(4)?;
        let mut files = vec![
            self.target_library.clone(),
            sysroot.join("bin/cargo"),
            sysroot.join("bin/rustc"),
            sysroot.join("lib/rustlib/components"),
        ];
        let home = home("RUSTUP_HOME", ".rustup")?;
        files.push(home.join("settings.toml"));
        // Also those where a cargo would be found before the one there is.
        for folder in env::split_paths(&env::var_os("PATH")?) {
            let cargo = folder.join("cargo");
            let is_there = cargo.is_file();
            files.push(cargo);
            if is_there {
                break;
            }
        }
        Some(files)
    }
}

/// The sources in a `.d` file: `artifact: source source`, with `\ ` for a space.
fn sources(text: &str) -> Option<BTreeSet<PathBuf>> {
    let mut all = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (_, sources) = line.split_once(": ")?;
        let mut source = String::new();
        for part in sources.split(' ') {
            match part.strip_suffix('\\') {
                Some(begin) => source.extend([begin, " "]),
                None => {
                    source.push_str(part);
                    all.insert(PathBuf::from(std::mem::take(&mut source)));
                }
            }
        }
    }
    // Without a single source this is not what it was taken for.
    (!all.is_empty() && all.iter().all(|it| it.is_absolute())).then_some(all)
}

/// The manifests from a source file upwards: of its package, and of workspaces that it may be in.
/// Nothing if the package has a build script, which may look at anything.
fn manifests(source: &Path) -> Option<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    let mut is_package_found = false;
    for folder in source.ancestors().skip(1) {
        let manifest = folder.join(MANIFEST);
        if !is_package_found && manifest.is_file() {
            is_package_found = true;
            let script = folder.join("build.rs");
            let text = fs::read_to_string(&manifest).ok()?;
            if script.exists() || may_name_build_script(&text) {
                return None;
            }
            manifests.push(script);
        }
        manifests.push(manifest);
    }
    is_package_found.then_some(manifests)
}

/// Rather too often: a manifest that says `build` for another reason is built by cargo each time.
fn may_name_build_script(manifest: &str) -> bool {
    let lines = manifest.lines().map(str::trim_start);
    lines
        .filter(|line| !line.starts_with('#') && !line.starts_with("[build-dependencies"))
        .any(|line| line.contains("build"))
}

/// The places of settings. Nothing if one of them may name further ones.
fn settings() -> Option<Vec<PathBuf>> {
    let here = env::current_dir().ok()?;
    let above = here.ancestors();
    let mut places: Vec<_> = above
        .flat_map(|folder| SETTINGS.map(|name| folder.join(name)))
        .collect();
    let home = home("CARGO_HOME", ".cargo")?;
    places.extend(["config", "config.toml"].map(|name| home.join(name)));
    let may_include = |path: &PathBuf| {
        let text = fs::read_to_string(path);
        text.is_ok_and(|text| text.contains("include"))
    };
    (!places.iter().any(may_include)).then_some(places)
}

/// The folder that a variable names, or that one in the user's home.
fn home(variable: &str, name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let named = env::var_os(variable).filter(|path| !path.is_empty());
    match named {
        Some(path) => env::current_dir().ok().map(|here| here.join(path)),
        None => Some(Path::new(&env::var_os("HOME")?).join(name.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_cargo_writes_them() {
        let read = sources("/t/a.wasm: /w/a.rs /w/my\\ lib/b.rs\n\n/t/c: /w/c.rs\n").unwrap();
        let expected = ["/w/a.rs", "/w/c.rs", "/w/my lib/b.rs"].map(PathBuf::from);
        assert_eq!(read, BTreeSet::from(expected));
        for other in ["", "no colon", "/t/a.wasm: relative.rs"] {
            assert_eq!(sources(other), None, "{other}");
        }
    }

    #[test]
    fn a_package_with_a_build_script_is_not_known_enough() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("lib.rs");
        let manifest = folder.path().join(MANIFEST);
        fs::write(&manifest, "[package]\n[build-dependencies]\n# build\n").unwrap();
        let known = manifests(&source).unwrap();
        assert!(known.contains(&manifest) && known.contains(&PathBuf::from("/Cargo.toml")));
        fs::write(&manifest, "[package]\nbuild = 'make.rs'\n").unwrap();
        assert_eq!(manifests(&source), None);
        fs::write(&manifest, "[package]\n").unwrap();
        fs::write(folder.path().join("build.rs"), "").unwrap();
        assert_eq!(manifests(&source), None);
    }
}
