//! Events for the app scheduler; the last one of a task waits for the task's messages.
//!
//! UPDATE and MESSAGE race in Mesos (PROTOCOL §10), so that a task may have ended while what it
//! sent before is still on its way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::pending;
use std::time::Duration;

use link::app::{Event, EventKind};
use scheduler::{JobEvent, JobEventKind};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::links::Channel;

/// How long the end of a task that its executor has told waits for the end of its `out` channel.
/// A living executor closes it, however often it must send that again, and the channel of a dead
/// one ends with its link; this is for one that breaks the rules.
const EXECUTOR_PATIENCE: Duration = Duration::from_secs(60);

/// The same for a task that was lost, whose executor may be out of reach for as long as it likes;
/// and for all of them once the job shuts down. Several resends on a bad path, and shorter than the
/// time that an app scheduler has to return, so that it hears of the last task.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// Events that wait for messages: for each task of the job its end, and what happens to it after
/// that; and the shutdown.
pub(super) struct HeldEvents {
    waiting: JoinSet<(Event, Channel)>,
    /// The tasks of the events that wait.
    tasks: HashSet<String>,
    /// What has happened to a task behind its end: a few events for each restart.
    behind: HashMap<String, VecDeque<(JobEvent, Option<Channel>)>>,
    /// What need not wait any more.
    ready: VecDeque<Event>,
    /// The shutdown, and the tasks whose ends come first: one of them may be its cause.
    shutdown: Option<(Event, HashSet<String>)>,
    /// Whether the job shuts down.
    is_ending: watch::Sender<bool>,
    /// Nothing comes after what waits.
    is_sealed: bool,
}

impl Default for HeldEvents {
    fn default() -> Self {
        Self {
            waiting: JoinSet::new(),
            tasks: HashSet::new(),
            behind: HashMap::new(),
            ready: VecDeque::new(),
            shutdown: None,
            is_ending: watch::Sender::new(false),
            is_sealed: false,
        }
    }
}

impl HeldEvents {
    /// Answers the event if it can be told at once, and holds it otherwise.
    pub(super) fn push(&mut self, event: JobEvent, channel: Option<Channel>) -> Option<Event> {
        if let Some(task) = event
            .task
            .as_ref()
            .filter(|task| self.tasks.contains(*task))
        {
            let behind = self.behind.entry(task.clone()).or_default();
            behind.push_back((event, channel));
            return None;
        }
        let is_end = event.state.is_some_and(|state| state.is_end());
        let told = told(event);
        if told.kind == EventKind::Shutdown {
            self.is_ending.send_replace(true);
            if !self.tasks.is_empty() {
                self.shutdown = Some((told, self.tasks.clone()));
                return None;
            }
        }
        let Some(channel) = channel.filter(|_| is_end) else {
            return Some(told);
        };
        self.tasks.insert(channel.sender().name().to_string());
        let patience = match told.kind {
            EventKind::TaskLost => SHORT_PATIENCE,
            _ => EXECUTOR_PATIENCE,
        };
        let is_ending = self.is_ending.subscribe();
        self.waiting.spawn(async move {
            // Whether it has closed or not: the event comes then.
            tokio::select! {
                () = channel.sender().peer_closed() => {}
                () = sleep(patience) => {}
                () = out_of_patience(is_ending) => {}
            }
            (told, channel)
        });
        None
    }

    /// Nothing more will be pushed that the app scheduler should hear.
    pub(super) fn seal(&mut self) {
        self.is_sealed = true;
    }

    /// Whether everything has been told, after the seal.
    pub(super) fn is_over(&self) -> bool {
        self.is_sealed && self.tasks.is_empty() && self.ready.is_empty() && self.shutdown.is_none()
    }

