//! What operators hear (PROTOCOL §12): the stream of events, and what is kept so that queries know
//! of the past.
//!
//! Whatever a master changes that operators can see is published here, and nowhere else. What they
//! ask for is made from the state of the master when they ask ([`state`]); kept are only tasks with
//! their statuses, times, and what has ended.

mod calls;
mod facts;
mod state;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use mesos::v1::master::response::get_frameworks;
use mesos::v1::master::{Event, Response, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::{AgentId, ExecutorId, FrameworkId, TaskId, v1};

use super::agents::nanoseconds;
use super::framework::Framework;
use super::{
    COMPLETED_FRAMEWORKS_MAX, HEARTBEAT_INTERVAL, Master, Output, Rejection, RequestIndex,
    StreamIndex,
};
use crate::core::history;
use crate::core::logging::Logging;
use crate::core::wire::{AgentIndex, is_terminal};

/// How an operator's call is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OperatorReply {
    /// 200 without content: done.
    Ok,
    /// 200 with the answer to a query.
    Answer(Box<Response>),
    /// 200 with a stream; its events follow as outputs.
    Stream { stream: StreamIndex },
    /// Not 2xx.
    Refused(Rejection),
}

/// What is kept for operators.
#[derive(Debug, Default)]
pub(super) struct Operators {
    /// Seconds since the Unix epoch, at the input that is being handled.
    pub(super) time: f64,
    /// Of every framework that the master has.
    frameworks: BTreeMap<FrameworkId, Record>,
    /// Of those that are gone for good, oldest first.
    completed: VecDeque<(get_frameworks::Framework, Record)>,
    /// Of every agent that the master has.
    agents: BTreeMap<AgentId, Times>,
    /// Streams and when the next heartbeat of each is due, oldest first.
    subscribers: VecDeque<(StreamIndex, Instant)>,
    logging: Logging,
    /// How many tasks have ever come to each of the states in which tasks end.
    ended: BTreeMap<&'static str, u64>,
}

/// What is kept of one framework.
#[derive(Debug)]
struct Record {
    /// `None` while it has not subscribed with this master.
    times: Option<Times>,
    /// Those that the master has.
    tasks: BTreeMap<TaskId, v1::Task>,
    /// Those that run where nobody reaches them, oldest first.
    unreachable: VecDeque<v1::Task>,
    /// Those that are done with, oldest first.
    completed: VecDeque<v1::Task>,
}

/// When a framework or an agent came, and came again.
#[derive(Debug, Clone, Copy)]
struct Times {
    registered: v1::TimeInfo,
    reregistered: Option<v1::TimeInfo>,
}

/// Operators that listen at once, as in Mesos; one more, and the oldest is dropped.
const SUBSCRIBERS_MAX: usize = 1000;

/// Completed and unreachable tasks that are kept of one framework, as in Mesos (PROTOCOL §13.1).
const TASKS_KEPT_MAX: usize = 1000;

impl Operators {
    /// When a heartbeat is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.subscribers.iter().map(|(_, due)| *due).min()
    }

    fn now(&self) -> v1::TimeInfo {
        v1::TimeInfo {
            nanoseconds: nanoseconds(self.time),
        }
    }

    /// Notes a status of a task; whether its state is another than before.
    fn note(
        &mut self,
        id: &FrameworkId,
        status: &v1::TaskStatus,
        latest: v1::TaskState,
    ) -> Option<bool> {
        let task_id = TaskId::from(status.task_id.value.as_str());
        let task = self.frameworks.get_mut(id)?.tasks.get_mut(&task_id)?;
        history::note_sent(task, status);
        let changed = history::note(task, status, latest);
        if changed && is_terminal(latest) {
            *self.ended.entry(latest.as_str_name()).or_default() += 1;
        }
        Some(changed)
    }
}

impl Record {
    fn new(times: Option<Times>) -> Self {
        Self {
            times,
            tasks: BTreeMap::new(),
            unreachable: VecDeque::new(),
            completed: VecDeque::new(),
        }
    }
}

/// Puts a task behind the others, and forgets the oldest when there are too many.
fn keep(tasks: &mut VecDeque<v1::Task>, task: v1::Task) {
    tasks.push_back(task);
    if tasks.len() > TASKS_KEPT_MAX {
        tasks.pop_front();
    }
}

