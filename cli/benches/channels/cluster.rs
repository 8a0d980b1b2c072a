//! Runs jobs with the program on a cluster in this process, where calls can be counted.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use executor_host::modules::CACHE_VARIABLE;
use local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use mesos::resources::Resources;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::bare;

/// The way of the frames.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path {
    Direct,
    Messages,
}

/// A run of the echo example with one task.
#[derive(Debug)]
pub(crate) struct Job {
    path: Path,
    mode: &'static str,
    bytes: u64,
    messages: u64,
    window: u64,
}

impl Job {
    pub(crate) fn new(
        path: Path,
        mode: &'static str,
        bytes: u64,
        messages: u64,
        window: u64,
    ) -> Self {
        Self {
            path,
            mode,
            bytes,
            messages,
            window,
        }
    }
}

/// What has come of a run.
#[derive(Debug)]
pub(crate) struct Run {
    /// The line that the app scheduler has printed.
    pub(crate) report: Value,
    /// MESSAGE calls of both directions, those of the start and the end of the job too.
    pub(crate) calls: u64,
}

/// The cluster, and where job files are.
pub(crate) struct Bench {
    runtime: Runtime,
    cluster: LocalCluster,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let resources = Resources::parse("cpus:8;mem:16384").expect("valid resources");
        let cache = [CACHE_VARIABLE, env!("CARGO_TARGET_TMPDIR")];
        let agent = AgentConfig {
            executor_environment_variables: [cache.map(str::to_owned).into()].into(),
            ..AgentConfig::new(resources)
        };
        let config = ClusterConfig {
            allocation_interval: Duration::from_millis(100),
            ..ClusterConfig::new(vec![agent])
        };
        let cluster = runtime.block_on(LocalCluster::start(config));
        Self {
            cluster: cluster.expect("the cluster starts"),
            runtime,
            folder: tempfile::tempdir().expect("a temporary directory can be made"),
        }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.cluster.stop());
    }

    /// Runs a job to its end.
    pub(crate) fn run(&self, job: &Job) -> Run {
        let file = self.write_job(job);
        let before = self.messages();
        let output = Command::new(program())
            .arg("run")
            .arg(file)
            .args([
                "--master",
                &self.master().to_string(),
                "--output",
                "json",
                "--",
            ])
            .args(["--mode", job.mode])
            .args(["--messages", &job.messages.to_string()])
            .args(["--size", &job.bytes.to_string()])
            .args(["--window", &job.window.to_string()])
            .args(["--channel-window", &channel_window(job).to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("the program starts");
        let calls = self.messages() - before;
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{job:?} failed:\n{stdout}");
        let report = stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["event"] == "output" && event["task"] == "scheduler");
        let report = report.unwrap_or_else(|| panic!("{job:?} printed nothing:\n{stdout}"));
        let line = report["line"].as_str().expect("a line is text");
        Run {
            report: serde_json::from_str(line).expect("the report is JSON"),
            calls,
        }
    }

    /// The median time of a framework message there and back between a minimal scheduler and a
    /// minimal executor.
    pub(crate) fn bare_round_trip_us(&self, bytes: u64) -> f64 {
        bare::round_trip_us(self.master(), bytes)
    }

    fn master(&self) -> SocketAddr {
        self.cluster.master_address()
    }

    fn messages(&self) -> u64 {
        let trouble = self.cluster.trouble();
        let counts = self.runtime.block_on(trouble.message_counts());
        counts.map_or(0, |counts| counts.down + counts.up)
    }

    /// The job file. Its executor is the program where it lies, as on the embedded cluster of
    /// `mesosgot run`.
    fn write_job(&self, job: &Job) -> PathBuf {
        let script = self.folder.path().join("executor");
        let program = program();
        let program = program.display();
        fs::write(&script, format!("#!/bin/sh\nexec '{program}' executor\n"))
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .expect("the script can be written");
        let echo = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../examples/echo");
        let echo = echo.canonicalize().expect("the example is there");
        let direct = match job.path {
            Path::Direct => "required",
            Path::Messages => "off",
        };
        let text = format!(
            "job: bench
cluster: {{ user: nobody }}
scheduler: {{ module: '{echo}/host' }}
tasks:
  echo: {{ module: '{echo}/echo', count: 1, cpus: 0.1, mem: 256MiB }}
channels: {{ direct: {direct}, window: {} }}
executor: {{ binary: '{}' }}
",
            channel_window(job),
            script.display(),
            echo = echo.display(),
        );
        let file = self.folder.path().join("job.yaml");
        fs::write(&file, text).expect("the job file can be written");
        file
    }
}

/// The program under test: the one that was built with this, unless told otherwise.
fn program() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_mesosgot"));
    env::var_os(PROGRAM_VARIABLE).map_or_else(built, PathBuf::from)
}

/// Names another program, to compare two builds under the same conditions.
const PROGRAM_VARIABLE: &str = "MESOSGOT_BENCH_PROGRAM";

/// The default, or more where the app scheduler wants it.
fn channel_window(job: &Job) -> u64 {
    job.window.max(256)
}
