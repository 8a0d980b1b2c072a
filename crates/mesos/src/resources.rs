//! The resource algebra: what an agent has, what an offer holds, what a task takes.
//!
//! Scalars are exact at three decimals, ranges and sets are sets. Reservations, the role that a
//! resource is allocated to, disks, and whether it is revocable or shared are part of what a
//! resource *is*: amounts add up only where all of it agrees, and nothing here drops any of it.
//!
//! It does not know which agent a resource belongs to; the caller keeps them apart.

mod conversion;
mod parse;
mod ranges;
mod resource;
mod scalar;
mod wire;

use std::fmt;
use std::ops::{Add, AddAssign};

pub use parse::ParseResourcesError;
pub(crate) use parse::parse_value;
pub use ranges::Ranges;
pub use resource::{Reservation, ReservationKind, Resource, Value};
pub use scalar::{Scalar, ScalarError};
pub use wire::{InvalidReason, InvalidResource, validate_wire};

/// A bag of resources of one agent.
///
/// It is normalised: resources that agree in all but the amount are one entry, and no entry is
/// empty. Volumes, disks that can only be had as a whole, and shared resources stay entries of
/// their own, one for each copy. Entries keep the order in which they came; it counts for printing
/// only, not for `==`.
#[derive(Debug, Clone, Default)]
pub struct Resources(Vec<Resource>);

impl Resources {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads the form of an agent's command line, `cpus:4;mem(role):1024;ports:[31000-32000]`.
    ///
    /// # Errors
    /// What is wrong with the first bad part.
    pub fn parse(text: &str) -> Result<Self, ParseResourcesError> {
        parse::parse(text)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.0.iter()
    }

    /// The amount of a scalar resource, over all roles; zero when there is none.
    pub fn scalar(&self, name: &str) -> Scalar {
        let amounts = self.0.iter().filter(|resource| resource.name == name);
        amounts
            .filter_map(|resource| match resource.value {
                Value::Scalar(amount) => Some(amount),
                Value::Ranges(_) | Value::Set(_) => None,
            })
            .sum()
    }

    /// Whether all of `other` is here: the same resources, at least as much of each.
    pub fn contains(&self, other: &Self) -> bool {
        self.checked_sub(other).is_some()
    }

    /// What is left without `other`, if all of `other` is here.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let mut rest = self.clone();
        other
            .0
            .iter()
            .all(|resource| rest.take(resource))
            .then_some(rest)
    }

    /// The same resources, allocated to `role`.
    #[must_use]
    pub fn allocate(&self, role: &str) -> Self {
        self.with_allocation(Some(role))
    }

    /// The same resources, allocated to nobody.
    #[must_use]
    pub fn unallocate(&self) -> Self {
        self.with_allocation(None)
    }

    /// Picks `wanted` out of what is here, with reservations and allocation as they are here;
    /// `None` when there is not enough.
    ///
    /// A plain `wanted` (as parsed from `cpus:1;mem:64`) is taken from reserved resources first,
    /// because nobody else could use them, then from unreserved ones; never from volumes, disks of
    /// their own, revocable or shared resources. A `wanted` that is more than a name and an amount
    /// is only taken from resources that agree in all of that.
    ///
    /// Where ranges are here, a plain amount (`ports:2`) is so many of the numbers, the lowest
    /// first.
    pub fn find(&self, wanted: &Self) -> Option<Self> {
        self.clone().withdraw(wanted)
    }

    /// Takes `wanted` out of what is here, picked as by [`find`](Self::find); `None`, with nothing
    /// taken, when there is not enough.
    pub fn withdraw(&mut self, wanted: &Self) -> Option<Self> {
        let mut found = Self::new();
        for want in &wanted.0 {
            let plain = want.reservations.is_empty()
                && want.allocation_role.is_none()
                && !want.is_special();
            let is_enough = if plain {
                self.withdraw_plain(&want.name, &want.value, &mut found)
            } else {
                let is_here = self.take(want);
                if is_here {
                    found.add_one(want.clone());
                }
                is_here
            };
            if !is_enough {
                *self += found;
                return None;
            }
        }
        Some(found)
    }

    /// Moves one plain amount into `found`; whether there was enough. If not, what there was is
    /// moved.
    fn withdraw_plain(&mut self, name: &str, wanted: &Value, found: &mut Self) -> bool {
        let mut missing = wanted.clone();
        for from_reserved in [true, false] {
            self.0.retain_mut(|resource| {
                let is_usable = !missing.is_empty()
                    && resource.name == name
                    && resource.reservations.is_empty() != from_reserved
                    && !resource.is_special();
                if is_usable && let Some(part) = resource.value.give(&mut missing) {
                    found.add_one(resource.with_value(part));
                }
                !resource.value.is_empty()
            });
        }
        missing.is_empty()
    }

    fn with_allocation(&self, role: Option<&str>) -> Self {
        self.0
            .iter()
            .map(|resource| Resource {
                allocation_role: role.map(str::to_owned),
                ..resource.clone()
            })
            .collect()
    }

    fn add_one(&mut self, resource: Resource) {
        if resource.value.is_empty() {
            return;
        }
        let mut same = self
            .0
            .iter_mut()
            .filter(|other| other.is_same_kind(&resource));
        match same.next() {
            Some(other) if !resource.is_indivisible() => other.value.add(&resource.value),
            _ => self.0.push(resource),
        }
    }

    /// Takes `resource` out; `false`, with nothing taken, when there is not all of it.
    fn take(&mut self, resource: &Resource) -> bool {
        if resource.value.is_empty() {
            return true;
        }
        let fits = |other: &Resource| {
            other.is_same_kind(resource)
                && (!resource.is_indivisible() || other.value == resource.value)
        };
        let Some(index) = self.0.iter().position(fits) else {
            return false;
        };
        let Some(rest) = self.0[index].value.checked_sub(&resource.value) else {
            return false;
        };
        if rest.is_empty() {
            self.0.remove(index);
        } else {
            self.0[index].value = rest;
        }
        true
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.checked_sub(other).is_some_and(|rest| rest.is_empty())
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut all = Self::new();
        all.extend(resources);
        all
    }
}

impl Extend<Resource> for Resources {
    fn extend<I: IntoIterator<Item = Resource>>(&mut self, resources: I) {
        for resource in resources {
            self.add_one(resource);
        }
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Self {
        Self::from_iter([resource])
    }
}

impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = std::vec::IntoIter<Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl AddAssign<&Self> for Resources {
    fn add_assign(&mut self, other: &Self) {
        self.extend(other.0.iter().cloned());
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        self.extend(other.0);
    }
}

impl Add<&Self> for Resources {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

impl Add for Resources {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl fmt::Display for Resources {
    /// As Mesos prints it: `cpus:4; mem:1024`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, resource) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{resource}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
