//! Resources from and to wire messages, in both formats of reservations.
//!
//! Before reservation refinement a resource had a `role` (`*` for anybody) and, if the reservation
//! was made at run time, a `reservation`. Since then it has `reservations`, a list of layers. Both
//! are understood; which one is sent depends on the capability of the framework (PROTOCOL §6).

use std::fmt;

use thiserror::Error;

use super::{Ranges, Reservation, ReservationKind, Resource, Resources, Scalar, Value};
use crate::v1;
use crate::v1::resource::reservation_info;

/// The role that stands for everybody.
const ANY_ROLE: &str = "*";

/// A resource that a master refuses; the text is the one that it answers with (PROTOCOL §7).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Resource '{resource}' is invalid: {reason}")]
pub struct InvalidResource {
    /// The resource as Mesos prints it.
    pub resource: String,
    /// What is wrong with it.
    pub reason: InvalidReason,
}

/// What is wrong with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidReason {
    /// It has no name.
    #[error("Empty resource name")]
    EmptyName,
    /// Its type says scalar, but the value is missing, not finite, or of another type.
    #[error("Invalid scalar resource")]
    Scalar,
    /// It is negative, or so little that nothing is left at three decimals.
    #[error("Invalid scalar resource: value <= 0")]
    ScalarNotPositive,
    /// Its type says ranges, but the value is missing or of another type.
    #[error("Invalid ranges resource")]
    Ranges,
    /// A range ends before it starts.
    #[error("Invalid ranges resource: begin > end")]
    RangeBackwards,
    /// Its type says set, but the value is missing or of another type.
    #[error("Invalid set resource")]
    Set,
    /// The type is text or unknown.
    #[error("Unsupported resource type")]
    Type,
    /// It has both formats of reservation.
    #[error("'reservations' cannot be used together with 'role' or 'reservation'")]
    BothFormats,
    /// A reservation for everybody, or for nobody, or of no known type.
    #[error("Invalid reservation: role and type must be set, and the role must not be '*'")]
    Reservation,
    /// A layer of reservation is not for a role below the one before.
    #[error("Invalid refined reservation: its role is not a subrole of the one it refines")]
    Refinement,
    /// Something that is no disk has a `disk`.
    #[error("DiskInfo should not be set for a resource that is not 'disk'")]
    Disk,
}

/// Checks resources from a peer as a master does, without computing with them.
///
/// `cpus:0` is let through, as by a master (PROTOCOL §7).
///
/// # Errors
/// What is wrong with the first bad one.
pub fn validate_wire(resources: &[v1::Resource]) -> Result<(), InvalidResource> {
    Resources::from_wire(resources).map(drop)
}

impl Resources {
    /// Takes resources from a peer, in either format.
    ///
    /// # Errors
    /// What is wrong with the first bad one, in the words of Mesos.
    pub fn from_wire(resources: &[v1::Resource]) -> Result<Self, InvalidResource> {
        resources.iter().map(Resource::from_wire).collect()
    }

    /// As messages in the post-refinement format.
    pub fn to_wire(&self) -> Vec<v1::Resource> {
        self.iter().map(Resource::to_wire).collect()
    }

    /// As messages in the pre-refinement format, for frameworks without RESERVATION_REFINEMENT.
    ///
    /// What has more than one layer of reservation cannot be said in it and is left out, as a
    /// master withholds it (PROTOCOL §6).
    pub fn to_wire_pre_refinement(&self) -> Vec<v1::Resource> {
        self.iter()
            .filter_map(Resource::to_wire_pre_refinement)
            .collect()
    }
}

impl Ranges {
    /// The message.
    pub(crate) fn to_wire(&self) -> v1::value::Ranges {
        let range = self.iter().map(|range| v1::value::Range {
            begin: *range.start(),
            end: *range.end(),
        });
        v1::value::Ranges {
            range: range.collect(),
        }
    }
}

