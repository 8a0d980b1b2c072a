//! Runs the program in a temporary directory of its own and looks for what it leaves behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long any run may take. Far above what one needs; only a hang gets here.
pub(crate) const RUN_TIME_MAX: Duration = Duration::from_secs(240);

/// How long a process that is told to end may be seen in `/proc` after its parent has reaped it.
const EXIT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where all runs keep what they compile: what is compiled there is what is compiled anywhere.
pub(crate) const CACHE: [&str; 2] = ["MESOSGOT_CACHE_DIR", env!("CARGO_TARGET_TMPDIR")];

/// What would change what the program does.
pub(crate) const VARIABLES_REMOVED: [&str; 9] = [
    "MESOS_MASTER",
    "MESOSGOT_SECRET",
    "MESOSGOT_TOKEN",
    "MESOSGOT_LOG",
    "MESOSGOT_DASHBOARD_TOKEN",
    "XDG_RUNTIME_DIR",
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
];

/// What a pipe holds.
const PIPE_BYTES: u64 = 64 * 1024;

/// More than any line has that fills a pipe in a test, and the page that the pipe may not fill.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// The top of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

/// A place for one test: job files and the temporary files of the program.
#[derive(Debug)]
pub(crate) struct Scene {
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(folder.path().join("tmp")).expect("a folder can be made");
        // So that what is printed of a job file does not depend on where the workspace is.
        for (name, target) in [
            ("guests", "cli/tests/guests"),
            ("hosted", "executor-host/tests/guests"),
            ("echo", "examples/echo"),
        ] {
            std::os::unix::fs::symlink(workspace().join(target), folder.path().join(name))
                .expect("a link can be made");
        }
        Self { folder }
    }

    /// Writes a job file and answers its path. The test guests are in
    /// the folder `guests` beside it, those of the echo example in `echo`.
    pub(crate) fn job(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("job.yaml");
        fs::write(&path, text).expect("the job file can be written");
        path
    }

    /// Writes a file beside the job file.
    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the file can be written");
    }

    /// The folder of the job file.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program puts its temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Starts the program.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.start_with(&[], args)
    }

    /// Starts the program with these variables set.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Running {
        self.start_at(&workspace(), variables, args, Stdio::null())
    }

    /// Starts the program with a stdin that can be written to.
    pub(crate) fn start_fed(&self, args: &[&str]) -> Running {
        self.start_at(&workspace(), &[], args, Stdio::piped())
    }

    /// Starts the program with these variables set, in the folder of the job file.
    pub(crate) fn start_here(&self, variables: &[(&str, &str)], args: &[&str]) -> Running {
        self.start_at(self.folder(), variables, args, Stdio::null())
    }

    fn start_at(
        &self,
        folder: &Path,
        variables: &[(&str, &str)],
        args: &[&str],
        stdin: Stdio,
    ) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesosgot"));
        command.args(args);
        self.start_reading(command, folder, variables, stdin)
    }

    /// Starts a command with these variables set, which may start the program.
    pub(crate) fn start_command(
        &self,
        command: Command,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Running {
        self.start_reading(command, folder, variables, Stdio::null())
    }

    fn start_reading(
        &self,
        mut command: Command,
        folder: &Path,
        variables: &[(&str, &str)],
        stdin: Stdio,
    ) -> Running {
        for variable in VARIABLES_REMOVED {
            command.env_remove(variable);
        }
        let mut child = command
            .current_dir(folder)
            .env("TMPDIR", self.tmp())
            .envs([<(&str, &str)>::from(CACHE)])
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let (log_to, log) = channel();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            for line in stderr.lines() {
                let line = line.expect("stderr is UTF-8");
                text.push_str(&line);
                text.push('\n');
                // Mostly nobody listens.
                let _ = log_to.send(line);
            }
            text
        });
        Running {
            stdin: child.stdin.take(),
            child,
            stdout,
            printed: String::new(),
            log,
            stderr: Some(stderr),
        }
    }

    /// Runs the program to its end and checks that it leaves nothing behind.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let ended = self.start(args).wait();
        self.assert_clean();
        ended
    }

    /// No process of the run and no temporary file is left.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let deadline = Instant::now() + EXIT_TIME_MAX;
        while !self.executors().is_empty() {
            assert!(
                Instant::now() < deadline,
                "executors are left: {:?}",
                self.executors()
            );
            thread::yield_now();
        }
        let left: Vec<_> = fs::read_dir(self.tmp())
            .expect("the folder is there")
            .map(|entry| entry.expect("the entry can be read").file_name())
            .collect();
        assert!(left.is_empty(), "temporary files are left: {left:?}");
    }

    /// The processes that run in a sandbox of this scene.
    pub(crate) fn executors(&self) -> BTreeSet<i32> {
        let mark = format!("MESOS_DIRECTORY={}", self.tmp().display());
        let processes = fs::read_dir("/proc").expect("/proc can be read");
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                // A process that ends meanwhile has no environment any more.
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable.starts_with(mark.as_bytes()))
            })
            .collect()
    }
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// None: it has ended.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    printed: String,
    /// The lines of stderr as they come.
    log: Receiver<String>,
    stderr: Option<thread::JoinHandle<String>>,
}

