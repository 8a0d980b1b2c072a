//! The last calls of a job, TEARDOWN at their end: tasks of a framework that is not torn down may
//! hold a cluster's resources until somebody notices.

use std::time::Duration;

use link::app::App;
use mesos_client::{CallError, RefusedError, SchedulerNotice};
use scheduler::{Call, Progress, Stop};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::Driver;
use crate::convert;
use crate::store::Store;

/// How long the last calls may take when somebody does not want to wait.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// How long they may take otherwise: the longest backoff of a subscription, without which no call
/// is taken, and some seconds for the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the calls may take that wait before TEARDOWN, which ends all that they are about: of
/// thousands of tasks there can be more than is made in time.
const BACKLOG_PATIENCE: Duration = Duration::from_secs(2);

/// The pause before TEARDOWN is made again. While there is no subscription that costs nothing.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

impl<S, A, F, P> Driver<'_, S, A, P>
where
    S: Store,
    A: FnOnce(App) -> F,
    F: Future<Output = Result<(), String>> + Send + 'static,
    P: FnMut(Progress),
{
    /// Makes the calls that are left, and tells if the framework was to be torn down and is not.
    pub(super) async fn finish(
        &mut self,
        notices: &mut mpsc::Receiver<SchedulerNotice>,
        stop: &mut watch::Receiver<Option<Stop>>,
    ) {
        // Otherwise there is nothing to be torn down, or the machine has told that nobody can.
        let is_torn_down = self.calls.ends_with_teardown();
        let mut last = None;
        let done = tokio::select! {
            done = timeout(PATIENCE, self.tear_down(notices, &mut last)) => done.ok(),
            () = out_of_patience(stop) => None,
        };
        let reason = match done {
            Some(Ok(())) => return,
            Some(Err(error)) => error.to_string(),
            None => last.map_or_else(|| "the master did not answer".to_owned(), |e| e.to_string()),
        };
        if let Some(framework) = self.framework.clone().filter(|_| is_torn_down) {
            (self.progress)(Progress::NotTornDown { framework, reason });
        }
    }

    /// Makes the calls that are left, the last one until it is taken or refused; `last` is why it
    /// has not been taken yet.
    async fn tear_down(
        &mut self,
        notices: &mut mpsc::Receiver<SchedulerNotice>,
        last: &mut Option<CallError>,
    ) -> Result<(), CallError> {
        let is_torn_down = self.calls.ends_with_teardown();
        if is_torn_down {
            let _ = timeout(BACKLOG_PATIENCE, self.calls.make_all_but_last()).await;
            self.calls.keep_last();
        }
        loop {
            match self.calls.flush().await {
                Err(error @ (CallError::NotSubscribed | CallError::Transport(_))) => {
                    *last = Some(error);
                }
                result => return result,
            }
            if !is_torn_down {
                return Ok(());
            }
            if let Some(refused) = next_chance(notices).await {
                return match refused {
                    // A TEARDOWN whose answer was lost, or its failover timeout.
                    RefusedError::Removed => Ok(()),
                    _ => Err(CallError::NotSubscribed),
                };
            }
            self.calls.push(convert::call(Call::Teardown));
        }
    }

    /// Tears the framework down because something has failed that it cannot go on without.
    pub(super) async fn tear_down_now(&mut self) {
        self.calls.forget();
        self.calls.push(convert::call(Call::Teardown));
        // What has failed is what the user is told.
        let _ = timeout(SHORT_PATIENCE, self.calls.flush()).await;
    }
}

/// Waits until TEARDOWN may be made again, or is refused for good. What is heard meanwhile is of
/// no consequence, but the stream is only read while somebody listens.
async fn next_chance(notices: &mut mpsc::Receiver<SchedulerNotice>) -> Option<RefusedError> {
    let again_at = Instant::now() + AGAIN_AFTER;
    loop {
        tokio::select! {
            notice = notices.recv() => match notice {
                Some(SchedulerNotice::Subscribed { .. }) => return None,
                Some(SchedulerNotice::Refused(refused)) => return Some(refused),
                Some(_) => {}
                // The client ends for nothing else.
                None => return Some(RefusedError::Removed),
            },
            () = sleep_until(again_at) => return None,
        }
    }
}

/// Waits until somebody has not wanted to wait for a while.
async fn out_of_patience(stop: &mut watch::Receiver<Option<Stop>>) {
    if stop
        .wait_for(|stop| *stop == Some(Stop::Now))
        .await
        .is_err()
    {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(SHORT_PATIENCE).await;
}
