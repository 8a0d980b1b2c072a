//! Laws of the algebra, and the cases recorded from a master.

use proptest::prelude::*;

use super::*;
use crate::v1;

fn resources(text: &str) -> Resources {
    Resources::parse(text).unwrap()
}

/// Volume `id` on the root disk, for role `db`.
fn volume(id: &str, megabytes: u32) -> Resource {
    let persistence = v1::resource::disk_info::Persistence {
        id: id.to_owned(),
        ..Default::default()
    };
    Resource {
        disk: Some(v1::resource::DiskInfo {
            persistence: Some(persistence),
            ..Default::default()
        }),
        ..Resource::scalar("disk", Scalar::from(megabytes)).reserved("db")
    }
}

fn wire_scalar(name: &str, value: f64) -> v1::Resource {
    let mut wire = v1::Resource {
        name: name.to_owned(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    wire.set_type(v1::value::Type::Scalar);
    wire
}

#[track_caller]
fn check_invalid(wire: v1::Resource, message: &str) {
    assert_eq!(validate_wire(&[wire]).unwrap_err().to_string(), message);
}

#[test]
fn the_same_name_twice_adds_up() {
    let wire = [wire_scalar("cpus", 0.1), wire_scalar("cpus", 0.2)];
    assert_eq!(Resources::from_wire(&wire).unwrap(), resources("cpus:0.3"));
}

#[test]
fn order_does_not_count_but_is_kept_for_printing() {
    let (one, other) = (
        resources("ports:[1-2];cpus:1"),
        resources("cpus:1;ports:[1-2]"),
    );
    assert_eq!(one, other);
    assert_eq!(one.to_string(), "ports:[1-2]; cpus:1");
}

#[test]
fn roles_are_never_mixed_up() {
    let offered = resources("cpus(a):1;cpus:1");
    assert_eq!(offered.scalar("cpus"), Scalar::from(2));
    assert!(!offered.contains(&resources("cpus:2")));
    assert!(!offered.contains(&resources("cpus(b):1")));
    assert_ne!(offered, offered.allocate("a"));
    assert_eq!(offered.allocate("a").unallocate(), offered);
    assert_eq!(
        offered.allocate("a").to_string(),
        "cpus(allocated: a)(reservations: [(STATIC,a)]):1; cpus(allocated: a):1"
    );
}

#[test]
fn a_type_is_part_of_the_name() {
    assert!(!resources("cpus:4").contains(&resources("cpus:[1-2]")));
}

#[test]
fn a_volume_is_had_as_a_whole_or_not_at_all() {
    let volumes: Resources = [volume("a", 10), volume("b", 10), volume("b", 10)]
        .into_iter()
        .collect();
    assert_eq!(volumes.iter().count(), 3);
    assert!(!volumes.contains(&volume("a", 5).into()));
    assert!(!volumes.contains(&resources("disk(db):10")));
    let rest = volumes.checked_sub(&volume("b", 10).into()).unwrap();
    assert_eq!(
        rest,
        [volume("a", 10), volume("b", 10)].into_iter().collect()
    );
    assert_eq!(volumes.find(&resources("disk:10")), None);
    let wanted = Resources::from(volume("a", 10));
    assert_eq!(volumes.find(&wanted), Some(wanted));
}

#[test]
fn copies_of_a_shared_resource_are_counted() {
    let shared = Resource {
        shared: true,
        ..volume("a", 10)
    };
    let twice: Resources = [shared.clone(), shared.clone()].into_iter().collect();
    let once = twice.checked_sub(&shared.clone().into()).unwrap();
    assert_eq!(once, shared.clone().into());
    assert!(once.checked_sub(&shared.into()).unwrap().is_empty());
}

#[test]
fn reserved_resources_are_found_first_and_keep_their_role() {
    let offered = resources("cpus:2;cpus(a):1;mem:64;ports:[1-5];ports(a):[8-9]").allocate("a");
    assert_eq!(
        offered.find(&resources("cpus:1.5;ports:[4-8]")),
        None,
        "ports 6 and 7 are not there"
    );
    assert_eq!(
        offered.find(&resources("cpus:1.5;ports:[4-5,8-8]")),
        Some(resources("cpus(a):1;cpus:0.5;ports(a):[8-8];ports:[4-5]").allocate("a"))
    );
    assert_eq!(offered.find(&resources("cpus:3.001")), None);
    assert_eq!(offered.find(&resources("gpus:1")), None);
    assert_eq!(offered.find(&Resources::new()), Some(Resources::new()));
}

#[test]
fn an_amount_of_ports_is_so_many_of_the_lowest_and_reserved_ones_first() {
    let offered = resources("ports:[1-2,5-9];ports(db):[7000-7001]");
    let find = |wanted: &str| {
        offered
            .find(&resources(wanted))
            .map(|found| found.to_string())
    };
    let reserved = "ports(reservations: [(STATIC,db)]):[7000-7001]";
    assert_eq!(find("ports:2").as_deref(), Some(reserved));
    assert_eq!(
        find("ports:5"),
        Some(format!("{reserved}; ports:[1-2, 5-5]"))
    );
    assert_eq!(find("ports:[6-7]").as_deref(), Some("ports:[6-7]"));
    assert_eq!(find("ports:10"), None);
    assert_eq!(find("ports:1.5"), None);
    let mut rest = offered.clone();
    assert_eq!(rest.withdraw(&resources("ports:3;cpus:1")), None);
    assert_eq!(rest, offered, "what was found is put back");
}

#[test]
fn revocable_resources_are_not_handed_out_unasked() {
    let revocable = Resources::from(Resource {
        revocable: true,
        ..Resource::scalar("cpus", Scalar::from(4))
    });
    assert_eq!(revocable.find(&resources("cpus:1")), None);
}

#[test]
fn bad_resources_are_refused_in_the_words_of_mesos() {
    let le_zero = "is invalid: Invalid scalar resource: value <= 0";
    check_invalid(
        wire_scalar("cpus", -1.0),
        &format!("Resource 'cpus:-1' {le_zero}"),
    );
    check_invalid(
        wire_scalar("cpus", 0.0001),
        &format!("Resource 'cpus:0' {le_zero}"),
    );
    let without_value = v1::Resource {
        scalar: None,
        ..wire_scalar("cpus", 0.0)
    };
    check_invalid(
        without_value,
        "Resource 'cpus:0' is invalid: Invalid scalar resource",
    );
    check_invalid(
        wire_scalar("cpus", f64::NAN),
        "Resource 'cpus:NaN' is invalid: Invalid scalar resource",
    );
    check_invalid(
        wire_scalar("", 1.0),
        "Resource ':1' is invalid: Empty resource name",
    );
    let backwards = v1::Resource {
        r#type: v1::value::Type::Ranges.into(),
        scalar: None,
        ranges: Some(v1::value::Ranges {
            range: vec![v1::value::Range { begin: 2, end: 1 }],
        }),
        ..wire_scalar("ports", 0.0)
    };
    check_invalid(
        backwards,
        "Resource 'ports:[2-1]' is invalid: Invalid ranges resource: begin > end",
    );
    let text = v1::Resource {
        r#type: v1::value::Type::Text.into(),
        ..wire_scalar("cpus", 1.0)
    };
    check_invalid(
        text,
        "Resource 'cpus:1' is invalid: Unsupported resource type",
    );
}

#[test]
fn a_scalar_of_zero_is_let_through_and_is_nothing() {
    let zero = [wire_scalar("cpus", 0.0)];
    assert_eq!(validate_wire(&zero), Ok(()));
    assert!(Resources::from_wire(&zero).unwrap().is_empty());
}

#[test]
fn both_formats_of_reservations_are_understood() {
    let mut static_role = wire_scalar("cpus", 1.0);
    static_role.role = Some("a".to_owned());
    let mut anybody = wire_scalar("mem", 1.0);
    anybody.role = Some("*".to_owned());
    let wire = [static_role.clone(), anybody.clone()];
    let read = Resources::from_wire(&wire).unwrap();
    assert_eq!(read, resources("cpus(a):1;mem:1"));
    assert_eq!(read.to_wire_pre_refinement(), wire);
    assert_eq!(read.to_wire()[0].role, None);
    assert_eq!(read.to_wire()[0].reservations.len(), 1);
    assert_eq!(Resources::from_wire(&read.to_wire()), Ok(read));

    let dynamic = v1::Resource {
        reservation: Some(v1::resource::ReservationInfo {
            principal: Some("ops".to_owned()),
            ..Default::default()
        }),
        ..static_role.clone()
    };
    let read = Resources::from_wire(std::slice::from_ref(&dynamic)).unwrap();
    assert_eq!(read.to_string(), "cpus(reservations: [(DYNAMIC,a,ops)]):1");
    assert_eq!(read.to_wire_pre_refinement(), [dynamic]);

    let both = v1::Resource {
        reservations: resources("cpus(a):1").to_wire()[0].reservations.clone(),
        ..static_role
    };
    assert_eq!(
        validate_wire(&[both]).unwrap_err().reason,
        InvalidReason::BothFormats
    );
}

#[test]
fn refined_reservations_are_kept_in_layers_and_withheld_from_the_old_format() {
    let refined = Resource::scalar("cpus", Scalar::from(1))
        .reserved("a")
        .reserved("a/b");
    let wire = refined.to_wire();
    let read = Resources::from_wire(std::slice::from_ref(&wire)).unwrap();
    assert_eq!(
        read.to_string(),
        "cpus(reservations: [(STATIC,a),(STATIC,a/b)]):1"
    );
    assert_eq!(read.to_wire(), [wire]);
    assert_eq!(read.to_wire_pre_refinement(), []);

    let sideways = Resource::scalar("cpus", Scalar::from(1))
        .reserved("a")
        .reserved("ab");
    assert_eq!(
        validate_wire(&[sideways.to_wire()]).unwrap_err().reason,
        InvalidReason::Refinement
    );
}

/// Any normal bag: some names, roles, types and allocations, so that all ways to differ occur.
fn any_resources() -> impl Strategy<Value = Resources> {
    let value = prop_oneof![
        (0_i64..5000).prop_map(|thousandths| Value::Scalar(Scalar::from_thousandths(thousandths))),
        (0_u64..20, 0_u64..5).prop_map(|(start, length)| {
            Value::Ranges([start..=start + length].into_iter().collect())
        }),
        prop::collection::btree_set("[abc]", 0..3).prop_map(Value::Set),
    ];
    let name = prop_oneof![Just("cpus"), Just("mem"), Just("ports")];
    let role = prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))];
    let one = (name, value, role.clone(), role, any::<bool>()).prop_map(
        |(name, value, reserved, allocated, revocable)| {
            let resource = Resource::new(name, value);
            let resource = match reserved {
                Some(role) => resource.reserved(role),
                None => resource,
            };
            Resource {
                allocation_role: allocated.map(str::to_owned),
                revocable,
                ..resource
            }
        },
    );
    let volumes =
        (prop_oneof![Just("a"), Just("b")], 1_u32..3).prop_map(|(id, size)| volume(id, size));
    prop::collection::vec(prop_oneof![4 => one, 1 => volumes], 0..6)
        .prop_map(|resources| resources.into_iter().collect())
}

