//! The messages of many channels and links in one queue.
//!
//! Messages come in the order of their arrival. That is fair enough: each channel has at most its
//! window in the queue, so none can put more than that before another's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use channel::{ChannelId, MESSAGE_BYTES_MAX};
use tokio::sync::Notify;

use crate::error::TryRecvError;
use crate::link::{Channel, Pushed, Shared, lock};
use crate::state::Readers;

/// The messages of many channels in one queue, shared by all clones.
///
/// A message holds its room in its channel until it is received here. When the last clone is
/// dropped, the senders of all its channels are told that they are closed.
///
/// It holds at most the windows of its channels together.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    handle: Arc<InboxHandle>,
}

/// A message of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The task that sent it.
    pub task: Arc<str>,
    /// Its bytes.
    pub data: Bytes,
}

impl Inbox {
    /// An inbox without channels; see [`Link::open_into`](crate::Link::open_into).
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for a message; `None`: nothing more will come. Cancellation safe.
    pub async fn recv(&self) -> Option<Message> {
        loop {
            let changed = self.shared().readable.notified();
            match self.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Closed) => return None,
                Err(TryRecvError::Empty) => {
                    let _reading = self.shared().readers.wait();
                    changed.await;
                }
            }
        }
    }

    /// A message that is there already.
    ///
    /// # Errors
    /// When there is none.
    pub fn try_recv(&self) -> Result<Message, TryRecvError> {
        let item = {
            let mut state = self.shared().lock();
            match state.queue.pop_front() {
                Some(item) => {
                    release(&mut state.queue, INBOX_KEPT);
                    item
                }
                None if state.is_over() => return Err(TryRecvError::Closed),
                None => return Err(TryRecvError::Empty),
            }
        };
        item.source.take(1, item.data.len() as u64);
        Ok(item.into_message())
    }

    /// Waits for a message and takes up to `max` that are there, but beyond the first none with
    /// which they would be more than [`MESSAGE_BYTES_MAX`] bytes together. Empty: nothing more
    /// will come, or `max` is 0. Cancellation safe.
    pub async fn recv_many(&self, max: usize) -> Vec<Message> {
        if max == 0 {
            return Vec::new();
        }
        loop {
            let changed = self.shared().readable.notified();
            let items: Vec<_> = {
                let mut state = self.shared().lock();
                if state.queue.is_empty() && state.is_over() {
                    return Vec::new();
                }
                let sizes = state.queue.iter().map(|item| item.data.len());
                let count = count_within_bytes_max(sizes.take(max));
                let items = state.queue.drain(..count).collect();
                release(&mut state.queue, INBOX_KEPT);
                items
            };
            if items.is_empty() {
                let _reading = self.shared().readers.wait();
                changed.await;
                continue;
            }
            let same = |one: &Item, other: &Item| Arc::ptr_eq(&one.source, &other.source);
            for items in items.chunk_by(same) {
                let bytes = items.iter().map(|item| item.data.len() as u64).sum();
                items[0].source.take(items.len() as u64, bytes);
            }
            return items.into_iter().map(Item::into_message).collect();
        }
    }

    /// Waits until a message is there or nothing more will come. Cancellation safe.
    pub async fn readable(&self) {
        loop {
            let changed = self.shared().readable.notified();
            {
                let state = self.shared().lock();
                if !state.queue.is_empty() || state.is_over() {
                    return;
                }
            }
            let _reading = self.shared().readers.wait();
            changed.await;
        }
    }

    /// No channel is about to be opened into it: it ends when all it has are over and all messages
    /// were received. If one is opened all the same, it goes on.
    pub fn seal(&self) {
        self.shared().lock().is_sealed = true;
        self.shared().readable.notify_waiters();
    }

    /// Channels may be opened into it again: it does not end before the next
    /// [`seal`](Self::seal).
    pub fn unseal(&self) {
        self.shared().lock().is_sealed = false;
    }

    /// Takes nothing more in: it ends after what has arrived, and the tasks' senders are told that
    /// their channels are closed.
    pub fn close(&self) {
        self.shared().close();
    }

    fn shared(&self) -> &Arc<InboxShared> {
        &self.handle.shared
    }

    /// Takes over a channel with what has arrived on it. The caller holds the link's lock.
    pub(crate) fn attach(&self, link: &Arc<Shared>, channel: &Channel) {
        let source = Arc::new(Source {
            link: Arc::downgrade(link),
            channel: channel.id,
            task: Arc::clone(&channel.name),
            waiting: AtomicU64::new(0),
        });
        let sink = InboxSink {
            inbox: Arc::downgrade(self.shared()),
            source: Arc::clone(&source),
        };
        let mut inbound = channel.inbound();
        let early = match std::mem::replace(&mut inbound.sink, Sink::Inbox(sink)) {
            Sink::Queue(early) => early,
            // A channel is opened once, so this is never the case.
            Sink::Inbox(_) | Sink::Dropped => VecDeque::new(),
        };
        let mut state = self.shared().lock();
        state.channels += usize::from(!inbound.ended);
        state
            .queue
            .extend(early.into_iter().map(|data| Item::new(&source, data)));
        drop(state);
        drop(inbound);
        self.shared().readable.notify_waiters();
    }
}