impl Resource {
    /// Takes one resource from a peer, in either format; its amount may be nothing.
    ///
    /// # Errors
    /// What is wrong with it, in the words of Mesos.
    pub fn from_wire(wire: &v1::Resource) -> Result<Self, InvalidResource> {
        let checked = || {
            if wire.name.is_empty() {
                return Err(InvalidReason::EmptyName);
            }
            if wire.disk.is_some() && wire.name != "disk" {
                return Err(InvalidReason::Disk);
            }
            Ok(Self {
                name: wire.name.clone(),
                value: value_from_wire(wire)?,
                reservations: reservations_from_wire(wire)?,
                allocation_role: wire
                    .allocation_info
                    .as_ref()
                    .and_then(|info| info.role.clone()),
                disk: wire.disk.clone(),
                revocable: wire.revocable.is_some(),
                shared: wire.shared.is_some(),
                provider: wire.provider_id.as_ref().map(|id| id.value.clone()),
            })
        };
        checked().map_err(|reason| InvalidResource {
            resource: Printed(wire).to_string(),
            reason,
        })
    }

    /// As a message in the post-refinement format.
    pub fn to_wire(&self) -> v1::Resource {
        v1::Resource {
            reservations: self.reservations.iter().map(reservation_to_wire).collect(),
            ..self.to_wire_unreserved()
        }
    }

    /// As a message in the pre-refinement format, if it can be said in it.
    fn to_wire_pre_refinement(&self) -> Option<v1::Resource> {
        let (role, reservation) = match self.reservations.as_slice() {
            [] => (ANY_ROLE.to_owned(), None),
            [only] => {
                let dynamic = || v1::resource::ReservationInfo {
                    role: None,
                    r#type: None,
                    ..reservation_to_wire(only)
                };
                let dynamic = (only.kind == ReservationKind::Dynamic).then(dynamic);
                (only.role.clone(), dynamic)
            }
            _ => return None,
        };
        Some(v1::Resource {
            role: Some(role),
            reservation,
            ..self.to_wire_unreserved()
        })
    }

    fn to_wire_unreserved(&self) -> v1::Resource {
        let mut wire = v1::Resource {
            name: self.name.clone(),
            disk: self.disk.clone(),
            revocable: self.revocable.then(Default::default),
            shared: self.shared.then(Default::default),
            allocation_info: self
                .allocation_role
                .clone()
                .map(|role| v1::resource::AllocationInfo { role: Some(role) }),
            provider_id: self
                .provider
                .clone()
                .map(|value| v1::ResourceProviderId { value }),
            ..Default::default()
        };
        match &self.value {
            Value::Scalar(amount) => {
                wire.set_type(v1::value::Type::Scalar);
                wire.scalar = Some(v1::value::Scalar {
                    value: amount.to_f64(),
                });
            }
            Value::Ranges(ranges) => {
                wire.set_type(v1::value::Type::Ranges);
                wire.ranges = Some(ranges.to_wire());
            }
            Value::Set(items) => {
                wire.set_type(v1::value::Type::Set);
                wire.set = Some(v1::value::Set {
                    item: items.iter().cloned().collect(),
                });
            }
        }
        wire
    }
}

fn value_from_wire(wire: &v1::Resource) -> Result<Value, InvalidReason> {
    let present = (&wire.scalar, &wire.ranges, &wire.set);
    match v1::value::Type::try_from(wire.r#type) {
        Ok(v1::value::Type::Scalar) => {
            let (Some(scalar), None, None) = present else {
                return Err(InvalidReason::Scalar);
            };
            let amount = Scalar::from_f64(scalar.value).map_err(|_| InvalidReason::Scalar)?;
            // Zero itself passes; what was something and rounds to nothing does not.
            if amount < Scalar::ZERO || (amount.is_zero() && scalar.value != 0.0) {
                return Err(InvalidReason::ScalarNotPositive);
            }
            Ok(Value::Scalar(amount))
        }
        Ok(v1::value::Type::Ranges) => {
            let (None, Some(ranges), None) = present else {
                return Err(InvalidReason::Ranges);
            };
            if ranges.range.iter().any(|range| range.begin > range.end) {
                return Err(InvalidReason::RangeBackwards);
            }
            let ranges = ranges.range.iter().map(|range| range.begin..=range.end);
            Ok(Value::Ranges(ranges.collect::<Ranges>()))
        }
        Ok(v1::value::Type::Set) => match present {
            (None, None, Some(set)) => Ok(Value::Set(set.item.iter().cloned().collect())),
            _ => Err(InvalidReason::Set),
        },
        Ok(v1::value::Type::Text) | Err(_) => Err(InvalidReason::Type),
    }
}

