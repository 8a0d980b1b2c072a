//! Texts that are no YAML, and how what is wrong with one is printed.

use expect_test::expect;
use mesosgot_job::JOB_BYTES_MAX;

use super::check;
use crate::read;

#[test]
fn what_is_no_yaml_is_shown_where_it_ends_to_be() {
    check(
        "job: j\n  tasks: 3\n",
        expect![[r#"
            2:8: not valid YAML: mapping values are not allowed in this context
            |   tasks: 3
            |        ^^^
            = is a `:` missing in the line before, or this line indented too far?
        "#]],
    );
    check(
        "job: [j\n",
        expect![[r#"
            1:6: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence
            | job: [j
            |      ^^ begins here and does not end
        "#]],
    );
    check(
        "job: *j\n",
        expect![[r#"
        1:6: not valid YAML: unknown anchor
        | job: *j
        |      ^^
    "#]],
    );
    check(
        "job: \"a\\q\"\n",
        expect![[r#"
            1:8: not valid YAML: found unknown escape character, while parsing a quoted scalar
            | job: "a\q"
            |        ^^^
        "#]],
    );
    check(
        "job: j\n---\njob: k\n",
        expect![[r#"
            2:1: the file goes on after the end of the job
            | ---
            | ^^^
            = a job file is one YAML document, or one JSON object
        "#]],
    );
    check(
        "job:\tj\n\t- x\n",
        expect![[r#"
            2:1: not valid YAML: found a tab character that violates indentation, while scanning a plain scalar
            | 	- x
            | ^^^^
            = indent by spaces, not by tabs
        "#]],
    );
}

#[test]
fn columns_count_characters() {
    check(
        "job: j\nscheduler: { module: \"äöü.wasm\", ars: [] }\n",
        expect![[r#"
            1:1: the job has no tasks
            | job: j
            | ^^^^^^
            = write `tasks: { NAME: { module: PATH, count: 1 } }`
            2:22: `äöü.wasm` does not exist
            | scheduler: { module: "äöü.wasm", ars: [] }
            |                      ^^^^^^^^^^
            = paths are relative to the folder of the job file
            2:34: unknown key `ars`
            | scheduler: { module: "äöü.wasm", ars: [] }
            |                                  ^^^ not known here
            = did you mean `args`? the keys here are `module`, `args`, `env`
        "#]],
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text = "#".repeat(JOB_BYTES_MAX + 1);
    let diagnostics = read(&text).unwrap_err();
    assert_eq!(
        diagnostics.list[0].message,
        "the file is larger than 1048576 bytes"
    );
    assert!(
        read(&text[1..]).unwrap_err().list[0]
            .message
            .contains("no job in it")
    );
}

#[test]
fn diagnostics_print_as_lines() {
    let diagnostics = read("job: j\ntaks: {}\n").unwrap_err();
    expect![[r#"
        job.yaml:1:1: the job has no app scheduler (write `scheduler: { module: PATH }`, or `scheduler: console` to see messages and send them by hand)
        job.yaml:2:1: unknown key `taks` (did you mean `tasks`? the keys here are `job`, `cluster`, `scheduler`, `gang`, `defaults`, `tasks`, `executor`, `channels`, `serve`, `modules`, `view`)"#]].assert_eq(&diagnostics.to_string());
}
