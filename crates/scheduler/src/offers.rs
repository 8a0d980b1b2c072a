//! Which offers are held, and for how long; it does not know what they are for.
//!
//! An offer leaves the pool in exactly one way: it is used, given back or rescinded. All offers
//! are void once the subscription is lost (PROTOCOL §4).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{AgentId, OfferId};

use crate::constraint::Attribute;
use crate::placement::Site;

/// What an agent offers to one role.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Where the resources are.
    pub agent: AgentId,
    /// The agent's host name.
    pub hostname: String,
    /// The agent's attributes.
    pub attributes: Vec<Attribute>,
    /// The role that it is made to.
    pub role: String,
    /// What is offered, with reservations and allocation as the master gave them.
    pub resources: Resources,
}

/// How long an agent that cannot help is refused.
///
/// What becomes free there breaks through the filter (PROTOCOL §6), so this may be long.
pub const REFUSE_USELESS: Duration = Duration::from_secs(30);

/// How long offers are refused when nothing is wanted; REVIVE clears it.
pub const REFUSE_UNWANTED: Duration = Duration::from_secs(60);

/// The shortest refusal of offers that are given back after the hold; Mesos has none shorter.
const REFUSE_HELD_MIN: Duration = Duration::from_secs(1);

/// The most offers that are held: those of the largest clusters that Mesos was ever run on.
const HELD_MAX: usize = 50_000;

/// The offers that are held.
#[derive(Debug, Default)]
pub struct OfferPool {
    /// In order of id, so that every decision is repeatable.
    held: BTreeMap<OfferId, Offer>,
    /// When the first of them came.
    since: Option<Instant>,
}

impl OfferPool {
    /// Takes offers in; answers those for which there is no room. An id that is there already is
    /// the same offer.
    pub fn add(&mut self, now: Instant, offers: Vec<Offer>) -> Vec<OfferId> {
        let mut excess = Vec::new();
        for offer in offers {
            if self.held.len() >= HELD_MAX && !self.held.contains_key(&offer.id) {
                excess.push(offer.id);
                continue;
            }
            self.since.get_or_insert(now);
            self.held.insert(offer.id.clone(), offer);
        }
        excess
    }

    /// Takes an offer out that the master has rescinded; whether it was there.
    pub fn rescind(&mut self, offer: &OfferId) -> bool {
        let was_held = self.held.remove(offer).is_some();
        self.forget_since_if_empty();
        was_held
    }

    /// Takes all offers of a site out, to use them or to give them back.
    pub fn take(&mut self, site: &Site) -> Vec<OfferId> {
        for id in &site.offers {
            self.held.remove(id);
        }
        self.forget_since_if_empty();
        site.offers.clone()
    }

    /// Takes all offers out, to give them back.
    pub fn take_all(&mut self) -> Vec<OfferId> {
        self.since = None;
        std::mem::take(&mut self.held).into_keys().collect()
    }

    /// Forgets all offers: the subscription that they came with is lost.
    pub fn void(&mut self) {
        self.held.clear();
        self.since = None;
    }

    /// When offers have been held for so long that they must be given back.
    pub fn held_until(&self, hold: Duration) -> Option<Instant> {
        self.since.map(|since| since + hold)
    }

    /// The offers by agent and role: those of one agent can be used together, but those of
    /// different roles cannot (PROTOCOL §7).
    pub fn sites(&self) -> Vec<Site> {
        let mut sites: BTreeMap<(&AgentId, &str), Site> = BTreeMap::new();
        for offer in self.held.values() {
            let site = sites
                .entry((&offer.agent, &offer.role))
                .or_insert_with(|| Site {
                    agent: offer.agent.clone(),
                    hostname: offer.hostname.clone(),
                    attributes: offer.attributes.clone(),
                    role: offer.role.clone(),
                    offers: Vec::new(),
                    resources: Resources::new(),
                });
            site.offers.push(offer.id.clone());
            site.resources += offer.resources.clone();
        }
        sites.into_values().collect()
    }

    fn forget_since_if_empty(&mut self) {
        if self.held.is_empty() {
            self.since = None;
        }
    }
}

/// How long offers are refused that were held in vain: between a second and a hold longer than
/// that, by chance, so that of two waiting gangs one sees the other's share free.
pub(crate) fn refuse_held(hold: Duration, rng: &mut fastrand::Rng) -> Duration {
    REFUSE_HELD_MIN + hold.mul_f64(rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    fn offer(id: &str, agent: &str, role: &str, resources: &str) -> Offer {
        Offer {
            id: id.into(),
            agent: agent.into(),
            hostname: format!("{agent}.test"),
            attributes: Vec::new(),
            role: role.to_owned(),
            resources: Resources::parse(resources).unwrap(),
        }
    }

    #[test]
    fn offers_of_one_agent_and_role_make_one_site() {
        let mut pool = OfferPool::default();
        let excess = pool.add(
            beginning(),
            vec![
                offer("o1", "a1", "*", "cpus:1;mem:64"),
                offer("o2", "a2", "*", "cpus:2;mem:64"),
                offer("o3", "a1", "*", "cpus:1"),
                offer("o4", "a1", "prod", "cpus:8"),
            ],
        );
        assert_eq!(excess, []);
        let sites: Vec<String> = pool
            .sites()
            .iter()
            .map(|site| {
                format!(
                    "{} {} {:?} {}",
                    site.agent, site.role, site.offers, site.resources
                )
            })
            .collect();
        assert_eq!(
            sites,
            [
                "a1 * [o1, o3] cpus:2; mem:64",
                "a1 prod [o4] cpus:8",
                "a2 * [o2] cpus:2; mem:64"
            ]
        );
    }

    #[test]
    fn the_hold_counts_from_the_oldest_offer_and_ends_with_the_last() {
        let start = beginning();
        let hold = Duration::from_secs(10);
        let mut pool = OfferPool::default();
        assert_eq!(pool.held_until(hold), None);
        pool.add(start, vec![offer("o1", "a1", "*", "cpus:1")]);
        pool.add(start + hold / 2, vec![offer("o2", "a1", "*", "cpus:1")]);
        assert_eq!(pool.held_until(hold), Some(start + hold));
        assert!(pool.rescind(&"o1".into()));
        assert!(!pool.rescind(&"o1".into()));
        assert_eq!(pool.take_all(), ["o2".into()]);
        assert_eq!(pool.held_until(hold), None);
    }

    #[test]
    fn offers_beyond_the_bound_are_not_held() {
        let mut pool = OfferPool::default();
        let offers = |from: usize, to: usize| -> Vec<Offer> {
            let made = (from..to).map(|n| offer(&format!("o{n}"), "a1", "*", ""));
            made.collect()
        };
        assert_eq!(pool.add(beginning(), offers(0, HELD_MAX)), []);
        let again_and_more = offers(HELD_MAX - 1, HELD_MAX + 1);
        let excess = pool.add(beginning(), again_and_more);
        assert_eq!(excess, [format!("o{HELD_MAX}").into()]);
    }

    #[test]
    fn offers_held_in_vain_are_refused_between_one_second_and_a_hold_more() {
        let mut rng = fastrand::Rng::with_seed(1);
        let hold = Duration::from_secs(10);
        for _ in 0..100 {
            let refuse = refuse_held(hold, &mut rng);
            assert!((1.0..=11.0).contains(&refuse.as_secs_f64()));
        }
    }
}
