//! Whatever happens in whatever order, an agent keeps what it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::v1::task_status::Source;
use mesos::v1::{ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus};
use mesos::{ContainerId, TaskId};
use proptest::prelude::*;

use super::script::config;
use crate::core::agent::call::{Body, Call};
use crate::core::agent::operator::Scope;
use crate::core::agent::{Agent, Answer, Input, Output, RequestId};
use crate::core::wire::{ToAgent, ToMaster, is_terminal};

/// One thing that happens; the numbers choose frameworks, executors, tasks and states.
#[derive(Debug, Clone)]
enum Step {
    Run {
        framework: u8,
        executor: u8,
        task: u8,
        group: bool,
        launch_executor: bool,
    },
    Kill {
        framework: u8,
        task: u8,
    },
    ShutdownExecutor {
        framework: u8,
        executor: u8,
    },
    ShutdownFramework {
        framework: u8,
    },
    Acknowledge {
        framework: u8,
        task: u8,
    },
    Resubscribed {
        framework: u8,
    },
    Subscribe {
        framework: u8,
        executor: u8,
        known: u8,
    },
    Update {
        framework: u8,
        executor: u8,
        task: u8,
        state: TaskState,
        uuid: u8,
    },
    Message {
        framework: u8,
        executor: u8,
    },
    /// A container's process is known.
    Started {
        which: u8,
    },
    /// A container ends.
    End {
        which: u8,
        failed: bool,
    },
    Wait {
        seconds: u16,
    },
    /// The agent ends and another takes its place.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop::sample::select(vec![
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskFinished,
        TaskState::TaskKilled,
    ]);
    let ids = || (0..2_u8, 0..2_u8);
    prop_oneof![
        4 => (ids(), 0..6_u8, any::<bool>(), any::<bool>()).prop_map(
            |((framework, executor), task, group, launch_executor)| Step::Run {
                framework, executor, task, group, launch_executor,
            }
        ),
        1 => (0..2_u8, 0..6_u8).prop_map(|(framework, task)| Step::Kill { framework, task }),
        1 => ids().prop_map(|(framework, executor)| Step::ShutdownExecutor { framework, executor }),
        1 => (0..2_u8).prop_map(|framework| Step::ShutdownFramework { framework }),
        4 => (0..2_u8, 0..6_u8)
            .prop_map(|(framework, task)| Step::Acknowledge { framework, task }),
        1 => (0..2_u8).prop_map(|framework| Step::Resubscribed { framework }),
        3 => (ids(), any::<u8>()).prop_map(|((framework, executor), known)| Step::Subscribe {
            framework, executor, known,
        }),
        4 => (ids(), 0..6_u8, state, 0..12_u8).prop_map(
            |((framework, executor), task, state, uuid)| Step::Update {
                framework, executor, task, state, uuid,
            }
        ),
        1 => ids().prop_map(|(framework, executor)| Step::Message { framework, executor }),
        3 => any::<u8>().prop_map(|which| Step::Started { which }),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(which, failed)| Step::End { which, failed }),
        2 => (0..100_u16).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}

/// Plays steps and watches the outputs.
struct Watch {
    agent: Agent,
    now: Instant,
    requests: u64,
    /// Calls without an answer.
    unanswered: BTreeSet<RequestId>,
    streams: BTreeSet<RequestId>,
    /// Containers that were launched and have not ended, and those among them to be destroyed.
    containers: Vec<ContainerId>,
    destroyed: BTreeSet<ContainerId>,
    /// The update of each task that is on its way.
    in_flight: BTreeMap<(String, TaskId), TaskStatus>,
    /// The agent has told the master of itself, and waits for the answer.
    registers: bool,
}

impl Watch {
    fn new() -> Self {
        let now = Instant::now();
        let mut watch = Self {
            agent: Agent::new(config(now)),
            now,
            requests: 0,
            unanswered: BTreeSet::new(),
            streams: BTreeSet::new(),
            containers: Vec::new(),
            destroyed: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            registers: false,
        };
        watch.drain();
        watch.register();
        watch
    }

    /// Answers the agent, if it has told of itself.
    fn register(&mut self) {
        if std::mem::take(&mut self.registers) {
            self.tell(ToAgent::Registered {
                agent_id: "m-S0".into(),
            });
        }
    }

