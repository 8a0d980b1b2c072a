//! The language of the scripts: one input a line, and a transcript of what comes of it.
//!
//! `launch EXECUTOR TASK… [group] [grace=1s]` and `join …` are RunTasks with and without a new
//! executor, `command TASK [grace=1s] [valueless]` is one of a command task; `started`, `failed` and `exit` take a container, which are c1, c2 … in order of
//! launch; `#x` is a uuid, numbers in the transcript are those that the agent has drawn; `quiet`
//! leaves out of the transcript what was before; `cut` breaks all streams, `kill-executor` kills the
//! container of a number; `wait` lets time pass; `restart` ends the agent and starts another in its
//! place, `checkpoint` makes the framework one whose executors survive that, `killing` one that
//! knows TASK_KILLING; `master` is a new one, `has RESOURCES` what it says that the
//! agent has, `unwanted` what one says that does not want the agent;
//! `thaw` is the end of a time without pings, and `leave` the end of the agent. `describe` is what
//! operators see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use expect_test::Expect;
use mesos::resources::Resources;
use mesos::v1::executor::event::Type;
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    self, CommandInfo, DurationInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo, TaskState,
    TaskStatus,
};
use mesos::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};

use super::describe;
use crate::core::agent::call::{Body, Call};
use crate::core::agent::operator::{Recovering, Scope};
use crate::core::agent::{Agent, Config, Input, Output, RequestId};
use crate::core::wire::{ToAgent, ToMaster};

/// Runs a script and compares the transcript.
#[track_caller]
pub(super) fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(script));
}

/// Runs a script; its transcript.
pub(super) fn run(script: &str) -> String {
    let mut player = Player::new();
    player.drain("");
    for line in script
        .lines()
        .flat_map(|line| line.split('\n'))
        .map(str::trim)
    {
        if !line.is_empty() {
            player.play(line);
        }
    }
    player.transcript
}

struct Player {
    agent: Agent,
    started: Instant,
    now: Instant,
    transcript: String,
    requests: u64,
    containers: Vec<ContainerId>,
    /// Names of uuids, both those of the script and those of the agent.
    uuids: BTreeMap<Bytes, String>,
    drawn: u64,
    partition_aware: bool,
    checkpoint: bool,
    killing: bool,
}

impl Player {
    fn new() -> Self {
        let started = Instant::now();
        let agent = Agent::new(config(started));
        Self {
            agent,
            started,
            now: started,
            transcript: String::new(),
            requests: 0,
            containers: Vec::new(),
            uuids: BTreeMap::new(),
            drawn: 0,
            partition_aware: true,
            checkpoint: false,
            killing: false,
        }
    }

    fn play(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap();
        let words: Vec<&str> = words.collect();
        match command {
            "quiet" => return self.transcript.clear(),
            "legacy" => return self.partition_aware = false,
            "checkpoint" => return self.checkpoint = true,
            "killing" => return self.killing = true,
            "restart" => {
                writeln!(self.transcript, "> {line}").unwrap();
                return self.restart();
            }
            "wait" => {
                writeln!(self.transcript, "> {line}").unwrap();
                return self.wait(seconds(words[0]));
            }
            "describe" => {
                writeln!(self.transcript, "> {line}").unwrap();
                return self.describe();
            }
            _ => writeln!(self.transcript, "> {line}").unwrap(),
        }
        let input = match command {
            "started" => Input::Started {
                container_id: self.container(words[0]),
                pid: words[1].parse().unwrap(),
            },
            "failed" => Input::LaunchFailed {
                container_id: self.container(words[0]),
                message: words[1..].join(" "),
            },
            "exit" => Input::Exited {
                container_id: self.container(words[0]),
                status: words[1].parse().unwrap(),
            },
            "cut" => Input::CutStreams,
            "kill-executor" => Input::KillExecutor {
                pick: words[0].parse().expect("a number"),
            },
            "master" => Input::MasterDetected,
            "thaw" => Input::Thawed {
                after: seconds(words[0]),
            },
            "leave" => Input::Leave,
            "subscribe" | "update" | "say" | "heartbeat" => self.call(command, &words),
            _ => Input::Master(Box::new(self.master(command, &words))),
        };
        self.agent.handle(self.now, input);
        self.drain("");
    }

    fn restart(&mut self) {
        let next = Agent::new(config(self.started));
        let checkpoint = std::mem::replace(&mut self.agent, next).into_checkpoint();
        self.agent = Agent::recover(self.now, config(self.started), checkpoint);
        self.drain("");
    }

    fn describe(&mut self) {
        let text = match self.agent.describe(self.now, Scope::Everything) {
            Ok(agent) => describe::text(&agent),
            Err(Recovering) => "    it recovers\n".to_owned(),
        };
        self.transcript.push_str(&text);
    }

