//! Every command that the README and the docs show in a block is run, and prints what they show.
//!
//! Each page has a test of its own, in a folder with links to the jobs of the repository and the
//! files of [`FILES`]. Its commands run one after the other, by `sh`, and must exit with 0.
//!
//! - `cargo run --release -- …` is the program that is tested.
//! - `HOST:PORT` and `localhost:PORT` are the master of a cluster that the test starts.
//! - Commands that last ([`LASTING`]) go on beside those that follow, up to the end of the page.
//! - What cannot be run here has its reason in [`NOT_RUN`].
//!
//! A page with commands and without a test, and a command indented in place of a block, fail
//! [`every_page_with_commands_has_a_test`]. A block of output that nothing is compared with fails
//! [`every_block_of_output_is_compared`].

mod blocks;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

pub(crate) use self::blocks::masked;
use self::blocks::{Shown, commands, compare, indented_commands, loose_blocks};
use crate::commands::{PAIR, scene};
use crate::support::{Ended, Running, Scene, workspace};

macro_rules! pages {
    ($($test:ident: $page:literal,)+) => {
        const PAGES: &[&str] = &[$($page),+];

        $(#[test]
        fn $test() {
            Page::open($page).run();
        })+
    };
}

pages! {
    the_commands_of_the_readme_do_what_it_says: "README.md",
    the_commands_of_new_jobs_are_known: "cli/template/README.md",
    the_commands_on_the_console_do_what_it_says: "docs/console.md",
    the_commands_on_deploying_do_what_it_says: "docs/deploying.md",
    the_commands_on_doctor_do_what_it_says: "docs/doctor.md",
    the_commands_on_the_embedded_cluster_do_what_it_says: "docs/embedded-cluster.md",
    the_commands_of_the_first_job_do_what_it_says: "docs/first-job.md",
    the_commands_on_installing_do_what_it_says: "docs/installing.md",
    the_commands_on_logs_do_what_it_says: "docs/logs.md",
    the_commands_on_metrics_do_what_it_says: "docs/metrics.md",
    the_commands_on_performance_name_benches_that_there_are: "docs/performance.md",
    the_commands_on_placement_do_what_it_says: "docs/placement.md",
    the_commands_on_running_jobs_do_what_it_says: "docs/running.md",
    the_output_on_the_ends_of_tasks_is_what_is_printed: "docs/task-ends.md",
    the_commands_of_the_echo_example_do_what_it_says: "examples/echo/README.md",
    the_commands_of_the_hello_example_do_what_it_says: "examples/hello/README.md",
}

/// Beginnings of commands that are not run, and why.
const NOT_RUN: &[(&str, &str)] = &[
    (
        "cargo test",
        "it is what runs this test, and `tool.rs` runs that of a new job",
    ),
    (
        "cargo build",
        "it is what has built the program; a release build takes minutes",
    ),
    (
        "cargo bench",
        "it takes minutes, alone on a machine; that the bench is there is checked",
    ),
    (
        "mesosgot run {{name}}.yaml",
        "`tool.rs` runs a new job, with its tests",
    ),
];

/// Blocks that are output of no command here, by their beginnings, and what holds them.
const HELD_ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "docs/doctor.md",
        "ok      job: `elevator`",
        "`cli/src/doctor/tests.rs` makes it of facts",
    ),
    (
        "docs/output.md",
        "     Running all tasks are up",
        "`cli/src/report/live/tests.rs` draws it",
    ),
    (
        "docs/output.md",
        "   Compiling elevator",
        "words of cargo, and a line as `cli/src/report/live/tests.rs` draws it",
    ),
    (
        "docs/output.md",
        "2026-11-21T18:34:08.123Z  WARN output",
        "`output.rs` waits for these lines",
    ),
    (
        "docs/grants.md",
        "# name           folder",
        "a file for agents, which `executor-host/src/grants/folders.rs` reads",
    ),
];

/// Pages whose `job.yaml` runs until it is ended; that of others ends by itself.
const LASTING_JOBS: &[&str] = &["docs/metrics.md", "docs/running.md"];

/// Commands that do not end by themselves: what they begin with and contain, what a line begins with
/// when they are ready, and what stands before the address there.
const LASTING: &[Lasting] = &[
    Lasting {
        parts: ("mesosgot cluster", ""),
        is_ready: "master ",
        code: 0,
    },
    Lasting {
        parts: ("mesosgot run", "--dashboard"),
        is_ready: "scheduler | director is up",
        code: 130,
    },
];

struct Lasting {
    parts: (&'static str, &'static str),
    /// How the line on stdout begins that says that it is ready.
    is_ready: &'static str,
    /// How it exits when it is interrupted.
    code: i32,
}