/// Only scalars and volumes: of sets, a number that is on both sides is added once, so only for
/// these does subtraction undo addition.
fn any_countable() -> impl Strategy<Value = Resources> {
    any_resources().prop_map(|resources| {
        resources
            .into_iter()
            .filter(|resource| matches!(resource.value, Value::Scalar(_)))
            .collect()
    })
}

proptest! {
    #[test]
    fn subtraction_undoes_addition(a in any_countable(), b in any_countable()) {
        prop_assert_eq!((a.clone() + &b).checked_sub(&b), Some(a));
    }

    #[test]
    fn addition_does_not_care_for_order(a in any_resources(), b in any_resources(), c in any_resources()) {
        prop_assert_eq!(a.clone() + &b, b.clone() + &a);
        prop_assert_eq!((a.clone() + &b) + &c, a + (b + &c));
    }

    #[test]
    fn a_sum_contains_its_parts(a in any_resources(), b in any_resources()) {
        let sum = a.clone() + &b;
        prop_assert!(sum.contains(&a));
        prop_assert!(sum.contains(&b));
    }

    #[test]
    fn what_was_taken_out_can_be_put_back(a in any_resources(), b in any_resources()) {
        match a.checked_sub(&b) {
            Some(rest) => {
                prop_assert!(a.contains(&rest));
                prop_assert_eq!(rest + b, a);
            }
            None => prop_assert!(!a.contains(&b)),
        }
    }

    #[test]
    fn the_wire_keeps_everything(a in any_resources()) {
        prop_assert_eq!(Resources::from_wire(&a.to_wire()), Ok(a.clone()));
        prop_assert_eq!(Resources::from_wire(&a.to_wire_pre_refinement()), Ok(a));
    }

    #[test]
    fn what_is_found_was_there_and_is_what_was_wanted(offered in any_resources(), wanted in any_resources()) {
        let wanted: Resources = wanted.into_iter().map(|resource| Resource::new(resource.name, resource.value)).collect();
        if let Some(found) = offered.find(&wanted) {
            prop_assert!(offered.contains(&found));
            let plain: Resources = found.into_iter().map(|resource| Resource::new(resource.name, resource.value)).collect();
            prop_assert_eq!(plain, wanted);
        }
    }
}
