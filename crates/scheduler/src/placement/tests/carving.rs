//! Which part of an offer goes to whom.

use expect_test::expect;

use super::*;

#[test]
fn roles_and_reservations_are_kept_as_offered() {
    let site = Site {
        resources: resources("cpus(prod):1;cpus:2").allocate("prod"),
        ..site("a1", "")
    };
    let need = resources("cpus:1.2");
    let (executor, tasks) = carve(&site, &resources("cpus:0.5"), &[&need]).unwrap();
    assert_eq!(
        executor.to_string(),
        "cpus(allocated: prod)(reservations: [(STATIC,prod)]):0.5"
    );
    assert_eq!(
        tasks[0].to_string(),
        "cpus(allocated: prod)(reservations: [(STATIC,prod)]):0.5; cpus(allocated: prod):0.7"
    );
    assert_eq!(
        carve(&site, &resources("cpus:0.5"), &[&need, &need, &need]),
        None
    );
}

#[test]
fn several_offers_of_an_agent_are_used_together_with_their_kinds_kept_apart() {
    use mesos::v1;

    let reserved_to = |role: &str| v1::resource::ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: Some("ops".to_owned()),
        ..v1::resource::ReservationInfo::default()
    };
    let gpus = v1::Resource {
        name: "gpus".to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value: 1.0 }),
        reservations: vec![reserved_to("eng"), reserved_to("eng/ml")],
        ..v1::Resource::default()
    };
    // Two offers of one agent to one role: a refined reservation, and the rest.
    let offered = Resources::from_wire(&[gpus]).unwrap() + resources("cpus:2;licences:3");
    let site = Site {
        resources: offered.allocate("eng/ml"),
        offers: vec!["o1".into(), "o2".into()],
        ..site("a1", "")
    };
    let group = Group::parse("task*1 cpus:1.5;gpus:1;licences:2");
    let executor = resources("cpus:0.5");
    let sites = [site];
    let placed = place(&[group.want()], &executor, &sites, Strategy::Pack).unwrap();
    assert_eq!(placed[0].tasks, [1]);
    let (executor, tasks) = carve(&sites[0], &executor, &[&group.resources]).unwrap();
    expect![[r#"
        cpus(allocated: eng/ml):0.5
        cpus(allocated: eng/ml):1.5; gpus(allocated: eng/ml)(reservations: [(DYNAMIC,eng,ops),(DYNAMIC,eng/ml,ops)]):1; licences(allocated: eng/ml):2
    "#]]
    .assert_eq(&format!("{executor}\n{}\n", tasks[0]));
    // One more of the named scalar than there is.
    let group = Group::parse("task*2 cpus:0.5;licences:2");
    let shortfall = place(&[group.want()], &Resources::new(), &sites, Strategy::Pack).unwrap_err();
    assert!(
        shortfall.to_string().contains("1 licences are missing"),
        "{shortfall}"
    );
}
