//! Containers with real processes: small shell programs in temporary directories.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mesos::v1::container_info::{self, MesosInfo};
use mesos::v1::environment::Variable;
use mesos::v1::{CommandInfo, ContainerInfo, Environment, ExecutorInfo, Image, image};
use rustix::process::{Signal, kill_process, test_kill_process};

use super::*;

/// A containerizer over a work directory of its own, with one container at a time.
struct Fixture {
    containerizer: Containerizer,
    events: mpsc::UnboundedReceiver<ContainerEvent>,
    work_dir: tempfile::TempDir,
    container_id: ContainerId,
}

impl Fixture {
    fn launch(command: CommandInfo) -> Self {
        Self::launch_with(Some(command), |_| ())
    }

    /// With other settings than usual.
    fn launch_with(command: Option<CommandInfo>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start(command, false, change)
    }

    /// As an executor in a container image.
    fn launch_in(name: &str, command: CommandInfo) -> Self {
        let container = ContainerInfo {
            r#type: container_info::Type::Mesos.into(),
            mesos: Some(MesosInfo {
                image: Some(Image {
                    r#type: image::Type::Docker.into(),
                    docker: Some(image::Docker {
                        name: name.to_owned(),
                        ..image::Docker::default()
                    }),
                    ..Image::default()
                }),
            }),
            ..ContainerInfo::default()
        };
        Self::begin(Some(command), Some(container), false, |_| ())
    }

    fn start(
        command: Option<CommandInfo>,
        is_command: bool,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::begin(command, None, is_command, change)
    }

    fn begin(
        command: Option<CommandInfo>,
        container: Option<ContainerInfo>,
        is_command: bool,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let work_dir = tempfile::tempdir().unwrap();
        let (to, events) = mpsc::unbounded_channel();
        let mut settings = Settings {
            executor_key: None,
            domain_socket: None,
            environment: BTreeMap::new(),
            cache: fetcher::Cache::new(std::env::temp_dir()),
            endpoint: "127.0.0.1:5051".parse().unwrap(),
            work_dir: work_dir.path().to_owned(),
            subscription_backoff_max: Duration::from_secs(2),
            recovery_timeout: Duration::from_mins(15),
            runtime: Handle::current(),
        };
        change(&mut settings);
        let mut containerizer = Containerizer::new(settings, to);
        let container_id = ContainerId::from("c1");
        containerizer.launch(Launch {
            container_id: container_id.clone(),
            agent_id: "m-S0".into(),
            framework_id: "m-0000".into(),
            executor: ExecutorInfo {
                executor_id: mesos::ExecutorId::from("ex").into(),
                command,
                container,
                ..ExecutorInfo::default()
            },
            is_command,
            checkpoint: false,
            shutdown_grace: Duration::from_secs(5),
        });
        Self {
            containerizer,
            events,
            work_dir,
            container_id,
        }
    }

    async fn event(&mut self) -> ContainerEvent {
        let event = tokio::time::timeout(Duration::from_secs(60), self.events.recv()).await;
        event
            .expect("an event in time")
            .expect("the containerizer lives")
    }

    async fn started(&mut self) -> Pid {
        match self.event().await {
            ContainerEvent::Started { pid, .. } => Pid::from_raw(pid.cast_signed()).unwrap(),
            other => panic!("expected a process, found {other:?}"),
        }
    }

    /// The wait status, after a process was started.
    async fn exited(&mut self) -> i32 {
        match self.event().await {
            ContainerEvent::Exited { status, .. } => status,
            other => panic!("expected an end, found {other:?}"),
        }
    }

    fn sandbox(&self) -> PathBuf {
        self.work_dir
            .path()
            .join("slaves/m-S0/frameworks/m-0000/executors/ex/runs")
            .join(self.container_id.as_str())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox().join(name)).unwrap()
    }

    /// Waits for a file that the executor writes by renaming; its lines as process numbers.
    async fn pids(&self, name: &str) -> Vec<Pid> {
        let path = self.sandbox().join(name);
        until(|| path.exists()).await;
        let text = fs::read_to_string(&path).unwrap();
        text.split_whitespace()
            .map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap())
            .collect()
    }
}

