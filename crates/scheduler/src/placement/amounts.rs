//! Resources as plain numbers: one column for each resource that is asked for.

use mesos::resources::{Resource, Resources, Scalar};

use super::measure::Measure;

/// Amounts of all columns, in thousandths.
///
/// Sums saturate: an agent that claims more than 10^15 of something has enough of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amounts(Vec<i64>);

impl Amounts {
    pub(super) fn zero(columns: usize) -> Self {
        Self(vec![0; columns])
    }

    /// What a task or an executor asks for.
    pub(super) fn asked(columns: &[Measure], resources: &Resources) -> Self {
        Self::sum(columns, resources, |_| true)
    }

    /// What of an offer can be used for that; volumes, disks of their own, revocable and shared
    /// resources cannot.
    pub(super) fn usable(columns: &[Measure], resources: &Resources) -> Self {
        Self::sum(columns, resources, |resource| !resource.is_special())
    }

    fn sum(columns: &[Measure], resources: &Resources, counts: impl Fn(&Resource) -> bool) -> Self {
        let mut amounts = Self::zero(columns.len());
        for resource in resources.iter().filter(|resource| counts(resource)) {
            for (amount, measure) in amounts.0.iter_mut().zip(columns) {
                if measure.resource() == resource.name() {
                    let more = measure.of(resource.value()).thousandths();
                    *amount = amount.saturating_add(more);
                }
            }
        }
        amounts
    }

    pub(super) fn holds(&self, need: &Self) -> bool {
        self.0.iter().zip(&need.0).all(|(have, need)| have >= need)
    }

    pub(super) fn take(&mut self, need: &Self) {
        for (have, need) in self.0.iter_mut().zip(&need.0) {
            *have = have.saturating_sub(*need);
        }
    }

    pub(super) fn give(&mut self, need: &Self) {
        self.give_times(need, 1);
    }

    pub(super) fn give_times(&mut self, need: &Self, times: u32) {
        for (have, need) in self.0.iter_mut().zip(&need.0) {
            *have = have.saturating_add(need.saturating_mul(i64::from(times)));
        }
    }

    /// What is left without `need`; nothing when that is more than there is.
    pub(super) fn without(&self, need: &Self) -> Option<Self> {
        self.holds(need).then(|| {
            let mut rest = self.clone();
            rest.take(need);
            rest
        })
    }

    /// How many times `need` fits.
    pub(super) fn times(&self, need: &Self) -> u32 {
        let columns = self.0.iter().zip(&need.0).filter(|(_, need)| **need > 0);
        let times = columns.map(|(have, need)| have / need).min();
        // A need of nothing fits always.
        times.map_or(u32::MAX, |times| u32::try_from(times).unwrap_or(u32::MAX))
    }

    pub(super) fn thousandths(&self) -> &[i64] {
        &self.0
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.give(other);
        sum
    }

    /// By how much this is more than `have`, column by column.
    pub(super) fn beyond(&self, have: &Self) -> Self {
        let columns = self.0.iter().zip(&have.0);
        Self(
            columns
                .map(|(need, have)| need.saturating_sub(*have).max(0))
                .collect(),
        )
    }

    pub(super) fn column(&self, column: usize) -> Scalar {
        Scalar::from_thousandths(self.0[column])
    }

    /// By how much a column is too small; nothing when it is not.
    pub(super) fn lacks(&self, need: &Self, column: usize) -> Option<Scalar> {
        let missing = need.0[column].saturating_sub(self.0[column]);
        (missing > 0).then(|| Scalar::from_thousandths(missing))
    }

    /// The largest share of any column that this is of the whole; infinite when that has none.
    #[expect(
        clippy::cast_precision_loss,
        reason = "shares are for comparing sizes only"
    )]
    pub(super) fn dominant_share(&self, whole: &Self) -> f64 {
        let shares = self
            .0
            .iter()
            .zip(&whole.0)
            .map(|(&part, &whole)| match part {
                0 => 0.0,
                _ => part as f64 / whole as f64,
            });
        shares.fold(0.0, f64::max)
    }
}
