//! What an app scheduler hears of its job and asks for.

use link::app;
use wasmtime::component::Resource;

use super::{AppEvents, DynPollable, subscribe, within};
use crate::bindings::{
    SchedulerState,
    job_control::{self, Event, EventKind, RequestError, TaskSummary},
    types::{RecvTimeoutError, TryRecvError},
};

impl job_control::Host for SchedulerState {
    async fn list_tasks(&mut self) -> wasmtime::Result<Vec<TaskSummary>> {
        let tasks = self.control().list_tasks().await;
        Ok(tasks.into_iter().map(TaskSummary::from).collect())
    }

    async fn kill(&mut self, task: String) -> wasmtime::Result<Result<(), RequestError>> {
        Ok(self.control().kill(task).await.map_err(RequestError::from))
    }

    async fn spawn(
        &mut self,
        group: String,
        count: u32,
    ) -> wasmtime::Result<Result<Vec<String>, RequestError>> {
        Ok(self
            .control()
            .spawn(group, count)
            .await
            .map_err(RequestError::from))
    }
}

impl job_control::HostEvents for SchedulerState {
    async fn next(&mut self, events: Resource<AppEvents>) -> wasmtime::Result<Option<Event>> {
        let events = self.table().get_mut(&events)?;
        Ok(events.source.next().await.map(Event::from))
    }

    fn try_next(
        &mut self,
        events: Resource<AppEvents>,
    ) -> wasmtime::Result<Result<Event, TryRecvError>> {
        let events = self.table().get_mut(&events)?;
        Ok(events
            .source
            .try_next()
            .map(Event::from)
            .map_err(TryRecvError::from))
    }

    async fn next_timeout(
        &mut self,
        events: Resource<AppEvents>,
        nanoseconds: u64,
    ) -> wasmtime::Result<Result<Event, RecvTimeoutError>> {
        let events = self.table().get_mut(&events)?;
        Ok(
            match within(nanoseconds, &mut events.alarm, events.source.next()).await {
                Some(Some(event)) => Ok(Event::from(event)),
                Some(None) => Err(RecvTimeoutError::Closed),
                None => Err(RecvTimeoutError::Timeout),
            },
        )
    }

    fn subscribe(
        &mut self,
        events: Resource<AppEvents>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table(), events)
    }

    fn drop(&mut self, events: Resource<AppEvents>) -> wasmtime::Result<()> {
        self.table().delete(events)?;
        Ok(())
    }
}

impl From<app::Event> for Event {
    fn from(event: app::Event) -> Self {
        let app::Event {
            kind,
            task,
            state,
            reason,
            message,
            agent,
            undelivered,
        } = event;
        Self {
            kind: kind.into(),
            task,
            state,
            reason,
            message,
            agent,
            undelivered,
        }
    }
}

impl From<app::EventKind> for EventKind {
    fn from(kind: app::EventKind) -> Self {
        match kind {
            app::EventKind::Registered => Self::Registered,
            app::EventKind::Reregistered => Self::Reregistered,
            app::EventKind::Disconnected => Self::Disconnected,
            app::EventKind::TaskLaunched => Self::TaskLaunched,
            app::EventKind::TaskRunning => Self::TaskRunning,
            app::EventKind::TaskFinished => Self::TaskFinished,
            app::EventKind::TaskFailed => Self::TaskFailed,
            app::EventKind::TaskKilled => Self::TaskKilled,
            app::EventKind::TaskLost => Self::TaskLost,
            app::EventKind::OfferRescinded => Self::OfferRescinded,
            app::EventKind::AgentLost => Self::AgentLost,
            app::EventKind::ExecutorLost => Self::ExecutorLost,
            app::EventKind::Shutdown => Self::Shutdown,
            app::EventKind::Error => Self::Error,
        }
    }
}

impl From<app::TaskSummary> for TaskSummary {
    fn from(summary: app::TaskSummary) -> Self {
        let app::TaskSummary {
            name,
            group,
            state,
            agent,
        } = summary;
        Self {
            name,
            group,
            state,
            agent,
        }
    }
}

impl From<app::RequestError> for RequestError {
    fn from(error: app::RequestError) -> Self {
        match error {
            app::RequestError::Unknown => Self::Unknown,
            app::RequestError::ShuttingDown => Self::ShuttingDown,
            app::RequestError::NoPlace => Self::NoPlace,
            app::RequestError::Failed => Self::Failed,
            app::RequestError::TooMany => Self::TooMany,
        }
    }
}
