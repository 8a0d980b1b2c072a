//! A link: the channel machine behind a lock, its clock, and who waits for what.
//!
//! ```text
//!   Sender ──► LinkEnd ─┬─► next_frame ──────────────► (framework messages)
//!                       └─► DirectPath::fill ────────► (a connection, while there is one)
//!   Receiver, Inbox ◄── LinkEnd ◄── handle_frame ◄── (either)
//! ```
//!
//! One lock guards the machine and is never held across an await; each channel has a lock for its
//! queue, taken after the link's or alone. Whoever waits makes sure to be woken before it looks,
//! so no wake-up is lost between the look and the wait; wake-ups happen after the locks are
//! released.

mod path;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use channel::{
    ChannelCounters, ChannelId, Config, Counters, FrameError, LinkEnd, OpenError, Output, Path,
    Role,
};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::debug;

pub use self::path::DirectPath;
pub(crate) use self::path::LookAgain;
use crate::alarm::Alarm;
use crate::control::Control;
use crate::inbox::{Inbox, Sink};
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::spec;
use crate::state::{Readers, Received};

/// One end of a link, shared by all its clones.
///
/// Whoever carries frames calls [`handle_frame`](Self::handle_frame) with each one that arrives
/// and transmits what [`next_frame`](Self::next_frame) answers. Frames may be lost, doubled and
/// reordered on the way, and each may be transmitted by a task of its own. A connection of the two
/// ends' own takes over with [`direct`](Self::direct) for as long as it works.
///
/// A link does not end by itself: [`shut`](Self::shut) it when the peer is gone for good.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mesosgot_link::{Link, LinkConfig, Role};
///
/// let here = Link::new(Role::Scheduler, 1, LinkConfig::new());
/// let there = Link::new(Role::Executor, 2, LinkConfig::new());
/// let (sender, _) = here.open("elevator-0")?;
/// let (_, receiver) = there.open("elevator-0")?;
/// sender.send("hello".into()).await?;
///
/// let greeting = there.next_frame().await.ok_or("shut")?;
/// here.handle_frame(greeting)?;
/// let data = here.next_frame().await.ok_or("shut")?;
/// there.handle_frame(data)?;
/// assert_eq!(receiver.recv().await, Some("hello".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Link {
    pub(crate) shared: Arc<Shared>,
}

/// What a link, when it was shut, had accepted, and of which it did not know that the peer's
/// application took it. That is told in steps of half a window, so it may be too much, though never
/// more than the window of each channel; it is never too little.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Messages by the name of the channel, none of them 0. The control channel is left out.
    pub channels: BTreeMap<Arc<str>, u64>,
}

