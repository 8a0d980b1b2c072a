//! Grants of a job beside what its modules import: what is missing, and what nobody uses.
//!
//! An import is not a use: libraries link what a program may never call. So all of this are
//! warnings, and each is silenced by saying in `allow` that nothing is granted.

use job::{Diagnostics, Group, Module, Ports, Transport};

use super::Source;
use super::modules::describe;
use crate::guest::component::Component;
use crate::guest::imports::Imports;

/// Something that tasks can be allowed, and by what a module shows that it does it.
struct Kind {
    /// Its key of `allow`.
    key: &'static str,
    /// What the module does.
    does: &'static str,
    /// The functions, any of which shows that; with the part of the key's value that each needs.
    shown_by: &'static [Sign],
    /// How the line ends that says that nothing is granted.
    nothing: &'static str,
}

/// An import that shows what a module does.
struct Sign {
    interface: &'static str,
    function: &'static str,
    /// What the key would have to have.
    value: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        key: "connect",
        does: "opens sockets",
        shown_by: &[
            Sign {
                interface: "wasi:sockets/tcp",
                function: "[method]tcp-socket.start-connect",
                value: "'tcp ADDRESS:PORT'",
            },
            Sign {
                interface: "wasi:sockets/udp",
                function: "[method]udp-socket.stream",
                value: "'udp ADDRESS:PORT'",
            },
        ],
        nothing: "[]",
    },
    Kind {
        key: "dns",
        does: "looks up host names",
        shown_by: &[Sign {
            interface: "wasi:sockets/ip-name-lookup",
            function: "resolve-addresses",
            value: "true",
        }],
        nothing: "false",
    },
    Kind {
        key: "http",
        does: "sends HTTP requests",
        shown_by: &[Sign {
            interface: "wasi:http/outgoing-handler",
            function: "handle",
            value: "'https://HOST'",
        }],
        nothing: "[]",
    },
    Kind {
        key: "sandbox",
        does: "opens files",
        // Every program imports the interface for its output; only some open what has a name.
        shown_by: &[Sign {
            interface: "wasi:filesystem/types",
            function: "[method]descriptor.open-at",
            value: "rw",
        }],
        nothing: "none",
    },
];

/// What shows that a module listens.
const LISTENING: Sign = Sign {
    interface: "wasi:sockets/tcp",
    function: "[method]tcp-socket.start-listen",
    value: "1",
};

/// What a module imports that is not allowed to its group.
pub(super) fn ungranted(source: &Source, group: &Group, component: &Component) -> Vec<Diagnostics> {
    let missing = KINDS.iter().filter(|kind| {
        kind.is_shown(&component.imports)
            && !is_granted(group, kind, &component.imports)
            && !is_said(source, group, kind.key)
    });
    let missing = missing.map(|kind| {
        let name = &group.name;
        let place = ["tasks", name, "module"];
        let shown = kind.shown(&component.imports);
        let message = does(&group.module, kind.does, &shown, &format!("`{name}`"));
        let values: Vec<_> = shown.iter().map(|sign| sign.value).collect();
        let value = match kind.nothing {
            "[]" => format!("[{}]", values.join(", ")),
            _ => values.join(" "),
        };
        let line = format!("{}: {value}", kind.key);
        let write = match job::is_said(&source.text, &["tasks", name, "allow"]) {
            true => format!("add `{line}` to its `allow`"),
            false => format!("write `allow: {{ {line} }}`"),
        };
        let other = match kind.key {
            "connect" => " (or `ports: 1` to listen on one)",
            "sandbox" => " (or `folders`)",
            _ => "",
        };
        let help = format!(
            "if its tasks need that, {write}{other}; if they do not, `{}: {}` says so",
            kind.key, kind.nothing
        );
        Diagnostics::at(&source.name, &source.text, &place, message, Some(help))
    });
    missing.chain(portless(source, group, component)).collect()
}

