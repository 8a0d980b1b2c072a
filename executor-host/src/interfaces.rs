//! The interfaces that guests can import: what the linkers have, for those who look at a module
//! without an engine. What they give access to is for grants to say.

/// A kind of guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestKind {
    /// A task, hosted by an executor.
    Task,
    /// An app scheduler, hosted by `mesosgot`.
    Scheduler,
}

/// Whether guests can import an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provided {
    /// Guests of the kind can.
    Yes,
    /// Guests of the kind can, in another version: this one or a later one that begins so.
    OtherVersion(&'static str),
    /// Guests of the other kind can.
    OtherKind,
    /// Nobody can.
    No,
}

/// Whether guests of the kind can import the interface, such as `wasi:cli/stdout@0.2.3`.
pub fn provided(kind: GuestKind, import: &str) -> Provided {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let (own, other) = match kind {
        GuestKind::Task => (&OF_TASKS[..], &OF_SCHEDULERS[..]),
        GuestKind::Scheduler => (&OF_SCHEDULERS[..], &OF_TASKS[..]),
    };
    if other.contains(&name) {
        return Provided::OtherKind;
    }
    if !OF_ALL.contains(&name) && !own.contains(&name) {
        return Provided::No;
    }
    let line = match name.starts_with("wasi:") {
        true => "0.2",
        false => "0.1",
    };
    match is_of(line, version) {
        true => Provided::Yes,
        false => Provided::OtherVersion(line),
    }
}

/// Whether a version has these first two numbers and is none that came before a release.
fn is_of(line: &str, version: &str) -> bool {
    let patch = version
        .strip_prefix(line)
        .and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| {
        let number = patch
            .split_once('+')
            .map_or(patch, |(number, _build)| number);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What tasks and app schedulers can import.
const OF_ALL: [&str; 28] = [
    "mesosgot:guest/types",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// What only tasks can import.
const OF_TASKS: [&str; 3] = [
    "mesosgot:guest/task-channels",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
];

/// What only app schedulers can import.
const OF_SCHEDULERS: [&str; 2] = ["mesosgot:guest/app-channels", "mesosgot:guest/job-control"];

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;
    use crate::engine::Engine;

    /// A component that imports this interface, and of it a function of that name.
    fn importer(import: &str, function: &str) -> Vec<u8> {
        let named = |text: &str| [&[0, text.len() as u8], text.as_bytes()].concat();
        let section = |id: u8, content: &[u8]| [&[id, content.len() as u8], content].concat();
        // One type: an instance, of a function from nothing to nothing.
        let instance = [
            &[1, 0x42, 2, 1, 0x40, 0, 1, 0, 4],
            &named(function)[..],
            &[1, 0],
        ]
        .concat();
        let import = [&[1], &named(import)[..], &[5, 0]].concat();
        let header = b"\0asm\x0d\0\x01\0".to_vec();
        [header, section(7, &instance), section(10, &import)].concat()
    }

    /// Something that the interface has, a function or a resource; nothing if it has types only.
    fn item(interface: &str) -> Option<&'static str> {
        let (_, name) = interface.split_once('/')?;
        Some(match name {
            "app-channels" => "task-receiver",
            "task-channels" => "receiver",
            "job-control" => "kill",
            "environment" => "get-environment",
            "exit" => "exit",
            "stderr" => "get-stderr",
            "stdin" => "get-stdin",
            "stdout" => "get-stdout",
            "terminal-input" => "terminal-input",
            "terminal-output" => "terminal-output",
            "terminal-stderr" => "get-terminal-stderr",
            "terminal-stdin" => "get-terminal-stdin",
            "terminal-stdout" => "get-terminal-stdout",
            "monotonic-clock" | "wall-clock" => "now",
            "preopens" => "get-directories",
            "error" => "error",
            "poll" => "poll",
            "streams" => "input-stream",
            "insecure" => "get-insecure-random-u64",
            "insecure-seed" => "insecure-seed",
            "random" => "get-random-u64",
            "instance-network" => "instance-network",
            "ip-name-lookup" => "resolve-addresses",
            "network" => "network",
            "tcp" => "tcp-socket",
            "tcp-create-socket" => "create-tcp-socket",
            "udp" => "udp-socket",
            "udp-create-socket" => "create-udp-socket",
            "outgoing-handler" => "handle",
            "types" if interface.starts_with("wasi:filesystem") => "descriptor",
            "types" if interface.starts_with("wasi:http") => "fields",
            "types" => return None,
            _ => "anything",
        })
    }

    #[test]
    fn the_lists_are_those_of_the_linkers() {
        let engine = Engine::new().unwrap();
        // A function of another type is refused as well, but it is not missing.
        let has = |kind, import: &str, function: &str| {
            let bytes = importer(import, function);
            let component = Component::from_binary(engine.wasmtime(), &bytes).unwrap();
            let linkers = engine.linkers();
            let error = match kind {
                GuestKind::Task => linkers.task.instantiate_pre(&component).err(),
                GuestKind::Scheduler => linkers.scheduler.instantiate_pre(&component).err(),
            };
            error.is_none_or(|error| !format!("{error:#}").contains("missing"))
        };
        let others = [
            "wasi:http/incoming-handler",
            "wasi:keyvalue/store",
            "wasi:cli/run",
            "mesosgot:guest/none",
        ];
        let lists = OF_ALL.iter().chain(&OF_TASKS).chain(&OF_SCHEDULERS);
        for name in lists.chain(&others) {
            let Some(function) = item(name) else {
                continue;
            };
            let versions = [
                "0.1.0",
                "0.2.0",
                "0.2.3",
                "0.2.99",
                "0.2.0-rc-1",
                "0.3.0",
                "1.0.0",
            ];
            for import in versions.map(|version| format!("{name}@{version}")) {
                for kind in [GuestKind::Task, GuestKind::Scheduler] {
                    let said = provided(kind, &import) == Provided::Yes;
                    assert_eq!(said, has(kind, &import, function), "{kind:?} {import}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_provided_is_told_apart() {
        let task = |import| provided(GuestKind::Task, import);
        assert_eq!(task("wasi:http/types@0.2.99"), Provided::Yes);
        assert_eq!(task("wasi:http/types@0.3.0"), Provided::OtherVersion("0.2"));
        assert_eq!(task("wasi:http/types"), Provided::OtherVersion("0.2"));
        assert_eq!(
            task("mesosgot:guest/job-control@0.1.0"),
            Provided::OtherKind
        );
        assert_eq!(task("wasi:keyvalue/store@0.2.0"), Provided::No);
        let scheduler = provided(GuestKind::Scheduler, "wasi:http/types@0.2.0");
        assert_eq!(scheduler, Provided::OtherKind);
    }
}
