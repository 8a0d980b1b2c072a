//! Places beside the home thread: as many guests compute at a time as there are, in turns.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::policy::Class;

/// While others of higher classes come, of so many who are served one is of a lower class that
/// waits: nobody waits for ever, and who is served first waits not much longer for it.
const PASSED_MAX: u8 = 8;

/// The places, and who waits for one. Each guest waits once at most.
pub(super) struct Places(Mutex<Queue>);

/// A place that one guest has, until this is dropped.
pub(super) struct Taken(Option<Arc<Places>>);

struct Queue {
    free: usize,
    /// By class.
    waiting: [Line; 3],
}

#[derive(Default)]
struct Line {
    guests: VecDeque<oneshot::Sender<Taken>>,
    /// How many of higher classes were served while somebody waited here.
    passed: u8,
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Queue {
            free: places,
            waiting: Default::default(),
        })))
    }

    /// Waits for a place. Dropping the future stops waiting.
    pub(super) async fn take(self: &Arc<Self>, class: Class) -> Taken {
        let turn = {
            let mut queue = self.queue();
            if queue.free > 0 {
                queue.free -= 1;
                return Taken(Some(Arc::clone(self)));
            }
            let (sender, turn) = oneshot::channel();
            queue.waiting[class as usize].guests.push_back(sender);
            turn
        };
        match turn.await {
            Ok(taken) => taken,
            // The line is there for as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Somebody left a place.
    fn left(self: Arc<Self>) {
        let mut taken = Taken(Some(Arc::clone(&self)));
        loop {
            let next = {
                let mut queue = self.queue();
                let next = queue.next();
                if next.is_none() {
                    queue.free += 1;
                }
                next
            };
            let Some(next) = next else {
                // It is given back already.
                taken.0 = None;
                return;
            };
            match next.send(taken) {
                Ok(()) => return,
                // Who waited there does no longer.
                Err(back) => taken = back,
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn next(&mut self) -> Option<oneshot::Sender<Taken>> {
        for line in &mut self.waiting {
            line.forget_gone();
        }
        let waits = |line: &Line| !line.guests.is_empty();
        let passed = |line: &Line| waits(line) && line.passed >= PASSED_MAX;
        let first = self.waiting.iter().rposition(passed);
        let first = first.or_else(|| self.waiting.iter().position(waits))?;
        for line in &mut self.waiting[first + 1..] {
            let counts = u8::from(waits(line));
            line.passed = line.passed.saturating_add(counts);
        }
        self.waiting[first].passed = 0;
        self.waiting[first].guests.pop_front()
    }
}

impl Line {
    /// Who stopped waiting is not served, and nobody was passed for it.
    fn forget_gone(&mut self) {
        while self
            .guests
            .pop_front_if(|first| first.is_closed())
            .is_some()
        {}
        if self.guests.is_empty() {
            self.passed = 0;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.left();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    type Waiting = std::pin::Pin<Box<dyn Future<Output = Taken>>>;

    fn waiting(places: &Arc<Places>, class: Class) -> Waiting {
        let places = Arc::clone(places);
        let mut waiting: Waiting = Box::pin(async move { places.take(class).await });
        assert!(served(&mut waiting).is_none(), "there was a place");
        waiting
    }

    fn served(waiting: &mut Waiting) -> Option<Taken> {
        let mut context = Context::from_waker(Waker::noop());
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    fn taken(places: &Arc<Places>) -> Taken {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(places.take(Class::New)).poll(&mut context) {
            Poll::Ready(taken) => taken,
            Poll::Pending => panic!("there was no place"),
        }
    }

    #[test]
    fn who_holds_up_others_least_is_served_first() {
        let places = Places::new(1);
        let mut place = taken(&places);
        let classes = [Class::Heavy, Class::New, Class::Light, Class::Light];
        let mut all = classes.map(|class| waiting(&places, class));
        for next in [2, 3, 1, 0] {
            drop(place);
            place = served(&mut all[next]).expect("it is its turn");
        }
    }

    #[test]
    fn nobody_waits_for_ever() {
        let places = Places::new(1);
        let mut place = taken(&places);
        let mut heavy = waiting(&places, Class::Heavy);
        let mut served_first = 0;
        loop {
            let mut light = waiting(&places, Class::Light);
            drop(place);
            match served(&mut light) {
                Some(taken) => place = taken,
                None => break,
            }
            served_first += 1;
        }
        assert_eq!(served_first, usize::from(PASSED_MAX));
        assert!(served(&mut heavy).is_some());
    }

    #[test]
    fn who_stops_waiting_was_not_served_before_others() {
        let places = Places::new(1);
        let place = taken(&places);
        let mut heavy = waiting(&places, Class::Heavy);
        let gone: Vec<_> = (0..2 * PASSED_MAX)
            .map(|_| waiting(&places, Class::Light))
            .collect();
        let mut light = waiting(&places, Class::Light);
        drop(gone);
        drop(place);
        let place = served(&mut light).expect("it is its turn");
        assert!(served(&mut heavy).is_none());
        drop(place);
        assert!(served(&mut heavy).is_some());
    }

    #[test]
    fn who_stops_waiting_takes_no_place() {
        let places = Places::new(2);
        let both = [taken(&places), taken(&places)];
        let gone: Vec<_> = (0..100).map(|_| waiting(&places, Class::New)).collect();
        let mut stays = waiting(&places, Class::Heavy);
        // One is served and stops waiting before it knows.
        let told = waiting(&places, Class::Light);
        drop(gone);
        drop(both);
        drop(told);
        let _first = served(&mut stays).expect("it is its turn");
        let _second = taken(&places);
        assert_eq!(places.queue().free, 0);
    }
}
