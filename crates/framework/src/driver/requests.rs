//! What the app scheduler and people ask for, in the machine's words.

use link::app::{App, Request, RequestError, TaskSummary};
use scheduler::{KillRefused, Progress, SpawnFailed, SpawnId, SpawnRefused, TaskState};

use super::{Driver, now};
use crate::operator;
use crate::store::Store;

impl<S, A, F, P> Driver<'_, S, A, P>
where
    S: Store,
    A: FnOnce(App) -> F,
    F: Future<Output = Result<(), String>> + Send + 'static,
    P: FnMut(Progress),
{
    /// Answers the app scheduler.
    pub(super) fn answer(&mut self, request: Request) {
        // Whoever has asked may have gone since.
        match request {
            Request::ListTasks { reply } => {
                let _ = reply.send(self.scheduler.tasks().map(summary).collect());
            }
            Request::Kill { task, reply } => {
                let killed = self.scheduler.kill(now(), &task);
                let _ = reply.send(killed.map_err(|refused| match refused {
                    KillRefused::Unknown => RequestError::Unknown,
                    KillRefused::ShuttingDown => RequestError::ShuttingDown,
                }));
            }
            Request::Spawn {
                group,
                count,
                reply,
            } => match self.scheduler.spawn(now(), &group, count) {
                Ok(spawn) => {
                    self.spawns.insert(spawn, reply);
                }
                Err(refused) => {
                    let _ = reply.send(Err(match refused {
                        SpawnRefused::Unknown => RequestError::Unknown,
                        SpawnRefused::ShuttingDown => RequestError::ShuttingDown,
                        SpawnRefused::TooMany => RequestError::TooMany,
                    }));
                }
            },
        }
    }

    pub(super) fn answer_spawn(
        &mut self,
        spawn: SpawnId,
        result: Result<Vec<String>, SpawnFailed>,
    ) {
        let answer = result.map_err(|failed| match failed {
            SpawnFailed::NeverPlaced(_) => RequestError::NoPlace,
            SpawnFailed::TaskFailed(_) | SpawnFailed::Unconnected(_) => RequestError::Failed,
            SpawnFailed::ShuttingDown => RequestError::ShuttingDown,
        });
        if let Some(reply) = self.spawns.remove(&spawn) {
            let _ = reply.send(answer);
        }
    }

    /// Answers people.
    pub(super) fn answer_operator(&mut self, request: operator::Request) {
        // Whoever has asked may have gone since.
        match request {
            operator::Request::Tasks(reply) => {
                let _ = reply.send(self.scheduler.tasks().map(summary).collect());
            }
            operator::Request::Kill { task, reply } => {
                let _ = reply.send(self.scheduler.kill(now(), &task));
            }
            operator::Request::Restart { task, reply } => {
                let _ = reply.send(self.scheduler.restart(now(), &task));
            }
        }
    }
}

fn summary(task: scheduler::TaskView<'_>) -> TaskSummary {
    TaskSummary {
        name: task.name.to_owned(),
        group: task.group.to_owned(),
        // It waits to be launched, again or as a part of a spawn.
        state: task.state.unwrap_or(TaskState::Staging).name().to_owned(),
        agent: task.agent.map(|agent| agent.as_str().to_owned()),
    }
}
