//! Commands that make files for others: new jobs, schemas, completions, manual pages.

use std::fs;
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

#[test]
fn shells_complete_the_commands_and_manuals_have_a_page_for_each() {
    let scene = Scene::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = scene.run(&["completions", shell]);
        printed.assert_code(0);
        assert!(printed.stdout.contains("plan"), "{shell}");
    }
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
    for page in ["mesosgot", "mesosgot-run", "mesosgot-new"] {
        let page = fs::read_to_string(folder.join(format!("{page}.1"))).expect("there is a page");
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}
