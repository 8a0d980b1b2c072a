//! What an agent does when an executor calls.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mesos::v1::executor::event::Subscribed;
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{AgentInfo, TaskState, TaskStatus};
use mesos::{ContainerId, ExecutorId, FrameworkId, TaskId};

use super::call::{Body, Call};
use super::executor::{Life, Standing, Subscribe};
use super::status::{self, Verdict, describe_container};
use super::updates::Added;
use super::{Agent, Answer, Output, Phase, RequestId};
use crate::core::principal::Principal;
use crate::core::wire::ToMaster;

/// How long after its SUBSCRIBE an executor gets its first HEARTBEAT, and then the next
/// (PROTOCOL §13.1).
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_mins(30);

impl Agent {
    /// Answers a call, in the order of PROTOCOL §9.1.
    pub(super) fn handle_call(
        &mut self,
        now: Instant,
        request: RequestId,
        call: Call,
        principal: Option<&Principal>,
    ) {
        let Call {
            framework_id,
            executor_id,
            body,
        } = call;
        // Its ids are not even looked up.
        if body == Body::Heartbeat {
            return self.answer(request, Answer::Accepted);
        }
        let subscribes = matches!(body, Body::Subscribe { .. });
        if matches!(self.phase, Phase::Recovering { .. }) && !subscribes {
            return self.answer(request, Answer::Recovering);
        }
        let Some(framework) = self.frameworks.get(&framework_id) else {
            return self.answer(request, Answer::UnknownFramework);
        };
        let Some(executor) = framework.executors.get(&executor_id) else {
            return self.answer(request, Answer::UnknownExecutor);
        };
        let container_id = &executor.container_id;
        let checked = principal
            .map(|principal| principal.check_executor(&framework_id, &executor_id, container_id));
        if let Some(Err(text)) = checked {
            return self.answer(request, Answer::Forbidden(text));
        }
        let registering = matches!(executor.life, Life::Registering { .. } | Life::Recovered);
        match body {
            Body::Subscribe {
                unacknowledged_tasks,
                unacknowledged_updates,
            } => {
                let subscribe = Subscribe {
                    request,
                    known: unacknowledged_tasks.into_iter().collect(),
                    updates: unacknowledged_updates,
                };
                self.subscribe(now, &framework_id, &executor_id, subscribe);
            }
            Body::Update(_) | Body::Message(_) if registering => {
                self.answer(request, Answer::NotSubscribed);
            }
            Body::Update(status) => {
                self.answer(request, Answer::Accepted);
                self.update(now, &framework_id, *status);
            }
            Body::Message(data) => {
                self.answer(request, Answer::Accepted);
                // Also of an executor that has ended.
                if self.phase == Phase::Registered && self.is_active(&framework_id) {
                    self.tell_master(ToMaster::FrameworkMessage {
                        framework_id,
                        executor_id,
                        data,
                    });
                }
            }
            Body::Heartbeat => {}
        }
    }

    fn answer(&mut self, request: RequestId, answer: Answer) {
        self.outputs.push_back(Output::Answer { request, answer });
    }

    /// Takes note of the process of an executor, and of a SUBSCRIBE that was faster.
    pub(super) fn handle_started(&mut self, now: Instant, container_id: &ContainerId, pid: u32) {
        let Some((framework_id, executor_id)) = self.containers.get(container_id).cloned() else {
            return;
        };
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        executor.pid = Some(pid);
        if executor.is_command() {
            return self.start_command(now, &framework_id, &executor_id);
        }
        if let Some(subscribe) = executor.take_early() {
            self.subscribe(now, &framework_id, &executor_id, subscribe);
        }
    }

    /// Tells an executor that it is too late.
    pub(super) fn turn_away(&mut self, stream: RequestId) {
        self.answer(stream, Answer::Stream);
        self.send(stream, status::shutdown());
        self.outputs.push_back(Output::Close { stream });
    }

