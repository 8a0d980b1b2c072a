//! Who is offered what (PROTOCOL §6): one offer is all that an agent has free for one role.
//!
//! The framework that has the least goes first (dominant resource fairness, first over roles, then
//! over the frameworks of a role) and gets all of it; filters are what frameworks did not want.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos::resources::{Resource, Resources, Scalar, Value};
use mesos::v1::scheduler::call;
use mesos::{FrameworkId, OfferId, v1};

use super::agents::Agent;
use super::framework::Framework;
use super::offers::Offer;
use super::roles::{may_use, validate_role};
use super::shares::Shares;
use super::{Master, events};
use crate::core::wire::AgentIndex;

impl Master {
    /// Offers all that is free.
    pub(super) fn allocate(&mut self, now: Instant) {
        let agents: Vec<AgentIndex> = self.agents.keys().copied().collect();
        self.allocate_on(now, &agents);
    }

    /// Offers all that is free on these agents, and sends each framework its offers in one event.
    pub(super) fn allocate_on(&mut self, now: Instant, agents: &[AgentIndex]) {
        self.filters.expire(now);
        if self.troubles.holds_offers(now) {
            return;
        }
        let takers = self.takers();
        if takers.is_empty() {
            return;
        }
        // A cluster with one framework in one role has nobody to compare.
        let mut shares: OnceCell<Shares> = OnceCell::new();
        let mut made: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
        for agent in agents {
            // Every offer changes the order, so it is found anew after each.
            while let Some((framework, role, resources)) =
                self.next_allocation(*agent, &takers, &shares)
            {
                if let Some(shares) = shares.get_mut() {
                    shares.add(&framework, &resources);
                    shares.add_offers(&framework, &role, 1);
                }
                let offer = self.make_offer(now, *agent, &framework, role, resources);
                made.entry(framework).or_default().extend(offer);
            }
        }
        for (framework, offers) in made {
            self.send(&framework, events::offers(offers));
        }
    }

    /// Who wants offers, and for which of its roles.
    fn takers(&self) -> Vec<(FrameworkId, String)> {
        let active = self
            .frameworks
            .iter()
            .filter(|(_, it)| it.stream().is_some());
        let takers = active.flat_map(|(id, framework)| {
            let wanted = framework.roles.difference(&framework.suppressed);
            wanted.map(|role| (id.clone(), role.clone()))
        });
        takers.collect()
    }

    /// Who is to be offered what of an agent next.
    fn next_allocation(
        &self,
        index: AgentIndex,
        takers: &[(FrameworkId, String)],
        shares: &OnceCell<Shares>,
    ) -> Option<(FrameworkId, String, Resources)> {
        let agent = self
            .agents
            .get(&index)
            .filter(|agent| agent.is_connected() && !agent.is_deactivated())?;
        if agent.free().is_empty() {
            return None;
        }
        let offerable = takers.iter().filter_map(|(id, role)| {
            let framework = self.frameworks.get(id)?;
            Some((id, role, self.offerable(agent, id, framework, role)?))
        });
        let (id, role, resources) =
            offerable.min_by(|(one, one_role, _), (other, other_role, _)| {
                let shares = shares.get_or_init(|| Shares::of(self));
                Self::compare_shares(shares, (one, one_role), (other, other_role))
            })?;
        Some((id.clone(), role.clone(), resources.allocate(role)))
    }

    /// What of an agent can be offered to a framework in a role, if it is worth an offer.
    fn offerable(
        &self,
        agent: &Agent,
        id: &FrameworkId,
        framework: &Framework,
        role: &str,
    ) -> Option<Resources> {
        let can = framework.capabilities;
        if !can.gpu_resources && agent.total().scalar("gpus") > Scalar::default() {
            return None;
        }
        if !can.region_aware && self.is_remote(agent) {
            return None;
        }
        let mut resources: Vec<Resource> = agent
            .free()
            .iter()
            .filter(|resource| match resource.reservations() {
                [] => true,
                [.., last] => may_use(role, &last.role),
            })
            .filter(|resource| can.reservation_refinement || resource.reservations().len() <= 1)
            .filter(|resource| can.revocable_resources || !resource.is_revocable())
            .filter(|resource| can.shared_resources || !resource.is_shared())
            .cloned()
            .collect();
        let left = left_over(agent.total(), agent.free());
        resources.sort_by_key(|resource| offered_place(resource, &left));
        let resources: Resources = resources.into_iter().collect();
        let is_worth = !resources.is_empty()
            && is_allocatable(&resources, framework.info.offer_filters.get(role))
            && !self.filters.hide(id, role, agent.index(), &resources);
        is_worth.then_some(resources)
    }

