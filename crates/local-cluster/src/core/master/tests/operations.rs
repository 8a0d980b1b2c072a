//! Operations on resources: reservations, volumes, and what frameworks hear of them.

use expect_test::expect;
use mesos::resources::{Resource, Resources, Scalar};
use mesos::v1;

use super::super::conversion::{Context, Invalid, conversion};
use super::check;

/// Reserves 1 of 4 cpus and 64 of 256 disk for the framework.
const RESERVED: &str = r#"agent 0 cpus:4;disk:256
    subscribe a {"principal": "p"}
    a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 0}, "operations": [{"type": "RESERVE", "id": {"value": "r1"}, "reserve": {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [{"type": "DYNAMIC", "role": "rec", "principal": "p"}]}, {"name": "disk", "type": "SCALAR", "scalar": {"value": 64}, "reservations": [{"type": "DYNAMIC", "role": "rec", "principal": "p"}]}]}}]}}
"#;

/// A volume of so many MB on what is reserved there.
fn volume(size: u32) -> String {
    format!(
        r#"{{"name": "disk", "type": "SCALAR", "scalar": {{"value": {size}}}, "reservations": [{{"type": "DYNAMIC", "role": "rec", "principal": "p"}}], "disk": {{"persistence": {{"id": "v"}}, "volume": {{"container_path": "data", "mode": "RW"}}}}}}"#
    )
}

fn reserved(name: &str, amount: u32) -> String {
    format!(
        r#"{{"name": "{name}", "type": "SCALAR", "scalar": {{"value": {amount}}}, "reservations": [{{"type": "DYNAMIC", "role": "rec", "principal": "p"}}]}}"#
    )
}

/// An ACCEPT of one offer with these operations, the rest of which comes again.
fn accept(offer: u32, operations: &[String]) -> String {
    let operations = operations.join(",");
    format!(
        r#"a {{"type": "ACCEPT", "accept": {{"offer_ids": [{{"value": "M-O{offer}"}}], "filters": {{"refuse_seconds": 0}}, "operations": [{operations}]}}}}"#
    )
}

fn script(lines: &[String]) -> String {
    format!("{RESERVED}\n{}", lines.join("\n"))
}