/// Waits for a condition, and fails if it does not come.
async fn until(condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("the condition in time");
}

/// Whether a process is gone or only waits to be reaped by whoever has inherited it.
fn is_dead(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| {
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('Z'))
    })
}

fn shell(script: &str) -> CommandInfo {
    CommandInfo {
        value: Some(script.to_owned()),
        ..CommandInfo::default()
    }
}

fn program(value: &str, arguments: &[&str]) -> CommandInfo {
    CommandInfo {
        shell: Some(false),
        value: Some(value.to_owned()),
        arguments: arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect(),
        ..CommandInfo::default()
    }
}

/// Reads `NAME=value` lines.
fn variables(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}

#[tokio::test]
async fn the_exit_code_of_an_executor_is_its_wait_status() {
    for (script, status) in [
        ("exit 0", 0),
        ("exit 3", 768),
        ("kill -KILL $$", 9),
        ("kill -TERM $$", 15),
    ] {
        let mut fixture = Fixture::launch(shell(script));
        fixture.started().await;
        assert_eq!(fixture.exited().await, status, "{script}");
    }
}

#[tokio::test]
async fn output_goes_to_the_sandbox_and_the_program_runs_in_it() {
    let mut fixture = Fixture::launch(shell("echo out; echo err >&2; pwd; cat"));
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    let sandbox = fixture.sandbox();
    assert_eq!(
        fixture.read("stdout"),
        format!("out\n{}\n", sandbox.display())
    );
    assert_eq!(fixture.read("stderr"), "err\n");
}

#[tokio::test]
async fn without_a_shell_the_arguments_are_the_whole_argv() {
    let script = r#"printf '%s|' "$0" "$@""#;
    let arguments = ["name", "-c", script, "zero", "one", "two three"];
    let mut fixture = Fixture::launch(program("/bin/sh", &arguments));
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    assert_eq!(fixture.read("stdout"), "zero|one|two three|");
    // argv[0] is the first argument, not the program.
    let mut fixture = Fixture::launch(program(
        "/bin/sh",
        &["other", "-c", "cat /proc/$$/cmdline; true"],
    ));
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    assert!(fixture.read("stdout").starts_with("other\0"));
}