    /// Whether an agent is in another region than the master; one without a domain is not.
    fn is_remote(&self, agent: &Agent) -> bool {
        let agent = agent.info().domain.as_ref().and_then(region);
        let master = self.config.info.domain.as_ref().and_then(region);
        agent.is_some() && agent != master
    }

    /// Less is first: roles by share, then who was offered less often; and so the frameworks of a role.
    fn compare_shares(
        shares: &Shares,
        (one, one_role): (&FrameworkId, &String),
        (other, other_role): (&FrameworkId, &String),
    ) -> Ordering {
        let compare = |one: (f64, u64), other: (f64, u64)| {
            let by_share = one.0.total_cmp(&other.0);
            by_share.then_with(|| one.1.cmp(&other.1))
        };
        compare(shares.of_role(one_role), shares.of_role(other_role))
            .then_with(|| one_role.cmp(other_role))
            .then_with(|| {
                let one = shares.of_framework(one, one_role);
                compare(one, shares.of_framework(other, other_role))
            })
            .then_with(|| one.cmp(other))
    }

    fn make_offer(
        &mut self,
        now: Instant,
        index: AgentIndex,
        framework_id: &FrameworkId,
        role: String,
        resources: Resources,
    ) -> Option<v1::Offer> {
        let framework = self.frameworks.get_mut(framework_id)?;
        let agent = self.agents.get_mut(&index)?;
        agent.take(&resources);
        *framework.offers_made.entry(role.clone()).or_default() += 1;
        let id = OfferId::from(format!("{}-O{}", self.config.info.id, self.counters.offers));
        self.counters.offers += 1;
        let wire = offer_to_wire(&id, framework_id, framework, agent, &role, &resources);
        let offer = Offer {
            framework: framework_id.clone(),
            agent: index,
            role,
            resources,
        };
        if let Some(end) = self
            .config
            .timeouts
            .offer
            .and_then(|it| now.checked_add(it))
        {
            self.offer_ends.push_back((end, id.clone()));
        }
        self.offers.insert(id, offer);
        Some(wire)
    }

    /// Takes offers back that nobody has answered in time; without a filter, so that they come
    /// again with the next run. A run of the same moment was before (recording 05b).
    pub(super) fn end_overdue_offers(&mut self, now: Instant) {
        while let Some((end, id)) = self.offer_ends.front() {
            let is_answered = self.offers.get(id).is_none();
            if *end > now && !is_answered {
                return;
            }
            let id = id.clone();
            self.offer_ends.pop_front();
            self.rescind(&id);
        }
    }

    /// Takes an offer back and tells the framework.
    pub(super) fn rescind(&mut self, id: &OfferId) {
        if let Some(offer) = self.return_offer(id) {
            self.send(&offer.framework, events::rescind(id));
        }
    }

    /// Takes all offers of a framework back without a word.
    pub(super) fn discard_offers(&mut self, framework: &FrameworkId) {
        for id in self.offers.of(framework) {
            self.return_offer(&id);
        }
    }

    /// Ends an offer; what was in it is free again.
    pub(super) fn return_offer(&mut self, id: &OfferId) -> Option<Offer> {
        let offer = self.offers.remove(id)?;
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.release(&offer.resources);
        }
        Some(offer)
    }

    /// Offers that are gone are passed over.
    pub(super) fn decline(
        &mut self,
        now: Instant,
        framework: &FrameworkId,
        decline: &call::Decline,
    ) {
        for id in &decline.offer_ids {
            let id = OfferId::from(id.value.as_str());
            if self
                .offers
                .get(&id)
                .is_some_and(|offer| offer.framework == *framework)
                && let Some(offer) = self.return_offer(&id)
            {
                self.refuse(now, &offer, &offer.resources, decline.filters.as_ref());
            }
        }
    }

    /// Does not offer `resources`, or less, to this framework for a while.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        offer: &Offer,
        resources: &Resources,
        filters: Option<&v1::Filters>,
    ) {
        let interval = self.config.allocation_interval;
        if let Some(lifetime) = filter_lifetime(filters, interval)
            && !resources.is_empty()
        {
            let key = (offer.framework.clone(), offer.role.clone(), offer.agent);
            self.filters
                .add(key, resources.unallocate(), now + lifetime);
        }
    }

    /// REVIVE: offers come again, whatever was refused, and at once.
    pub(super) fn revive(&mut self, now: Instant, framework: &FrameworkId, roles: &[String]) {
        let Some(roles) = self.checked_roles(framework, roles) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.suppressed.retain(|role| !roles.contains(role));
        }
        self.filters.clear_roles(framework, &roles);
        self.allocate(now);
    }

    /// SUPPRESS: no more offers; those that are out stay good.
    pub(super) fn suppress(&mut self, framework: &FrameworkId, roles: &[String]) {
        let Some(roles) = self.checked_roles(framework, roles) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.suppressed.extend(roles);
        }
    }

    /// The roles that a call means: all when it names none. One wrong name, and the whole call is
    /// dropped.
    fn checked_roles(&self, framework: &FrameworkId, roles: &[String]) -> Option<Vec<String>> {
        let own = &self.frameworks.get(framework)?.roles;
        if roles.is_empty() {
            return Some(own.iter().cloned().collect());
        }
        let is_right = |role: &String| validate_role(role).is_ok() && own.contains(role);
        if !roles.iter().all(is_right) {
            tracing::warn!(%framework, ?roles, "call with roles that are not subscribed dropped");
            return None;
        }
        Some(roles.to_vec())
    }
}

