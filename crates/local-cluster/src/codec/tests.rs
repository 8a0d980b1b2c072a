//! Both encodings against recordings of a real Mesos, and what is refused.

use std::path::Path;

use expect_test::{Expect, expect};
use mesos::v1::scheduler::{Call, Event};
use serde_json::Value;

use super::*;

#[track_caller]
fn check_refused(json: &str, expected: Expect) {
    let refused = decode::<Call>(Encoding::Json, Bytes::copy_from_slice(json.as_bytes()));
    expected.assert_eq(&refused.expect_err("is refused").to_string());
}

fn call(json: &str) -> Call {
    decode(Encoding::Json, Bytes::copy_from_slice(json.as_bytes())).expect("a call")
}

#[test]
fn what_is_not_json_is_refused_with_the_place() {
    check_refused(
        "",
        expect!["Failed to parse body into JSON: syntax error at line 1 near: "],
    );
    check_refused(
        "garbage",
        expect!["Failed to parse body into JSON: syntax error at line 1 near: garbage"],
    );
    check_refused(
        "{\"type\":\"REVIVE\"",
        expect!["Failed to parse body into JSON: syntax error at line 1 near: "],
    );
    check_refused(
        "{\n\"type\":trux}",
        expect!["Failed to parse body into JSON: syntax error at line 2 near: x}"],
    );
    check_refused(
        "{}x",
        expect![[
            r#"Failed to parse body into JSON: Parsed JSON included non-whitespace trailing characters: x"#
        ]],
    );
}

#[test]
fn nesting_without_end_is_refused_and_does_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    let refused = decode::<Call>(Encoding::Json, Bytes::from(deep));
    assert!(matches!(refused, Err(DecodeError::Syntax(_))));
}

/// An ACCEPT with so many operations that say nothing, two bytes each.
fn empty_operations(count: usize) -> Vec<u8> {
    let operations = [0x12, 0].repeat(count);
    let mut call = vec![0x22];
    prost::encoding::encode_varint(operations.len() as u64, &mut call);
    call.extend(operations);
    call
}

#[test]
fn what_would_take_much_more_memory_than_it_is_long_is_refused() {
    let call = decode_sized::<Call>(Encoding::Protobuf, empty_operations(1000).into());
    let call = call.expect("a call");
    let accept = call.message.accept.expect("it is set");
    let bytes = accept.operations.capacity() * size_of::<v1::offer::Operation>();
    assert!(call.bytes >= bytes, "{} of {bytes}", call.bytes);
    let many = decode::<Call>(Encoding::Protobuf, empty_operations(300_000).into());
    assert_eq!(many, Err(DecodeError::TooLarge));
    let list = |element: &str| {
        let operations = vec![element; 300_000].join(",");
        let json = format!(r#"{{"accept":{{"operations":[{operations}]}}}}"#);
        decode::<Call>(Encoding::Json, json.into())
    };
    assert_eq!(list("{}"), Err(DecodeError::TooLarge));
    assert_eq!(list(r#"{"":0}"#), Err(DecodeError::TooLarge));
}

#[test]
fn no_more_missing_fields_are_named_than_anybody_reads() {
    let tasks = vec!["{}"; 10_000].join(",");
    let launch = format!(r#"{{"type":"LAUNCH","launch":{{"task_infos":[{tasks}]}}}}"#);
    let json = format!(r#"{{"accept":{{"operations":[{launch}]}}}}"#);
    let Err(DecodeError::Convert(text)) = decode::<Call>(Encoding::Json, json.into()) else {
        panic!("it is refused");
    };
    assert_eq!(text.split(", ").count(), 1000);
}

#[test]
fn missing_required_fields_are_named_by_their_paths() {
    check_refused(
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{}}}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name"
        ],
    );
    check_refused(
        r#"{"accept":{"operations":[{"launch":{"task_infos":[
            {"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"resources":[{"name":"cpus"}]}
        ]}}]}}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Missing required fields: accept.operations[0].launch.task_infos[0].resources[0].type"
        ],
    );
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    check_refused(
        r#"{"type":1}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'"
        ],
    );
    check_refused(
        r#"{"subscribe":{"framework_info":{"roles":{"a":1}}}}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Not expecting a JSON object for field 'roles'"
        ],
    );
    check_refused(
        r#"{"subscribe":{"framework_info":{"failover_timeout":"ten"}}}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Failed to parse 'ten' as a JSON number for field 'failover_timeout': syntax error at line 1 near: en"
        ],
    );
    check_refused(
        r#"{"acknowledge":{"uuid":"018c-"}}"#,
        expect![
            "Failed to convert JSON into Call protobuf: Failed to base64 decode bytes field 'uuid': Invalid character '-'"
        ],
    );
}

