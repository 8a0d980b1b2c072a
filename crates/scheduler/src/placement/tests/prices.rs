//! Gangs that need nearly all that is on offer.

use super::*;

fn wants(groups: &[Group]) -> Vec<Want<'_>> {
    groups.iter().map(Group::want).collect()
}

fn agents(offered: &[&str]) -> Vec<Site> {
    let numbered = offered.iter().enumerate();
    numbered
        .map(|(number, offered)| site(&format!("a{number}"), offered))
        .collect()
}

#[test]
fn what_fits_in_sum_but_leaves_waste_everywhere_is_shown_to_be_impossible() {
    // An agent holds one of 6 or two of 4.5: six and five of them, though 100 cpus hold 81 and
    // either kind would fit by itself.
    let groups = [
        Group::parse("six*6 cpus:6"),
        Group::parse("half*10 cpus:4.5"),
    ];
    let sites = agents(&["cpus:10"; 10]);
    let shortfall = place(&wants(&groups), &Resources::new(), &sites, Strategy::Pack).unwrap_err();
    assert_eq!(shortfall.certainty, Certainty::Impossible, "{shortfall}");
}

#[test]
fn a_gang_that_fills_every_agent_to_the_last_bit_is_placed() {
    // Cut from whole agents, so that there is a place, and nothing to spare.
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20 {
        let kinds: Vec<(u32, u32)> = (0..8).map(|_| (rng.u32(1..20), rng.u32(1..20))).collect();
        let mut counts = [0; 8];
        let sites: Vec<Site> = (0..12)
            .map(|number| {
                let (mut cpus, mut mem) = (0, 0);
                for _ in 0..rng.u32(2..5) {
                    let kind = rng.usize(0..kinds.len());
                    counts[kind] += 1;
                    cpus += kinds[kind].0;
                    mem += kinds[kind].1;
                }
                site(&format!("a{number}"), &format!("cpus:{cpus} mem:{mem}"))
            })
            .collect();
        let groups: Vec<Group> = kinds
            .iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|((cpus, mem), count)| Group::parse(&format!("g*{count} cpus:{cpus};mem:{mem}")))
            .collect();
        let placed = place(&wants(&groups), &Resources::new(), &sites, Strategy::Pack);
        assert!(placed.is_ok(), "{}", placed.unwrap_err());
    }
}
