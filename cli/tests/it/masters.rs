//! Clusters that cannot be reached or do not take us: what is said, the exit code, and that nothing
//! is left behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use mesos::{recordio, v1};
use prost::Message as _;

use crate::support::{Ended, Scene};

/// Answers every request with the same bytes, and ends the connection.
struct Server {
    address: SocketAddr,
    /// The heads of the requests.
    heads: mpsc::Receiver<String>,
}

impl Server {
    fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (sender, heads) = mpsc::channel();
        // It ends with the process of the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The first byte of a TLS handshake: nothing that a server of HTTP understands.
                let mut first = [0];
                let is_tls = stream.peek(&mut first).is_ok() && first == [22];
                if is_tls {
                    let _ = (&stream).write_all(&answer);
                } else if let Some(head) = take_request(&stream) {
                    // Not every test looks at them; a client that has gone hears nothing.
                    let _ = sender.send(head);
                    let _ = (&stream).write_all(&answer);
                }
            }
        });
        Self { address, heads }
    }
}

/// Reads a whole request, and answers its head.
fn take_request(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split_once("content-length: ")?.1;
    let length: u64 = length.split_once("\r\n")?.0.parse().ok()?;
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(head)
}

fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Mesos-Stream-Id: s\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A stream with an ERROR event.
fn error_event(message: &str) -> Vec<u8> {
    let event = v1::scheduler::Event {
        r#type: Some(v1::scheduler::event::Type::Error.into()),
        error: Some(v1::scheduler::event::Error {
            message: message.to_owned(),
        }),
        ..v1::scheduler::Event::default()
    };
    let mut record = Vec::new();
    recordio::encode(&event.encode_to_vec(), &mut record);
    answer("200 OK", "application/x-protobuf", &record)
}

/// Runs a job with `cluster` as that part of its file.
fn run(scene: &Scene, cluster: &str) -> Ended {
    let job = scene.job(&format!(
        "job: lost
cluster: {{ timeout: 1s, {cluster} }}
scheduler: {{ module: guests/director, args: [return] }}
tasks:
  echo: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }}
"
    ));
    scene.run(&["run", &job.display().to_string(), "--output", "json"])
}

/// A run on `master` ends with exit code 3, this outcome, and these words in reason and hint.
#[track_caller]
fn check(master: &str, outcome: &str, reason: &str, help: &str) {
    let ended = run(&Scene::new(), &format!("master: '{master}'"));
    ended.assert_code(3);
    let found = ended.outcome();
    assert_eq!(found["outcome"], outcome, "{found}");
    for (key, wanted) in [("reason", reason), ("help", help)] {
        let text = found[key].as_str().unwrap_or_default();
        assert!(text.contains(wanted), "{key} of {found}");
    }
    let text = found["reason"].as_str().unwrap_or_default();
    let shown = master.split('@').next_back().unwrap_or(master);
    assert!(
        text.contains(shown.trim_start_matches("https://")),
        "{text}"
    );
}

#[track_caller]
fn check_answer(with: Vec<u8>, outcome: &str, reason: &str, help: &str) {
    let server = Server::start(with);
    check(&server.address.to_string(), outcome, reason, help);
}

#[test]
fn a_server_that_is_no_master_is_told_by_what_it_says() {
    let page = b"<html><head><title>Welcome</title></head></html>";
    check_answer(
        answer("200 OK", "text/html", page),
        "unreachable",
        "does not answer as Mesos does: the type of what it sends is `text/html`",
        "is that the address of a Mesos master?",
    );
    check_answer(
        answer("404 Not Found", "text/html", page),
        "unreachable",
        "status 404: a web page titled `Welcome`",
        "is that the address of a Mesos master?",
    );
}

#[test]
fn a_stream_that_makes_no_sense_is_told_as_that() {
    for (stream, reason) in [
        (&b"99999999999\n"[..], "the stream is malformed"),
        (&b"4\n\xff\xff\xff\xff"[..], "the stream is malformed"),
        (&b"100\nabc"[..], "the stream broke off"),
    ] {
        let stream = answer("200 OK", "application/x-protobuf", stream);
        check_answer(stream, "unreachable", reason, "master");
    }
}

#[test]
fn a_master_that_asks_who_we_are_says_what_is_missing() {
    check_answer(
        answer("401 Unauthorized", "text/plain", b"401 Unauthorized."),
        "refused",
        "the master refuses the credentials, status 401",
        "`cluster.secret_file`",
    );
    check_answer(
        answer("403 Forbidden", "text/plain", b"Not authorized"),
        "refused",
        "status 403: Not authorized",
        "the principal is known but may not do this",
    );
}

#[test]
fn a_master_that_does_not_take_the_framework_says_why() {
    check_answer(
        error_event("Roles {x} are not present in the master's --roles"),
        "refused",
        "Roles {x} are not present",
        "`cluster.role`",
    );
    check_answer(
        error_event("Framework has been removed"),
        "refused",
        "the framework has been removed",
        "run the job again",
    );
}

#[test]
fn a_wrong_scheme_and_an_empty_zookeeper_are_named() {
    let server = Server::start(answer("400 Bad Request", "text/plain", b""));
    check(
        &format!("https://{}", server.address),
        "unreachable",
        "does not speak TLS",
        "`http://` in place of `https://`",
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    check(
        &format!("zk://user:sesame@{address}/mesos"),
        "unreachable",
        "no leading master is known from `zk://",
        "`--zk`",
    );
}

#[test]
fn principal_and_secret_of_the_job_file_are_shown_to_the_master() {
    let server = Server::start(answer("401 Unauthorized", "text/plain", b"no"));
    let scene = Scene::new();
    scene.file("secret", "sesame\n");
    let master = format!("master: '{}'", server.address);
    let ended = run(
        &scene,
        &format!("{master}, principal: me, secret_file: secret"),
    );
    ended.assert_code(3);
    let head = server.heads.recv().expect("there was a request");
    // `me:sesame`
    let shown = head
        .to_ascii_lowercase()
        .contains("authorization: basic bwu6c2vzyw1l");
    assert!(shown, "{head}");
    assert!(!(ended.stdout + &ended.stderr).contains("sesame"));

    let ended = run(
        &scene,
        &format!("{master}, principal: me, secret_file: none"),
    );
    ended.assert_code(2);
    assert!(
        ended
            .stdout
            .contains("failed to read the file of the secret"),
        "{}",
        ended.stdout
    );
    let ended = run(&scene, &format!("{master}, secret_file: secret"));
    ended.assert_code(2);
    assert!(ended.stdout.contains("there is a secret but no principal"));
}