impl Master {
    /// Begins a stream of events.
    fn subscribe_operator(&mut self, now: Instant, request: RequestIndex) {
        let stream = StreamIndex(self.counters.streams);
        self.counters.streams += 1;
        let reply = OperatorReply::Stream { stream };
        self.outputs
            .push_back(Output::OperatorReply { request, reply });
        if self.operators.subscribers.len() == SUBSCRIBERS_MAX
            && let Some((stream, _)) = self.operators.subscribers.pop_front()
        {
            self.outputs.push_back(Output::EndStream { stream });
        }
        let subscribed = Event {
            subscribed: Some(event::Subscribed {
                get_state: Some(self.state()),
                heartbeat_interval_seconds: Some(HEARTBEAT_INTERVAL.as_secs_f64()),
            }),
            ..of_type(event::Type::Subscribed)
        };
        self.send_to_operator(stream, subscribed);
        self.send_to_operator(stream, of_type(event::Type::Heartbeat));
        let due = now + HEARTBEAT_INTERVAL;
        self.operators.subscribers.push_back((stream, due));
    }

    /// The client of a stream has gone away.
    pub(super) fn unsubscribe_operator(&mut self, stream: StreamIndex) {
        self.operators
            .subscribers
            .retain(|(subscribed, _)| *subscribed != stream);
    }

    pub(super) fn send_operator_heartbeats(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (stream, heartbeat_due) in &mut self.operators.subscribers {
            if *heartbeat_due <= now {
                *heartbeat_due = now + HEARTBEAT_INTERVAL;
                due.push(*stream);
            }
        }
        for stream in due {
            self.send_to_operator(stream, of_type(event::Type::Heartbeat));
        }
    }

    fn send_to_operator(&mut self, stream: StreamIndex, event: Event) {
        let event = Box::new(event);
        self.outputs
            .push_back(Output::OperatorEvent { stream, event });
    }

    /// Writes an event to every stream; it is made only when somebody listens.
    fn publish(&mut self, event: impl FnOnce(&Self) -> Option<Event>) {
        if self.operators.subscribers.is_empty() {
            return;
        }
        let Some(event) = event(self) else { return };
        let streams: Vec<_> = self.operators.subscribers.iter().copied().collect();
        for (stream, _) in streams {
            self.send_to_operator(stream, event.clone());
        }
    }

    /// A framework has subscribed, for the first time or again.
    pub(super) fn publish_framework(&mut self, id: &FrameworkId) {
        let now = self.operators.now();
        if let Some(record) = self.operators.frameworks.get_mut(id) {
            let registered = record.times.map_or(now, |times| times.registered);
            record.times = Some(Times {
                registered,
                reregistered: Some(now),
            });
            return self.publish_framework_updated(id);
        }
        let times = Times {
            registered: now,
            reregistered: Some(now),
        };
        self.add_framework(id, Some(times));
    }

    /// A framework is known by its agents, which have had another master before.
    pub(super) fn publish_framework_recovered(&mut self, id: &FrameworkId) {
        self.add_framework(id, None);
    }

    fn add_framework(&mut self, id: &FrameworkId, times: Option<Times>) {
        let record = Record::new(times);
        self.operators.frameworks.insert(id.clone(), record);
        self.publish(|master| {
            let framework = master.framework_event(id)?;
            Some(Event {
                framework_added: Some(event::FrameworkAdded { framework }),
                ..of_type(event::Type::FrameworkAdded)
            })
        });
    }

    /// The FrameworkInfo of a framework has changed.
    pub(super) fn publish_framework_updated(&mut self, id: &FrameworkId) {
        self.publish(|master| {
            let framework = master.framework_event(id)?;
            Some(Event {
                framework_updated: Some(event::FrameworkUpdated { framework }),
                ..of_type(event::Type::FrameworkUpdated)
            })
        });
    }

    /// A framework as it stands in events: without what it holds.
    fn framework_event(&self, id: &FrameworkId) -> Option<get_frameworks::Framework> {
        let framework = self.framework_message(id, self.frameworks.get(id)?);
        Some(get_frameworks::Framework {
            unregistered_time: Some(v1::TimeInfo { nanoseconds: 0 }),
            ..framework
        })
    }

    /// A framework is gone for good, and with it its tasks, which are taken for killed before they
    /// are.
    pub(super) fn publish_framework_removed(&mut self, id: &FrameworkId, framework: &Framework) {
        let living: Vec<(TaskId, AgentId)> = framework
            .tasks
            .iter()
            .filter(|(_, task)| !is_terminal(task.state))
            .map(|(task_id, task)| (task_id.clone(), task.agent_id.clone()))
            .collect();
        for (task_id, agent_id) in living {
            let status = v1::TaskStatus {
                task_id: task_id.into(),
                state: v1::TaskState::TaskKilled.into(),
                source: Some(Source::Master.into()),
                reason: Some(Reason::FrameworkRemoved.into()),
                message: Some(format!("Framework {id} removed")),
                agent_id: Some(agent_id.into()),
                timestamp: Some(self.operators.time),
                ..Default::default()
            };
            self.publish_status(id, &status, v1::TaskState::TaskKilled);
        }
        let message = get_frameworks::Framework {
            active: false,
            connected: false,
            unregistered_time: Some(self.operators.now()),
            ..self.framework_message(id, framework)
        };
        if let Some(mut record) = self.operators.frameworks.remove(id) {
            for task in std::mem::take(&mut record.tasks).into_values() {
                keep(&mut record.completed, task);
            }
            self.operators.completed.push_back((message, record));
            if self.operators.completed.len() > COMPLETED_FRAMEWORKS_MAX {
                self.operators.completed.pop_front();
            }
        }
        let framework_info = framework.info.clone();
        self.publish(|_| {
            Some(Event {
                framework_removed: Some(event::FrameworkRemoved { framework_info }),
                ..of_type(event::Type::FrameworkRemoved)
            })
        });
    }