    /// Waits for the next event that can be told. Cancellation safe.
    pub(super) async fn next(&mut self) -> Event {
        if let Some(event) = self.ready.pop_front() {
            return event;
        }
        if let Some((event, _)) = self.shutdown.take_if(|(_, before)| before.is_empty()) {
            return event;
        }
        loop {
            match self.waiting.join_next().await {
                Some(Ok((event, channel))) => {
                    let task = &**channel.sender().name();
                    self.tasks.remove(task);
                    if let Some((_, before)) = &mut self.shutdown {
                        before.remove(task);
                    }
                    self.tell_behind(task);
                    let undelivered = Some(channel.undelivered());
                    return Event {
                        undelivered,
                        ..event
                    };
                }
                // Such a task neither panics nor is aborted while we are here.
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }

    /// Lets what has happened to a task after its end be told, up to its next end.
    fn tell_behind(&mut self, task: &str) {
        for (event, channel) in self.behind.remove(task).into_iter().flatten() {
            let told = self.push(event, channel);
            self.ready.extend(told);
        }
    }
}

/// Waits until the job has been shutting down for a while; for ever if it does not.
async fn out_of_patience(mut is_ending: watch::Receiver<bool>) {
    if is_ending.wait_for(|is_ending| *is_ending).await.is_err() {
        pending::<()>().await;
    }
    sleep(SHORT_PATIENCE).await;
}

fn told(event: JobEvent) -> Event {
    Event {
        task: event.task,
        state: event.state.map(|state| state.name().to_owned()),
        reason: event.reason.map(|reason| reason.name().to_owned()),
        message: event.message,
        agent: event.agent.map(|agent| agent.as_str().to_owned()),
        ..Event::new(kind(event.kind))
    }
}

fn kind(kind: JobEventKind) -> EventKind {
    match kind {
        JobEventKind::Registered => EventKind::Registered,
        JobEventKind::Reregistered => EventKind::Reregistered,
        JobEventKind::Disconnected => EventKind::Disconnected,
        JobEventKind::TaskLaunched => EventKind::TaskLaunched,
        JobEventKind::TaskRunning => EventKind::TaskRunning,
        JobEventKind::TaskFinished => EventKind::TaskFinished,
        JobEventKind::TaskFailed => EventKind::TaskFailed,
        JobEventKind::TaskKilled => EventKind::TaskKilled,
        JobEventKind::TaskLost => EventKind::TaskLost,
        JobEventKind::OfferRescinded => EventKind::OfferRescinded,
        JobEventKind::AgentLost => EventKind::AgentLost,
        JobEventKind::ExecutorLost => EventKind::ExecutorLost,
        JobEventKind::Shutdown => EventKind::Shutdown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::{Link, LinkConfig, Role, Sender};
    use scheduler::TaskState;
    use tokio::time::Instant;

    /// A link that nobody answers, and the sender to its task.
    fn unanswered() -> (Link, Sender) {
        let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let (sender, _) = link.open("a-0").expect("the name is free");
        (link, sender)
    }

    fn end(kind: JobEventKind) -> JobEvent {
        JobEvent {
            task: Some("a-0".to_owned()),
            state: Some(TaskState::Finished),
            ..JobEvent::new(kind)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_waits_as_long_as_messages_may_come() {
        let (link, sender) = unanswered();
        let mut events = HeldEvents::default();
        let told = events.push(end(JobEventKind::TaskFinished), Some(Channel::new(sender)));
        assert_eq!(told, None);
        let early = tokio::time::timeout(Duration::from_secs(50), events.next()).await;
        assert!(
            early.is_err(),
            "the executor may still send what came before"
        );
        // The executor is gone.
        link.shut();
        let event = events.next().await;
        assert_eq!(event.kind, EventKind::TaskFinished);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_lost_task_waits_a_moment_only() {
        let (_link, sender) = unanswered();
        let mut events = HeldEvents::default();
        let began = Instant::now();
        events.push(end(JobEventKind::TaskLost), Some(Channel::new(sender)));
        let event = events.next().await;
        assert_eq!(event.kind, EventKind::TaskLost);
        assert_eq!(began.elapsed().as_secs(), SHORT_PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_comes_after_the_ends_before_it_and_in_time() {
        let (_link, sender) = unanswered();
        let mut events = HeldEvents::default();
        events.push(end(JobEventKind::TaskFailed), Some(Channel::new(sender)));
        let began = Instant::now();
        let told = events.push(JobEvent::new(JobEventKind::Shutdown), None);
        assert_eq!(told, None);
        assert_eq!(events.next().await.kind, EventKind::TaskFailed);
        assert_eq!(events.next().await.kind, EventKind::Shutdown);
        assert_eq!(began.elapsed().as_secs(), SHORT_PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_to_a_task_after_its_end_is_told_after_it() {
        let (first, sender) = unanswered();
        let mut events = HeldEvents::default();
        let of_task = |kind| JobEvent {
            task: Some("a-0".to_owned()),
            ..JobEvent::new(kind)
        };
        events.push(end(JobEventKind::TaskFailed), Some(Channel::new(sender)));
        let launched = events.push(of_task(JobEventKind::TaskLaunched), None);
        let running = events.push(of_task(JobEventKind::TaskRunning), None);
        assert_eq!((launched, running), (None, None));
        let other = events.push(JobEvent::new(JobEventKind::Registered), None);
        assert!(other.is_some(), "only that task waits");
        let (second, sender) = unanswered();
        events.push(end(JobEventKind::TaskLost), Some(Channel::new(sender)));
        first.shut();
        second.shut();
        for kind in [
            EventKind::TaskFailed,
            EventKind::TaskLaunched,
            EventKind::TaskRunning,
            EventKind::TaskLost,
        ] {
            assert_eq!(events.next().await.kind, kind);
        }
    }
}
