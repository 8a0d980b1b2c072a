//! Transcripts against a ZooKeeper that is played by hand.

use expect_test::{Expect, expect};

use super::*;

fn info(id: &str, port: u32) -> MasterInfo {
    MasterInfo {
        id: id.to_owned(),
        port,
        hostname: Some("localhost".to_owned()),
        ..MasterInfo::default()
    }
}

/// Feeds the lines of `script` to a candidate at `localhost:5050`, and compares what came out; the
/// words of lines are in [`input`].
#[track_caller]
fn check(url: &str, script: &str, expected: Expect) {
    let start = Instant::now();
    let mut now = start;
    let mut machine = Candidate::new(CandidateRules {
        url: url.parse().unwrap(),
        first: 0,
        timeout: Duration::from_secs(9),
        info: info("me", 5050),
    });
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        transcript += &format!("{line}\n");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "wait" => {
                now = machine.poll_timeout().expect("there is a deadline");
                machine.handle(now, Input::Timeout);
            }
            "withdraw" => machine.withdraw(now),
            _ => machine.handle(now, input(word, rest)),
        }
        while let Some(output) = machine.poll_output() {
            let at = (now - start).as_millis();
            transcript += &format!("    {at:>5} {}\n", describe(output));
        }
    }
    expected.assert_eq(&transcript);
}

fn input(word: &str, rest: &str) -> Input {
    let text = |text: &str| {
        let length = i32::try_from(text.len()).unwrap();
        [&length.to_be_bytes()[..], text.as_bytes()].concat()
    };
    let received = |body: Vec<u8>| {
        let length = i32::try_from(body.len()).unwrap();
        Input::Received([&length.to_be_bytes()[..], &body].concat().into())
    };
    let header = |xid: i32, code: i32| {
        [
            &xid.to_be_bytes()[..],
            &7_i64.to_be_bytes(),
            &code.to_be_bytes(),
        ]
        .concat()
    };
    let (first, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let xid = first.parse().unwrap_or_default();
    match word {
        "start" => Input::Start,
        "connected" => Input::Connected,
        "eof" => Input::Failed("it closed the connection".to_owned()),
        // A session; 0 is none.
        "greet" => {
            let timeout_ms = if xid == 0 { 0 } else { 9000_i32 };
            let session = [&i64::from(xid).to_be_bytes()[..], &16_i32.to_be_bytes()].concat();
            received(
                [
                    &[0; 4][..],
                    &timeout_ms.to_be_bytes(),
                    &session,
                    &[9; 16],
                    &[0],
                ]
                .concat(),
            )
        }
        "changed" => received(header(-1, 0)),
        "code" => received(header(xid, rest.parse().unwrap())),
        "created" => received([header(xid, 0), text(rest)].concat()),
        "children" => {
            let names: Vec<&str> = rest.split_whitespace().collect();
            let count = i32::try_from(names.len()).unwrap().to_be_bytes();
            let names: Vec<u8> = names.into_iter().flat_map(text).collect();
            received([&header(xid, 0)[..], &count, &names].concat())
        }
        // What the master of this id has in its node; it is at port 5051.
        "data" => {
            let info = info::write(&info(rest, 5051));
            received([header(xid, 0), text(&info)].concat())
        }
        "raw" => received([header(xid, 0), text(rest)].concat()),
        other => panic!("no such input: {other}"),
    }
}

fn describe(output: Output) -> String {
    match output {
        Output::Send(frame) => {
            let shown = frame[4..].iter().map(|byte| match byte {
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!("<{byte:x}>"),
            });
            format!("send {}", shown.collect::<String>().replace("<0>", ""))
        }
        other => format!("{other:?}"),
    }
}

const CANDIDATE: &str = "
    start
    connected
    greet 5
    created 1 /mesos
    created 2 /mesos/json.info_0000000007
";

#[test]
fn the_only_master_leads() {
    check(
        "zk://a/mesos",
        &format!("{CANDIDATE} \n children 3 json.info_0000000007 log_replicas"),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 log_replicas
                    0 Standing(Leading)
        "#]],
    );
}

#[test]
fn the_path_is_made_as_far_as_it_is_missing_and_is_its_makers_if_there_are_credentials() {
    check(
        "zk://u:p@a/mesos/test",
        "
        start
        connected
        greet 5
        code 1 -110
        code 2 -102
        code 3 -102
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <ff><ff><ff><fc>d<6>digest<3>u:p
                    0 send <1><1><6>/mesos<2><1><5>world<6>anyone<1f><4>auth
            code 1 -110
                    0 send <2><1><b>/mesos/test<2><1><5>world<6>anyone<1f><4>auth
            code 2 -102
                    0 send <3><1><16>/mesos/test/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<2><1><5>world<6>anyone<1f><4>auth<3>
            code 3 -102
                    0 Close
                    0 Troubled("`a:2181`: it does not let us read the path; give `user:password@` behind `zk://`")
        "#]],
    );
}

#[test]
fn a_master_follows_until_its_number_is_the_smallest() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007 json.info_0000000005 json.info_0000000006
            data 4 other
            changed
            children 5 json.info_0000000007 json.info_0000000006
            code 6 -101
            children 7 json.info_0000000007
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 json.info_0000000005 json.info_0000000006
                    0 send <4><4><1b>/mesos/json.info_0000000005
            data 4 other
                    0 Standing(Following("localhost:5051"))
            changed
                    0 send <5><8><6>/mesos<1>
            children 5 json.info_0000000007 json.info_0000000006
                    0 send <6><4><1b>/mesos/json.info_0000000006
            code 6 -101
                    0 send <7><8><6>/mesos<1>
            children 7 json.info_0000000007
                    0 Standing(Leading)
        "#]],
    );
}

