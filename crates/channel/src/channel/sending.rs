//! The outgoing stream of a channel: what was accepted, what is in frames, what room is left.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Amount, Turn};
use crate::config::{MESSAGE_BYTES_MAX, Window};
use crate::end::frame::FrameBuilder;
use crate::error::{SendError, Violation};
use crate::wire::{Close, Kind, Piece};

/// How much data one channel puts in a frame before the others have their turn. A quarter of a
/// frame by default: enough to fill frames cheaply, and a large message delays others by no more.
const TURN_BYTES: usize = 64 << 10;

/// Room for so many messages is kept for an idle channel: what a conversation needs.
const QUEUE_KEPT: usize = 4;

/// The outgoing stream.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Sending {
    phase: SendingPhase,
    /// The peer has been told the number.
    pub(super) is_announced: bool,
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
    /// The peer's application takes nothing more, and what it never took has been told.
    is_stopped: bool,
    /// A message was refused since the channel had room.
    starved: bool,
    stalls: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum SendingPhase {
    Open,
    Closing,
    Closed,
}

impl Sending {
    pub(super) fn new() -> Self {
        Self {
            phase: SendingPhase::Open,
            is_announced: false,
            queue: VecDeque::new(),
            front_sent: 0,
            accepted: Amount::default(),
            begun: Amount::default(),
            acknowledged: 0,
            taken: Amount::default(),
            is_stopped: false,
            starved: false,
            stalls: 0,
        }
    }

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

    pub(super) fn has_room(&self, window: Window) -> bool {
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

    /// Messages accepted that the peer's application has not taken, as far as is known; those that
    /// a stop has told of are left out.
    ///
    /// A peer acknowledges what has reached its process: if that dies, the application never sees
    /// what waited there. Nothing is known of what it took since the last credit that came, so the
    /// count may be too large, though never more than a window; it is never too small.
    pub(crate) fn undelivered(&self) -> u64 {
        match self.is_stopped {
            true => 0,
            false => self.accepted.messages - self.taken.messages,
        }
    }

    /// Whether the peer's link has all messages.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.accepted.messages == self.acknowledged
    }

    /// The peer's link has so many messages more.
    pub(crate) fn acknowledge(&mut self, messages: u64) {
        self.acknowledged += messages;
        // A burst is over; a thousand idle channels should not keep the room for it.
        if self.is_acknowledged() && self.queue.capacity() > QUEUE_KEPT {
            self.queue = VecDeque::new();
        }
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
        self.is_stopped = true;
        self.close();
        Ok(untaken)
    }

    /// Whether everything, the close included, is in frames, and all data acknowledged.
    pub(super) fn is_over(&self) -> bool {
        self.phase == SendingPhase::Closed && self.is_acknowledged()
    }

    pub(super) fn accepted(&self) -> Amount {
        self.accepted
    }

    pub(super) fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Whether there is something for a frame.
    pub(super) fn has_record(&self, window: Window) -> bool {
        self.can_continue(window) || self.is_close_due()
    }

    fn is_close_due(&self) -> bool {
        self.phase == SendingPhase::Closing && self.queue.is_empty()
    }

    /// Whether there is data that the peer's window has room for.
    fn can_continue(&self, window: Window) -> bool {
        !self.queue.is_empty() && (self.front_sent > 0 || self.begun.is_within(self.taken, window))
    }

    pub(super) fn fill(&mut self, number: u32, window: Window, frame: &mut FrameBuilder) -> Turn {
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
        if self.is_close_due() {
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
