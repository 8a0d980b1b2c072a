//! Executors without processes: they answer their agent at once, as well-behaved ones would.
//!
//! It stands beside the machine of an agent: what that wants done with executors goes in
//! ([`perform`](SimulatedExecutors::perform)), what executors do comes out as inputs of the agent
//! ([`poll_input`](SimulatedExecutors::poll_input)). It knows nothing of masters.
//!
//! ```text
//!              Launch: Started, SUBSCRIBE            the last task has ended and that is
//!   (none) ──────────────────────────► Subscribed ──── acknowledged, SHUTDOWN, ERROR ────► Exited 0
//!                                       │  ▲   │
//!              the stream ends or breaks└──┘   └── Destroy, Terminate ──► Exited by a signal
//!                          SUBSCRIBE
//! ```
//!
//! A task runs as soon as it is there, and until it is killed: TASK_RUNNING on LAUNCH and
//! LAUNCH_GROUP, TASK_KILLED on KILL and SHUTDOWN. A framework message comes back as it is. A
//! command task is a process that ends by signals only, unless its command is `exit` and a number.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use mesos::v1::executor::Event;
use mesos::v1::executor::event::Type;
use mesos::v1::task_status::Source;
use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use mesos::{ContainerId, ExecutorId, FrameworkId, TaskId};

use super::agent::{Answer, Body, Call, Input, Launch, Output, RequestId};

/// All executors of one agent.
///
/// Give every output of the agent to [`perform`](Self::perform), and then all of
/// [`poll_input`](Self::poll_input) to the agent, one by one, its outputs in between.
#[derive(Debug)]
pub(crate) struct SimulatedExecutors {
    /// What executors say that their process is.
    pid: u32,
    rng: fastrand::Rng,
    executors: BTreeMap<ContainerId, Executor>,
    /// Whose SUBSCRIBE a request was; the stream goes by the same number.
    subscriptions: BTreeMap<RequestId, ContainerId>,
    last_request: u64,
    inputs: VecDeque<Input>,
}

#[derive(Debug)]
struct Executor {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    /// Whether it waits for an agent that has ended.
    checkpoint: bool,
    is_command: bool,
    /// Its last SUBSCRIBE.
    subscription: Option<RequestId>,
    living: BTreeSet<TaskId>,
    /// Tasks of which no update was acknowledged.
    new: BTreeSet<TaskId>,
    /// Updates that were not acknowledged, oldest first.
    updates: Vec<TaskStatus>,
}

/// The wait status of a process that has ended well.
const EXITED: i32 = 0;

/// That of one whose agent did not want it: exit code 1.
const FAILED: i32 = 256;

/// Those of processes that were ended by signals.
const KILLED: i32 = 9;
const TERMINATED: i32 = 15;

impl SimulatedExecutors {
    /// None yet. Uuids are drawn from `seed`.
    pub(crate) fn new(pid: u32, seed: u64) -> Self {
        Self {
            pid,
            rng: fastrand::Rng::with_seed(seed),
            executors: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            last_request: 0,
            inputs: VecDeque::new(),
        }
    }