impl Running {
    /// Reads stdout up to a line for which `wanted` is true, and answers it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let watchdog = Watchdog::start(Pid::from_child(&self.child));
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("stdout is UTF-8");
            assert!(read > 0, "stdout ended before {what}:\n{}", self.printed);
            self.printed.push_str(&line);
            if wanted(&line) {
                watchdog.stop();
                return line;
            }
        }
    }

    /// Waits for a line of stderr that contains `mark`; what follows the mark there.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, mark: &str) -> String {
        loop {
            let line = self.log.recv_timeout(RUN_TIME_MAX);
            let line = line.unwrap_or_else(|_| panic!("no `{mark}` on stderr"));
            if let Some((_, rest)) = line.split_once(mark) {
                return rest.to_owned();
            }
        }
    }

    /// Writes to stdin.
    #[track_caller]
    pub(crate) fn feed(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin has not ended");
        stdin.write_all(text).expect("stdin can be written to");
    }

    /// Stdin, for whoever writes to it from elsewhere, and ends it.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin has not ended")
    }

    /// Reads nothing more, and lets the program know.
    pub(crate) fn close_stdout(&mut self) {
        let nothing = fs::File::open("/dev/null").expect("it is there");
        self.stdout = BufReader::new(ChildStdout::from(OwnedFd::from(nothing)));
    }

    /// Whether the program has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        let status = self.child.try_wait();
        status.expect("the program can be waited for").is_some()
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the program is there");
    }

    /// Waits until stdout takes nothing more: nobody has read it.
    pub(crate) fn wait_until_full(&self) {
        let deadline = Instant::now() + RUN_TIME_MAX;
        loop {
            let unread = ioctl_fionread(self.stdout.get_ref()).expect("stdout is a pipe");
            if unread + LINE_BYTES_MAX > PIPE_BYTES {
                return;
            }
            assert!(Instant::now() < deadline, "only {unread} bytes came");
            thread::yield_now();
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let watchdog = Watchdog::start(Pid::from_child(&self.child));
        self.read_to_end();
        self.end(watchdog)
    }

    /// Waits for its end, and reads what it has printed only then.
    #[track_caller]
    pub(crate) fn wait_without_reading(mut self) -> Ended {
        let watchdog = Watchdog::start(Pid::from_child(&self.child));
        self.child.wait().expect("the program can be waited for");
        self.read_to_end();
        self.end(watchdog)
    }

    fn read_to_end(&mut self) {
        self.stdout
            .read_to_string(&mut self.printed)
            .expect("stdout is UTF-8");
    }

    fn end(mut self, watchdog: Watchdog) -> Ended {
        let status = self.child.wait().expect("the program can be waited for");
        watchdog.stop();
        let stderr = self.stderr.take().expect("it is taken once");
        Ended {
            code: status.code(),
            stdout: std::mem::take(&mut self.printed),
            stderr: stderr.join().expect("the reader does not panic"),
        }
    }
}

/// Kills a program that hangs, which fails its test by the exit code.
pub(crate) struct Watchdog {
    done: Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Watchdog {
    pub(crate) fn start(pid: Pid) -> Self {
        let (done, is_done) = channel::<()>();
        let thread = thread::spawn(move || {
            if is_done.recv_timeout(RUN_TIME_MAX).is_err() {
                // Gone already: no matter.
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self { done, thread }
    }

    pub(crate) fn stop(self) {
        // It may have given up already.
        let _ = self.done.send(());
        self.thread.join().expect("the watchdog does not panic");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `wait` there is nothing left to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// The lines of `--output json`.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in line `{line}`"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The last event.
    #[track_caller]
    pub(crate) fn outcome(&self) -> Value {
        let outcome = self
            .events()
            .pop()
            .unwrap_or_else(|| panic!("no event: {self:?}"));
        assert_eq!(outcome["event"], "outcome", "the outcome is last: {self:?}");
        outcome
    }

    /// The lines that `task` printed to stdout.
    #[track_caller]
    pub(crate) fn lines_of(&self, task: &str) -> Vec<String> {
        let of_task = |event: &&Value| event["event"] == "output" && event["task"] == task;
        let line = |event: &Value| event["line"].as_str().expect("lines are text").to_owned();
        self.events().iter().filter(of_task).map(line).collect()
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
    }
}