/// Files that pages name.
const FILES: &[(&str, &str)] = &[
    ("token", "0123456789abcdef0123456789abcdef\n"),
    (
        "credentials.json",
        r#"{ "credentials": [{ "principal": "me", "secret": "sesame" }] }"#,
    ),
];

/// What is linked to in the folder of a page.
const LINKS: &[&str] = &["elevator.yaml", "examples", "tasks"];

/// A page while its commands are run.
struct Page {
    name: &'static str,
    text: String,
    scene: Scene,
    /// What is written in the page, and what is meant here.
    meant: Vec<(String, String)>,
    lasting: Vec<(&'static Lasting, Running)>,
}

impl Page {
    fn open(name: &'static str) -> Self {
        let scene = scene();
        for link in LINKS {
            let target = workspace().join(link);
            symlink(target, scene.folder().join(link)).expect("a link can be made");
        }
        let program = scene.folder().join("bin");
        fs::create_dir(&program).expect("a folder can be made");
        symlink(env!("CARGO_BIN_EXE_mesosgot"), program.join("mesosgot"))
            .expect("a link can be made");
        for (file, text) in FILES {
            scene.file(file, text);
        }
        scene.job(&match LASTING_JOBS.contains(&name) {
            true => PAIR.replace("[greet]", "[wait]"),
            false => PAIR.to_owned(),
        });
        Self {
            name,
            text: fs::read_to_string(workspace().join(name)).expect("the page can be read"),
            scene,
            meant: vec![("cargo run --release -- ".to_owned(), "mesosgot ".to_owned())],
            lasting: Vec::new(),
        }
    }

    fn run(mut self) {
        let commands = commands(&self.text);
        assert!(!commands.is_empty(), "{} has no commands", self.name);
        let wanted =
            |it: &Shown| it.command.contains("HOST:PORT") || it.command.contains("localhost:PORT");
        if commands.iter().any(wanted) {
            self.start_cluster();
        }
        if self.name == "docs/running.md" {
            self.start("mesosgot run job.yaml", &LASTING[1]);
        }
        for shown in &commands {
            self.run_command(shown);
        }
        for (lasting, running) in self.lasting.into_iter().rev() {
            running.signal(Signal::INT);
            running.wait().assert_code(lasting.code);
        }
        self.scene.assert_clean();
    }

    fn run_command(&mut self, shown: &Shown) {
        let mut command = shown.command.clone();
        for (written, meant) in &self.meant {
            command = command.replace(written, meant);
        }
        let place = format!("{}:{}: `{command}`", self.name, shown.line);
        if let Some((_, reason)) = NOT_RUN.iter().find(|(it, _)| command.starts_with(it)) {
            assert!(!reason.is_empty() && shown.output.is_empty(), "{place}");
            check_bench(&command);
            return;
        }
        let is_it = |it: &&Lasting| command.starts_with(it.parts.0) && command.contains(it.parts.1);
        if let Some(lasting) = LASTING.iter().find(is_it) {
            assert!(shown.output.is_empty(), "{place}: it is not compared");
            return self.start(&command, lasting);
        }
        let ended = match command.strip_prefix("curl ") {
            Some(arguments) => curl(arguments),
            None => self.spawn(&command).wait(),
        };
        assert_eq!(
            ended.code,
            Some(0),
            "{place}\n{}{}",
            ended.stdout,
            ended.stderr
        );
        if let Err(line) = compare(&shown.output, &[&ended.stdout, &ended.stderr]) {
            panic!(
                "{place} does not print `{line}`, but\n{}{}",
                ended.stdout, ended.stderr
            );
        }
        if command.contains(" new squares") {
            // The versions of libraries that this workspace is built with: they are here.
            let lock = self.scene.folder().join("squares/Cargo.lock");
            fs::copy(workspace().join("Cargo.lock"), lock).expect("it is copied");
        }
    }

    /// Starts a command that lasts, and waits until it is ready. It is at another port than it says.
    fn start(&mut self, command: &str, lasting: &'static Lasting) {
        let command = command
            .replace(" --port 5050", "")
            .replace(DASHBOARD, "127.0.0.1:0");
        let mut running = self.spawn(&format!("exec {command}"));
        running.wait_for(lasting.is_ready, |line| line.starts_with(lasting.is_ready));
        if command.contains("--dashboard") {
            let rest = running.wait_for_log("dashboard on http://");
            let address = rest.split('/').next().unwrap_or_default();
            self.meant.push((DASHBOARD.to_owned(), address.to_owned()));
        }
        self.lasting.push((lasting, running));
    }