/// What was refused, by framework, role and agent.
#[derive(Debug, Default)]
pub(super) struct Filters(BTreeMap<FilterKey, Vec<Filter>>);

type FilterKey = (FrameworkId, String, AgentIndex);

#[derive(Debug)]
struct Filter {
    resources: Resources,
    expires: Instant,
}

/// The most filters for one framework, role and agent. Mesos has no bound; with more than so many
/// different refusals within their lifetimes, the one that ends first is forgotten, and what it
/// hid is offered early.
const FILTERS_MAX: usize = 64;

impl Filters {
    fn add(&mut self, key: FilterKey, resources: Resources, expires: Instant) {
        let filters = self.0.entry(key).or_default();
        // One that hides no more and no longer than the new one has become pointless.
        filters.retain(|old| old.expires > expires || !resources.contains(&old.resources));
        filters.push(Filter { resources, expires });
        if filters.len() > FILTERS_MAX
            && let Some((first, _)) = filters
                .iter()
                .enumerate()
                .min_by_key(|(_, filter)| filter.expires)
        {
            filters.swap_remove(first);
        }
    }

    /// Whether all of `resources` was refused together.
    fn hide(
        &self,
        framework: &FrameworkId,
        role: &str,
        agent: AgentIndex,
        resources: &Resources,
    ) -> bool {
        let key = (framework.clone(), role.to_owned(), agent);
        let filters = self.0.get(&key).into_iter().flatten();
        filters
            .into_iter()
            .any(|filter| filter.resources.contains(resources))
    }

    fn expire(&mut self, now: Instant) {
        for filters in self.0.values_mut() {
            filters.retain(|filter| filter.expires > now);
        }
        self.0.retain(|_, filters| !filters.is_empty());
    }

    pub(super) fn clear(&mut self, framework: &FrameworkId) {
        self.0.retain(|(owner, _, _), _| owner != framework);
    }

    pub(super) fn clear_roles(&mut self, framework: &FrameworkId, roles: &[String]) {
        let roles: BTreeSet<_> = roles.iter().collect();
        self.0
            .retain(|(owner, role, _), _| owner != framework || !roles.contains(role));
    }
}

/// How long a refusal holds, if at all (PROTOCOL §6).
fn filter_lifetime(filters: Option<&v1::Filters>, interval: Duration) -> Option<Duration> {
    const DEFAULT: Duration = Duration::from_secs(5);
    const MAX: Duration = Duration::from_secs(365 * 24 * 3600);
    let seconds = filters.map_or(DEFAULT.as_secs_f64(), v1::Filters::refuse_seconds);
    if seconds == 0.0 {
        return None;
    }
    let lifetime = if seconds > MAX.as_secs_f64() {
        MAX
    } else {
        // Not for what is negative or no number.
        Duration::try_from_secs_f64(seconds).unwrap_or(DEFAULT)
    };
    Some(lifetime.max(interval))
}

fn region(domain: &v1::DomainInfo) -> Option<&str> {
    let fault_domain = domain.fault_domain.as_ref()?;
    Some(&fault_domain.region.name)
}

/// Whether there is enough for an offer: 0.01 cpus or 32 MB by default, or one of the sets that the
/// framework has named for the role.
fn is_allocatable(resources: &Resources, filters: Option<&v1::OfferFilters>) -> bool {
    let has = |name: &str, amount: f64| resources.scalar(name).to_f64() >= amount;
    match filters.and_then(|filters| filters.min_allocatable_resources.as_ref()) {
        None => has("cpus", 0.01) || has("mem", 32.0),
        Some(wanted) => {
            wanted.quantities.is_empty()
                || wanted.quantities.iter().any(|set| {
                    set.quantities
                        .iter()
                        .all(|(name, amount)| has(name, amount.value))
                })
        }
    }
}

