//! Files that are jobs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::expect;
use mesosgot_job::{
    AppScheduler, Channels, Constraint, Delivery, Direct, ExecutorBinary, Group, Limits, Lookup,
    Master, Module, OnFailure, Operator, PathKind, Restart, Serve, Size, Strategy, TlsMode, parse,
};

use crate::{minimal, read};

const ELEVATOR: &str = include_str!("../fixtures/elevator.yaml");

#[test]
fn the_elevator_job_is_read() {
    expect![[r#"
        Job {
            name: "elevator",
            cluster: Cluster {
                master: Local,
                role: "*",
                access: Access {
                    principal: None,
                    secret_file: None,
                    token_file: None,
                    ca_file: None,
                    certificate_file: None,
                    key_file: None,
                },
                user: None,
                failover_timeout: 600s,
                checkpoint: true,
                timeout: 30s,
            },
            scheduler: Guest(
                Scheduler {
                    module: Project(
                        "tasks/dispatcher",
                    ),
                    args: [
                        "--seconds",
                        "30",
                    ],
                    env: {
                        "LOG": "info",
                    },
                },
            ),
            gang: Gang {
                timeout: 300s,
                hold: 10s,
                strategy: Pack,
            },
            groups: [
                Group {
                    name: "elevator",
                    module: Project(
                        "tasks/elevator",
                    ),
                    count: 4,
                    cpus: 0.1,
                    mem: Size(
                        100663296,
                    ),
                    disk: Size(
                        0,
                    ),
                    gpus: 0,
                    ports: Any(
                        0,
                    ),
                    resources: {},
                    args: [],
                    constraints: [],
                    colocate: false,
                    env: {},
                    on_failure: Shutdown,
                    kill_grace: 5s,
                    limits: Limits {
                        cpu_time: None,
                        idle: None,
                    },
                    allow: Allow {
                        sandbox: None,
                        folders: {},
                        env: [],
                        connect: [],
                        dns: false,
                        http: [],
                    },
                },
                Group {
                    name: "floor",
                    module: Project(
                        "tasks/floor",
                    ),
                    count: 8,
                    cpus: 0.1,
                    mem: Size(
                        33554432,
                    ),
                    disk: Size(
                        0,
                    ),
                    gpus: 0,
                    ports: Any(
                        0,
                    ),
                    resources: {},
                    args: [],
                    constraints: [],
                    colocate: false,
                    env: {},
                    on_failure: Shutdown,
                    kill_grace: 5s,
                    limits: Limits {
                        cpu_time: None,
                        idle: None,
                    },
                    allow: Allow {
                        sandbox: None,
                        folders: {},
                        env: [],
                        connect: [],
                        dns: false,
                        http: [],
                    },
                },
            ],
            executor: Executor {
                cpus: 0.1,
                mem: Size(
                    67108864,
                ),
                binary: Serve,
                image: None,
            },
            channels: Channels {
                window: 256,
                direct: Auto,
                advertise: None,
                listen: None,
                tls: Auto,
            },
            serve: Serve {
                listen: None,
                advertise: None,
                tls: Auto,
                certificate_file: None,
                key_file: None,
            },
            modules: Auto,
            view: None,
        }
    "#]]
    .assert_debug_eq(&read(ELEVATOR).unwrap());
}

#[test]
fn the_least_job_has_the_documented_defaults() {
    let job = read(&minimal("tasks: { a: { module: floor.wasm } }")).unwrap();
    expect![[r#"
        Job {
            name: "j",
            cluster: Cluster {
                master: Local,
                role: "*",
                access: Access {
                    principal: None,
                    secret_file: None,
                    token_file: None,
                    ca_file: None,
                    certificate_file: None,
                    key_file: None,
                },
                user: None,
                failover_timeout: 120s,
                checkpoint: true,
                timeout: 30s,
            },
            scheduler: Guest(
                Scheduler {
                    module: Project(
                        "tasks/dispatcher",
                    ),
                    args: [],
                    env: {},
                },
            ),
            gang: Gang {
                timeout: 300s,
                hold: 10s,
                strategy: Pack,
            },
            groups: [
                Group {
                    name: "a",
                    module: File(
                        "floor.wasm",
                    ),
                    count: 1,
                    cpus: 0.1,
                    mem: Size(
                        33554432,
                    ),
                    disk: Size(
                        0,
                    ),
                    gpus: 0,
                    ports: Any(
                        0,
                    ),
                    resources: {},
                    args: [],
                    constraints: [],
                    colocate: false,
                    env: {},
                    on_failure: Shutdown,
                    kill_grace: 5s,
                    limits: Limits {
                        cpu_time: None,
                        idle: None,
                    },
                    allow: Allow {
                        sandbox: None,
                        folders: {},
                        env: [],
                        connect: [],
                        dns: false,
                        http: [],
                    },
                },
            ],
            executor: Executor {
                cpus: 0.1,
                mem: Size(
                    67108864,
                ),
                binary: Serve,
                image: None,
            },
            channels: Channels {
                window: 256,
                direct: Auto,
                advertise: None,
                listen: None,
                tls: Auto,
            },
            serve: Serve {
                listen: None,
                advertise: None,
                tls: Auto,
                certificate_file: None,
                key_file: None,
            },
            modules: Auto,
            view: None,
        }
    "#]]
    .assert_debug_eq(&job);
}

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
fn groups_keep_their_order_and_inherit_defaults() {
    let job = read(&minimal(
        "defaults: { cpus: 2, mem: 1GiB, kill_grace: 1m, env: { A: a, B: b } }
tasks:
  z: { module: floor.wasm, count: 3 }
  a: { module: floor.wasm, cpus: 1, env: { B: c } }
",
    ))
    .unwrap();
    let names: Vec<_> = job.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(job.task_count(), 4);
    let (z, a) = (&job.groups[0], &job.groups[1]);
    assert_eq!((z.cpus, a.cpus), (2.0, 1.0));
    assert_eq!(
        (z.mem, a.mem),
        (Size::from_mebibytes(1024), Size::from_mebibytes(1024))
    );
    assert_eq!(a.kill_grace, Duration::from_secs(60));
    assert_eq!((z.env["A"].as_str(), z.env["B"].as_str()), ("a", "b"));
    assert_eq!((a.env["A"].as_str(), a.env["B"].as_str()), ("a", "c"));
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

/// The files as they are on the disk, below the folder of a job.
struct Disk(PathBuf);

impl Lookup for Disk {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        let found = fs::metadata(self.0.join(path)).ok()?;
        Some(if found.is_dir() {
            PathKind::Folder
        } else {
            PathKind::File
        })
    }

    fn names(&self, _folder: &Path) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn the_jobs_of_this_repository_are_read() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(top.join("examples")).into_iter().flatten();
    let folders = examples
        .map(|entry| entry.unwrap().path())
        .chain([top.clone()]);
    let files = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let jobs: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    for path in jobs {
        let text = fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap().to_owned();
        let job = parse(&path.to_string_lossy(), &text, &Disk(folder));
        job.unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    }
}

#[test]
fn constraints_are_read_and_those_of_a_group_replace_the_defaults() {
    let job = read(&minimal(
        "defaults: { constraints: [rack is r 1] }
tasks:
  a: { module: floor.wasm }
  b:
    module: floor.wasm
    count: 4
    colocate: true
    constraints: [\"zone  like  eu-.*\", zone unlike us-.*, rack max-per 4, zone group-by 1]
  c: { module: floor.wasm, constraints: [hostname unique] }
  d: { module: floor.wasm, constraints: [] }
",
    ))
    .unwrap();
    let constraint = |field: &str, operator| Constraint {
        field: field.to_owned(),
        operator,
    };
    let [a, b, c, d] = &job.groups[..] else {
        panic!("four groups: {:?}", job.groups)
    };
    let of_defaults = constraint("rack", Operator::Is("r 1".to_owned()));
    assert_eq!(
        (&a.constraints[..], a.colocate),
        (&[of_defaults][..], false)
    );
    assert!(b.colocate);
    assert_eq!(
        b.constraints,
        [
            constraint("zone", Operator::Like("eu-.*".to_owned())),
            constraint("zone", Operator::Unlike("us-.*".to_owned())),
            constraint("rack", Operator::MaxPer(4)),
            constraint("zone", Operator::GroupBy(1)),
        ]
    );
    assert_eq!(c.constraints, [constraint("hostname", Operator::Unique)]);
    assert_eq!(d.constraints, []);
}

#[test]
fn ports_and_other_resources_are_those_of_the_group_and_of_the_defaults() {
    let text = "
defaults: { ports: 2, resources: { network_bandwidth: 100, fpga: 1 } }
tasks:
  same: { module: floor.wasm }
  own:  { module: floor.wasm, ports: [8081, 8080], resources: { fpga: 0, tape: 0.5 } }
  none: { module: floor.wasm, ports: 0 }
";
    let job = read(&minimal(text)).unwrap();
    let asked: Vec<String> = job
        .groups
        .iter()
        .map(|group| format!("{}: {:?} {:?}\n", group.name, group.ports, group.resources))
        .collect();
    expect![[r#"
        same: Any(2) {"fpga": 1.0, "network_bandwidth": 100.0}
        own: These({8080, 8081}) {"network_bandwidth": 100.0, "tape": 0.5}
        none: Any(0) {"fpga": 1.0, "network_bandwidth": 100.0}
    "#]]
    .assert_eq(&asked.concat());
}

#[test]
fn rules_for_restarts_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { on_failure: ignore, restart: { max: 7, backoff: 2m } }
tasks:
  a: { module: floor.wasm }
  b: { module: floor.wasm, on_failure: restart }
  c: { module: floor.wasm, on_failure: restart, restart: { backoff: 500ms, window: 1h } }",
    ))
    .unwrap();
    let policies: Vec<_> = job.groups.iter().map(|group| group.on_failure).collect();
    let seconds = Duration::from_secs;
    let inherited = Restart {
        backoff: seconds(120),
        backoff_max: seconds(120),
        max: 7,
        window: seconds(600),
    };
    let own = Restart {
        backoff: Duration::from_millis(500),
        window: seconds(3600),
        ..inherited
    };
    assert_eq!(
        policies,
        [
            OnFailure::Ignore,
            OnFailure::Restart(inherited),
            OnFailure::Restart(own),
        ]
    );
}

#[test]
fn limits_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { limits: { cpu_time: 1m, idle: 10s } }
tasks:
  a: { module: floor.wasm, limits: { idle: 1m30s } }
  b: { module: floor.wasm }",
    ))
    .unwrap();
    let limits = |cpu_time, idle| Limits {
        cpu_time: Some(Duration::from_secs(cpu_time)),
        idle: Some(Duration::from_secs(idle)),
    };
    assert_eq!(job.groups[0].limits, limits(60, 90));
    assert_eq!(job.groups[1].limits, limits(60, 10));
}

#[test]
fn grants_come_from_the_group_then_the_defaults() {
    let job = read(&minimal(
        "defaults: { allow: { env: [LANG], connect: ['udp *:53'], dns: true, http: ['*'], folders: { a: ro } } }
tasks:
  a: { module: floor.wasm, allow: { sandbox: rw, connect: ['tcp 10.0.0.0/8:80'], folders: { b: rw, c: ro } } }
  b: { module: floor.wasm, allow: { env: [], http: ['https://*.example.com'], folders: {} } }",
    ))
    .unwrap();
    let shown = |group: &Group| {
        let allow = &group.allow;
        let connect: Vec<_> = allow.connect.iter().map(ToString::to_string).collect();
        let http: Vec<_> = allow.http.iter().map(ToString::to_string).collect();
        let (sandbox, folders) = (allow.sandbox, &allow.folders);
        let (env, dns) = (&allow.env, allow.dns);
        let name = &group.name;
        format!("{name}: {sandbox:?} {folders:?} {env:?} {connect:?} {dns} {http:?}\n")
    };
    let shown: Vec<_> = job.groups.iter().map(shown).collect();
    expect![[r#"
        a: Some(ReadWrite) {"b": ReadWrite, "c": ReadOnly} ["LANG"] ["tcp 10.0.0.0/8:80"] true ["*"]
        b: None {} [] ["udp *:53"] true ["https://*.example.com"]
    "#]]
    .assert_eq(&shown.concat());
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