#[test]
fn input_is_lenient_where_mesos_is() {
    let call = call(
        r#" {"type":"NOPE","no_such_field":[1],"subscribe":{"framework_info":{"user":"root",
            "name":"l\u00e9nient","id":null,"failover_timeout":"12.5","checkpoint":"true",
            "roles":"rec","capabilities":{"type":"MULTI_ROLE"},"labels":{"labels":{"key":"k"}},
            "offer_filters":{"rec":{}}}}} "#,
    );
    assert_eq!(
        call.r#type, None,
        "an unknown value of an enum leaves the field unset"
    );
    let info = call.subscribe.expect("set").framework_info;
    assert_eq!(info.name, "lénient");
    assert_eq!(info.id, None);
    assert_eq!(info.failover_timeout, Some(12.5));
    assert_eq!(info.checkpoint, Some(true));
    assert_eq!(info.roles, ["rec"]);
    assert_eq!(info.capabilities.len(), 1);
    assert_eq!(info.labels.expect("set").labels[0].key, "k");
    assert_eq!(info.offer_filters.len(), 1);
}

#[test]
fn base64_needs_no_padding() {
    let call =
        call(r#"{"message":{"agent_id":{"value":"a"},"executor_id":{"value":"e"},"data":"QUI"}}"#);
    assert_eq!(call.message.expect("set").data, "AB");
}

#[test]
fn protobuf_without_a_required_field_is_refused() {
    let lacking = [0x12_u8, 0];
    // Field 3 of a call is `subscribe`, which has to have a `framework_info`.
    let subscribe = [0x1a, 0];
    for bytes in [lacking.as_slice(), &subscribe, b"garbage", &[0x1a, 5]] {
        let refused = decode::<Call>(Encoding::Protobuf, Bytes::copy_from_slice(bytes));
        assert_eq!(refused, Err(DecodeError::Protobuf), "{bytes:x?}");
    }
    assert_eq!(
        decode(Encoding::Protobuf, Bytes::new()),
        Ok(Call::default())
    );
}

#[test]
fn a_message_that_comes_in_parts_is_complete_when_its_sum_is() {
    // `kill { task_id { } }`, and again with the value of the task id.
    let parts = [0x32, 2, 0x0a, 0, 0x32, 5, 0x0a, 3, 0x0a, 1, b't'];
    let call = decode::<Call>(Encoding::Protobuf, Bytes::copy_from_slice(&parts));
    assert_eq!(
        call.expect("complete").kill.expect("set").task_id.value,
        "t"
    );
}

#[test]
fn output_has_integral_doubles_defaults_and_no_empty_lists() {
    let info = v1::FrameworkInfo {
        user: "u".to_owned(),
        name: "a\"\\\u{1}é\n".to_owned(),
        failover_timeout: Some(10.0),
        ..Default::default()
    };
    let call = Call {
        subscribe: Some(v1::scheduler::call::Subscribe {
            framework_info: info,
            suppressed_roles: vec![],
            offer_constraints: None,
        }),
        ..Default::default()
    };
    let json = encode(Encoding::Json, &call);
    expect![[r#"{"subscribe":{"framework_info":{"user":"u","name":"a\"\\\u0001é\n","failover_timeout":10.0,"checkpoint":false}}}"#]]
        .assert_eq(str::from_utf8(&json).expect("JSON is text"));
}

#[test]
fn doubles_are_written_with_the_fewest_digits_that_read_back() {
    for (value, expected) in [
        (0.0, "0.0"),
        (0.1, "0.1"),
        (3.4, "3.4"),
        (8192.0, "8192.0"),
        (1_795_175_283.948_427, "1795175283.948427"),
        (1e20, "100000000000000000000.0"),
        (1e300, "1e300"),
        (f64::INFINITY, "Infinity"),
    ] {
        assert_eq!(write::double_json(value), expected);
    }
}

#[test]
fn both_encodings_say_the_same() {
    let event = Event {
        r#type: Some(v1::scheduler::event::Type::Heartbeat.into()),
        ..Default::default()
    };
    assert_eq!(encode(Encoding::Json, &event), r#"{"type":"HEARTBEAT"}"#);
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        assert_eq!(
            decode(encoding, encode(encoding, &event)),
            Ok(event.clone())
        );
    }
}

/// Reads every recorded event of an API and writes it again; what is written must say the same,
/// defaults and decimal points included.
fn check_recorded_events<T: Body + std::fmt::Debug + PartialEq>(actor: &str, events_min: usize) {
    let recordings =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/mesos/transcripts");
    let Ok(entries) = std::fs::read_dir(&recordings) else {
        skipped(&recordings);
        return;
    };
    let mut compared = 0;
    for entry in entries {
        let path = entry.expect("a readable directory").path();
        let recording = std::fs::read_to_string(&path).expect("a readable recording");
        for line in recording
            .lines()
            .filter(|line| line.contains(r#""kind": "chunk""#))
        {
            let line: Value = serde_json::from_str(line).expect("recordings are JSON lines");
            let Some((_, record)) = line["body"].as_str().and_then(|body| body.split_once('\n'))
            else {
                continue;
            };
            // What was cut in the recording is no JSON any more.
            let Ok(recorded) = serde_json::from_str::<Value>(record) else {
                continue;
            };
            if line["actor"] != actor {
                continue;
            }
            let event: T = decode(Encoding::Json, Bytes::copy_from_slice(record.as_bytes()))
                .unwrap_or_else(|error| panic!("{error}: {record}"));
            let ours: Value =
                serde_json::from_slice(&encode(Encoding::Json, &event)).expect("JSON");
            assert!(
                is_same(&ours, &recorded),
                "{}: {ours} {recorded}",
                path.display()
            );
            let bytes = encode(Encoding::Protobuf, &event);
            assert_eq!(decode::<T>(Encoding::Protobuf, bytes).as_ref(), Ok(&event));
            compared += 1;
        }
    }
    assert!(compared >= events_min, "{compared} events compared");
}

#[expect(
    clippy::print_stderr,
    reason = "a test that does nothing has to say so"
)]
fn skipped(recordings: &Path) {
    eprintln!(
        "SKIPPED: there are no recordings at {}",
        recordings.display()
    );
}

#[test]
fn recorded_events_for_schedulers_are_written_as_by_a_real_master() {
    check_recorded_events::<Event>("scheduler", 300);
}

#[test]
fn recorded_events_for_executors_are_written_as_by_a_real_agent() {
    check_recorded_events::<v1::executor::Event>("executor", 100);
}

/// Equal, but for the last digit of doubles: Mesos now and then writes one more than is needed.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, value)| other.get(name).is_some_and(|it: &Value| is_same(value, it));
            one.len() == other.len() && one.iter().all(has)
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| is_same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let pair = one.as_f64().zip(other.as_f64());
            pair.is_some_and(|(one, other)| (one - other).abs() < 1e-6)
        }
        _ => one == other,
    }
}

