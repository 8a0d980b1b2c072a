//! One resource: a name, an amount, and what makes it another resource than its namesake.

use std::collections::BTreeSet;
use std::fmt;

use super::{Ranges, Scalar};
use crate::v1;

/// One kind of resource of one agent, with its amount.
///
/// The amount of two of them adds up only when all else is equal: the reservations, the role it is
/// allocated to, the disk, whether it is revocable or shared, and the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) reservations: Vec<Reservation>,
    pub(super) allocation_role: Option<String>,
    pub(super) disk: Option<v1::resource::DiskInfo>,
    pub(super) revocable: bool,
    pub(super) shared: bool,
    pub(super) provider: Option<String>,
}

/// The amount of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An amount: cpus, mem and disk in MB.
    Scalar(Scalar),
    /// Numbers: ports.
    Ranges(Ranges),
    /// Names.
    Set(BTreeSet<String>),
}

/// One layer of reservation; the last of a resource's layers says whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Who made it.
    pub kind: ReservationKind,
    /// For which role.
    pub role: String,
    /// By which principal, where it is known.
    pub principal: Option<String>,
    /// Labels, in the order given; they are part of what makes the resource different.
    pub labels: Vec<(String, Option<String>)>,
}

/// Who made a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationKind {
    /// The agent's command line.
    Static,
    /// A framework or an operator, at run time.
    Dynamic,
}

impl Resource {
    /// A resource without a reservation or any other attribute.
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Self {
            name: name.into(),
            value,
            reservations: Vec::new(),
            allocation_role: None,
            disk: None,
            revocable: false,
            shared: false,
            provider: None,
        }
    }

    /// So much of a scalar resource.
    pub fn scalar(name: impl Into<String>, amount: Scalar) -> Self {
        Self::new(name, Value::Scalar(amount))
    }

    /// The same, reserved by the agent's command line for `role`.
    #[must_use]
    pub fn reserved(mut self, role: impl Into<String>) -> Self {
        self.reservations.push(Reservation {
            kind: ReservationKind::Static,
            role: role.into(),
            principal: None,
            labels: Vec::new(),
        });
        self
    }

    /// `cpus`, `mem`, `disk`, `gpus`, `ports` or what else an agent offers.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much of it.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The layers of reservation, the first made first; none when it is for anybody.
    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// The role that it is allocated to.
    pub fn allocation_role(&self) -> Option<&str> {
        self.allocation_role.as_deref()
    }

    /// Whether it can be taken back at any time.
    pub fn is_revocable(&self) -> bool {
        self.revocable
    }

    /// Whether several tasks can use the whole of it at once.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether it is more than a name, reservations and an allocation: a volume, a disk of its
    /// own, revocable, shared, or of a resource provider. Such a resource is never handed out to
    /// somebody who did not ask for exactly it.
    pub fn is_special(&self) -> bool {
        self.disk.is_some() || self.revocable || self.shared || self.provider.is_some()
    }

    /// Whether it can only be had as a whole: a persistent volume, a disk with an identity, or
    /// anything shared.
    pub(super) fn is_indivisible(&self) -> bool {
        use v1::resource::disk_info::source::Type;

        if self.shared {
            return true;
        }
        let Some(disk) = &self.disk else { return false };
        let exclusive_source = disk
            .source
            .as_ref()
            .is_some_and(|source| match source.r#type() {
                Type::Mount => true,
                Type::Block | Type::Raw => source.id.is_some(),
                Type::Path | Type::Unknown => false,
            });
        disk.persistence.is_some() || exclusive_source
    }

    /// Whether both are the same but for the amount.
    pub(super) fn is_same_kind(&self, other: &Self) -> bool {
        self.name == other.name
            && self.value.is_same_type(&other.value)
            && self.reservations == other.reservations
            && self.allocation_role == other.allocation_role
            && self.disk == other.disk
            && self.revocable == other.revocable
            && self.shared == other.shared
            && self.provider == other.provider
    }

    /// The same resource with another amount.
    pub(super) fn with_value(&self, value: Value) -> Self {
        Self {
            value,
            ..self.clone()
        }
    }
}

impl Value {
    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(amount) => amount.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(items) => items.is_empty(),
        }
    }

    pub(super) fn is_same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Adds an amount of the same type; of another type it adds nothing.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(amount), Self::Scalar(more)) => *amount += *more,
            (Self::Ranges(ranges), Self::Ranges(more)) => *ranges = ranges.union(more),
            (Self::Set(items), Self::Set(more)) => items.extend(more.iter().cloned()),
            _ => {}
        }
    }

    /// What is left without `other`, if all of `other` is here.
    pub(super) fn checked_sub(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Scalar(amount), Self::Scalar(less)) => {
                amount.checked_sub(*less).map(Self::Scalar)
            }
            (Self::Ranges(ranges), Self::Ranges(less)) => ranges
                .contains(less)
                .then(|| Self::Ranges(ranges.subtract(less))),
            (Self::Set(items), Self::Set(less)) => {
                items.is_superset(less).then(|| Self::Set(items - less))
            }
            _ => None,
        }
    }

    /// Takes as much of `missing` out of this as is here, off both; nothing when there is none of
    /// it, or when the types differ. Of ranges an amount is so many numbers.
    pub(super) fn give(&mut self, missing: &mut Self) -> Option<Self> {
        let part = match (&*self, &*missing) {
            (Self::Scalar(here), Self::Scalar(missing)) => Self::Scalar(*here.min(missing)),
            (Self::Ranges(here), Self::Ranges(missing)) => Self::Ranges(here.intersect(missing)),
            (Self::Set(here), Self::Set(missing)) => Self::Set(here & missing),
            (Self::Ranges(here), Self::Scalar(missing)) => {
                Self::Ranges(here.lowest(missing.whole()))
            }
            _ => return None,
        };
        if part.is_empty() {
            return None;
        }
        let taken = match (&part, &*missing) {
            (Self::Ranges(numbers), Self::Scalar(_)) => {
                Self::Scalar(Scalar::from_whole(numbers.count()))
            }
            _ => part.clone(),
        };
        *self = self.checked_sub(&part)?;
        *missing = missing.checked_sub(&taken)?;
        Some(part)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(amount) => amount.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(items) => {
                f.write_str("{")?;
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "({kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if !self.labels.is_empty() {
            f.write_str(",{")?;
            for (index, (key, value)) in self.labels.iter().enumerate() {
                let separator = if index == 0 { "" } else { ", " };
                write!(f, "{separator}{key}")?;
                if let Some(value) = value {
                    write!(f, ": {value}")?;
                }
            }
            f.write_str("}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Resource {
    /// As Mesos prints it (PROTOCOL §7): `cpus(allocated: rec)(reservations: [(STATIC,rec)]):0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(role) = &self.allocation_role {
            write!(f, "(allocated: {role})")?;
        }
        if !self.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (index, reservation) in self.reservations.iter().enumerate() {
                let separator = if index == 0 { "" } else { "," };
                write!(f, "{separator}{reservation}")?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = &self.disk {
            match &disk.persistence {
                Some(persistence) => write!(f, "[{}]", persistence.id)?,
                None => f.write_str("[]")?,
            }
        }
        if self.revocable {
            f.write_str("{REV}")?;
        }
        if self.shared {
            f.write_str("<SHARED>")?;
        }
        write!(f, ":{}", self.value)
    }
}
