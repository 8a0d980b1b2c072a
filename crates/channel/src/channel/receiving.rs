//! The incoming stream of a channel: what has arrived, what the application took, what the peer
//! was told of it.

use bytes::{Bytes, BytesMut};

use super::Amount;
use crate::config::{MESSAGE_BYTES_MAX, Window};
use crate::end::frame::FrameBuilder;
use crate::error::Violation;
use crate::wire::{Credit, Kind, Piece, Stop};

/// The incoming stream.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
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
    stop: StopNews,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum ReceivingPhase {
    Open,
    Stopped,
    Closed,
}

/// Whether the peer hears that the application takes nothing more. It hears it once: of a second
/// count it could not tell what the first had in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum StopNews {
    None,
    Due,
    Told,
}

/// The pieces of a message so far.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Partial {
    total_bytes: usize,
    data: BytesMut,
}

impl Receiving {
    pub(super) fn new() -> Self {
        Self {
            phase: ReceivingPhase::Open,
            peer: None,
            partial: None,
            begun: Amount::default(),
            taken: Amount::default(),
            credited: Amount::default(),
            stop: StopNews::None,
        }
    }

    /// Whether the peer has closed it.
    pub(super) fn is_over(&self) -> bool {
        self.phase == ReceivingPhase::Closed && self.stop != StopNews::Due
    }

    pub(super) fn begun(&self) -> Amount {
        self.begun
    }

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
        // The close may have overtaken our stop: the peer still wants to know what was not taken.
        if self.stop == StopNews::Due && !self.is_count_due() {
            self.stop = StopNews::None;
        }
        Ok(was == ReceivingPhase::Open)
    }

    /// The application has taken so much more.
    pub(crate) fn take(&mut self, messages: u64, bytes: u64) {
        self.taken.messages = (self.taken.messages + messages).min(self.begun.messages);
        self.taken.bytes = (self.taken.bytes + bytes).min(self.begun.bytes);
    }

    /// The application takes nothing more.
    pub(crate) fn stop(&mut self) {
        match self.phase {
            ReceivingPhase::Open => {
                self.phase = ReceivingPhase::Stopped;
                self.stop = StopNews::Due;
            }
            // A peer that has closed counts what was never taken all the same.
            ReceivingPhase::Closed if self.stop == StopNews::None && self.is_count_due() => {
                self.stop = StopNews::Due;
            }
            ReceivingPhase::Closed | ReceivingPhase::Stopped => {}
        }
    }

    /// Whether the peer does not know yet that all was taken. If it is not told before this end
    /// goes, it counts as undelivered what was.
    fn is_count_due(&self) -> bool {
        self.credited.messages < self.begun.messages
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

    /// Whether the peer may send nothing more before the application has taken something.
    pub(super) fn is_full(&self, window: Window) -> bool {
        self.phase == ReceivingPhase::Open && !self.begun.is_within(self.taken, window)
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

    pub(super) fn has_record(&self, window: Window) -> bool {
        self.peer.is_some() && (self.stop == StopNews::Due || self.is_credit_due(window))
    }

    /// Puts what is due in a frame; answers false if there is no room.
    pub(super) fn fill(&mut self, window: Window, frame: &mut FrameBuilder) -> bool {
        let Some(channel) = self.peer else {
            return true;
        };
        if self.stop == StopNews::Due {
            let messages = self.taken.messages;
            let fitted = frame.push(Kind::Stop(Stop { channel, messages }), 0);
            if fitted {
                self.stop = StopNews::Told;
            }
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
            frame.note_credited(messages - self.credited.messages);
            self.credited = self.taken;
        }
        fitted
    }
}
