//! What operations make of a resource: another reservation, a volume, another size.

use super::{Reservation, ReservationKind, Resource, Resources, Scalar, Value};
use crate::v1::resource::DiskInfo;
use crate::v1::resource::disk_info::Persistence;

impl Resource {
    /// Its amount, if it is a scalar.
    pub fn amount(&self) -> Option<Scalar> {
        match self.value {
            Value::Scalar(amount) => Some(amount),
            Value::Ranges(_) | Value::Set(_) => None,
        }
    }

    /// The same scalar resource with another amount.
    #[must_use]
    pub fn with_amount(&self, amount: Scalar) -> Self {
        self.with_value(Value::Scalar(amount))
    }

    /// The reservation that says whose it is, if that was made at run time.
    pub fn dynamic_reservation(&self) -> Option<&Reservation> {
        let last = self.reservations.last();
        last.filter(|reservation| reservation.kind == ReservationKind::Dynamic)
    }

    /// What it was before its last layer of reservation was put on it.
    #[must_use]
    pub fn without_last_reservation(&self) -> Self {
        let mut resource = self.clone();
        resource.reservations.pop();
        resource
    }

    /// What is special about it as a disk.
    pub fn disk(&self) -> Option<&DiskInfo> {
        self.disk.as_ref()
    }

    /// What makes it a persistent volume, if it is one.
    pub fn persistence(&self) -> Option<&Persistence> {
        self.disk.as_ref()?.persistence.as_ref()
    }

    /// The disk that a persistent volume is made from.
    #[must_use]
    pub fn without_volume(&self) -> Self {
        let disk = self.disk.clone().map(|disk| DiskInfo {
            persistence: None,
            volume: None,
            ..disk
        });
        Self {
            disk: disk.filter(|disk| disk.source.is_some()),
            shared: false,
            ..self.clone()
        }
    }
}

impl Resources {
    /// The persistent volumes among them.
    pub fn volumes(&self) -> impl Iterator<Item = &Resource> {
        self.iter()
            .filter(|resource| resource.persistence().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::resource::disk_info::{Source, source};

    fn volume() -> Resource {
        let disk = DiskInfo {
            persistence: Some(Persistence::default()),
            volume: Some(crate::v1::Volume::default()),
            source: None,
        };
        Resource {
            disk: Some(disk),
            shared: true,
            ..Resource::scalar("disk", Scalar::from(64_u32)).reserved("r")
        }
    }

    #[test]
    fn a_volume_goes_back_to_the_disk_that_it_was_made_from() {
        let plain = Resource::scalar("disk", Scalar::from(64_u32)).reserved("r");
        assert_eq!(volume().without_volume(), plain);
        let source = Source {
            r#type: source::Type::Mount.into(),
            ..Source::default()
        };
        let mut mounted = volume();
        mounted.disk.as_mut().expect("a disk").source = Some(source.clone());
        let left = mounted.without_volume();
        let expected = DiskInfo {
            source: Some(source),
            ..DiskInfo::default()
        };
        assert_eq!(left.disk(), Some(&expected));
        assert!(left.persistence().is_none());
    }

    #[test]
    fn layers_come_off_from_the_last() {
        let mut refined = Resource::scalar("cpus", Scalar::from(1_u32)).reserved("r");
        assert_eq!(refined.dynamic_reservation(), None);
        let refinement = Reservation {
            kind: ReservationKind::Dynamic,
            role: "r/s".to_owned(),
            principal: None,
            labels: Vec::new(),
        };
        refined.reservations.push(refinement.clone());
        assert_eq!(refined.dynamic_reservation(), Some(&refinement));
        let left = refined.without_last_reservation();
        assert_eq!(
            left,
            Resource::scalar("cpus", Scalar::from(1_u32)).reserved("r")
        );
    }
}