/// Where the messages of a channel go when they arrive.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To the queue of a receiver, or of one that is yet to come. It holds at most the window.
    Queue(VecDeque<Bytes>),
    /// To an inbox.
    Inbox(InboxSink),
    /// Nowhere: the receiver is gone.
    Dropped,
}

/// The way of one channel into an inbox. It keeps neither inbox nor link alive.
#[derive(Debug)]
pub(crate) struct InboxSink {
    inbox: Weak<InboxShared>,
    source: Arc<Source>,
}

impl Sink {
    pub(crate) fn push(&mut self, data: Bytes) -> Pushed {
        match self {
            Self::Queue(queue) => {
                queue.push_back(data);
                match queue.len() {
                    1 => Pushed::First,
                    _ => Pushed::Further,
                }
            }
            Self::Inbox(sink) => sink.push(data),
            Self::Dropped => Pushed::Unwanted,
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        match self {
            Self::Queue(queue) => {
                let message = queue.pop_front();
                release(queue, QUEUE_KEPT);
                message
            }
            Self::Inbox(_) | Self::Dropped => None,
        }
    }

    /// At most `max` messages and [`MESSAGE_BYTES_MAX`] bytes, but at least one message.
    pub(crate) fn pop_many(&mut self, max: usize) -> Vec<Bytes> {
        match self {
            Self::Queue(queue) => {
                let count = count_within_bytes_max(queue.iter().map(Bytes::len).take(max));
                let messages = queue.drain(..count).collect();
                release(queue, QUEUE_KEPT);
                messages
            }
            Self::Inbox(_) | Self::Dropped => Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Queue(queue) => queue.is_empty(),
            Self::Inbox(_) | Self::Dropped => true,
        }
    }

    /// Messages that were not received yet.
    pub(crate) fn waiting(&self) -> u64 {
        match self {
            Self::Queue(queue) => queue.len() as u64,
            // What was left in an inbox that is gone is lost.
            Self::Inbox(sink) if sink.inbox.strong_count() == 0 => 0,
            Self::Inbox(sink) => sink.source.waiting.load(Ordering::Relaxed),
            Self::Dropped => 0,
        }
    }

    /// Whether somebody waits for a message; `own` are those who wait for this queue.
    pub(crate) fn has_reader(&self, own: &Readers) -> bool {
        match self {
            Self::Queue(_) => own.are_some(),
            Self::Inbox(sink) => {
                let inbox = sink.inbox.upgrade();
                inbox.is_some_and(|inbox| inbox.readers.are_some())
            }
            Self::Dropped => false,
        }
    }

    /// Nothing more arrives on the channel.
    pub(crate) fn end(&self) {
        if let Self::Inbox(sink) = self
            && let Some(inbox) = sink.inbox.upgrade()
        {
            inbox.lock().channels -= 1;
            inbox.readable.notify_waiters();
        }
    }
}

impl InboxSink {
    fn push(&self, data: Bytes) -> Pushed {
        let Some(inbox) = self.inbox.upgrade() else {
            return Pushed::Unwanted;
        };
        let was_empty = {
            let mut state = inbox.lock();
            if state.is_closed {
                return Pushed::Unwanted;
            }
            state.queue.push_back(Item::new(&self.source, data));
            state.queue.len() == 1
        };
        if was_empty {
            inbox.readable.notify_waiters();
        }
        Pushed::Further
    }
}

#[derive(Debug, Default)]
pub(crate) struct InboxShared {
    state: Mutex<InboxState>,
    /// A message arrived, or no more will.
    readable: Notify,
    readers: Readers,
}

#[derive(Debug, Default)]
struct InboxState {
    queue: VecDeque<Item>,
    /// Channels that are not over.
    channels: usize,
    is_sealed: bool,
    is_closed: bool,
}

impl InboxShared {
    fn lock(&self) -> MutexGuard<'_, InboxState> {
        lock(&self.state)
    }

