//! What is taken from the wire, and what is refused.

use mesos::v1::scheduler::event;

use super::*;

fn event_of(kind: EventType) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

fn update(change: impl FnOnce(&mut v1::TaskStatus)) -> Result<StatusUpdate, Malformed> {
    let mut status = v1::TaskStatus {
        task_id: TaskId::from("t").into(),
        state: v1::TaskState::TaskRunning.into(),
        ..v1::TaskStatus::default()
    };
    change(&mut status);
    let wire = Event {
        update: Some(event::Update { status }),
        ..event_of(EventType::Update)
    };
    match event(wire)? {
        Heard::Input(Input::Update(update)) => Ok(update),
        other => panic!("{other:?}"),
    }
}

#[test]
fn states_and_reasons_keep_the_names_that_mesos_gives_them() {
    for number in 0..=13 {
        let wire = v1::TaskState::try_from(number).unwrap();
        assert_eq!(task_state(wire).name(), wire.as_str_name());
    }
    let invalid = v1::task_status::Reason::InvalidOffers;
    let read = update(|status| status.reason = Some(invalid.into())).unwrap();
    assert_eq!(read.reason, Some(Reason::INVALID_OFFERS));
}

#[test]
fn an_update_without_uuid_is_the_masters_and_one_with_a_wrong_one_is_refused() {
    let read = update(|status| status.uuid = Some(Bytes::new())).unwrap();
    assert_eq!((read.uuid, read.source), (None, Source::Master));
    let read = update(|status| status.uuid = Some(Bytes::from_static(&[7; 16]))).unwrap();
    assert_eq!(
        (read.uuid, read.source),
        (Some(Uuid([7; 16])), Source::Executor)
    );
    let refused = update(|status| status.uuid = Some(Bytes::from_static(&[7; 15])));
    assert_eq!(refused, Err(Malformed::Uuid(15)));
    assert_eq!(
        update(|status| status.state = 99),
        Err(Malformed::TaskState(99))
    );
}

#[test]
fn an_event_without_its_body_is_refused_and_an_unknown_one_left_out() {
    for kind in [
        EventType::Offers,
        EventType::Rescind,
        EventType::Update,
        EventType::Message,
    ] {
        assert_eq!(
            event(event_of(kind)),
            Err(Malformed::NoBody(kind.as_str_name()))
        );
    }
    let failure = Event {
        failure: Some(event::Failure::default()),
        ..event_of(EventType::Failure)
    };
    let missing = Malformed::Missing {
        event: "FAILURE",
        field: "agent_id",
    };
    assert_eq!(event(failure), Err(missing));
    assert_eq!(
        event(event_of(EventType::InverseOffers)),
        Ok(Heard::Nothing)
    );
    assert_eq!(event(Event::default()), Ok(Heard::Nothing));
}

#[test]
fn a_kill_carries_a_policy_only_when_there_is_one() {
    let kill = |grace| {
        let decided = Decided::Kill {
            task: "t".into(),
            agent: None,
            grace,
        };
        call(decided).call.kill.unwrap().kill_policy
    };
    assert_eq!(kill(None), None);
    let policy = kill(Some(Duration::from_millis(1500))).unwrap();
    assert_eq!(policy.grace_period.unwrap().nanoseconds, 1_500_000_000);
}

#[test]
fn attributes_of_every_type_are_taken_with_the_domain_and_senseless_ones_left_out() {
    let attribute = |name: &str, kind: v1::value::Type| v1::Attribute {
        name: name.to_owned(),
        r#type: kind.into(),
        ..v1::Attribute::default()
    };
    let (text, item) = ("r1".to_owned(), "ssd".to_owned());
    let range = v1::value::Range { begin: 1, end: 3 };
    let wire = v1::Offer {
        attributes: vec![
            v1::Attribute {
                text: Some(v1::value::Text { value: text }),
                ..attribute("rack", v1::value::Type::Text)
            },
            v1::Attribute {
                scalar: Some(v1::value::Scalar { value: 1.5 }),
                ..attribute("level", v1::value::Type::Scalar)
            },
            v1::Attribute {
                ranges: Some(v1::value::Ranges { range: vec![range] }),
                ..attribute("slots", v1::value::Type::Ranges)
            },
            v1::Attribute {
                set: Some(v1::value::Set { item: vec![item] }),
                ..attribute("disks", v1::value::Type::Set)
            },
            attribute("none", v1::value::Type::Text),
            v1::Attribute {
                text: Some(v1::value::Text {
                    value: "elsewhere".to_owned(),
                }),
                ..attribute("@region", v1::value::Type::Text)
            },
            v1::Attribute {
                scalar: Some(v1::value::Scalar { value: f64::NAN }),
                ..attribute("nan", v1::value::Type::Scalar)
            },
        ],
        domain: Some(v1::DomainInfo {
            fault_domain: Some(v1::domain_info::FaultDomain {
                region: v1::domain_info::fault_domain::RegionInfo {
                    name: "eu".to_owned(),
                },
                zone: v1::domain_info::fault_domain::ZoneInfo {
                    name: "eu-1".to_owned(),
                },
            }),
        }),
        ..v1::Offer::default()
    };
    let read = offer(wire).attributes;
    let read: Vec<String> = read
        .iter()
        .map(|attribute| format!("{}:{}", attribute.name, attribute.value))
        .collect();
    let domain = ["@region:eu", "@zone:eu-1"];
    let all = ["rack:r1", "level:1.5", "slots:[1-3]", "disks:{ssd}"];
    assert_eq!(read, [&all[..], &domain].concat());
}