/// The place of a resource in an offer: first what is reserved, then what is taken whole, then
/// amounts, and each of these as it lies in `left`. So Mesos puts offers together.
fn offered_place(resource: &Resource, left: &[&Resource]) -> (bool, bool, usize) {
    let (is_unreserved, is_amount) = group(resource);
    let place = left.iter().position(|it| is_same(it, resource));
    (is_unreserved, is_amount, place.unwrap_or(usize::MAX))
}

/// What an agent has, without what is not free any more, in the order of Mesos: as the agent has named
/// it, but the last comes in the place of what is taken out (recording 02a).
fn left_over<'a>(total: &'a Resources, free: &Resources) -> Vec<&'a Resource> {
    let mut left: Vec<&Resource> = total.iter().collect();
    let mut taken = left.clone();
    taken.retain(|resource| !free.iter().any(|it| is_same(it, resource)));
    taken.sort_by_key(|resource| group(resource));
    for resource in taken {
        if let Some(place) = left.iter().position(|it| std::ptr::eq(*it, resource)) {
            left.swap_remove(place);
        }
    }
    left
}

fn group(resource: &Resource) -> (bool, bool) {
    let is_scalar = matches!(resource.value(), Value::Scalar(_));
    let is_unreserved = resource.reservations().is_empty();
    (is_unreserved, is_unreserved && is_scalar)
}

/// Whether two resources differ in their amount only.
fn is_same(one: &Resource, other: &Resource) -> bool {
    one.name() == other.name() && one.reservations() == other.reservations()
}

/// An offer in the form that its framework understands.
fn offer_to_wire(
    id: &OfferId,
    framework_id: &FrameworkId,
    framework: &Framework,
    agent: &Agent,
    role: &str,
    resources: &Resources,
) -> v1::Offer {
    let can = framework.capabilities;
    let offer = offer_message(id, framework_id, agent, role, resources);
    let resources = if can.multi_role {
        resources.clone()
    } else {
        resources.unallocate()
    };
    v1::Offer {
        resources: if can.reservation_refinement {
            resources.to_wire()
        } else {
            resources.to_wire_pre_refinement()
        },
        allocation_info: offer.allocation_info.filter(|_| can.multi_role),
        ..offer
    }
}

/// An offer in the newest form, which operators see whatever its framework understands.
pub(super) fn offer_message(
    id: &OfferId,
    framework_id: &FrameworkId,
    agent: &Agent,
    role: &str,
    resources: &Resources,
) -> v1::Offer {
    v1::Offer {
        id: id.clone().into(),
        framework_id: framework_id.clone().into(),
        agent_id: agent.id().clone().into(),
        hostname: agent.info().hostname.clone(),
        resources: resources.to_wire(),
        executor_ids: agent.executor_ids(framework_id).map(Into::into).collect(),
        attributes: agent.info().attributes.clone(),
        url: Some(agent.url()),
        unavailability: None,
        allocation_info: Some(v1::resource::AllocationInfo {
            role: Some(role.to_owned()),
        }),
        domain: agent.info().domain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_refusals_the_one_that_ends_first_is_forgotten() {
        let now = Instant::now();
        let key = (FrameworkId::from("f"), "r".to_owned(), AgentIndex(0));
        // None of them hides another.
        let refused = |number: usize| {
            Resources::parse(&format!("r{number}:1")).expect("resources of a name of their own")
        };
        let mut filters = Filters::default();
        for number in 0..=FILTERS_MAX {
            let expires = now + Duration::from_secs(1 + number as u64);
            filters.add(key.clone(), refused(number), expires);
        }
        let hides = |number| filters.hide(&key.0, &key.1, key.2, &refused(number));
        assert_eq!(filters.0[&key].len(), FILTERS_MAX);
        assert!(!hides(0));
        assert!((1..=FILTERS_MAX).all(hides));
    }

    #[test]
    fn a_refusal_without_a_sensible_time_holds_for_five_seconds() {
        let lifetime = |seconds| {
            let filters = v1::Filters {
                refuse_seconds: Some(seconds),
            };
            filter_lifetime(Some(&filters), Duration::from_secs(1)).map(|it| it.as_secs())
        };
        assert_eq!(lifetime(0.0), None);
        assert_eq!(lifetime(0.5), Some(1), "an allocation run at least");
        for invalid in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert_eq!(lifetime(invalid), Some(5), "{invalid}");
        }
        for long in [1e300, f64::INFINITY] {
            assert_eq!(lifetime(long), Some(365 * 24 * 3600), "{long}");
        }
    }
}
