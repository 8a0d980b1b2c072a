//! What is counted of resources: each thing that is asked for is one column of numbers.

use std::collections::BTreeSet;
use std::fmt;

use mesos::resources::{Resources, Scalar, Value};

/// The resource of which an agent offers ranges of numbers, and tasks take some.
pub const PORTS: &str = "ports";

/// What is counted of a resource.
///
/// An agent has one of each number only, so that every number that somebody must have is counted by
/// itself; it counts among all numbers of the resource too, of which any will do for others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// An amount: cpus; of ranges, how many numbers there are.
    Amount(String),
    /// One number of ranges: port 8080.
    Number(String, u64),
}

impl Measure {
    /// The name of the resource.
    pub fn resource(&self) -> &str {
        match self {
            Self::Amount(resource) | Self::Number(resource, _) => resource,
        }
    }

    /// Everything that these ask for, in one order whatever order they are in.
    pub(super) fn all<'a>(asked: impl Iterator<Item = &'a Resources>) -> Vec<Self> {
        let mut measures = BTreeSet::new();
        for resource in asked.flatten() {
            let name = resource.name().to_owned();
            if let Value::Ranges(numbers) = resource.value() {
                let number = |number| Self::Number(name.clone(), number);
                measures.extend(numbers.values().map(number));
            }
            measures.insert(Self::Amount(name));
        }
        measures.into_iter().collect()
    }

    /// How much of it a value is, if that is a value of its resource.
    pub(super) fn of(&self, value: &Value) -> Scalar {
        match (self, value) {
            (Self::Amount(_), Value::Scalar(amount)) => *amount,
            (Self::Amount(_), Value::Ranges(numbers)) => {
                let count = u32::try_from(numbers.count()).unwrap_or(u32::MAX);
                Scalar::from(count)
            }
            (Self::Number(_, number), Value::Ranges(numbers)) => {
                let has = numbers.iter().any(|range| range.contains(number));
                Scalar::from(u32::from(has))
            }
            (Self::Amount(_), Value::Set(_)) | (Self::Number(..), _) => Scalar::ZERO,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(resource) => f.write_str(resource),
            Self::Number(resource, number) if resource == PORTS => write!(f, "port {number}"),
            Self::Number(resource, number) => write!(f, "{resource} {number}"),
        }
    }
}
