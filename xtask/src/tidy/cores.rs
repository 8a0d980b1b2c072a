//! Cores decide and shells act: what the cores must not know of.
//!
//! A core is a whole crate, or what lies in a folder `core` (and the file `core.rs`) of a shell.
//! Tests and build scripts are free.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::repository::{File, Finding};

/// Crates that are cores as a whole, with their folders.
const CORES: [(&str, &str); 5] = [
    ("mesosgot-mesos", "crates/mesos"),
    ("mesosgot-channel", "crates/channel"),
    ("mesosgot-scheduler", "crates/scheduler"),
    ("mesosgot-job", "crates/job"),
    ("mesosgot-simulation", "crates/simulation"),
];

/// What no core depends on, however far away.
const BANNED_PACKAGES: [&str; 5] = ["tokio", "hyper", "reqwest", "wasmtime", "axum"];

/// What no core names, and what it does instead.
const BANNED_PATHS: [(&str, &str); 11] = [
    ("std::fs", "a core has no files"),
    ("std::env", "a core is configured by its caller"),
    ("std::thread", "a core has no threads"),
    // Addresses are values; what connects is not.
    ("std::net::TcpListener", "a core has no sockets"),
    ("std::net::TcpStream", "a core has no sockets"),
    ("std::net::UdpSocket", "a core has no sockets"),
    ("std::net::ToSocketAddrs", "a core resolves no names"),
    ("std::process", "a core starts no programs"),
    ("std::time::SystemTime", "a core is told the time"),
    ("tokio", "a core does not wait"),
    ("reqwest", "a core has no sockets"),
];

/// What no core calls, however it was named.
const BANNED_CALLS: [(&str, &str); 2] = [
    ("Instant::now", "a core is told the time"),
    ("SystemTime::now", "a core is told the time"),
];

/// Checks what one file names.
pub(super) fn check_file(file: &File, findings: &mut Vec<Finding>) {
    let is_checked = is_core(&file.path) && !file.is_test();
    let Some(rust) = file.rust.as_ref().filter(|_| is_checked) else {
        return;
    };
    let mut found = BTreeSet::new();
    for used in rust.uses() {
        let banned = BANNED_PATHS
            .iter()
            .find(|(path, _)| is_below(&used.text, path));
        if let Some((path, advice)) = banned {
            found.insert((used.line, *path, *advice));
        }
    }
    for (line, code) in rust.lines() {
        let in_full = BANNED_PATHS
            .iter()
            .filter(|(path, _)| code.contains(&format!("{path}::")));
        let called = BANNED_CALLS.iter().filter(|(call, _)| code.contains(call));
        for (path, advice) in in_full.chain(called) {
            found.insert((line, *path, *advice));
        }
    }
    findings.extend(
        found
            .into_iter()
            .map(|(line, path, advice)| file.finding(line, format!("`{path}`: {advice}"))),
    );
}

/// Checks what the core crates depend on.
pub(super) fn check_packages(metadata: &Metadata, findings: &mut Vec<Finding>) {
    let graph = Graph::new(metadata);
    for (core, _) in CORES {
        match graph.path_to(core, &BANNED_PACKAGES) {
            None => findings.push(Finding {
                place: core.to_owned(),
                line: None,
                text: "there is no such package: the list of cores is out of date".to_owned(),
            }),
            Some(path) if path.is_empty() => {}
            Some(path) => findings.push(Finding {
                place: core.to_owned(),
                line: None,
                text: format!("is a core, but depends on {}", path.join(" -> ")),
            }),
        }
    }
}

fn is_core(path: &str) -> bool {
    let in_core_crate = CORES
        .iter()
        .any(|(_, folder)| path.starts_with(&format!("{folder}/src/")));
    in_core_crate || path.contains("/core/") || path.ends_with("/core.rs")
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Which package depends on which, in what is built and linked (no tests, no build scripts).
struct Graph<'a> {
    names: BTreeMap<&'a PackageId, &'a str>,
    edges: BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names = metadata
            .packages
            .iter()
            .map(|package| (&package.id, package.name.as_str()))
            .collect();
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let edges = nodes
            .map(|node| {
                let normal = node.deps.iter().filter(|dependency| {
                    let mut kinds = dependency.dep_kinds.iter();
                    kinds.any(|kind| kind.kind == DependencyKind::Normal)
                });
                (&node.id, normal.map(|dependency| &dependency.pkg).collect())
            })
            .collect();
        Self { names, edges }
    }

    /// A way from a package to one of the `banned` ones: the names on it, or nothing if there is
    /// none. `None` if there is no package of that name.
    fn path_to(&self, from: &str, banned: &[&str]) -> Option<Vec<&'a str>> {
        let (start, _) = self.names.iter().find(|(_, name)| **name == from)?;
        let mut seen = BTreeSet::from([*start]);
        let mut waiting = vec![(*start, Vec::new())];
        while let Some((package, path)) = waiting.pop() {
            for next in self.edges.get(package).into_iter().flatten() {
                let mut path = path.clone();
                path.push(self.names.get(next).copied().unwrap_or_default());
                if path.last().is_some_and(|name| banned.contains(name)) {
                    return Some(path);
                }
                if seen.insert(next) {
                    waiting.push((next, path));
                }
            }
        }
        Some(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check_file(&File::new(path, text), &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_core_names_nothing_that_acts() {
        let text = "use std::{fmt, fs::File, time::{Duration, Instant}};\nuse tokio::sync;\nlet a = std::env::var(b);\nlet c = Instant::now();\n";
        let expected = [
            "1: `std::fs`: a core has no files",
            "2: `tokio`: a core does not wait",
            "3: `std::env`: a core is configured by its caller",
            "4: `Instant::now`: a core is told the time",
        ];
        for path in ["crates/mesos/src/a.rs", "x/src/core/a.rs", "x/src/core.rs"] {
            let found = findings(path, text);
            let expected: Vec<String> =
                expected.iter().map(|end| format!("{path}:{end}")).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn shells_tests_and_words_alike_are_free() {
        let text = "use std::fs;\nuse tokio;\n";
        for path in [
            "crates/link/src/a.rs",
            "crates/mesos/build.rs",
            "crates/mesos/tests/it/main.rs",
            "crates/mesos/src/core/tests.rs",
            "crates/mesos-client/src/a.rs",
        ] {
            assert_eq!(findings(path, text), [""; 0], "{path}");
        }
        let text = "use std::fmt;\nuse tokio_like::a;\n// use std::fs;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(findings("crates/job/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn a_way_to_a_banned_package_is_found_and_told() {
        let ids: Vec<PackageId> = ["a", "b", "c"]
            .map(|repr| PackageId {
                repr: repr.to_owned(),
            })
            .into();
        let graph = Graph {
            names: ids.iter().map(|id| (id, id.repr.as_str())).collect(),
            edges: [(&ids[0], vec![&ids[1]]), (&ids[1], vec![&ids[2], &ids[0]])].into(),
        };
        assert_eq!(graph.path_to("a", &["c"]), Some(vec!["b", "c"]));
        assert_eq!(graph.path_to("c", &["a"]), Some(vec![]));
        assert_eq!(graph.path_to("nobody", &["a"]), None);
    }
}