#[tokio::test]
async fn the_environment_is_exactly_that_of_mesos() {
    let environment = Environment {
        variables: vec![
            Variable {
                name: "MY_VAR".into(),
                value: Some("my value".into()),
                ..Variable::default()
            },
            Variable {
                name: "MESOS_CHECKPOINT".into(),
                value: Some("mine".into()),
                ..Variable::default()
            },
        ],
    };
    let command = CommandInfo {
        environment: Some(environment),
        ..program("/usr/bin/env", &["env"])
    };
    let mut fixture = Fixture::launch(command);
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    let sandbox = fixture.sandbox().to_str().unwrap().to_owned();
    let output = fixture.read("stdout");
    let expected = BTreeMap::from([
        ("LIBPROCESS_IP", "127.0.0.1"),
        ("LIBPROCESS_PORT", "0"),
        ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
        ("MESOS_CHECKPOINT", "mine"),
        ("MESOS_DIRECTORY", &sandbox),
        ("MESOS_EXECUTOR_ID", "ex"),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
        ("MESOS_FRAMEWORK_ID", "m-0000"),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0"),
        ("MESOS_SANDBOX", &sandbox),
        ("MESOS_SLAVE_ID", "m-S0"),
        ("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051"),
        ("MY_VAR", "my value"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ]);
    assert_eq!(variables(&output), expected);
}

#[tokio::test]
async fn where_executors_are_asked_who_they_are_they_get_a_token_and_where_there_is_a_socket_its_path()
 {
    let mut fixture = Fixture::launch_with(Some(shell("env")), |settings| {
        settings.executor_key = Some(ExecutorKey::new("key"));
        settings.domain_socket = Some("/run/agent.sock".into());
    });
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    let text = fixture.read("stdout");
    let variables = variables(&text);
    assert_eq!(variables["MESOS_DOMAIN_SOCKET"], "/run/agent.sock");
    let token = variables["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"];
    let claims = token.split('.').nth(1).expect("a payload");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    assert_eq!(
        String::from_utf8_lossy(&claims),
        r#"{"cid":"c1","eid":"ex","fid":"m-0000"}"#
    );
}

#[tokio::test]
async fn an_executor_finds_the_variables_of_its_agent_where_nothing_else_says_what_they_are() {
    let mut fixture = Fixture::launch_with(Some(shell("B=own env")), |settings| {
        let variables = [("A", "agent's"), ("B", "agent's"), ("MESOS_SLAVE_ID", "x")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        settings.environment = variables.into();
    });
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    let text = fixture.read("stdout");
    let variables = variables(&text);
    let found = ["A", "B", "MESOS_SLAVE_ID"].map(|name| variables[name]);
    assert_eq!(found, ["agent's", "own", "m-S0"]);
}

#[tokio::test]
async fn a_command_task_is_given_no_token() {
    let mut fixture = Fixture::start(Some(shell("env")), true, |settings| {
        settings.executor_key = Some(ExecutorKey::new("key"));
    });
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    let text = fixture.read("stdout");
    assert!(
        !text.contains("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"),
        "{text}"
    );
    assert!(text.contains("MESOS_EXECUTOR_ID"));
}

#[tokio::test]
async fn the_default_executor_is_refused_by_name() {
    let mut fixture = Fixture::launch_with(None, |_| ());
    let failed = ContainerEvent::LaunchFailed {
        container_id: fixture.container_id.clone(),
        message: "this agent has no DEFAULT executor; launch the group with a CUSTOM one".into(),
    };
    assert_eq!(fixture.event().await, failed);
}

#[tokio::test]
async fn an_executor_leads_a_session_of_its_own() {
    let mut fixture = Fixture::launch(shell("read -r stat < /proc/self/stat; echo \"$stat\""));
    let leader = fixture.started().await.as_raw_nonzero().get();
    assert_eq!(fixture.exited().await, 0);
    let stat = fixture.read("stdout");
    let behind_name: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    assert_eq!(
        behind_name[2..4],
        [leader.to_string(), leader.to_string()],
        "group and session"
    );
}

#[tokio::test]
async fn destruction_kills_grandchildren_in_other_groups_and_sessions_too() {
    // A child in the session, one in its own session, and a child of that.
    let script = "sleep 1000 & echo $! >> pids; \
                  setsid sh -c 'sleep 1000 & echo $! $$ >> pids; mv pids ready; wait' & wait";
    let mut fixture = Fixture::launch(shell(script));
    let leader = fixture.started().await;
    let pids = fixture.pids("ready").await;
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| !is_dead(*pid)));
    fixture.containerizer.destroy(&fixture.container_id);
    assert_eq!(fixture.exited().await, 9);
    assert!(test_kill_process(leader).is_err(), "the leader is reaped");
    until(|| pids.iter().all(|pid| is_dead(*pid))).await;
}

#[tokio::test]
async fn what_an_executor_leaves_behind_is_killed() {
    let mut fixture = Fixture::launch(shell("sleep 1000 & echo $! > pid; exit 7"));
    fixture.started().await;
    assert_eq!(fixture.exited().await, 7 << 8);
    // The sweep was before the report.
    assert!(fixture.pids("pid").await.iter().all(|pid| is_dead(*pid)));
}

#[tokio::test]
async fn stop_kills_and_reaps_whatever_runs() {
    let mut fixture = Fixture::launch(shell("trap '' TERM; while :; do sleep 1; done"));
    let leader = fixture.started().await;
    fixture.containerizer.stop().await;
    assert!(test_kill_process(leader).is_err());
    assert_eq!(
        fixture
            .events
            .recv()
            .await
            .map(|event| matches!(event, ContainerEvent::Exited { status: 9, .. })),
        Some(true)
    );
}

#[tokio::test]
async fn a_containerizer_that_is_dropped_leaves_no_process() {
    let mut fixture = Fixture::launch(shell("sleep 1000"));
    let leader = fixture.started().await;
    drop(fixture.containerizer);
    until(|| test_kill_process(leader).is_err()).await;
}

