//! How an agent comes by the executor's program and starts it.

use std::fmt::Write as _;

use mesos::v1;
use v1::container_info::MesosInfo;
use v1::{ContainerInfo, Image, image};

use crate::config::{ExecutorProgram, Executors};
use crate::modules::{EXECUTOR_NAME, Hex};

/// The command of executors. One that is served has this URL and digest.
pub(super) fn command(
    executors: &Executors,
    served: Option<(String, [u8; 32])>,
) -> v1::CommandInfo {
    let (argv, url, sha256) = match (&executors.program, served) {
        (ExecutorProgram::Installed(argv), _) => (argv.clone(), None, None),
        (ExecutorProgram::Fetched { uri, sha256, args }, _) => {
            (fetched_argv(args), Some(uri.clone()), *sha256)
        }
        (ExecutorProgram::Served { args, .. }, served) => {
            let (url, sha256) = served.unzip();
            (fetched_argv(args), url, sha256)
        }
    };
    let checked = sha256.map(|sha256| checked(&sha256, &argv));
    let uris = url.into_iter().map(|value| v1::command_info::Uri {
        value,
        executable: Some(true),
        // By user and URI: each agent fetches it once.
        cache: Some(true),
        output_file: Some(EXECUTOR_NAME.to_owned()),
        ..v1::command_info::Uri::default()
    });
    let env = executors.env.iter();
    let variables = env.map(|(name, value)| v1::environment::Variable {
        name: name.clone(),
        value: Some(value.clone()),
        ..v1::environment::Variable::default()
    });
    let environment = v1::Environment {
        variables: variables.collect(),
    };
    v1::CommandInfo {
        uris: uris.collect(),
        environment: Some(environment),
        shell: Some(checked.is_some()),
        // Without a shell the arguments are the whole argv, the name of the program included
        // (PROTOCOL §9.2).
        arguments: match checked {
            Some(_) => Vec::new(),
            None => argv.clone(),
        },
        value: checked.or_else(|| argv.into_iter().next()),
        ..v1::CommandInfo::default()
    }
}

/// The container in which executors are started.
pub(super) fn container(image: &str) -> ContainerInfo {
    let image = Image {
        r#type: image::Type::Docker.into(),
        docker: Some(image::Docker {
            name: image.to_owned(),
            ..image::Docker::default()
        }),
        ..Image::default()
    };
    ContainerInfo {
        r#type: v1::container_info::Type::Mesos.into(),
        mesos: Some(MesosInfo { image: Some(image) }),
        ..ContainerInfo::default()
    }
}

/// The fetcher puts the program into the sandbox, which is the executor's working directory.
fn fetched_argv(args: &[String]) -> Vec<String> {
    let program = format!("./{EXECUTOR_NAME}");
    std::iter::once(program)
        .chain(args.iter().cloned())
        .collect()
}

/// A shell's command that starts the program if it has this digest.
///
/// Fetchers of agents check nothing, and what they fetch may come without TLS or lie in their
/// cache. The command itself comes by way of the master, as everything does that is trusted.
fn checked(sha256: &[u8], argv: &[String]) -> String {
    let mut command = format!(
        "echo '{}  {EXECUTOR_NAME}' | sha256sum -c - >/dev/null || {{ echo '{}' >&2; exit 1; }}; \
         exec",
        Hex(sha256),
        "the fetched mesosgot-executor is not the expected one (or there is no sha256sum here)",
    );
    for arg in argv {
        // A string takes all that is written to it.
        let _ = write!(command, " '{}'", arg.replace('\'', r"'\''"));
    }
    command
}
