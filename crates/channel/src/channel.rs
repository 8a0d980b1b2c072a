//! One channel of a link: two one-way streams that close each on its own.
//!
//! ```text
//! sending:    Open ──close()──► Closing ──data sent──► Closed
//!              └──────peer stops──────┘
//! receiving:  Open ──stop()──► Stopped ──┐
//!              └─────peer closes─────────┴──► Closed
//! ```
//!
//! All counts run from the opening of the channel and never fall, so that a record about them can
//! be repeated without harm.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::config::{MESSAGE_BYTES_MAX, Window};
use crate::counters::ChannelCounters;
use crate::end::frame::FrameBuilder;
use crate::error::{SendError, Violation};
use crate::wire::{Close, Credit, Kind, Open, Piece, Stop};

/// How much data one channel puts in a frame before the others have their turn. A quarter of a
/// frame by default: enough to fill frames cheaply, and a large message delays others by no more.
const TURN_BYTES: usize = 64 << 10;

/// One channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: Arc<str>,
    /// The application here has opened it.
    pub(crate) is_open: bool,
    /// It is in the queue of channels that have something to send.
    pub(crate) is_ready: bool,
    pub(crate) sending: Sending,
    pub(crate) receiving: Receiving,
}

/// The outgoing stream.
#[derive(Debug)]
pub(crate) struct Sending {
    phase: SendingPhase,
    /// The peer has been told the number.
    announced: bool,
    /// Accepted and not yet wholly in frames.
    queue: VecDeque<Bytes>,
    /// Bytes of the first message in the queue that are in frames.
    front_sent: usize,
    /// Messages accepted, those in the queue among them.
    accepted: Amount,
    /// Messages of which at least the first piece is in a frame.
    begun: Amount,
    /// Messages that the peer's link acknowledged.
    acknowledged: u64,
    /// What the peer's application has taken, as far as is known.
    taken: Amount,
    /// A message was refused since the channel had room.
    starved: bool,
    stalls: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SendingPhase {
    Open,
    Closing,
    Closed,
}

/// The incoming stream.
#[derive(Debug)]
pub(crate) struct Receiving {
    phase: ReceivingPhase,
    /// The number that the peer gave the channel, once it has.
    pub(crate) peer: Option<u32>,
    partial: Option<Partial>,
    /// Messages of which at least the first piece has arrived.
    begun: Amount,
    /// What the application here has taken.
    taken: Amount,
    /// What the peer was told of it.
    credited: Amount,
    stop_due: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReceivingPhase {
    Open,
    Stopped,
    Closed,
}

/// The pieces of a message so far.
#[derive(Debug)]
struct Partial {
    total_bytes: usize,
    data: BytesMut,
}

/// Messages and their bytes since the channel was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// How a channel's turn to fill a frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is nothing more to send for now.
    Done,
    /// There is more, but it is the others' turn.
    More,
    /// There is more, but the frame has no room for it.
    NoRoom,
}

impl Channel {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            is_open: false,
            is_ready: false,
            sending: Sending {
                phase: SendingPhase::Open,
                announced: false,
                queue: VecDeque::new(),
                front_sent: 0,
                accepted: Amount::default(),
                begun: Amount::default(),
                acknowledged: 0,
                taken: Amount::default(),
                starved: false,
                stalls: 0,
            },
            receiving: Receiving {
                phase: ReceivingPhase::Open,
                peer: None,
                partial: None,
                begun: Amount::default(),
                taken: Amount::default(),
                credited: Amount::default(),
                stop_due: false,
            },
        }
    }

    /// The control channel: both ends know it from the start.
    pub(crate) fn control(number: u32) -> Self {
        let mut channel = Self::new(Arc::from(""));
        channel.is_open = true;
        channel.sending.announced = true;
        channel.receiving.peer = Some(number);
        channel
    }

    /// Whether nothing more can happen on it.
    pub(crate) fn is_over(&self) -> bool {
        self.is_open
            && self.receiving.phase == ReceivingPhase::Closed
            && self.sending.phase == SendingPhase::Closed
            && self.sending.undelivered() == 0
    }

    /// Whether a turn would put anything in a frame. `here`: the window granted to the peer,
    /// `there`: the one that the peer granted.
    pub(crate) fn has_work(&self, here: Window, there: Window) -> bool {
        !self.sending.announced && self.is_open
            || self.receiving.has_record(here)
            || self.sending.can_continue(there)
            || self.sending.phase == SendingPhase::Closing && self.sending.queue.is_empty()
    }

    /// Fills a frame with what there is, as far as room, window and fairness allow.
    pub(crate) fn fill(
        &mut self,
        number: u32,
        here: Window,
        there: Window,
        frame: &mut FrameBuilder,
    ) -> Turn {
        // Nothing may name the number before it is announced.
        if !self.sending.announced && self.is_open {
            let open = Open {
                channel: number,
                name: String::from(&*self.name),
            };
            if !frame.push(Kind::Open(open), self.name.len()) {
                return Turn::NoRoom;
            }
            self.sending.announced = true;
        }
        if !self.receiving.fill(here, frame) {
            return Turn::NoRoom;
        }
        self.sending.fill(number, there, frame)
    }

    pub(crate) fn counters(&self) -> ChannelCounters {
        ChannelCounters {
            messages_sent: self.sending.accepted.messages,
            messages_received: self.receiving.begun.messages,
            bytes_sent: self.sending.accepted.bytes,
            bytes_received: self.receiving.begun.bytes,
            stalls: self.sending.stalls,
        }
    }
}

