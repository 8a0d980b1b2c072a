//! Simulated executors with the machine of an agent: what a master hears of them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use mesos::v1::{self, CommandInfo, ExecutorInfo, FrameworkInfo};

use super::*;
use crate::core::agent::{Agent, Config};
use crate::core::wire::{ToAgent, ToMaster};

/// Runs a script and compares what the master heard.
///
/// `launch EXECUTOR TASK…` and `group EXECUTOR TASK…` are RunTasks for a new executor, `join EXECUTOR
/// TASK…` for one that runs, `command TASK COMMAND` for a command task; `acknowledge` acknowledges all that
/// was heard so far.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut pair = Pair::new();
    for line in script.lines().map(str::trim) {
        pair.play(line);
    }
    expected.assert_eq(&pair.transcript);
}

struct Pair {
    agent: Agent,
    executors: SimulatedExecutors,
    now: Instant,
    checkpoint: bool,
    /// What was not acknowledged.
    heard: Vec<TaskStatus>,
    transcript: String,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let agent = Agent::new(Config {
            info: v1::AgentInfo::default(),
            ip: Ipv4Addr::LOCALHOST,
            work_dir: "/work".into(),
            registration_timeout: Duration::from_secs(60),
            reregistration_timeout: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(75),
            seed: 1,
            started: now,
            started_unix: Duration::from_secs(1_000_000),
        });
        let mut pair = Self {
            agent,
            executors: SimulatedExecutors::new(7, 1),
            now,
            checkpoint: false,
            heard: Vec::new(),
            transcript: String::new(),
        };
        pair.register();
        pair.transcript.clear();
        pair
    }

    fn register(&mut self) {
        self.drain();
        self.tell(ToAgent::Registered {
            agent_id: "a".into(),
        });
    }

    fn play(&mut self, line: &str) {
        self.note(&format!("> {line}"));
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "checkpoint" => self.checkpoint = true,
            "launch" | "group" | "join" => self.run_tasks(words[0], words[1], &words[2..]),
            "command" => self.run_command(words[1], &words[2..].join(" ")),
            "kill" => self.tell(ToAgent::KillTask {
                framework_id: "f".into(),
                task_id: words[1].into(),
                kill_policy: None,
            }),
            "shutdown" => self.tell(ToAgent::ShutdownExecutor {
                framework_id: "f".into(),
                executor_id: words[1].into(),
            }),
            "teardown" => self.tell(ToAgent::ShutdownFramework {
                framework_id: "f".into(),
            }),
            "message" => self.tell(ToAgent::FrameworkMessage {
                framework_id: "f".into(),
                executor_id: words[1].into(),
                data: Bytes::copy_from_slice(words[2].as_bytes()),
            }),
            "acknowledge" => {
                for status in std::mem::take(&mut self.heard) {
                    self.tell(ToAgent::AcknowledgeUpdate {
                        framework_id: "f".into(),
                        task_id: status.task_id.into(),
                        uuid: status.uuid.expect("all have one"),
                    });
                }
            }
            "cut" => self.handle(Input::CutStreams),
            "destroy" => self.handle(Input::KillExecutor { pick: 0 }),
            "restart" => self.restart(),
            other => panic!("{other} is no word of these scripts"),
        }
    }

    fn framework(&self) -> FrameworkInfo {
        FrameworkInfo {
            id: Some(FrameworkId::from("f").into()),
            checkpoint: Some(self.checkpoint),
            ..FrameworkInfo::default()
        }
    }

    fn run_tasks(&mut self, word: &str, executor: &str, tasks: &[&str]) {
        let executor = ExecutorInfo {
            executor_id: ExecutorId::from(executor).into(),
            ..ExecutorInfo::default()
        };
        let task = |id: &&str| TaskInfo {
            task_id: TaskId::from(*id).into(),
            ..TaskInfo::default()
        };
        self.tell(ToAgent::RunTasks {
            framework: self.framework(),
            executor: Some(executor),
            tasks: tasks.iter().map(task).collect(),
            group: word == "group",
            launch_executor: word != "join",
        });
    }

    fn run_command(&mut self, task: &str, command: &str) {
        let task = TaskInfo {
            task_id: TaskId::from(task).into(),
            command: Some(CommandInfo {
                value: Some(command.to_owned()),
                ..CommandInfo::default()
            }),
            ..TaskInfo::default()
        };
        self.tell(ToAgent::RunTasks {
            framework: self.framework(),
            executor: None,
            tasks: vec![task],
            group: false,
            launch_executor: true,
        });
    }

    fn restart(&mut self) {
        self.executors.outlive_agent();
        let fresh = Agent::new(self.agent.config().clone());
        let before = std::mem::replace(&mut self.agent, fresh);
        let config = before.config().clone();
        self.agent = Agent::recover(self.now, config, before.into_checkpoint());
        self.executors.find_agent();
        self.drain();
        while let Some(due) = self.agent.poll_timeout() {
            if due > self.now + Duration::from_secs(2) {
                break;
            }
            self.now = due;
            self.agent.handle_timeout(self.now);
            self.drain();
        }
        self.register();
    }

    fn tell(&mut self, message: ToAgent) {
        self.handle(Input::Master(Box::new(message)));
    }

    fn handle(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        self.drain();
    }

    /// As the shell does it.
    fn drain(&mut self) {
        loop {
            while let Some(output) = self.agent.poll_output() {
                if let Some(Output::Master(message)) = self.executors.perform(output) {
                    self.hear(*message);
                }
            }
            let Some(input) = self.executors.poll_input() else {
                return;
            };
            self.agent.handle(self.now, input);
        }
    }

    fn hear(&mut self, message: ToMaster) {
        match message {
            ToMaster::StatusUpdate { status, .. } => {
                let (id, state) = (&status.task_id.value, status.state().as_str_name());
                self.note(&format!("    {id} {state}"));
                self.heard.push(status);
            }
            ToMaster::ExecutorExited {
                executor_id,
                status,
                ..
            } => self.note(&format!("    {executor_id} exited with {status}")),
            ToMaster::FrameworkMessage {
                executor_id, data, ..
            } => {
                let data = String::from_utf8_lossy(&data).into_owned();
                self.note(&format!("    {executor_id} says {data}"));
            }
            ToMaster::Register { tasks, .. } => {
                let tasks = tasks.iter().map(|(_, task, state)| {
                    format!(" {} {}", task.task_id.value, state.as_str_name())
                });
                self.note(&format!("    register:{}", tasks.collect::<String>()));
            }
        }
    }

    fn note(&mut self, line: &str) {
        self.transcript.push_str(line);
        self.transcript.push('\n');
    }
}