    /// Does what its agent wants; gives back what is not about executors.
    pub(crate) fn perform(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Launch(launch) => self.launch(*launch),
            Output::Answer { request, answer } => self.take_answer(request, &answer),
            Output::Event { stream, event } => self.take_event(stream, *event),
            Output::Close { stream } | Output::Cut { stream } => self.lose_stream(stream),
            Output::Terminate { container_id } => self.exit(&container_id, TERMINATED),
            Output::Destroy { container_id } => self.exit(&container_id, KILLED),
            other @ Output::Master(_) => return Some(other),
        }
        None
    }

    /// What an executor does next, until there is nothing.
    pub(crate) fn poll_input(&mut self) -> Option<Input> {
        self.inputs.pop_front()
    }

    /// The agent has ended. Executors whose framework does not checkpoint go with it; nobody hears
    /// of that (PROTOCOL §9.5).
    pub(crate) fn outlive_agent(&mut self) {
        self.subscriptions.clear();
        self.executors.retain(|_, executor| executor.checkpoint);
    }

    /// The agent is there again.
    pub(crate) fn find_agent(&mut self) {
        let waiting = self.executors.iter().filter(|(_, it)| !it.is_command);
        let waiting: Vec<ContainerId> = waiting.map(|(id, _)| id.clone()).collect();
        for container_id in waiting {
            self.subscribe(&container_id);
        }
    }

    fn launch(&mut self, launch: Launch) {
        let exit_status = exit_status(&launch);
        let container_id = launch.container_id;
        let executor = Executor {
            framework_id: launch.framework_id,
            executor_id: (&launch.executor.executor_id).into(),
            checkpoint: launch.checkpoint,
            is_command: launch.is_command,
            subscription: None,
            living: BTreeSet::new(),
            new: BTreeSet::new(),
            updates: Vec::new(),
        };
        self.executors.insert(container_id.clone(), executor);
        self.inputs.push_back(Input::Started {
            container_id: container_id.clone(),
            pid: self.pid,
        });
        // The agent speaks for a command itself.
        if !launch.is_command {
            self.subscribe(&container_id);
        } else if let Some(status) = exit_status {
            self.exit(&container_id, status);
        }
    }

    fn subscribe(&mut self, container_id: &ContainerId) {
        let request = self.next_request();
        let Some(executor) = self.executors.get_mut(container_id) else {
            return;
        };
        if let Some(before) = executor.subscription.replace(request) {
            self.subscriptions.remove(&before);
        }
        self.subscriptions.insert(request, container_id.clone());
        let body = Body::Subscribe {
            unacknowledged_tasks: executor.new.iter().cloned().collect(),
            unacknowledged_updates: executor.updates.clone(),
        };
        let call = executor.call(body);
        self.push_call(request, call);
    }

    /// What is not taken is said again with the next SUBSCRIBE, if there is one.
    fn take_answer(&mut self, request: RequestId, answer: &Answer) {
        if *answer != Answer::Stream
            && let Some(container_id) = self.subscriptions.remove(&request)
        {
            self.exit(&container_id, FAILED);
        }
    }

    fn lose_stream(&mut self, stream: RequestId) {
        if let Some(container_id) = self.subscriptions.remove(&stream) {
            self.subscribe(&container_id);
        }
    }

    fn take_event(&mut self, stream: RequestId, event: Event) {
        let Some(container_id) = self.subscriptions.get(&stream).cloned() else {
            return;
        };
        match event.r#type() {
            Type::Launch => {
                let task = event.launch.map(|launch| launch.task);
                self.run_tasks(&container_id, task);
            }
            Type::LaunchGroup => {
                let group = event.launch_group.map(|launch| launch.task_group.tasks);
                self.run_tasks(&container_id, group.into_iter().flatten());
            }
            Type::Kill => {
                if let Some(kill) = event.kill {
                    self.end_task(&container_id, &kill.task_id.into());
                }
            }
            Type::Acknowledged => {
                if let Some(acknowledged) = event.acknowledged {
                    let task_id = acknowledged.task_id.into();
                    self.acknowledge(&container_id, &task_id, &acknowledged.uuid);
                }
            }
            Type::Message => {
                if let Some(message) = event.message {
                    self.say(&container_id, Body::Message(message.data));
                }
            }
            Type::Shutdown | Type::Error => {
                let living = self
                    .executors
                    .get(&container_id)
                    .map(|it| it.living.clone());
                for task_id in living.unwrap_or_default() {
                    self.end_task(&container_id, &task_id);
                }
                self.exit(&container_id, EXITED);
            }
            Type::Unknown | Type::Subscribed | Type::Heartbeat => {}
        }
    }

    fn run_tasks(&mut self, container_id: &ContainerId, tasks: impl IntoIterator<Item = TaskInfo>) {
        for task in tasks {
            let task_id = TaskId::from(&task.task_id);
            if let Some(executor) = self.executors.get_mut(container_id) {
                executor.living.insert(task_id.clone());
                executor.new.insert(task_id.clone());
            }
            self.update(container_id, &task_id, TaskState::TaskRunning);
        }
    }

    /// Nothing for a task that does not run.
    fn end_task(&mut self, container_id: &ContainerId, task_id: &TaskId) {
        let executor = self.executors.get_mut(container_id);
        if executor.is_some_and(|executor| executor.living.remove(task_id)) {
            self.update(container_id, task_id, TaskState::TaskKilled);
        }
    }

    fn update(&mut self, container_id: &ContainerId, task_id: &TaskId, state: TaskState) {
        let uuid = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid();
        let Some(executor) = self.executors.get_mut(container_id) else {
            return;
        };
        let status = TaskStatus {
            task_id: task_id.into(),
            state: state.into(),
            source: Some(Source::Executor.into()),
            executor_id: Some((&executor.executor_id).into()),
            uuid: Some(Bytes::copy_from_slice(uuid.as_bytes())),
            ..TaskStatus::default()
        };
        executor.updates.push(status.clone());
        self.say(container_id, Body::Update(Box::new(status)));
    }

    /// An executor that has nothing left to do, and has been heard, ends.
    fn acknowledge(&mut self, container_id: &ContainerId, task_id: &TaskId, uuid: &Bytes) {
        let Some(executor) = self.executors.get_mut(container_id) else {
            return;
        };
        executor.new.remove(task_id);
        executor
            .updates
            .retain(|status| status.uuid.as_ref() != Some(uuid));
        if executor.living.is_empty() && executor.updates.is_empty() {
            self.exit(container_id, EXITED);
        }
    }

    /// Nothing for one that has ended.
    fn exit(&mut self, container_id: &ContainerId, status: i32) {
        let Some(executor) = self.executors.remove(container_id) else {
            return;
        };
        if let Some(subscription) = executor.subscription {
            self.subscriptions.remove(&subscription);
        }
        self.inputs.push_back(Input::Exited {
            container_id: container_id.clone(),
            status,
        });
    }

    fn say(&mut self, container_id: &ContainerId, body: Body) {
        let request = self.next_request();
        if let Some(executor) = self.executors.get(container_id) {
            let call = executor.call(body);
            self.push_call(request, call);
        }
    }

    fn push_call(&mut self, request: RequestId, call: Call) {
        self.inputs.push_back(Input::Call {
            request,
            call,
            // Only what comes over HTTP has to prove who it is.
            principal: None,
        });
    }

    fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }
}

impl Executor {
    fn call(&self, body: Body) -> Call {
        Call {
            framework_id: self.framework_id.clone(),
            executor_id: self.executor_id.clone(),
            body,
        }
    }
}

/// How a command ends by itself: the one of which that is told by its text, which an agent also puts
/// in the place of a command that says nothing.
fn exit_status(launch: &Launch) -> Option<i32> {
    let command = launch.executor.command.as_ref()?;
    let code = command.value().strip_prefix("exit ")?;
    let code: u8 = code.trim().parse().ok()?;
    Some(i32::from(code) << 8)
}

#[cfg(test)]
mod tests;