#[path = "../../tests/it/bad_input/random.rs"]
mod random;

/// What the fuzz target does without end, for a while: calls of every kind, whole and damaged, in
/// both encodings.
#[test]
fn whatever_is_read_as_a_call_can_be_written_and_read_again() {
    const KINDS: [&str; 4] = [
        "mesos.v1.scheduler.Call",
        "mesos.v1.executor.Call",
        "mesos.v1.master.Call",
        "mesos.v1.agent.Call",
    ];
    let mut random = random::Random::new(31, &[]);
    let mut taken = [0; 8];
    let mut refused = [0; 8];
    for _ in 0..100 {
        for (kind, name) in (0_u8..).zip(KINDS) {
            for call_type in random.types(name) {
                let ids = [("framework_id", "a"), ("executor_id", "a")];
                let mut wire = random.call(name, &call_type, &ids);
                let json = write::from_wire(SCHEMA.body(name), &wire);
                let mut json = json.into_bytes();
                random.damage(&mut wire);
                random.damage(&mut json);
                for (encoding, body) in [(0, json), (1, wire)] {
                    let choice = 2 * kind + encoding;
                    let input = [&[choice][..], &body].concat();
                    let counts = match check::check(&input) {
                        true => &mut taken,
                        false => &mut refused,
                    };
                    counts[usize::from(choice)] += 1;
                }
            }
        }
    }
    for count in taken.into_iter().chain(refused) {
        assert!(count > 50, "{taken:?} {refused:?}");
    }
}
