//! `mesosgot build`.

use std::fs;

use expect_test::expect;

use super::{PAIR, check, scene};

#[test]
fn modules_that_are_made_are_told() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "build job.yaml",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                 Built director.wasm ({size})
                 Built actor.wasm ({size})
    "#]],
    );
}

#[test]
fn modules_that_are_made_are_told_to_programs_with_their_digests() {
    let scene = scene();
    scene.job(PAIR);
    check(
        &scene,
        "build job.yaml --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"module","module":"director.wasm","bytes":{number},"sha256":"{digest}"}
          {"event":"module","module":"actor.wasm","bytes":{number},"sha256":"{digest}"}
        stderr:
    "#]],
    );
}

#[test]
fn a_folder_without_a_project_is_shown() {
    let scene = scene();
    fs::create_dir(scene.folder().join("empty")).expect("a folder can be made");
    scene.job(&PAIR.replace("actor.wasm", "empty"));
    check(
        &scene,
        "build job.yaml --quiet",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
            x the folder `empty` has no `Cargo.toml`
             ,-[job.yaml:4:19]
           3 | tasks:
           4 |   echo: { module: empty }
             :                   ^^|^^
             :                     `-- here
             `----
            help: a guest project is a folder with a cargo package
    "#]],
    );
}

#[test]
fn a_file_that_is_no_module_is_shown() {
    let scene = scene();
    scene.file("task.wasm", "#!/bin/sh\n");
    scene.job(&PAIR.replace("actor.wasm", "task.wasm"));
    check(
        &scene,
        "build job.yaml --quiet",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
            x `task.wasm` of `echo` is not a wasm file: it starts with `#!/b`, not with `\0asm`
             ,-[job.yaml:4:19]
           3 | tasks:
           4 |   echo: { module: task.wasm }
             :                   ^^^^|^^^^
             :                       `-- here
             `----
            help: name a `.wasm` file, or the folder of a guest project
    "#]],
    );
}

#[test]
fn a_job_file_that_is_not_there_is_named() {
    check(
        &scene(),
        "build nowhere.yaml",
        &expect![[r#"
            exit 2
            stdout:
            stderr:
              error: failed to read the job file `nowhere.yaml`
                caused by: No such file or directory (os error 2)

              hint: looked for in `{folder}`; `mesosgot new NAME` makes a new job
        "#]],
    );
}
