//! A placement problem as plain numbers: one column for each resource that is asked for.

use std::collections::BTreeSet;

use mesos::resources::{Resources, Scalar, Value};

use super::{Site, Want};

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
    fn asked(columns: &[String], resources: &Resources) -> Self {
        Self(
            columns
                .iter()
                .map(|name| resources.scalar(name).thousandths())
                .collect(),
        )
    }

    /// What of an offer can be used for that; volumes, disks of their own, revocable and shared
    /// resources cannot.
    fn usable(columns: &[String], resources: &Resources) -> Self {
        let mut amounts = Self::zero(columns.len());
        for resource in resources.iter().filter(|resource| !resource.is_special()) {
            let column = columns.iter().position(|name| name == resource.name());
            if let (Some(column), Value::Scalar(scalar)) = (column, resource.value()) {
                let amount = &mut amounts.0[column];
                *amount = amount.saturating_add(scalar.thousandths());
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

    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.give(other);
        sum
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

/// One kind of task.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) count: u32,
    pub(super) need: Amounts,
}

/// What is to be placed where.
#[derive(Debug)]
pub(super) struct Problem {
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    pub(super) wants: Vec<Kind>,
    pub(super) executor: Amounts,
    pub(super) sites: Vec<Amounts>,
    /// What all sites hold together.
    pub(super) total: Amounts,
    /// The wants, the largest first.
    pub(super) by_size: Vec<usize>,
}

impl Problem {
    pub(super) fn new(wants: &[Want<'_>], executor: &Resources, sites: &[Site]) -> Self {
        let asked = wants.iter().map(|want| want.resources).chain([executor]);
        let names: BTreeSet<String> = asked
            .flat_map(|resources| resources.iter().map(|resource| resource.name().to_owned()))
            .collect();
        let columns: Vec<String> = names.into_iter().collect();
        let wants: Vec<Kind> = wants
            .iter()
            .map(|want| Kind {
                count: want.count,
                need: Amounts::asked(&columns, want.resources),
            })
            .collect();
        let sites: Vec<Amounts> = sites
            .iter()
            .map(|site| Amounts::usable(&columns, &site.resources))
            .collect();
        let mut total = Amounts::zero(columns.len());
        for site in &sites {
            total.give(site);
        }
        let mut by_size: Vec<usize> = (0..wants.len()).collect();
        let size = |want: &usize| wants[*want].need.dominant_share(&total);
        by_size.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
        let executor = Amounts::asked(&columns, executor);
        Self {
            columns,
            wants,
            executor,
            sites,
            total,
            by_size,
        }
    }

    /// Whether one task of the want and an executor fit on the whole site.
    pub(super) fn fits_alone(&self, want: usize, site: usize) -> bool {
        self.sites[site].holds(&self.alone(want))
    }

    /// What one task of the want needs with an executor.
    pub(super) fn alone(&self, want: usize) -> Amounts {
        self.wants[want].need.plus(&self.executor)
    }

    /// What the tasks left over in `left` need together, and one executor.
    pub(super) fn together(&self, left: impl IntoIterator<Item = u32>) -> Amounts {
        let mut sum = self.executor.clone();
        for (kind, count) in self.wants.iter().zip(left) {
            sum.give_times(&kind.need, count);
        }
        sum
    }
}
