//! Where an embedded agent claims to be: its attributes and its fault domain.

use mesos::attributes::{self, ParseAttributesError};
use mesos::v1;
use mesos::v1::domain_info::FaultDomain;
use mesos::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
use scheduler::{REGION, ZONE};
use thiserror::Error;

/// What constraints can be about on one agent, beside its host name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Place {
    pub(super) attributes: Vec<v1::Attribute>,
    pub(super) domain: Option<v1::DomainInfo>,
}

/// Why a text is no place.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum PlaceError {
    #[error(transparent)]
    Attributes(#[from] ParseAttributesError),
    #[error("a fault domain has `{REGION}` and `{ZONE}`, each once and both as text")]
    Domain,
}

impl Place {
    /// Reads `rack:r1;@region:eu;@zone:eu-1`: attributes, and the fault domain as constraints name
    /// it.
    ///
    /// # Errors
    /// What is wrong with the first bad part, or that half of the domain is missing.
    pub(crate) fn parse(text: &str) -> Result<Self, PlaceError> {
        let parsed = attributes::parse(text)?;
        let is_domain = |known: &v1::Attribute| [REGION, ZONE].contains(&known.name.as_str());
        let (domain, attributes): (Vec<_>, Vec<_>) = parsed.into_iter().partition(is_domain);
        let text_of = |name: &str| {
            let named = domain.iter().find(|known| known.name == name)?;
            named.text.as_ref().map(|text| text.value.clone())
        };
        let domain = match (&domain[..], text_of(REGION), text_of(ZONE)) {
            ([], ..) => None,
            ([_, _], Some(region), Some(zone)) => Some(v1::DomainInfo {
                fault_domain: Some(FaultDomain {
                    region: RegionInfo { name: region },
                    zone: ZoneInfo { name: zone },
                }),
            }),
            _ => return Err(PlaceError::Domain),
        };
        Ok(Self { attributes, domain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_both_halves_of_a_domain_or_none() {
        let place = Place::parse("rack:r1;@zone:eu-1;@region:eu").unwrap();
        assert_eq!(place.attributes.len(), 1);
        let domain = place.domain.and_then(|domain| domain.fault_domain).unwrap();
        assert_eq!(domain.region.name, "eu");
        assert_eq!(domain.zone.name, "eu-1");
        assert_eq!(Place::parse("rack:r1").unwrap().domain, None);
        for half in [
            "@zone:a",
            "@region:a",
            "@zone:1;@region:a",
            "@zone:a;@zone:b",
        ] {
            assert_eq!(Place::parse(half), Err(PlaceError::Domain), "{half}");
        }
        assert!(Place::parse("rack").is_err());
    }
}