#[test]
fn what_is_reserved_is_offered_to_its_role_alone_and_told_until_it_is_acknowledged() {
    check(
        &script(&[
            "advance 1".to_owned(),
            r#"subscribe b {"roles": ["other"]}"#.to_owned(),
            r#"a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M-O1"}], "filters": {"refuse_seconds": 100}}}"#.to_owned(),
            "advance 1".to_owned(),
            "advance 8".to_owned(),
            "advance 20".to_owned(),
        ]),
        expect![[r#"
            > agent 0 cpus:4;disk:256
            0.0 agent 0 < Registered M-S0
            > subscribe a {"principal": "p"}
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; disk(allocated: rec):256
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            0.0 agent 0 < Checkpoint cpus:3; disk:192; cpus(reservations: [(DYNAMIC,rec,p)]):1; disk(reservations: [(DYNAMIC,rec,p)]):64
            0.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_FINISHED # cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
            > subscribe b {"roles": ["other"]}
            1.0 200 stream
            1.0 b < SUBSCRIBED M-0001
            1.0 b < HEARTBEAT
            > a {"type": "DECLINE", "decline": {"offer_ids": [{"value": "M…
            1.0 202
            > advance 1
            2.0 b < OFFERS M-O2 of M-S0: cpus(allocated: other):3; disk(allocated: other):192
            > advance 8
            10.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_FINISHED # cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64
            > advance 20
            15.0 a < HEARTBEAT
            16.0 b < HEARTBEAT
            30.0 a < HEARTBEAT
            30.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_FINISHED # cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64
        "#]],
    );
}

#[test]
fn a_status_of_an_operation_is_acknowledged_by_its_uuid() {
    check(
        &script(&[
            "---".to_owned(),
            r#"a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {}}"#.to_owned(),
            r#"a {"type": "ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status": {"agent_id": {"value": "M-S0"}, "operation_id": {"value": "r1"}, "uuid": "AAAAAAAAQAAAAAAAAAAAAA=="}}"#.to_owned(),
            r#"a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {"operations": [{"operation_id": {"value": "r1"}, "agent_id": {"value": "M-S0"}}]}}"#.to_owned(),
            "acknowledge-operation a r1".to_owned(),
            r#"a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {"operations": [{"operation_id": {"value": "r1"}, "agent_id": {"value": "M-S0"}}]}}"#.to_owned(),
            "advance 20".to_owned(),
        ]),
        expect![[r#"
            > a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {…
            0.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_FINISHED cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64
            0.0 202
            > a {"type": "ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_oper…
            0.0 202
            > a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {…
            0.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_FINISHED cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64
            0.0 202
            > acknowledge-operation a r1
            0.0 202
            > a {"type": "RECONCILE_OPERATIONS", "reconcile_operations": {…
            0.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_UNKNOWN Reconciliation: Operation is unknown
            0.0 202
            > advance 20
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
            15.0 a < HEARTBEAT
        "#]],
    );
}

#[test]
fn a_volume_is_made_grown_shrunk_and_taken_apart_again() {
    let operation = |kind: &str, body: &str| {
        let name = kind.to_ascii_lowercase();
        format!(r#"{{"type": "{kind}", "{name}": {body}}}"#)
    };
    check(
        &script(&[
            "---".to_owned(),
            "advance 1".to_owned(),
            accept(
                1,
                &[operation(
                    "CREATE",
                    &format!(r#"{{"volumes": [{}]}}"#, volume(32)),
                )],
            ),
            "advance 1".to_owned(),
            accept(
                2,
                &[operation(
                    "GROW_VOLUME",
                    &format!(
                        r#"{{"volume": {}, "addition": {}}}"#,
                        volume(32),
                        reserved("disk", 16)
                    ),
                )],
            ),
            "advance 1".to_owned(),
            accept(
                3,
                &[operation(
                    "SHRINK_VOLUME",
                    &format!(
                        r#"{{"volume": {}, "subtract": {{"value": 40}}}}"#,
                        volume(48)
                    ),
                )],
            ),
            "advance 1".to_owned(),
            accept(
                4,
                &[
                    operation("DESTROY", &format!(r#"{{"volumes": [{}]}}"#, volume(8))),
                    operation(
                        "UNRESERVE",
                        &format!(
                            r#"{{"resources": [{}, {}]}}"#,
                            reserved("disk", 64),
                            reserved("cpus", 1)
                        ),
                    ),
                ],
            ),
            "advance 1".to_owned(),
        ]),
        expect![[r#"
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            1.0 agent 0 < Checkpoint cpus:3; disk:192; cpus(reservations: [(DYNAMIC,rec,p)]):1; disk(reservations: [(DYNAMIC,rec,p)]):32; disk(reservations: [(DYNAMIC,rec,p)])[v]:32
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):32; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:32; cpus(allocated: rec):3; disk(allocated: rec):192
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            2.0 agent 0 < Checkpoint cpus:3; disk:192; cpus(reservations: [(DYNAMIC,rec,p)]):1; disk(reservations: [(DYNAMIC,rec,p)]):16; disk(reservations: [(DYNAMIC,rec,p)])[v]:48
            2.0 202
            > advance 1
            3.0 a < OFFERS M-O3 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:48; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):16; cpus(allocated: rec):3; disk(allocated: rec):192
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            3.0 agent 0 < Checkpoint cpus:3; disk:192; cpus(reservations: [(DYNAMIC,rec,p)]):1; disk(reservations: [(DYNAMIC,rec,p)]):56; disk(reservations: [(DYNAMIC,rec,p)])[v]:8
            3.0 202
            > advance 1
            4.0 a < OFFERS M-O4 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:8; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):56; cpus(allocated: rec):3; disk(allocated: rec):192
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            4.0 agent 0 < Checkpoint cpus:3; disk:192; cpus(reservations: [(DYNAMIC,rec,p)]):1; disk(reservations: [(DYNAMIC,rec,p)]):64
            4.0 agent 0 < Checkpoint cpus:4; disk:256
            4.0 202
            > advance 1
            5.0 a < OFFERS M-O5 of M-S0: cpus(allocated: rec):4; disk(allocated: rec):256
        "#]],
    );
}

#[test]
fn a_task_runs_on_what_was_reserved_in_the_same_call_and_gives_it_back() {
    check(
        r#"agent 0 cpus:4;mem:1024
           subscribe a
           a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O0"}], "filters": {"refuse_seconds": 0}, "operations": [{"type": "RESERVE", "reserve": {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [{"type": "DYNAMIC", "role": "rec"}]}]}}, {"type": "LAUNCH", "launch": {"task_infos": [{"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "M-S0"}, "command": {"value": "true"}, "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "reservations": [{"type": "DYNAMIC", "role": "rec"}]}]}]}}]}}
           advance 1
           update 0 a t TASK_FINISHED
           advance 1"#,
        expect![[r#"
            > agent 0 cpus:4;mem:1024
            0.0 agent 0 < Registered M-S0
            > subscribe a
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS M-O0 of M-S0: cpus(allocated: rec):4; mem(allocated: rec):1024
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            0.0 agent 0 < Checkpoint cpus:3; mem:1024; cpus(reservations: [(DYNAMIC,rec)]):1
            0.0 agent 0 < RunTasks t on new its own
            0.0 202
            > advance 1
            1.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec):3; mem(allocated: rec):1024
            > update 0 a t TASK_FINISHED
            1.0 a < t TASK_FINISHED [uuid]
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec)]):1
        "#]],
    );
}

#[test]
fn reservations_outlive_the_master_and_the_link_to_their_agent() {
    check(
        &script(&[
            "---".to_owned(),
            "lost 0".to_owned(),
            "back 0 cpus:4;disk:256".to_owned(),
            "failover".to_owned(),
            "back 0 cpus:4;disk:256".to_owned(),
            "subscribe a again".to_owned(),
        ]),
        expect![[r#"
            > lost 0
            > back 0 cpus:4;disk:256
            0.0 agent 0 < Registered M-S0
            0.0 a < OFFERS M-O1 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
            > failover
            > back 0 cpus:4;disk:256
            0.0 agent 0 < Registered M-S0
            > subscribe a again
            0.0 200 stream
            0.0 a < SUBSCRIBED M-0000
            0.0 a < HEARTBEAT
            0.0 a < OFFERS N-O0 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
        "#]],
    );
}

#[test]
fn an_operation_that_cannot_be_applied_says_why_if_it_has_an_id() {
    let operation = |kind: &str, body: &str| {
        let name = kind.to_ascii_lowercase();
        format!(r#"{{"type": "{kind}", "id": {{"value": "x"}}, "{name}": {body}}}"#)
    };
    let with = |resource: &str, from: &str, to: &str| resource.replace(from, to);
    let disk = reserved("disk", 64);
    let of = |list: &str, resource: &str| format!(r#"{{"{list}": [{resource}]}}"#);
    let unnamed = operation("UNRESERVE", &of("resources", &reserved("cpus", 2)));
    let unnamed = unnamed.replace(r#""id": {"value": "x"}, "#, "");
    check(
        &script(&[
            "advance 1".to_owned(),
            "---".to_owned(),
            accept(
                1,
                &[
                    operation(
                        "RESERVE",
                        r#"{"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": -1}}]}"#,
                    ),
                    operation(
                        "RESERVE",
                        r#"{"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}]}"#,
                    ),
                    operation(
                        "RESERVE",
                        &of("resources", &with(&disk, r#""rec""#, r#""other""#)),
                    ),
                    operation(
                        "RESERVE",
                        &of("resources", &with(&disk, r#", "principal": "p""#, "")),
                    ),
                    operation(
                        "RESERVE",
                        &of("resources", &with(&disk, r#""p""#, r#""q""#)),
                    ),
                    operation("RESERVE", &of("resources", &reserved("cpus", 4))),
                    operation(
                        "RESERVE",
                        &format!(
                            r#"{{"resources": [{disk}], "source": [{}]}}"#,
                            reserved("cpus", 1)
                        ),
                    ),
                    operation("UNRESERVE", &of("resources", &volume(8))),
                    operation("UNRESERVE", &of("resources", &reserved("cpus", 2))),
                    unnamed,
                    operation("CREATE", &of("volumes", &disk)),
                    operation(
                        "CREATE",
                        &of(
                            "volumes",
                            &with(&volume(8), r#""id": "v""#, r#""id": "v/w""#),
                        ),
                    ),
                    operation(
                        "CREATE",
                        &of(
                            "volumes",
                            &with(
                                &volume(8),
                                r#", "volume": {"container_path": "data", "mode": "RW"}"#,
                                "",
                            ),
                        ),
                    ),
                    operation(
                        "CREATE",
                        &of(
                            "volumes",
                            &with(
                                &volume(8),
                                r#""container_path": "data""#,
                                r#""container_path": "data", "host_path": "/""#,
                            ),
                        ),
                    ),
                    operation(
                        "CREATE",
                        &of(
                            "volumes",
                            &with(
                                &volume(8),
                                r#"[{"type": "DYNAMIC", "role": "rec", "principal": "p"}]"#,
                                "[]",
                            ),
                        ),
                    ),
                    operation(
                        "CREATE",
                        &of(
                            "volumes",
                            &with(
                                &volume(8),
                                r#""disk": {"pers"#,
                                r#""shared": {}, "disk": {"pers"#,
                            ),
                        ),
                    ),
                    operation(
                        "CREATE",
                        &format!(r#"{{"volumes": [{}, {}]}}"#, volume(8), volume(9)),
                    ),
                    operation("DESTROY", &of("volumes", &volume(8))),
                    operation(
                        "GROW_VOLUME",
                        &format!(
                            r#"{{"volume": {}, "addition": {}}}"#,
                            volume(8),
                            reserved("cpus", 1)
                        ),
                    ),
                    operation(
                        "GROW_VOLUME",
                        &format!(
                            r#"{{"volume": {}, "addition": {}}}"#,
                            volume(8),
                            reserved("disk", 0)
                        ),
                    ),
                    operation(
                        "SHRINK_VOLUME",
                        &format!(r#"{{"volume": {}, "subtract": {{"value": 8}}}}"#, volume(8)),
                    ),
                    operation(
                        "SHRINK_VOLUME",
                        &format!(
                            r#"{{"volume": {}, "subtract": {{"value": -1}}}}"#,
                            volume(8)
                        ),
                    ),
                    operation(
                        "CREATE_DISK",
                        &format!(r#"{{"source": {disk}, "target_type": "MOUNT"}}"#),
                    ),
                    operation("DESTROY", &of("volumes", &volume(8)))
                        .replace(r#""destroy""#, r#""create""#),
                    operation("UNRESERVE", &of("resources", &reserved("cpus", 1)))
                        .replace(r#""x""#, r#""r1""#),
                ],
            ),
            "advance 1".to_owned(),
        ]),
        expect![[r#"
            > a {"type": "ACCEPT", "accept": {"offer_ids": [{"value": "M-O…
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Resource 'cpus(allocated: rec):-1' is invalid: Invalid scalar resource: value <= 0
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Resource cpus(allocated: rec):1 is not dynamically reserved; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR A reserve operation was attempted for a resource with role 'other', which the framework has not; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR A reserve operation was attempted by principal 'p', but there is a reserved resource in the request with no principal set; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR A reserve operation was attempted by principal 'p', but there is a reserved resource in the request with principal 'q' set; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Invalid RESERVE Operation: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192 does not contain cpus(allocated: rec):4; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR The source cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1 is not what the resources disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64 are without reservations; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR A dynamically reserved persistent volume disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:8 cannot be unreserved directly. Please destroy the persistent volume first then unreserve the resource; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Invalid UNRESERVE Operation: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192 does not contain cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):2; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Resource disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64 does not have DiskInfo; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR 'v/w' contains invalid characters; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Expecting 'volume' to be set for persistent volume; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Expecting 'host_path' to be unset for persistent volume; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Persistent volumes cannot be created from unreserved resources: disk(allocated: rec)[v]:8; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR The embedded cluster does not support the shared volume disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]<SHARED>:8; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Persistence ID 'v' is already in use; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Invalid DESTROY Operation: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192 does not contain disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:8; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Volume disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)])[v]:8 cannot be grown by cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1, which is another kind of resource; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR The size of the addition must be greater than zero; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Value of 'subtract' must be smaller than volume's size; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Value of 'subtract' must be greater than zero; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR 'source' is not managed by a resource provider; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS x OPERATION_ERROR Expecting 'destroy' to be present; on agent M-S0 at slave(1)@127.0.0.1:5051 (localhost)
            1.0 a < UPDATE_OPERATION_STATUS r1 OPERATION_ERROR Operation ID 'r1' is already in use
            1.0 202
            > advance 1
            2.0 a < OFFERS M-O2 of M-S0: cpus(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):1; disk(allocated: rec)(reservations: [(DYNAMIC,rec,p)]):64; cpus(allocated: rec):3; disk(allocated: rec):192
        "#]],
    );
}

#[test]
fn an_agent_has_no_end_of_different_resources_only_up_to_a_bound() {
    let volume = |number: usize| {
        let disk = v1::resource::DiskInfo {
            persistence: Some(v1::resource::disk_info::Persistence {
                id: number.to_string(),
                ..Default::default()
            }),
            volume: Some(v1::Volume::default()),
            source: None,
        };
        v1::Resource {
            disk: Some(disk),
            ..Resource::scalar("disk", Scalar::from(1_u32))
                .reserved("r")
                .to_wire()
        }
    };
    let create = |volumes: Vec<v1::Resource>| {
        let total = Resources::parse("disk(r):10000").expect("resources");
        let context = Context {
            roles: &["r".to_owned()].into(),
            principal: None,
            total: &total,
            available: &total.allocate("r"),
        };
        let mut operation = v1::offer::Operation {
            create: Some(v1::offer::operation::Create { volumes }),
            ..Default::default()
        };
        operation.set_type(v1::offer::operation::Type::Create);
        conversion(&operation, "r", context)
    };
    assert!(create((0..999).map(volume).collect()).is_ok());
    let text = "The agent has too many different resources".to_owned();
    assert_eq!(
        create((0..1000).map(volume).collect()),
        Err(Invalid::Operation(text))
    );
}