    /// Whatever went over connections is gone with them; containers are not, whoever knows them.
    fn restart(&mut self) {
        self.unanswered.clear();
        self.streams.clear();
        self.destroyed.clear();
        self.in_flight.clear();
        let next = Agent::new(config(self.now));
        let checkpoint = std::mem::replace(&mut self.agent, next).into_checkpoint();
        self.agent = Agent::recover(self.now, config(self.now), checkpoint);
        self.registers = false;
        self.drain();
    }

    fn tell(&mut self, message: ToAgent) {
        self.handle(Input::Master(Box::new(message)));
    }

    fn call(&mut self, framework: u8, executor: u8, body: Body) {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.unanswered.insert(request);
        let call = Call {
            framework_id: name('f', framework).as_str().into(),
            executor_id: name('e', executor).as_str().into(),
            body,
        };
        self.handle(Input::Call {
            request,
            call,
            principal: None,
        });
        // At most one of each executor waits for the news of its process.
        assert!(self.unanswered.len() <= self.containers.len());
    }

    fn handle(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        self.drain();
    }

    /// What operators see is one picture: each living task is in one list, and that is the right one.
    fn check_description(&self) {
        let Ok(agent) = self.agent.describe(self.now, Scope::Everything) else {
            return;
        };
        assert_eq!(agent.containers().len(), self.agent.containers());
        for framework in &agent.frameworks {
            let mut seen = BTreeSet::new();
            for executor in &framework.executors {
                let tasks = &executor.tasks;
                for task in tasks.queued.iter().chain(&tasks.launched) {
                    assert!(!is_terminal(task.state()), "{task:?}");
                    assert!(seen.insert(&task.task_id.value), "{task:?} is there twice");
                }
                for task in &tasks.terminated {
                    assert!(is_terminal(task.state()), "{task:?}");
                    assert!(seen.insert(&task.task_id.value), "{task:?} is there twice");
                }
                for task in &tasks.completed {
                    assert!(is_terminal(task.state()), "{task:?}");
                }
            }
        }
    }

    fn play(&mut self, step: Step) {
        self.register();
        match step {
            Step::Run {
                framework,
                executor,
                task,
                group,
                launch_executor,
            } => {
                let task = TaskInfo {
                    task_id: task_id(task).into(),
                    ..TaskInfo::default()
                };
                let executor_id = mesos::ExecutorId::from(name('e', executor)).into();
                self.tell(ToAgent::RunTasks {
                    framework: framework_info(framework),
                    executor: Some(ExecutorInfo {
                        executor_id,
                        ..ExecutorInfo::default()
                    }),
                    tasks: vec![task],
                    group,
                    launch_executor,
                });
            }
            Step::Kill { framework, task } => self.tell(ToAgent::KillTask {
                framework_id: name('f', framework).into(),
                task_id: task_id(task),
                kill_policy: None,
            }),
            Step::ShutdownExecutor {
                framework,
                executor,
            } => {
                self.tell(ToAgent::ShutdownExecutor {
                    framework_id: name('f', framework).into(),
                    executor_id: name('e', executor).into(),
                });
            }
            Step::ShutdownFramework { framework } => {
                let framework = name('f', framework);
                self.in_flight.retain(|(owner, _), _| *owner != framework);
                self.tell(ToAgent::ShutdownFramework {
                    framework_id: framework.into(),
                });
            }
            Step::Acknowledge { framework, task } => {
                let framework = name('f', framework);
                let key = (framework.clone(), task_id(task));
                let Some(status) = self.in_flight.remove(&key) else {
                    return;
                };
                self.tell(ToAgent::AcknowledgeUpdate {
                    framework_id: framework.into(),
                    task_id: key.1,
                    uuid: status.uuid.unwrap(),
                });
            }
            Step::Resubscribed { framework } => {
                let framework = framework_info(framework);
                self.tell(ToAgent::UpdateFramework { framework });
            }
            Step::Subscribe {
                framework,
                executor,
                known,
            } => {
                let known = (0..6).filter(|task| known & (1 << task) != 0).map(task_id);
                let body = Body::Subscribe {
                    unacknowledged_tasks: known.collect(),
                    unacknowledged_updates: Vec::new(),
                };
                self.call(framework, executor, body);
            }
            Step::Update {
                framework,
                executor,
                task,
                state,
                uuid,
            } => {
                let status = TaskStatus {
                    task_id: task_id(task).into(),
                    state: state.into(),
                    source: Some(Source::Executor.into()),
                    uuid: Some(Bytes::copy_from_slice(&[0x40 | uuid; 16])),
                    ..TaskStatus::default()
                };
                self.call(framework, executor, Body::Update(Box::new(status)));
            }
            Step::Message {
                framework,
                executor,
            } => {
                self.call(framework, executor, Body::Message(Bytes::new()));
            }
            Step::Started { which } => {
                if let Some(index) = usize::from(which).checked_rem(self.containers.len()) {
                    let container_id = self.containers[index].clone();
                    self.handle(Input::Started {
                        container_id,
                        pid: 77,
                    });
                }
            }
            Step::End { which, failed } => self.end(which, failed),
            Step::Wait { seconds } => self.wait(Duration::from_secs(seconds.into())),
            Step::Restart => self.restart(),
        }
    }

