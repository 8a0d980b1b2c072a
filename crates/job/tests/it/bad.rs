//! Files that are no jobs, and what is said about them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use mesosgot_job::{Diagnostics, JOB_BYTES_MAX};

use crate::{minimal, read};

/// Draws the diagnostics with the marked piece of the source line, as plainly as can be.
fn drawn(diagnostics: &Diagnostics) -> String {
    let mut drawing = String::new();
    for diagnostic in &diagnostics.list {
        let line = diagnostics
            .text
            .lines()
            .nth(diagnostic.line - 1)
            .unwrap_or_default();
        let marked = diagnostics.text[diagnostic.span.clone()]
            .chars()
            .count()
            .max(1);
        let label = diagnostic.label.as_deref().unwrap_or_default();
        writeln!(
            drawing,
            "{}:{}: {}",
            diagnostic.line, diagnostic.column, diagnostic.message
        )
        .unwrap();
        writeln!(drawing, "| {line}").unwrap();
        let marks = format!(
            "{}{} {label}",
            " ".repeat(diagnostic.column - 1),
            "^".repeat(marked)
        );
        writeln!(drawing, "| {}", marks.trim_end()).unwrap();
        if let Some(help) = &diagnostic.help {
            writeln!(drawing, "= {help}").unwrap();
        }
    }
    drawing
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&drawn(&read(text).unwrap_err()));
}

/// A job that is right but for its tasks.
#[track_caller]
fn check_tasks(tasks: &str, expected: Expect) {
    check(&minimal(&format!("tasks:\n{tasks}")), expected);
}

/// A job that is right but for a section before its tasks.
#[track_caller]
fn check_section(section: &str, expected: Expect) {
    check(
        &minimal(&format!(
            "{section}\ntasks: {{ a: {{ module: floor.wasm }} }}"
        )),
        expected,
    );
}

