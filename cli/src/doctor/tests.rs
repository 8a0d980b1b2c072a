//! Facts in, findings out.

use std::net::SocketAddr;

use expect_test::{Expect, expect};

use super::facts::*;
use super::*;
use crate::exit::Exit;

/// Everything is as it should be, on a cluster of one master.
fn well() -> Facts {
    Facts {
        job: JobFact {
            name: "elevator".to_owned(),
            tasks: 12,
            groups: 2,
        },
        is_embedded: false,
        toolchain: Some(Toolchain {
            cargo: Ok("cargo 1.95.0".to_owned()),
            has_target: true,
            target: "wasm32-wasip2",
            has_rustup: true,
        }),
        modules: Vec::new(),
        cache: Cache::Folder {
            path: "/cache".to_owned(),
            bytes: Some(3 << 20),
            writable: Ok(()),
        },
        executor: Ok(ExecutorFact::Served {
            bytes: 20 << 20,
            is_of_this_version: true,
        }),
        limits: None,
        cluster: ClusterFacts {
            shown: "m:5050".to_owned(),
            servers: vec![master("m:5050", "10.0.0.1:5050")],
            survey: Some(Ok(SurveyFact::Fits {
                tasks: 12,
                agents: 1,
            })),
            agents: Some(Ok(vec![agent("a1", &[])])),
            role: "*".to_owned(),
        },
        places: Ok(vec![place("10.0.0.9")]),
        folders: None,
    }
}

fn addresses(text: &str) -> Vec<SocketAddr> {
    vec![text.parse().expect("it is an address")]
}

fn master(name: &str, address: &str) -> ServerFact {
    ServerFact {
        address: name.to_owned(),
        found: Ok(addresses(address)),
        answer: Some(Ok(Answer::Master {
            version: "1.11.0".to_owned(),
            leader: Some("10.0.0.1:5050".to_owned()),
            ahead_seconds: Some(-3),
        })),
    }
}

fn agent(hostname: &str, roles: &[&str]) -> AgentFact {
    AgentFact {
        hostname: hostname.to_owned(),
        is_active: true,
        reserved_for: roles.iter().map(|&role| role.to_owned()).collect(),
    }
}

fn place(advertised: &str) -> PlaceFact {
    let bind = format!("{advertised}:0");
    PlaceFact {
        what: "messages",
        key: "channels",
        bind: bind.parse().expect("it is an address"),
        bound: Ok(()),
        advertised: advertised.to_owned(),
        found: Ok(addresses(&bind)),
    }
}

fn told(text: &str) -> Told {
    Told {
        text: text.to_owned(),
        help: Some("do this".to_owned()),
    }
}

