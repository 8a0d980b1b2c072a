//! On which thread a guest takes its turns.
//!
//! A *turn* is one poll of a guest: from when it is woken until it waits again, or until the epoch
//! makes it give way. All that is not a guest, links and HTTP, shares one thread of the runtime,
//! the *home* thread, and a guest takes its turns there as well: then no other thread has to be
//! woken for a message and its answer, which takes longer than all else on their way. A guest that
//! computes would hold up all others there. While it does, it takes its turns *beside*: on a thread
//! of its own, and another one becomes the home thread. `policy` decides where, `places` has those
//! wait that go beside. Its first turn, in which it is instantiated, is taken by a thread for all
//! first turns.

mod first;
mod places;
mod policy;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread,
    time::Instant,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

pub(crate) use self::first::FirstTurnsTaker;
use self::{
    first::FirstTurns,
    places::Places,
    policy::{Conduct, Home, Place},
};
use crate::meter::Meter;

/// Gives guests their turns. Clones share the home thread and the places beside it.
#[derive(Clone)]
pub(crate) struct Turns {
    home: Arc<Mutex<Home>>,
    beside: Arc<Places>,
    first: Arc<FirstTurns>,
}

impl Turns {
    /// As many guests can compute at a time as there are cores; more threads would only take turns.
    pub(crate) fn new() -> Self {
        Self::with_places(thread::available_parallelism().map_or(1, usize::from))
    }

    /// The same; first turns are for somebody to take, until [`end_first`](Self::end_first).
    pub(crate) fn with_taker() -> (Self, FirstTurnsTaker) {
        let (first, taker) = FirstTurns::with_taker();
        let first = Arc::new(first);
        let turns = Self {
            first,
            ..Self::new()
        };
        (turns, taker)
    }

    /// Lets go whoever takes first turns.
    pub(crate) fn end_first(&self) {
        self.first.end();
    }

    fn with_places(places: usize) -> Self {
        Self {
            home: Arc::default(),
            beside: Places::new(places),
            first: Arc::default(),
        }
    }

    /// Makes a guest, by its first turn. What that does not finish goes on here.
    pub(crate) async fn first<T, F>(
        &self,
        meter: &Meter,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        match self.first.take(make).await {
            first::Taken::Over(made) => made,
            first::Taken::GoesOn(guest) => self.take(meter.clone(), guest).await,
        }
    }

    /// Runs a guest to its end, whose turns this meter measures. Dropping the future drops the guest
    /// between two turns.
    pub(crate) fn run<T>(
        &self,
        meter: &Meter,
        guest: impl Future<Output = T>,
    ) -> impl Future<Output = T> {
        // An argument of an async function would be kept beside what it is moved to: a guest's
        // future has kilobytes, and there are thousands of them.
        self.take(meter.clone(), Box::pin(guest))
    }

    async fn take<T>(
        &self,
        meter: Meter,
        mut guest: Pin<Box<impl Future<Output = T> + ?Sized>>,
    ) -> T {
        let mut conduct = Conduct::default();
        loop {
            let place = self.home().place(&conduct, Instant::now());
            let beside = match place {
                // A runtime of one thread alone, as tests have, has nowhere else to go on.
                Place::Beside(class) if has_threads() => Some(self.beside.take(class).await),
                Place::Beside(_) | Place::Home => None,
            };
            let used = meter.used();
            let turn = poll_fn(|context| {
                let mut turn = || guest.as_mut().poll(context);
                Poll::Ready(match beside {
                    Some(_) => block_in_place(turn),
                    None => turn(),
                })
            });
            let turn = turn.await;
            // What others do with the processor meanwhile is no conduct of the guest.
            let (took, now) = (meter.used().saturating_sub(used), Instant::now());
            self.home().took(place, took, now);
            if let Poll::Ready(outcome) = turn {
                return outcome;
            }
            conduct.took(took, meter.gives_way(), now);
            drop(beside);
            woken().await;
        }
    }

    fn home(&self) -> MutexGuard<'_, Home> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_threads() -> bool {
    Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread
}

/// Waits until the task is woken, by whatever its guest waits for.
async fn woken() {
    let mut is_woken = false;
    poll_fn(|_| match std::mem::replace(&mut is_woken, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use tokio::task::yield_now;

    use super::{policy::LONG_TURN, *};

    /// Long enough for any machine; it is not waited for when all goes well.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// What a guest does that computes, until the next tick.
    async fn compute() {
        let began = crate::meter::thread_time();
        while crate::meter::thread_time() - began <= 2 * LONG_TURN.as_nanos() as u64 {}
        yield_now().await;
    }

    async fn run<T>(turns: Turns, guest: impl Future<Output = T>) -> T {
        let meter = Meter::new(None);
        turns.run(&meter, meter.measure(guest)).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_guest_that_computes_does_not_hold_up_the_others() {
        let (others_go_on, seen) = mpsc::channel();
        let guest = tokio::spawn(async move {
            let guest = async move {
                compute().await;
                seen.recv_timeout(PATIENCE)
            };
            run(Turns::with_places(1), guest).await
        });
        let others = tokio::spawn(async move { others_go_on.send(()) });
        assert_eq!(guest.await.unwrap(), Ok(()), "the thread was held up");
        others.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn of_guests_that_compute_only_as_many_as_there_are_places_do_so_at_a_time() {
        let turns = Turns::with_places(1);
        let is_free = Arc::new(AtomicBool::new(true));
        let guests: Vec<_> = (0..4)
            .map(|_| {
                let (turns, is_free) = (turns.clone(), Arc::clone(&is_free));
                tokio::spawn(async move {
                    let guest = async move {
                        for _ in 0..20 {
                            compute().await;
                            assert!(is_free.swap(false, Ordering::SeqCst), "two at a time");
                            thread::yield_now();
                            is_free.store(true, Ordering::SeqCst);
                        }
                    };
                    run(turns, guest).await;
                })
            })
            .collect();
        for guest in guests {
            guest.await.unwrap();
        }
    }

    #[tokio::test]
    async fn without_other_threads_a_guest_computes_where_it_is() {
        let here = thread::current().id();
        let guest = async {
            compute().await;
            compute().await;
            thread::current().id()
        };
        assert_eq!(run(Turns::with_places(1), guest).await, here);
    }
}
