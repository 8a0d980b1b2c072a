//! One end of a link: the machine between an application with channels and a transport of frames.
//!
//! ```text
//!   scheduler: Listening ──┐ first frame of the peer            ┌─► Broken (the peer broke a rule)
//!                          ├────────────────────────► Linked ───┤
//!   executor:  Greeting ───┘                                    └─► Shut   (`shut`)
//!                └─ greets until answered, ever more rarely
//! ```
//!
//! - *Listening* and *Greeting*: the peer's incarnation is not known. Channels can be opened and
//!   filled up to the window of this end's own configuration; nothing of it goes out.
//! - *Linked*: everything else happens here. It stays so however long the peer is silent.
//! - *Broken*, *Shut*: nothing goes in or out any more.
//!
//! What a greeting or any other frame says is in [`wire`]; sending again is in `flight`,
//! ordering and acknowledging in `arrivals`, windows and close in `channel`.

pub(crate) mod frame;
mod records;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;

use crate::arrivals::{Arrival, Arrivals, Arrived};
use crate::config::{Config, FRAME_BYTES_MAX, NAME_BYTES_MAX, Role, Window};
use crate::counters::{ChannelCounters, Counters};
use crate::error::{FrameError, OpenError, SendError, Violation};
use crate::flight::{Acknowledgement, Flight};
use crate::rtt::RoundTrip;
use crate::table::Table;
use crate::wire::{self, Frame};

/// A channel at one end. The peer has another number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(u32);

impl ChannelId {
    /// The channel of the two ends themselves: always open, never closed.
    pub const CONTROL: Self = Self(wire::CONTROL);
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The peer is known from now on. Once in the life of a link.
    Linked {
        /// The peer's incarnation.
        peer: u64,
    },
    /// The peer opened a channel that is not open here. It can be opened by its name; what arrives
    /// until then is already given.
    Offered {
        /// The channel, as [`LinkEnd::open`] will answer it.
        channel: ChannelId,
        /// Its name.
        name: Arc<str>,
    },
    /// A message. It counts against the window until [`LinkEnd::take`].
    Message {
        /// The channel.
        channel: ChannelId,
        /// Its bytes.
        data: Bytes,
    },
    /// The peer closed its stream; all its messages were given before.
    Closed {
        /// The channel.
        channel: ChannelId,
    },
    /// The peer's application takes nothing more; sending is over.
    Stopped {
        /// The channel.
        channel: ChannelId,
        /// How many messages it never took.
        untaken: u64,
    },
    /// The channel was full and has room again.
    Writable {
        /// The channel.
        channel: ChannelId,
    },
    /// Both streams are over; nothing more will be said about the channel.
    Released {
        /// The channel.
        channel: ChannelId,
    },
}

/// Messages of a channel that a link, when it was shut, had taken and not seen acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The channel.
    pub channel: ChannelId,
    /// Its name; empty for the control channel.
    pub name: Arc<str>,
    /// So many messages, at least 1.
    pub messages: u64,
}

/// One end of a link.
///
/// Three families of methods, to be called in any order by one caller at a time:
///
/// - the application's verbs: [`open`](Self::open), [`send`](Self::send), [`take`](Self::take),
///   [`close`](Self::close), [`stop`](Self::stop), [`shut`](Self::shut);
/// - [`handle_frame`](Self::handle_frame) for what arrives;
/// - [`poll_output`](Self::poll_output) and [`poll_frame`](Self::poll_frame) for what goes out.
///
/// The drain rule: after each call of another method, call `poll_output` until it answers `None`.
/// Call `poll_frame` whenever the transport can take a frame, until it answers `None`; then again
/// after the next verb or `handle_frame` if [`has_frame`](Self::has_frame), and at the time of
/// [`poll_timeout`](Self::poll_timeout). A frame is made when it is asked for: while the transport
/// is busy, messages gather, and the next frame carries them all; while it is idle, the first
/// message goes at once.
///
/// `now` must not go back from one call to the next.
#[derive(Debug)]
pub struct LinkEnd {
    incarnation: u64,
    config: Config,
    state: State,
    flight: Flight,
    arrivals: Arrivals,
    table: Table,
    /// Channels that have something to send, each once; they take turns.
    ready: VecDeque<u32>,
    outputs: VecDeque<Output>,
    counters: Counters,
}