impl Link {
    /// One end of a link. `incarnation` must differ from that of every earlier life of this end;
    /// a random number will do.
    pub fn new(role: Role, incarnation: u64, config: Config) -> Self {
        let control = Arc::new(Channel::new(ChannelId::CONTROL, Arc::from("")));
        let state = State {
            end: LinkEnd::new(role, incarnation, config),
            connection: 0,
            looks_at: None,
            notice: None,
            told: spec::Notice::default(),
            heard: spec::Notice::default(),
            channels: HashMap::from([(ChannelId::CONTROL, Arc::clone(&control))]),
        };
        let shared = Shared {
            state: Mutex::new(state),
            frames: Notify::new(),
            moved: Notify::new(),
            arrived: Notify::new(),
            news: Notify::new(),
            control,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Opens a channel with a queue of its own: the end of a task.
    ///
    /// Both ends open a channel by the same name. What the peer sends before this end has opened
    /// it is kept within the window.
    ///
    /// # Errors
    /// When the name is not valid or is in use, there are too many channels, or the link is shut.
    pub fn open(&self, name: &str) -> Result<(Sender, Receiver), OpenError> {
        let channel = self.open_channel(name, |_| {})?;
        let sender = Sender::new(Arc::clone(&self.shared), Arc::clone(&channel));
        Ok((sender, Receiver::new(Arc::clone(&self.shared), channel)))
    }

    /// Opens a channel whose messages go to an inbox: the end of an app scheduler.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_into(&self, name: &str, inbox: &Inbox) -> Result<Sender, OpenError> {
        let channel = self.open_channel(name, |channel| inbox.attach(&self.shared, channel))?;
        Ok(Sender::new(Arc::clone(&self.shared), channel))
    }

    /// The channel of the two ends themselves. Every call answers the same one.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }

    /// Takes in a frame that arrived.
    ///
    /// # Errors
    /// When the frame is not of this link or the peer broke a rule. [`FrameError`] says which are
    /// harmless and after which to [`shut`](Self::shut) the link.
    pub fn handle_frame(&self, frame: Bytes) -> Result<(), FrameError> {
        let handled = self
            .shared
            .with(|state| state.end.handle_frame(now(), frame));
        self.shared.arrived.notify_waiters();
        handled
    }

    /// Waits for the next frame to transmit as a framework message; `None` once the link is shut.
    /// While a direct path is up there is none.
    ///
    /// A frame is made when it is asked for and carries all that has gathered until then, so ask
    /// only when the transport can take one. Cancellation safe: no frame is lost with the future.
    /// If several tasks wait, each frame goes to one of them, perhaps a moment late.
    pub async fn next_frame(&self) -> Option<Bytes> {
        let mut alarm = Alarm::new();
        while self.frame_ready(&mut alarm).await {
            let frame = self.try_next_frame();
            if frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// Waits until [`try_next_frame`](Self::try_next_frame) has a frame, for a transport that has
    /// to make room first; `false` once the link is shut. Cancellation safe. If several tasks
    /// wait, or a direct path comes up meanwhile, the frame may be gone again.
    ///
    /// The alarm is the caller's, to be used for every wait.
    pub async fn frame_ready(&self, alarm: &mut Alarm) -> bool {
        while self.on_path(Path::Messages).await {
            let moved = self.shared.moved.notified();
            let changed = self.shared.frames.notified();
            let (timeout, _watch) = {
                let mut state = self.shared.lock();
                if state.end.is_shut() {
                    return false;
                }
                if state.end.path() == Path::Direct {
                    continue;
                }
                let timeout = state.end.poll_timeout();
                if state.end.has_frame() || timeout.is_some_and(|due| due <= now()) {
                    return true;
                }
                (
                    timeout,
                    self.shared.watch(&mut state, alarm.rings_at(timeout)),
                )
            };
            tokio::select! {
                () = changed => {}
                () = moved => {}
                () = alarm.until(timeout) => {}
            }
        }
        false
    }

    /// The next frame to transmit as a framework message, if there is one now; as
    /// [`next_frame`](Self::next_frame).
    pub fn try_next_frame(&self) -> Option<Bytes> {
        let (frame, wakes) = {
            let mut state = self.shared.lock();
            if state.end.path() == Path::Direct {
                return None;
            }
            let frame = state.end.poll_frame(now());
            (frame, state.drain())
        };
        wakes.wake(&self.shared);
        frame
    }

    /// Whether the link has been shut.
    pub fn is_shut(&self) -> bool {
        self.shared.lock().end.is_shut()
    }

    /// Ends the link, because the peer is gone for good: receivers give what has arrived and then
    /// end, senders are closed, [`next_frame`](Self::next_frame) answers `None`.
    ///
    /// Answers how many messages of each channel the peer's application never took, as far as is
    /// known; on a second call nothing.
    pub fn shut(&self) -> Undelivered {
        let mut undelivered = Undelivered::default();
        let (counts, channels) = {
            let mut state = self.shared.lock();
            let counts = state.end.shut();
            (counts, std::mem::take(&mut state.channels))
        };
        for count in counts {
            if count.channel != ChannelId::CONTROL {
                *undelivered.channels.entry(count.name).or_default() += count.messages;
            }
        }
        for channel in channels.values() {
            channel.end_inbound();
            channel.readable.notify_waiters();
            channel.writable.notify_waiters();
        }
        self.shared.frames.notify_waiters();
        self.shared.moved.notify_waiters();
        self.shared.arrived.notify_waiters();
        self.shared.news.notify_waiters();
        undelivered
    }

    /// Waits until the peer has acknowledged everything that was sent, closes among it, or the
    /// link is shut: what an end does before it leaves. Frames must be carried meanwhile.
    /// Cancellation safe.
    pub async fn flushed(&self) {
        loop {
            let arrived = self.shared.arrived.notified();
            {
                let state = self.shared.lock();
                if state.end.is_shut() || state.end.is_flushed() {
                    return;
                }
            }
            arrived.await;
        }
    }

    /// Waits until the link is shut. Cancellation safe.
    pub async fn ended(&self) {
        loop {
            let moved = self.shared.moved.notified();
            if self.shared.lock().end.is_shut() {
                return;
            }
            moved.await;
        }
    }

    /// Waits until the peer has been heard for the first time, or the link is shut. Cancellation
    /// safe.
    pub async fn heard(&self) {
        loop {
            let arrived = self.shared.arrived.notified();
            {
                let state = self.shared.lock();
                if state.end.is_shut() || state.end.counters().frames_received > 0 {
                    return;
                }
            }
            arrived.await;
        }
    }

    /// What the link has done so far.
    pub fn counters(&self) -> Counters {
        self.shared.lock().end.counters()
    }

    fn open_channel(
        &self,
        name: &str,
        attach: impl FnOnce(&Arc<Channel>),
    ) -> Result<Arc<Channel>, OpenError> {
        self.shared.with(|state| {
            let id = state.end.open(name)?;
            let new = || Arc::new(Channel::new(id, Arc::from(name)));
            let channel = Arc::clone(state.channels.entry(id).or_insert_with(new));
            attach(&channel);
            Ok(channel)
        })
    }
}

impl Undelivered {
    /// Messages of all channels.
    pub fn total(&self) -> u64 {
        self.channels.values().sum()
    }
}

/// What all handles of one end share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// There is a frame, or there will be one sooner than whoever waits for it knows.
    frames: Notify,
    /// The path has changed, or the link is shut.
    moved: Notify,
    /// A frame has arrived, which may have acknowledged everything; or the link is shut.
    arrived: Notify,
    /// The peer has told something, or the link is shut.
    pub(crate) news: Notify,
    pub(crate) control: Arc<Channel>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) end: LinkEnd,
    /// The number of the newest direct path; 0: there was none.
    connection: u64,
    /// Channels that the machine still speaks of.
    channels: HashMap<ChannelId, Arc<Channel>>,
    /// What the peer has told, until somebody takes it.
    pub(crate) notice: Option<Bytes>,
    /// All that this end has told.
    pub(crate) told: spec::Notice,
    /// All that was taken of what the peer has told.
    pub(crate) heard: spec::Notice,
    /// When whoever waits for frames looks again by itself, if that is known and ever.
    looks_at: Option<std::time::Instant>,
}

/// One channel, shared by its sender, its receiver or inbox, and the link.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) name: Arc<str>,
    pub(crate) inbound: Mutex<Inbound>,
    /// A message arrived, or no more will.
    pub(crate) readable: Notify,
    /// There may be room, or the channel was closed.
    pub(crate) writable: Notify,
    /// Held by the one sender that waits for room; tokio's lock is first come, first served.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Senders that hold the turn or wait for it.
    pub(crate) waiting: AtomicUsize,
    /// Who waits for a message of its queue.
    pub(crate) readers: Readers,
    /// Messages that the peer's application never took, once it has stopped.
    pub(crate) untaken: AtomicU64,
    /// What it has done, once it is over and the machine has forgotten it.
    pub(crate) released: OnceLock<ChannelCounters>,
}

