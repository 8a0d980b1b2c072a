//! What an app scheduler holds: the other ends of its tasks' channels, the events of the job, and
//! what it may ask for. It is the native form of `sdk/wit/scheduler.wit`.
//!
//! [`App`] is the app scheduler's side, [`AppDriver`] the framework's, which decides everything.

mod control;
mod events;
mod outbox;

pub use control::{AppControl, Request, RequestError, TaskSummary};
pub use events::{EVENTS_MAX, Event, EventKind, Events};
pub use outbox::{AppSendError, AppTrySendError, Life, Outbox};

use tokio::sync::mpsc;

use crate::inbox::Inbox;
use crate::sender::Sender;

/// What an app scheduler holds.
#[derive(Debug)]
pub struct App {
    /// The `out` channels of all tasks.
    pub inbox: Inbox,
    /// The `in` channels of all tasks.
    pub outbox: Outbox,
    /// What happens to the job.
    pub events: Events,
    /// What may be asked for.
    pub control: AppControl,
}

/// The framework's side of an [`App`].
#[derive(Debug)]
pub struct AppDriver {
    inbox: Inbox,
    outbox: Outbox,
    events: Events,
    requests: mpsc::Receiver<Request>,
}

impl App {
    /// An app scheduler's ends without any task, and the framework's side of them.
    pub fn new() -> (Self, AppDriver) {
        let (control, requests) = AppControl::new();
        let app = Self {
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            events: Events::new(),
            control,
        };
        let driver = AppDriver {
            inbox: app.inbox.clone(),
            outbox: app.outbox.clone(),
            events: app.events.clone(),
            requests,
        };
        (app, driver)
    }
}

impl AppDriver {
    /// The inbox, to open the tasks' channels into it
    /// ([`Link::open_into`](crate::Link::open_into)), to seal and to close it.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The app scheduler can send to a task from now on. If the name was known, the new sender
    /// takes the place of the old one, and is closed if the app scheduler had closed that.
    pub fn add_task(&self, name: &str, sender: Sender, life: Life) {
        self.outbox.insert(name, sender, life);
    }

    /// A task will not be launched again: whoever waits to send to it is refused.
    pub fn end_task(&self, name: &str) {
        self.outbox.end(name);
    }

    /// A task will be launched again once it has ended: whoever sends to it waits for that.
    pub fn return_task(&self, name: &str) {
        self.outbox.return_later(name);
    }

    /// The way to the tasks for others than the app scheduler: messages of both go through the same
    /// channels, in the order in which they are sent.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Tells an event. A task's last event must come after its `out` channel is over
    /// ([`Sender::peer_closed`]), so that its messages come first.
    pub fn push_event(&self, event: Event) {
        self.events.push(event);
    }

    /// Nothing more will happen: the events end after those that were told.
    pub fn close_events(&self) {
        self.events.close();
    }

    /// Waits for the next request of the app scheduler; `None` once it holds no
    /// [`AppControl`] any more. Cancellation safe. A request whose reply is dropped is refused as
    /// [`RequestError::ShuttingDown`].
    pub async fn next_request(&mut self) -> Option<Request> {
        self.requests.recv().await
    }
}

impl Drop for AppDriver {
    /// Without a framework nothing more happens and nothing arrives.
    fn drop(&mut self) {
        self.events.close();
        self.inbox.close();
        self.outbox.close_all();
    }
}
