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
//! ordering and acknowledging in `arrivals`, what is told outside the order in `notices`, windows
//! and close in `channel`, what streams of small messages cost in `pace`.

pub(crate) mod frame;
mod output;
mod receive;
mod records;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

pub use self::output::{ChannelId, Output, Undelivered};
use crate::arrivals::Arrivals;
use crate::channel::Channel;
use crate::config::{Config, NAME_BYTES_MAX, NOTICE_BYTES_MAX, Path, Role, Window};
use crate::counters::{ChannelCounters, ChannelState, Counters};
use crate::error::{OpenError, SendError, TellError, Violation};
use crate::flight::Flight;
use crate::notices::Notices;
use crate::pace::Pace;
use crate::rtt::RoundTrip;
use crate::table::Table;
use crate::wire;

/// One end of a link.
///
/// Three families of methods, to be called in any order by one caller at a time:
///
/// - verbs: [`open`](Self::open), [`send`](Self::send), [`take`](Self::take),
///   [`close`](Self::close), [`stop`](Self::stop) for the application, and
///   [`move_to`](Self::move_to), [`tell`](Self::tell), [`shut`](Self::shut) for whoever knows the
///   transport;
/// - [`handle_frame`](Self::handle_frame) for what arrives;
/// - [`poll_output`](Self::poll_output) and [`poll_frame`](Self::poll_frame) for what goes out.
///
/// The drain rule: after each call of another method, call `poll_output` until it answers `None`.
/// Call `poll_frame` whenever the transport can take a frame, until it answers `None`; then again
/// after the next verb or `handle_frame` if [`has_frame`](Self::has_frame), and at the time of
/// [`poll_timeout`](Self::poll_timeout). A frame is made when it is asked for: while the transport
/// is busy, messages gather, and the next frame carries them all; while it is idle, the first
/// message goes at once. On [`Path::Messages`], which each frame costs a call, a stream of small
/// messages gathers for some 2 ms even so.
///
/// `now` must not go back from one call to the next.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct LinkEnd {
    incarnation: u64,
    config: Config,
    state: State,
    path: Path,
    /// Of the frames on framework messages.
    pace: Pace,
    flight: Flight,
    arrivals: Arrivals,
    notices: Notices,
    table: Table,
    /// Channels that have something to send, each once; they take turns, the control channel
    /// always first.
    ready: VecDeque<u32>,
    outputs: VecDeque<Output>,
    counters: Counters,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
enum State {
    Listening,
    Greeting {
        next_at: Option<Instant>,
        backoff: RoundTrip,
        greeted: Greeted,
    },
    Linked {
        peer: u64,
        /// The smaller one of both ends'.
        window: Window,
    },
    Broken(Violation),
    Shut,
}

/// How often an end has greeted. The answer to the only greeting tells the first round trip.
#[derive(Debug, Clone, Copy)]
enum Greeted {
    Never,
    Once(Instant),
    Again,
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
                    greeted: Greeted::Never,
                },
            },
            path: Path::Messages,
            pace: Pace::default(),
            flight: Flight::new(config.frames_in_flight_max),
            arrivals: Arrivals::new(),
            notices: Notices::default(),
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
                schedule(&mut self.ready, channel.0, found, window);
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
        let window = self.window();
        if let Some((found, window)) = self.table.get_mut(channel.0).zip(window) {
            found.receiving.take(messages, bytes);
            schedule(&mut self.ready, channel.0, found, window);
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

    /// Tells the peer something beside the channels, over whatever path there is: a notice, which
    /// waits for no frame before it.
    ///
    /// It is how things are now: it replaces what was told before, which the peer may then never
    /// see. It is told again until the peer has seen it, and gives [`Output::Told`] there once.
    ///
    /// # Errors
    /// When it is too large, or the link is shut.
    pub fn tell(&mut self, notice: Bytes) -> Result<(), TellError> {
        if matches!(self.state, State::Shut | State::Broken(_)) {
            return Err(TellError::Shut);
        }
        if notice.len() > NOTICE_BYTES_MAX {
            let bytes = notice.len();
            return Err(TellError::TooLarge { bytes });
        }
        self.notices.tell(notice);
        Ok(())
    }

    /// Frames take this path from now on; a new connection, if it is the same path again.
    ///
    /// What is in flight may be lost with the old path, so it is sent again at once; the peer
    /// drops what it has already. Both ends move, each at its own time, and frames that are late
    /// on the old path are still welcome.
    pub fn move_to(&mut self, now: Instant, path: Path) {
        self.path = path;
        self.pace = Pace::default();
        self.notices.start_anew();
        self.counters.moves += 1;
        match &mut self.state {
            State::Greeting {
                next_at, backoff, ..
            } => {
                *next_at = None;
                *backoff = RoundTrip::new();
            }
            State::Listening | State::Linked { .. } | State::Broken(_) | State::Shut => {}
        }
        self.flight
            .start_anew(now, path, self.frames_in_flight_max());
    }

    /// The path that frames take.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Ends the link: the peer is gone for good. Answers what its application has not taken as far
    /// as is known, by channel in the order of opening; nothing on a second call. [`Undelivered`]
    /// says what is known.
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
        let window = self.window();
        let has_work = |channel: &Channel| window.is_none_or(|window| channel.has_work(window));
        // A channel that waits for room over there has no work, but has messages; and one that is
        // ready may have no work any more.
        let mut channels = self.table.iter();
        self.flight.is_empty()
            && channels.all(|(_, channel)| {
                channel.sending.is_acknowledged() && !(channel.is_ready && has_work(channel))
            })
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

    /// How a channel is now. On one that is released, or of a link that is shut, nothing is on its
    /// way.
    pub fn channel_state(&self, channel: ChannelId) -> ChannelState {
        let found = self.table.get(channel.0).zip(self.window());
        match found {
            Some((found, window)) => found.state(window),
            None => ChannelState {
                window: self.window().unwrap_or(self.config.window),
                undelivered: 0,
                is_full: false,
                is_closed: true,
                is_peer_full: false,
            },
        }
    }

    /// What the application is to be told next.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > OUTPUTS_KEPT {
            self.outputs = VecDeque::new();
        }
        output
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
        let window = self.window();
        if let Some((channel, window)) = self.table.get_mut(number).zip(window) {
            schedule(&mut self.ready, number, channel, window);
        }
    }

    fn release_if_over(&mut self, number: u32) {
        let over = self.table.get(number).filter(|it| it.is_over());
        if let Some(counters) = over.map(|it| it.counters()) {
            self.table.remove(number);
            let channel = ChannelId(number);
            self.outputs
                .push_back(Output::Released { channel, counters });
        }
    }
}

fn schedule(ready: &mut VecDeque<u32>, number: u32, channel: &mut Channel, window: Window) {
    if !channel.is_ready && channel.has_work(window) {
        channel.is_ready = true;
        queue(ready, number);
    }
}

/// The control channel does not wait for its turn: what the ends say to each other is little, and
/// may be what the others wait for.
fn queue(ready: &mut VecDeque<u32>, number: u32) {
    match number {
        wire::CONTROL => ready.push_front(number),
        _ => ready.push_back(number),
    }
}

/// Room for so many outputs is kept; one full frame of small messages makes ten thousand.
const OUTPUTS_KEPT: usize = 1024;

/// Whether a text can name a channel.
fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
}

#[cfg(test)]
mod fingerprint;
