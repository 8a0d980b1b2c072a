//! What goes to the agent: updates, and the frames of the link.
//!
//! The client repeats an UPDATE by itself while the agent is not ready, and the link repeats a
//! frame that is not acknowledged; so a failure here needs no more than a note.

use link::{Alarm, Link};
use mesos::TaskId;
use mesos::v1::TaskStatus;
use mesos_client::{CallError, ExecutorHandle};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::convert;
use crate::core::updates::Uuid;

/// An update to send.
#[derive(Debug)]
pub(super) struct UpdateToSend {
    pub(super) task: TaskId,
    pub(super) uuid: Uuid,
    pub(super) status: TaskStatus,
}

/// An update was sent, or cannot be.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) task: TaskId,
    pub(super) uuid: Uuid,
    pub(super) refused: bool,
}

/// Sends updates in order, until `updates` ends.
pub(super) async fn send_updates(
    client: ExecutorHandle,
    mut updates: mpsc::UnboundedReceiver<UpdateToSend>,
    sent: mpsc::Sender<Sent>,
) {
    while let Some(UpdateToSend { task, uuid, status }) = updates.recv().await {
        let refused = match client.call(convert::update_call(status)).await {
            Ok(()) => false,
            Err(error @ (CallError::Rejected { .. } | CallError::Malformed(_))) => {
                warn!(%task, %error, "the agent refuses an update");
                true
            }
            Err(error @ (CallError::NotSubscribed | CallError::Transport(_))) => {
                debug!(%task, %error, "an update was not taken");
                false
            }
        };
        if sent
            .send(Sent {
                task,
                uuid,
                refused,
            })
            .await
            .is_err()
        {
            return;
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
