//! Scalars: amounts in thousandths, so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use thiserror::Error;

/// Parts of one whole. Mesos rounds every scalar to three decimals before it computes with it.
const THOUSANDTHS: i64 = 1000;

/// The largest amount, in thousandths, of either sign: 1e12 units.
///
/// Below 2^50 thousandths the two roundings on the way to a double and back together stay under
/// half a thousandth, so that a value survives the wire. 1e12 is an exabyte in MB.
const THOUSANDTHS_MAX: i64 = 1_000_000_000_000_000;

/// An amount of a scalar resource, to three decimals.
///
/// Addition and subtraction are exact and stop at the ends of `i64`; a difference may be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

/// Why a number is not a [`Scalar`].
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ScalarError {
    /// Infinite, or not a number.
    #[error("`{0}` is not a finite number")]
    NotFinite(f64),
    /// So large that thousandths could not be told apart.
    #[error("`{0}` is too large")]
    TooLarge(f64),
}

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many thousandths.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// The amount in thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The amount without its thousandths; nothing for what is negative.
    pub fn whole(self) -> u64 {
        u64::try_from(self.0 / THOUSANDTHS).unwrap_or(0)
    }

    /// So many units, or as many as there can be.
    pub(super) fn from_whole(units: u128) -> Self {
        let units = i64::try_from(units).unwrap_or(i64::MAX);
        Self(units.saturating_mul(THOUSANDTHS))
    }

    /// Rounds to the nearest thousandth, halves away from zero.
    ///
    /// # Errors
    /// When the number is not finite, or too large to hold thousandths (beyond 1e12).
    pub fn from_f64(value: f64) -> Result<Self, ScalarError> {
        if !value.is_finite() {
            return Err(ScalarError::NotFinite(value));
        }
        let thousandths = (value * THOUSANDTHS as f64).round();
        if thousandths.abs() > THOUSANDTHS_MAX as f64 {
            return Err(ScalarError::TooLarge(value));
        }
        Ok(Self(thousandths as i64))
    }

    /// The nearest double, as it goes on the wire.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / THOUSANDTHS as f64
    }

    /// Whether it is exactly nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, unless it would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0
            .checked_sub(other.0)
            .filter(|rest| *rest >= 0)
            .map(Self)
    }
}

impl From<u32> for Scalar {
    fn from(whole: u32) -> Self {
        Self(i64::from(whole) * THOUSANDTHS)
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Scalar {
    /// As Mesos prints it: without zeros at the end, `0.1`, `32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = THOUSANDTHS.unsigned_abs();
        let (whole, rest) = (self.0.unsigned_abs() / parts, self.0.unsigned_abs() % parts);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{rest:03}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: f64, printed: &str) {
        assert_eq!(Scalar::from_f64(value).unwrap().to_string(), printed);
    }

    #[test]
    fn numbers_are_rounded_to_three_decimals_and_printed_short() {
        check(0.1, "0.1");
        check(32.0, "32");
        check(0.0004, "0");
        check(0.0006, "0.001");
        check(1.05, "1.05");
        check(-1.0, "-1");
        check(-0.25, "-0.25");
        check(0.1 + 0.2, "0.3");
    }

    #[test]
    fn ten_tenths_are_one() {
        let tenth = Scalar::from_f64(0.1).unwrap();
        assert_eq!((0..10).map(|_| tenth).sum::<Scalar>(), Scalar::from(1));
    }

    #[test]
    fn numbers_without_thousandths_are_refused() {
        assert_eq!(Scalar::from_f64(1.1e12), Err(ScalarError::TooLarge(1.1e12)));
        assert_eq!(Scalar::from_f64(-1e300), Err(ScalarError::TooLarge(-1e300)));
        assert!(matches!(
            Scalar::from_f64(f64::NAN),
            Err(ScalarError::NotFinite(_))
        ));
        assert_eq!(
            Scalar::from_f64(f64::INFINITY),
            Err(ScalarError::NotFinite(f64::INFINITY))
        );
    }

    #[test]
    fn a_checked_difference_is_never_negative() {
        assert_eq!(Scalar::from(1).checked_sub(Scalar::from(2)), None);
        assert_eq!(
            Scalar::from(2).checked_sub(Scalar::from(2)),
            Some(Scalar::ZERO)
        );
    }

    proptest! {
        #[test]
        fn a_scalar_survives_the_wire(thousandths in -THOUSANDTHS_MAX..=THOUSANDTHS_MAX) {
            let scalar = Scalar::from_thousandths(thousandths);
            prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), Ok(scalar));
        }
    }
}
