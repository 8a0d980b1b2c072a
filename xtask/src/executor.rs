//! `cargo xtask executor`: the executor as it is deployed, and how large it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use cargo_metadata::camino::Utf8Path;

/// The largest program that is deployed. Every agent fetches it before its first task of a user.
pub const BYTES_MAX: u64 = 25_000_000;

const PACKAGE: &str = "mesosgot-executor";

/// The profile in `Cargo.toml`; what it makes is stripped.
const PROFILE: &str = "dist";

/// By this `mesosgot` knows an executor of its own version (`executor_host::VERSION_MARK`).
const VERSION_MARK: &str = concat!("mesosgot-executor/", env!("CARGO_PKG_VERSION"), ";");

/// For what to build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A target of `rustup target list`; this machine by default.
    target: Option<String>,
}

/// The program.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
}

impl Options {
    /// Reads the arguments of the chore.
    ///
    /// # Errors
    /// When there are others than `--target TARGET`.
    pub fn parse(mut args: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--target" => options.target = Some(args.next().context("--target: of what?")?),
                other => bail!("`{other}`: only `--target TARGET` is known"),
            }
        }
        Ok(options)
    }
}

/// Builds the executor and looks at it.
///
/// # Errors
/// When it cannot be built, is larger than [`BYTES_MAX`], or is not known by its version.
pub fn executor(options: &Options, target_directory: &Utf8Path) -> anyhow::Result<Built> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--locked",
        "--profile",
        PROFILE,
        "--package",
        PACKAGE,
    ]);
    let mut folder = target_directory.as_std_path().to_owned();
    if let Some(target) = &options.target {
        cargo.args(["--target", target]);
        folder.push(target);
        // What is in C needs headers only, and those of any libc do.
        let variable = format!("CC_{}", target.replace('-', "_"));
        if target.ends_with("-musl") && std::env::var_os(&variable).is_none() && !has("musl-gcc") {
            cargo.env(variable, "cc");
        }
    }
    let status = cargo.status().context("cargo does not start")?;
    ensure!(status.success(), "`{PACKAGE}` was not built");
    let path = folder.join(PROFILE).join(PACKAGE);
    check(&path)
}

fn check(path: &Path) -> anyhow::Result<Built> {
    let shown = path.display();
    let program = std::fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    let bytes = program.len() as u64;
    ensure!(
        bytes <= BYTES_MAX,
        "`{shown}` has {bytes} bytes, {BYTES_MAX} are the most"
    );
    let mark = VERSION_MARK.as_bytes();
    ensure!(
        program.windows(mark.len()).any(|part| part == mark),
        "`{shown}` does not contain `{VERSION_MARK}`: `mesosgot` would not serve it"
    );
    let path = path.to_owned();
    Ok(Built { path, bytes })
}

/// Whether there is such a program.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_must_be_small_and_known_by_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PACKAGE);
        let told = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            check(&path)
                .map(|built| built.bytes)
                .map_err(|it| it.to_string())
        };
        assert_eq!(told(VERSION_MARK.as_bytes()), Ok(VERSION_MARK.len() as u64));
        assert!(told(b"\x7fELF").unwrap_err().contains("does not contain"));
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(BYTES_MAX + 1).unwrap();
        let error = check(&path).unwrap_err().to_string();
        assert!(error.contains("25000001 bytes"), "{error}");
    }

    #[test]
    fn one_option_is_known() {
        let parse = |args: &[&str]| Options::parse(args.iter().map(|arg| (*arg).to_owned()));
        assert_eq!(parse(&[]).unwrap(), Options::default());
        let target = Some("a-b-musl".to_owned());
        assert_eq!(
            parse(&["--target", "a-b-musl"]).unwrap(),
            Options { target }
        );
        assert!(parse(&["--target"]).is_err() && parse(&["--fast"]).is_err());
    }
}
