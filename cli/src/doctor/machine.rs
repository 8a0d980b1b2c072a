//! Findings about this machine: toolchain, modules, cache, executor, limits.

use super::facts::{
    Cache, ExecutorFact, JobFact, Limits, ModuleFact, ModuleState, Told, Toolchain,
};
use super::{Finding, size};

/// An executor that is larger than this was not built to be deployed: that one has 25 MB.
const EXECUTOR_BYTES_MUCH: u64 = 100 << 20;

pub(super) fn job(job: &JobFact) -> Finding {
    let JobFact {
        name,
        tasks,
        groups,
    } = job;
    let plural = |is_one: bool| if is_one { "" } else { "s" };
    Finding::ok(
        "job",
        format!(
            "`{name}`: {tasks} task{} in {groups} group{}",
            plural(*tasks == 1),
            plural(*groups == 1)
        ),
    )
}

pub(super) fn toolchain(toolchain: Option<&Toolchain>) -> Option<Finding> {
    let Toolchain {
        cargo,
        has_target,
        target,
        has_rustup,
    } = toolchain?;
    let area = "toolchain";
    let version = match cargo {
        Ok(version) => version,
        Err(error) => {
            return Some(Finding::problem(
                area,
                format!("`cargo`, which compiles the job's modules, cannot be run: {error}"),
                "install Rust from https://rustup.rs, or put `cargo` on the PATH",
            ));
        }
    };
    Some(match (has_target, has_rustup) {
        (true, _) => Finding::ok(area, format!("{version}, with {target}")),
        (false, true) => Finding::warning(
            area,
            format!("{version}, without {target}, which the first build installs"),
            format!("`rustup target add {target}`"),
        ),
        (false, false) => Finding::problem(
            area,
            format!("{version}, without {target}, for which modules are compiled"),
            format!(
                "install your distribution's package of the standard library for {target}, or \
                 Rust from https://rustup.rs"
            ),
        ),
    })
}

pub(super) fn module(fact: &ModuleFact) -> Finding {
    let ModuleFact { name, state } = fact;
    let area = "module";
    match state {
        ModuleState::Right(bytes) => Finding::ok(area, format!("`{name}`: {}", size(*bytes))),
        ModuleState::Wrong(told) => Finding::problem(
            area,
            &told.text,
            told.help
                .clone()
                .unwrap_or_else(|| "name another file".to_owned()),
        ),
        ModuleState::Project => Finding::ok(
            area,
            format!("`{name}` is a guest project; `mesosgot check` compiles it and looks at it"),
        ),
        ModuleState::Address => Finding::ok(
            area,
            format!("`{name}` has an address; `mesosgot check` fetches it and looks at it"),
        ),
    }
}

pub(super) fn cache(cache: &Cache) -> Finding {
    let area = "cache";
    match cache {
        Cache::Off => Finding::warning(
            area,
            "there is no folder for what guests compile to: each run compiles them again",
            "name one by `MESOSGOT_CACHE_DIR`",
        ),
        Cache::Folder {
            path,
            writable: Err(error),
            ..
        } => Finding::warning(
            area,
            format!("nothing can be kept in `{path}`: {error}"),
            "make the folder writable, or name another by `MESOSGOT_CACHE_DIR`",
        ),
        Cache::Folder {
            path,
            bytes,
            writable: Ok(()),
        } => {
            let bytes = bytes.map_or_else(|| "many files".to_owned(), size);
            Finding::ok(area, format!("`{path}` is writable and has {bytes}"))
        }
    }
}

pub(super) fn executor(executor: &Result<ExecutorFact, Told>, is_embedded: bool) -> Finding {
    let area = "executor";
    match executor {
        Err(told) => Finding::problem(
            area,
            &told.text,
            told.help
                .clone()
                .unwrap_or_else(|| "name another by `executor.binary`".to_owned()),
        ),
        Ok(ExecutorFact::Installed(path)) if is_embedded => {
            Finding::ok(area, format!("agents start `{path}` on this machine"))
        }
        Ok(ExecutorFact::Installed(path)) => Finding::ok(
            area,
            format!("agents start their own `{path}`, which cannot be looked at from here"),
        ),
        Ok(ExecutorFact::Fetched {
            uri,
            has_digest: true,
        }) => Finding::ok(area, format!("agents fetch `{uri}` and compare its digest")),
        Ok(ExecutorFact::Fetched { uri, .. }) => Finding::warning(
            area,
            format!("agents fetch `{uri}` and start whatever they get"),
            "append `#sha256:` and its digest to `executor.binary`",
        ),
        Ok(ExecutorFact::Served {
            is_of_this_version: false,
            ..
        }) => Finding::problem(
            area,
            "the executor that is served is not of the version of this program",
            "build it from the same source, or leave out `executor.binary`",
        ),
        Ok(ExecutorFact::Served { bytes, .. }) if *bytes > EXECUTOR_BYTES_MUCH => Finding::warning(
            area,
            format!("each agent fetches {} of executor from us", size(*bytes)),
            "`cargo xtask executor` builds a small one; put it beside `mesosgot`",
        ),
        Ok(ExecutorFact::Served { bytes, .. }) => Finding::ok(
            area,
            format!("each agent fetches it from us once, {}", size(*bytes)),
        ),
    }
}

pub(super) fn limits(limits: Option<&Limits>) -> Option<Finding> {
    let Limits {
        tasks,
        maps,
        handles,
        room,
    } = limits?;
    let area = "limits";
    let number = |number: &Option<u64>| match number {
        Some(number) => number.to_string(),
        None => "unknown".to_owned(),
    };
    let shown = format!(
        "vm.max_map_count {}, open files {}",
        number(maps),
        number(handles)
    );
    Some(match room {
        // What tasks take is a guess, which counting corrects.
        Some(room) if room < tasks => Finding::warning(
            area,
            format!(
                "{shown}: an executor may have room for {room} tasks only, and {tasks} may share \
                 one"
            ),
            format!(
                "raise them with `sysctl -w vm.max_map_count={}` and `ulimit -n {}`, or run \
                 fewer tasks on each agent",
                executor_host::maps_for(*tasks),
                executor_host::handles_for(*tasks),
            ),
        ),
        Some(room) => Finding::ok(
            area,
            format!("{shown}: room for {room} tasks in an executor, {tasks} at most are asked for"),
        ),
        None => Finding::ok(area, format!("{shown}; the system does not say more")),
    })
}