#[test]
fn a_connection_that_ends_says_nothing_of_who_leads_and_what_changed_meanwhile_is_read() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007 json.info_0000000005
            data 4 other
            eof
            wait
            connected
            greet 5
            children 1 json.info_0000000007
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 json.info_0000000005
                    0 send <4><4><1b>/mesos/json.info_0000000005
            data 4 other
                    0 Standing(Following("localhost:5051"))
            eof
                    0 Troubled("`a:2181`: it closed the connection")
            wait
                  500 Connect { server: "a:2181" }
            connected
                  500 send #(<5><10><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9>
            greet 5
                  500 send <1><8><6>/mesos<1>
            children 1 json.info_0000000007
                  500 Standing(Leading)
        "#]],
    );
}

#[test]
fn a_leader_whose_session_is_over_is_deposed() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007
            wait
            wait
            wait
            wait
            wait
            wait
            wait
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007
                    0 Standing(Leading)
            wait
                 3000 send <ff><ff><ff><fe><b>
            wait
                 6000 Close
                 6000 Troubled("`a:2181`: nothing was heard in time")
            wait
                 6500 Connect { server: "a:2181" }
            wait
                11500 Close
                11500 Troubled("`a:2181`: no answer in time")
            wait
                12000 Connect { server: "a:2181" }
            wait
                15000 Deposed("its session with ZooKeeper is over")
            wait
        "#]],
    );
}

#[test]
fn a_leader_that_is_told_so_by_the_server_is_deposed_at_once() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007
            eof
            wait
            connected
            greet 0
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007
                    0 Standing(Leading)
            eof
                    0 Troubled("`a:2181`: it closed the connection")
            wait
                  500 Connect { server: "a:2181" }
            connected
                  500 send #(<5><10><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9>
            greet 0
                  500 Deposed("its session with ZooKeeper is over")
        "#]],
    );
}

