//! Offers that make no sense, or only in part.

use std::time::Instant;

use mesos::resources::Resources;
use scheduler::{Barrier, Group, Job, OnFailure, Output, Scheduler, Strategy, Timing};
use v1::value::Type;

use super::*;

fn resource(name: &str, kind: Type) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: kind.into(),
        ..v1::Resource::default()
    }
}

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        scalar: Some(v1::value::Scalar { value }),
        ..resource(name, Type::Scalar)
    }
}

fn offers(offers: Vec<v1::Offer>) -> Input {
    let wire = Event {
        r#type: Some(EventType::Offers.into()),
        offers: Some(v1::scheduler::event::Offers { offers }),
        ..Event::default()
    };
    match event(wire).expect("offers are understood") {
        Heard::Input(input) => input,
        other => panic!("{other:?}"),
    }
}

fn offer_of(id: &str, resources: Vec<v1::Resource>) -> v1::Offer {
    v1::Offer {
        id: OfferId::from(id).into(),
        agent_id: AgentId::from("a1").into(),
        resources,
        ..v1::Offer::default()
    }
}

#[test]
fn what_makes_no_sense_is_left_out_and_the_rest_is_used() {
    let unknown = v1::Resource {
        r#type: 99,
        ..scalar("qubits", 8.0)
    };
    let senseless = [
        unknown,
        scalar("mem", -1.0),
        scalar("mem", f64::NAN),
        scalar("mem", f64::INFINITY),
        scalar("", 1.0),
        // Values that are missing, or that do not go with their type.
        resource("disk", Type::Scalar),
        resource("ports", Type::Ranges),
        resource("zones", Type::Set),
        resource("motto", Type::Text),
        v1::Resource {
            r#type: Type::Ranges.into(),
            ..scalar("ports", 3.0)
        },
        v1::Resource {
            ranges: Some(v1::value::Ranges {
                range: vec![v1::value::Range { begin: 9, end: 1 }],
            }),
            ..resource("ports", Type::Ranges)
        },
        v1::Resource {
            disk: Some(v1::resource::DiskInfo::default()),
            ..scalar("gpus", 1.0)
        },
    ];
    let mut resources = vec![scalar("cpus", 2.0)];
    resources.extend(senseless);
    resources.push(scalar("mem", 64.0));
    let read = offer(offer_of("o1", resources));
    let good = Resources::parse("cpus:2;mem:64").expect("valid resources");
    assert_eq!((read.resources, read.role), (good, "*".to_owned()));
}

#[test]
fn an_offer_of_nothing_that_makes_sense_is_declined() {
    let mut scheduler = waiting();
    let now = Instant::now();
    scheduler.handle(now, Input::Subscribed("fw".into()));
    let wire = vec![offer_of("o1", vec![scalar("cpus", -4.0)])];
    scheduler.handle(now, offers(wire));
    let declined = std::iter::from_fn(|| scheduler.poll_output()).find_map(|output| match output {
        Output::Call(Decided::Decline { offers, .. }) => Some(offers),
        _ => None,
    });
    assert_eq!(declined, Some(vec!["o1".into()]));
}

/// A machine that waits for a gang of two.
fn waiting() -> Scheduler {
    let parse = |text| Resources::parse(text).expect("valid resources");
    let job = Job {
        name: "job".to_owned(),
        run: "r".to_owned(),
        groups: vec![Group {
            name: "t".to_owned(),
            count: 2,
            resources: parse("cpus:1;mem:32"),
            constraints: Vec::new(),
            colocate: false,
            on_failure: OnFailure::Shutdown,
            kill_grace: Duration::ZERO,
        }],
        executor: parse("cpus:0.1"),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    };
    Scheduler::new(job, Instant::now(), 1).expect("a valid job")
}

/// A resource with anything in it, mostly nonsense.
fn anything(rng: &mut fastrand::Rng) -> v1::Resource {
    const NUMBERS: [f64; 9] = [
        0.0,
        1.0,
        4.0,
        -1.0,
        1e-9,
        1e12,
        1e300,
        f64::NAN,
        f64::INFINITY,
    ];
    const ENDS: [u64; 5] = [0, 1, 31_000, u64::MAX - 1, u64::MAX];
    let name = rng
        .choice(["cpus", "mem", "disk", "ports", ""])
        .expect("not empty");
    let range = |rng: &mut fastrand::Rng| v1::value::Range {
        begin: rng.choice(ENDS).expect("not empty"),
        end: rng.choice(ENDS).expect("not empty"),
    };
    let ranges = (0..rng.usize(0..3)).map(|_| range(rng)).collect();
    let role = |rng: &mut fastrand::Rng| {
        let role = rng
            .choice(["*", "", "prod", "prod/web"])
            .expect("not empty");
        rng.bool().then(|| role.to_owned())
    };
    let value = rng.choice(NUMBERS).expect("not empty");
    v1::Resource {
        name: name.to_owned(),
        r#type: rng.i32(-1..6),
        scalar: (rng.u8(..4) > 0).then_some(v1::value::Scalar { value }),
        ranges: (rng.u8(..4) == 0).then_some(v1::value::Ranges { range: ranges }),
        set: (rng.u8(..8) == 0).then(v1::value::Set::default),
        role: role(rng),
        reservations: (0..rng.usize(0..2))
            .map(|_| v1::resource::ReservationInfo {
                r#type: Some(rng.i32(-1..4)),
                role: role(rng),
                ..v1::resource::ReservationInfo::default()
            })
            .collect(),
        revocable: (rng.u8(..8) == 0).then(Default::default),
        shared: (rng.u8(..8) == 0).then(Default::default),
        ..v1::Resource::default()
    }
}

#[test]
fn whatever_is_offered_is_used_declined_or_held_and_never_more_than_was_offered() {
    let mut launched = 0;
    for seed in 0..2000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut scheduler = waiting();
        let now = Instant::now();
        scheduler.handle(now, Input::Subscribed("fw".into()));
        let wire: Vec<v1::Offer> = (0..rng.usize(1..4))
            .map(|id| {
                let mut resources: Vec<_> =
                    (0..rng.usize(0..8)).map(|_| anything(&mut rng)).collect();
                if rng.bool() {
                    resources.extend([scalar("cpus", 1.5), scalar("mem", 64.0)]);
                }
                offer_of(&format!("o{id}"), resources)
            })
            .collect();
        let Input::Offers(read) = offers(wire) else {
            panic!("offers are an input");
        };
        let offered = read
            .iter()
            .fold(Resources::new(), |sum, offer| sum + &offer.resources);
        scheduler.handle(now, Input::Offers(read));
        while let Some(output) = scheduler.poll_output() {
            if let Output::Accept {
                executor, tasks, ..
            } = output
            {
                let tasks = tasks.iter().map(|task| &task.resources);
                let used = tasks.fold(executor.resources, |sum, more| sum + more);
                assert!(offered.contains(&used), "seed {seed}: {used} of {offered}");
                launched += 1;
            }
        }
    }
    assert!(launched > 10, "{launched} seeds had something to use");
}
