//! Names, amounts, times and words that cannot be.

use expect_test::expect;

use super::{check, check_section, check_tasks};

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