#[test]
fn tasks_run_until_they_are_killed_and_their_executor_ends_with_the_last() {
    check(
        "launch ex t1 t2
         acknowledge
         join ex t3
         kill t1
         kill t2
         acknowledge
         kill t3
         kill t3
         acknowledge",
        expect![[r#"
            > launch ex t1 t2
                t1 TASK_RUNNING
                t2 TASK_RUNNING
            > acknowledge
            > join ex t3
                t3 TASK_RUNNING
            > kill t1
                t1 TASK_KILLED
            > kill t2
                t2 TASK_KILLED
            > acknowledge
            > kill t3
                t3 TASK_KILLED
                ex exited with 0
            > kill t3
            > acknowledge
        "#]],
    );
}

#[test]
fn a_group_runs_as_one() {
    check(
        "group ex t1 t2
         kill t1
         acknowledge
         kill t2
         acknowledge
         acknowledge
         acknowledge",
        expect![[r#"
            > group ex t1 t2
                t1 TASK_RUNNING
                t2 TASK_RUNNING
            > kill t1
            > acknowledge
                t1 TASK_KILLED
            > kill t2
                t2 TASK_KILLED
                ex exited with 0
            > acknowledge
            > acknowledge
            > acknowledge
        "#]],
    );
}

#[test]
fn nothing_is_lost_with_a_stream() {
    check(
        "launch ex t1 t2
         cut
         acknowledge
         cut
         message ex hello
         kill t1
         cut
         acknowledge",
        expect![[r#"
            > launch ex t1 t2
                t1 TASK_RUNNING
                t2 TASK_RUNNING
            > cut
            > acknowledge
            > cut
            > message ex hello
                ex says hello
            > kill t1
                t1 TASK_KILLED
            > cut
            > acknowledge
        "#]],
    );
}

#[test]
fn an_executor_that_is_told_to_go_ends_its_tasks() {
    check(
        "launch ex t1
         acknowledge
         shutdown ex
         acknowledge
         launch ex t2
         teardown
         launch ex t3",
        expect![[r#"
            > launch ex t1
                t1 TASK_RUNNING
            > acknowledge
            > shutdown ex
                t1 TASK_KILLED
                ex exited with 0
            > acknowledge
            > launch ex t2
                t2 TASK_RUNNING
            > teardown
                ex exited with 0
            > launch ex t3
                t3 TASK_RUNNING
        "#]],
    );
}

#[test]
fn an_executor_that_is_killed_says_nothing() {
    check(
        "launch ex t1
         acknowledge
         destroy
         acknowledge",
        expect![[r#"
            > launch ex t1
                t1 TASK_RUNNING
            > acknowledge
            > destroy
                ex exited with 9
                t1 TASK_FAILED
            > acknowledge
        "#]],
    );
}

#[test]
fn executors_with_checkpoint_outlive_their_agent() {
    check(
        "checkpoint
         launch ex t1 t2
         kill t2
         restart
         acknowledge
         acknowledge
         message ex hello
         kill t1
         acknowledge",
        expect![[r#"
            > checkpoint
            > launch ex t1 t2
                t1 TASK_RUNNING
                t2 TASK_RUNNING
            > kill t2
            > restart
                register: t1 TASK_RUNNING t2 TASK_KILLED
                t1 TASK_RUNNING
                t2 TASK_RUNNING
            > acknowledge
                t2 TASK_KILLED
            > acknowledge
            > message ex hello
                ex says hello
            > kill t1
                t1 TASK_KILLED
                ex exited with 0
            > acknowledge
        "#]],
    );
}

#[test]
fn executors_without_checkpoint_end_with_their_agent() {
    check(
        "launch ex t1
         acknowledge
         restart
         message ex hello
         launch ex t1",
        expect![[r#"
            > launch ex t1
                t1 TASK_RUNNING
            > acknowledge
            > restart
                register:
            > message ex hello
            > launch ex t1
                t1 TASK_RUNNING
        "#]],
    );
}

#[test]
fn a_command_runs_until_it_is_killed() {
    check(
        "command t1 sleep 1
         acknowledge
         acknowledge
         kill t1
         acknowledge",
        expect![[r#"
            > command t1 sleep 1
                t1 TASK_STARTING
            > acknowledge
                t1 TASK_RUNNING
            > acknowledge
            > kill t1
                t1 TASK_KILLED
            > acknowledge
        "#]],
    );
}

#[test]
fn a_command_that_is_to_exit_does() {
    check(
        "command t1 exit 0
         acknowledge
         acknowledge
         command t2 exit 3
         acknowledge
         acknowledge",
        expect![[r#"
            > command t1 exit 0
                t1 TASK_STARTING
            > acknowledge
                t1 TASK_RUNNING
            > acknowledge
                t1 TASK_FINISHED
            > command t2 exit 3
                t2 TASK_STARTING
            > acknowledge
                t2 TASK_RUNNING
            > acknowledge
                t2 TASK_FAILED
        "#]],
    );
}
