//! Modules, app schedulers, executors and views that are none.

use std::path::Path;

use expect_test::expect;
use mesosgot_job::{Lookup, Module, Named, Objection, PathKind, parse};

use super::{check, check_section, check_tasks, drawn};
use crate::{Folder, minimal, read};

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
    assert_eq!(view.as_deref(), Some(Path::new("view.html")));
}

/// A folder of which the caller says more than that things are there.
struct LookedInto(Folder);

impl Lookup for LookedInto {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        self.0.kind(path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.0.names(folder)
    }

    fn objection(&self, named: &Named<'_>) -> Option<Objection> {
        let message = match named {
            Named::AppScheduler(Module::Project(folder)) => {
                format!("`{}` is no app scheduler", folder.display())
            }
            Named::Task {
                group,
                module: Module::File(path),
            } => format!("`{}` is no module for `{group}`", path.display()),
            Named::View(path) => format!("`{}` is no page", path.display()),
            _ => return None,
        };
        let help = Some("look at it".to_owned());
        Some(Objection { message, help })
    }
}

#[test]
fn what_speaks_against_things_that_are_there_is_told_with_all_else() {
    let text = minimal(
        "view: view.html
tasks:
  a: { module: floor.wasm, cuont: 2 }
  b: { module: tasks/floor, count: 0 }
  c: { modul: floor.wasm }
",
    );
    let found = parse("job.yaml", &text, &LookedInto(Folder::new())).unwrap_err();
    expect![[r#"
        2:22: `tasks/dispatcher` is no app scheduler
        | scheduler: { module: tasks/dispatcher }
        |                      ^^^^^^^^^^^^^^^^
        = look at it
        3:7: `view.html` is no page
        | view: view.html
        |       ^^^^^^^^^
        = look at it
        5:16: `floor.wasm` is no module for `a`
        |   a: { module: floor.wasm, cuont: 2 }
        |                ^^^^^^^^^^
        = look at it
        5:28: unknown key `cuont`
        |   a: { module: floor.wasm, cuont: 2 }
        |                            ^^^^^ not known here
        = did you mean `count`? the keys here are `module`, `count`, `cpus`, `mem`, `disk`, `gpus`, `ports`, `resources`, `args`, `env`, `on_failure`, `restart`, `kill_grace`, `constraints`, `colocate`, `limits`, `allow`
        6:36: `count` is 0, less than 1
        |   b: { module: tasks/floor, count: 0 }
        |                                    ^
        = `count` is from 1 to 10000
        7:8: unknown key `modul`
        |   c: { modul: floor.wasm }
        |        ^^^^^ not known here
        = did you mean `module`? the keys here are `module`, `count`, `cpus`, `mem`, `disk`, `gpus`, `ports`, `resources`, `args`, `env`, `on_failure`, `restart`, `kill_grace`, `constraints`, `colocate`, `limits`, `allow`
        7:15: `floor.wasm` is no module for `c`
        |   c: { modul: floor.wasm }
        |               ^^^^^^^^^^
        = look at it
    "#]].assert_eq(&drawn(&found));
}
