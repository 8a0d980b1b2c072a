//! The first turn of each guest, in which it is instantiated: beside the home thread, so that tasks
//! which are launched together are made on one core while another one speaks to the agent.
//!
//! One thread takes all of them in order. It sleeps only when there are none: of a thousand tasks
//! that come at once, only the first has to wake it. In an executor that is the main thread, which
//! has nothing else to do: the allocator of glibc enlarges the heap of any other thread by a page at
//! a time, which is ten calls of the system for each task.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{OnceLock, mpsc},
    task::{Context, Poll, Waker},
    thread,
};

use tokio::{runtime::Handle, sync::oneshot};

/// Where first turns wait. Unless another one takes them, they have a thread, which begins with the
/// first of them and ends with this.
#[derive(Default)]
pub(super) struct FirstTurns {
    /// Nothing, if there can be no thread. As many turns wait as tasks are launched at most.
    turns: OnceLock<Option<mpsc::Sender<Entry>>>,
}

/// Takes first turns on the thread of its owner.
pub(crate) struct FirstTurnsTaker(mpsc::Receiver<Entry>);

enum Entry {
    Turn(Turn),
    End,
}

type Turn = Box<dyn FnOnce() + Send>;

pub(super) type Guest<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl FirstTurnsTaker {
    /// Takes turns until there will be no more.
    pub(crate) fn run(self) {
        for entry in self.0 {
            match entry {
                Entry::Turn(turn) => turn(),
                Entry::End => return,
            }
        }
    }
}

impl FirstTurns {
    /// First turns for somebody to take.
    pub(super) fn with_taker() -> (Self, FirstTurnsTaker) {
        let (sender, turns) = mpsc::channel();
        let to_take = FirstTurnsTaker(turns);
        let turns = OnceLock::from(Some(sender));
        (Self { turns }, to_take)
    }

    /// Lets go whoever takes them; what comes later is taken where it comes.
    pub(super) fn end(&self) {
        if let Some(Some(turns)) = self.turns.get() {
            let _ = turns.send(Entry::End);
        }
    }

    /// Makes a guest and has it take its first turn. Not before: a guest has kilobytes, and thousands
    /// may wait to be made.
    ///
    /// Dropping the future drops the guest before or after its first turn.
    pub(super) async fn take<T, F>(&self, make: impl FnOnce() -> F + Send + 'static) -> Taken<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (taken, turn) = oneshot::channel();
        let runtime = Handle::current();
        let take = move || {
            // Whoever has stopped waiting wants no guest.
            if taken.is_closed() {
                return;
            }
            let _entered = runtime.enter();
            // What the guest waits for it asks for again in its next turn.
            let mut context = Context::from_waker(Waker::noop());
            let mut guest: Guest<T> = Box::pin(make());
            let polled = catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(&mut context)));
            let _ = taken.send(match polled {
                Ok(Poll::Ready(outcome)) => Ok(Taken::Over(outcome)),
                Ok(Poll::Pending) => Ok(Taken::GoesOn(guest)),
                Err(panic) => Err(panic),
            });
        };
        self.give(Box::new(take));
        match turn.await {
            Ok(Ok(taken)) => taken,
            Ok(Err(panic)) => resume_unwind(panic),
            // Nobody takes it any more: the process ends.
            Err(_) => std::future::pending().await,
        }
    }

    /// Has the thread take a turn, or takes it here if there is none.
    fn give(&self, turn: Turn) {
        let turns = self.turns.get_or_init(start).as_ref();
        let refused = match turns {
            Some(turns) => match turns.send(Entry::Turn(turn)) {
                Err(mpsc::SendError(Entry::Turn(turn))) => Some(turn),
                Ok(()) | Err(_) => None,
            },
            None => Some(turn),
        };
        if let Some(turn) = refused {
            turn();
        }
    }
}

/// What came of a first turn.
pub(super) enum Taken<T> {
    /// That was all.
    Over(T),
    /// The guest wants more of them.
    GoesOn(Guest<T>),
}

fn start() -> Option<mpsc::Sender<Entry>> {
    let (sender, turns) = mpsc::channel();
    let thread = thread::Builder::new().name("first-turns".to_owned());
    let started = thread.spawn(|| FirstTurnsTaker(turns).run());
    started.ok().map(|_detached| sender)
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    async fn went_on<T>(taken: Taken<T>) -> T {
        match taken {
            Taken::Over(outcome) => outcome,
            Taken::GoesOn(guest) => guest.await,
        }
    }

    #[tokio::test]
    async fn a_guest_takes_its_first_turn_beside_and_the_others_here() {
        let here = thread::current().id();
        let guest = async {
            let first = thread::current().id();
            yield_now().await;
            (first, thread::current().id())
        };
        let (first, second) = went_on(FirstTurns::default().take(|| guest).await).await;
        assert_ne!(first, here);
        assert_eq!(second, here);
    }

    #[test]
    fn somebody_else_can_take_them_until_the_end() {
        let (turns, taker) = FirstTurns::with_taker();
        let here = thread::current().id();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let took = runtime.spawn(async move {
            let took = turns.take(|| async { thread::current().id() }).await;
            turns.end();
            went_on(took).await
        });
        taker.run();
        assert_eq!(runtime.block_on(took).unwrap(), here);
    }

    #[tokio::test]
    async fn a_panic_is_the_callers_and_the_next_guest_has_its_turn() {
        let turns = std::sync::Arc::new(FirstTurns::default());
        let others = std::sync::Arc::clone(&turns);
        let panics = async move { others.take(|| async { panic!("the host's fault") }).await };
        let ended: Result<Taken<()>, _> = tokio::spawn(panics).await;
        assert!(ended.is_err_and(|error| error.is_panic()));
        assert_eq!(went_on(turns.take(|| async { 7 }).await).await, 7);
    }
}
