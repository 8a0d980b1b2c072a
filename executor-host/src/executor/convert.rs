//! The only bridge between Mesos's messages, our records in them, and what the executor works on.

mod grants;

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use link::{LinkConfig, Window, spec};
use mesos::{ExecutorId, TaskId, v1};
use prost::Message as _;
use v1::{
    executor::{Call, call},
    task_status::Source,
};

use crate::{
    core::updates::Update, grants::folders::FolderWish, limits::TaskLimits, modules::ModuleRef,
    task::TaskConfig,
};

/// What a task needs to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Launch {
    pub(super) module: ModuleRef,
    pub(super) config: TaskConfig,
    /// Folders of the agent that it wants, which are not in what it may use yet.
    pub(super) folders: Vec<FolderWish>,
    pub(super) kill_grace: Duration,
}

/// What is wrong with the data of a launch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// There is none.
    #[error("it has no data: it was not launched by `mesosgot`")]
    Missing,
    /// It cannot be decoded.
    #[error("its data is malformed: {0}")]
    Malformed(prost::DecodeError),
    /// It was written by another version.
    #[error(
        "its data is of version {found}, {} was expected: framework and executor differ",
        spec::VERSION
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// It names no module, or not by a sha256.
    #[error("its data names no module")]
    Module,
    /// It names a destination that is none.
    #[error("its data names a destination that is none")]
    Destination,
    /// It names a destination of HTTP requests that is none.
    #[error("its data names an HTTP destination that is none")]
    HttpDestination,
    /// It names a port that is none.
    #[error("its data names a port that is none")]
    Port,
    /// The digest of the certificate of its server is none.
    #[error("its data names a server, but not by the digest of its certificate")]
    Server,
}

/// Reads a task's launch.
pub(super) fn launch(info: &v1::TaskInfo) -> Result<Launch, LaunchError> {
    let data = info.data.clone().ok_or(LaunchError::Missing)?;
    let mut spec = spec::TaskSpec::decode(data).map_err(LaunchError::Malformed)?;
    check_version(spec.version)?;
    // They are kept for as long as the task is.
    spec.args.shrink_to_fit();
    let module = spec.module.ok_or(LaunchError::Module)?;
    let sha256: [u8; 32] = module.sha256.try_into().map_err(|_| LaunchError::Module)?;
    let (allow, folders) = grants::read(spec.allow.unwrap_or_default(), &spec.ports)?;
    Ok(Launch {
        module: ModuleRef {
            sha256: sha256.into(),
            size: module.size,
            urls: module.urls,
            is_over_link: module.over_link,
        },
        config: TaskConfig {
            name: spec.name,
            args: spec.args,
            env: spec
                .env
                .into_iter()
                .map(|variable| (variable.name, variable.value))
                .collect(),
            limits: TaskLimits {
                memory_bytes_max: spec.memory_bytes_max,
                cpu_time_max: limit(spec.cpu_time_max_ms),
                idle_max: limit(spec.idle_max_ms),
            },
            allow,
        },
        folders,
        kill_grace: Duration::from_millis(spec.kill_grace_ms),
    })
}

fn limit(milliseconds: u64) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// Reads what the framework says about the executor.
pub(super) fn executor(info: &v1::ExecutorInfo) -> Result<spec::ExecutorSpec, LaunchError> {
    let data = info.data.clone().ok_or(LaunchError::Missing)?;
    let spec = spec::ExecutorSpec::decode(data).map_err(LaunchError::Malformed)?;
    check_version(spec.version)?;
    Ok(spec)
}

/// The server of modules, if it has to be known by the digest of its certificate.
pub(super) fn server(spec: &spec::ExecutorSpec) -> Result<Option<(String, [u8; 32])>, LaunchError> {
    let Some(server) = &spec.server else {
        return Ok(None);
    };
    let digest = server.certificate_sha256.as_slice().try_into();
    let digest = digest.map_err(|_| LaunchError::Server)?;
    Ok(Some((server.base.clone(), digest)))
}

/// How many tasks will be launched on this executor, if it was told.
pub(super) fn expected(spec: &spec::ExecutorSpec) -> Option<u32> {
    (spec.tasks > 0).then_some(spec.tasks)
}

/// The settings of the executor's end of the link.
pub(super) fn link_config(spec: &spec::ExecutorSpec) -> LinkConfig {
    let mut config = LinkConfig::new();
    config.window = Window {
        messages: spec.window_messages,
        bytes: spec.window_bytes,
    };
    config.direct_only = spec.direct_only;
    config
}

/// The grace that comes with a kill.
pub(super) fn kill_grace(policy: Option<&v1::KillPolicy>) -> Option<Duration> {
    let nanoseconds = policy?.grace_period.as_ref()?.nanoseconds;
    Some(Duration::from_nanos(nanoseconds.max(0).unsigned_abs()))
}

