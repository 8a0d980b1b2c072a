//! What tasks want of agents: constraints, ports and other resources.

use expect_test::expect;

use super::{check_section, check_tasks};
use crate::{minimal, read};

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
