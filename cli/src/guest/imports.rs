//! What a component imports, and whether anybody gives that.

use std::collections::BTreeMap;

use executor_host::interfaces::{GuestKind, Provided, provided};
use thiserror::Error;
use wit_parser::{Resolve, World as WitWorld, WorldItem};

use super::component::World;

/// What a component imports: interfaces without their versions, and of each the functions. A
/// component carries no function that it does not use, so these tell more than the interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imports(BTreeMap<String, Vec<String>>);

/// A component imports what it is not given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ImportError {
    #[error("imports `{import}`, which nobody gives to {}", wanted.noun())]
    Unknown { import: String, wanted: World },
    #[error("imports `{import}`, of which {} is given version {version}", wanted.noun())]
    OtherVersion {
        import: String,
        wanted: World,
        version: &'static str,
    },
    #[error("imports `{import}`, which is not given to {}, but to {}", wanted.noun(), other(*wanted).noun())]
    OtherWorld { import: String, wanted: World },
}

impl ImportError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Unknown { .. } => "no line of `allow` would give it: build the module without \
                 it; what there is stands in docs/grants.md"
                .to_owned(),
            Self::OtherVersion { version, .. } => {
                format!("build it for that version, such as {version}.0")
            }
            Self::OtherWorld {
                wanted: World::Scheduler,
                ..
            } => "an app scheduler has its channels and the job, and no grants: let a task do that"
                .to_owned(),
            Self::OtherWorld { .. } => "no line of `allow` would give it: let the app scheduler \
                 do that, and tell the task by its channel"
                .to_owned(),
        }
    }
}

fn other(world: World) -> World {
    match world {
        World::Task => World::Scheduler,
        World::Scheduler => World::Task,
    }
}

impl Imports {
    #[cfg(test)]
    pub(crate) fn of(functions: &[(&str, &str)]) -> Self {
        let mut imports = Self::default();
        for (interface, function) in functions {
            let of_interface = imports.0.entry((*interface).to_owned()).or_default();
            of_interface.push((*function).to_owned());
        }
        imports
    }

    /// Whether it imports that function of the interface, in whatever version.
    pub(crate) fn has(&self, interface: &str, function: &str) -> bool {
        let functions = self.0.get(interface);
        functions.is_some_and(|functions| functions.iter().any(|it| it == function))
    }
}

/// Reads what is imported, if the guest is given all of it.
pub(super) fn read(
    resolve: &Resolve,
    world: &WitWorld,
    wanted: World,
) -> Result<Imports, ImportError> {
    let kind = match wanted {
        World::Task => GuestKind::Task,
        World::Scheduler => GuestKind::Scheduler,
    };
    let mut imports = Imports::default();
    for (key, item) in &world.imports {
        let import = resolve.name_world_key(key);
        let id = match item {
            WorldItem::Interface { id, .. } => *id,
            // Types of the world itself have plain names and need nobody to provide them.
            WorldItem::Type { .. } => continue,
            WorldItem::Function(_) => return Err(ImportError::Unknown { import, wanted }),
        };
        match provided(kind, &import) {
            Provided::Yes => {}
            Provided::OtherVersion(version) => {
                return Err(ImportError::OtherVersion {
                    import,
                    wanted,
                    version,
                });
            }
            Provided::OtherKind => return Err(ImportError::OtherWorld { import, wanted }),
            Provided::No => return Err(ImportError::Unknown { import, wanted }),
        }
        let name = import.split('@').next().unwrap_or_default().to_owned();
        let functions = resolve.interfaces[id].functions.keys().cloned();
        imports.0.entry(name).or_default().extend(functions);
    }
    Ok(imports)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// What is read of a world that imports this and that, in WIT.
    #[track_caller]
    fn check(packages: &str, imports: &str, wanted: World, expected: Expect) {
        let mut resolve = Resolve::default();
        let text = format!("package test:guest;\n{packages}\nworld guest {{ {imports} }}");
        let package = resolve.push_str("guest.wit", &text).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        let read = read(&resolve, &resolve.worlds[world], wanted);
        let told = match read {
            Ok(imports) => format!("{imports:?}"),
            Err(error) => format!("{error}\n{}", error.help()),
        };
        expected.assert_eq(&told);
    }

    fn package(name: &str, interface: &str) -> String {
        format!("package {name} {{ interface {interface} {{ one: func(); }} }}\n")
    }

    #[test]
    fn imports_are_told_by_interface_and_function() {
        let tcp = package("wasi:sockets@0.2.3", "tcp");
        let import = "type t = u8; import wasi:sockets/tcp@0.2.3;";
        check(
            &tcp,
            import,
            World::Task,
            expect![[r#"Imports({"wasi:sockets/tcp": ["one"]})"#]],
        );
    }

    #[test]
    fn what_nobody_gives_is_refused_with_what_to_do() {
        let store = package("wasi:keyvalue@0.2.0", "store");
        let import = "import wasi:keyvalue/store@0.2.0;";
        check(
            &store,
            import,
            World::Task,
            expect![[r#"
            imports `wasi:keyvalue/store@0.2.0`, which nobody gives to a task
            no line of `allow` would give it: build the module without it; what there is stands in docs/grants.md"#]],
        );
        check(
            "",
            "import start: func();",
            World::Task,
            expect![[r#"
            imports `start`, which nobody gives to a task
            no line of `allow` would give it: build the module without it; what there is stands in docs/grants.md"#]],
        );
        let later = package("wasi:http@0.3.0", "types");
        check(
            &later,
            "import wasi:http/types@0.3.0;",
            World::Task,
            expect![[r#"
                imports `wasi:http/types@0.3.0`, of which a task is given version 0.2
                build it for that version, such as 0.2.0"#]],
        );
        let http = package("wasi:http@0.2.3", "types");
        check(
            &http,
            "import wasi:http/types@0.2.3;",
            World::Scheduler,
            expect![[r#"
                imports `wasi:http/types@0.2.3`, which is not given to an app scheduler, but to a task
                an app scheduler has its channels and the job, and no grants: let a task do that"#]],
        );
        let control = package("mesosgot:guest@0.1.0", "job-control");
        let import = "import mesosgot:guest/job-control@0.1.0;";
        check(
            &control,
            import,
            World::Task,
            expect![[r#"
            imports `mesosgot:guest/job-control@0.1.0`, which is not given to a task, but to an app scheduler
            no line of `allow` would give it: let the app scheduler do that, and tell the task by its channel"#]],
        );
    }
}