#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) sink: Sink,
    /// What was received of its queue.
    pub(crate) received: Received,
    /// Nothing more arrives.
    pub(crate) ended: bool,
}

impl Channel {
    fn new(id: ChannelId, name: Arc<str>) -> Self {
        Self {
            id,
            name,
            inbound: Mutex::new(Inbound {
                sink: Sink::Queue(VecDeque::new()),
                received: Received::default(),
                ended: false,
            }),
            readable: Notify::new(),
            writable: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            waiting: AtomicUsize::new(0),
            readers: Readers::default(),
            untaken: AtomicU64::new(0),
            released: OnceLock::new(),
        }
    }

    /// Whether a sender waits for room.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    pub(crate) fn inbound(&self) -> MutexGuard<'_, Inbound> {
        lock(&self.inbound)
    }

    /// Nothing more arrives; the caller wakes those who wait for it.
    fn end_inbound(&self) {
        let mut inbound = self.inbound();
        if !std::mem::replace(&mut inbound.ended, true) {
            inbound.sink.end();
        }
    }
}

impl Inbound {
    fn push(&mut self, data: Bytes) -> Pushed {
        match &self.sink {
            // The receiver was closed and has not gone yet.
            Sink::Queue(_) if self.ended => Pushed::Further,
            _ => self.sink.push(data),
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Does something to the machine, then tells everyone what came of it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let (answer, is_due) = self.with_but_frames(act);
        // While no frame can be made, as when too many are in flight, nobody needs to look.
        if is_due {
            self.frames.notify_waiters();
        }
        answer
    }

    /// The same without a word to those who wait for frames; answers whether they are to look.
    fn with_but_frames<T>(&self, act: impl FnOnce(&mut State) -> T) -> (T, bool) {
        let (answer, wakes, is_due) = {
            let mut state = self.lock();
            let answer = act(&mut state);
            let wakes = state.drain();
            (answer, wakes, state.is_news())
        };
        wakes.wake(self);
        (answer, is_due)
    }

    /// The application took messages of a channel.
    pub(crate) fn take(&self, channel: ChannelId, messages: u64, bytes: u64) {
        let is_due = {
            let mut state = self.lock();
            state.end.take(channel, messages, bytes);
            state.is_news()
        };
        if is_due {
            self.frames.notify_waiters();
        }
    }
}

/// Somebody waits for frames and has said until when. Dropped, that is not known any more.
#[derive(Debug)]
struct Watch<'a> {
    shared: &'a Shared,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.shared.lock().looks_at = None;
    }
}