/// What the module of the app scheduler imports, which is granted nothing.
pub(super) fn of_scheduler(
    source: &Source,
    module: &Module,
    component: &Component,
) -> Vec<Diagnostics> {
    let listens = listens_only(&component.imports).then(|| ("listens on ports", vec![&LISTENING]));
    let others = KINDS
        .iter()
        .filter(|kind| kind.is_shown(&component.imports));
    let others = others.map(|kind| (kind.does, kind.shown(&component.imports)));
    let all = others.chain(listens).map(|(what, shown)| {
        let message = does(module, what, &shown, "an app scheduler");
        let help = "if it needs that, let a task do it and send what it finds".to_owned();
        source.at_module(None, message, Some(help))
    });
    all.collect()
}

/// Who listens and has no port. Those that connect as well are told with `connect`: most of them
/// have both from their library.
fn portless(source: &Source, group: &Group, component: &Component) -> Option<Diagnostics> {
    let name = &group.name;
    let has_ports = group.ports != Ports::Any(0);
    let is_said = job::is_said(&source.text, &["tasks", name, "ports"])
        || job::is_said(&source.text, &["defaults", "ports"]);
    if !listens_only(&component.imports) || has_ports || is_said {
        return None;
    }
    let message = does(
        &group.module,
        "listens on ports",
        &[&LISTENING],
        &format!("`{name}`"),
    );
    let help = "if its tasks need that, write `ports: 1`, or as many as they listen on; if they do \
                not, `ports: 0` says so";
    Some(source.at_module(Some(name), message, Some(help.to_owned())))
}

fn listens_only(imports: &Imports) -> bool {
    let connects = KINDS.iter().filter(|kind| kind.key == "connect");
    imports.has(LISTENING.interface, LISTENING.function)
        && !connects.into_iter().any(|kind| kind.is_shown(imports))
}

/// The sentence on what a module does that somebody may not do.
fn does(module: &Module, what: &str, shown: &[&Sign], who: &str) -> String {
    let interfaces = shown.iter().map(|sign| format!("`{}`", sign.interface));
    let interfaces: Vec<_> = interfaces.collect();
    format!(
        "`{}` {what} (it imports {}), which {who} may not do",
        describe(module),
        interfaces.join(" and "),
    )
}

/// What the group itself is allowed and its module does not import. What `defaults` allow is for
/// other groups as well.
pub(super) fn unused(source: &Source, group: &Group, component: &Component) -> Vec<Diagnostics> {
    let name = &group.name;
    let files = ["sandbox", "folders"];
    let keys = KINDS.iter().flat_map(|kind| match kind.key {
        "sandbox" => files.iter().map(|key| (*key, kind)).collect::<Vec<_>>(),
        key => vec![(key, kind)],
    });
    keys.filter(|(key, kind)| {
        let is_own = job::is_said(&source.text, &["tasks", name, "allow", key]);
        is_own && is_given(group, key) && !kind.is_shown(&component.imports)
    })
    .map(|(key, kind)| {
        let place = ["tasks", name, "allow", key];
        let message = format!(
            "`{key}` allows `{name}` what its module never does: nothing that `{}` imports {}",
            describe(&group.module),
            kind.does,
        );
        let help = format!("leave out `{key}`; what nobody uses, nobody can misuse");
        Diagnostics::at(&source.name, &source.text, &place, message, Some(help))
    })
    .collect()
}

impl Kind {
    fn shown(&self, imports: &Imports) -> Vec<&Sign> {
        let is_shown = |sign: &&Sign| imports.has(sign.interface, sign.function);
        self.shown_by.iter().filter(is_shown).collect()
    }

    fn is_shown(&self, imports: &Imports) -> bool {
        !self.shown(imports).is_empty()
    }
}

/// Whether the group may do anything of what the module does. Of sockets one transport is enough:
/// with one of them a C library links the other one.
fn is_granted(group: &Group, kind: &Kind, imports: &Imports) -> bool {
    if kind.key != "connect" {
        return is_given(group, kind.key);
    }
    let can = |transport| {
        let interface = match transport {
            Transport::Tcp => "wasi:sockets/tcp",
            Transport::Udp => "wasi:sockets/udp",
        };
        kind.shown(imports)
            .iter()
            .any(|sign| sign.interface == interface)
    };
    let connect = &group.allow.connect;
    group.ports != Ports::Any(0) || connect.iter().any(|it| can(it.transport))
}

