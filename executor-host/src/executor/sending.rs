//! What goes to the agent: updates, and the frames of the link.
//!
//! The client repeats an UPDATE for a while when the agent is not ready, and the machine when that
//! was in vain; the link repeats a frame that is not acknowledged. So a failure here needs no more
//! than a note.

use link::{Alarm, Link};
use mesos::TaskId;
use mesos::v1::TaskStatus;
use mesos_client::{CallError, ExecutorHandle, UPDATES_UNDER_WAY_MAX};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{debug, error};

use super::convert;
use crate::core::{Input, updates::Uuid};

/// An update to send.
#[derive(Debug)]
pub(super) struct UpdateToSend {
    pub(super) task: TaskId,
    pub(super) uuid: Uuid,
    pub(super) status: TaskStatus,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Sent {
    task: TaskId,
    uuid: Uuid,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    Taken,
    PutOff,
    Refused,
}

/// Sends updates, begun in order, until `updates` ends. Of each task there is one at a time.
pub(super) async fn send_updates(
    client: ExecutorHandle,
    mut updates: mpsc::UnboundedReceiver<UpdateToSend>,
    sent: mpsc::Sender<Sent>,
) {
    let mut calls = JoinSet::new();
    loop {
        let outcome = tokio::select! {
            update = updates.recv(), if calls.len() < UPDATES_UNDER_WAY_MAX => {
                let Some(update) = update else { return };
                calls.spawn(send_update(client.clone(), update));
                continue;
            }
            Some(outcome) = calls.join_next() => outcome,
        };
        // A call that panics is told as a panic.
        if let Ok(outcome) = outcome
            && sent.send(outcome).await.is_err()
        {
            return;
        }
    }
}

async fn send_update(client: ExecutorHandle, update: UpdateToSend) -> Sent {
    let UpdateToSend { task, uuid, status } = update;
    let state = status.state();
    let fate = match client.call(convert::update_call(status)).await {
        Ok(()) => Fate::Taken,
        Err(error @ (CallError::Rejected { .. } | CallError::Malformed(_))) => {
            error!(%task, ?state, %error, "the agent refuses an update");
            Fate::Refused
        }
        Err(error @ (CallError::NotSubscribed | CallError::Transport(_))) => {
            debug!(%task, ?state, %error, "an update was not taken");
            Fate::PutOff
        }
    };
    Sent { task, uuid, fate }
}

impl From<Sent> for Input {
    fn from(Sent { task, uuid, fate }: Sent) -> Self {
        match fate {
            Fate::Taken => Self::UpdateTaken { task, uuid },
            Fate::PutOff => Self::UpdatePutOff { task, uuid },
            Fate::Refused => Self::UpdateRefused { task, uuid },
        }
    }
}

/// Carries the link's frames to the agent while there is a subscription, until the link is shut.
pub(super) async fn send_frames(
    client: ExecutorHandle,
    link: Link,
    mut subscribed: watch::Receiver<bool>,
) {
    // A frame is asked for when it can be sent: it carries all that has gathered until then.
    let mut alarm = Alarm::new();
    while subscribed.wait_for(|subscribed| *subscribed).await.is_ok() {
        if !link.frame_ready(&mut alarm).await {
            return;
        }
        let Some(frame) = link.try_next_frame() else {
            continue;
        };
        if let Err(error) = client.call(convert::message_call(frame)).await {
            debug!(%error, "a frame was not taken");
        }
    }
}
