//! Grants of a job beside what its modules import: what is missing, and what nobody uses.
//!
//! An import is not a use: libraries link what a program may never call. So all of this are
//! warnings, and each is silenced by saying in `allow` that nothing is granted.

use job::{Diagnostics, Group, Ports, Transport};

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

/// What a module imports that is not allowed to its group.
pub(super) fn ungranted(source: &Source, group: &Group, component: &Component) -> Vec<Diagnostics> {
    let missing = KINDS.iter().filter(|kind| {
        kind.is_shown(&component.imports)
            && !is_granted(group, kind, &component.imports)
            && !is_said(source, group, kind.key)
    });
    missing
        .map(|kind| {
            let name = &group.name;
            let place = ["tasks", name, "module"];
            let shown = kind.shown(&component.imports);
            let interfaces: Vec<_> = shown
                .iter()
                .map(|sign| format!("`{}`", sign.interface))
                .collect();
            let message = format!(
                "`{}` {} (it imports {}), which `{name}` may not do",
                describe(&group.module),
                kind.does,
                interfaces.join(" and "),
            );
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
        })
        .collect()
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
