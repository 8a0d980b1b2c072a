//! Keys that are wrong, missing or there twice, and values of a wrong shape.

use expect_test::expect;

use super::{check, check_section, check_tasks};
use crate::minimal;

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
