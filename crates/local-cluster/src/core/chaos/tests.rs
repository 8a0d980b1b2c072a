//! Plans, as they are drawn from seeds.

use expect_test::{Expect, expect};

use super::*;

/// The first faults of a plan for two agents.
fn check(chaos: &str, count: usize, expected: Expect) {
    let plan = ChaosPlan::new(chaos.parse().expect("a chaos"), 2);
    let lines = plan.take(count).map(|PlannedFault { at, fault }| {
        let seconds = at.as_secs_f64();
        format!("{seconds:.3} {fault}\n")
    });
    expected.assert_eq(&lines.collect::<String>());
}

/// As many faults as some minutes hold, of many seeds.
fn plans(profile: Profile, agents: usize) -> impl Iterator<Item = Vec<PlannedFault>> {
    (0..200).map(move |seed| {
        let plan = ChaosPlan::new(Chaos { seed, profile }, agents);
        plan.take(300).collect()
    })
}

#[test]
fn a_seed_gives_the_same_disturbances_each_time() {
    check(
        "7",
        12,
        expect![[r#"
            0.974 cut_frameworks
            1.396 shrink_agent agent=0 percent=10 for_ms=1277
            2.077 unavailable for_ms=659
            2.415 delay_offers for_ms=2614
            2.643 messages drop=0.05 duplicate=0 delay=0.05 delay_max_ms=45 for_ms=1421
            3.333 updates drop=0.2 duplicate=0.05 delay=0 delay_max_ms=63 for_ms=679
            4.366 delay_offers for_ms=2854
            4.915 updates drop=0.1 duplicate=0.1 delay=0.05 delay_max_ms=12 for_ms=739
            6.025 cut_executors
            7.112 cut_frameworks
            8.085 cut_executors
            8.511 delay_offers for_ms=2174
        "#]],
    );
}

#[test]
fn a_seed_gives_the_same_deaths_each_time() {
    check(
        "7:kill",
        12,
        expect![[r#"
        4.207 kill_executor pick=1730240883
        6.485 stop_agent agent=0
        7.020 start_agent agent=0
        8.392 stop_agent agent=1
        10.130 start_agent agent=1
        11.447 lose_agent agent=0
        14.663 kill_executor pick=1498747173
        17.980 kill_executor pick=1012575750
        22.393 kill_executor pick=1011101503
        24.254 kill_executor pick=1015313419
        27.647 stop_agent agent=1
        28.042 start_agent agent=1
    "#]],
    );
}

#[test]
fn times_do_not_go_back_and_every_fault_can_be_written_and_read() {
    for profile in [Profile::Disturb, Profile::Kill, Profile::All] {
        for plan in plans(profile, 3) {
            assert!(plan.is_sorted_by_key(|planned| planned.at));
            for PlannedFault { fault, .. } in plan {
                assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
    }
}

fn kills(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::KillExecutor { .. } | Fault::StopAgent { .. } | Fault::LoseAgent { .. }
    )
}

#[test]
fn a_profile_has_all_of_its_kinds_and_no_others() {
    let kinds = |profile| -> BTreeSet<&'static str> {
        let faults = plans(profile, 3).flatten();
        faults.map(|planned| planned.fault.kind()).collect()
    };
    let (disturb, kill) = (kinds(Profile::Disturb), kinds(Profile::Kill));
    assert!(
        plans(Profile::Disturb, 3)
            .flatten()
            .all(|it| !kills(it.fault))
    );
    assert!(disturb.is_disjoint(&kill));
    let all: BTreeSet<_> = disturb.union(&kill).copied().collect();
    assert_eq!(kinds(Profile::All), all);
    assert_eq!(all, Fault::KINDS.map(|kind| kind.name).into());
}

#[test]
fn one_agent_is_never_lost_and_those_that_are_stopped_come_back() {
    for agents in [1, 3] {
        for plan in plans(Profile::Kill, agents) {
            let mut stopped = BTreeSet::new();
            let mut lost = 0;
            for PlannedFault { fault, .. } in plan {
                match fault {
                    Fault::StopAgent { agent } => assert!(stopped.insert(agent)),
                    Fault::StartAgent { agent } => assert!(stopped.remove(&agent)),
                    Fault::LoseAgent { .. } => lost += 1,
                    _ => {}
                }
            }
            assert!(lost < agents, "{lost} of {agents} lost");
            // One can be down at the end of what was taken.
            assert!(stopped.len() <= 1);
        }
    }
}

#[test]
fn a_cluster_without_agents_has_faults_all_the_same() {
    assert_eq!(plans(Profile::All, 0).flatten().count(), 200 * 300);
}

#[test]
fn a_chaos_is_a_seed_and_perhaps_a_profile() {
    let parse = |text: &str| text.parse::<Chaos>().map(|chaos| chaos.to_string());
    assert_eq!(parse("7"), Ok("7:disturb".to_owned()));
    assert_eq!(parse("7:all"), Ok("7:all".to_owned()));
    for wrong in ["", ":kill", "-1", "x:kill", "18446744073709551616"] {
        let seed = wrong.trim_end_matches(":kill").to_owned();
        assert_eq!(parse(wrong), Err(ParseChaosError::Seed(seed)));
    }
    for wrong in ["fire", "", "Kill"] {
        let error = ParseChaosError::Profile(wrong.to_owned());
        assert_eq!(parse(&format!("1:{wrong}")), Err(error));
    }
}
