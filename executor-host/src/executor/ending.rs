//! The end of the process: what is still on its way is carried to its place, as long as somebody
//! is there to take it.

use std::time::Duration;

use link::Path;
use mesos_client::ExecutorNotice;
use tokio::time;
use tracing::{debug, warn};
use v1::executor::event::Type as EventType;

use super::{Executor, v1};
use crate::core::Exit;

/// For how long the last messages may take to reach the scheduler's end. Its master may be failing
/// over meanwhile, or its connection broken; when it is gone for good, the agent sends SHUTDOWN,
/// and nothing is waited for any more.
const DRAIN_WAIT: Duration = Duration::from_secs(60);

/// The same after a shutdown, when the agent's patience is short and the scheduler often gone.
const DRAIN_WAIT_AFTER_SHUTDOWN: Duration = Duration::from_millis(300);

/// For how long guests that are stopped at the exit may hold it up: many ticks of the epoch. A
/// guest within a long operation of the host ends with the process.
const STOP_WAIT: Duration = Duration::from_millis(500);

impl Executor {
    /// Lets the last messages reach the scheduler's end, then ends everything.
    pub(super) async fn finish(&mut self, exit: Exit) {
        let wait = match exit {
            Exit::Done => DRAIN_WAIT,
            Exit::Shutdown => DRAIN_WAIT_AFTER_SHUTDOWN,
            Exit::AgentLost => Duration::ZERO,
        };
        if time::timeout(wait, self.drain()).await.is_err() && exit == Exit::Done {
            warn!("the last messages may not have been received");
        }
        let _ = time::timeout(STOP_WAIT, self.lives.shutdown()).await;
        self.link.shut();
        debug!(path = ?self.link.path(), counters = ?self.link.counters(), "traffic of the link");
        self.agent.client.stop();
    }

    /// Carries frames until the scheduler's end has all that was sent, also when the agent restarts
    /// meanwhile.
    async fn drain(&mut self) {
        let link = self.link.clone();
        let flushed = link.flushed();
        tokio::pin!(flushed);
        loop {
            let notice = tokio::select! {
                () = &mut flushed => return,
                Some(reply) = self.agent.questions.recv() => {
                    let _ = reply.send(self.unacknowledged());
                    continue;
                }
                notice = self.agent.notices.recv(), if !self.agent.is_over => notice,
            };
            match notice {
                Some(ExecutorNotice::Event(event)) => match event.r#type() {
                    EventType::Message => self.frame(event.message.map(|message| message.data)),
                    EventType::Launch | EventType::LaunchGroup => {
                        warn!("a launch came while the executor was ending; its tasks are not run");
                    }
                    // The scheduler does not wait for more.
                    EventType::Shutdown => return,
                    _ => {}
                },
                Some(ExecutorNotice::Subscribed { .. }) => {
                    self.is_subscribed.send_replace(true);
                }
                Some(ExecutorNotice::Disconnected { .. }) => {
                    self.is_subscribed.send_replace(false);
                }
                Some(ExecutorNotice::AttemptFailed { .. }) => {}
                Some(ExecutorNotice::GaveUp { .. }) | None => {
                    self.agent.is_over = true;
                    // Without its agent, only a connection of its own carries anything.
                    if self.link.path() == Path::Messages {
                        return;
                    }
                }
            }
        }
    }
}
