//! Transcripts against a server that is played by hand.

use expect_test::{Expect, expect};

use super::*;

fn rules(url: &str) -> DetectorRules {
    DetectorRules {
        url: url.parse().unwrap(),
        scheme: Scheme::Http,
        path: "/api/v1/scheduler",
        backoff: Backoff {
            first: Duration::from_millis(500),
            max: Duration::from_secs(15),
        },
    }
}

/// Feeds the lines of `script` and compares what came out; the words of lines are in [`input`].
#[track_caller]
fn check(url: &str, script: &str, expected: Expect) {
    let start = Instant::now();
    let mut now = start;
    let mut machine = Detector::new(rules(url), fastrand::Rng::with_seed(1));
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        transcript += &format!("{line}\n");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let input = match word {
            "wait" => {
                now = machine.poll_timeout().expect("there is a deadline");
                Input::Timeout
            }
            _ => input(word, rest),
        };
        machine.handle(now, input);
        while let Some(output) = machine.poll_output() {
            let at = (now - start).as_millis();
            transcript += &format!("    {at:>5} {}\n", describe(output));
        }
    }
    expected.assert_eq(&transcript);
}

fn input(word: &str, rest: &str) -> Input {
    let received = |body: Vec<u8>| {
        let length = i32::try_from(body.len()).unwrap();
        Input::Received([length.to_be_bytes().as_slice(), &body].concat().into())
    };
    let header = |xid: i32, code: i32| {
        let zxid = 7_i64;
        [
            &xid.to_be_bytes()[..],
            &zxid.to_be_bytes(),
            &code.to_be_bytes(),
        ]
        .concat()
    };
    let text = |text: &str| {
        let length = i32::try_from(text.len()).unwrap();
        [&length.to_be_bytes()[..], text.as_bytes()].concat()
    };
    let (xid, rest) = match rest.split_once(' ') {
        Some((xid, rest)) => (xid, rest),
        None => (rest, ""),
    };
    let xid = xid.parse().unwrap_or_default();
    match word {
        "start" => Input::Start,
        "connected" => Input::Connected,
        "refused" => Input::Failed("connection refused".to_owned()),
        "eof" => Input::Failed("it closed the connection".to_owned()),
        "greet" => {
            let timeout: i32 = xid;
            let session = [
                &1_i64.to_be_bytes()[..],
                &16_i32.to_be_bytes(),
                &[9; 16],
                &[0],
            ];
            received([&[0; 4][..], &timeout.to_be_bytes(), &session.concat()].concat())
        }
        "pong" => received(header(-2, 0)),
        "auth-failed" => received(header(-4, -115)),
        "changed" => received(header(-1, 0)),
        "code" => received(header(xid, rest.parse().unwrap())),
        "children" => {
            let names: Vec<&str> = rest.split_whitespace().collect();
            let count = i32::try_from(names.len()).unwrap().to_be_bytes();
            let names: Vec<u8> = names.into_iter().flat_map(text).collect();
            received([&header(xid, 0)[..], &count, &names].concat())
        }
        "data" => received([header(xid, 0), text(rest), vec![0; 68]].concat()),
        "raw" => Input::Received(rest.to_owned().into()),
        other => panic!("no such input: {other}"),
    }
}

fn describe(output: Output) -> String {
    match output {
        Output::Connect { server } => format!("connect {server}"),
        Output::Close => "close".to_owned(),
        Output::Found(found) => format!("{found:?}"),
        Output::Send(frame) => {
            let shown = frame[4..].iter().map(|byte| match byte {
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!("<{byte:x}>"),
            });
            // What a client says of itself when it begins is mostly nothing.
            format!("send {}", shown.collect::<String>().replace("<0>", ""))
        }
    }
}