    /// A cluster for those who name a master.
    fn start_cluster(&mut self) {
        let mut running = self.spawn("exec mesosgot cluster --faults");
        let line = running.wait_for("the master", |line| line.starts_with("master "));
        let master = line.trim_start_matches("master ").trim_end().to_owned();
        self.meant.push(("HOST:PORT".to_owned(), master.clone()));
        self.meant.push(("localhost:PORT".to_owned(), master));
        running.wait_for("the faults", |line| line.starts_with("faults "));
        self.lasting.push((&LASTING[0], running));
    }

    fn spawn(&self, command: &str) -> Running {
        let mut shell = Command::new("sh");
        shell.args(["-euc", command]);
        let folder = self.scene.folder();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", folder.join("bin").display());
        let target = workspace().join("target/new-job");
        let target = target.to_str().expect("a text");
        let mut variables = vec![("PATH", path.as_str())];
        if command.contains("squares") {
            // As in `tool.rs`: what a new job is built of is built once.
            variables.extend([("CARGO_TARGET_DIR", target), ("CARGO_NET_OFFLINE", "true")]);
        }
        self.scene.start_command(shell, folder, &variables)
    }
}

/// Where pages have the dashboard; here it is at a port that is free.
const DASHBOARD: &str = "127.0.0.1:9464";

/// What `curl URL [-d BODY]` does: where this is tested there may be none.
fn curl(arguments: &str) -> Ended {
    let (url, body) = arguments.split_once(" -d ").unwrap_or((arguments, ""));
    let (host, path) = url.split_once('/').expect("it has a path");
    let body = body.trim_matches('\'');
    let method = if body.is_empty() { "GET" } else { "POST" };
    let mut stream = TcpStream::connect(host).expect("somebody listens");
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let is_good = head.starts_with("HTTP/1.1 200");
    Ended {
        code: Some(if is_good { 0 } else { 22 }),
        stdout: body.to_owned(),
        stderr: head.to_owned(),
    }
}

/// Checks that the bench is there that `cargo bench -p PACKAGE --bench NAME` runs.
fn check_bench(command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["cargo", "bench", "-p", package, "--bench", bench, ..] = words.as_slice() else {
        assert!(
            !command.starts_with("cargo bench"),
            "no `-p` and `--bench`: {command}"
        );
        return;
    };
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let mut targets = packages
        .iter()
        .filter(|it| it["name"] == *package)
        .flat_map(|it| it["targets"].as_array().into_iter().flatten());
    let is_it = |target: &Value| target["kind"][0] == "bench" && target["name"] == *bench;
    assert!(targets.any(is_it), "there is no such bench: {command}");
}

#[test]
fn every_page_with_commands_has_a_test() {
    let mut with_commands = BTreeSet::new();
    for (page, text) in all_pages() {
        assert_eq!(
            indented_commands(&text),
            [0; 0],
            "{page}: make them a block of `sh`"
        );
        if !commands(&text).is_empty() {
            with_commands.insert(page);
        }
    }
    let tested = PAGES.iter().map(|page| (*page).to_owned()).collect();
    assert_eq!(with_commands, tested);
}

#[test]
fn every_block_of_output_is_compared() {
    let mut held = BTreeSet::new();
    for (page, text) in all_pages() {
        // The test that compares the one makes it, and the other has a drawing.
        if ["docs/commands.md", "ARCHITECTURE.md"].contains(&page.as_str()) {
            continue;
        }
        for (line, block) in loose_blocks(&text) {
            let is_file = FILES
                .iter()
                .any(|(_, text)| text.trim_end() == block.trim_end());
            let holder = HELD_ELSEWHERE
                .iter()
                .position(|(of, beginning, _)| *of == page && block.starts_with(beginning));
            held.extend(holder);
            assert!(
                is_file || holder.is_some(),
                "{page}:{line}: name the command that prints it, above it as `<!-- $ COMMAND -->`, \
                 or what compares it in `HELD_ELSEWHERE`"
            );
        }
    }
    assert_eq!(held.len(), HELD_ELSEWHERE.len(), "some are gone: {held:?}");
}

/// All pages that users read, with their texts.
fn all_pages() -> Vec<(String, String)> {
    let folders = [
        "",
        "cli/template",
        "docs",
        "examples/echo",
        "examples/hello",
    ];
    let pages = folders
        .iter()
        .flat_map(|folder| pages_in(Path::new(folder)));
    let read = |page: PathBuf| {
        let text = fs::read_to_string(workspace().join(&page)).expect("the page can be read");
        (page.display().to_string(), text)
    };
    pages.map(read).collect()
}

fn pages_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join(folder)).expect("the folder can be read");
    let names = entries.map(|entry| entry.expect("the entry can be read").file_name());
    let pages = names.map(|name| folder.join(name));
    pages
        .filter(|page| page.extension().is_some_and(|extension| extension == "md"))
        .collect()
}