#[tokio::test]
async fn a_program_that_cannot_be_executed_ends_as_with_mesos() {
    let mut fixture = Fixture::launch(program("/no/such/program", &["program"]));
    assert_eq!(fixture.exited().await, 256_256);
    assert_eq!(
        fixture.read("stderr"),
        "failed to execute `/no/such/program`: No such file or directory (os error 2)\n"
    );
    let mut fixture = Fixture::launch(shell("/no/such/program"));
    fixture.started().await;
    assert_eq!(fixture.exited().await, 32_512, "127, from the shell");
}

#[tokio::test]
async fn artifacts_are_there_when_the_program_starts() {
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("program");
    fs::write(&path, "#!/bin/sh\necho fetched \"$1\"\n").unwrap();
    let uri = mesos::v1::command_info::Uri {
        value: path.to_str().unwrap().to_owned(),
        executable: Some(true),
        output_file: Some("exec-here".to_owned()),
        ..Default::default()
    };
    let command = CommandInfo {
        uris: vec![uri],
        ..program("./exec-here", &["exec-here", "one"])
    };
    let mut fixture = Fixture::launch(command);
    fixture.started().await;
    assert_eq!(fixture.exited().await, 0);
    assert_eq!(fixture.read("stdout"), "fetched one\n");
}

#[tokio::test]
async fn an_artifact_that_cannot_be_fetched_fails_the_launch_and_the_sandbox_says_why() {
    let uri = mesos::v1::command_info::Uri {
        value: "/no/such/file".into(),
        ..Default::default()
    };
    let mut fixture = Fixture::launch(CommandInfo {
        uris: vec![uri],
        ..shell("exit 0")
    });
    let text = "Failed to fetch all URIs for container 'c1': exited with status 1";
    assert_eq!(
        fixture.event().await,
        ContainerEvent::LaunchFailed {
            container_id: "c1".into(),
            message: text.to_owned()
        }
    );
    assert_eq!(
        fixture.read("stderr"),
        "failed to copy `/no/such/file`: No such file or directory (os error 2)\n"
    );
}

#[tokio::test]
async fn a_container_destroyed_while_it_fetches_never_starts() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", server.local_addr().unwrap());
    let uri = mesos::v1::command_info::Uri {
        value: url,
        ..Default::default()
    };
    let mut fixture = Fixture::launch(CommandInfo {
        uris: vec![uri],
        ..shell("exit 0")
    });
    let connection = server.accept().await.unwrap();
    fixture.containerizer.destroy(&fixture.container_id);
    assert_eq!(fixture.exited().await, -1);
    drop(connection);
}

#[tokio::test]
async fn a_killed_executor_is_seen_at_once() {
    let mut fixture = Fixture::launch(shell("sleep 1000"));
    let leader = fixture.started().await;
    kill_process(leader, Signal::KILL).unwrap();
    assert_eq!(fixture.exited().await, 9);
    assert!(Path::new(&fixture.sandbox()).is_dir(), "the sandbox stays");
}

#[test]
fn an_executor_dies_with_the_thread_that_started_it() {
    let work_dir = tempfile::tempdir().unwrap();
    let owner = Owner {
        agent_id: &"m-S0".into(),
        framework_id: &"m-0000".into(),
        executor_id: &"ex".into(),
        container_id: &"c1".into(),
    };
    let sandbox = Sandbox::create(work_dir.path(), owner).unwrap();
    let command = program("/bin/sleep", &["sleep", "1000"]);
    let start = move || Process::start(&command, &BTreeMap::new(), &sandbox).unwrap();
    let process = thread::spawn(start).join().unwrap();
    process.wait();
    assert_eq!(process.reap(), Some(9));
}

#[tokio::test]
async fn an_executor_that_wants_an_image_is_not_started_without() {
    let mut fixture = Fixture::launch_in("debian:12", shell("true"));
    let ContainerEvent::LaunchFailed { message, .. } = fixture.event().await else {
        panic!("it is not started");
    };
    let text = "this agent has no images of containers; `debian:12` is wanted";
    assert_eq!(message, text);
}