impl Sending {
    /// Takes a message from the application.
    pub(crate) fn accept(&mut self, message: Bytes, window: Window) -> Result<(), SendError> {
        if self.phase != SendingPhase::Open {
            return Err(SendError::Closed);
        }
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLarge);
        }
        if !self.poll_room(window) {
            self.stalls += 1;
            return Err(SendError::Full);
        }
        self.accepted.add(message.len());
        self.queue.push_back(message);
        Ok(())
    }

    /// Whether a message would be taken; if not, the end of the shortage will be told.
    pub(crate) fn poll_room(&mut self, window: Window) -> bool {
        let has_room = self.has_room(window);
        self.starved |= !has_room;
        has_room
    }

    fn has_room(&self, window: Window) -> bool {
        self.phase == SendingPhase::Open && self.accepted.is_within(self.taken, window)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase != SendingPhase::Open
    }

    pub(crate) fn close(&mut self) {
        if self.phase == SendingPhase::Open {
            self.phase = SendingPhase::Closing;
        }
    }

    /// Messages accepted and not acknowledged.
    pub(crate) fn undelivered(&self) -> u64 {
        self.accepted.messages - self.acknowledged
    }

    /// The peer's link has so many messages more.
    pub(crate) fn acknowledge(&mut self, messages: u64) {
        self.acknowledged += messages;
    }

    /// The peer's application has taken so much by now; answers whether that ends a shortage.
    pub(crate) fn handle_credit(
        &mut self,
        number: u32,
        taken: Amount,
        window: Window,
    ) -> Result<bool, Violation> {
        if taken.messages > self.begun.messages || taken.bytes > self.begun.bytes {
            return Err(Violation::CreditUnsent(number));
        }
        self.taken.messages = self.taken.messages.max(taken.messages);
        self.taken.bytes = self.taken.bytes.max(taken.bytes);
        Ok(self.end_shortage(window))
    }

    /// Whether a shortage is over: a message was refused, and now there is room.
    pub(crate) fn end_shortage(&mut self, window: Window) -> bool {
        let ended = self.starved && self.has_room(window);
        self.starved &= !ended;
        ended
    }

    /// The peer's application takes nothing more; answers how many messages it never took.
    pub(crate) fn handle_stop(&mut self, number: u32, taken: u64) -> Result<u64, Violation> {
        if taken > self.begun.messages {
            return Err(Violation::CreditUnsent(number));
        }
        let untaken = self.accepted.messages.saturating_sub(taken);
        let dropped: usize = self.queue.iter().map(Bytes::len).sum();
        self.accepted.messages -= self.queue.len() as u64;
        self.accepted.bytes -= dropped as u64;
        self.queue.clear();
        self.front_sent = 0;
        self.close();
        Ok(untaken)
    }

    /// Whether there is data that the peer's window has room for.
    fn can_continue(&self, window: Window) -> bool {
        !self.queue.is_empty() && (self.front_sent > 0 || self.begun.is_within(self.taken, window))
    }

    fn fill(&mut self, number: u32, window: Window, frame: &mut FrameBuilder) -> Turn {
        let mut turn_bytes = 0;
        while self.can_continue(window) {
            if turn_bytes >= TURN_BYTES {
                return Turn::More;
            }
            let filled = match self.front_sent {
                0 if self.queue[0].len() <= frame.message_bytes_max() => {
                    self.fill_whole(number, frame)
                }
                _ => self.fill_piece(number, frame),
            };
            match filled {
                Some(bytes) => turn_bytes += bytes,
                None => return Turn::NoRoom,
            }
        }
        if self.phase == SendingPhase::Closing && self.queue.is_empty() {
            if !frame.push(Kind::Close(Close { channel: number }), 0) {
                return Turn::NoRoom;
            }
            self.phase = SendingPhase::Closed;
        }
        Turn::Done
    }

    fn fill_whole(&mut self, number: u32, frame: &mut FrameBuilder) -> Option<usize> {
        let bytes = self.queue[0].len();
        if !frame.has_room_for_message(number, bytes) {
            return None;
        }
        let message = self.queue.pop_front()?;
        self.begun.add(bytes);
        frame.push_message(number, message);
        Some(bytes)
    }

    fn fill_piece(&mut self, number: u32, frame: &mut FrameBuilder) -> Option<usize> {
        let message = self.queue.front()?;
        let total_bytes = message.len();
        let wanted = (total_bytes - self.front_sent).min(TURN_BYTES);
        let bytes = frame.piece_bytes(wanted)?;
        let piece = Piece {
            channel: number,
            total_bytes: match self.front_sent {
                0 => total_bytes as u64,
                _ => 0,
            },
            data: message.slice(self.front_sent..self.front_sent + bytes),
        };
        if !frame.push(Kind::Piece(piece), bytes) {
            return None;
        }
        if self.front_sent == 0 {
            self.begun.add(total_bytes);
        }
        self.front_sent += bytes;
        if self.front_sent == total_bytes {
            self.queue.pop_front();
            self.front_sent = 0;
            frame.note_completed(number);
        }
        Some(bytes)
    }
}