#[derive(Debug)]
enum State {
    Listening,
    Greeting {
        next_at: Option<Instant>,
        backoff: RoundTrip,
    },
    Linked {
        peer: u64,
        /// The smaller one of both ends'.
        window: Window,
    },
    Broken(Violation),
    Shut,
}

impl LinkEnd {
    /// An end of a link. `incarnation` must differ from that of every earlier life of this end.
    pub fn new(role: Role, incarnation: u64, config: Config) -> Self {
        let config = config.within_bounds();
        Self {
            incarnation,
            state: match role {
                Role::Scheduler => State::Listening,
                Role::Executor => State::Greeting {
                    next_at: None,
                    backoff: RoundTrip::new(),
                },
            },
            flight: Flight::new(config.frames_in_flight_max),
            arrivals: Arrivals::new(),
            table: Table::new(),
            ready: VecDeque::new(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            config,
        }
    }

    /// Opens a channel by its name, or takes the one of that name that the peer has opened.
    ///
    /// # Errors
    /// When the name is not valid or still in use, there are too many channels, or the link is
    /// shut.
    pub fn open(&mut self, name: &str) -> Result<ChannelId, OpenError> {
        if matches!(self.state, State::Shut | State::Broken(_)) {
            return Err(OpenError::Shut);
        }
        if !is_name(name) {
            return Err(OpenError::Name { bytes: name.len() });
        }
        let is_open = |number: &&u32| self.table.get(**number).is_some_and(|it| it.is_open);
        let named = self.table.named(name);
        let number = match named.iter().find(|number| !is_open(number)) {
            Some(number) => *number,
            None => {
                let in_use = named.last().and_then(|number| self.table.get(*number));
                if in_use.is_some_and(|channel| !channel.sending.is_closed()) {
                    return Err(OpenError::AlreadyOpen(name.to_owned()));
                }
                self.table.insert(name).ok_or(OpenError::TooMany)?
            }
        };
        if let Some(channel) = self.table.get_mut(number) {
            channel.is_open = true;
        }
        self.schedule(number);
        Ok(ChannelId(number))
    }

    /// Takes a message for a channel.
    ///
    /// # Errors
    /// When the channel is full, not open or closed, or the message is too large. Nothing was taken
    /// then.
    pub fn send(&mut self, channel: ChannelId, message: Bytes) -> Result<(), SendError> {
        let window = self.window().ok_or(SendError::Closed)?;
        let bytes = message.len() as u64;
        let found = self.table.get_mut(channel.0);
        let found = found.filter(|found| found.is_open);
        let found = found.ok_or(SendError::Closed)?;
        match found.sending.accept(message, window) {
            Ok(()) => {
                self.counters.messages_sent += 1;
                self.counters.bytes_sent += bytes;
                self.schedule(channel.0);
                Ok(())
            }
            Err(error) => {
                self.counters.stalls += u64::from(error == SendError::Full);
                Err(error)
            }
        }
    }

    /// Whether [`send`](Self::send) would take a message now. If not, and the channel is not
    /// closed, [`Output::Writable`] follows.
    pub fn poll_writable(&mut self, channel: ChannelId) -> bool {
        self.window()
            .zip(self.table.get_mut(channel.0))
            .is_some_and(|(window, channel)| channel.sending.poll_room(window))
    }

    /// Whether nothing can be sent on a channel any more.
    pub fn is_closed(&self, channel: ChannelId) -> bool {
        self.window().is_none()
            || self
                .table
                .get(channel.0)
                .is_none_or(|channel| channel.sending.is_closed())
    }

    /// Closes the outgoing stream of a channel; what was sent before still arrives. The control
    /// channel stays open.
    pub fn close(&mut self, channel: ChannelId) {
        if channel == ChannelId::CONTROL {
            return;
        }
        if let Some(found) = self.table.get_mut(channel.0)
            && found.is_open
        {
            found.sending.close();
            self.schedule(channel.0);
        }
    }

    /// The application has taken so many more of the messages that were given; their room in the
    /// window is free again.
    pub fn take(&mut self, channel: ChannelId, messages: u64, bytes: u64) {
        if let Some(found) = self.table.get_mut(channel.0) {
            found.receiving.take(messages, bytes);
            self.schedule(channel.0);
        }
    }

    /// The application takes nothing more: the peer's senders end, what arrives is dropped. The
    /// control channel cannot be stopped.
    pub fn stop(&mut self, channel: ChannelId) {
        if channel == ChannelId::CONTROL {
            return;
        }
        if let Some(found) = self.table.get_mut(channel.0) {
            found.receiving.stop();
            self.schedule(channel.0);
        }
    }

    /// Ends the link: the peer is gone for good. Answers what it never acknowledged, by channel
    /// in the order of opening; nothing on a second call.
    pub fn shut(&mut self) -> Vec<Undelivered> {
        if self.is_shut() {
            return Vec::new();
        }
        self.state = State::Shut;
        let mut undelivered: Vec<_> = self
            .table
            .iter()
            .filter(|(_, channel)| channel.sending.undelivered() > 0)
            .map(|(number, channel)| Undelivered {
                channel: ChannelId(number),
                name: Arc::clone(&channel.name),
                messages: channel.sending.undelivered(),
            })
            .collect();
        undelivered.sort_by_key(|it| it.channel);
        undelivered
    }

    /// Whether the link has been shut.
    pub fn is_shut(&self) -> bool {
        matches!(self.state, State::Shut)
    }

    /// Whether the peer has acknowledged everything, closes among it. Looks at every channel.
    pub fn is_flushed(&self) -> bool {
        // A channel that waits for room over there is not ready, but has messages.
        let mut channels = self.table.iter();
        self.flight.is_empty()
            && self.ready.is_empty()
            && channels.all(|(_, channel)| channel.sending.undelivered() == 0)
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        Counters {
            round_trip: self.flight.round_trip().smoothed(),
            ..self.counters
        }
    }

    /// What has been done so far on a channel, until it is released.
    pub fn channel_counters(&self, channel: ChannelId) -> Option<ChannelCounters> {
        self.table.get(channel.0).map(|channel| channel.counters())
    }

    /// A frame has arrived.
    ///
    /// # Errors
    /// When it is not of this link, or the peer broke a rule; see [`FrameError`] for what to do.
    /// It never panics, whatever the bytes are.
    pub fn handle_frame(&mut self, now: Instant, bytes: Bytes) -> Result<(), FrameError> {
        match self.state {
            State::Broken(violation) => return Err(FrameError::Violation(violation)),
            State::Shut => return Err(FrameError::Shut),
            State::Listening | State::Greeting { .. } | State::Linked { .. } => {}
        }
        let frame_bytes = bytes.len();
        if frame_bytes > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge { bytes: frame_bytes });
        }
        let frame = Frame::decode(bytes).map_err(FrameError::Malformed)?;
        self.check_origin(&frame)?;
        self.counters.frames_received += 1;
        self.apply(now, frame, frame_bytes).map_err(|violation| {
            self.state = State::Broken(violation);
            FrameError::Violation(violation)
        })
    }

    /// What the application is to be told next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether [`poll_frame`](Self::poll_frame) has a frame whatever the time is.
    pub fn has_frame(&self) -> bool {
        match &self.state {
            State::Listening | State::Broken(_) | State::Shut => false,
            State::Greeting { next_at, .. } => next_at.is_none(),
            State::Linked { .. } => {
                self.arrivals.is_ack_due_now()
                    || self.flight.has_lost()
                    || !self.ready.is_empty() && self.flight.has_room()
            }
        }
    }

    /// The next frame for the transport, if there is any now.
    pub fn poll_frame(&mut self, now: Instant) -> Option<Bytes> {
        let frame = match &mut self.state {
            State::Listening | State::Broken(_) | State::Shut => None,
            State::Greeting { next_at, backoff } => {
                if next_at.is_some_and(|next_at| now < next_at) {
                    return None;
                }
                *next_at = Some(now + backoff.resend_after());
                backoff.back_off();
                Some(self.encode(now, 0, Vec::new()))
            }
            State::Linked { window, .. } => {
                let window = *window;
                self.poll_resend(now)
                    .or_else(|| self.poll_data(now, window))
                    .or_else(|| self.poll_acknowledgement(now))
            }
        };
        self.counters.frames_sent += u64::from(frame.is_some());
        frame
    }

    /// When to call [`poll_frame`](Self::poll_frame) again if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Listening | State::Broken(_) | State::Shut => None,
            State::Greeting { next_at, .. } => *next_at,
            State::Linked { .. } => {
                let timeouts = [self.flight.poll_timeout(), self.arrivals.poll_timeout()];
                timeouts.into_iter().flatten().min()
            }
        }
    }

    /// Whether a frame is from our peer and for us.
    fn check_origin(&self, frame: &Frame) -> Result<(), FrameError> {
        if frame.version != wire::VERSION {
            let found = frame.version;
            return Err(FrameError::Version { found });
        }
        if let Some(found) = frame.to.filter(|to| *to != self.incarnation) {
            let expected = self.incarnation;
            return Err(FrameError::OtherIncarnation { found, expected });
        }
        match self.state {
            State::Linked { peer: expected, .. } if frame.from != expected => {
                let found = frame.from;
                Err(FrameError::OtherIncarnation { found, expected })
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, now: Instant, frame: Frame, frame_bytes: usize) -> Result<(), Violation> {
        if frame.to.is_none() && frame.sequence > 0 {
            return Err(Violation::SequencedGreeting(frame.sequence));
        }
        if !matches!(self.state, State::Linked { .. }) {
            self.link(&frame)?;
        }
        // A greeting is answered at once, a repeated one too: the answer may have been lost.
        if frame.to.is_none() {
            self.arrivals.ack_now();
        }
        let acknowledgement = Acknowledgement {
            acknowledged: frame.acknowledged,
            held: frame.held,
            delay: Duration::from_micros(frame.ack_delay_us.into()),
        };
        for carried in self.flight.acknowledge(now, acknowledgement)? {
            if let Some(channel) = self.table.get_mut(carried.channel) {
                channel.sending.acknowledge(carried.messages);
                self.release_if_over(carried.channel);
            }
        }
        if frame.sequence == 0 {
            return Ok(());
        }
        let arrived = Arrived {
            records: frame.records,
            frame_bytes,
        };
        let arrival = self
            .arrivals
            .handle(now, frame.sequence, frame.ack_wanted, arrived)?;
        self.counters.frames_duplicated += u64::from(arrival == Arrival::Duplicate);
        while let Some(arrived) = self.arrivals.next() {
            for record in arrived.records {
                self.apply_record(record, arrived.frame_bytes)?;
            }
        }
        Ok(())
    }

    /// The first frame of the peer: from now on it is known.
    fn link(&mut self, frame: &Frame) -> Result<(), Violation> {
        if frame.window_messages == 0 || frame.window_bytes == 0 {
            return Err(Violation::ZeroWindow);
        }
        let window = Window {
            messages: self.config.window.messages.min(frame.window_messages),
            bytes: self.config.window.bytes.min(frame.window_bytes),
        };
        let peer = frame.from;
        self.state = State::Linked { peer, window };
        self.outputs.push_back(Output::Linked { peer });
        let mut writable = Vec::new();
        for (number, channel) in self.table.iter_mut() {
            if channel.sending.end_shortage(window) {
                writable.push(ChannelId(number));
            }
        }
        writable.sort();
        let outputs = writable
            .into_iter()
            .map(|channel| Output::Writable { channel });
        self.outputs.extend(outputs);
        Ok(())
    }

    /// The window of each direction of each channel: the smaller one of both ends', or our own
    /// until the other is known. `None`: nothing goes in or out any more.
    fn window(&self) -> Option<Window> {
        match self.state {
            State::Listening | State::Greeting { .. } => Some(self.config.window),
            State::Linked { window, .. } => Some(window),
            State::Broken(_) | State::Shut => None,
        }
    }

    /// Puts a channel in the queue of those that have something to send, if it has.
    fn schedule(&mut self, number: u32) {
        let Some(window) = self.window() else {
            return;
        };
        if let Some(channel) = self.table.get_mut(number)
            && !channel.is_ready
            && channel.has_work(window)
        {
            channel.is_ready = true;
            self.ready.push_back(number);
        }
    }

    fn release_if_over(&mut self, number: u32) {
        if self.table.get(number).is_some_and(|it| it.is_over()) {
            self.table.remove(number);
            let channel = ChannelId(number);
            self.outputs.push_back(Output::Released { channel });
        }
    }
}

/// Whether a text can name a channel.
fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
}
