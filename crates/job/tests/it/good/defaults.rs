//! What groups have from `defaults`, and what they say themselves.

use std::time::Duration;

use expect_test::expect;
use mesosgot_job::{Constraint, Group, Limits, OnFailure, Operator, Restart, Size};

use crate::{minimal, read};

#[test]
fn groups_keep_their_order_and_inherit_defaults() {
    let job = read(&minimal(
        "defaults: { cpus: 2, mem: 1GiB, kill_grace: 1m, env: { A: a, B: b } }
tasks:
  z: { module: floor.wasm, count: 3 }
  a: { module: floor.wasm, cpus: 1, env: { B: c } }
",
    ))
    .unwrap();
    let names: Vec<_> = job.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(job.task_count(), 4);
    let (z, a) = (&job.groups[0], &job.groups[1]);
    assert_eq!((z.cpus, a.cpus), (2.0, 1.0));
    assert_eq!(
        (z.mem, a.mem),
        (Size::from_mebibytes(1024), Size::from_mebibytes(1024))
    );
    assert_eq!(a.kill_grace, Duration::from_secs(60));
    assert_eq!((z.env["A"].as_str(), z.env["B"].as_str()), ("a", "b"));
    assert_eq!((a.env["A"].as_str(), a.env["B"].as_str()), ("a", "c"));
}

#[test]
fn constraints_are_read_and_those_of_a_group_replace_the_defaults() {
    let job = read(&minimal(
        "defaults: { constraints: [rack is r 1] }
tasks:
  a: { module: floor.wasm }
  b:
    module: floor.wasm
    count: 4
    colocate: true
    constraints: [\"zone  like  eu-.*\", zone unlike us-.*, rack max-per 4, zone group-by 1]
  c: { module: floor.wasm, constraints: [hostname unique] }
  d: { module: floor.wasm, constraints: [] }
",
    ))
    .unwrap();
    let constraint = |field: &str, operator| Constraint {
        field: field.to_owned(),
        operator,
    };
    let [a, b, c, d] = &job.groups[..] else {
        panic!("four groups: {:?}", job.groups)
    };
    let of_defaults = constraint("rack", Operator::Is("r 1".to_owned()));
    assert_eq!(
        (&a.constraints[..], a.colocate),
        (&[of_defaults][..], false)
    );
    assert!(b.colocate);
    assert_eq!(
        b.constraints,
        [
            constraint("zone", Operator::Like("eu-.*".to_owned())),
            constraint("zone", Operator::Unlike("us-.*".to_owned())),
            constraint("rack", Operator::MaxPer(4)),
            constraint("zone", Operator::GroupBy(1)),
        ]
    );
    assert_eq!(c.constraints, [constraint("hostname", Operator::Unique)]);
    assert_eq!(d.constraints, []);
}

#[test]
fn ports_and_other_resources_are_those_of_the_group_and_of_the_defaults() {
    let text = "
defaults: { ports: 2, resources: { network_bandwidth: 100, fpga: 1 } }
tasks:
  same: { module: floor.wasm }
  own:  { module: floor.wasm, ports: [8081, 8080], resources: { fpga: 0, tape: 0.5 } }
  none: { module: floor.wasm, ports: 0 }
";
    let job = read(&minimal(text)).unwrap();
    let asked: Vec<String> = job
        .groups
        .iter()
        .map(|group| format!("{}: {:?} {:?}\n", group.name, group.ports, group.resources))
        .collect();
    expect![[r#"
        same: Any(2) {"fpga": 1.0, "network_bandwidth": 100.0}
        own: These({8080, 8081}) {"network_bandwidth": 100.0, "tape": 0.5}
        none: Any(0) {"fpga": 1.0, "network_bandwidth": 100.0}
    "#]]
    .assert_eq(&asked.concat());
}

#[test]
fn rules_for_restarts_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { on_failure: ignore, restart: { max: 7, backoff: 2m } }
tasks:
  a: { module: floor.wasm }
  b: { module: floor.wasm, on_failure: restart }
  c: { module: floor.wasm, on_failure: restart, restart: { backoff: 500ms, window: 1h } }",
    ))
    .unwrap();
    let policies: Vec<_> = job.groups.iter().map(|group| group.on_failure).collect();
    let seconds = Duration::from_secs;
    let inherited = Restart {
        backoff: seconds(120),
        backoff_max: seconds(120),
        max: 7,
        window: seconds(600),
    };
    let own = Restart {
        backoff: Duration::from_millis(500),
        window: seconds(3600),
        ..inherited
    };
    assert_eq!(
        policies,
        [
            OnFailure::Ignore,
            OnFailure::Restart(inherited),
            OnFailure::Restart(own),
        ]
    );
}

#[test]
fn limits_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { limits: { cpu_time: 1m, idle: 10s } }
tasks:
  a: { module: floor.wasm, limits: { idle: 1m30s } }
  b: { module: floor.wasm }",
    ))
    .unwrap();
    let limits = |cpu_time, idle| Limits {
        cpu_time: Some(Duration::from_secs(cpu_time)),
        idle: Some(Duration::from_secs(idle)),
    };
    assert_eq!(job.groups[0].limits, limits(60, 90));
    assert_eq!(job.groups[1].limits, limits(60, 10));
}

#[test]
fn grants_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { allow: { env: [LANG], connect: ['udp *:53'], dns: true, http: ['*'], folders: { a: ro } } }
tasks:
  a: { module: floor.wasm, allow: { sandbox: rw, connect: ['tcp 10.0.0.0/8:80'], folders: { b: rw, c: ro } } }
  b: { module: floor.wasm, allow: { env: [], http: ['https://*.example.com'], folders: {} } }",
    ))
    .unwrap();
    let shown = |group: &Group| {
        let allow = &group.allow;
        let connect: Vec<_> = allow.connect.iter().map(ToString::to_string).collect();
        let http: Vec<_> = allow.http.iter().map(ToString::to_string).collect();
        let (sandbox, folders) = (allow.sandbox, &allow.folders);
        let (env, dns) = (&allow.env, allow.dns);
        let name = &group.name;
        format!("{name}: {sandbox:?} {folders:?} {env:?} {connect:?} {dns} {http:?}\n")
    };
    let shown: Vec<_> = job.groups.iter().map(shown).collect();
    expect![[r#"
        a: Some(ReadWrite) {"b": ReadWrite, "c": ReadOnly} ["LANG"] ["tcp 10.0.0.0/8:80"] true ["*"]
        b: None {} [] ["udp *:53"] true ["https://*.example.com"]
    "#]]
    .assert_eq(&shown.concat());
}