#[test]
fn a_wrong_key_is_named_with_the_one_that_was_meant() {
    check_tasks(
        "  a:\n    module: floor.wasm\n    cuont: 3\n",
        expect![[r#"
            6:5: unknown key `cuont`
            |     cuont: 3
            |     ^^^^^ not known here
            = did you mean `count`? the keys here are `module`, `count`, `cpus`, `mem`, `disk`, `gpus`, `ports`, `resources`, `args`, `env`, `on_failure`, `restart`, `kill_grace`, `constraints`, `colocate`, `limits`, `allow`
        "#]],
    );
}

#[test]
fn a_wrong_key_at_the_top_is_found_too() {
    check(
        "job: j\ntask: {}\n",
        expect![[r#"
            1:1: the job has no app scheduler
            | job: j
            | ^^^^^^
            = write `scheduler: { module: PATH }`, or `scheduler: console` to see messages and send them by hand
            2:1: unknown key `task`
            | task: {}
            | ^^^^ not known here
            = did you mean `tasks`? the keys here are `job`, `cluster`, `scheduler`, `gang`, `defaults`, `tasks`, `executor`, `channels`, `serve`, `modules`, `view`
        "#]],
    );
}

#[test]
fn a_key_like_no_other_is_answered_with_all_that_are_right() {
    check_section(
        "gang: { replicas: 3 }",
        expect![[r#"
        3:9: unknown key `replicas`
        | gang: { replicas: 3 }
        |         ^^^^^^^^ not known here
        = the keys here are `timeout`, `hold`, `strategy`
    "#]],
    );
}

#[test]
fn a_missing_module_is_named_with_the_one_that_is_there() {
    check_tasks(
        "  a: { module: tasks/elevatr }\n",
        expect![[r#"
            4:16: `tasks/elevatr` does not exist
            |   a: { module: tasks/elevatr }
            |                ^^^^^^^^^^^^^
            = did you mean `tasks/elevator`?
        "#]],
    );
    check_tasks(
        "  a: { module: task/elevator }\n",
        expect![[r#"
        4:16: `task/elevator` does not exist
        |   a: { module: task/elevator }
        |                ^^^^^^^^^^^^^
        = did you mean `tasks/elevator`?
    "#]],
    );
    check_tasks(
        "  a: { module: nowhere.wasm }\n",
        expect![[r#"
            4:16: `nowhere.wasm` does not exist
            |   a: { module: nowhere.wasm }
            |                ^^^^^^^^^^^^
            = paths are relative to the folder of the job file
        "#]],
    );
}

#[test]
fn a_count_of_nothing_is_refused() {
    check_tasks(
        "  a: { module: floor.wasm, count: 0 }\n",
        expect![[r#"
            4:35: `count` is 0, less than 1
            |   a: { module: floor.wasm, count: 0 }
            |                                   ^
            = `count` is from 1 to 10000
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, count: -3 }\n",
        expect![[r#"
            4:35: `count` is -3, which is negative
            |   a: { module: floor.wasm, count: -3 }
            |                                   ^^
            = `count` is from 1 to 10000
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, count: 2.5 }\n",
        expect![[r#"
            4:35: `count` is 2.5, not a whole number
            |   a: { module: floor.wasm, count: 2.5 }
            |                                   ^^^
            = `count` is from 1 to 10000
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, count: 10001 }\n",
        expect![[r#"
            4:35: `count` is 10001, more than 10000
            |   a: { module: floor.wasm, count: 10001 }
            |                                   ^^^^^
            = `count` is from 1 to 10000
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, count: }\n  b: { module: floor.wasm, count: many }\n",
        expect![[r#"
            5:35: `count` is many, not a whole number
            |   b: { module: floor.wasm, count: many }
            |                                   ^^^^
            = `count` is from 1 to 10000
        "#]],
    );
}

#[test]
fn an_empty_file_lacks_everything() {
    check(
        "",
        expect![[r#"
            1:1: the file has no job in it
            | 
            | ^
            = `mesosgot new NAME` makes a job that runs
        "#]],
    );
}

#[test]
fn a_job_needs_tasks() {
    check(
        &minimal(""),
        expect![[r#"
        1:1: the job has no tasks
        | job: j
        | ^^^^^^
        = write `tasks: { NAME: { module: PATH, count: 1 } }`
    "#]],
    );
    check(
        &minimal("tasks:\n"),
        expect![[r#"
        3:1: the job has no tasks
        | tasks:
        | ^^^^^
        = write `tasks: { NAME: { module: PATH, count: 1 } }`
    "#]],
    );
    check(
        &minimal("tasks: {}\n"),
        expect![[r#"
        3:1: the job has no tasks
        | tasks: {}
        | ^^^^^
        = write `tasks: { NAME: { module: PATH, count: 1 } }`
    "#]],
    );
}

#[test]
fn an_app_scheduler_is_a_module_or_the_console() {
    let tasks = "tasks: { a: { module: floor.wasm } }";
    let with = |scheduler: &str| format!("job: j\nscheduler: {scheduler}\n{tasks}\n");
    check(
        &with("consol"),
        expect![[r#"
        2:12: `consol` is no app scheduler
        | scheduler: consol
        |            ^^^^^^
        = did you mean `console`?
    "#]],
    );
    check(
        &with("tasks/dispatcher"),
        expect![[r#"
        2:12: `tasks/dispatcher` is no app scheduler
        | scheduler: tasks/dispatcher
        |            ^^^^^^^^^^^^^^^^
        = write `scheduler: { module: tasks/dispatcher }` for a module, or `scheduler: console` to see messages and send them by hand
    "#]],
    );
    check(
        &with("[console]"),
        expect![[r#"
        2:12: expected the keys of `scheduler` or `console`, found a list
        | scheduler: [console]
        |            ^^^^^^^^^
    "#]],
    );
    check(
        &with("{ modul: tasks/dispatcher }"),
        expect![[r#"
        2:14: unknown key `modul`
        | scheduler: { modul: tasks/dispatcher }
        |              ^^^^^ not known here
        = did you mean `module`? the keys here are `module`, `args`, `env`
    "#]],
    );
    check(
        &with("{ module: tasks/dispatcher, args: { a: b } }"),
        expect![[r#"
            2:46: expected a list, found a mapping
            | scheduler: { module: tasks/dispatcher, args: { a: b } }
            |                                              ^^^^^^^^^
            = write a list: `[]`
        "#]],
    );
}

#[test]
fn a_group_and_a_scheduler_need_a_module() {
    check(
        "job: j\nscheduler: {}\ntasks:\n  a: { count: 2 }\n  b:\n",
        expect![[r#"
            2:1: the app scheduler has no module
            | scheduler: {}
            | ^^^^^^^^^
            = write `module: PATH`
            4:3: the group `a` has no module
            |   a: { count: 2 }
            |   ^
            = write `module: PATH`
            5:3: the group `b` has no module
            |   b:
            |   ^
            = write `module: PATH`
        "#]],
    );
}

#[test]
fn things_that_are_no_modules_are_told_apart() {
    check_tasks(
        "  a: { module: tasks/readme.md }
  b: { module: tasks/notes }
  c: { module: folder.wasm }
  d: { module: \"\" }
  e: { module: https://x.y/z.wasm }
  f: { module: 'https://x.y/z.wasm#sha256:12' }
",
        expect![[r#"
            4:16: `tasks/readme.md` is a file, but not a `.wasm` file
            |   a: { module: tasks/readme.md }
            |                ^^^^^^^^^^^^^^^
            = a module is a `.wasm` file, a folder with a guest project, or a URL with a digest
            5:16: the folder `tasks/notes` has no `Cargo.toml`
            |   b: { module: tasks/notes }
            |                ^^^^^^^^^^^
            = a guest project is a folder with a cargo package
            6:16: `folder.wasm` is a folder, not a file
            |   c: { module: folder.wasm }
            |                ^^^^^^^^^^^
            7:16: the module is empty
            |   d: { module: "" }
            |                ^^^
            = a module is a `.wasm` file, a folder with a guest project, or a URL with a digest
            8:16: the address has no digest
            |   e: { module: https://x.y/z.wasm }
            |                ^^^^^^^^^^^^^^^^^^
            = append `#sha256:` and the 64 hexadecimal digits of the file
            9:16: `12` is not a sha256 digest
            |   f: { module: 'https://x.y/z.wasm#sha256:12' }
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = append `#sha256:` and the 64 hexadecimal digits of the file
        "#]],
    );
}

#[test]
fn a_file_on_agents_is_named_by_its_whole_path_and_a_digest() {
    let digest = "0123456789abcdef".repeat(4);
    check_tasks(
        &format!(
            "  a: {{ module: 'file:///opt/a.wasm' }}
  b: {{ module: 'file://opt/a.wasm#sha256:{digest}' }}
  c: {{ module: 'file:opt/a.wasm#sha256:{digest}' }}
  d: {{ module: 'file:///opt/#sha256:{digest}' }}
"
        ),
        expect![[r#"
            4:16: the address has no digest
            |   a: { module: 'file:///opt/a.wasm' }
            |                ^^^^^^^^^^^^^^^^^^^^^
            = append `#sha256:` and the 64 hexadecimal digits of the file
            5:16: `file://opt/a.wasm#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef` is not the address of a file on an agent
            |   b: { module: 'file://opt/a.wasm#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' }
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = write `file://` and an absolute path, as in `file:///opt/modules/a.wasm#sha256:…`
            6:16: `file:opt/a.wasm#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef` is not the address of a file on an agent
            |   c: { module: 'file:opt/a.wasm#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' }
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = write `file://` and an absolute path, as in `file:///opt/modules/a.wasm#sha256:…`
            7:16: `file:///opt/#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef` is not the address of a file on an agent
            |   d: { module: 'file:///opt/#sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' }
            |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = write `file://` and an absolute path, as in `file:///opt/modules/a.wasm#sha256:…`
        "#]],
    );
}

#[test]
fn with_addresses_only_each_group_without_one_is_named() {
    let digest = "0123456789abcdef".repeat(4);
    check(
        &minimal(&format!(
            "modules: url
tasks:
  a: {{ module: floor.wasm }}
  b: {{ module: 'https://x.y/z.wasm#sha256:{digest}' }}
  c: {{ module: tasks/floor }}
  d: {{ module: 'file:///z.wasm#sha256:{digest}' }}
"
        )),
        expect![[r#"
            5:16: with `modules: url` the module of `a` must have an address
            |   a: { module: floor.wasm }
            |                ^^^^^^^^^^
            = write `https://…#sha256:DIGEST`, or `file:///…#sha256:DIGEST` for a file that every agent has, or leave `modules: url` out
            7:16: with `modules: url` the module of `c` must have an address
            |   c: { module: tasks/floor }
            |                ^^^^^^^^^^^
            = write `https://…#sha256:DIGEST`, or `file:///…#sha256:DIGEST` for a file that every agent has, or leave `modules: url` out
        "#]],
    );
    check_section(
        "modules: links",
        expect![[r#"
        3:10: `links` is not a value of `modules`
        | modules: links
        |          ^^^^^
        = did you mean `link`?
    "#]],
    );
    check_section(
        "modules: [link]",
        expect![[r#"
            3:10: expected a single value, found a list
            | modules: [link]
            |          ^^^^^^
            = write `link`, without brackets or `-`
        "#]],
    );
}

#[test]
fn a_group_comes_once() {
    check_tasks(
        "  a: { module: floor.wasm }\n  b: { module: floor.wasm }\n  a: { module: floor.wasm }\n",
        expect![[r#"
            6:3: the group `a` comes twice
            |   a: { module: floor.wasm }
            |   ^ the second one
            = keep one of them
        "#]],
    );
}

#[test]
fn a_key_comes_once() {
    check_tasks(
        "  a: { module: floor.wasm, count: 1, count: 2 }\n",
        expect![[r#"
            4:38: the key `count` comes twice
            |   a: { module: floor.wasm, count: 1, count: 2 }
            |                                      ^^^^^ the second one
            = keep one of them
        "#]],
    );
}

#[test]
fn names_must_do_as_ids_and_file_names() {
    check_tasks(
        "  a/b: { module: floor.wasm }
  ..: { module: floor.wasm }
  floor-1: { module: floor.wasm }
  \"a b\": { module: floor.wasm }
",
        expect![[r#"
            4:3: `a/b` cannot be a name: it has the character `/`
            |   a/b: { module: floor.wasm }
            |   ^^^
            = a name is made of letters, digits, `-`, `_` and `.`
            5:3: `..` cannot be a name: it starts with `.`, not with a letter or a digit
            |   ..: { module: floor.wasm }
            |   ^^
            = a name is made of letters, digits, `-`, `_` and `.`
            6:3: `floor-1` is what a task of another group is called
            |   floor-1: { module: floor.wasm }
            |   ^^^^^^^
            = the tasks of a group `a` are `a-0`, `a-1` and so on; choose a name that does not end in a number after `-`
            7:3: `a b` cannot be a name: it has the character ` `
            |   "a b": { module: floor.wasm }
            |   ^^^^^
            = a name is made of letters, digits, `-`, `_` and `.`
        "#]],
    );
    check(
        "job: ä\nscheduler: { module: floor.wasm }\ntasks: { a: { module: floor.wasm } }\n",
        expect![[r#"
            1:6: `ä` cannot be a name: it starts with `ä`, not with a letter or a digit
            | job: ä
            |      ^
            = a name is made of letters, digits, `-`, `_` and `.`
        "#]],
    );
}

#[test]
fn amounts_that_cannot_be_are_refused() {
    check_tasks(
        "  a:
    module: floor.wasm
    cpus: -1
    mem: 32
    disk: 1Mib
    gpus: 0.5
  b:
    module: floor.wasm
    cpus: 0.0001
    mem: 1kB
    disk: lots
    gpus: -1
  c: { module: floor.wasm, cpus: .nan, mem: 99999TiB, disk: 3 parsecs }
  d: { module: floor.wasm, cpus: 9999 }
",
        expect![[r#"
            6:11: `cpus` is -1, which is negative
            |     cpus: -1
            |           ^^
            = `cpus` is 0, or from 0.001 to 1024
            7:10: `mem` is no size: `32` has no unit
            |     mem: 32
            |          ^^
            = write `32MiB` if that is meant
            8:11: `disk` is no size: `Mib` is not a unit
            |     disk: 1Mib
            |           ^^^^
            = did you mean `MiB`?
            9:11: `gpus` is 0.5, not a whole number
            |     gpus: 0.5
            |           ^^^
            = `gpus` is from 0 to 1024
            12:11: `cpus` is 0.0001, which is nothing to Mesos
            |     cpus: 0.0001
            |           ^^^^^^
            = `cpus` is 0, or from 0.001 to 1024
            13:10: `mem` is 1kB, less than 1MiB
            |     mem: 1kB
            |          ^^^
            14:11: `disk` is no size: `lots` does not start with a number
            |     disk: lots
            |           ^^^^
            = a size is written like `32MiB`, `1.5GB`
            15:11: `gpus` is -1, which is negative
            |     gpus: -1
            |           ^^
            = `gpus` is from 0 to 1024
            16:34: `cpus` is .nan, not a number
            |   c: { module: floor.wasm, cpus: .nan, mem: 99999TiB, disk: 3 parsecs }
            |                                  ^^^^
            = `cpus` is 0, or from 0.001 to 1024
            16:45: `mem` is no size: `99999TiB` is too much
            |   c: { module: floor.wasm, cpus: .nan, mem: 99999TiB, disk: 3 parsecs }
            |                                             ^^^^^^^^
            = 1024TiB is the most
            16:61: `disk` is no size: `parsecs` is not a unit
            |   c: { module: floor.wasm, cpus: .nan, mem: 99999TiB, disk: 3 parsecs }
            |                                                             ^^^^^^^^^
            = units are kB, MB, GB, TB, KiB, MiB, GiB, TiB
            17:34: `cpus` is 9999, more than 1024
            |   d: { module: floor.wasm, cpus: 9999 }
            |                                  ^^^^
            = `cpus` is 0, or from 0.001 to 1024
        "#]],
    );
}

#[test]
fn times_need_a_unit_and_a_limit() {
    check_tasks(
        "  a: { module: floor.wasm, kill_grace: 5 }
  b: { module: floor.wasm, kill_grace: 11m }
  c: { module: floor.wasm, kill_grace: 5 sec }
",
        expect![[r#"
            4:40: `kill_grace` is no time: `5` has no unit
            |   a: { module: floor.wasm, kill_grace: 5 }
            |                                        ^
            = write `5s` for seconds
            5:40: `kill_grace` is 11m, more than 10m
            |   b: { module: floor.wasm, kill_grace: 11m }
            |                                        ^^^
            = the end of the whole job waits for it
            6:40: `kill_grace` is no time: `sec` is not a unit
            |   c: { module: floor.wasm, kill_grace: 5 sec }
            |                                        ^^^^^
            = a time is written like `500ms`, `5s`, `10m`, `1h30m`
        "#]],
    );
    check_section(
        "gang: { timeout: 0s, hold: 999d, strategy: sprad }",
        expect![[r#"
            3:18: `timeout` is 0s, less than 1s
            | gang: { timeout: 0s, hold: 999d, strategy: sprad }
            |                  ^^
            3:28: `hold` is no time: `999d` is too much
            | gang: { timeout: 0s, hold: 999d, strategy: sprad }
            |                            ^^^^
            = a year is the most
            3:44: `sprad` is not a value of `strategy`
            | gang: { timeout: 0s, hold: 999d, strategy: sprad }
            |                                            ^^^^^
            = did you mean `spread`?
        "#]],
    );
}

#[test]
fn too_many_tasks_are_refused() {
    check_tasks(
        "  a: { module: floor.wasm, count: 9000 }\n  b: { module: floor.wasm, count: 1001 }\n",
        expect![[r#"
            3:1: the job has 10001 tasks, more than 10000
            | tasks:
            | ^^^^^ too many
        "#]],
    );
}

#[test]
fn wrong_values_of_several_sections_are_all_told() {
    check_section(
        "cluster: { master: zk://a, principal: me, secret_file: '' }
defaults: { on_failure: retry }",
        expect![[r#"
            3:20: `zk://a` is not `zk://host:port,host:port/path`, or `zk://user:password@` before that
            | cluster: { master: zk://a, principal: me, secret_file: '' }
            |                    ^^^^^^
            = write `local`, `host:port`, a list `host1:5050,host2:5050`, or `zk://host1:2181,host2:2181/mesos`
            3:56: `secret_file` is empty
            | cluster: { master: zk://a, principal: me, secret_file: '' }
            |                                                        ^^^
            = remove it, or fill it in
            4:25: `retry` is not a value of `on_failure`
            | defaults: { on_failure: retry }
            |                         ^^^^^
            = `on_failure` is `shutdown` or `restart` or `ignore`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, on_failure: retry }\n",
        expect![[r#"
            4:40: `retry` is not a value of `on_failure`
            |   a: { module: floor.wasm, on_failure: retry }
            |                                        ^^^^^
            = `on_failure` is `shutdown` or `restart` or `ignore`
        "#]],
    );
}

#[test]
fn grants_are_checked() {
    check_tasks(
        "  a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }\n",
        expect![[r#"
            4:46: `all` is not a value of `sandbox`
            |   a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }
            |                                              ^^^
            = `sandbox` is `none` or `ro` or `rw`
            4:57: `A=b` is not a name of an environment variable
            |   a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }
            |                                                         ^^^^^
            = what it is to be is said by the group's own `env`
            4:75: `db` is neither an address, nor a network, nor `*`
            |   a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }
            |                                                                           ^^^^^^^^^^^
            = it is written like `tcp 10.0.0.7:5432`, `tcp 10.0.0.0/8:*`, `udp *:53`, `tcp [fd00::]/8:8000-8999`; names are looked up by the task, with `dns: true`
            4:88: `http://x` does not begin with `tcp ` or `udp `
            |   a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }
            |                                                                                        ^^^^^^^^^^
            = it is written like `tcp 10.0.0.7:5432`, `tcp 10.0.0.0/8:*`, `udp *:53`, `tcp [fd00::]/8:8000-8999`; names are looked up by the task, with `dns: true`
            4:106: `maybe` is not a value of `dns`
            |   a: { module: floor.wasm, allow: { sandbox: all, env: ['A=b'], connect: ['tcp db:80', 'http://x'], dns: maybe } }
            |                                                                                                          ^^^^^
            = `dns` is `true` or `false`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, allow: { files: rw } }\n",
        expect![[r#"
            4:37: unknown key `files`
            |   a: { module: floor.wasm, allow: { files: rw } }
            |                                     ^^^^^ not known here
            = the keys here are `sandbox`, `folders`, `env`, `connect`, `dns`, `http`
        "#]],
    );
}

#[test]
fn secrets_of_executors_are_not_passed_on() {
    check_tasks(
        "  a: { module: floor.wasm, allow: { env: [LANG, MESOS_EXECUTOR_AUTHENTICATION_TOKEN] } }\n",
        expect![[r#"
            4:49: `MESOS_EXECUTOR_AUTHENTICATION_TOKEN` is a secret of the executor, which no task gets
            |   a: { module: floor.wasm, allow: { env: [LANG, MESOS_EXECUTOR_AUTHENTICATION_TOKEN] } }
            |                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = with it a task could speak to the agent in the executor's name
        "#]],
    );
}

#[test]
fn folders_and_http_destinations_are_checked() {
    check_tasks(
        "  a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }\n",
        expect![[r#"
            4:48: `../models` is not a name of a folder
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                ^^^^^^^^^
            = it is the name that the operator of an agent gives to a folder, of letters, digits, `-`, `_` and `.`; a task finds it at `/NAME`
            4:69: `r` is not a value of `data`
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                                     ^
            = did you mean `ro`?
            4:77: `none` is not a value of `all`
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                                             ^^^^
            = `all` is `ro` or `rw`
            4:92: `example.com` does not begin with `http://` or `https://`
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                                                            ^^^^^^^^^^^
            = it is written like `https://api.example.com`, `https://*.example.com:8443`, `http://10.0.0.0/8:8000-8999`, `http://[fd00::]/8`, or `*` for everywhere; without a port it is 80 or 443
            4:105: `https://a/b` has a path, and grants are for whole hosts
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                                                                         ^^^^^^^^^^^^^
            = it is written like `https://api.example.com`, `https://*.example.com:8443`, `http://10.0.0.0/8:8000-8999`, `http://[fd00::]/8`, or `*` for everywhere; without a port it is 80 or 443
            4:120: `10.0.0.7/8` has bits beyond the 8 that count: `10.0.0.0/8` is meant
            |   a: { module: floor.wasm, allow: { folders: { ../models: ro, data: r, all: none }, http: [example.com, 'https://a/b', 'http://10.0.0.7/8'] } }
            |                                                                                                                        ^^^^^^^^^^^^^^^^^^^
            = it is written like `https://api.example.com`, `https://*.example.com:8443`, `http://10.0.0.0/8:8000-8999`, `http://[fd00::]/8`, or `*` for everywhere; without a port it is 80 or 443
        "#]],
    );
    let many: String = (0..65)
        .map(|number| format!("'http://h{number}',"))
        .collect();
    check_tasks(
        &format!("  a:\n    module: floor.wasm\n    allow:\n      http: [{many}]\n"),
        expect![[r#"
            7:7: there are 65 destinations, more than 64
            |       http: ['http://h0','http://h1','http://h2','http://h3','http://h4','http://h5','http://h6','http://h7','http://h8','http://h9','http://h10','http://h11','http://h12','http://h13','http://h14','http://h15','http://h16','http://h17','http://h18','http://h19','http://h20','http://h21','http://h22','http://h23','http://h24','http://h25','http://h26','http://h27','http://h28','http://h29','http://h30','http://h31','http://h32','http://h33','http://h34','http://h35','http://h36','http://h37','http://h38','http://h39','http://h40','http://h41','http://h42','http://h43','http://h44','http://h45','http://h46','http://h47','http://h48','http://h49','http://h50','http://h51','http://h52','http://h53','http://h54','http://h55','http://h56','http://h57','http://h58','http://h59','http://h60','http://h61','http://h62','http://h63','http://h64',]
            |       ^^^^ too many
            = name networks and ranges of ports instead
        "#]],
    );
    let many: String = (0..17).map(|number| format!("f{number}: ro,")).collect();
    check_tasks(
        &format!("  a:\n    module: floor.wasm\n    allow:\n      folders: {{{many}}}\n"),
        expect![[r#"
            7:7: there are 17 folders, more than 16
            |       folders: {f0: ro,f1: ro,f2: ro,f3: ro,f4: ro,f5: ro,f6: ro,f7: ro,f8: ro,f9: ro,f10: ro,f11: ro,f12: ro,f13: ro,f14: ro,f15: ro,f16: ro,}
            |       ^^^^^^^ too many
            = ask the operator for one that holds them
        "#]],
    );
}

#[test]
fn limits_are_checked() {
    check_tasks(
        "  a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon, cpu: 1 } }\n",
        expect![[r#"
            4:48: `cpu_time` is 1ms, less than 100ms
            |   a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon, cpu: 1 } }
            |                                                ^^^
            4:59: `idle` is no time: `soon` does not start with a number
            |   a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon, cpu: 1 } }
            |                                                           ^^^^
            = a time is written like `500ms`, `5s`, `10m`, `1h30m`
            4:65: unknown key `cpu`
            |   a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon, cpu: 1 } }
            |                                                                 ^^^ not known here
            = the keys here are `cpu_time`, `idle`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon } }\n",
        expect![[r#"
            4:48: `cpu_time` is 1ms, less than 100ms
            |   a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon } }
            |                                                ^^^
            4:59: `idle` is no time: `soon` does not start with a number
            |   a: { module: floor.wasm, limits: { cpu_time: 1ms, idle: soon } }
            |                                                           ^^^^
            = a time is written like `500ms`, `5s`, `10m`, `1h30m`
        "#]],
    );
}

#[test]
fn rules_for_restarts_are_checked() {
    check_tasks(
        "  a: { module: floor.wasm, restart: { max: 3 } }
  b: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms, wndow: 1m } }\n",
        expect![[r#"
            4:28: `restart` is for groups with `on_failure: restart`
            |   a: { module: floor.wasm, restart: { max: 3 } }
            |                            ^^^^^^^
            = add `on_failure: restart`, or remove this
            5:65: `max` is 0, less than 1
            |   b: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms, wndow: 1m } }
            |                                                                 ^
            = `max` is from 1 to 1000
            5:77: `backoff` is 10ms, less than 100ms
            |   b: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms, wndow: 1m } }
            |                                                                             ^^^^
            5:83: unknown key `wndow`
            |   b: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms, wndow: 1m } }
            |                                                                                   ^^^^^ not known here
            = did you mean `window`? the keys here are `backoff`, `backoff_max`, `max`, `window`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms } }
  b: { module: floor.wasm, restart: { max: 3 } }
  c: { module: floor.wasm, on_failure: restart, restart: { backoff: 5s, backoff_max: 1s } }\n",
        expect![[r#"
            4:65: `max` is 0, less than 1
            |   a: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms } }
            |                                                                 ^
            = `max` is from 1 to 1000
            4:77: `backoff` is 10ms, less than 100ms
            |   a: { module: floor.wasm, on_failure: restart, restart: { max: 0, backoff: 10ms } }
            |                                                                             ^^^^
            5:28: `restart` is for groups with `on_failure: restart`
            |   b: { module: floor.wasm, restart: { max: 3 } }
            |                            ^^^^^^^
            = add `on_failure: restart`, or remove this
            6:86: `backoff_max` is 1s, less than 5s
            |   c: { module: floor.wasm, on_failure: restart, restart: { backoff: 5s, backoff_max: 1s } }
            |                                                                                      ^^
        "#]],
    );
}

#[test]
fn values_that_are_words_are_corrected() {
    check_tasks(
        "  a: { module: floor.wasm, on_failure: shutdwn }\n",
        expect![[r#"
            4:40: `shutdwn` is not a value of `on_failure`
            |   a: { module: floor.wasm, on_failure: shutdwn }
            |                                        ^^^^^^^
            = did you mean `shutdown`?
        "#]],
    );
    check_section(
        "channels: { window: 0, direct: always }\nexecutor: { binary: executor }",
        expect![[r#"
            3:21: `window` is 0, less than 1
            | channels: { window: 0, direct: always }
            |                     ^
            = `window` is from 1 to 65536
            3:32: `always` is not a value of `direct`
            | channels: { window: 0, direct: always }
            |                                ^^^^^^
            = `direct` is `auto` or `required` or `off`
            4:21: `executor` does not say where the executor is
            | executor: { binary: executor }
            |                     ^^^^^^^^
            = write `serve`, `serve FILE`, an absolute path on the agents, or a URL
        "#]],
    );
    check_section(
        "channels:\n  advertise: tcp://relay\n  listen: 7070\n  tls: yes please",
        expect![[r#"
            4:14: `tcp://relay` is not an address for agents: it is a URL
            |   advertise: tcp://relay
            |              ^^^^^^^^^^^
            = write the name or address of this machine, or `host:port`
            5:11: `7070` is not an address and a port to listen on
            |   listen: 7070
            |           ^^^^
            = write as in `0.0.0.0:7070`, with port 0 for any that is free
            6:8: `yes please` is not a value of `tls`
            |   tls: yes please
            |        ^^^^^^^^^^
            = `tls` is `auto` or `on` or `off`
        "#]],
    );
    check_section(
        "channels: { advertise: 'relay:70000' }",
        expect![[r#"
        3:24: `relay:70000` is not an address for agents: its port is not a number from 1 to 65535
        | channels: { advertise: 'relay:70000' }
        |                        ^^^^^^^^^^^^^^
        = write the name or address of this machine, or `host:port`
    "#]],
    );
}

#[test]
fn where_executors_come_from_is_checked() {
    check_section(
        "executor: { binary: floor.wasm }",
        expect![[r#"
        3:21: `floor.wasm` does not say where the executor is
        | executor: { binary: floor.wasm }
        |                     ^^^^^^^^^^
        = write `serve floor.wasm` for agents to fetch this file
    "#]],
    );
    check_section(
        "executor: { binary: serve flor.wasm }",
        expect![[r#"
        3:21: `flor.wasm` does not exist
        | executor: { binary: serve flor.wasm }
        |                     ^^^^^^^^^^^^^^^
        = did you mean `floor.wasm`?
    "#]],
    );
    check_section(
        "executor: { binary: serve tasks }",
        expect![[r#"
        3:21: `tasks` is a folder
        | executor: { binary: serve tasks }
        |                     ^^^^^^^^^^^
    "#]],
    );
    check_section(
        "executor: { binary: 'http://x/mesosgot.tar.gz?v=1' }",
        expect![[r#"
            3:21: `http://x/mesosgot.tar.gz` is an archive by its ending `.tar.gz`
            | executor: { binary: 'http://x/mesosgot.tar.gz?v=1' }
            |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = agents start what they fetch as it is: put the program itself there
        "#]],
    );
    check_section(
        "executor: { binary: 'http://x/executor#sha256:12' }",
        expect![[r#"
            3:21: `12` is not a sha256 digest
            | executor: { binary: 'http://x/executor#sha256:12' }
            |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            = append `#sha256:` and the 64 hexadecimal digits of the file
        "#]],
    );
    check_section(
        "executor: { image: 'debian 12' }",
        expect![[r#"
        3:20: `debian 12` is not the name of a container image
        | executor: { image: 'debian 12' }
        |                    ^^^^^^^^^^^^
        = write it like `debian:12` or `registry.example/team/base@sha256:…`
    "#]],
    );
}

#[test]
fn how_things_are_served_is_checked() {
    check_section(
        "channels: { listen: '0.0.0.0:70' }
serve: { listen: '0.0.0.0:70', advertise: 'h:0', tls: maybe, key_file: k }",
        expect![[r#"
            4:18: `0.0.0.0:70` is what `channels.listen` has already
            | serve: { listen: '0.0.0.0:70', advertise: 'h:0', tls: maybe, key_file: k }
            |                  ^^^^^^^^^^^^
            = modules and channels need a port each
            4:43: `h:0` is not an address for agents: its port is not a number from 1 to 65535
            | serve: { listen: '0.0.0.0:70', advertise: 'h:0', tls: maybe, key_file: k }
            |                                           ^^^^^
            = write the name or address of this machine, or `host:port`
            4:55: `maybe` is not a value of `tls`
            | serve: { listen: '0.0.0.0:70', advertise: 'h:0', tls: maybe, key_file: k }
            |                                                       ^^^^^
            = `tls` is `auto` or `on` or `off`
            4:72: there is a key but no certificate
            | serve: { listen: '0.0.0.0:70', advertise: 'h:0', tls: maybe, key_file: k }
            |                                                                        ^
            = name it by `serve.certificate_file`
        "#]],
    );
    check_section(
        "serve: { certificate_file: '', port: 70 }",
        expect![[r#"
            3:28: `certificate_file` is empty
            | serve: { certificate_file: '', port: 70 }
            |                            ^^
            = remove it, or fill it in
            3:32: unknown key `port`
            | serve: { certificate_file: '', port: 70 }
            |                                ^^^^ not known here
            = the keys here are `listen`, `advertise`, `tls`, `certificate_file`, `key_file`
        "#]],
    );
}

#[test]
fn addresses_roles_and_users_are_those_of_mesos() {
    check_section(
        "cluster: { master: \"a b\", role: -x, user: \"\" }",
        expect![[r#"
            3:20: `a b` is not an address of a master
            | cluster: { master: "a b", role: -x, user: "" }
            |                    ^^^^^
            = write `local`, `host:port`, a list `host1:5050,host2:5050`, or `zk://host1:2181,host2:2181/mesos`
            3:33: `-x` is not a role of Mesos
            | cluster: { master: "a b", role: -x, user: "" }
            |                                 ^^
            = a role is `*`, or a name, or names with `/` between
            3:43: `` is not the name of a user
            | cluster: { master: "a b", role: -x, user: "" }
            |                                           ^^^
            = leave it out for the user who runs `mesosgot`
        "#]],
    );
}

#[test]
fn names_of_variables_are_checked() {
    check_tasks(
        "  a: { module: floor.wasm, env: { \"A=B\": c } }\n",
        expect![[r#"
            4:35: `A=B` is not a name of an environment variable
            |   a: { module: floor.wasm, env: { "A=B": c } }
            |                                   ^^^^^
        "#]],
    );
}

#[test]
fn a_wrong_shape_is_said_in_words() {
    check(
        "- a\n",
        expect![[r#"
            1:1: expected the keys of a job, found a list
            | - a
            | ^^^
            = the keys here are `job`, `cluster`, `scheduler`, `gang`, `defaults`, `tasks`, `executor`, `channels`, `serve`, `modules`, `view`
        "#]],
    );
    check(
        "hello\n",
        expect![[r#"
            1:1: expected the keys of a job, found `hello`
            | hello
            | ^^^^^
            = the keys here are `job`, `cluster`, `scheduler`, `gang`, `defaults`, `tasks`, `executor`, `channels`, `serve`, `modules`, `view`
        "#]],
    );
    check_tasks(
        "  - module: floor.wasm\n",
        expect![[r#"
            4:3: expected groups of tasks by name, found a list
            |   - module: floor.wasm
            |   ^^^^^^^^^^^^^^^^^^^^
            = write each group under its name: `NAME: { module: PATH }`
        "#]],
    );
    check_tasks(
        "  a: floor.wasm\n",
        expect![[r#"
            4:6: expected the keys of a group of tasks, found `floor.wasm`
            |   a: floor.wasm
            |      ^^^^^^^^^^
            = write `{ module: floor.wasm }` if that is the module
        "#]],
    );
    check_tasks(
        "  a: { module: [floor.wasm] }\n",
        expect![[r#"
            4:16: expected a single value, found a list
            |   a: { module: [floor.wasm] }
            |                ^^^^^^^^^^^^^
            = write `floor.wasm`, without brackets or `-`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, args: x }\n",
        expect![[r#"
            4:34: expected a list, found `x`
            |   a: { module: floor.wasm, args: x }
            |                                  ^
            = write a list: `[x]`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, env:\n    - A\n  }\n",
        expect![[r#"
            5:5: not valid YAML: did not find expected node content, while parsing a flow node
            |     - A
            |     ^^^
        "#]],
    );
}

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

#[test]
fn a_constraint_that_is_none_is_corrected_at_its_place() {
    check_tasks(
        "  a:
    module: floor.wasm
    constraints:
      - hostname UNIQUE
      - hostname
      - rack is
      - rack max_per 2
      - rack max-per two
      - zone group-by 0
      - zone like eu-(
      - hostname unique 2
      - rack equals r1
",
        expect![[r#"
            7:9: `UNIQUE` is not what a constraint can ask
            |       - hostname UNIQUE
            |         ^^^^^^^^^^^^^^^
            = did you mean `unique`? it is written like `hostname unique`
            8:9: `hostname` says nothing about its field
            |       - hostname
            |         ^^^^^^^^
            = write a field and what is asked of it, like `hostname unique` or `rack is r1`
            9:9: `is` lacks its value
            |       - rack is
            |         ^^^^^^^
            = it is written like `rack is r1`
            10:9: `max_per` is not what a constraint can ask
            |       - rack max_per 2
            |         ^^^^^^^^^^^^^^
            = did you mean `max-per`? it is written like `rack max-per 2`
            11:9: `two` is not a number that `max-per` can take
            |       - rack max-per two
            |         ^^^^^^^^^^^^^^^^
            = a whole number from 1 to 10000
            12:9: `0` is not a number that `group-by` can take
            |       - zone group-by 0
            |         ^^^^^^^^^^^^^^^
            = a whole number from 1 to 10000
            13:9: `eu-(` is not a regular expression: found open group without closing ')'
            |       - zone like eu-(
            |         ^^^^^^^^^^^^^^
            = it has to match the whole of a value: `eu-.*` matches `eu-1`
            14:9: `unique` takes no value, but here is `2`
            |       - hostname unique 2
            |         ^^^^^^^^^^^^^^^^^
            = for a number of tasks on each value write `max-per`
            15:9: `equals` is not what a constraint can ask
            |       - rack equals r1
            |         ^^^^^^^^^^^^^^
            = it can ask `is`, `like`, `unlike`, `unique`, `max-per`, `group-by`
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, constraints: hostname unique }\n",
        expect![[r#"
            4:41: expected a list, found `hostname unique`
            |   a: { module: floor.wasm, constraints: hostname unique }
            |                                         ^^^^^^^^^^^^^^^
            = write a list: `[hostname unique]`
        "#]],
    );
    check_section(
        "defaults: { constraints: [rack ist r1] }",
        expect![[r#"
            3:27: `ist` is not what a constraint can ask
            | defaults: { constraints: [rack ist r1] }
            |                           ^^^^^^^^^^^
            = did you mean `is`? it is written like `rack is r1`
        "#]],
    );
}

#[test]
fn tasks_that_are_to_be_together_and_apart_are_refused() {
    check_tasks(
        "  a: { module: floor.wasm, count: 3, colocate: true, constraints: [rack max-per 2, hostname unique] }\n",
        expect![[r#"
            4:48: 3 tasks cannot be on one agent and apart by `rack max-per` at once
            |   a: { module: floor.wasm, count: 3, colocate: true, constraints: [rack max-per 2, hostname unique] }
            |                                                ^^^^
            = leave one of both out
            4:48: 3 tasks cannot be on one agent and apart by `hostname unique` at once
            |   a: { module: floor.wasm, count: 3, colocate: true, constraints: [rack max-per 2, hostname unique] }
            |                                                ^^^^
            = leave one of both out
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, colocate: maybe }\n",
        expect![[r#"
            4:38: `maybe` is not a value of `colocate`
            |   a: { module: floor.wasm, colocate: maybe }
            |                                      ^^^^^
            = `colocate` is `true` or `false`
        "#]],
    );
}

#[test]
fn wrong_ports_are_shown_one_by_one() {
    check_tasks(
        "  a: { module: floor.wasm, ports: 1001 }\n  b: { module: floor.wasm, ports: [80, 70000, 0, 80] }\n  c: { module: floor.wasm, ports: many }\n  d: { module: floor.wasm, ports: 1.5 }\n",
        expect![[r#"
            4:35: `ports` is 1001, more than 1000
            |   a: { module: floor.wasm, ports: 1001 }
            |                                   ^^^^
            = `ports` is from 0 to 1000
            5:40: `70000` is not a port
            |   b: { module: floor.wasm, ports: [80, 70000, 0, 80] }
            |                                        ^^^^^
            = a port is from 1 to 65535; for any that are free write how many, like `ports: 2`
            5:47: `0` is not a port
            |   b: { module: floor.wasm, ports: [80, 70000, 0, 80] }
            |                                               ^
            = a port is from 1 to 65535; for any that are free write how many, like `ports: 2`
            5:50: port 80 comes twice
            |   b: { module: floor.wasm, ports: [80, 70000, 0, 80] }
            |                                                  ^^
            = a task has each port once
            6:35: `ports` is many, not a whole number
            |   c: { module: floor.wasm, ports: many }
            |                                   ^^^^
            = `ports` is from 0 to 1000
            7:35: `ports` is 1.5, not a whole number
            |   d: { module: floor.wasm, ports: 1.5 }
            |                                   ^^^
            = `ports` is from 0 to 1000
        "#]],
    );
    check_tasks(
        "  a: { module: floor.wasm, ports: { first: 80 } }\n",
        expect![[r#"
            4:35: expected a number of ports or a list of them, found a mapping
            |   a: { module: floor.wasm, ports: { first: 80 } }
            |                                   ^^^^^^^^^^^^^^
        "#]],
    );
    let list: Vec<String> = (1..=65).map(|port: u32| port.to_string()).collect();
    check_tasks(
        &format!(
            "  a:\n    module: floor.wasm\n    ports: [{}]\n",
            list.join(",")
        ),
        expect![[r#"
            6:5: 65 ports by number, more than 64
            |     ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65]
            |     ^^^^^
            = write how many, like `ports: 100`
        "#]],
    );
}

#[test]
fn tasks_that_all_have_one_port_cannot_be_colocated() {
    check_tasks(
        "  a: { module: floor.wasm, count: 2, ports: [80], colocate: true }\n",
        expect![[r#"
            4:61: 2 tasks cannot be on one agent and all have port 80
            |   a: { module: floor.wasm, count: 2, ports: [80], colocate: true }
            |                                                             ^^^^
            = ask for a number of ports, not for this one
        "#]],
    );
}

#[test]
fn wrong_resources_are_shown_one_by_one() {
    check_tasks(
        "  a:\n    module: floor.wasm\n    resources:\n      GPUs: 1\n      a b: 1\n      bandwidth: fast\n      fpga: -1\n      tape: 0.0001\n",
        expect![[r#"
            7:7: `gpus` has a key of its own
            |       GPUs: 1
            |       ^^^^ not here
            = write `gpus: 1` beside `resources`
            8:7: `a b` is not a name of a resource
            |       a b: 1
            |       ^^^
            = it is what agents call it: letters, digits, `-`, `_`, `.` and `/`
            9:18: `bandwidth` is fast, not a number
            |       bandwidth: fast
            |                  ^^^^
            = an amount is a number without a unit, as agents offer it
            10:13: `fpga` is -1, which is negative
            |       fpga: -1
            |             ^^
            = an amount is a number without a unit, as agents offer it
            11:13: `tape` is 0.0001, which is nothing to Mesos
            |       tape: 0.0001
            |             ^^^^^^
            = an amount is a number without a unit, as agents offer it
        "#]],
    );
}

#[test]
fn a_constraint_on_the_region_needs_quotes() {
    check_tasks(
        "  a: { module: floor.wasm, constraints: [@region is eu] }\n",
        expect![[r#"
            4:42: not valid YAML: found character that cannot start any token, while scanning for the next token
            |   a: { module: floor.wasm, constraints: [@region is eu] }
            |                                          ^^^^^^^^^^^^^^^^
            = what begins with `@`, a backtick or `%` needs quotes: `'@region is eu'`
        "#]],
    );
    let quoted = "tasks: { a: { module: floor.wasm, constraints: ['@region is eu'] } }";
    assert_eq!(
        read(&minimal(quoted)).unwrap().groups[0].constraints.len(),
        1
    );
}

#[test]
fn a_view_is_a_page_in_the_folder_of_the_job() {
    for view in [
        "veiw.html",
        "../view.html",
        "/tmp/view.html",
        "tasks",
        "floor.wasm",
        "''",
    ] {
        let text = minimal(&format!(
            "view: {view}\ntasks: {{ a: {{ module: floor.wasm }} }}"
        ));
        assert!(read(&text).is_err(), "{view}");
    }
    check_section(
        "view: veiw.html",
        expect![[r#"
        3:7: `veiw.html` does not exist
        | view: veiw.html
        |       ^^^^^^^^^
        = did you mean `view.html`?
    "#]],
    );
    check_section(
        "view: ../view.html",
        expect![[r#"
        3:7: `../view.html` is not in the folder of the job file
        | view: ../view.html
        |       ^^^^^^^^^^^^
        = put the page beside the job file or below, and write its path from there
    "#]],
    );
    check_section(
        "view: tasks/readme.md",
        expect![[r#"
        3:7: `tasks/readme.md` is not an `.html` file
        | view: tasks/readme.md
        |       ^^^^^^^^^^^^^^^
        = a view is one `.html` file with its styles and scripts in it
    "#]],
    );
    let right = minimal("view: view.html\ntasks: { a: { module: floor.wasm } }");
    let view = read(&right).unwrap().view;
    assert_eq!(view.as_deref(), Some(std::path::Path::new("view.html")));
}