impl Shared {
    /// Whoever asks is about to wait for frames, and looks again at this time at the latest.
    fn watch(&self, state: &mut State, at: Option<std::time::Instant>) -> Watch<'_> {
        state.looks_at = at;
        Watch { shared: self }
    }
}

impl State {
    /// Whether whoever waits for frames must be told: there is a frame now, or the machine wants to
    /// be asked sooner than it will be. While a link is busy its next deadline moves with every
    /// frame that arrives, and is hardly ever sooner.
    fn is_news(&self) -> bool {
        let is_sooner = |due| self.looks_at.is_none_or(|at| due < at);
        self.end.has_frame() || self.end.poll_timeout().is_some_and(is_sooner)
    }

    /// Performs the machine's outputs, except for the wake-ups.
    fn drain(&mut self) -> Wakes {
        let mut wakes = Wakes::default();
        while let Some(output) = self.end.poll_output() {
            match output {
                Output::Linked { peer } => debug!(peer, "link is up"),
                Output::Told { notice } => {
                    self.notice = Some(notice);
                    wakes.news = true;
                }
                Output::Offered { channel, name } => {
                    let offered = Arc::new(Channel::new(channel, name));
                    self.channels.insert(channel, offered);
                }
                Output::Message { channel, data } => {
                    let Some(found) = self.channels.get(&channel) else {
                        continue;
                    };
                    match found.inbound().push(data) {
                        Pushed::First => wakes.readable.push(Arc::clone(found)),
                        Pushed::Further => {}
                        Pushed::Unwanted => self.end.stop(channel),
                    }
                }
                Output::Closed { channel } => {
                    if let Some(found) = self.channels.get(&channel) {
                        found.end_inbound();
                        wakes.readable.push(Arc::clone(found));
                    }
                }
                Output::Stopped { channel, untaken } => {
                    if let Some(found) = self.channels.get(&channel) {
                        found.untaken.store(untaken, Ordering::Relaxed);
                        wakes.writable.push(Arc::clone(found));
                    }
                }
                Output::Writable { channel } => {
                    if let Some(found) = self.channels.get(&channel) {
                        wakes.writable.push(Arc::clone(found));
                    }
                }
                Output::Released { channel, counters } => {
                    if let Some(released) = self.channels.remove(&channel) {
                        // It is released once.
                        let _ = released.released.set(counters);
                    }
                }
            }
        }
        wakes
    }
}

/// What became of a message that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is the only one in its queue: someone may wait for it.
    First,
    /// There are others before it, or the inbox has woken its reader.
    Further,
    /// Nobody will take it.
    Unwanted,
}

/// Who is to be woken once the locks are released.
#[derive(Debug, Default)]
#[must_use]
struct Wakes {
    readable: Vec<Arc<Channel>>,
    writable: Vec<Arc<Channel>>,
    news: bool,
}

impl Wakes {
    fn wake(self, shared: &Shared) {
        if self.news {
            shared.news.notify_waiters();
        }
        for channel in self.readable {
            channel.readable.notify_waiters();
        }
        for channel in self.writable {
            channel.writable.notify_waiters();
        }
    }
}

/// The time, as the machine counts it; it can be paused by tests.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Locks, whatever a panic elsewhere has done: the data stays consistent between calls.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
