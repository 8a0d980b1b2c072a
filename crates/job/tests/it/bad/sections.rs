//! Sections beside the tasks: how things are served, and on what cluster.

use expect_test::expect;

use super::{check_section, check_tasks};

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