const LIVE: &str = "
    start
    connected
    greet 9000
    children 1 json.info_0000000012 log_replicas json.info_0000000011
    data 2 {\"address\":{\"ip\":\"10.0.0.1\",\"port\":5050}}
";

#[test]
fn the_leader_is_found_and_followed() {
    check(
        "zk://a/mesos",
        &format!(
            "{LIVE}
            wait
            pong
            changed
            children 3 json.info_0000000012
            data 4 {{\"address\":{{\"ip\":\"10.0.0.2\",\"port\":5050}}}}
            changed
            children 5 log_replicas
            changed
            children 6 json.info_13
            code 7 -101
            children 8 info_13
            data 9 garbage"
        ),
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            greet 9000
                    0 send <1><8><6>/mesos<1>
            children 1 json.info_0000000012 log_replicas json.info_0000000011
                    0 send <2><4><1b>/mesos/json.info_0000000011
            data 2 {"address":{"ip":"10.0.0.1","port":5050}}
                    0 Leader(http://10.0.0.1:5050/api/v1/scheduler)
            wait
                 3000 send <ff><ff><ff><fe><b>
            pong
            changed
                 3000 send <3><8><6>/mesos<1>
            children 3 json.info_0000000012
                 3000 send <4><4><1b>/mesos/json.info_0000000012
            data 4 {"address":{"ip":"10.0.0.2","port":5050}}
                 3000 Leader(http://10.0.0.2:5050/api/v1/scheduler)
            changed
                 3000 send <5><8><6>/mesos<1>
            children 5 log_replicas
                 3000 Nobody { detail: "no master has registered there" }
            changed
                 3000 send <6><8><6>/mesos<1>
            children 6 json.info_13
                 3000 send <7><4><13>/mesos/json.info_13
            code 7 -101
                 3000 send <8><8><6>/mesos<1>
            children 8 info_13
                 3000 send <9><4><e>/mesos/info_13
            data 9 garbage
                 3000 Nobody { detail: "`info_13` is no master: failed to decode Protobuf message: invalid wire type value: 7" }
        "#]],
    );
}

#[test]
fn a_path_that_nobody_has_made_is_watched_until_somebody_does() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 9000
        code 1 -101
        code 2 -101
        changed
        code 3 -101
        code 4 0
        children 5
        ",
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            greet 9000
                    0 send <1><8><6>/mesos<1>
            code 1 -101
                    0 send <2><3><6>/mesos<1>
            code 2 -101
                    0 Nobody { detail: "there is no such path" }
            changed
                    0 send <3><8><6>/mesos<1>
            code 3 -101
                    0 send <4><3><6>/mesos<1>
            code 4 0
                    0 send <5><8><6>/mesos<1>
            children 5
                    0 Nobody { detail: "no master has registered there" }
        "#]],
    );
}

#[test]
fn a_change_while_something_is_asked_makes_the_answer_old() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 9000
        children 1 json.info_1
        changed
        data 2 {\"address\":{\"ip\":\"10.0.0.1\",\"port\":5050}}
        children 3 json.info_2
        data 4 {\"address\":{\"ip\":\"10.0.0.2\",\"port\":5050}}
        ",
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            greet 9000
                    0 send <1><8><6>/mesos<1>
            children 1 json.info_1
                    0 send <2><4><12>/mesos/json.info_1
            changed
                    0 send <3><8><6>/mesos<1>
            data 2 {"address":{"ip":"10.0.0.1","port":5050}}
            children 3 json.info_2
                    0 send <4><4><12>/mesos/json.info_2
            data 4 {"address":{"ip":"10.0.0.2","port":5050}}
                    0 Leader(http://10.0.0.2:5050/api/v1/scheduler)
        "#]],
    );
}

#[test]
fn credentials_come_before_the_first_question_and_may_be_refused() {
    check(
        "zk://u:p@a/mesos",
        "
        start
        connected
        greet 9000
        code 1 -102
        wait
        connected
        greet 9000
        auth-failed
        ",
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            greet 9000
                    0 send <ff><ff><ff><fc>d<6>digest<3>u:p
                    0 send <1><8><6>/mesos<1>
            code 1 -102
                    0 close
                    0 Unknown { detail: "`a:2181`: it does not let us read the path; give `user:password@` behind `zk://`", retry_in: 267.307994ms }
            wait
                  267 connect a:2181
            connected
                  267 send '<10><10>
            greet 9000
                  267 send <ff><ff><ff><fc>d<6>digest<3>u:p
                  267 send <1><8><6>/mesos<1>
            auth-failed
                  267 close
                  267 Unknown { detail: "`a:2181`: it does not take the credentials of the URL", retry_in: 239.63517ms }
        "#]],
    );
}

#[test]
fn every_server_is_tried_before_anything_is_waited_for() {
    check(
        "zk://a,b/mesos",
        "
        start
        refused
        wait
        wait
        wait
        connected
        wait
        wait
        connected
        eof
        ",
        expect![[r#"
            start
                    0 connect b:2181
            refused
                    0 Unknown { detail: "`b:2181`: connection refused", retry_in: 0ns }
            wait
                    0 connect a:2181
            wait
                 5000 close
                 5000 Unknown { detail: "`a:2181`: no answer in time", retry_in: 267.307994ms }
            wait
                 5267 connect b:2181
            connected
                 5267 send '<10><10>
            wait
                10267 close
                10267 Unknown { detail: "`b:2181`: no answer in time", retry_in: 0ns }
            wait
                10267 connect a:2181
            connected
                10267 send '<10><10>
            eof
                10267 Unknown { detail: "`a:2181`: it closed the connection", retry_in: 239.63517ms }
        "#]],
    );
}

#[test]
fn a_silent_server_is_left_and_a_new_session_reads_all_again() {
    check(
        "zk://a/mesos",
        &format!(
            "{LIVE}
            wait
            wait
            wait
            connected
            greet 9000
            children 1 json.info_0000000011
            "
        ),
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            greet 9000
                    0 send <1><8><6>/mesos<1>
            children 1 json.info_0000000012 log_replicas json.info_0000000011
                    0 send <2><4><1b>/mesos/json.info_0000000011
            data 2 {"address":{"ip":"10.0.0.1","port":5050}}
                    0 Leader(http://10.0.0.1:5050/api/v1/scheduler)
            wait
                 3000 send <ff><ff><ff><fe><b>
            wait
                 6000 close
                 6000 Unknown { detail: "`a:2181`: nothing was heard in time", retry_in: 267.307994ms }
            wait
                 6267 connect a:2181
            connected
                 6267 send '<10><10>
            greet 9000
                 6267 send <1><8><6>/mesos<1>
            children 1 json.info_0000000011
                 6267 send <2><4><1b>/mesos/json.info_0000000011
        "#]],
    );
}

#[test]
fn what_is_not_zookeeper_is_left() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        raw x HTTP/1.1 400 Bad Request
        wait
        connected
        greet 0
        wait
        connected
        greet 9000
        children 1 json.info_1
        raw x aaaaaaaa
        ",
        expect![[r#"
            start
                    0 connect a:2181
            connected
                    0 send '<10><10>
            raw x HTTP/1.1 400 Bad Request
                    0 close
                    0 Unknown { detail: "`a:2181`: its greeting is not one of ZooKeeper", retry_in: 267.307994ms }
            wait
                  267 connect a:2181
            connected
                  267 send '<10><10>
            greet 0
                  267 close
                  267 Unknown { detail: "`a:2181`: its greeting is not one of ZooKeeper", retry_in: 239.63517ms }
            wait
                  506 connect a:2181
            connected
                  506 send '<10><10>
            greet 9000
                  506 send <1><8><6>/mesos<1>
            children 1 json.info_1
                  506 send <2><4><12>/mesos/json.info_1
            raw x aaaaaaaa
                  506 close
                  506 Unknown { detail: "`a:2181`: it announces 1633771873 bytes, which no list of masters has", retry_in: 389.433815ms }
        "#]],
    );
}
