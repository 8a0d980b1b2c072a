//! What `check` and `run` say of grants before anything is launched.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use expect_test::{Expect, expect};

use crate::support::Scene;

/// All warnings of `check`, by line and column.
#[track_caller]
fn check(scene: &Scene, text: &str, expected: &Expect) {
    let job = scene.job(text).display().to_string();
    let checked = scene.run(&["check", &job, "--output", "json"]);
    checked.assert_code(0);
    let warnings: String = checked
        .events()
        .iter()
        .filter(|event| event["event"] == "diagnostic")
        .map(|event| {
            let (severity, line, column) = (&event["severity"], &event["line"], &event["column"]);
            let (message, help) = (&event["message"], &event["help"]);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let (severity, message, help) = (text(severity), text(message), text(help));
            format!("{severity} {line}:{column}: {message}\n  = {help}\n")
        })
        .collect();
    expected.assert_eq(&warnings);
}

#[test]
fn check_names_the_line_that_is_missing_for_what_a_module_does() {
    let text = "job: curious
scheduler: { module: guests/director }
tasks:
  bold: { module: hosted/task, allow: { connect: ['tcp 127.0.0.1:80'], sandbox: ro } }
  shy:  { module: hosted/task }
  dumb: { module: guests/actor }
  wise: { module: hosted/task, allow: { connect: [], dns: false, sandbox: none } }
  web:  { module: hosted/web }
";
    check(
        &Scene::new(),
        text,
        &expect![[r#"
            warning 4:19: `hosted/task` looks up host names (it imports `wasi:sockets/ip-name-lookup`), which `bold` may not do
              = if its tasks need that, add `dns: true` to its `allow`; if they do not, `dns: false` says so
            warning 5:19: `hosted/task` opens sockets (it imports `wasi:sockets/tcp` and `wasi:sockets/udp`), which `shy` may not do
              = if its tasks need that, write `allow: { connect: ['tcp ADDRESS:PORT', 'udp ADDRESS:PORT'] }` (or `ports: 1` to listen on one); if they do not, `connect: []` says so
            warning 5:19: `hosted/task` looks up host names (it imports `wasi:sockets/ip-name-lookup`), which `shy` may not do
              = if its tasks need that, write `allow: { dns: true }`; if they do not, `dns: false` says so
            warning 5:19: `hosted/task` opens files (it imports `wasi:filesystem/types`), which `shy` may not do
              = if its tasks need that, write `allow: { sandbox: rw }` (or `folders`); if they do not, `sandbox: none` says so
            warning 8:19: `hosted/web` sends HTTP requests (it imports `wasi:http/outgoing-handler`), which `web` may not do
              = if its tasks need that, write `allow: { http: ['https://HOST'] }`; if they do not, `http: []` says so
        "#]],
    );
}

#[test]
fn what_defaults_say_is_said_for_all() {
    let text = "job: curious
scheduler: { module: guests/director }
defaults: { allow: { connect: [], dns: true, folders: { models: ro } } }
tasks:
  shy:  { module: hosted/task }
  dumb: { module: guests/actor }
";
    check(&Scene::new(), text, &expect![]);
}

#[test]
fn check_tells_what_is_allowed_and_never_used() {
    let text = "job: generous
scheduler: { module: guests/director }
tasks:
  dumb:
    module: guests/actor
    allow:
      sandbox: rw
      folders: { models: ro }
      connect: ['tcp *:80']
      dns: true
      http: ['*']
      env: [LANG]
  web: { module: hosted/web, allow: { http: ['https://a.example'], dns: true } }
";
    check(
        &Scene::new(),
        text,
        &expect![[r#"
            warning 7:16: `sandbox` allows `dumb` what its module never does: nothing that `guests/actor` imports opens files
              = leave out `sandbox`; what nobody uses, nobody can misuse
            warning 8:16: `folders` allows `dumb` what its module never does: nothing that `guests/actor` imports opens files
              = leave out `folders`; what nobody uses, nobody can misuse
            warning 9:16: `connect` allows `dumb` what its module never does: nothing that `guests/actor` imports opens sockets
              = leave out `connect`; what nobody uses, nobody can misuse
            warning 10:12: `dns` allows `dumb` what its module never does: nothing that `guests/actor` imports looks up host names
              = leave out `dns`; what nobody uses, nobody can misuse
            warning 11:13: `http` allows `dumb` what its module never does: nothing that `guests/actor` imports sends HTTP requests
              = leave out `http`; what nobody uses, nobody can misuse
            warning 13:73: `dns` allows `web` what its module never does: nothing that `hosted/web` imports looks up host names
              = leave out `dns`; what nobody uses, nobody can misuse
        "#]],
    );
}

/// A component that exports `run-task` as a guest does, and imports this interface.
fn importer(import: &str) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    let section = |id: u8, content: &[u8]| [&[id, content.len() as u8][..], content].concat();
    let name = |name: &str| [&[name.len() as u8], name.as_bytes()].concat();
    // Types: an instance of nothing, and a function of nothing.
    bytes.extend(section(7, &[2, 0x42, 0, 0x40, 0, 1, 0]));
    // Imports: the instance, and a function under a name that a world can have.
    let imports = [
        &[2, 0][..],
        &name(import),
        &[5, 0, 0],
        &name("run"),
        &[1, 1],
    ]
    .concat();
    bytes.extend(section(10, &imports));
    // Exports: that function.
    let exports = [&[1, 0][..], &name("run-task"), &[1, 0, 0]].concat();
    bytes.extend(section(11, &exports));
    bytes
}

#[test]
fn an_import_that_nobody_gives_is_an_error_before_anything_is_launched() {
    let scene = Scene::new();
    let module = scene.tmp().with_file_name("store.wasm");
    fs::write(module, importer("wasi:keyvalue/store@0.2.0")).expect("the file can be written");
    let text = "job: wrong
scheduler: { module: guests/director }
tasks:
  keeper: { module: store.wasm }
";
    let job = scene.job(text).display().to_string();
    for command in ["check", "run"] {
        let ended = scene.run(&[command, "--quiet", &job]);
        ended.assert_code(2);
        let folder = job.trim_end_matches("/job.yaml");
        let shown = ended.stderr.replace(folder, "{folder}");
        expect![[r#"
            stderr:
              x `store.wasm` of `keeper` imports `wasi:keyvalue/store@0.2.0`, which nobody gives to a task
               ,-[{folder}/job.yaml:4:21]
             3 | tasks:
             4 |   keeper: { module: store.wasm }
               :                     ^^^^^|^^^^
               :                          `-- here
               `----
              help: no line of `allow` would give it: build the module without it; what there is stands in docs/grants.md
        "#]].assert_eq(&format!("stderr:\n{shown}"));
    }
}

#[test]
fn run_warns_before_it_launches() {
    let scene = Scene::new();
    let text = "job: curious
scheduler: { module: guests/director, args: [greet] }
tasks:
  shy: { module: hosted/task, args: [echo] }
";
    let job = scene.job(text).display().to_string();
    let ended = scene.run(&["run", &job, "--output", "json"]);
    ended.assert_code(0);
    let events = ended.events();
    let first = |name: &str| events.iter().position(|event| event["event"] == name);
    let warned = first("diagnostic").expect("it warns");
    assert!(first("task").is_none_or(|launched| warned < launched));
}

#[test]
fn a_folder_that_no_operator_lists_ends_the_job_with_the_line_to_add() {
    let scene = Scene::new();
    let text = "job: curious
scheduler: { module: guests/director, args: [wait] }
tasks:
  reader: { module: guests/actor, allow: { folders: { folder-of-a-test: ro } } }
";
    let job = scene.job(text).display().to_string();
    let ended = scene.run(&["run", &job]);
    ended.assert_code(1);
    let line =
        "a line `folder folder-of-a-test /PATH ro` in /etc/mesosgot/executor.conf there would";
    let told = ended
        .stderr
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(told.contains(line), "{}", ended.stderr);
}

/// Answers each request with the same text.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("somebody connects");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\ngood day");
        }
    });
    port
}

#[test]
fn what_the_job_file_allows_is_what_a_task_can_ask() {
    let scene = Scene::new();
    let port = serve();
    let text = format!(
            "job: curious
scheduler: {{ module: guests/director, args: [greet] }}
tasks:
  may: {{ module: hosted/web, args: [answer, 'http://127.0.0.1:{port}/'], allow: {{ http: ['http://127.0.0.1:*'] }} }}
  not: {{ module: hosted/web, args: [answer, 'http://127.0.0.1:{port}/'], allow: {{ http: ['*'] }} }}
"
        );
    let job = scene.job(&text).display().to_string();
    let ended = scene.run(&["run", &job]);
    ended.assert_code(0);
    for line in [
        "scheduler | may-0 says 200 good day",
        "scheduler | not-0 says ErrorCode::HttpRequestDenied",
    ] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
}
