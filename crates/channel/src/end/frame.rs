//! Fills one frame with records, up to a limit in bytes.
//!
//! Sizes are counted a little too high instead of exactly: every record is charged the most that
//! its framing can take.

use bytes::Bytes;

use crate::flight::Carried;
use crate::wire::{Data, Kind, Record};

/// The most that the header of a frame takes: eleven fields of at most 11 bytes each.
const HEADER_BYTES_MAX: usize = 121;

/// The most that a record takes beside its name or data: two lengths and tags (12), a channel (6)
/// and two counts (22).
const RECORD_BYTES_MAX: usize = 40;

/// The most that a message takes beside its data: a tag, and the length in four bytes.
const MESSAGE_FRAMING_BYTES_MAX: usize = 5;

/// A frame in the making.
#[derive(Debug)]
pub(crate) struct FrameBuilder {
    records: Vec<Record>,
    carried: Vec<Carried>,
    credited: u64,
    capacity: usize,
    room: usize,
}

impl FrameBuilder {
    /// A frame of at most so many bytes, header included.
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        let capacity = frame_bytes_max - HEADER_BYTES_MAX;
        Self {
            records: Vec::new(),
            carried: Vec::new(),
            credited: 0,
            capacity,
            room: capacity,
        }
    }

    /// What was put in: the records, and the messages they complete.
    pub(crate) fn into_parts(self) -> (Vec<Record>, Vec<Carried>) {
        (self.records, self.carried)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Messages that it completes, and those that it gives credit for.
    pub(crate) fn messages(&self) -> u64 {
        let carried = self.carried.iter().map(|carried| carried.messages);
        self.credited + carried.sum::<u64>()
    }

    /// Bytes left.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Puts in a record with so many bytes of name or data; answers false if it has no room.
    pub(crate) fn push(&mut self, kind: Kind, bytes: usize) -> bool {
        let Some(room) = self.room.checked_sub(RECORD_BYTES_MAX + bytes) else {
            return false;
        };
        self.room = room;
        self.records.push(Record::from(kind));
        true
    }

    /// A record in it gives credit for so many messages.
    pub(crate) fn note_credited(&mut self, messages: u64) {
        self.credited += messages;
    }

    /// The largest message that goes whole into an otherwise empty frame. It waits for one
    /// instead of being cut, since cutting costs a copy over there.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.capacity - RECORD_BYTES_MAX - MESSAGE_FRAMING_BYTES_MAX
    }

    pub(crate) fn has_room_for_message(&self, channel: u32, bytes: usize) -> bool {
        let record = match self.last_data(channel) {
            true => 0,
            false => RECORD_BYTES_MAX,
        };
        record + MESSAGE_FRAMING_BYTES_MAX + bytes <= self.room
    }

    /// Puts in a whole message that has room.
    pub(crate) fn push_message(&mut self, channel: u32, message: Bytes) {
        self.room -= MESSAGE_FRAMING_BYTES_MAX + message.len();
        self.note_completed(channel);
        if let Some(Record {
            kind: Some(Kind::Data(data)),
        }) = self.records.last_mut()
            && data.channel == channel
        {
            data.messages.push(message);
            return;
        }
        self.room -= RECORD_BYTES_MAX;
        let messages = vec![message];
        self.records
            .push(Record::from(Kind::Data(Data { channel, messages })));
    }

    /// How much of a piece of `wanted` bytes goes in; `None` if so little that it should wait for
    /// the next frame.
    pub(crate) fn piece_bytes(&self, wanted: usize) -> Option<usize> {
        let room = self.room.checked_sub(RECORD_BYTES_MAX)?;
        let least = wanted.min(self.capacity / 8);
        (room >= least.max(1)).then_some(wanted.min(room))
    }

    /// A message of the channel is complete with this frame.
    pub(crate) fn note_completed(&mut self, channel: u32) {
        match self.carried.last_mut() {
            Some(carried) if carried.channel == channel => carried.messages += 1,
            _ => self.carried.push(Carried {
                channel,
                messages: 1,
            }),
        }
    }

    fn last_data(&self, channel: u32) -> bool {
        matches!(
            self.records.last(),
            Some(Record { kind: Some(Kind::Data(data)) }) if data.channel == channel
        )
    }
}
