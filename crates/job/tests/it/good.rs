//! Files that are jobs.

mod defaults;
mod forms;

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use mesosgot_job::{Lookup, PathKind, parse};

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