impl Receiving {
    /// A whole message has arrived; answers whether it is for the application.
    pub(crate) fn handle_message(
        &mut self,
        number: u32,
        bytes: usize,
        window: Window,
    ) -> Result<bool, Violation> {
        if self.partial.is_some() {
            return Err(Violation::Pieces(number));
        }
        self.begin(number, bytes as u64, window)?;
        Ok(self.phase == ReceivingPhase::Open)
    }

    /// A piece has arrived; answers the message if it is whole and for the application.
    pub(crate) fn handle_piece(
        &mut self,
        piece: &Piece,
        window: Window,
    ) -> Result<Option<Bytes>, Violation> {
        let number = piece.channel;
        if self.partial.is_some() != (piece.total_bytes == 0) || piece.data.is_empty() {
            return Err(Violation::Pieces(number));
        }
        if self.partial.is_none() {
            self.begin(number, piece.total_bytes, window)?;
        }
        // What is announced is not reserved: memory grows only with what has really arrived.
        let mut partial = self.partial.take().unwrap_or_else(|| Partial {
            total_bytes: piece.total_bytes as usize,
            data: BytesMut::new(),
        });
        if partial.data.len() + piece.data.len() > partial.total_bytes {
            return Err(Violation::Pieces(number));
        }
        partial.data.extend_from_slice(&piece.data);
        if partial.data.len() < partial.total_bytes {
            self.partial = Some(partial);
            return Ok(None);
        }
        let message = partial.data.freeze();
        Ok((self.phase == ReceivingPhase::Open).then_some(message))
    }

    /// The peer sends nothing more; answers whether the application waits for that news.
    pub(crate) fn handle_close(&mut self, number: u32) -> Result<bool, Violation> {
        let was = std::mem::replace(&mut self.phase, ReceivingPhase::Closed);
        // A sender that is stopped in the middle of a message leaves it unfinished.
        if self.partial.take().is_some() && was == ReceivingPhase::Open {
            return Err(Violation::Pieces(number));
        }
        self.stop_due = false;
        Ok(was == ReceivingPhase::Open)
    }

    /// The application has taken so much more.
    pub(crate) fn take(&mut self, messages: u64, bytes: u64) {
        self.taken.messages = (self.taken.messages + messages).min(self.begun.messages);
        self.taken.bytes = (self.taken.bytes + bytes).min(self.begun.bytes);
    }

    /// The application takes nothing more.
    pub(crate) fn stop(&mut self) {
        if self.phase == ReceivingPhase::Open {
            self.phase = ReceivingPhase::Stopped;
            self.stop_due = true;
        }
    }

    fn begin(&mut self, number: u32, bytes: u64, window: Window) -> Result<(), Violation> {
        if bytes > MESSAGE_BYTES_MAX as u64 {
            return Err(Violation::MessageTooLarge {
                channel: number,
                bytes,
            });
        }
        if !self.begun.is_within(self.taken, window) {
            return Err(Violation::WindowExceeded(number));
        }
        self.begun.add(bytes as usize);
        Ok(())
    }

    /// Credit is worth a record when half a window is free: a sender is then never blocked by a
    /// window that is more than half empty, and a steady stream costs two records a window.
    fn is_credit_due(&self, window: Window) -> bool {
        let messages = self.taken.messages - self.credited.messages;
        let bytes = self.taken.bytes - self.credited.bytes;
        self.phase == ReceivingPhase::Open
            && (messages >= u64::from(window.messages.div_ceil(2))
                || bytes >= window.bytes.div_ceil(2))
    }

    fn has_record(&self, window: Window) -> bool {
        self.peer.is_some() && (self.stop_due || self.is_credit_due(window))
    }

    /// Puts what is due in a frame; answers false if there is no room.
    fn fill(&mut self, window: Window, frame: &mut FrameBuilder) -> bool {
        let Some(channel) = self.peer else {
            return true;
        };
        if self.stop_due {
            let messages = self.taken.messages;
            let fitted = frame.push(Kind::Stop(Stop { channel, messages }), 0);
            self.stop_due = !fitted;
            return fitted;
        }
        if !self.is_credit_due(window) {
            return true;
        }
        let Amount { messages, bytes } = self.taken;
        let credit = Credit {
            channel,
            messages,
            bytes,
        };
        let fitted = frame.push(Kind::Credit(credit), 0);
        if fitted {
            self.credited = self.taken;
        }
        fitted
    }
}

impl Amount {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// Whether one message more may follow when so much has been taken.
    fn is_within(self, taken: Self, window: Window) -> bool {
        self.messages.saturating_sub(taken.messages) < u64::from(window.messages)
            && self.bytes.saturating_sub(taken.bytes) < window.bytes
    }
}
