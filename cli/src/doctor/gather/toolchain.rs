//! What compiles guests.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use job::{AppScheduler, Job, Module};
use tokio::process::Command;
use tokio::time::timeout;

use crate::doctor::facts::Toolchain;
use crate::guest::build::{self, TARGET};

/// How long a program of the toolchain may take to say what it is; rustup may have to look a
/// toolchain up first.
const PATIENCE: Duration = Duration::from_secs(20);

/// What compiles the guest projects of a job, if it has any.
pub(super) async fn toolchain(job: &Job) -> Option<Toolchain> {
    let groups = job.groups.iter().map(|group| &group.module);
    let scheduler = match &job.scheduler {
        AppScheduler::Guest(guest) => Some(&guest.module),
        AppScheduler::Console => None,
    };
    let mut modules = groups.chain(scheduler);
    if !modules.any(|module| matches!(module, Module::Project(_))) {
        return None;
    }
    let cargo = build::cargo();
    let (cargo, library, rustup) = tokio::join!(
        version(&cargo),
        timeout(PATIENCE, build::target_library()),
        version(OsStr::new("rustup")),
    );
    Some(Toolchain {
        cargo,
        has_target: matches!(library, Ok(Ok(Some(_)))),
        target: TARGET,
        has_rustup: rustup.is_ok(),
    })
}

/// The first two words that a program says of itself, `cargo 1.95.0`.
async fn version(program: &OsStr) -> Result<String, String> {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match timeout(PATIENCE, asked).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("it did not answer within {PATIENCE:?}")),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or_default();
        return Err(format!("{}: {first}", output.status));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<_> = said.split_whitespace().take(2).collect();
    Ok(words.join(" "))
}