    fn master(&mut self, command: &str, words: &[&str]) -> ToAgent {
        let framework_id = FrameworkId::from("f");
        match command {
            "register" => ToAgent::Registered {
                agent_id: AgentId::from("m-S0"),
            },
            "has" => ToAgent::Checkpoint {
                resources: Resources::parse(words[0]).unwrap().to_wire(),
            },
            "launch" | "join" => self.run_tasks(words, command == "launch"),
            "command" => self.run_command(words),
            "kill" => ToAgent::KillTask {
                framework_id,
                task_id: words[0].into(),
                kill_policy: grace(words).map(|grace_period| KillPolicy {
                    grace_period: Some(grace_period),
                }),
            },
            "shutdown" => ToAgent::ShutdownExecutor {
                framework_id,
                executor_id: words[0].into(),
            },
            "teardown" => ToAgent::ShutdownFramework { framework_id },
            "message" => ToAgent::FrameworkMessage {
                framework_id,
                executor_id: words[0].into(),
                data: words[1..].join(" ").into(),
            },
            "ack" => ToAgent::AcknowledgeUpdate {
                framework_id,
                task_id: words[0].into(),
                uuid: self.uuid(words[1]),
            },
            "unwanted" => ToAgent::Shutdown {
                message: words.join(" "),
            },
            "resubscribed" => ToAgent::UpdateFramework {
                framework: self.framework(),
            },
            other => panic!("no command: {other}"),
        }
    }

    fn run_tasks(&self, words: &[&str], launch_executor: bool) -> ToAgent {
        let executor = ExecutorInfo {
            executor_id: ExecutorId::from(words[0]).into(),
            shutdown_grace_period: grace(words),
            ..ExecutorInfo::default()
        };
        let tasks = words[1..]
            .iter()
            .filter(|word| **word != "group" && !word.contains('='))
            .map(|word| TaskInfo {
                task_id: TaskId::from(*word).into(),
                ..TaskInfo::default()
            });
        ToAgent::RunTasks {
            framework: self.framework(),
            executor: Some(executor),
            tasks: tasks.collect(),
            group: words.contains(&"group"),
            launch_executor,
        }
    }

    fn run_command(&self, words: &[&str]) -> ToAgent {
        let task = TaskInfo {
            task_id: TaskId::from(words[0]).into(),
            command: Some(CommandInfo {
                value: (!words.contains(&"valueless")).then(|| "true".to_owned()),
                ..CommandInfo::default()
            }),
            kill_policy: grace(words).map(|grace_period| KillPolicy {
                grace_period: Some(grace_period),
            }),
            ..TaskInfo::default()
        };
        ToAgent::RunTasks {
            framework: self.framework(),
            executor: None,
            tasks: vec![task],
            group: false,
            launch_executor: true,
        }
    }

    fn framework(&self) -> FrameworkInfo {
        let known = [
            (self.partition_aware, capability::Type::PartitionAware),
            (self.killing, capability::Type::TaskKillingState),
        ];
        let capabilities = known.into_iter().filter(|(has, _)| *has);
        FrameworkInfo {
            id: Some(FrameworkId::from("f").into()),
            checkpoint: Some(self.checkpoint),
            capabilities: capabilities
                .map(|(_, capability)| Capability {
                    r#type: Some(capability.into()),
                })
                .collect(),
            ..FrameworkInfo::default()
        }
    }

    fn call(&mut self, command: &str, words: &[&str]) -> Input {
        self.requests += 1;
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let body = match command {
            "subscribe" => Body::Subscribe {
                unacknowledged_tasks: value("tasks=")
                    .map_or_else(Vec::new, |ids| ids.split(',').map(TaskId::from).collect()),
                unacknowledged_updates: value("updates=")
                    .into_iter()
                    .flat_map(|updates| updates.split(','))
                    .map(|update| {
                        let (task, rest) = update.split_once(':').unwrap();
                        let (state, uuid) = rest.split_once('#').unwrap();
                        self.status(task, state, uuid)
                    })
                    .collect(),
            },
            "update" => {
                let mut status = self.status(words[1], words[2], words[3]);
                status.agent_id = value("agent=").map(|id| AgentId::from(id).into());
                Body::Update(Box::new(status))
            }
            "say" => Body::Message(words[1..].join(" ").into()),
            "heartbeat" => Body::Heartbeat,
            other => panic!("no call: {other}"),
        };
        let call = Call {
            framework_id: "f".into(),
            executor_id: words[0].into(),
            body,
        };
        Input::Call {
            principal: None,
            request: RequestId(self.requests),
            call,
        }
    }

