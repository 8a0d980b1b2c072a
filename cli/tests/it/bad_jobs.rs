//! Job files that are wrong: exit code 2 (4 when the gang never fits), and a diagnostic that names
//! file, line and column, shows the line, and says what to do.

use std::fs;
use std::net::TcpListener;

use expect_test::{Expect, expect, expect_file};

use crate::support::{Scene, workspace};

/// Where each file is a job that is wrong, with what is said of it in a `.txt` beside it.
const CORPUS: &str = "cli/tests/bad-jobs";

#[test]
fn each_file_of_the_corpus_is_answered_as_it_stands_beside_it() {
    let scene = Scene::new();
    let folder = workspace().join(CORPUS);
    let entries = fs::read_dir(&folder).expect("the corpus is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("a text"))
        .collect();
    names.retain(|name| name.ends_with(".yaml") || name.ends_with(".json"));
    names.sort_unstable();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let ended = scene.run(&["check", &format!("{CORPUS}/{name}")]);
        assert_eq!(ended.code, Some(2), "{name}");
        assert_eq!(ended.stdout, "", "{name}");
        let shown: String = ended
            .stderr
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        expect_file![folder.join(format!("{name}.txt"))].assert_eq(&shown);
    }
}

#[test]
fn what_is_no_text_of_a_job_is_named() {
    let scene = Scene::new();
    let told = |name: &str| {
        let path = scene.folder().join(name).display().to_string();
        let ended = scene.run(&["check", &path]);
        ended.assert_code(2);
        let folder = scene.folder().display().to_string();
        ended.stderr.replace(&folder, "{folder}")
    };
    fs::write(scene.folder().join("latin.yaml"), b"job: caf\xe9\n").expect("it is written");
    expect![[r#"
        error: failed to read the job file `{folder}/latin.yaml`
          caused by: it is not UTF-8: line 1 has the byte 0xe9 at byte 9

        hint: save it as UTF-8, or name the right file: YAML or JSON
    "#]]
    .assert_eq(&told("latin.yaml"));
    scene.file("large.yaml", &"#".repeat((1 << 20) + 1));
    expect![[r#"
        error: failed to read the job file `{folder}/large.yaml`
          caused by: it is larger than 1048576 bytes

        hint: is it the right file? a job file is YAML or JSON
    "#]]
    .assert_eq(&told("large.yaml"));
    expect![[r#"
        error: failed to read the job file `{folder}/`
          caused by: it is a folder

        hint: name one of the files in it, such as `large.yaml`, `latin.yaml`
    "#]]
    .assert_eq(&told(""));
    expect![[r#"
        error: failed to read the job file `{folder}/latn.yaml`
          caused by: No such file or directory (os error 2)

        hint: did you mean `{folder}/latin.yaml`?
    "#]]
    .assert_eq(&told("latn.yaml"));
    expect![[r#"
        error: failed to read the job file `{folder}/nothing/like/it.yaml`
          caused by: No such file or directory (os error 2)

        hint: looked for in `{folder}/nothing/like`, which is no folder; `mesosgot new NAME` makes a new job
    "#]]
    .assert_eq(&told("nothing/like/it.yaml"));
}

#[track_caller]
fn check(scene: &Scene, text: &str, expected: &Expect) {
    let job = scene.job(text);
    // Quiet, because cargo's own lines differ from run to run.
    let ended = scene.run(&["run", "--quiet", &job.display().to_string()]);
    ended.assert_code(2);
    assert_eq!(ended.stdout, "", "results go to stdout, and there is none");
    let folder = job.parent().expect("it has a folder").display().to_string();
    let shown = ended.stderr.replace(&folder, "{folder}");
    // The first line keeps the snapshot from losing what all lines are indented by.
    expected.assert_eq(&format!("stderr:\n{shown}"));
}

const SCHEDULER: &str = "scheduler: { module: guests/director }";

#[test]
fn a_wrong_key_is_shown_with_what_was_meant() {
    let text = format!(
        "job: wrong\n{SCHEDULER}\ntasks:\n  echo:\n    module: guests/actor\n    cuont: 4\n"
    );
    check(
        &Scene::new(),
        &text,
        &expect![[r#"
            stderr:
              x unknown key `cuont`
               ,-[{folder}/job.yaml:6:5]
             5 |     module: guests/actor
             6 |     cuont: 4
               :     ^^|^^
               :       `-- not known here
               `----
              help: did you mean `count`? the keys here are `module`, `count`, `cpus`, `mem`, `disk`, `gpus`, `ports`, `resources`, `args`, `env`, `on_failure`, `restart`, `kill_grace`, `constraints`,
                    `colocate`, `limits`, `allow`
        "#]],
    );
}

#[test]
fn a_missing_module_is_shown() {
    let text =
        format!("job: wrong\n{SCHEDULER}\ntasks:\n  echo: {{ module: nowhere, count: 1 }}\n");
    check(
        &Scene::new(),
        &text,
        &expect![[r#"
            stderr:
              x `nowhere` does not exist
               ,-[{folder}/job.yaml:4:19]
             3 | tasks:
             4 |   echo: { module: nowhere, count: 1 }
               :                   ^^^|^^^
               :                      `-- here
               `----
              help: paths are relative to the folder of the job file
        "#]],
    );
}

#[test]
fn a_count_of_zero_is_shown() {
    let text =
        format!("job: wrong\n{SCHEDULER}\ntasks:\n  echo: {{ module: guests/actor, count: 0 }}\n");
    check(
        &Scene::new(),
        &text,
        &expect![[r#"
            stderr:
              x `count` is 0, less than 1
               ,-[{folder}/job.yaml:4:40]
             3 | tasks:
             4 |   echo: { module: guests/actor, count: 0 }
               :                                        |
               :                                        `-- here
               `----
              help: `count` is from 1 to 10000
        "#]],
    );
}

#[test]
fn a_module_that_is_not_wasm_is_shown() {
    let scene = Scene::new();
    let module = scene.tmp().with_file_name("task.wasm");
    fs::write(module, "#!/bin/sh\n").expect("the file can be written");
    let text =
        format!("job: wrong\n{SCHEDULER}\ntasks:\n  echo: {{ module: task.wasm, count: 1 }}\n");
    check(
        &scene,
        &text,
        &expect![[r#"
            stderr:
              x `task.wasm` of `echo` is not a wasm file: it starts with `#!/b`, not with `\0asm`
               ,-[{folder}/job.yaml:4:19]
             3 | tasks:
             4 |   echo: { module: task.wasm, count: 1 }
               :                   ^^^^|^^^^
               :                       `-- here
               `----
              help: name a `.wasm` file, or the folder of a guest project
        "#]],
    );
}

#[test]
fn an_app_scheduler_in_the_place_of_a_task_is_shown() {
    let text = format!(
        "job: wrong\n{SCHEDULER}\ntasks:\n  echo: {{ module: guests/director, count: 1 }}\n"
    );
    check(
        &Scene::new(),
        &text,
        &expect![[r#"
            stderr:
              x `guests/director` of `echo` is not a task: it does not export `run-task`; it is an app scheduler
               ,-[{folder}/job.yaml:4:19]
             3 | tasks:
             4 |   echo: { module: guests/director, count: 1 }
               :                   ^^^^^^^|^^^^^^^
               :                          `-- here
               `----
              help: mark its function with `#[mesosgot_sdk::task]`
        "#]],
    );
}

/// A cargo package of its own beside the job file.
fn package(scene: &Scene, name: &str, crate_type: &str, source: &str) {
    let folder = scene.folder().join(name);
    fs::create_dir_all(folder.join("src")).expect("it can be made");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[lib]\ncrate-type = \
         [\"{crate_type}\"]\n\n[workspace]\n"
    );
    scene.file(&format!("{name}/Cargo.toml"), &manifest);
    scene.file(&format!("{name}/src/lib.rs"), source);
}

#[test]
fn faults_of_the_file_its_modules_its_projects_and_its_view_are_all_told_at_once() {
    let scene = Scene::new();
    package(&scene, "library", "rlib", "");
    // Not looked at by a compiler as long as anything else is wrong.
    package(&scene, "nonsense", "cdylib", "nonsense");
    fs::create_dir(scene.folder().join("empty")).expect("it can be made");
    scene.file("text.wasm", "#!/bin/sh\n");
    scene.file("nothing.wasm", "");
    fs::write(scene.folder().join("view.html"), b"<p>caf\xe9").expect("it can be written");
    let job = scene.job(
        "job: wrong
view: view.html
scheduler: { module: nothing.wasm }
tasks:
  a: { module: text.wasm }
  b: { module: library, cuont: 2 }
  c: { module: empty }
  d: { module: nonsense }
",
    );
    let ended = scene.run(&["check", "--output", "json", &job.display().to_string()]);
    ended.assert_code(2);
    assert!(!ended.stderr.contains("Compiling"), "{}", ended.stderr);
    let folder = scene.folder().display().to_string();
    let told: String = ended
        .events()
        .iter()
        .filter(|event| event["event"] == "diagnostic")
        .map(|event| {
            let message = event["message"].as_str().expect("it is a text");
            let message = message.replace(&folder, "{folder}");
            format!("{}:{}: {message}\n", event["line"], event["column"])
        })
        .collect();
    expect![[r#"
        2:7: `view.html` cannot be a view: it is not UTF-8
        3:22: `nothing.wasm` is not a wasm file: it starts with nothing (the file is empty), not with `\0asm`
        5:16: `text.wasm` of `a` is not a wasm file: it starts with `#!/b`, not with `\0asm`
        6:16: `{folder}/library` is not a guest project: its library is not a `cdylib`
        6:25: unknown key `cuont`
        7:16: the folder `empty` has no `Cargo.toml`
    "#]].assert_eq(&told);
}

#[test]
fn of_projects_that_do_not_compile_all_are_told() {
    let scene = Scene::new();
    let source = |name: &str| format!("compile_error!(\"{name} is unfinished\");");
    package(&scene, "first", "cdylib", &source("first"));
    package(&scene, "second", "cdylib", &source("second"));
    package(&scene, "third", "cdylib", &source("third"));
    // Two of them are of one workspace.
    let members = "[workspace]\nmembers = [\"../third\"]\n";
    let manifest = scene.folder().join("second/Cargo.toml");
    let second = fs::read_to_string(&manifest).expect("it is there");
    let second = second.replace("[workspace]\n", members);
    scene.file("second/Cargo.toml", &second);
    let manifest = scene.folder().join("third/Cargo.toml");
    let third = fs::read_to_string(&manifest).expect("it is there");
    let third = third.replace("[workspace]\n", "");
    let third = third.replace("edition", "workspace = \"../second\"\nedition");
    scene.file("third/Cargo.toml", &third);
    let job = scene.job(
        "job: wrong
scheduler: { module: first }
tasks:
  a: { module: second }
  b: { module: third }
",
    );
    let target = scene.folder().join("target").display().to_string();
    let job = job.display().to_string();
    // One after the other, so that the first failure could end the rest.
    let variables = [("CARGO_TARGET_DIR", &*target), ("CARGO_BUILD_JOBS", "1")];
    let ended = scene.start_with(&variables, &["check", &job]).wait();
    ended.assert_code(2);
    scene.assert_clean();
    for name in ["first", "second", "third"] {
        let told = format!("error: {name} is unfinished");
        assert_eq!(ended.stderr.matches(&told).count(), 1, "{}", ended.stderr);
    }
    let last = ended.stderr.lines().last().expect("there is an error");
    expect!["error: `cargo build --release --target wasm32-wasip2 --package first` and `cargo build --release --target wasm32-wasip2 --package second --package third` failed; cargo's messages are above"].assert_eq(last);
}

#[test]
fn what_cannot_be_fetched_is_told_before_anything_is_compiled() {
    let scene = Scene::new();
    package(&scene, "nonsense", "cdylib", "nonsense");
    // Nobody listens there any more.
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let digest = "0".repeat(64);
    let job = scene.job(&format!(
        "job: wrong
scheduler: {{ module: nonsense }}
tasks:
  a: {{ module: 'http://{address}/a.wasm#sha256:{digest}' }}
  b: {{ module: 'http://{address}/b.wasm#sha256:{digest}' }}
"
    ));
    let ended = scene.run(&["check", "--output", "json", &job.display().to_string()]);
    ended.assert_code(2);
    let events = ended.events();
    let lines: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "diagnostic")
        .map(|event| event["line"].as_u64())
        .collect();
    assert_eq!(lines, [Some(4), Some(5)], "{events:?}");
    assert!(!ended.stderr.contains("nonsense"), "{}", ended.stderr);
}

#[test]
fn a_gang_that_never_fits_ends_after_its_timeout_with_the_reason() {
    let scene = Scene::new();
    let job = scene.job(
        "job: huge
gang: { timeout: 2s }
scheduler: { module: guests/director }
tasks:
  echo: { module: guests/actor, count: 3, cpus: 500, mem: 32MiB }
",
    );
    let ended = scene.run(&["run", &job.display().to_string(), "--output", "json"]);
    ended.assert_code(4);
    let events = ended.events();
    let misfit = events.iter().find(|event| event["event"] == "diagnostic");
    let place = misfit.map(|event| (event["line"].as_u64(), event["column"].as_u64()));
    assert_eq!(
        place,
        Some((Some(5), Some(49))),
        "`cpus` is at fault: {events:?}"
    );
    let outcome = ended.outcome();
    assert_eq!(outcome["outcome"], "never_placed");
    let reason = outcome["reason"].as_str().expect("there is a reason");
    assert!(
        reason.contains("echo") && reason.contains("cpus"),
        "{reason}"
    );
}

#[test]
fn a_job_file_that_is_not_there_is_named() {
    let scene = Scene::new();
    let ended = scene.run(&["run", "no/such/job.yaml"]);
    ended.assert_code(2);
    assert!(
        ended.stderr.contains("no/such/job.yaml"),
        "{}",
        ended.stderr
    );
    let outcome = scene
        .run(&["run", "no/such/job.yaml", "--output", "json"])
        .outcome();
    let expected = (&"not_run".into(), &2.into());
    assert_eq!((&outcome["outcome"], &outcome["exit_code"]), expected);
}
