//! Recognises what a wasm file holds and makes a component of it.
//!
//! Executors run components only. A core module made with the guest library is wrapped here, with
//! the adapter that turns preview 1 imports into WASI 0.2 ones; everything else is taken as it is.

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, DecodedWasm};

use super::imports::{self, ImportError, Imports};

/// What every wasm file starts with.
const MAGIC: &[u8; 4] = b"\0asm";
/// What follows the magic in a core module: version 1.
const CORE_MODULE: [u8; 4] = [1, 0, 0, 0];
/// What follows the magic in a component: version 13, layer 1.
const COMPONENT: [u8; 4] = [13, 0, 1, 0];

/// What a guest is, by the function that it exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum World {
    /// A task: exports `run-task`.
    Task,
    /// An app scheduler: exports `run-scheduler`.
    Scheduler,
}

impl World {
    fn export(self) -> &'static str {
        match self {
            Self::Task => "run-task",
            Self::Scheduler => "run-scheduler",
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Task => "a task",
            Self::Scheduler => "an app scheduler",
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Self::Task => "#[mesosgot_sdk::task]",
            Self::Scheduler => "#[mesosgot_sdk::scheduler]",
        }
    }
}

/// A component that an executor can run.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: [u8; 32],
    /// What it imports.
    pub(crate) imports: Imports,
}

/// Why a file is not a guest for its place in the job.
#[derive(Debug, Error)]
pub(crate) enum ComponentError {
    #[error("is not a wasm file: it starts with {found}, not with `\\0asm`")]
    NotWasm { found: String },
    #[error("is wasm of an unknown kind: version bytes {found:02x?}")]
    UnknownVersion { found: [u8; 4] },
    #[error("is a core module that cannot be made a component: {reason}")]
    Wrap { reason: String },
    #[error("is not a valid component: {reason}")]
    Invalid { reason: String },
    #[error("is not {}: it does not export `{}`{}", wanted.noun(), wanted.export(), but_is(*found))]
    WrongWorld { wanted: World, found: Option<World> },
    #[error(transparent)]
    Import(ImportError),
}

fn but_is(found: Option<World>) -> String {
    found.map_or_else(String::new, |world| format!("; it is {}", world.noun()))
}

impl ComponentError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::NotWasm { .. } | Self::UnknownVersion { .. } => {
                "name a `.wasm` file, or the folder of a guest project".to_owned()
            }
            Self::Wrap { .. } | Self::Invalid { .. } => {
                "build it with `mesosgot-sdk` for wasm32-wasip2 (or wasm32-wasip1)".to_owned()
            }
            Self::WrongWorld { wanted, .. } => {
                format!("mark its function with `{}`", wanted.attribute())
            }
            Self::Import(error) => error.help(),
        }
    }
}

/// Makes a component of `wasm` and checks that it is of the `wanted` world.
pub(crate) fn prepare(wasm: Vec<u8>, wanted: World) -> Result<Component, ComponentError> {
    let bytes = into_component(wasm)?;
    let imports = check_world(&bytes, wanted)?;
    let sha256 = Sha256::digest(&bytes).into();
    Ok(Component {
        bytes,
        sha256,
        imports,
    })
}

fn into_component(wasm: Vec<u8>) -> Result<Vec<u8>, ComponentError> {
    let Some((magic, rest)) = wasm.split_first_chunk::<4>() else {
        return Err(ComponentError::NotWasm {
            found: describe(&wasm),
        });
    };
    if magic != MAGIC {
        return Err(ComponentError::NotWasm {
            found: describe(&wasm),
        });
    }
    match rest.first_chunk::<4>() {
        Some(&COMPONENT) => Ok(wasm),
        Some(&CORE_MODULE) => wrap(&wasm),
        Some(&found) => Err(ComponentError::UnknownVersion { found }),
        None => Err(ComponentError::NotWasm {
            found: "an incomplete header".to_owned(),
        }),
    }
}

/// The start of a file in words.
fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing (the file is empty)".to_owned();
    }
    format!("`{}`", bytes[..bytes.len().min(4)].escape_ascii())
}

fn wrap(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    let encode = || {
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .encode()
    };
    encode().map_err(|error| ComponentError::Wrap {
        reason: format!("{error:#}"),
    })
}

/// What it imports, if it is of the `wanted` world and all of that can be provided.
fn check_world(component: &[u8], wanted: World) -> Result<Imports, ComponentError> {
    let decoded = wit_component::decode(component).map_err(|error| ComponentError::Invalid {
        reason: format!("{error:#}"),
    })?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(ComponentError::Invalid {
            reason: "it is a WIT package".to_owned(),
        });
    };
    let world = &resolve.worlds[world];
    let exports = |wanted: World| {
        world
            .exports
            .keys()
            .any(|key| resolve.name_world_key(key) == wanted.export())
    };
    if !exports(wanted) {
        let found = [World::Task, World::Scheduler]
            .into_iter()
            .find(|world| exports(*world));
        return Err(ComponentError::WrongWorld { wanted, found });
    }
    imports::read(&resolve, world, wanted).map_err(ComponentError::Import)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_error(wasm: &[u8], expected: &Expect) {
        let error = prepare(wasm.to_vec(), World::Task).expect_err("it is not a task");
        expected.assert_eq(&format!("{error}\n{}\n", error.help()));
    }

    #[test]
    fn files_that_are_not_guests_are_refused_with_the_reason() {
        check_error(
            b"",
            &expect![[r#"
            is not a wasm file: it starts with nothing (the file is empty), not with `\0asm`
            name a `.wasm` file, or the folder of a guest project
        "#]],
        );
        check_error(
            b"\x7fELF\x02\x01",
            &expect![[r#"
            is not a wasm file: it starts with `\x7fELF`, not with `\0asm`
            name a `.wasm` file, or the folder of a guest project
        "#]],
        );
        check_error(
            b"\0asm\x02\0\0\0",
            &expect![[r#"
            is wasm of an unknown kind: version bytes [02, 00, 00, 00]
            name a `.wasm` file, or the folder of a guest project
        "#]],
        );
    }

    #[test]
    fn an_empty_component_is_not_a_task() {
        check_error(
            b"\0asm\x0d\0\x01\0",
            &expect![[r#"
            is not a task: it does not export `run-task`
            mark its function with `#[mesosgot_sdk::task]`
        "#]],
        );
    }

    #[test]
    fn a_core_module_without_the_guest_library_is_refused() {
        check_error(
            b"\0asm\x01\0\0\0",
            &expect![[r#"
            is not a task: it does not export `run-task`
            mark its function with `#[mesosgot_sdk::task]`
        "#]],
        );
    }
}
