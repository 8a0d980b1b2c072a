//! A timer for deadlines that move all the time.
//!
//! A link's next deadline moves with nearly every frame, mostly further away. To set a timer of the
//! runtime and to drop it takes the lock of all its timers, twice for each frame; on two threads
//! that costs more than the frame does. So the timer is set again only when it would ring too late;
//! rung too early, it looks for the deadline as it is then.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that outlives the waits for it.
#[derive(Debug, Default)]
pub struct Alarm {
    /// Not there before the first deadline.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// A timer that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// When a wait for this deadline is over by itself, early or not; `None`: never.
    pub(crate) fn rings_at(&self, due: Option<std::time::Instant>) -> Option<std::time::Instant> {
        let set = self.sleep.as_ref().filter(|sleep| !sleep.is_elapsed());
        let set = set.map(|sleep| sleep.deadline().into_std());
        due.map(|due| set.map_or(due, |set| set.min(due)))
    }

    /// Waits for a deadline; for ever if there is none. Cancellation safe.
    pub async fn until(&mut self, due: Option<std::time::Instant>) {
        let Some(due) = due.map(Instant::from_std) else {
            return std::future::pending().await;
        };
        poll_fn(|context| {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.deadline() > due {
                sleep.as_mut().reset(due);
            }
            while sleep.as_mut().poll(context).is_ready() {
                if sleep.deadline() >= due {
                    return Poll::Ready(());
                }
                sleep.as_mut().reset(due);
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn rings(alarm: &mut Alarm, due: Instant) -> Duration {
        alarm.until(Some(due.into_std())).await;
        due.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_in_time_wherever_the_deadline_moves() {
        let mut alarm = Alarm::new();
        let began = Instant::now();
        let moved = [9, 3, 5, 2, 2, 7];
        for seconds in moved {
            let due = (began + seconds * SECOND).into_std();
            let waited = timeout(SECOND / 10, alarm.until(Some(due))).await;
            assert!(waited.is_err(), "rang {seconds} s early");
        }
        let late = rings(&mut alarm, began + 4 * SECOND).await;
        assert_eq!(late, Duration::ZERO);
        // It has rung; a deadline that has passed is told at once, the next one in its time.
        assert_eq!(rings(&mut alarm, began + SECOND).await, 3 * SECOND);
        assert_eq!(rings(&mut alarm, began + 8 * SECOND).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_it_never_rings() {
        let mut alarm = Alarm::new();
        assert!(timeout(100 * SECOND, alarm.until(None)).await.is_err());
    }
}
