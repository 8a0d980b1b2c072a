//! Commands that make files for others: `new`, `schema`, `completions`, `man`.

use expect_test::expect;

use super::check;
use crate::support::Scene;

#[test]
fn a_new_job_is_told_with_how_to_run_it() {
    check(
        &Scene::new(),
        "new demo",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
                  Made `demo`; run it with `mesosgot run demo/demo.yaml`
    "#]],
    );
}

#[test]
fn a_new_job_is_told_to_programs() {
    check(
        &Scene::new(),
        "new demo --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"made","job":"demo","folder":"demo","job_file":"demo/demo.yaml"}
        stderr:
    "#]],
    );
}

#[test]
fn a_place_that_is_taken_is_named() {
    check(
        &Scene::new(),
        "new guests",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `guests` is there already

          hint: choose another name
    "#]],
    );
}

#[test]
fn a_name_that_is_none_is_told_with_what_names_have() {
    check(
        &Scene::new(),
        "new 'my job'",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: `my job` cannot be the name of a job
            caused by: it has the character ` `

          hint: a name is made of letters, digits, `-`, `_` and `.`
    "#]],
    );
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    check(
        &Scene::new(),
        "new nowhere/demo",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to make `nowhere/demo`
                caused by: failed to write to `nowhere`
                caused by: No such file or directory (os error 2)

              hint: make `nowhere` first: `mkdir -p nowhere`
        "#]],
    );
}

#[test]
fn a_file_above_a_new_job_is_named() {
    let scene = Scene::new();
    scene.file("taken", "mine");
    check(
        &scene,
        "new taken/demo",
        &expect![[r#"
        exit 1
        stdout:
        stderr:
          error: failed to make `taken/demo`
            caused by: failed to write to `taken`
            caused by: not a directory

          hint: `taken` is no folder; choose another place
    "#]],
    );
}

#[test]
fn a_language_that_is_none_is_told_with_those_that_are() {
    check(
        &Scene::new(),
        "new demo --lang cobol",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value 'cobol' for '--lang <LANGUAGE>'
            [possible values: rust]

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn the_schema_is_printed() {
    check(
        &Scene::new(),
        "schema",
        &expect![[r#"
        exit 0
        stdout:
          {
            "$defs": {
              "Allow": {
                "additionalProperties": false,
          …
        stderr:
    "#]],
    );
}

#[test]
fn completions_are_printed() {
    check(
        &Scene::new(),
        "completions bash",
        &expect![[r#"
        exit 0
        stdout:
          _mesosgot() {
              local i cur prev opts cmd
              COMPREPLY=()
              if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
          …
        stderr:
    "#]],
    );
}

#[test]
fn a_shell_that_is_none_is_told_with_those_that_are() {
    check(
        &Scene::new(),
        "completions csh",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value 'csh' for '<SHELL>'
            [possible values: bash, elvish, fish, powershell, zsh]

            tip: a similar value exists: 'zsh'

          For more information, try '--help'.
    "#]],
    );
}

#[test]
fn the_manual_page_is_printed() {
    check(
        &Scene::new(),
        "man",
        &expect![[r#"
        exit 0
        stdout:
          .ie \n(.g .ds Aq \(aq
          .el .ds Aq '
          .TH mesosgot 1  "mesosgot {version}" 
          .SH NAME
          …
        stderr:
    "#]],
    );
}

#[test]
fn manual_pages_are_written() {
    check(
        &Scene::new(),
        "man --dir pages",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
               Written manual pages to `pages`
    "#]],
    );
}

#[test]
fn manual_pages_that_cannot_be_written_are_told() {
    let scene = Scene::new();
    scene.file("taken", "mine");
    check(
        &scene,
        "man --dir taken",
        &expect![[r#"
            exit 1
            stdout:
            stderr:
              error: failed to write manual pages to `taken`
                caused by: File exists (os error 17)

              hint: name a folder that can be written to, or a new one
        "#]],
    );
}
