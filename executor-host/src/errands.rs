//! What is done for a guest outside its stack.
//!
//! A stack keeps every page that was ever touched, and a task that waits for its next message keeps
//! its stack. Its own calls take most of one page; what the host does for it would take another, of
//! each of thousands of tasks. So the guest leaves an *errand* and gives way; who gave it its turn
//! does the errand and lets the guest go on. That costs a switch of stacks, a tenth of a
//! microsecond: for who sends now and then, not for who sends without end.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

/// The errands of one guest, one at a time.
#[derive(Default)]
pub(crate) struct Errands(Mutex<Option<Errand>>);

type Errand = Box<dyn FnOnce() + Send>;

impl Errands {
    /// Has this done, for the guest. Only within a turn that is given by who
    /// [does](Self::run_one) errands.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let done = Arc::new(Mutex::new(None));
        let outcome = Arc::clone(&done);
        *lock(&self.0) = Some(Box::new(move || *lock(&done) = Some(act())));
        poll_fn(move |_| match lock(&outcome).take() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        })
        .await
    }

    /// Does what the guest left to be done; false if it left nothing.
    pub(crate) fn run_one(&self) -> bool {
        let errand = lock(&self.0).take();
        errand.map(|errand| errand()).is_some()
    }
}

impl fmt::Debug for Errands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errands").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn an_errand_is_done_between_two_turns_and_once() {
        let errands = Errands::default();
        let mut guest = pin!(errands.run(|| 7));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(guest.as_mut().poll(&mut context), Poll::Pending);
        assert!(errands.run_one());
        assert!(!errands.run_one());
        assert_eq!(guest.as_mut().poll(&mut context), Poll::Ready(7));
    }
}