    /// Takes nothing more in. The caller holds no link's lock.
    fn close(&self) {
        let sources = {
            let mut state = self.lock();
            state.is_closed = true;
            state.sources()
        };
        for source in sources {
            source.stop();
        }
        self.readable.notify_waiters();
    }
}

impl InboxState {
    /// Whether nothing more comes after what is in the queue.
    fn is_over(&self) -> bool {
        self.is_closed || self.is_sealed && self.channels == 0
    }

    /// The channels that have messages here. The others are stopped when their next message
    /// comes; these might be full, and wait for ever.
    fn sources(&self) -> Vec<Arc<Source>> {
        let same = |one: &&Item, other: &&Item| Arc::ptr_eq(&one.source, &other.source);
        let mut sources: Vec<_> = self.queue.iter().collect();
        sources.dedup_by(|one, other| same(one, other));
        let source = |item: &Item| Arc::clone(&item.source);
        sources.into_iter().map(source).collect()
    }
}

/// What the clones of an inbox share, apart from the ways into it: a message that arrives holds
/// [`InboxShared`] for a moment, under its link's lock, where nothing may touch the link again.
#[derive(Debug, Default)]
struct InboxHandle {
    shared: Arc<InboxShared>,
}

impl Drop for InboxHandle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Room for so many messages is kept for a channel whose queue is empty: what a conversation needs.
/// With a burst through each of a thousand channels, it would else be megabytes for ever.
const QUEUE_KEPT: usize = 4;

/// The same of an inbox, which all channels share.
const INBOX_KEPT: usize = 1024;

/// Lets go of the room of a queue that is empty, unless it is small.
fn release<T>(queue: &mut VecDeque<T>, kept: usize) {
    if queue.is_empty() && queue.capacity() > kept {
        *queue = VecDeque::new();
    }
}

/// How many messages of these sizes are taken at once: all of them, but beyond the first none with
/// which they would be more than [`MESSAGE_BYTES_MAX`] bytes together.
///
/// A guest's messages are copied, to the host's memory for it and then to its own. It cannot ask
/// for more at once than for one message that is as large as can be.
fn count_within_bytes_max(sizes: impl Iterator<Item = usize>) -> usize {
    let mut room = MESSAGE_BYTES_MAX;
    let mut count = 0;
    for size in sizes {
        match room.checked_sub(size) {
            Some(left) => room = left,
            None if count > 0 => break,
            // No channel takes a message that large; if one did, it could not stay here for ever.
            None => room = 0,
        }
        count += 1;
    }
    count
}

/// A message and the channel it came from.
#[derive(Debug)]
struct Item {
    source: Arc<Source>,
    data: Bytes,
}

impl Item {
    fn new(source: &Arc<Source>, data: Bytes) -> Self {
        source.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            source: Arc::clone(source),
            data,
        }
    }

    fn into_message(self) -> Message {
        Message {
            task: Arc::clone(&self.source.task),
            data: self.data,
        }
    }
}

/// A channel whose messages are in an inbox.
#[derive(Debug)]
struct Source {
    link: Weak<Shared>,
    channel: ChannelId,
    task: Arc<str>,
    /// Its messages in the inbox.
    waiting: AtomicU64,
}

impl Source {
    fn take(&self, messages: u64, bytes: u64) {
        self.waiting.fetch_sub(messages, Ordering::Relaxed);
        if let Some(link) = self.link.upgrade() {
            link.take(self.channel, messages, bytes);
        }
    }

    fn stop(&self) {
        if let Some(link) = self.link.upgrade() {
            link.with(|state| state.end.stop(self.channel));
        }
    }
}

#[cfg(test)]
mod tests;
