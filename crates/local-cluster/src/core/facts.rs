//! What master and agents say of themselves whatever happens: what they were built from, the
//! capabilities of an agent, and how resources are shown to operators.

use mesos::resources::Resources;
use mesos::v1::agent_info::{Capability, capability};
use mesos::v1::resource::{ReservationInfo, reservation_info};
use mesos::{resources, v1};

/// The version of Mesos whose behaviour this is. Some clients refuse anything but three numbers.
pub(crate) const MESOS_VERSION: &str = "1.12.0";

/// The host that masters of an embedded cluster say they are on.
pub(crate) const MASTER_HOSTNAME: &str = "localhost";

/// That version as the commit that was read and recorded.
pub(crate) fn version() -> v1::VersionInfo {
    v1::VersionInfo {
        version: MESOS_VERSION.to_owned(),
        build_date: Some("2024-08-23 00:00:00 UTC".to_owned()),
        build_time: Some(1_724_371_200.0),
        build_user: Some(String::new()),
        git_sha: Some("c1b42f79d157aa900be5cbb0c1023f1479962aa7".to_owned()),
        git_branch: Some("refs/heads/master".to_owned()),
        git_tag: None,
    }
}

/// What every agent of this version says it can do.
pub(crate) fn agent_capabilities() -> Vec<Capability> {
    use capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::ResourceProvider,
        Type::ResizeVolume,
        Type::AgentOperationFeedback,
        Type::AgentDraining,
        Type::TaskResourceLimits,
    ]
    .map(|kind| Capability {
        r#type: Some(kind.into()),
    })
    .into()
}

/// Resources as operators see them: in the newer format, with the `role` and `reservation` of the
/// older one beside it where those can say the same.
pub(crate) fn shown(resources: &Resources) -> Vec<v1::Resource> {
    resources.iter().map(shown_resource).collect()
}

fn shown_resource(resource: &resources::Resource) -> v1::Resource {
    let wire = resource.to_wire();
    let (role, reservation) = match wire.reservations.as_slice() {
        [] => (Some("*".to_owned()), None),
        [only] => {
            let is_dynamic = only.r#type() == reservation_info::Type::Dynamic;
            let reservation = is_dynamic.then(|| ReservationInfo {
                role: None,
                r#type: None,
                ..only.clone()
            });
            (only.role.clone(), reservation)
        }
        _ => (None, None),
    };
    v1::Resource {
        role,
        reservation,
        ..wire
    }
}

/// A flag and its value.
pub(crate) fn flag(name: &str, value: impl Into<String>) -> v1::Flag {
    v1::Flag {
        name: name.to_owned(),
        value: Some(value.into()),
    }
}

/// A metric and its value.
pub(crate) fn metric(name: impl Into<String>, value: f64) -> v1::Metric {
    v1::Metric {
        name: name.into(),
        value: Some(value),
    }
}

/// What a master counts that does not lead.
pub(crate) fn follower_metrics() -> [v1::Metric; 1] {
    [metric("master/elected", 0.0)]
}