    /// An agent has registered; `is_known` when the master had it all the time.
    pub(super) fn publish_agent(&mut self, index: AgentIndex, is_first: bool, is_known: bool) {
        let now = self.operators.now();
        let Some(agent) = self.agents.get(&index) else {
            return;
        };
        let id = agent.id().clone();
        let fresh = Times {
            registered: now,
            reregistered: None,
        };
        let times = self.operators.agents.entry(id).or_insert(fresh);
        if !is_first {
            times.reregistered = Some(now);
        }
        if is_known {
            return;
        }
        self.publish(|master| {
            let agent = master.agent_message(master.agents.get(&index)?);
            Some(Event {
                agent_added: Some(event::AgentAdded { agent }),
                ..of_type(event::Type::AgentAdded)
            })
        });
    }

    /// An agent has left, or was given up.
    pub(super) fn publish_agent_removed(&mut self, id: &AgentId) {
        self.operators.agents.remove(id);
        let agent_id = id.clone().into();
        self.publish(|_| {
            Some(Event {
                agent_removed: Some(event::AgentRemoved { agent_id }),
                ..of_type(event::Type::AgentRemoved)
            })
        });
    }

    /// A task is on its way to an agent.
    pub(super) fn publish_launch(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        agent_id: &AgentId,
        info: &v1::TaskInfo,
    ) {
        let task = history::launched(info, id, executor_id, agent_id);
        let task_id = TaskId::from(info.task_id.value.as_str());
        if let Some(record) = self.operators.frameworks.get_mut(id) {
            record.tasks.insert(task_id, task.clone());
        }
        self.publish(|_| {
            Some(Event {
                task_added: Some(event::TaskAdded { task }),
                ..of_type(event::Type::TaskAdded)
            })
        });
    }

    /// An agent that has come (again) has this task, which it shows like this. What the master
    /// itself knows of the task counts more.
    pub(super) fn record_adopted(
        &mut self,
        id: &FrameworkId,
        task_id: &TaskId,
        shown: v1::Task,
        state: v1::TaskState,
    ) {
        let Some(record) = self.operators.frameworks.get_mut(id) else {
            return;
        };
        let unreachable = record
            .unreachable
            .iter()
            .position(|task| task.task_id.value == task_id.as_str());
        let known = match unreachable {
            Some(position) => record.unreachable.remove(position),
            None => record.tasks.remove(task_id),
        };
        let mut task = known.unwrap_or(shown);
        history::resume(&mut task, state);
        record.tasks.insert(task_id.clone(), task);
    }

    /// The last status of a task that is kept, if the master has the task.
    pub(super) fn last_status(
        &self,
        id: &FrameworkId,
        task_id: &TaskId,
    ) -> Option<&v1::TaskStatus> {
        let task = self.operators.frameworks.get(id)?.tasks.get(task_id)?;
        task.statuses.last()
    }

    /// A status is on its way to the scheduler, or would be if there were one. `latest` is the
    /// newest state of the task that its agent knows.
    pub(super) fn publish_status(
        &mut self,
        id: &FrameworkId,
        status: &v1::TaskStatus,
        latest: v1::TaskState,
    ) {
        if self.operators.note(id, status, latest) != Some(true) {
            return;
        }
        self.publish(|_| {
            Some(Event {
                task_updated: Some(event::TaskUpdated {
                    framework_id: id.clone().into(),
                    status: history::without_data(status),
                    state: latest.into(),
                }),
                ..of_type(event::Type::TaskUpdated)
            })
        });
    }

    /// The master has forgotten a task: its end was acknowledged, or it was lost.
    pub(super) fn record_forgotten(&mut self, id: &FrameworkId, task_id: &TaskId) {
        let Some(record) = self.operators.frameworks.get_mut(id) else {
            return;
        };
        let Some(task) = record.tasks.remove(task_id) else {
            return;
        };
        let last = task.statuses.last();
        if last.is_some_and(|status| status.unreachable_time.is_some()) {
            keep(&mut record.unreachable, task);
        } else {
            keep(&mut record.completed, task);
        }
    }
}

fn of_type(event_type: event::Type) -> Event {
    Event {
        r#type: Some(event_type.into()),
        ..Event::default()
    }
}
