//! Every form that a value can have.

use std::time::Duration;

use mesosgot_job::{
    AppScheduler, Channels, Delivery, Direct, ExecutorBinary, Master, Module, Serve, Size,
    Strategy, TlsMode,
};

use crate::{minimal, read};

#[test]
fn json_is_a_job_file_too() {
    let text = r#"{
        "job": "j",
        "scheduler": { "module": "tasks/dispatcher", "args": ["--n", 3] },
        "tasks": { "a": { "module": "floor.wasm", "count": 2, "cpus": 0.5, "mem": "64 MB" } }
    }"#;
    let job = read(text).unwrap();
    let AppScheduler::Guest(scheduler) = &job.scheduler else {
        panic!("it is a guest");
    };
    assert_eq!(scheduler.args, ["--n", "3"]);
    assert_eq!(job.groups[0].count, 2);
    assert_eq!(job.groups[0].cpus, 0.5);
    assert_eq!(job.groups[0].mem, Size::from_bytes(64_000_000));
}

#[test]
fn the_console_can_be_the_app_scheduler() {
    let text = "job: j\nscheduler: console\ntasks: { a: { module: floor.wasm } }\n";
    assert_eq!(read(text).unwrap().scheduler, AppScheduler::Console);
}

#[test]
fn anchors_and_aliases_work() {
    let job = read(&minimal(
        "tasks:
  a: { module: floor.wasm, args: &args [x, y] }
  b: { module: floor.wasm, args: *args }
",
    ))
    .unwrap();
    assert_eq!(job.groups[1].args, ["x", "y"]);
}

#[test]
fn what_looks_like_a_number_stays_as_it_is_written() {
    let job = read(&minimal(
        "tasks: { a: { module: floor.wasm, args: [1.50, 0x1F, yes, true], env: { A: 007, B: off } } }",
    ))
    .unwrap();
    assert_eq!(job.groups[0].args, ["1.50", "0x1F", "yes", "true"]);
    assert_eq!(job.groups[0].env["A"], "007");
    assert_eq!(job.groups[0].env["B"], "off");
}

#[test]
fn every_form_of_every_value_is_taken() {
    let digest = "0123456789abcdef".repeat(4);
    let job = read(&minimal(&format!(
        "cluster: {{ master: \"a:1,http://b\", role: eng/web, user: ada }}
gang: {{ timeout: 1h30m, hold: 500ms, strategy: spread }}
tasks:
  url: {{ module: 'https://x.y/z.wasm#sha256:{digest}', gpus: 1, cpus: 0, disk: 1GB }}
executor: {{ binary: /usr/bin/mesosgot-executor, image: 'hub.x:5000/a/base@sha256:00' }}
channels: {{ window: 1, direct: required, advertise: relay:80, listen: '[::]:0', tls: on }}
serve: {{ listen: '0.0.0.0:7071', advertise: relay, tls: off, certificate_file: c, key_file: k }}
"
    )))
    .unwrap();
    assert_eq!(
        job.cluster.master,
        Master::Addresses(vec!["a:1".to_owned(), "b:5050".to_owned()])
    );
    assert_eq!(job.cluster.user.as_deref(), Some("ada"));
    assert_eq!(job.gang.strategy, Strategy::Spread);
    assert_eq!(job.gang.timeout, Duration::from_secs(5400));
    let Module::Url { url, sha256 } = &job.groups[0].module else {
        panic!("not a URL: {:?}", job.groups[0].module)
    };
    assert_eq!(url, "https://x.y/z.wasm");
    assert_eq!(sha256[..3], [0x01, 0x23, 0x45]);
    assert_eq!(
        job.executor.binary,
        ExecutorBinary::Path("/usr/bin/mesosgot-executor".to_owned())
    );
    let Channels {
        direct,
        advertise,
        listen,
        tls,
        ..
    } = job.channels;
    assert_eq!((direct, tls), (Direct::Required, TlsMode::On));
    assert_eq!(advertise.unwrap().to_string(), "relay:80");
    assert_eq!(listen, "[::]:0".parse().ok());
    let image = job.executor.image.as_deref();
    assert_eq!(image, Some("hub.x:5000/a/base@sha256:00"));
    let serve = Serve {
        listen: "0.0.0.0:7071".parse().ok(),
        advertise: "relay".parse().ok(),
        tls: TlsMode::Off,
        certificate_file: Some("c".into()),
        key_file: Some("k".into()),
    };
    assert_eq!(job.serve, serve);
}

#[test]
fn an_executor_is_here_or_there_or_fetched_from_elsewhere() {
    let digest = "0123456789abcdef".repeat(4);
    let url = "http://x.y/executor?v=1";
    let binary = |text: &str| {
        let rest =
            format!("tasks: {{ a: {{ module: floor.wasm }} }}\nexecutor: {{ binary: '{text}' }}");
        read(&minimal(&rest)).unwrap().executor.binary
    };
    assert_eq!(binary("serve"), ExecutorBinary::Serve);
    assert_eq!(
        binary("serve floor.wasm"),
        ExecutorBinary::ServeFile("floor.wasm".into())
    );
    let at = |sha256| ExecutorBinary::Url {
        url: url.to_owned(),
        sha256,
    };
    assert_eq!(binary(url), at(None));
    let ExecutorBinary::Url { url: named, sha256 } = binary(&format!("{url}#sha256:{digest}"))
    else {
        panic!("it is a URL")
    };
    assert_eq!((named.as_str(), sha256.unwrap()[0]), (url, 1));
}

#[test]
fn modules_come_from_everywhere_unless_the_job_says_otherwise() {
    let digest = "ab".repeat(32);
    let tasks = format!("tasks: {{ a: {{ module: 'file:///opt/a b.wasm#sha256:{digest}' }} }}");
    let job = read(&minimal(&tasks)).unwrap();
    assert_eq!(job.modules, Delivery::Auto);
    let expected = Module::OnAgent {
        path: "/opt/a b.wasm".into(),
        sha256: [0xab; 32],
    };
    assert_eq!(job.groups[0].module, expected);
    for (word, delivery) in [
        ("auto", Delivery::Auto),
        ("server", Delivery::Server),
        ("link", Delivery::Link),
        ("url", Delivery::Url),
    ] {
        let job = read(&minimal(&format!("modules: {word}\n{tasks}"))).unwrap();
        assert_eq!(job.modules, delivery);
    }
}
