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

/// The shortest rest after a hold in vain: two intervals of allocations, so that what is given
/// back was on offer to others at least once.
const REST_MIN: Duration = Duration::from_secs(2);

/// By how much the first rests differ: ten intervals of allocations, so that two gangs that begin
/// to rest together seldom end in the same interval.
const SPREAD_MIN: Duration = Duration::from_secs(10);

/// By how much rests differ in the end, in holds; it doubles with each rest. Where many gangs
/// wait, each must rest for longer than it holds, or there are always two awake.
const SPREAD_MAX_HOLDS: u32 = 4;

/// The most offers that are held: those of the largest clusters that Mesos was ever run on.
const HELD_MAX: usize = 50_000;

/// Offers that are to be declined, and for how long they are refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which; at least one.
    pub offers: Vec<OfferId>,
    /// For how long.
    pub refuse: Duration,
}

/// The offers that are held.
///
/// ```text
/// Collecting ──held in vain──► Resting ──rest is over──► Collecting
/// ```
/// Two gangs that wait for what the other one holds must not give it back in the same moment, only
/// to get the other's share and wait again: so whoever has held in vain rests, for a time that is
/// drawn by chance. Resting, the pool keeps nothing that is not used at once, and the one that
/// rests shorter finds all of it free.
#[derive(Debug)]
pub struct OfferPool {
    /// In order of id, so that every decision is repeatable.
    held: BTreeMap<OfferId, Offer>,
    /// When the offers are given back; none while there are none.
    until: Option<Instant>,
    /// How long offers are held.
    hold: Duration,
    /// By how much the next rest may be longer than the shortest.
    spread: Duration,
    /// Until when nothing is held.
    resting: Option<Instant>,
    rng: fastrand::Rng,
}

impl OfferPool {
    /// Nothing is held yet, and later nothing longer than `hold`. `rng` is the chance in the rests.
    pub fn new(hold: Duration, rng: fastrand::Rng) -> Self {
        Self {
            held: BTreeMap::new(),
            until: None,
            hold,
            spread: SPREAD_MIN,
            resting: None,
            rng,
        }
    }

    /// Takes offers in; answers those for which there is no room. An id that is there already is
    /// the same offer.
    pub fn add(&mut self, now: Instant, offers: Vec<Offer>) -> Vec<OfferId> {
        let mut excess = Vec::new();
        let hold = match self.rest(now) {
            Some(_) => Duration::ZERO,
            None => self.hold,
        };
        for offer in offers {
            if self.held.len() >= HELD_MAX && !self.held.contains_key(&offer.id) {
                excess.push(offer.id);
                continue;
            }
            // A hold that ends after all time has no end.
            self.until = self.until.or_else(|| now.checked_add(hold));
            self.held.insert(offer.id.clone(), offer);
        }
        excess
    }

    /// All offers, if they were held for long enough: another gang may be waiting for what we keep
    /// from it.
    pub fn give_back(&mut self, now: Instant) -> Option<Refusal> {
        self.until.filter(|until| *until <= now)?;
        let refuse = match self.rest(now) {
            Some(left) => left,
            None => {
                let rest = REST_MIN + self.spread.mul_f64(self.rng.f64());
                let max = self.hold.saturating_mul(SPREAD_MAX_HOLDS).max(SPREAD_MIN);
                self.spread = self.spread.saturating_mul(2).min(max);
                self.resting = Some(now + rest);
                rest
            }
        };
        Some(Refusal {
            offers: self.drain(),
            refuse,
        })
    }

