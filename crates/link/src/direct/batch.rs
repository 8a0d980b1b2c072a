//! Frames that are written with one call.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut as _, Bytes, BytesMut};

/// Frames with their lengths, to be written one after the other.
///
/// Small frames are copied next to each other, large ones are written from where they are: so
/// what waits takes no second place in memory, and a hundred small frames are one piece.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: VecDeque<Bytes>,
    /// The piece that still grows; it comes after the others.
    small: BytesMut,
    bytes: usize,
}

impl Batch {
    /// Appends a frame.
    pub(super) fn push(&mut self, frame: Bytes) {
        let length = u32::try_from(frame.len()).expect("a link makes no frame of 4 GiB");
        self.bytes += LENGTH_BYTES + frame.len();
        self.small.put_u32(length);
        if frame.len() <= COPIED_BYTES_MAX {
            self.small.put_slice(&frame);
        } else {
            self.pieces.push_back(self.small.split().freeze());
            self.pieces.push_back(frame);
        }
    }

    /// Nothing more is appended until all is written.
    pub(super) fn seal(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push_back(self.small.split().freeze());
        }
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.pieces.iter();
        slices
            .iter_mut()
            .zip(pieces)
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        while count > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let taken = count.min(piece.len());
            piece.advance(taken);
            count -= taken;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

/// How the length before each frame is written: big endian.
pub(super) const LENGTH_BYTES: usize = 4;

/// Up to this size copying a frame is cheaper than a piece of its own: 8 KiB, about a microsecond.
const COPIED_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_with_their_lengths() {
        let sizes = [
            1,
            0,
            COPIED_BYTES_MAX,
            COPIED_BYTES_MAX + 1,
            5,
            100_000,
            100_000,
        ];
        let mut expected = Vec::new();
        let mut batch = Batch::default();
        for (number, size) in sizes.into_iter().enumerate() {
            let frame = vec![number as u8; size];
            expected.extend((size as u32).to_be_bytes());
            expected.extend(&frame);
            batch.push(frame.into());
        }
        batch.seal();
        assert_eq!(batch.remaining(), expected.len());
        let mut written: Vec<u8> = Vec::new();
        while batch.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 3];
            let count = batch.chunks_vectored(&mut slices);
            assert!(count > 0 && !slices[0].is_empty());
            let joined: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            // Partial writes cut pieces anywhere.
            let taken = joined.len().min(70_001);
            written.extend(&joined[..taken]);
            batch.advance(taken);
        }
        assert_eq!(written, expected);
        assert_eq!(batch.chunk(), b"");
    }
}