fn reservations_from_wire(wire: &v1::Resource) -> Result<Vec<Reservation>, InvalidReason> {
    let role = wire.role.as_deref().filter(|role| *role != ANY_ROLE);
    if !wire.reservations.is_empty() {
        if role.is_some() || wire.reservation.is_some() {
            return Err(InvalidReason::BothFormats);
        }
        let layers = wire.reservations.iter().map(reservation_from_wire);
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let refines = |pair: &[Reservation]| {
            let below = pair[1].role.strip_prefix(pair[0].role.as_str());
            below.is_some_and(|rest| rest.starts_with('/'))
        };
        if !layers.windows(2).all(refines) {
            return Err(InvalidReason::Refinement);
        }
        return Ok(layers);
    }
    match (role, &wire.reservation) {
        (None, None) => Ok(Vec::new()),
        (None, Some(_)) | (Some(""), _) => Err(InvalidReason::Reservation),
        (Some(role), dynamic) => Ok(vec![Reservation {
            kind: match dynamic {
                Some(_) => ReservationKind::Dynamic,
                None => ReservationKind::Static,
            },
            role: role.to_owned(),
            principal: dynamic.as_ref().and_then(|info| info.principal.clone()),
            labels: dynamic.as_ref().map(labels_from_wire).unwrap_or_default(),
        }]),
    }
}

fn reservation_from_wire(
    wire: &v1::resource::ReservationInfo,
) -> Result<Reservation, InvalidReason> {
    let kind = match wire.r#type() {
        reservation_info::Type::Static => ReservationKind::Static,
        reservation_info::Type::Dynamic => ReservationKind::Dynamic,
        reservation_info::Type::Unknown => return Err(InvalidReason::Reservation),
    };
    match wire.role.as_deref() {
        None | Some("" | ANY_ROLE) => Err(InvalidReason::Reservation),
        Some(role) => Ok(Reservation {
            kind,
            role: role.to_owned(),
            principal: wire.principal.clone(),
            labels: labels_from_wire(wire),
        }),
    }
}

fn labels_from_wire(wire: &v1::resource::ReservationInfo) -> Vec<(String, Option<String>)> {
    let labels = wire.labels.iter().flat_map(|labels| &labels.labels);
    labels
        .map(|label| (label.key.clone(), label.value.clone()))
        .collect()
}

fn reservation_to_wire(reservation: &Reservation) -> v1::resource::ReservationInfo {
    let labels = reservation.labels.iter().map(|(key, value)| v1::Label {
        key: key.clone(),
        value: value.clone(),
    });
    let mut wire = v1::resource::ReservationInfo {
        principal: reservation.principal.clone(),
        labels: (!reservation.labels.is_empty()).then(|| v1::Labels {
            labels: labels.collect(),
        }),
        role: Some(reservation.role.clone()),
        r#type: None,
    };
    wire.set_type(match reservation.kind {
        ReservationKind::Static => reservation_info::Type::Static,
        ReservationKind::Dynamic => reservation_info::Type::Dynamic,
    });
    wire
}

/// A message as Mesos prints it, however wrong it is; a missing scalar prints as 0.
struct Printed<'a>(&'a v1::Resource);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(wire) = self;
        f.write_str(&wire.name)?;
        if let Some(role) = wire
            .allocation_info
            .as_ref()
            .and_then(|info| info.role.as_ref())
        {
            write!(f, "(allocated: {role})")?;
        }
        let amount = wire.scalar.map_or(0.0, |scalar| scalar.value);
        match (&wire.ranges, &wire.set) {
            (None, None) => match Scalar::from_f64(amount) {
                Ok(amount) => write!(f, ":{amount}"),
                Err(_) => write!(f, ":{amount}"),
            },
            (Some(ranges), _) => {
                let ranges = ranges.range.iter();
                let ranges = ranges.map(|range| format!("{}-{}", range.begin, range.end));
                write!(f, ":[{}]", ranges.collect::<Vec<_>>().join(", "))
            }
            (None, Some(set)) => write!(f, ":{{{}}}", set.item.join(", ")),
        }
    }
}