/// What is found beside what is all right.
#[track_caller]
fn check(change: impl FnOnce(&mut Facts), expected: &Expect) {
    let mut facts = well();
    change(&mut facts);
    let findings = judge(&facts);
    let bad = findings.iter().filter(|it| it.level != Level::Ok);
    let lines = bad.map(|it| {
        let repair = it.repair.as_deref().unwrap_or("nothing");
        format!("{} {}: {}\n= {repair}\n", it.level.word(), it.area, it.text)
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn what_is_as_it_should_be_is_said_so() {
    let findings = judge(&well());
    let lines = findings.iter().map(|it| {
        assert_eq!((it.level, &it.repair), (Level::Ok, &None), "{it:?}");
        format!("{}: {}\n", it.area, it.text)
    });
    expect![[r#"
        job: `elevator`: 12 tasks in 2 groups
        toolchain: cargo 1.95.0, with wasm32-wasip2
        cache: `/cache` is writable and has 3 MiB
        executor: each agent fetches it from us once, 20 MiB
        master: `m:5050` (10.0.0.1) is Mesos 1.11.0; 10.0.0.1:5050 leads
        cluster: `m:5050` lets us in, for the role `*`
        agents: 1 agent is registered
        gang: 12 tasks fit on 1 agent
        address: agents reach `10.0.0.9` for messages; whether they do cannot be seen from here
    "#]]
    .assert_eq(&lines.collect::<String>());
}

#[test]
fn a_toolchain_that_lacks_something_is_repaired() {
    let with = |change: fn(&mut Toolchain)| {
        move |facts: &mut Facts| change(facts.toolchain.as_mut().expect("there is one"))
    };
    check(
        with(|it| it.cargo = Err("No such file or directory".to_owned())),
        &expect![[r#"
            problem toolchain: `cargo`, which compiles the job's modules, cannot be run: No such file or directory
            = install Rust from https://rustup.rs, or put `cargo` on the PATH
        "#]],
    );
    check(
        with(|it| it.has_target = false),
        &expect![[r#"
        warning toolchain: cargo 1.95.0, without wasm32-wasip2, which the first build installs
        = `rustup target add wasm32-wasip2`
    "#]],
    );
    check(
        with(|it| {
            it.has_target = false;
            it.has_rustup = false;
        }),
        &expect![[r#"
            problem toolchain: cargo 1.95.0, without wasm32-wasip2, for which modules are compiled
            = install your distribution's package of the standard library for wasm32-wasip2, or Rust from https://rustup.rs
        "#]],
    );
}

#[test]
fn modules_the_cache_and_the_executor_are_looked_at() {
    check(
        |facts| {
            facts.modules = vec![
                ModuleFact {
                    name: "a.wasm".to_owned(),
                    state: ModuleState::Wrong(told("`a.wasm` is not a wasm file")),
                },
                ModuleFact {
                    name: "b.wasm".to_owned(),
                    state: ModuleState::Right(100),
                },
            ];
            facts.cache = Cache::Off;
            facts.executor = Err(told("failed to read the executor `e`"));
        },
        &expect![[r#"
            problem module: `a.wasm` is not a wasm file
            = do this
            warning cache: there is no folder for what guests compile to: each run compiles them again
            = name one by `MESOSGOT_CACHE_DIR`
            problem executor: failed to read the executor `e`
            = do this
        "#]],
    );
    check(
        |facts| {
            facts.cache = Cache::Folder {
                path: "/cache".to_owned(),
                bytes: None,
                writable: Err("Permission denied".to_owned()),
            };
            facts.executor = Ok(ExecutorFact::Served {
                bytes: 300 << 20,
                is_of_this_version: true,
            });
        },
        &expect![[r#"
            warning cache: nothing can be kept in `/cache`: Permission denied
            = make the folder writable, or name another by `MESOSGOT_CACHE_DIR`
            warning executor: each agent fetches 300 MiB of executor from us
            = `cargo xtask executor` builds a small one; put it beside `mesosgot`
        "#]],
    );
    check(
        |facts| {
            facts.executor = Ok(ExecutorFact::Served {
                bytes: 20 << 20,
                is_of_this_version: false,
            });
        },
        &expect![[r#"
            problem executor: the executor that is served is not of the version of this program
            = build it from the same source, or leave out `executor.binary`
        "#]],
    );
    check(
        |facts| {
            facts.executor = Ok(ExecutorFact::Fetched {
                uri: "https://files/executor".to_owned(),
                has_digest: false,
            });
        },
        &expect![[r#"
            warning executor: agents fetch `https://files/executor` and start whatever they get
            = append `#sha256:` and its digest to `executor.binary`
        "#]],
    );
}

#[test]
fn limits_count_where_executors_run_here() {
    let limits = |room| Limits {
        tasks: 12_000,
        maps: Some(65_530),
        handles: Some(1024),
        room: Some(room),
    };
    check(
        |facts| facts.limits = Some(limits(240)),
        &expect![[r#"
        warning limits: vm.max_map_count 65530, open files 1024: an executor may have room for 240 tasks only, and 12000 may share one
        = raise them with `sysctl -w vm.max_map_count=97024` and `ulimit -n 48064`, or run fewer tasks on each agent
    "#]],
    );
    check(|facts| facts.limits = Some(limits(12_000)), &expect![""]);
}

#[test]
fn masters_that_are_none_or_not_there_are_told_apart() {
    check(
        |facts| {
            let servers = &mut facts.cluster.servers;
            *servers = ["nowhere", "silent", "web", "late", "headless"]
                .map(|name| master(name, "10.0.0.1:5050"))
                .into();
            servers[0].found = Err("Name or service not known".to_owned());
            servers[1].answer = Some(Err(told("cannot reach `http://silent:5050/version`")));
            servers[2].answer = Some(Ok(Answer::Other {
                status: 404,
                text: "a web page titled `Welcome`".to_owned(),
            }));
            servers[3].answer = Some(Ok(Answer::Master {
                version: "1.11.0".to_owned(),
                leader: Some("m:5050".to_owned()),
                ahead_seconds: Some(-31),
            }));
            facts.cluster.survey = None;
        },
        &expect![[r#"
            problem master: `nowhere` has no address: Name or service not known
            = is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`
            problem master: cannot reach `http://silent:5050/version`
            = do this
            problem master: `web` answers, but not as Mesos does, status 404: a web page titled `Welcome`
            = is that the address of a Mesos master? its port is 5050 unless it was told another
            warning clock: the clock of `late` is 31 s behind ours
            = have both set their clocks by NTP; certificates and tokens depend on them
            problem cluster: nobody at `m:5050` could be asked what there is
            = repair what is said above, and see again
        "#]],
    );
}

#[test]
fn a_cluster_that_refuses_us_says_why_and_decides_the_exit_code() {
    let mut facts = well();
    assert_eq!(facts.cluster.refused(), None);
    facts.cluster.survey = Some(Err(Refusal {
        exit: Exit::Usage,
        told: told("cannot connect to a master"),
    }));
    assert_eq!(facts.cluster.refused(), Some(Exit::Usage));
    check(
        |facts| {
            facts.cluster.survey = Some(Err(Refusal {
                exit: Exit::Cluster,
                told: told("the master does not let us in, status 401: no"),
            }));
        },
        &expect![[r#"
            problem cluster: `m:5050`: the master does not let us in, status 401: no
            = do this
        "#]],
    );
}

#[test]
fn a_gang_that_does_not_fit_is_told_with_what_would_help() {
    let misfit = |remedies: &[&str], agents| {
        Some(Ok(SurveyFact::Misfit {
            reason: "no place for 2 tasks of `floor`".to_owned(),
            remedies: remedies.iter().map(|&text| text.to_owned()).collect(),
            agents,
        }))
    };
    check(
        |facts| facts.cluster.survey = misfit(&["with 0.4 more cpus on `a1`"], 1),
        &expect![[r#"
            problem gang: the gang does not fit: no place for 2 tasks of `floor`
            = it would fit with 0.4 more cpus on `a1`
        "#]],
    );
    check(
        |facts| {
            facts.cluster.survey = misfit(&[], 1);
            facts.cluster.agents =
                Some(Ok(vec![agent("a1", &["web", "*"]), agent("a2", &["web"])]));
        },
        &expect![[r#"
            problem gang: the gang does not fit: no place for 2 tasks of `floor`
            = ask for less, or have agents with more; something is reserved for `web` on `a1`, `web` on `a2`, which `cluster.role` would have to name
        "#]],
    );
    check(
        |facts| {
            facts.cluster.survey = misfit(&[], 0);
            facts.cluster.agents = Some(Ok(Vec::new()));
        },
        &expect![[r#"
            problem agents: no agent is registered with the master
            = start one, with `--master` set to this master
            problem gang: the gang does not fit: no place for 2 tasks of `floor`
            = wait until other frameworks give resources back, ask its operator for quota of the role, or start agents
        "#]],
    );
    check(
        |facts| {
            let mut cut_off = agent("a1", &[]);
            cut_off.is_active = false;
            facts.cluster.agents = Some(Ok(vec![cut_off]));
        },
        &expect![[r#"
            problem agents: no agent is active: they are draining, or cut off
            = look at them in the master's web page, and reactivate them
        "#]],
    );
    check(
        |facts| facts.cluster.agents = Some(Err("not allowed, status 403".to_owned())),
        &expect![""],
    );
}

#[test]
fn agents_must_be_able_to_reach_us() {
    check(
        |facts| facts.places = Ok(vec![place("127.0.0.1"), place("0.0.0.0")]),
        &expect![[r#"
            problem address: agents on other machines would look for messages at `127.0.0.1`, which is their own loopback
            = set `channels.advertise` to an address of this machine that agents reach
            problem address: `0.0.0.0` is no address that agents could reach us at for messages
            = set `channels.advertise` to an address of this machine that agents reach
        "#]],
    );
    // Where the cluster is on loopback as well, that is right.
    check(
        |facts| {
            facts.places = Ok(vec![place("127.0.0.1")]);
            facts.cluster.servers = vec![master("localhost", "127.0.0.1:5050")];
        },
        &expect![""],
    );
    check(
        |facts| {
            let mut taken = place("10.0.0.9");
            taken.bound = Err("Address already in use".to_owned());
            let mut unknown = place("10.0.0.9");
            unknown.advertised = "relay".to_owned();
            unknown.found = Err("Name or service not known".to_owned());
            facts.places = Ok(vec![taken, unknown]);
        },
        &expect![[r#"
            problem address: cannot listen on `10.0.0.9:0` for messages: Address already in use
            = name another address or port by `channels.listen`, or end who has it
            warning address: `relay`, where agents are to reach us for messages, has no address from here: Name or service not known
            = if agents do not know the name either, set `channels.advertise` to an address of this machine that agents reach
        "#]],
    );
    check(
        |facts| facts.places = Err(told("failed to find a way to `m:5050`")),
        &expect![[r#"
            problem address: failed to find a way to `m:5050`
            = do this
        "#]],
    );
}

#[test]
fn folders_that_nobody_lists_are_told() {
    let folders = |is_there| Folders {
        names: vec!["models".to_owned()],
        file: "/etc/mesosgot/executor.conf",
        is_there,
    };
    check(
        |facts| facts.folders = Some(folders(false)),
        &expect![[r#"
            problem folders: tasks ask for folders of the agent (`models`), and there is no `/etc/mesosgot/executor.conf` here
            = list them there, as root; docs/grants.md says how
        "#]],
    );
    check(|facts| facts.folders = Some(folders(true)), &expect![""]);
}

/// What is printed of a finding, without colours.
fn printed(finding: &Finding) -> String {
    let Finding {
        area, level, text, ..
    } = finding;
    let repair = finding.repair.iter();
    let repair = repair.map(|repair| format!("        repair: {repair}\n"));
    let word = level.word();
    format!("{word:<7} {area}: {text}\n") + &repair.collect::<String>()
}

#[test]
fn the_docs_show_what_is_found() {
    let page = include_str!("../../../docs/doctor.md");
    let (_, block) = page.split_once("```text\n").expect("it has a block");
    let (block, _) = block.split_once("```").expect("the block ends");
    let (findings, end) = block.split_once("error: ").expect("it ends with a count");

    let mut facts = well();
    let cluster = &mut facts.cluster;
    cluster.shown = "m1:5050,m2:5050".to_owned();
    let refused = ServerFact {
        address: "m2:5050".to_owned(),
        found: Ok(addresses("10.0.0.2:5050")),
        answer: Some(Err(Told {
            text: "cannot reach `http://m2:5050/version`: Connection refused (os error 111)"
                .to_owned(),
            help: Some(
                "does a master run there? the address comes from `--master`, `MESOS_MASTER` or \
                 `cluster.master`; one behind TLS begins with `https://`"
                    .to_owned(),
            ),
        })),
    };
    cluster.servers = vec![master("m1:5050", "10.0.0.1:5050"), refused];
    cluster.agents = Some(Ok(["a1", "a2", "a3"].map(|name| agent(name, &[])).into()));
    facts.cache = Cache::Folder {
        path: "/home/ada/.cache/mesosgot".to_owned(),
        bytes: Some(41 << 20),
        writable: Ok(()),
    };
    facts.executor = Ok(ExecutorFact::Served {
        bytes: 24 << 20,
        is_of_this_version: true,
    });
    facts.places = Ok(vec![place("127.0.0.1")]);
    let found = judge(&facts);
    let shown: String = found.iter().map(printed).collect();
    assert_eq!(findings, shown);
    let problems = found.iter().filter(|it| it.level == Level::Problem);
    assert_eq!(
        end,
        format!("job `elevator` has {} problems\n", problems.count())
    );
}
