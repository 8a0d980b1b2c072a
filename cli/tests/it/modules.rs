//! How modules come to executors: from addresses, from files of agents, over links.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::support::{Ended, Scene, workspace};

/// The echo task, compiled for this target.
fn echo_for(target: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", target])
        .args(["--package", "echo-task", "--target-dir"])
        .arg(folder)
        .current_dir(workspace())
        // What cargo sets for this test is not meant for the guest.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the echo task does not build");
    let path = folder.join(target).join("release/echo_task.wasm");
    fs::read(&path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// A component of the echo task that is nobody else's: with a section of its own, so long.
fn echo(padding: usize) -> Vec<u8> {
    static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| echo_for("wasm32-wasip2"));
    let mut section = vec![1, b'p'];
    section.extend(fastrand::u128(..).to_le_bytes());
    section.resize(section.len() + padding, 0);
    let mut wasm = COMPONENT.clone();
    wasm.push(0);
    let mut length = section.len();
    while length >= 0x80 {
        wasm.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    wasm.push(length as u8);
    wasm.extend(section);
    wasm
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A server of one module, which answers so many requests and then is gone.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(module: Vec<u8>, requests_max: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for _ in 0..requests_max {
                let (mut stream, _) = listener.accept().expect("it listens");
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let length = module.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&module);
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/echo.wasm", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A job of an echo whose module is this, with `rest` of the job file.
fn job(scene: &Scene, module: &str, rest: &str) -> PathBuf {
    scene.job(&format!(
        "job: echo
scheduler: {{ module: echo/host, args: [--messages, '50', --mode, stream] }}
tasks:
  echo: {{ module: '{module}', count: 2, cpus: 0.1, mem: 32MiB }}
{rest}
"
    ))
}

fn run(scene: &Scene, module: &str, rest: &str) -> Ended {
    let job = job(scene, module, rest).display().to_string();
    scene.run(&["run", &job, "--output", "json"])
}

#[track_caller]
fn assert_failed(ended: &Ended, texts: &[&str]) {
    ended.assert_code(1);
    let outcome = ended.outcome();
    let reason = outcome["reason"].as_str().expect("a failure has a reason");
    for text in texts {
        assert!(reason.contains(text), "`{text}` is not in `{reason}`");
    }
}

/// Runs `check`, whose stderr must contain these texts.
#[track_caller]
fn check(scene: &Scene, code: i32, texts: &[&str]) {
    let path = scene.folder().join("job.yaml").display().to_string();
    let ended = scene.run(&["check", "--output", "json", &path]);
    ended.assert_code(code);
    for text in texts {
        assert!(
            ended.stdout.contains(text),
            "`{text}` is not in `{}`",
            ended.stdout
        );
    }
}

#[test]
fn a_large_module_takes_framework_messages_when_there_is_nothing_else() {
    let scene = Scene::new();
    fs::write(scene.folder().join("echo.wasm"), echo(8 << 20)).expect("it can be written");
    run(
        &scene,
        "echo.wasm",
        "modules: link\nchannels: { direct: off }",
    )
    .assert_code(0);
}

#[test]
fn a_module_takes_the_direct_path_when_that_is_required() {
    let scene = Scene::new();
    fs::write(scene.folder().join("echo.wasm"), echo(1 << 20)).expect("it can be written");
    let rest = "modules: link\nchannels: { direct: required }";
    run(&scene, "echo.wasm", rest).assert_code(0);
}

#[test]
fn a_module_comes_from_its_address_once_for_us_and_once_for_the_agent() {
    let scene = Scene::new();
    let module = echo(0);
    let server = Server::start(module.clone(), 9);
    let address = format!("{}#{}", server.url(), digest(&module));
    for _ in 0..2 {
        run(&scene, &address, "modules: url").assert_code(0);
        assert_eq!(server.requests(), 2, "one is ours, one the executor's");
    }
}

#[test]
fn a_module_that_is_not_the_one_that_was_named_is_refused_with_both_digests() {
    let scene = Scene::new();
    let (module, named) = (echo(0), echo(0));
    let server = Server::start(module.clone(), 9);
    job(&scene, &format!("{}#{}", server.url(), digest(&named)), "");
    let texts = [
        &server.url(),
        &*digest(&module),
        &*digest(&named),
        "name its new digest",
    ];
    check(&scene, 2, &texts);
}

#[test]
fn when_an_address_goes_away_the_module_is_served_from_here() {
    let scene = Scene::new();
    let module = echo(0);
    let server = Server::start(module.clone(), 1);
    let address = format!("{}#{}", server.url(), digest(&module));
    run(&scene, &address, "").assert_code(0);
    assert_eq!(server.requests(), 1);
}

/// A port that hangs up on whoever comes, and how many came.
fn closed_door() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    thread::spawn(move || {
        for _hung_up in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, came)
}

#[test]
fn when_the_server_cannot_be_reached_the_module_comes_over_the_link() {
    let scene = Scene::new();
    let (door, came) = closed_door();
    let serve = format!("serve: {{ listen: '127.0.0.1:0', advertise: '{door}' }}");
    let module = scene.folder().join("echo.wasm");
    for direct in ["auto", "off"] {
        // Nobody has compiled it.
        fs::write(&module, echo(1 << 20)).expect("it can be written");
        let before = came.load(Ordering::SeqCst);
        let rest = format!("{serve}\nchannels: {{ direct: {direct} }}");
        run(&scene, "echo.wasm", &rest).assert_code(0);
        assert!(
            came.load(Ordering::SeqCst) > before,
            "the server comes first"
        );
    }
    // It was the link.
    fs::write(&module, echo(0)).expect("it can be written");
    let ended = run(&scene, "echo.wasm", &format!("modules: server\n{serve}"));
    assert_failed(&ended, &[&door.to_string(), "`modules: link`"]);
}

#[test]
fn when_an_address_goes_away_and_nothing_else_is_allowed_the_job_fails_with_what_helps() {
    let scene = Scene::new();
    let module = echo(0);
    let server = Server::start(module.clone(), 1);
    let address = format!("{}#{}", server.url(), digest(&module));
    let ended = run(&scene, &address, "modules: url");
    let texts = [
        &*digest(&module),
        &server.url(),
        "Connection refused",
        "`modules: link` in the job file sends modules over the cluster",
    ];
    assert_failed(&ended, &texts);
}

#[test]
fn a_file_of_the_agents_is_used_where_it_is_and_missed_where_it_is_not() {
    let scene = Scene::new();
    let module = echo(0);
    let path = scene.folder().join("on-agents.wasm");
    let address = format!("file://{}", path.display());
    let named = format!("{address}#{}", digest(&module));
    fs::write(&path, &module).expect("it can be written");
    run(&scene, &named, "modules: url").assert_code(0);

    // Another one, which is in no cache.
    let other = echo(0);
    let named = format!("{address}#{}", digest(&other));
    job(&scene, &named, "");
    check(
        &scene,
        0,
        &["warning", "nobody has looked at", &digest(&module)],
    );
    let ended = run(&scene, &named, "");
    let texts = [
        &*address,
        &digest(&module),
        &digest(&other),
        "name its new digest",
    ];
    assert_failed(&ended, &texts);

    fs::remove_file(&path).expect("it is there");
    check(&scene, 0, &["warning", "No such file or directory"]);
    let ended = run(&scene, &named, "");
    let missing = format!("`{address}` on the agent: No such file or directory");
    assert_failed(&ended, &[&missing, "must be on every agent"]);
    job(&scene, &named, "modules: link");
    check(
        &scene,
        2,
        &["it is sent from here", "No such file or directory"],
    );
}

#[test]
fn a_core_module_has_no_address_once_it_is_wrapped() {
    let scene = Scene::new();
    let module = echo_for("wasm32-wasip1");
    let server = Server::start(module.clone(), 9);
    let address = format!("{}#{}", server.url(), digest(&module));
    job(&scene, &address, "modules: url");
    check(
        &scene,
        2,
        &["is a core module", "build it for wasm32-wasip2"],
    );
    run(&scene, &address, "modules: server").assert_code(0);
}
