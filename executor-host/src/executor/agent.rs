//! The loop's end of the client, and the wait for the first subscription.

use mesos::v1;
use mesos_client::{ExecutorHandle, ExecutorNotice, Unacknowledged};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};
use v1::executor::event::Type as EventType;

use crate::core::Exit;

/// The loop's end of the client.
pub(super) struct AgentEnd {
    pub(super) client: ExecutorHandle,
    pub(super) notices: mpsc::Receiver<ExecutorNotice>,
    /// The client has ended, and its receiver would answer so for ever.
    pub(super) is_over: bool,
    /// What a subscription must carry is asked for here.
    pub(super) questions: mpsc::Receiver<oneshot::Sender<Unacknowledged>>,
}

impl AgentEnd {
    /// Waits for the first subscription, before which there is nothing to be done.
    pub(super) async fn first_subscription(
        &mut self,
    ) -> Result<(v1::ExecutorInfo, v1::FrameworkInfo), Exit> {
        loop {
            let notice = tokio::select! {
                Some(reply) = self.questions.recv() => {
                    let _ = reply.send(Unacknowledged::default());
                    continue;
                }
                notice = self.notices.recv() => notice,
            };
            match notice {
                Some(ExecutorNotice::Subscribed {
                    executor_info,
                    framework_info,
                    ..
                }) => {
                    return Ok((executor_info, framework_info));
                }
                Some(ExecutorNotice::Event(event)) if event.r#type() == EventType::Shutdown => {
                    return Err(Exit::Shutdown);
                }
                Some(ExecutorNotice::GaveUp { reason }) => {
                    error!(%reason, "there was no subscription");
                    return Err(Exit::AgentLost);
                }
                Some(notice) => debug!(?notice, "before the first subscription"),
                None => return Err(Exit::AgentLost),
            }
        }
    }
}