    fn end(&mut self, which: u8, failed: bool) {
        if self.containers.is_empty() {
            return;
        }
        let container_id = self
            .containers
            .remove(usize::from(which) % self.containers.len());
        self.handle(if failed {
            Input::LaunchFailed {
                container_id,
                message: "x".to_owned(),
            }
        } else {
            Input::Exited {
                container_id,
                status: 0,
            }
        });
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.agent.handle_timeout(self.now);
            self.drain();
            let next = self.agent.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now),
                "what is due is done"
            );
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Master(message) => self.watch_message(*message),
                Output::Answer { request, answer } => {
                    assert!(self.unanswered.remove(&request), "one answer for each call");
                    if answer == Answer::Stream {
                        self.streams.insert(request);
                    }
                }
                Output::Event { stream, .. } => assert!(self.streams.contains(&stream)),
                Output::Cut { stream } => assert!(self.streams.contains(&stream)),
                Output::Close { stream } => assert!(self.streams.remove(&stream)),
                Output::Launch(launch) => self.containers.push(launch.container_id),
                Output::Terminate { container_id } => {
                    assert!(self.containers.contains(&container_id), "it lives");
                }
                Output::Destroy { container_id } => {
                    assert!(self.containers.contains(&container_id), "it lives");
                    assert!(self.destroyed.insert(container_id), "once is enough");
                }
            }
        }
    }

    fn watch_message(&mut self, message: ToMaster) {
        let (framework_id, status) = match message {
            ToMaster::StatusUpdate {
                framework_id,
                status,
                ..
            } => (framework_id, status),
            ToMaster::Register { .. } => return self.registers = true,
            ToMaster::ExecutorExited { .. } | ToMaster::FrameworkMessage { .. } => return,
        };
        assert!(!self.registers, "nothing is reported before the answer");
        let key = (framework_id.to_string(), TaskId::from(&status.task_id));
        let before = self.in_flight.insert(key, status.clone());
        assert!(
            before.is_none_or(|before| before == status),
            "one update of a task is on its way, and repeated as it was"
        );
    }

    /// After the end of all containers and all acknowledgements nothing is left to do.
    fn settle(&mut self) {
        self.wait(Duration::from_secs(2));
        self.register();
        while !self.containers.is_empty() {
            self.end(0, false);
        }
        // Ends of those that had not come back are noticed later.
        self.wait(Duration::from_secs(1));
        for _ in 0..1000 {
            let Some((key, status)) = self.in_flight.pop_first() else {
                break;
            };
            self.tell(ToAgent::AcknowledgeUpdate {
                framework_id: key.0.into(),
                task_id: key.1,
                uuid: status.uuid.unwrap(),
            });
        }
        assert!(self.unanswered.is_empty(), "every call is answered");
        assert_eq!(self.agent.poll_timeout(), None);
        assert!(self.agent.frameworks.is_empty());
        assert!(self.agent.containers.is_empty());
    }
}

fn name(letter: char, number: u8) -> String {
    format!("{letter}{number}")
}

fn task_id(number: u8) -> TaskId {
    name('t', number).into()
}

fn framework_info(number: u8) -> FrameworkInfo {
    FrameworkInfo {
        id: Some(mesos::FrameworkId::from(name('f', number)).into()),
        // Of those that do not, nothing survives a restart.
        checkpoint: Some(number == 0),
        ..FrameworkInfo::default()
    }
}

proptest! {
    #[test]
    fn an_agent_keeps_its_promises_whatever_happens(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut watch = Watch::new();
        for step in steps {
            watch.play(step);
            watch.check_description();
        }
        watch.settle();
    }
}
