//! What the records of a frame do, in order.

use std::sync::Arc;

use bytes::Bytes;

use super::{ChannelId, LinkEnd, Output, is_name};
use crate::channel::Amount;
use crate::error::Violation;
use crate::wire::{Close, Credit, Data, Kind, Open, Piece, Record, Stop};

/// A message that is smaller than this part of its frame is copied out of it. Otherwise one small
/// message that nobody takes would keep a whole frame in memory; so it is four times its size at
/// most.
const FRAME_PART_KEPT: usize = 4;

impl LinkEnd {
    pub(super) fn apply_record(
        &mut self,
        record: Record,
        frame_bytes: usize,
    ) -> Result<(), Violation> {
        match record.kind.ok_or(Violation::UnknownRecord)? {
            Kind::Open(open) => self.apply_open(&open),
            Kind::Data(data) => self.apply_data(data, frame_bytes),
            Kind::Piece(piece) => self.apply_piece(&piece),
            Kind::Close(close) => self.apply_close(close),
            Kind::Credit(credit) => self.apply_credit(credit),
            Kind::Stop(stop) => self.apply_stop(stop),
        }
    }

    fn apply_open(&mut self, open: &Open) -> Result<(), Violation> {
        if !is_name(&open.name) {
            let bytes = open.name.len();
            return Err(Violation::Name { bytes });
        }
        if self.table.number_of_peer(open.channel).is_some() {
            return Err(Violation::OpenedTwice(open.channel));
        }
        // The oldest of that name which the peer has not opened: the n-th here is the n-th there.
        let is_bound = |number: u32| {
            let channel = self.table.get(number);
            channel.is_some_and(|channel| channel.receiving.peer.is_some())
        };
        let waiting = self.table.named(&open.name).iter().copied();
        if let Some(number) = waiting.into_iter().find(|number| !is_bound(*number)) {
            self.table.bind(number, open.channel);
            // It may have been stopped before it had a number.
            self.schedule(number);
            return Ok(());
        }
        let number = self.table.insert(&open.name);
        let number = number.ok_or(Violation::TooManyChannels)?;
        self.table.bind(number, open.channel);
        self.outputs.push_back(Output::Offered {
            channel: ChannelId(number),
            name: Arc::from(open.name.as_str()),
        });
        Ok(())
    }

    fn apply_data(&mut self, data: Data, frame_bytes: usize) -> Result<(), Violation> {
        let number = self.known(data.channel)?;
        let window = self.window();
        let Some((channel, window)) = self.table.get_mut(number).zip(window) else {
            return Ok(());
        };
        for message in data.messages {
            let bytes = message.len();
            let wanted = channel
                .receiving
                .handle_message(data.channel, bytes, window)?;
            self.counters.messages_received += 1;
            self.counters.bytes_received += bytes as u64;
            if wanted {
                self.outputs.push_back(Output::Message {
                    channel: ChannelId(number),
                    data: detach(message, frame_bytes),
                });
            }
        }
        Ok(())
    }

    fn apply_piece(&mut self, piece: &Piece) -> Result<(), Violation> {
        let number = self.known(piece.channel)?;
        let window = self.window();
        let Some((channel, window)) = self.table.get_mut(number).zip(window) else {
            return Ok(());
        };
        if let Some(data) = channel.receiving.handle_piece(piece, window)? {
            self.counters.messages_received += 1;
            self.counters.bytes_received += data.len() as u64;
            let channel = ChannelId(number);
            self.outputs.push_back(Output::Message { channel, data });
        }
        Ok(())
    }

    fn apply_close(&mut self, close: Close) -> Result<(), Violation> {
        let number = self.known(close.channel)?;
        let channel = ChannelId(number);
        if channel == ChannelId::CONTROL {
            return Err(Violation::UnknownChannel(close.channel));
        }
        let Some(found) = self.table.get_mut(number) else {
            return Ok(());
        };
        if found.receiving.handle_close(close.channel)? {
            self.outputs.push_back(Output::Closed { channel });
        }
        self.table.unbind(close.channel);
        self.release_if_over(number);
        Ok(())
    }

    fn apply_credit(&mut self, credit: Credit) -> Result<(), Violation> {
        self.check_given(credit.channel)?;
        let window = self.window();
        // The peer may not have heard yet that the channel is over.
        let Some((found, window)) = self.table.get_mut(credit.channel).zip(window) else {
            return Ok(());
        };
        let taken = Amount {
            messages: credit.messages,
            bytes: credit.bytes,
        };
        let sending = &mut found.sending;
        if sending.handle_credit(credit.channel, taken, window)? {
            let channel = ChannelId(credit.channel);
            self.outputs.push_back(Output::Writable { channel });
        }
        self.schedule(credit.channel);
        Ok(())
    }

    fn apply_stop(&mut self, stop: Stop) -> Result<(), Violation> {
        self.check_given(stop.channel)?;
        if stop.channel == ChannelId::CONTROL.0 {
            return Err(Violation::UnknownChannel(stop.channel));
        }
        let Some(found) = self.table.get_mut(stop.channel) else {
            return Ok(());
        };
        let untaken = found.sending.handle_stop(stop.channel, stop.messages)?;
        let channel = ChannelId(stop.channel);
        self.outputs.push_back(Output::Stopped { channel, untaken });
        self.schedule(stop.channel);
        Ok(())
    }

    /// Our number of a channel on which the peer sends.
    fn known(&self, peer: u32) -> Result<u32, Violation> {
        let number = self.table.number_of_peer(peer);
        number.ok_or(Violation::UnknownChannel(peer))
    }

    /// Refuses our number of a channel that never was.
    fn check_given(&self, number: u32) -> Result<(), Violation> {
        match self.table.was_given(number) {
            true => Ok(()),
            false => Err(Violation::UnknownChannel(number)),
        }
    }
}

/// A message that does not keep a frame in memory that is much larger.
fn detach(message: Bytes, frame_bytes: usize) -> Bytes {
    match message.len() < frame_bytes / FRAME_PART_KEPT {
        true => Bytes::copy_from_slice(&message),
        false => message,
    }
}
