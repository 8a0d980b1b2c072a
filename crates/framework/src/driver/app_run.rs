//! The app scheduler's task in the runtime.
//!
//! ```text
//! Ready ──start──► Running ──returns, panics──► Over
//!   └──────────────────┴───────abort─────────────▲
//! ```

use std::future::pending;

use link::app::App;
use tokio::task::JoinSet;

/// The app scheduler, before, while and after it runs. It is aborted when this is dropped.
pub(super) enum AppRun<A> {
    Ready(A, App),
    /// One task; a set, because that aborts it when dropped.
    Running(JoinSet<Result<(), String>>),
    Over,
}

impl<A> AppRun<A> {
    pub(super) fn new(app: A, ends: App) -> Self {
        Self::Ready(app, ends)
    }

    /// Runs it, once.
    pub(super) fn start<F>(&mut self)
    where
        A: FnOnce(App) -> F,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        if let Self::Ready(app, ends) = std::mem::replace(self, Self::Over) {
            let mut running = JoinSet::new();
            running.spawn(app(ends));
            *self = Self::Running(running);
        }
    }

    /// Stops it, wherever it is.
    pub(super) fn abort(&mut self) {
        *self = Self::Over;
    }

    /// Waits until it has returned. Cancellation safe; answers once.
    pub(super) async fn returned(&mut self) -> Result<(), String> {
        let Self::Running(running) = self else {
            return pending().await;
        };
        let result = match running.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(error)) => Err(match error.try_into_panic() {
                Ok(panic) => format!("app scheduler panicked: {}", panic_text(&*panic)),
                Err(_) => "app scheduler was cancelled".to_owned(),
            }),
            None => unreachable!("the set has one task until it is over"),
        };
        *self = Self::Over;
        result
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
