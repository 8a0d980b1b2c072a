//! Who gets in over TCP, and who does not, whatever they have.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::{patient, stop};
use crate::support::{Running, Scene};

/// So many connections are answered at a time.
const CONNECTIONS_MAX: usize = 128;

/// Where a dashboard is, and what it wants.
struct Door {
    /// `host:port`.
    address: String,
    bearer: String,
}

impl Door {
    /// That of the job.
    fn of(job: &mut Running) -> Self {
        let url = job.wait_for_log("dashboard on http://");
        let (address, token) = url.trim().split_once("/#").expect("it has a token");
        Self {
            address: address.to_owned(),
            bearer: format!("Authorization: Bearer {token}"),
        }
    }

    fn port(&self) -> &str {
        let (_, port) = self.address.rsplit_once(':').expect("it has a port");
        port
    }

    /// Asks, by `GET /path` or the like, under this name; and the connection.
    fn ask(&self, what: &str, host: &str, headers: &[&str], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("somebody listens");
        let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
        let request = format!(
            "{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it is read");
        stream
    }

    /// The whole answer.
    fn answer(&self, what: &str, host: &str, headers: &[&str], body: &str) -> String {
        let mut answer = String::new();
        let mut stream = self.ask(what, host, headers, body);
        stream.read_to_string(&mut answer).expect("it is text");
        answer
    }

    /// The number of the answer.
    fn status(&self, what: &str, headers: &[&str], body: &str) -> u16 {
        let answer = self.answer(what, &self.address, headers, body);
        status(&answer)
    }

    /// How the tasks are: state, restarts, messages to each.
    fn tasks(&self) -> Vec<String> {
        let answer = self.answer("GET /v1/status", &self.address, &[&self.bearer], "");
        let (_, body) = answer.split_once("\r\n\r\n").expect("it has a body");
        let status: Value = serde_json::from_str(body).expect("it is JSON");
        let tasks = status["tasks"].as_array().expect("it has tasks").iter();
        let fields = ["task", "state", "restarts", "messages_sent"];
        let told = tasks.map(|task| fields.map(|field| task[field].to_string()).join(" "));
        told.collect()
    }
}

fn status(answer: &str) -> u16 {
    let number = answer.split(' ').nth(1).expect("it has a number");
    number.parse().expect("it is a number")
}

#[test]
fn no_page_from_elsewhere_changes_a_job_even_with_the_token() {
    let scene = Scene::new();
    let mut job = patient(&scene, &["--dashboard"]);
    let door = Door::of(&mut job);
    let before = door.tasks();
    let demands = [
        ("POST /v1/tasks/echo-0/send", "from a page"),
        ("POST /v1/tasks/echo-0/kill", ""),
        ("POST /v1/tasks/echo-0/restart", ""),
        ("POST /v1/stop", r#"{"now":true}"#),
    ];
    for (demand, body) in demands {
        for foreign in [
            "Origin: http://example.org",
            "Origin: null",
            "Origin: http://127.0.0.1:1",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            for headers in [&[foreign][..], &[foreign, &door.bearer]] {
                assert_eq!(
                    door.status(demand, headers, body),
                    403,
                    "{demand} {headers:?}"
                );
            }
        }
        // What a browser asks before it sends such a header from elsewhere.
        let may = [
            "Origin: http://example.org",
            "Access-Control-Request-Method: POST",
        ];
        let path = demand.split(' ').nth(1).expect("it has a path");
        let answer = door.answer(&format!("OPTIONS {path}"), &door.address, &may, "");
        assert_eq!(status(&answer), 403);
        assert!(
            !answer.to_lowercase().contains("access-control-allow"),
            "{answer}"
        );
        assert_eq!(door.status(demand, &[], body), 401, "{demand}");
    }
    assert_eq!(door.tasks(), before, "nothing of it was done");
    assert!(!job.has_ended());

    // The same of our own page is done, so it was the page that was refused.
    let own = format!("Origin: http://{}", door.address);
    let own = [&*own, "Sec-Fetch-Site: same-origin", &door.bearer];
    for (demand, body) in demands {
        let status = door.status(demand, &own, body);
        assert!((200..300).contains(&status), "{demand}: {status}");
    }
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn under_a_name_that_is_not_ours_nothing_is_answered() {
    let scene = Scene::new();
    let mut job = patient(
        &scene,
        &["--dashboard", "--dashboard-host", "jobs.example.org"],
    );
    let door = Door::of(&mut job);
    let port = door.port();
    for what in [
        "GET /health",
        "GET /",
        "GET /main.js",
        "GET /v1/status",
        "POST /v1/stop",
    ] {
        for host in ["example.org", "127.0.0.1.example.org:80", ""] {
            let answer = door.answer(what, host, &[&door.bearer], "{}");
            assert_eq!(status(&answer), 403, "{what} of {host}");
            assert!(answer.contains("the name in `Host`"), "{answer}");
            assert!(answer.contains("--dashboard-host NAME"), "{answer}");
        }
    }
    let tunnel = format!("localhost:{port}");
    for host in [
        "localhost",
        &*tunnel,
        "127.0.0.1:8080",
        "[::1]:8080",
        "jobs.example.org",
    ] {
        for what in ["GET /health", "GET /", "GET /v1/status"] {
            let answer = door.answer(what, host, &[&door.bearer], "");
            assert_eq!(status(&answer), 200, "{what} of {host}");
        }
    }
    // Through a proxy with TLS that keeps the name.
    let own = ["Origin: https://jobs.example.org", &door.bearer];
    let killed = door.answer("POST /v1/tasks/echo-0/kill", "jobs.example.org", &own, "");
    assert_eq!(status(&killed), 202, "{killed}");
    stop(&scene, job);
    scene.assert_clean();
}

#[test]
fn on_an_address_for_others_one_is_told_that_works_and_that_it_is_not_encrypted() {
    let scene = Scene::new();
    let mut job = patient(&scene, &["--dashboard=0.0.0.0:0"]);
    let door = Door::of(&mut job);
    assert!(!door.address.starts_with("0.0.0.0"), "{}", door.address);
    assert_eq!(door.status("GET /v1/status", &[&door.bearer], ""), 200);
    assert_eq!(door.status("GET /v1/status", &[], ""), 401);
    // Others have names of their own for it.
    let answer = door.answer("GET /health", "machine.example.org", &[], "");
    assert_eq!(status(&answer), 200);
    let ended = stop(&scene, job);
    assert!(
        ended.stderr.contains("is not encrypted"),
        "{}",
        ended.stderr
    );
    scene.assert_clean();
}

#[test]
fn whoever_closes_the_live_stream_gives_up_the_place_at_once() {
    let scene = Scene::new();
    let mut job = patient(&scene, &["--dashboard"]);
    let door = Door::of(&mut job);
    // Three times as many as are answered at a time, so each place is taken again and again.
    for _ in 0..3 {
        let streams = (0..CONNECTIONS_MAX).map(|_| {
            let mut stream = door.ask("GET /v1/live", &door.address, &[&door.bearer], "");
            let mut first = [0; 15];
            stream.read_exact(&mut first).expect("it is answered");
            assert_eq!(&first, b"HTTP/1.1 200 OK");
            stream
        });
        let streams: Vec<TcpStream> = streams.collect();
        drop(streams);
    }
    assert_eq!(door.status("GET /health", &[], ""), 200);
    stop(&scene, job);
    scene.assert_clean();
}
