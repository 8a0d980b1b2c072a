//! Transcripts against a server that is played by hand.

use expect_test::{Expect, expect};

use super::*;

/// Feeds the lines of `script` to a session that is kept, and compares what came out.
///
/// `greet ID MS` is a server's first frame, `pong` its answer to a ping; `after MS` lets so much
/// pass, `wait` all until the next deadline; `retry MS` is the owner's.
#[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
#[track_caller]
fn check(url: &str, script: &str, expected: Expect) {
    let start = Instant::now();
    let mut now = start;
    let mut session = Session::new(Rules {
        url: url.parse().unwrap(),
        first: 0,
        timeout: SESSION_TIMEOUT,
        is_kept: true,
    });
    let mut transcript = String::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        transcript += &format!("{line}\n");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        let input = match words[0] {
            "start" => Input::Start,
            "connected" => Input::Connected,
            "eof" => Input::Failed("it closed the connection".to_owned()),
            "greet" => greeting(number(1), number(2)),
            "pong" => frame(&[&(-2_i32).to_be_bytes()[..], &[0; 12]].concat()),
            "wait" => {
                now = session.poll_timeout().expect("there is a deadline");
                Input::Timeout
            }
            "after" => {
                now += Duration::from_millis(number(1));
                Input::Timeout
            }
            "retry" => {
                session.retry_at(now + Duration::from_millis(number(1)));
                Input::Timeout
            }
            other => panic!("no such input: {other}"),
        };
        session.handle(now, input);
        while let Some(output) = session.poll_output(now) {
            let at = (now - start).as_millis();
            transcript += &format!("    {at:>5} {}\n", describe(output));
        }
    }
    expected.assert_eq(&transcript);
}

fn frame(body: &[u8]) -> Input {
    let length = u32::try_from(body.len()).unwrap();
    Input::Received([&length.to_be_bytes()[..], body].concat().into())
}

fn greeting(id: u64, timeout_ms: u64) -> Input {
    let timeout_ms = u32::try_from(timeout_ms).unwrap();
    let password = [&16_u32.to_be_bytes()[..], &[7; 16]].concat();
    let body = [
        &[0; 4][..],
        &timeout_ms.to_be_bytes(),
        &id.to_be_bytes(),
        &password,
        &[0],
    ];
    frame(&body.concat())
}

fn describe(output: Output) -> String {
    match output {
        // Where a first frame says which session to go on with.
        Output::Send(frame) if frame.len() == 49 => {
            let id = u64::from_be_bytes(frame[20..28].try_into().unwrap());
            format!("send hello to session {id}")
        }
        Output::Send(frame) if frame[4..8] == (-2_i32).to_be_bytes() => "send ping".to_owned(),
        Output::Send(frame) if frame[4..8] == (-4_i32).to_be_bytes() => "send auth".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_session_outlives_its_connection() {
    check(
        "zk://u:p@a,b/mesos",
        "
        start
        connected
        greet 5 9000
        eof
        retry 0
        connected
        greet 5 9000
        wait
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 0
            greet 5 9000
                    0 send auth
                    0 Began { is_new: true }
            eof
                    0 Lost { detail: "`a:2181`: it closed the connection", round: None }
            retry 0
                    0 Connect { server: "b:2181" }
            connected
                    0 send hello to session 5
            greet 5 9000
                    0 send auth
                    0 Began { is_new: false }
            wait
                 3000 send ping
        "#]],
    );
}

#[test]
fn without_a_connection_a_session_ends_after_its_timeout() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 5 9000
        wait
        wait
        retry 1000
        wait
        eof
        retry 60000
        wait
        wait
        connected
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 0
            greet 5 9000
                    0 Began { is_new: true }
            wait
                 3000 send ping
            wait
                 6000 Close
                 6000 Lost { detail: "`a:2181`: nothing was heard in time", round: Some(0) }
            retry 1000
            wait
                 7000 Connect { server: "a:2181" }
            eof
                 7000 Lost { detail: "`a:2181`: it closed the connection", round: Some(1) }
            retry 60000
            wait
                15000 Expired
            wait
                67000 Connect { server: "a:2181" }
            connected
                67000 send hello to session 0
        "#]],
    );
}

#[test]
fn a_connection_that_asks_for_a_session_is_dropped_when_that_ends() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 5 3000
        eof
        retry 0
        connected
        after 3000
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 0
            greet 5 3000
                    0 Began { is_new: true }
            eof
                    0 Lost { detail: "`a:2181`: it closed the connection", round: Some(0) }
            retry 0
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 5
            after 3000
                 3000 Expired
                 3000 Close
                 3000 Lost { detail: "`a:2181`: it did not take up the session in time", round: Some(1) }
        "#]],
    );
}

#[test]
fn a_server_that_has_forgotten_the_session_begins_another_next_time() {
    check(
        "zk://a/mesos",
        "
        start
        connected
        greet 5 9000
        eof
        retry 0
        connected
        greet 0 0
        retry 0
        connected
        greet 6 9000
        ",
        expect![[r#"
            start
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 0
            greet 5 9000
                    0 Began { is_new: true }
            eof
                    0 Lost { detail: "`a:2181`: it closed the connection", round: Some(0) }
            retry 0
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 5
            greet 0 0
                    0 Expired
                    0 Close
                    0 Lost { detail: "`a:2181`: it has forgotten the session", round: Some(1) }
            retry 0
                    0 Connect { server: "a:2181" }
            connected
                    0 send hello to session 0
            greet 6 9000
                    0 Began { is_new: true }
        "#]],
    );
}