    fn status(&mut self, task: &str, state: &str, uuid: &str) -> TaskStatus {
        TaskStatus {
            task_id: TaskId::from(task).into(),
            state: TaskState::from_str_name(state).unwrap().into(),
            source: Some(Source::Executor.into()),
            uuid: Some(self.uuid(uuid)),
            ..TaskStatus::default()
        }
    }

    /// Lets time pass from one due moment to the next.
    fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= until) {
            assert!(due > self.now || self.agent.poll_timeout() == Some(due));
            self.now = self.now.max(due);
            self.agent.handle_timeout(self.now);
            let passed = (self.now - self.started).as_secs();
            self.drain(&format!("after {passed}s: "));
            assert!(
                self.agent.poll_timeout() != Some(due),
                "a timeout that does not pass"
            );
        }
        self.now = until;
    }

    fn drain(&mut self, prefix: &str) {
        while let Some(output) = self.agent.poll_output() {
            let text = self.render(output);
            writeln!(self.transcript, "    {prefix}{text}").unwrap();
        }
    }

    fn render(&mut self, output: Output) -> String {
        match output {
            Output::Master(message) => format!("master {}", self.render_message(*message)),
            Output::Answer { request, answer } => format!("answer r{} {answer:?}", request.0),
            Output::Event { stream, event } => {
                format!("stream r{} {}", stream.0, self.render_event(*event))
            }
            Output::Cut { stream } => format!("stream r{} is cut", stream.0),
            Output::Close { stream } => format!("stream r{} ends", stream.0),
            Output::Launch(launch) => {
                self.containers.push(launch.container_id);
                let executor = launch.executor.executor_id.value;
                let grace = launch.shutdown_grace;
                format!(
                    "launch c{} {executor}, grace {grace:?}",
                    self.containers.len()
                )
            }
            Output::Terminate { container_id } => {
                format!("terminate {}", self.name(&container_id))
            }
            Output::Destroy { container_id } => format!("destroy {}", self.name(&container_id)),
        }
    }

    fn render_message(&mut self, message: ToMaster) -> String {
        match message {
            ToMaster::Register {
                agent,
                checkpointed,
                frameworks,
                executors,
                tasks,
                shown,
            } => {
                let ids = |ids: Vec<String>| ids.into_iter().collect::<BTreeSet<_>>();
                let told = tasks.iter().map(|(_, info, _)| info.task_id.value.clone());
                let seen = shown.iter().map(|task| task.task_id.value.clone());
                assert_eq!(ids(told.collect()), ids(seen.collect()));
                let mut text = format!("register {}", agent.hostname);
                if let Some(resources) = checkpointed {
                    let resources = Resources::from_wire(&resources).unwrap();
                    write!(text, " with {resources}").unwrap();
                }
                if let Some(id) = agent.id {
                    write!(text, " as {}", id.value).unwrap();
                }
                for framework in frameworks {
                    write!(text, ", framework {}", framework.id.unwrap().value).unwrap();
                }
                for (_, executor) in executors {
                    write!(text, ", executor {}", executor.executor_id.value).unwrap();
                }
                for (_, task, state) in tasks {
                    let state = state.as_str_name();
                    write!(text, ", {} {state}", task.task_id.value).unwrap();
                }
                text
            }
            ToMaster::ExecutorExited {
                executor_id,
                status,
                ..
            } => {
                format!("executor {executor_id} exited with {status}")
            }
            ToMaster::FrameworkMessage {
                executor_id, data, ..
            } => {
                format!(
                    "MESSAGE of {executor_id}: {}",
                    String::from_utf8_lossy(&data)
                )
            }
            ToMaster::StatusUpdate {
                status,
                latest_state,
                ..
            } => self.render_status(status, latest_state),
        }
    }

    fn render_status(&mut self, status: TaskStatus, latest_state: TaskState) -> String {
        assert_eq!(status.agent_id, Some(AgentId::from("m-S0").into()));
        let timestamp = status.timestamp.expect("every update has a timestamp");
        assert!(timestamp >= 1_000_000.0);
        let mut text = format!(
            "UPDATE {} {} {}",
            status.task_id.value,
            status.state().as_str_name(),
            self.name_of_uuid(status.uuid.as_ref().unwrap())
        );
        if let Some(executor_id) = &status.executor_id {
            write!(text, " executor {}", executor_id.value).unwrap();
        }
        if let Some(container) = &status.container_status {
            let container_id = container
                .container_id
                .as_ref()
                .map(ContainerId::from)
                .unwrap();
            let ip = container.network_infos[0].ip_addresses[0].ip_address();
            let name = self.name(&container_id);
            write!(
                text,
                " in {name} pid {} at {ip}",
                container.executor_pid.unwrap()
            )
            .unwrap();
        }
        match status.source() {
            Source::Executor => {
                assert_eq!(status.reason, None);
                if let Some(message) = &status.message {
                    write!(text, " `{message}`").unwrap();
                }
            }
            source => {
                let reason = status
                    .reason
                    .and_then(|it| Reason::try_from(it).ok())
                    .unwrap();
                let (source, reason) = (source.as_str_name(), reason.as_str_name());
                write!(text, " {source} {reason} `{}`", status.message()).unwrap();
            }
        }
        if latest_state != status.state() {
            write!(text, ", latest {}", latest_state.as_str_name()).unwrap();
        }
        text
    }

    fn render_event(&mut self, event: v1::executor::Event) -> String {
        let r#type = event.r#type();
        let mut text = r#type.as_str_name().to_owned();
        match r#type {
            Type::Subscribed => {
                let subscribed = event.subscribed.unwrap();
                let container_id = ContainerId::from(subscribed.container_id.unwrap());
                let agent_id = subscribed.agent_info.id.unwrap().value;
                let framework_id = subscribed.framework_info.id.unwrap().value;
                let executor_id = subscribed.executor_info.executor_id.value;
                let container = self.name(&container_id);
                write!(
                    text,
                    " {framework_id} {executor_id} on {agent_id} in {container}"
                )
                .unwrap();
            }
            Type::Launch => {
                write!(text, " {}", event.launch.unwrap().task.task_id.value).unwrap();
            }
            Type::LaunchGroup => {
                for task in event.launch_group.unwrap().task_group.tasks {
                    write!(text, " {}", task.task_id.value).unwrap();
                }
            }
            Type::Kill => write!(text, " {}", event.kill.unwrap().task_id.value).unwrap(),
            Type::Acknowledged => {
                let acknowledged = event.acknowledged.unwrap();
                let uuid = self.name_of_uuid(&acknowledged.uuid);
                write!(text, " {} {uuid}", acknowledged.task_id.value).unwrap();
            }
            Type::Message => {
                let data = event.message.unwrap().data;
                write!(text, " {}", String::from_utf8_lossy(&data)).unwrap();
            }
            Type::Unknown | Type::Error | Type::Shutdown | Type::Heartbeat => {}
        }
        text
    }

    fn container(&self, name: &str) -> ContainerId {
        let number: usize = name.strip_prefix('c').unwrap().parse().unwrap();
        self.containers[number - 1].clone()
    }

    fn name(&self, container_id: &ContainerId) -> String {
        let index = self
            .containers
            .iter()
            .position(|known| known == container_id)
            .unwrap();
        format!("c{}", index + 1)
    }

    /// The uuid of a name, made up when it is new.
    fn uuid(&mut self, name: &str) -> Bytes {
        let name = format!("#{}", name.trim_start_matches('#'));
        if let Some((uuid, _)) = self.uuids.iter().find(|(_, known)| **known == name) {
            return uuid.clone();
        }
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        let uuid = Bytes::copy_from_slice(&bytes);
        self.uuids.insert(uuid.clone(), name);
        uuid
    }

    fn name_of_uuid(&mut self, uuid: &Bytes) -> String {
        if let Some(name) = self.uuids.get(uuid) {
            return name.clone();
        }
        assert_eq!(uuid.len(), 16);
        assert_eq!(uuid[6] >> 4, 4, "a drawn uuid is of version 4");
        self.drawn += 1;
        let name = format!("#own{}", self.drawn);
        self.uuids.insert(uuid.clone(), name.clone());
        name
    }
}

/// An agent with Mesos' timeouts, started one million seconds after 1970.
pub(super) fn config(started: Instant) -> Config {
    Config {
        info: v1::AgentInfo {
            hostname: "localhost".to_owned(),
            ..Default::default()
        },
        ip: Ipv4Addr::LOCALHOST,
        work_dir: "/work".into(),
        registration_timeout: Duration::from_mins(1),
        reregistration_timeout: Duration::from_secs(2),
        shutdown_grace: Duration::from_secs(5),
        ping_timeout: Duration::from_secs(75),
        seed: 7,
        started,
        started_unix: Duration::from_secs(1_000_000),
    }
}

/// What `grace=1s` says.
fn grace(words: &[&str]) -> Option<DurationInfo> {
    let text = words.iter().find_map(|word| word.strip_prefix("grace="))?;
    Some(DurationInfo {
        nanoseconds: i64::try_from(seconds(text).as_nanos()).unwrap(),
    })
}

fn seconds(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => panic!("no unit: {other}"),
    };
    Duration::from_secs(number.parse::<u64>().unwrap() * factor)
}
