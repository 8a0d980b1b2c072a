//! Two links whose frames are carried by two tasks of the runtime.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use mesosgot_link::{FrameError, Link, LinkConfig, Role, Window};
use tokio::task::JoinSet;

/// Both ends of a link. The carriers end with the value.
pub(crate) struct Pair {
    pub(crate) scheduler: Link,
    pub(crate) executor: Link,
    _carriers: JoinSet<()>,
}

/// A small window, so that little is needed to fill a channel.
pub(crate) const WINDOW: usize = 4;

impl Pair {
    /// A link with windows of [`WINDOW`] messages that loses nothing.
    pub(crate) fn new() -> Self {
        Self::with_loss(0.0)
    }

    /// A link that loses such a part of its frames, which are small.
    pub(crate) fn with_loss(loss: f64) -> Self {
        let window = Window {
            messages: WINDOW as u32,
            bytes: 1 << 20,
        };
        Self::with(window, loss)
    }

    /// A link with such windows and losses.
    pub(crate) fn with(window: Window, loss: f64) -> Self {
        let config = LinkConfig {
            window,
            ..LinkConfig::new()
        };
        Self::configured(config, loss)
    }

    /// A link with such a configuration and losses.
    pub(crate) fn configured(config: LinkConfig, loss: f64) -> Self {
        let scheduler = Link::new(Role::Scheduler, 1, config.clone());
        let executor = Link::new(Role::Executor, 2, config);
        let mut carriers = JoinSet::new();
        carriers.spawn(carry(scheduler.clone(), executor.clone(), loss, 7));
        carriers.spawn(carry(executor.clone(), scheduler.clone(), loss, 8));
        Self {
            scheduler,
            executor,
            _carriers: carriers,
        }
    }
}

/// Carries frames from one end to the other, each within a millisecond.
async fn carry(from: Link, to: Link, loss: f64, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    while let Some(frame) = from.next_frame().await {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if rng.f64() < loss {
            continue;
        }
        match to.handle_frame(frame) {
            Ok(()) | Err(FrameError::Shut) => {}
            Err(error) => panic!("frame refused: {error:?}"),
        }
    }
}

/// Waits for something that must happen within a minute of the paused clock.
#[track_caller]
pub(crate) fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(Duration::from_secs(60), future).await {
            Ok(output) => output,
            Err(_) => panic!("nothing happened for what waits at {caller}"),
        }
    }
}

/// Whether something stays undone while everything else has had time.
pub(crate) async fn stays_pending<F: Future>(future: F) -> bool {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .is_err()
}

pub(crate) fn message(number: usize) -> Bytes {
    Bytes::from(number.to_string())
}