    fn subscribe(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        subscribe: Subscribe,
    ) {
        let active = self.is_active(framework_id);
        let stream = subscribe.request;
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        if !executor.is_command()
            && executor.pid.is_none()
            && let Life::Registering { early, .. } = &mut executor.life
        {
            // A second one replaces the first without a word (PROTOCOL §9.1).
            if let Some(before) = early.replace(Box::new(subscribe)) {
                let stream = before.request;
                self.answer(stream, Answer::Stream);
                self.outputs.push_back(Output::Close { stream });
            }
            return;
        }
        let gone = matches!(executor.life, Life::Terminating { .. } | Life::Terminated);
        if gone || executor.is_command() || !active {
            return self.turn_away(stream);
        }
        let Subscribe { known, updates, .. } = subscribe;
        let before = executor.stream();
        executor.life = Life::Running {
            stream,
            heartbeat_at: now + HEARTBEAT_INTERVAL,
        };
        // All that it was started for was killed meanwhile (PROTOCOL §8.5).
        let needless = executor.is_needless();
        self.answer(stream, Answer::Stream);
        if let Some(stream) = before {
            self.outputs.push_back(Output::Close { stream });
        }
        if needless {
            self.shutdown_executor(now, framework_id, executor_id);
            return;
        }
        self.welcome(stream, framework_id, executor_id);
        for status in updates {
            self.update(now, framework_id, status);
        }
        self.drop_lost_tasks(now, framework_id, executor_id, &known);
        self.deliver_queue(framework_id, executor_id);
    }

    /// Tasks that were sent into a broken stream, of which the executor does not know.
    fn drop_lost_tasks(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        known: &BTreeSet<TaskId>,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        // Mesos has one reason for both: it cannot tell a cut stream from its own restart.
        let verdict = Verdict::new(
            framework.lost_or(TaskState::TaskDropped),
            Reason::AgentRestarted,
            "Task launched during agent restart",
        );
        for task_id in executor.lost(known) {
            self.report(
                now,
                framework_id,
                Some(executor_id),
                &task_id,
                verdict.clone(),
            );
        }
    }

    fn welcome(&mut self, stream: RequestId, framework_id: &FrameworkId, executor_id: &ExecutorId) {
        let agent_info = AgentInfo {
            id: self.id.as_ref().map(Into::into),
            ..self.config.info.clone()
        };
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        let subscribed = Subscribed {
            executor_info: executor.info.clone(),
            framework_info: framework.info.clone(),
            agent_info,
            container_id: Some((&executor.container_id).into()),
        };
        self.send(stream, status::subscribed(subscribed));
    }

    /// Sends a running executor whatever waits in its queue.
    pub(super) fn deliver_queue(&mut self, framework_id: &FrameworkId, executor_id: &ExecutorId) {
        if let Some(executor) = self.executor(framework_id, executor_id)
            && let Life::Running { stream, .. } = executor.life
        {
            for event in executor.take_queue() {
                self.send(stream, event);
            }
        }
    }

    /// Takes a status update of an executor (PROTOCOL §9.4).
    fn update(&mut self, now: Instant, framework_id: &FrameworkId, mut status: TaskStatus) {
        let Some(agent_id) = &self.id else { return };
        let foreign = |id: &mesos::v1::AgentId| id.value != agent_id.as_str();
        if !self.is_active(framework_id) || status.agent_id.as_ref().is_some_and(foreign) {
            return;
        }
        status.agent_id = Some(agent_id.into());
        status.source = Some(Source::Executor.into());
        let timestamp = self.timestamp(now);
        status.timestamp.get_or_insert(timestamp);
        let (task_id, state) = (TaskId::from(&status.task_id), status.state());
        let uuid = status.uuid.clone().unwrap_or_default();
        let ip = self.config.ip;
        let Some(executor) = self.owner_of(framework_id, &task_id) else {
            // Completed, or never here: passed on, but nobody is there to acknowledge it to.
            self.add_update(now, framework_id, status);
            return;
        };
        let standing = executor.standing(&task_id, state);
        let stream = executor.stream();
        if executor.life != Life::Terminated {
            describe_container(&mut status, &executor.container_id, executor.pid, ip);
        }
        match standing {
            Standing::Undelivered => {
                tracing::warn!(%framework_id, %task_id, "dropped an update of an undelivered task");
                return;
            }
            // Too late: dropped, but acknowledged.
            Standing::Ended => {}
            Standing::Open => match self.add_update(now, framework_id, status) {
                Added::Forward | Added::Waiting | Added::Duplicate => {}
                Added::Full => return,
            },
        }
        // To the executor that has the task, whoever sent the update.
        if let Some(stream) = stream {
            self.send(stream, status::acknowledged(&task_id, uuid));
        }
    }
}