    /// When offers have been held for so long that they must be given back.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// How much is left of a rest.
    fn rest(&self, now: Instant) -> Option<Duration> {
        let left = self.resting?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Takes an offer out that the master has rescinded; whether it was there.
    pub fn rescind(&mut self, offer: &OfferId) -> bool {
        let was_held = self.held.remove(offer).is_some();
        self.forget_until_if_empty();
        was_held
    }

    /// Takes all offers of a site out, to use them or to give them back.
    pub fn take(&mut self, site: &Site) -> Vec<OfferId> {
        for id in &site.offers {
            self.held.remove(id);
        }
        self.forget_until_if_empty();
        site.offers.clone()
    }

    /// Takes all offers out, to give them back: nothing more is wanted. If something is later,
    /// that is another wait.
    pub fn take_all(&mut self) -> Vec<OfferId> {
        self.spread = SPREAD_MIN;
        self.resting = None;
        self.drain()
    }

    /// Forgets all offers: the subscription that they came with is lost.
    pub fn void(&mut self) {
        self.held.clear();
        self.until = None;
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

    fn drain(&mut self) -> Vec<OfferId> {
        self.until = None;
        std::mem::take(&mut self.held).into_keys().collect()
    }

    fn forget_until_if_empty(&mut self) {
        if self.held.is_empty() {
            self.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    const HOLD: Duration = Duration::from_secs(10);

    fn pool() -> OfferPool {
        OfferPool::new(HOLD, fastrand::Rng::with_seed(1))
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
        let mut pool = pool();
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
        let mut pool = pool();
        assert_eq!(pool.poll_timeout(), None);
        pool.add(start, vec![offer("o1", "a1", "*", "cpus:1")]);
        pool.add(start + HOLD / 2, vec![offer("o2", "a1", "*", "cpus:1")]);
        assert_eq!(pool.poll_timeout(), Some(start + HOLD));
        assert_eq!(pool.give_back(start + HOLD / 2), None);
        assert!(pool.rescind(&"o1".into()));
        assert!(!pool.rescind(&"o1".into()));
        assert_eq!(pool.take_all(), ["o2".into()]);
        assert_eq!(pool.poll_timeout(), None);
    }

    #[test]
    fn a_hold_in_vain_is_followed_by_a_rest_in_which_nothing_is_kept() {
        let mut now = beginning();
        let mut pool = pool();
        let mut rests = Vec::new();
        for _ in 0..100 {
            pool.add(now, vec![offer("o1", "a1", "*", "cpus:1")]);
            now += HOLD;
            let back = pool.give_back(now).expect("the hold is over");
            assert_eq!(back.offers, ["o1".into()]);
            assert!(
                (REST_MIN..REST_MIN + HOLD * SPREAD_MAX_HOLDS).contains(&back.refuse),
                "{back:?}"
            );
            let half = back.refuse / 2;
            pool.add(now + half, vec![offer("o2", "a1", "*", "cpus:1")]);
            assert_eq!(pool.poll_timeout(), Some(now + half));
            let refused = Refusal {
                offers: vec!["o2".into()],
                refuse: back.refuse - half,
            };
            assert_eq!(pool.give_back(now + half), Some(refused));
            rests.push(back.refuse);
            now += back.refuse;
        }
        // By chance, so that of two that begin to rest together one ends before the other.
        rests.sort();
        assert!(rests[90] - rests[10] > HOLD * SPREAD_MAX_HOLDS / 2);
    }

    #[test]
    fn a_hold_without_end_has_none() {
        let mut pool = OfferPool::new(Duration::MAX, fastrand::Rng::with_seed(1));
        pool.add(beginning(), vec![offer("o1", "a1", "*", "cpus:1")]);
        assert_eq!(pool.poll_timeout(), None);
        assert_eq!(pool.take_all(), ["o1".into()]);
    }

    #[test]
    fn offers_beyond_the_bound_are_not_held() {
        let mut pool = pool();
        let offers = |from: usize, to: usize| -> Vec<Offer> {
            let made = (from..to).map(|n| offer(&format!("o{n}"), "a1", "*", ""));
            made.collect()
        };
        assert_eq!(pool.add(beginning(), offers(0, HELD_MAX)), []);
        let again_and_more = offers(HELD_MAX - 1, HELD_MAX + 1);
        let excess = pool.add(beginning(), again_and_more);
        assert_eq!(excess, [format!("o{HELD_MAX}").into()]);
    }
}
