//! How much is out in offers.
//!
//! Where it is chance what one offer holds, all of them together must still hold what they held in
//! the recording: what an agent has got back is offered, and nothing is offered twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::Event;

/// The offers of one stream that nobody has used, declined or taken back.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<String, Amounts>);

/// Resources by name, reserved or not: scalars in thousandths, ranges and sets by their length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Amounts(BTreeMap<String, i64>);

impl Accounts {
    /// Takes note of an event that may be about offers.
    pub(super) fn note(&mut self, event: &Event) {
        let offers = event.value["offers"]["offers"].as_array();
        for offer in offers.into_iter().flatten() {
            if let Some(id) = offer["id"]["value"].as_str() {
                self.0
                    .insert(id.to_owned(), Amounts::of(&offer["resources"]));
            }
        }
        if let Some(id) = event.value["rescind"]["offer_id"]["value"].as_str() {
            self.0.remove(id);
        }
    }

    /// These have been used or declined.
    pub(super) fn remove(&mut self, ids: &[String]) {
        for id in ids {
            self.0.remove(id);
        }
    }

    /// What all of them hold together.
    pub(super) fn sum(&self) -> Amounts {
        let mut sum = Amounts::default();
        for amounts in self.0.values() {
            for (name, amount) in &amounts.0 {
                *sum.0.entry(name.clone()).or_default() += amount;
            }
        }
        sum
    }
}

impl Amounts {
    fn of(resources: &Value) -> Self {
        let mut amounts = Self::default();
        for resource in resources.as_array().into_iter().flatten() {
            let name = resource["name"].as_str().unwrap_or_default();
            *amounts.0.entry(name.to_owned()).or_default() += amount(resource);
        }
        amounts
    }

    /// Whether there is as much of everything as in `other`, or more.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let own = |name| self.0.get(name).copied().unwrap_or_default();
        other.0.iter().all(|(name, amount)| own(name) >= *amount)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "recorded amounts are small"
)]
fn amount(resource: &Value) -> i64 {
    if let Some(amount) = resource["scalar"]["value"].as_f64() {
        return (amount * 1000.0).round() as i64;
    }
    let number = |value: &Value| value.as_f64().unwrap_or_default() as i64;
    let ranges = resource["ranges"]["range"].as_array();
    let ranges = ranges.into_iter().flatten();
    let lengths = ranges.map(|range| number(&range["end"]) - number(&range["begin"]) + 1);
    let items = resource["set"]["item"].as_array().map_or(0, Vec::len);
    lengths.sum::<i64>() + items as i64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offers(offers: &[(&str, f64)]) -> Event {
        let offer = |(id, cpus): &(&str, f64)| {
            json!({"id": {"value": id}, "resources": [
                {"name": "cpus", "scalar": {"value": cpus}},
                {"name": "ports", "ranges": {"range": [{"begin": 1, "end": 3}]}},
            ]})
        };
        let offers: Vec<_> = offers.iter().map(offer).collect();
        Event::new(json!({"type": "OFFERS", "offers": {"offers": offers}}))
    }

    #[test]
    fn one_offer_or_two_come_to_the_same() {
        let mut one = Accounts::default();
        one.note(&offers(&[("a", 3.9)]));
        let mut two = Accounts::default();
        two.note(&offers(&[("b", 3.5)]));
        assert!(one.sum().covers(&two.sum()));
        assert!(!two.sum().covers(&one.sum()));
        two.note(&offers(&[("c", 0.4)]));
        assert!(two.sum().covers(&one.sum()));
        let rescind = json!({"type": "RESCIND", "rescind": {"offer_id": {"value": "c"}}});
        two.note(&Event::new(rescind));
        two.remove(&["b".to_owned()]);
        assert_eq!(two.sum(), Amounts::default());
    }
}
