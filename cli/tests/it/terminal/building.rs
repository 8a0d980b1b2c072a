//! Guests that are compiled while somebody looks on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::*;
use crate::support::{RUN_TIME_MAX, workspace};

/// A guest project that compiles once [`Gate::open`] is called, and a job with it as its task.
struct Gate {
    /// Both ends: as long as this is there, whoever reads the pipe waits.
    pipe: File,
}

impl Gate {
    /// Each has a name of its own: cargo takes two packages of one name for the same.
    fn new(scene: &Scene, name: &str, source: &str) -> Self {
        let folder = scene.folder().join(name);
        fs::create_dir_all(folder.join("src")).expect("it can be made");
        let sdk = workspace().join("sdk").display().to_string();
        scene.file(
            &format!("{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[lib]\ncrate-type = \
                 [\"cdylib\"]\n\n[dependencies]\nmesosgot-sdk = {{ path = {sdk:?} }}\n\n\
                 [profile.release]\ndebug = false\nlto = \"off\"\nstrip = \"debuginfo\"\n\n\
                 [workspace]\n"
            ),
        );
        // The versions of libraries that this workspace is built with: they are here.
        fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("it is copied");
        scene.file(
            &format!("{name}/build.rs"),
            "use std::io::Read as _;

fn main() {
    let mut gate = std::fs::File::open(\"gate\").unwrap();
    gate.read_exact(&mut [0; 4]).unwrap();
    println!(\"cargo:warning=the gate was slow\");
}
",
        );
        scene.file(&format!("{name}/src/lib.rs"), source);
        scene.job(&format!(
            "job: lift\nscheduler: {{ module: director.wasm }}\ntasks:\n  one: {{ module: {name} \
             }}\n"
        ));
        let gate = folder.join("gate");
        let made = Command::new("mkfifo").arg(&gate).status();
        assert!(made.expect("there is mkfifo").success());
        let pipe = File::options().read(true).write(true).open(&gate);
        Self {
            pipe: pipe.expect("it can be opened"),
        }
    }

    /// What waits there now, or comes later, goes on.
    fn open(&mut self) {
        self.pipe.write_all(b"open").expect("it takes some bytes");
    }
}

/// A task that compiles.
const GOOD: &str = "
use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};

#[mesosgot_sdk::task]
fn slow(_inbox: Receiver, _outbox: Sender, _args: Args, _env: Env) -> Result<(), Error> {
    let unused = 1;
    Ok(())
}
";

/// Starts the program where libraries are compiled already, with these variables as well.
fn start(scene: &Scene, variables: &[(&str, &str)], columns: u16, args: &[&str]) -> Session {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("");
    let target = target.display().to_string();
    let common = [
        ("CARGO_TARGET_DIR", target.as_str()),
        ("CARGO_NET_OFFLINE", "true"),
    ];
    let setting = Setting {
        variables: &[&common, variables].concat(),
        ..Setting::of(columns, 24)
    };
    Session::start(scene, &setting, args)
}

/// Waits until the area says that the guest's build script runs.
#[track_caller]
fn wait_until_it_builds(session: &mut Session, name: &str) -> String {
    let script = format!("{name}(build)");
    session.wait_for("area about the build script", |screens| {
        let rows = screens.rows();
        let headline = headline(&rows)?;
        headline.contains(&script).then(|| headline.clone())
    })
}

#[test]
fn the_area_says_how_far_a_build_is_below_what_cargo_says() {
    let scene = scene();
    let mut gate = Gate::new(&scene, "slow", GOOD);
    let mut session = start(&scene, &[], 120, &["build", "job.yaml"]);
    let headline = wait_until_it_builds(&mut session, "slow");
    let form = Regex::new(r"^── building \d+/\d+, (.+, )?slow\(build\)(, .+)? ─+ (\d+m )?\d+s$");
    let form = form.expect("it is a pattern");
    assert!(form.is_match(&headline), "{headline}");
    assert_eq!(headline.chars().count(), 119);
    assert!(!session.echoes(), "there is an area");
    gate.open();
    let mut recorded = session.finish();
    assert_eq!(recorded.code, 0, "{:#?}", recorded.screens.lines());
    let lines = recorded.screens.lines();
    let has = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    for text in [
        "    Building slow",
        "   Compiling slow v0.0.0",
        "warning: slow@0.0.0: the gate was slow",
        "warning: unused variable: `unused`",
        " --> src/lib.rs:6:9",
        "    Finished `release` profile",
        "       Built slow (",
    ] {
        assert_eq!(has(text), 1, "{text}:\n{}", lines.join("\n"));
    }
    assert_eq!(has("─") + has("Building ["), 0, "{}", lines.join("\n"));
    // In the colours of cargo.
    let text = String::from_utf8_lossy(&recorded.bytes);
    assert!(text.contains("\x1b[33mwarning"), "{text:?}");
}

#[test]
fn a_guest_that_does_not_compile_is_told_whole_and_nothing_of_the_area_is_left() {
    let scene = scene();
    let mut gate = Gate::new(
        &scene,
        "unfinished",
        "compile_error!(\"the slow one is unfinished\");\n",
    );
    let mut session = start(&scene, &[("NO_COLOR", "1")], 80, &["run", "job.yaml"]);
    wait_until_it_builds(&mut session, "unfinished");
    gate.open();
    let mut recorded = session.finish();
    assert_eq!(recorded.code, 2);
    scene.assert_clean();
    let lines = recorded.screens.lines();
    let begin = lines.iter().position(|line| line.starts_with("error: the"));
    let begin = begin.unwrap_or_else(|| panic!("{}", lines.join("\n")));
    let told = [
        "error: the slow one is unfinished",
        " --> src/lib.rs:1:1",
        "  |",
        "1 | compile_error!(\"the slow one is unfinished\");",
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ];
    assert_eq!(&lines[begin..begin + told.len()], told);
    let last = "error: `cargo build --release --target wasm32-wasip2 --package unfinished` failed; \
                cargo's messages are above";
    assert_eq!(lines.last().map(String::as_str), Some(last));
    assert!(!lines.iter().any(|line| line.contains('─')), "{lines:#?}");
}

#[test]
fn a_quiet_build_says_nothing_but_what_is_wrong() {
    let scene = scene();
    let gate = Gate::new(
        &scene,
        "hushed",
        "compile_error!(\"the slow one is unfinished\");\n",
    );
    // So it is never shut.
    scene.file("hushed/build.rs", "fn main() {}\n");
    drop(gate);
    let args = ["build", "job.yaml", "--quiet"];
    let mut recorded = start(&scene, &[("NO_COLOR", "1")], 80, &args).finish();
    assert_eq!(recorded.code, 2);
    let lines = recorded.screens.lines();
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has("error: the slow one is unfinished"), "{lines:#?}");
    for text in ["─", "uilding", "Compiling", "Finished"] {
        assert!(!has(text), "{text}:\n{}", lines.join("\n"));
    }
}