/// Whether the key of `allow` has anything in it.
fn is_given(group: &Group, key: &str) -> bool {
    let allow = &group.allow;
    match key {
        "connect" => !allow.connect.is_empty(),
        "dns" => allow.dns,
        "http" => !allow.http.is_empty(),
        "folders" => !allow.folders.is_empty(),
        _ => allow.sandbox.is_some() || !allow.folders.is_empty(),
    }
}

/// Whether somebody has thought of it.
fn is_said(source: &Source, group: &Group, key: &str) -> bool {
    job::is_said(&source.text, &["tasks", &group.name, "allow", key])
        || job::is_said(&source.text, &["defaults", "allow", key])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::job_file::files::Folder;

    const CONNECT: (&str, &str) = ("wasi:sockets/tcp", "[method]tcp-socket.start-connect");
    const LISTEN: (&str, &str) = (LISTENING.interface, LISTENING.function);
    const FILES: (&str, &str) = ("wasi:filesystem/types", "[method]descriptor.open-at");

    /// What is told of a job whose modules all import this.
    #[track_caller]
    fn check(group: &str, imports: &[(&str, &str)], expected: &Expect) {
        let folder = tempfile::tempdir().unwrap();
        for module in ["m.wasm", "s.wasm"] {
            fs::write(folder.path().join(module), "").unwrap();
        }
        let source = Source {
            name: "job.yaml".to_owned(),
            text: format!(
                "job: j\nscheduler: {{ module: s.wasm }}\ntasks: {{ t: {{ module: m.wasm{group} }} }}\n"
            ),
            folder: folder.path().to_owned(),
        };
        let job = source
            .parse(&Folder(folder.path()))
            .expect("the job file is right");
        let component = Component {
            bytes: Vec::new(),
            sha256: [0; 32],
            imports: Imports::of(imports),
        };
        let job::AppScheduler::Guest(scheduler) = &job.scheduler else {
            panic!("it has one")
        };
        let told = of_scheduler(&source, &scheduler.module, &component).into_iter();
        let told = told.chain(ungranted(&source, &job.groups[0], &component));
        let lines: String = told
            .flat_map(|told| told.list)
            .map(|told| format!("{}\n  = {}\n", told.message, told.help.unwrap_or_default()))
            .collect();
        expected.assert_eq(&lines);
    }

    #[test]
    fn who_only_listens_is_told_to_ask_for_ports() {
        check(
            "",
            &[LISTEN],
            &expect![[r#"
            `s.wasm` listens on ports (it imports `wasi:sockets/tcp`), which an app scheduler may not do
              = if it needs that, let a task do it and send what it finds
            `m.wasm` listens on ports (it imports `wasi:sockets/tcp`), which `t` may not do
              = if its tasks need that, write `ports: 1`, or as many as they listen on; if they do not, `ports: 0` says so
        "#]],
        );
        for said in [", ports: 1", ", ports: 0"] {
            check(
                said,
                &[LISTEN],
                &expect![[r#"
                `s.wasm` listens on ports (it imports `wasi:sockets/tcp`), which an app scheduler may not do
                  = if it needs that, let a task do it and send what it finds
            "#]],
            );
        }
    }

    #[test]
    fn who_connects_as_well_is_told_of_both_at_once() {
        check(
            "",
            &[LISTEN, CONNECT],
            &expect![[r#"
            `s.wasm` opens sockets (it imports `wasi:sockets/tcp`), which an app scheduler may not do
              = if it needs that, let a task do it and send what it finds
            `m.wasm` opens sockets (it imports `wasi:sockets/tcp`), which `t` may not do
              = if its tasks need that, write `allow: { connect: ['tcp ADDRESS:PORT'] }` (or `ports: 1` to listen on one); if they do not, `connect: []` says so
        "#]],
        );
    }

    #[test]
    fn an_app_scheduler_is_granted_nothing_whatever_tasks_are() {
        check(
            ", allow: { sandbox: rw }",
            &[FILES],
            &expect![[r#"
            `s.wasm` opens files (it imports `wasi:filesystem/types`), which an app scheduler may not do
              = if it needs that, let a task do it and send what it finds
        "#]],
        );
        check("", &[], &expect![]);
    }
}
