//! Jobs that do not answer, that speak for another version, or that mean harm.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::patient;
use crate::support::{Ended, Scene};

#[test]
fn a_job_that_is_stopped_holds_nobody_up() {
    let scene = Scene::new();
    let job = patient(&scene, &[]);
    job.signal(Signal::STOP);
    let began = Instant::now();
    for command in [
        &["status"][..],
        &["stop"],
        &["logs", "-f"],
        &["send", "echo-0", "hi"],
    ] {
        let ended = scene.start(command).wait();
        ended.assert_code(3);
        assert!(
            ended.stderr.contains("error: job `patient` (process "),
            "{command:?}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("`kill -CONT "), "{}", ended.stderr);
    }
    // Far above the two seconds that each gives it.
    assert!(began.elapsed() < Duration::from_secs(60));
    job.signal(Signal::CONT);
    scene.start(&["stop"]).wait().assert_code(0);
    job.wait().assert_code(130);
    scene.assert_clean();
}

/// Answers requests for these paths, as long as the test runs; and where.
fn serve(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    // It ends with the process of the test.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("somebody has come"));
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_until(b'\n', &mut head).expect("it is read") == 0 {
                    break;
                }
            }
            let head = String::from_utf8(head).expect("it is text");
            let path = head.split_whitespace().nth(1).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default();
            let known = answers.iter().find(|(known, _)| *known == path);
            let (status, body) = known.map_or(("404 Not Found", ""), |it| ("200 OK", it.1));
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // A client that has enough goes.
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

fn ask(address: &str, arguments: &[&str]) -> Ended {
    let scene = Scene::new();
    let variables = [("MESOSGOT_DASHBOARD_TOKEN", "0123456789abcdef")];
    let arguments = [arguments, &["--address", address]].concat();
    let ended = scene.start_with(&variables, &arguments).wait();
    scene.assert_clean();
    ended
}

#[test]
fn a_job_of_another_version_is_understood() {
    let address = serve(&[
        (
            "/v1/status",
            r#"{"job":"next","pid":7,"phase":"dancing","started":"2030-01-01T00:00:00.000Z",
            "uptime_seconds":3.5,"new":[1],"groups":[{"group":"a","count":1,"states":{"TASK_HAPPY":1}}],
            "tasks":[{"task":"a-0","group":"a","state":"TASK_HAPPY","since":"2030-01-01T00:00:01.000Z",
            "mood":{"good":true}}]}"#,
        ),
        (
            "/v1/events",
            "{\"seq\":1,\"time\":\"2030-01-01T00:00:00.000Z\",\"event\":\"dance\",\"with\":\"a-0\"}\n",
        ),
    ]);
    let status = ask(&address, &["status"]);
    status.assert_code(0);
    assert!(status.stdout.contains("job `next`"), "{}", status.stdout);
    assert!(status.stdout.contains("a-0"), "{}", status.stdout);
    let events = ask(&address, &["events"]);
    events.assert_code(0);
    assert_eq!(events.stdout, "2030-01-01 00:00:00 dance with=a-0\n");
}

#[test]
fn nothing_that_a_job_says_moves_the_cursor() {
    let address = serve(&[
        (
            "/v1/status",
            r#"{"job":"\u001b[2Jx","pid":7,"phase":"running","reason":"\u001b]0;t\u0007why",
            "started":"","uptime_seconds":1e300,"groups":[{"group":"\u001b[1m","count":1,"states":{}}],
            "tasks":[{"task":"\u001b[31mred","group":"g","state":"TASK_\u009b2J","since":"\u001b",
            "message":"a\nb\u001b[A"}]}"#,
        ),
        (
            "/v1/logs",
            "{\"seq\":1,\"time\":\"\",\"task\":\"\\u001b[2J\",\"stream\":\"stdout\",\"line\":\"\\u001b[31mred\\r\\nfake\"}\n",
        ),
        (
            "/v1/events",
            "{\"seq\":1,\"time\":\"\\u001b[2J\",\"event\":\"\\u001b[1m\",\"\\u001b[31m\":\"\\u001b[0m\"}\n",
        ),
        ("/v1/tasks", "[]"),
    ]);
    for command in ["status", "logs", "events"] {
        for format in ["text", "json"] {
            let shown = ask(&address, &[command, "--output", format]);
            shown.assert_code(0);
            let text = shown.stdout + &shown.stderr;
            assert!(!text.trim().is_empty(), "{command}");
            let is_plain = |c: char| c == '\n' || !c.is_control();
            assert!(text.chars().all(is_plain), "{command}: {text:?}");
            assert!(!text.contains("u001b"), "{command}: {text:?}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_or_makes_no_sense_is_told() {
    let address = serve(&[
        ("/v1/status", "[]"),
        ("/v1/logs", "not json\n"),
        ("/v1/tasks", "[]"),
    ]);
    for command in ["status", "logs"] {
        let ended = ask(&address, &[command]);
        ended.assert_code(1);
        assert!(
            ended.stderr.contains("what this version does not know"),
            "{}",
            ended.stderr
        );
    }
}

/// Says this to everybody who asks, as long as the test runs, and closes the connection; and where.
fn say(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    // It ends with the process of the test.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("somebody has come"));
            // A line of the request, or the beginning of a TLS handshake.
            stream.fill_buf().expect("something is said");
            // A client that has enough goes.
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn why_nobody_answers_is_told_with_what_to_try() {
    // A label of a name has 63 characters at most, so that no server is asked for it.
    let unknown = format!("{}:80", "x".repeat(64));
    let not_http = say("220 mail\r\n".to_owned());
    let not_tls = format!("https://{not_http}");
    let short = say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned());
    for (address, said, hint) in [
        (
            "127.0.0.1:1",
            "does not answer\n  caused by: Connection refused (os error 111)\n\n",
            "hint: is it run with `--dashboard` there",
        ),
        (
            &*unknown,
            "does not answer\n  caused by: failed to lookup address information",
            "hint: is the name right?",
        ),
        (
            &*not_tls,
            "does not answer\n  caused by: received corrupt message of type InvalidContentType\n\n",
            "hint: write the address with `http://`",
        ),
        (
            &*not_http,
            "does not answer\n  caused by: invalid HTTP version parsed\n\n",
            "hint: is this the port of a dashboard?",
        ),
        (
            &*short,
            "has broken off its answer\n  caused by: ",
            "hint: is the address right, and does something between",
        ),
    ] {
        for command in [&["status"][..], &["kill", "echo-0"]] {
            let ended = ask(address, command);
            ended.assert_code(3);
            let expected = format!("error: the job at `{address}` {said}");
            assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
            assert!(ended.stderr.contains(hint), "{}", ended.stderr);
            let causes = ended.stderr.matches("caused by").count();
            assert_eq!(causes, 1, "{}", ended.stderr);
        }
    }
}

#[test]
fn the_token_goes_to_the_address_that_was_given_only() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = say(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/v1/status\r\nContent-Length: 0\r\n\r\n",
        elsewhere.local_addr().unwrap()
    ));
    let ended = ask(&address, &["status"]);
    ended.assert_code(1);
    assert!(
        ended.stderr.contains("refuses: 307 Temporary Redirect"),
        "{}",
        ended.stderr
    );
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}