#[test]
fn a_follower_whose_session_is_over_knows_nobody_and_contends_again() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007 json.info_0000000005
            data 4 other
            eof
            wait
            connected
            greet 0
            wait
            connected
            greet 6
            code 1 -110
            created 2 /mesos/json.info_0000000009
            children 3 json.info_0000000009
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 json.info_0000000005
                    0 send <4><4><1b>/mesos/json.info_0000000005
            data 4 other
                    0 Standing(Following("localhost:5051"))
            eof
                    0 Troubled("`a:2181`: it closed the connection")
            wait
                  500 Connect { server: "a:2181" }
            connected
                  500 send #(<5><10><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9><9>
            greet 0
                  500 Standing(Leaderless)
                  500 Close
                  500 Troubled("`a:2181`: it has forgotten the session")
            wait
                 1000 Connect { server: "a:2181" }
            connected
                 1000 send #(<10>
            greet 6
                 1000 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            code 1 -110
                 1000 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000009
                 1000 send <3><8><6>/mesos<1>
            children 3 json.info_0000000009
                 1000 Standing(Leading)
        "#]],
    );
}

#[test]
fn a_node_that_somebody_removed_ends_a_leader_and_is_made_again_by_a_follower() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007 json.info_0000000005
            data 4 other
            changed
            children 5 json.info_0000000005
            code 6 -110
            created 7 /mesos/json.info_0000000008
            children 8 json.info_0000000008
            changed
            children 9
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 json.info_0000000005
                    0 send <4><4><1b>/mesos/json.info_0000000005
            data 4 other
                    0 Standing(Following("localhost:5051"))
            changed
                    0 send <5><8><6>/mesos<1>
            children 5 json.info_0000000005
                    0 send <6><1><6>/mesos<1><1f><5>world<6>anyone
            code 6 -110
                    0 send <7><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 7 /mesos/json.info_0000000008
                    0 send <8><8><6>/mesos<1>
            children 8 json.info_0000000008
                    0 Standing(Leading)
            changed
                    0 send <9><8><6>/mesos<1>
            children 9
                    0 Deposed("its node in ZooKeeper is gone")
        "#]],
    );
}

#[test]
fn a_node_of_which_it_is_not_known_whether_it_was_made_is_left_to_its_session() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 5
        code 1 -110
        eof
        wait
        connected
        greet 6
        code 1 -110
        created 2 /mesos/json.info_0000000008
        children 3 json.info_0000000008 json.info_0000000007
        data 4 me
        changed
        children 5 json.info_0000000008
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            code 1 -110
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            eof
                    0 Troubled("`a:2181`: it closed the connection")
            wait
                  500 Connect { server: "a:2181" }
            connected
                  500 send #(<10>
            greet 6
                  500 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            code 1 -110
                  500 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000008
                  500 send <3><8><6>/mesos<1>
            children 3 json.info_0000000008 json.info_0000000007
                  500 send <4><4><1b>/mesos/json.info_0000000007
            data 4 me
            changed
                  500 send <5><8><6>/mesos<1>
            children 5 json.info_0000000008
                  500 Standing(Leading)
        "#]],
    );
}

#[test]
fn a_leader_that_is_no_master_is_none() {
    check(
        "zk://a/mesos",
        &format!(
            "{CANDIDATE}
            children 3 json.info_0000000007 json.info_0000000005
            raw 4 garbage
            "
        ),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007 json.info_0000000005
                    0 send <4><4><1b>/mesos/json.info_0000000005
            raw 4 garbage
                    0 Troubled("`json.info_0000000005` is no master: Failed to parse body into JSON: syntax error at line 1 near: garbage")
        "#]],
    );
}

#[test]
fn who_withdraws_ends_the_session() {
    check(
        "zk://a/mesos",
        &format!("{CANDIDATE} \n children 3 json.info_0000000007 \n withdraw"),
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send #(<10>
            greet 5
                    0 send <1><1><6>/mesos<1><1f><5>world<6>anyone
            created 1 /mesos
                    0 send <2><1><11>/mesos/json.info_G{"capabilities":[],"hostname":"localhost","id":"me","ip":0,"port":5050}<1><1f><5>world<6>anyone<3>
            created 2 /mesos/json.info_0000000007
                    0 send <3><8><6>/mesos<1>
            children 3 json.info_0000000007
                    0 Standing(Leading)
            withdraw
                    0 send <4><ff><ff><ff><f5>
        "#]],
    );
}
