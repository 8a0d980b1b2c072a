//! What tasks may use, and their environment.

use expect_test::expect;

use super::check_tasks;

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