/// Whether a framework knows the state TASK_KILLING.
pub(super) fn knows_killing(info: &v1::FrameworkInfo) -> bool {
    let killing = v1::framework_info::capability::Type::TaskKillingState;
    info.capabilities
        .iter()
        .any(|capability| capability.r#type() == killing)
}

/// An update as a call.
pub(super) fn update_call(status: v1::TaskStatus) -> Call {
    let update = Some(call::Update { status });
    Call {
        r#type: Some(call::Type::Update.into()),
        update,
        ..Call::default()
    }
}

/// A frame of the link as a call.
pub(super) fn message_call(data: Bytes) -> Call {
    let message = Some(call::Message { data });
    Call {
        r#type: Some(call::Type::Message.into()),
        message,
        ..Call::default()
    }
}

/// An update as Mesos has it; the last one of a task carries what the task took.
pub(super) fn status(
    update: &Update,
    usage: Option<&spec::TaskUsage>,
    executor: &ExecutorId,
    clock: &WallClock,
) -> v1::TaskStatus {
    let usage = usage.filter(|_| update.is_end());
    v1::TaskStatus {
        task_id: update.task.clone().into(),
        state: update.state.into(),
        message: update.message.clone(),
        source: Some(Source::Executor.into()),
        reason: update.reason.map(Into::into),
        // Agents do not fill it in, and schedulers miss it (PROTOCOL §8.2).
        executor_id: Some(executor.clone().into()),
        timestamp: Some(clock.seconds(update.at)),
        data: usage.map(|usage| usage.encode_to_vec().into()),
        uuid: Some(Bytes::copy_from_slice(update.uuid.as_bytes())),
        ..v1::TaskStatus::default()
    }
}

/// Tells moments of the machine's clock in the time of day.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallClock {
    moment: Instant,
    since_epoch: Duration,
}

impl WallClock {
    pub(super) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is not set; it makes times of day useless, not the executor.
        Self {
            moment: Instant::now(),
            since_epoch: since_epoch.unwrap_or_default(),
        }
    }

    fn seconds(&self, at: Instant) -> f64 {
        (self.since_epoch + at.saturating_duration_since(self.moment)).as_secs_f64()
    }
}

/// A task of a launch, for logs and tables.
pub(super) fn task_id(info: &v1::TaskInfo) -> TaskId {
    TaskId::from(&info.task_id)
}

fn check_version(found: u32) -> Result<(), LaunchError> {
    match found == spec::VERSION {
        true => Ok(()),
        false => Err(LaunchError::Version { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Allow;

    fn info(spec: &spec::TaskSpec) -> v1::TaskInfo {
        v1::TaskInfo {
            data: Some(spec.encode_to_vec().into()),
            ..v1::TaskInfo::default()
        }
    }

    fn good() -> spec::TaskSpec {
        let module = spec::Module {
            over_link: true,
            sha256: vec![7; 32],
            size: 9,
            urls: vec!["http://a".into()],
        };
        spec::TaskSpec {
            version: spec::VERSION,
            name: "a-0".to_owned(),
            group: "a".to_owned(),
            module: Some(module),
            args: vec!["x".to_owned()],
            env: vec![spec::EnvironmentVariable {
                name: "K".into(),
                value: "v".into(),
            }],
            memory_bytes_max: 1 << 20,
            kill_grace_ms: 1500,
            cpu_time_max_ms: 2500,
            idle_max_ms: 0,
            ports: vec![80, 65_535],
            allow: Some(spec::Allow {
                dns: true,
                ..spec::Allow::default()
            }),
        }
    }

    #[test]
    fn a_launch_is_read() {
        let launch = launch(&info(&good())).unwrap();
        assert_eq!(launch.module.sha256, [7; 32].into());
        assert_eq!((launch.module.size, launch.module.urls.len()), (9, 1));
        assert_eq!(launch.config.env, [("K".to_owned(), "v".to_owned())]);
        assert_eq!(launch.kill_grace, Duration::from_millis(1500));
        let limits = TaskLimits {
            memory_bytes_max: 1 << 20,
            cpu_time_max: Some(Duration::from_millis(2500)),
            idle_max: None,
        };
        assert_eq!(launch.config.limits, limits);
        let allow = Allow {
            dns: true,
            listen: vec![80, 65_535],
            ..Allow::default()
        };
        assert_eq!(launch.config.allow, allow);
        assert_eq!(launch.folders, []);
    }

    #[test]
    fn what_is_not_a_launch_is_refused_with_its_reason() {
        assert_eq!(launch(&v1::TaskInfo::default()), Err(LaunchError::Missing));
        let version = info(&spec::TaskSpec {
            version: 99,
            ..good()
        });
        assert_eq!(launch(&version), Err(LaunchError::Version { found: 99 }));
        let module = info(&spec::TaskSpec {
            module: None,
            ..good()
        });
        assert_eq!(launch(&module), Err(LaunchError::Module));
        let mut short = good();
        short.module.as_mut().unwrap().sha256.pop();
        assert_eq!(launch(&info(&short)), Err(LaunchError::Module));
        let data = Some(Bytes::from_static(b"\xff\xff"));
        let garbage = v1::TaskInfo {
            data,
            ..v1::TaskInfo::default()
        };
        assert!(matches!(launch(&garbage), Err(LaunchError::Malformed(_))));
    }

    #[test]
    fn a_negative_grace_is_none_at_all() {
        let policy = |nanoseconds| v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds }),
        };
        assert_eq!(kill_grace(Some(&policy(-5))), Some(Duration::ZERO));
        assert_eq!(
            kill_grace(Some(&policy(2_000_000_000))),
            Some(Duration::from_secs(2))
        );
        assert_eq!(
            kill_grace(Some(&v1::KillPolicy { grace_period: None })),
            None
        );
        assert_eq!(kill_grace(None), None);
    }
}
