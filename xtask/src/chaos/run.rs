//! One run of the program, in a temporary directory of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cargo_metadata::MetadataCommand;
use rustix::process::{Pid, Signal, kill_process};

use super::verdict::Ended;

/// The program, built.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    /// The top of the repository, where job files are looked for.
    top: PathBuf,
}

impl Program {
    /// Builds it.
    ///
    /// # Errors
    /// When cargo fails.
    pub(super) fn build() -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let top = metadata.workspace_root.into_std_path_buf();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--locked", "--package", "mesosgot"])
            .current_dir(&top)
            .status()
            .context("cargo cannot be started")?;
        ensure!(built.success(), "the program cannot be built");
        Ok(Self {
            path: metadata.target_directory.join("debug/mesosgot").into(),
            top,
        })
    }
}

/// How long processes of a run may be seen after its end.
const EXIT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a run that is told to end may take to do so.
const INTERRUPTED_TIME_MAX: Duration = Duration::from_secs(20);

/// How often is looked whether something has ended.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Runs a job to its end. What is still there after that is killed.
///
/// # Errors
/// When it cannot be started or watched.
pub(super) fn run(
    program: &Program,
    arguments: &[String],
    chaos: Option<&str>,
    limit: Duration,
) -> anyhow::Result<Ended> {
    let folder = tempfile::tempdir()?;
    let (before, after) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => arguments.split_at(at),
        None => (arguments, &[][..]),
    };
    let start = Instant::now();
    let mut child = Command::new(&program.path)
        .arg("run")
        .args(before)
        .args(["--output", "json"])
        .args(chaos.iter().flat_map(|chaos| ["--chaos", chaos]))
        .args(after)
        .current_dir(&program.top)
        .env("TMPDIR", folder.path())
        .env("NO_COLOR", "1")
        .env_remove("MESOS_MASTER")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` cannot be started", program.path.display()))?;
    let stdout = BufReader::new(child.stdout.take().context("stdout is a pipe")?);
    let stderr = child.stderr.take().context("stderr is a pipe")?;
    let events = thread::spawn(move || {
        let lines = stdout.lines().map_while(Result::ok);
        let events = lines.filter_map(|line| serde_json::from_str(&line).ok());
        events.map(|event| (start.elapsed(), event)).collect()
    });
    let stderr = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = BufReader::new(stderr).read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let code = wait(&mut child, limit)?;
    let took = start.elapsed();
    let processes = end_all(folder.path());
    let files = fs::read_dir(folder.path())?;
    let files = files
        .flatten()
        .map(|file| file.file_name().display().to_string());
    Ok(Ended {
        code,
        took,
        files: files.collect(),
        // Pipes end with the last process that holds them.
        events: events.join().ok().context("reading stdout")?,
        stderr: stderr.join().ok().context("reading stderr")?,
        processes,
    })
}

/// The exit code; `None` when it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<Option<i32>> {
    if let Some(code) = wait_for(child, limit)? {
        return Ok(code);
    }
    // It may still know how to end.
    kill(i32::try_from(child.id())?, Signal::INT);
    if wait_for(child, INTERRUPTED_TIME_MAX)?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(None)
}

fn wait_for(child: &mut Child, limit: Duration) -> anyhow::Result<Option<Option<i32>>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code()));
        }
        thread::sleep(POLL_EVERY);
    }
    Ok(None)
}

/// The processes of a run that do not end by themselves soon; they are killed.
fn end_all(folder: &Path) -> Vec<i32> {
    let start = Instant::now();
    loop {
        let left = processes(folder);
        if left.is_empty() || start.elapsed() > EXIT_TIME_MAX {
            for process in &left {
                kill(*process, Signal::KILL);
            }
            return left;
        }
        thread::sleep(POLL_EVERY);
    }
}

/// Those that run in a sandbox below a folder, by what an agent has put into their environment.
fn processes(folder: &Path) -> Vec<i32> {
    let mark = format!("MESOS_DIRECTORY={}/", folder.display());
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|process: &i32| {
        // One that ends meanwhile has no environment any more.
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable.starts_with(mark.as_bytes()))
    })
    .collect()
}

fn kill(process: i32, signal: Signal) {
    if let Some(process) = Pid::from_raw(process) {
        // It may have ended by itself.
        let _ = kill_process(process, signal);
    }
}
