//! A whole executor: runs the script in each task's `data`, tells its states, and kills it when it
//! is told to. An agent starts it; `examples/framework.rs` has it started.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use mesos::{TaskId, v1};
use mesos_client::{ExecutorClient, ExecutorConfig, ExecutorEvent, ExecutorNotice, Unacknowledged};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use v1::TaskState;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = ExecutorConfig::from_env(|name| std::env::var(name).ok())?;
    // What the agent must be told again after it was away.
    let open = Arc::new(Mutex::new(Unacknowledged::default()));
    let source = Arc::clone(&open);
    let source = move || {
        ready(
            source
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    };
    let (handle, mut notices) = ExecutorClient::start(config, source)?;
    let open = || open.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running = JoinSet::new();
    let mut kills = BTreeMap::new();
    loop {
        let (task, state) = tokio::select! {
            Some(ended) = running.join_next() => ended?,
            notice = notices.recv() => match notice {
                Some(ExecutorNotice::Event(event)) => match ExecutorEvent::read(event) {
                    Some(ExecutorEvent::Launch(task)) => {
                        let id = TaskId::from(task.task_id.clone());
                        let script = String::from_utf8(task.data.clone().unwrap_or_default().into())?;
                        open().tasks.push(*task);
                        let (kill, killed) = oneshot::channel();
                        kills.insert(id.clone(), kill);
                        running.spawn(run(id.clone(), script, killed));
                        (id, TaskState::TaskRunning)
                    }
                    Some(ExecutorEvent::Kill { task, .. }) => {
                        // One that has ended already tells so itself.
                        kills.remove(&task).map(|kill| kill.send(()));
                        continue;
                    }
                    Some(ExecutorEvent::Acknowledged { task, uuid }) => {
                        let mut open = open();
                        open.tasks.retain(|open| TaskId::from(open.task_id.clone()) != task);
                        open.updates.retain(|open| open.status.uuid.as_ref() != Some(&uuid));
                        continue;
                    }
                    Some(ExecutorEvent::Shutdown) => return Ok(()),
                    _ => continue,
                },
                Some(ExecutorNotice::GaveUp { reason }) => return Err(reason.into()),
                Some(_) => continue, // the client goes on by itself
                None => return Ok(()),
            },
        };
        let status = update(task, state);
        let again = v1::executor::call::Update {
            status: status.clone(),
        };
        open().updates.push(again);
        // One that is not taken goes along with the next subscription.
        let _ = handle.update(status).await;
    }
}

/// Runs a script to its end, or until it is killed.
async fn run(task: TaskId, script: String, killed: oneshot::Receiver<()>) -> (TaskId, TaskState) {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).kill_on_drop(true);
    let ended = async { command.spawn()?.wait().await };
    let state = tokio::select! {
        Ok(()) = killed => TaskState::TaskKilled,
        status = ended => match status {
            Ok(status) if status.success() => TaskState::TaskFinished,
            _ => TaskState::TaskFailed,
        },
    };
    (task, state)
}

fn update(task: TaskId, state: TaskState) -> v1::TaskStatus {
    let uuid = uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
    v1::TaskStatus {
        task_id: task.into(),
        state: state.into(),
        source: Some(v1::task_status::Source::Executor.into()),
        uuid: Some(uuid.as_bytes().to_vec().into()),
        ..v1::TaskStatus::default()
    }
}
