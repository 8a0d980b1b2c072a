//! Who wants to know what running tasks take, and how often.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// While this is kept, executors tell what running tasks take; from
/// [`Traffic::watch`](crate::Traffic::watch).
#[derive(Debug)]
#[must_use = "nothing is told any more once it is dropped"]
pub struct UsageWatch {
    wants: Arc<Wants>,
    number: u64,
}

/// All who want to know.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    watches: Mutex<Watches>,
    shortest: watch::Sender<Option<Duration>>,
}

#[derive(Debug, Default)]
struct Watches {
    next: u64,
    intervals: BTreeMap<u64, Duration>,
}

impl Wants {
    pub(super) fn add(wants: &Arc<Self>, interval: Duration) -> UsageWatch {
        let number = wants.change(|watches| {
            let number = watches.next;
            watches.next += 1;
            watches.intervals.insert(number, interval);
            number
        });
        UsageWatch {
            wants: Arc::clone(wants),
            number,
        }
    }

    /// The shortest interval that anybody wants, whenever it changes.
    pub(super) fn shortest(&self) -> watch::Receiver<Option<Duration>> {
        self.shortest.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Watches) -> T) -> T {
        let watches = self.watches.lock();
        let mut watches = watches.unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut watches);
        let shortest = watches.intervals.values().min().copied();
        self.shortest
            .send_if_modified(|known| std::mem::replace(known, shortest) != shortest);
        answer
    }
}

impl Drop for UsageWatch {
    fn drop(&mut self) {
        self.wants.change(|watches| {
            watches.intervals.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_interval_holds_for_as_long_as_its_watch_is_kept() {
        let wants = Arc::new(Wants::default());
        let mut shortest = wants.shortest();
        let mut check = |seconds: Option<u64>, is_news| {
            assert_eq!(shortest.has_changed().unwrap(), is_news);
            let known = *shortest.borrow_and_update();
            assert_eq!(known, seconds.map(Duration::from_secs));
        };
        check(None, false);
        let slow = Wants::add(&wants, Duration::from_secs(5));
        check(Some(5), true);
        let fast = Wants::add(&wants, Duration::from_secs(1));
        let same = Wants::add(&wants, Duration::from_secs(1));
        check(Some(1), true);
        drop(fast);
        check(Some(1), false);
        drop(same);
        check(Some(5), true);
        drop(slow);
        check(None, true);
    }
}
