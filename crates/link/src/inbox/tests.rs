//! What only shows from within.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use channel::{Config, Role};

use super::{Inbox, Item, Source};
use crate::link::Link;

/// A message that arrives keeps what it arrives in for a moment, and the application may let go of
/// its inbox in that moment.
#[test]
fn an_inbox_whose_last_clone_goes_while_a_message_arrives_does_not_lock_its_link_twice() {
    let (done, is_done) = channel();
    thread::spawn(move || {
        let link = Link::new(Role::Scheduler, 1, Config::new());
        let inbox = Inbox::new();
        let arriving = Arc::clone(inbox.shared());
        link.shared.with(|state| {
            let source = Source {
                link: Arc::downgrade(&link.shared),
                channel: state.end.open("a").unwrap(),
                task: "a".into(),
                waiting: AtomicU64::new(0),
            };
            let item = Item::new(&Arc::new(source), "x".into());
            arriving.lock().queue.push_back(item);
        });
        drop(inbox);
        link.shared.with(|_| drop(arriving));
        done.send(()).unwrap();
    });
    assert_eq!(is_done.recv_timeout(Duration::from_secs(10)), Ok(()));
}