/// The processes that work in a folder.
fn processes_in(folder: &Path) -> usize {
    let processes = fs::read_dir("/proc").expect("/proc can be read");
    let folders = processes.filter_map(|entry| fs::read_link(entry.ok()?.path().join("cwd")).ok());
    folders.filter(|it| it.starts_with(folder)).count()
}

#[test]
fn a_build_that_is_interrupted_leaves_neither_area_nor_compiler() {
    let scene = scene();
    let gate = Gate::new(&scene, "interrupted", GOOD);
    let args = ["build", "job.yaml"];
    let mut session = start(&scene, &[("NO_COLOR", "1")], 80, &args);
    wait_until_it_builds(&mut session, "interrupted");
    let folder = scene.folder().join("interrupted");
    let deadline = Instant::now() + RUN_TIME_MAX;
    while processes_in(&folder) == 0 {
        assert!(Instant::now() < deadline, "the build script does not start");
        std::thread::yield_now();
    }
    let mut recorded = interrupt(&scene, session);
    let lines = recorded.screens.lines();
    assert!(!lines.iter().any(|line| line.contains('─')), "{lines:#?}");
    while processes_in(&folder) > 0 {
        assert!(Instant::now() < deadline, "the build script goes on");
        std::thread::yield_now();
    }
    drop(gate);
}
