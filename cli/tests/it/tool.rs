//! Commands that make files for others: new jobs, schemas, completions, manual pages.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::process::Command;

use serde_json::Value;

use crate::support::{Scene, workspace};

#[test]
fn a_new_job_runs_and_its_tests_pass() {
    let scene = Scene::new();
    let folder = scene.tmp().join("demo");
    let folder = folder.to_str().expect("a text");
    let made = scene.start(&["new", folder]).wait();
    made.assert_code(0);
    assert!(
        made.stderr
            .contains(&format!("mesosgot run {folder}/demo.yaml")),
        "{}",
        made.stderr
    );
    // The versions of libraries that this workspace is built with: they are here.
    fs::copy(
        workspace().join("Cargo.lock"),
        format!("{folder}/Cargo.lock"),
    )
    .expect("it is copied");
    let target = workspace().join("target/new-job");
    let target = target.to_str().expect("a text");
    let variables = [("CARGO_TARGET_DIR", target), ("CARGO_NET_OFFLINE", "true")];

    let run = [
        "run",
        &format!("{folder}/demo.yaml"),
        "--",
        "--numbers",
        "10",
    ];
    let ran = scene.start_with(&variables, &run).wait();
    ran.assert_code(0);
    let sum = "4 workers: the squares of 1 to 10 add up to 385";
    assert!(ran.stdout.contains(sum), "{}", ran.stdout);

    let tests = Command::new(env!("CARGO"))
        .args(["test", "--quiet"])
        .current_dir(folder)
        .envs(variables)
        .output()
        .expect("cargo can be run");
    let printed = String::from_utf8_lossy(&tests.stdout);
    assert!(
        tests.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&tests.stderr)
    );
    assert!(printed.contains("2 passed"), "{printed}");
}

#[test]
fn a_new_job_takes_no_place_that_is_taken_and_no_name_that_is_none() {
    let scene = Scene::new();
    scene.file("here", "mine");
    let here = scene.tmp().parent().expect("it has one").join("here");
    let ended = scene.run(&["new", here.to_str().expect("a text")]);
    ended.assert_code(2);
    assert!(
        ended.stderr.contains("is there already"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(here).expect("it is there"), "mine");

    let ended = scene.run(&["new", "my job"]);
    ended.assert_code(2);
    assert!(
        ended.stderr.contains("it has the character ` `"),
        "{}",
        ended.stderr
    );

    let nowhere = scene.tmp().join("nowhere/demo");
    let ended = scene.run(&["new", nowhere.to_str().expect("a text")]);
    ended.assert_code(1);
    assert!(
        ended.stderr.contains("failed to write to `"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_schema_knows_the_keys_of_a_job() {
    let printed = Scene::new().run(&["schema"]);
    printed.assert_code(0);
    let schema: Value = serde_json::from_str(&printed.stdout).expect("it is JSON");
    for key in ["job", "scheduler", "tasks", "gang", "cluster", "defaults"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

/// The commands, as the help text lists them.
fn commands() -> Vec<String> {
    let help = Scene::new().run(&["--help"]);
    help.assert_code(0);
    let lines = help.stdout.lines();
    let listed = lines.skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    for known in ["run", "restart", "man", "help"] {
        assert!(names.iter().any(|name| name == known), "{names:?}");
    }
    names
}

#[test]
fn shells_complete_every_command() {
    let commands = commands();
    for (shell, offer) in [
        ("bash", "mesosgot,NAME)"),
        ("elvish", "cand NAME '"),
        ("fish", r#"-n "__fish_mesosgot_needs_command" -f -a "NAME""#),
        ("powershell", "[CompletionResult]::new('NAME', "),
        ("zsh", "'NAME:"),
    ] {
        let printed = Scene::new().run(&["completions", shell]);
        printed.assert_code(0);
        for command in &commands {
            let offer = offer.replace("NAME", command);
            assert!(printed.stdout.contains(&offer), "{shell}: {command}");
        }
        check_syntax(shell, &printed.stdout);
    }
}

/// Has the shell read the script, where it is installed and can read without running.
#[track_caller]
fn check_syntax(shell: &str, script: &str) {
    if !["bash", "fish", "zsh"].contains(&shell) {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("script");
    fs::write(&path, script).expect("it can be written");
    match Command::new(shell).arg("-n").arg(&path).output() {
        Ok(read) => assert!(
            read.status.success() && read.stderr.is_empty(),
            "{shell}: {}",
            String::from_utf8_lossy(&read.stderr)
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped(&format!("{shell} is not installed, so it reads no script"));
        }
        Err(error) => panic!("{shell}: {error}"),
    }
}

/// Says what is not tested, past the capture of the test runner.
fn skipped(why: &str) {
    writeln!(io::stderr(), "skipped: {why}").expect("stderr is there");
}

#[test]
fn bash_completes_a_command_and_a_flag_that_are_begun() {
    let scene = Scene::new();
    let script = r#"
        source <("$0" completions bash)
        COMP_WORDS=(mesosgot rest); COMP_CWORD=1
        _mesosgot mesosgot rest mesosgot; echo "${COMPREPLY[@]}"
        COMP_WORDS=(mesosgot logs --foll); COMP_CWORD=2
        _mesosgot mesosgot --foll logs; echo "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["-c", script, env!("CARGO_BIN_EXE_mesosgot")]);
    if Command::new("bash").arg("--version").output().is_err() {
        skipped("bash is not installed, so nothing is completed");
        return;
    }
    let ended = scene.start_command(bash, scene.folder(), &[]).wait();
    ended.assert_code(0);
    assert_eq!(ended.stdout, "restart\n--follow\n", "{}", ended.stderr);
}

#[test]
fn manuals_have_a_page_for_each_command() {
    let scene = Scene::new();
    let printed = scene.run(&["man"]);
    printed.assert_code(0);
    assert!(
        printed.stdout.contains(".TH mesosgot 1"),
        "{}",
        printed.stdout
    );

    let pages = tempfile::tempdir().expect("a temporary directory can be made");
    let folder = pages.path().join("man1");
    let written = scene.run(&["man", "--dir", folder.to_str().expect("a text")]);
    written.assert_code(0);
    let mut commands = commands();
    commands.retain(|command| command != "help");
    for command in &commands {
        let page = folder.join(format!("mesosgot-{command}.1"));
        let page = fs::read_to_string(page).expect("there is a page");
        assert!(
            page.contains(&format!(".TH mesosgot-{command} 1")),
            "{page}"
        );
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
        // The page of all leads to it.
        let link = format!("mesosgot\\-{command}(1)");
        assert!(printed.stdout.contains(&link), "{command}");
    }
    let written = fs::read_dir(folder).expect("it is there").count();
    assert_eq!(written, commands.len() + 1);
}
